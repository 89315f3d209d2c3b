"""1/f noise of the conductance of cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from ...core.array_api import Values, clip, namespace
from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import choice, number
from ..variability.dependence import Dependence, check_dependence, evaluate

__all__ = ["FlickerNoise", "StateNoise", "scaled"]


def scaled(
    amplitude: float, G: Values, reference: float, slope: float, limit: float
) -> Values:
    """Return min(amplitude (G / reference)^-slope, limit); the limit where G is 0."""
    if slope == 0.0:
        return namespace(G).zeros_like(G) + min(amplitude, limit)
    # below this the limit holds anyway, and a power of 0 has no derivative
    least = reference * (amplitude / limit) ** (1.0 / slope)
    return clip(amplitude * (clip(G, low=least) / reference) ** -slope, high=limit)


@dataclass(frozen=True)
class FlickerNoise(Settings):
    """Relative conductance noise with the spectrum S_G / G^2 = A(G) / f, from f_min to f_max.

    One read sees the variance A ln(f_max / f_min). Reads are drawn independently of each other;
    what is slower than f_min is drift, not noise. In filamentary cells the relative noise grows
    with the resistance, from 0.01 % to 1 % of the current (B. Santa et al., Nanoscale 11:4719,
    2019), in phase-change cells as in `phase_change`.

    Parameters
    ----------
    amplitude : float
        A at the conductance `reference`, > 0. The default makes 0.3 % rms over seven decades.
    f_min, f_max : float
        Hertz: the reciprocal of the time since the cell was written or calibrated, and the
        bandwidth of a read.
    reference : float
        Siemens.
    slope : float
        A is proportional to G^-slope, slope >= 0.
    limit : float
        Upper limit of A.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import FlickerNoise
    >>> noise = FlickerNoise(slope=0.5)
    >>> noise.sigma(np.array([1e-6, 1e-4])).round(4)  # relative
    array([0.0098, 0.0031])
    """

    amplitude: float = 6e-7
    f_min: float = 1.0
    f_max: float = 1e7
    reference: float = 1e-4
    slope: float = 0.0
    limit: float = 0.04

    def __post_init__(self) -> None:
        for name in ("amplitude", "f_min", "reference", "limit"):
            number(name, getattr(self, name), low=0.0, open_low=True)
        number("slope", self.slope, low=0.0)
        if number("f_max", self.f_max, unit="hertz") <= self.f_min:
            raise ParameterError(
                f"`f_max` = {self.f_max:g} Hz must be above `f_min` = {self.f_min:g} Hz"
            )

    @classmethod
    def phase_change(
        cls, g_max: float = 25e-6, time: float = 3600.0, t_read: float = 250e-9
    ) -> Self:
        """Return the noise of doped-GST phase-change cells a `time` after programming.

        A = Q^2, Q = min(0.0088 (G / g_max)^-0.65, 0.2), integrated over ln((time + t_read) /
        (2 t_read)): V. Joshi et al., Nat. Commun. 11:2473 (2020), and S. R. Nandakumar et al.,
        ICECS 727 (2019).
        """
        return cls(
            amplitude=0.0088**2, f_min=1.0 / (time + t_read), f_max=0.5 / t_read,
            reference=g_max, slope=1.3, limit=0.2**2,
        )

    def sigma(self, G: Values) -> Values:
        """Return the relative standard deviation of conductances G, siemens, in one read."""
        power = scaled(self.amplitude, G, self.reference, self.slope, self.limit)
        return (power * math.log(self.f_max / self.f_min)) ** 0.5


@dataclass(frozen=True)
class StateNoise(Settings):
    """Conductance noise of one read by the state, as it was measured: `ReadNoise.flicker`.

    Parameters
    ----------
    spread : float, or function of G / g_max
        Standard deviation in one read, >= 0, in the unit of `of`.
    of : {"target", "maximum"}
        A share of the conductance itself (default), or of g_max.
    g_max : float
        Siemens.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import ReadNoise, Saturation, StateNoise
    >>> noise = StateNoise(Saturation(0.01, 0.2), of="maximum", g_max=1e-5)
    >>> noise.sigma(np.array([1e-6, 1e-5])).round(4)  # relative
    array([0.0393, 0.0099])
    >>> reads = ReadNoise(flicker=noise)
    """

    spread: Dependence
    of: Literal["target", "maximum"] = "target"
    g_max: float = 1e-4

    def __post_init__(self) -> None:
        check_dependence("spread", self.spread, low=0.0)
        choice("of", self.of, ("target", "maximum"))
        number("g_max", self.g_max, low=0.0, open_low=True, unit="siemens")

    def sigma(self, G: Values) -> Values:
        """Return the relative standard deviation of conductances G, siemens, in one read."""
        x = clip(G / self.g_max, _LEAST)
        sigma = evaluate(self.spread, x)
        return sigma / x if self.of == "maximum" else sigma + 0.0 * x


_LEAST = 1e-9  # of g_max: what does not conduct has no relative noise
