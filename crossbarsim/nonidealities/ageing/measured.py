"""States measured at several times: how their means move and how far they spread."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

from ...core.array_api import Values, clip, like
from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import choice, finite_array, number
from ..fabricate import Fabricated
from ..variability.dependence import (
    Dependence,
    Polynomial,
    Saturation,
    check_dependence,
    evaluate,
)

__all__ = ["MeasuredDrift"]

_DAY = 86400.0
_SONOS = 1600.0  # nA of the largest state, of 1800 that the fit of drift covers
# of the drain current, nA, at 0 to 5 days: powers of the current, then size and scale of the spread
_SONOS_DAYS = (
    ((0.0,), 19.88665, 176.3115),
    ((1.72684e-01, 5.72552e-02, -6.85715e-04, 3.50271e-06, -9.37682e-09, 1.40575e-11,
      -1.19803e-14, 5.41293e-18, -8.85448e-22, -1.66869e-25, 5.95180e-29), 25.59102, 186.85544),
    ((2.50712e-01, 6.62195e-02, -6.83218e-04, 2.99442e-06, -6.78255e-09, 7.70482e-12,
      -3.04983e-15, -2.15919e-18, 2.94617e-21, -1.23359e-24, 1.85329e-28), 28.72753, 193.56834),
    ((-1.75300e-02, 9.76883e-02, -9.63791e-04, 4.55551e-06, -1.22391e-08, 1.93786e-11,
      -1.85899e-14, 1.07659e-17, -3.58211e-21, 5.96785e-25, -3.30410e-29), 31.04318, 198.90332),
    ((4.03338e-02, 1.03111e-01, -1.04740e-03, 4.83961e-06, -1.28132e-08, 1.99484e-11,
      -1.85139e-14, 1.00008e-17, -2.84944e-21, 3.01008e-25, 1.18747e-29), 33.76214, 204.77023),
    ((3.19927e-01, 1.06596e-01, -1.04054e-03, 4.50290e-06, -1.10352e-08, 1.56477e-11,
      -1.27592e-14, 5.45513e-18, -7.26841e-22, -2.43893e-25, 7.14608e-29), 34.57909, 207.34309),
)
_WAN_DAYS = (  # uS by powers of G / 40 uS, at 1 s, 1 day and 2 days
    (0.348, 16.03, -43.853, 45.393, -16.815), (0.701, 22.086, -50.773, 47.095, -16.458),
    (0.782, 20.274, -43.507, 37.062, -11.934),
)


@dataclass(frozen=True)
class MeasuredDrift(Settings):
    """Means and spreads of written states, measured at several times.

    G = G0 + g_max shift(x) + g_max sigma(x + shift(x)) z, x = G0 / g_max, z a standard normal
    number of each cell, the same at all times: the error of writing is part of it. Between the
    times both are interpolated. Conductances may leave their range but for 0 S.

    Parameters
    ----------
    time : float
        Second since programming, from the first of `times` to the last.
    times : sequence of float
        Second, rising, two or more.
    shifts, sigmas : sequences of float, or function of G / g_max
        Share of g_max at each of the times; sigmas >= 0.
    scale : {"linear", "log"}
        Whether values between two times are interpolated by the time or by its logarithm; default
        "linear".
    g_max : float, optional
        Siemens; default: the network's g_on.

    Raises
    ------
    ParameterError
        A value out of its range.

    Notes
    -----
    Presets: "sonos_agrawal_2022", 128 thousand 40-nm SONOS cells at 0 to 5 days (V. Agrawal et al.,
    IEDM 2022, 21.7, Fig. 10; by the coefficients of CrossSim), g_max standing for 1600 nA of its
    3200; "reram_wan_2022", HfOx cells of the chip NeuRRAM at 1 second, 1 and 2 days (W. Wan et
    al., Nature 608:504, 2022, by the coefficients of IBM's aihwkit; 40 uS).

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import MeasuredDrift, NonIdealities, Place
    >>> drift = MeasuredDrift(50.0, (0.0, 100.0), shifts=(0.0, -0.1), sigmas=(0.0, 0.0))
    >>> G = NonIdealities(drift=drift).chip(np.array([[0.2, 1.0]]), Place(7), 1e-4, 0.0)
    >>> (G * 1e6).round(2)  # uS
    array([[15., 95.]])
    """

    time: float
    times: Sequence[float]
    shifts: Sequence[Dependence]
    sigmas: Sequence[Dependence]
    scale: Literal["linear", "log"] = "linear"
    g_max: float | None = None

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({
        "sonos_agrawal_2022": {
            "times": tuple(_DAY * k for k in range(6)),
            "shifts": tuple(
                Polynomial(
                    tuple(c * _SONOS ** (k - 1) for k, c in enumerate(powers)), low=-math.inf)
                for powers, _, _ in _SONOS_DAYS
            ),
            "sigmas": tuple(
                Saturation(size / _SONOS, current / _SONOS) for _, size, current in _SONOS_DAYS
            ),
        },
        "reram_wan_2022": {
            "times": (1.0, _DAY, 2.0 * _DAY), "shifts": (0.0, 0.0, 0.0), "scale": "log",
            "sigmas": tuple(Polynomial(tuple(c / 40.0 for c in row)) for row in _WAN_DAYS),
        },
    })

    def __post_init__(self) -> None:
        times = finite_array("times", self.times)
        if times.ndim != 1 or len(times) < 2 or (times[1:] <= times[:-1]).any() or times[0] < 0:
            raise ParameterError("`times` must be two or more, >= 0 and rising, in seconds")
        choice("scale", self.scale, ("linear", "log"))
        if self.scale == "log" and times[0] == 0:
            raise ParameterError('`times` must be > 0 where `scale` is "log"')
        number("time", self.time, low=float(times[0]), high=float(times[-1]), unit="second")
        object.__setattr__(self, "times", tuple(map(float, times)))
        for name, low in (("shifts", -math.inf), ("sigmas", 0.0)):
            given = getattr(self, name)
            if not isinstance(given, Sequence) or len(given) != len(times):
                raise ParameterError(f"`{name}` must be {len(times)}, one for each of `times`")
            for one in given:
                check_dependence(name, one, low=low)
            object.__setattr__(self, name, tuple(given))
        if self.g_max is not None:
            number("g_max", self.g_max, low=0.0, open_low=True, unit="siemens")

    @classmethod
    def preset(cls, name: str, time: float, **changes: Any) -> Self:
        """Return the states of a published technology at `time` second, with `changes`.

        Raises
        ------
        ParameterError
            There is no such preset, or a time beyond what was measured.
        """
        choice("name", name, tuple(cls.presets))
        return cls(**{"time": time, **cls.presets[name], **changes})

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) siemens at `time`, of those programmed, `G`."""
        del temperature
        largest = fab.nominal[0] if self.g_max is None else self.g_max
        x = G / largest
        moved = x + self._at(self.shifts, x)
        z = like(place.generator("measured drift").standard_normal(fab.shape), G)
        return clip(largest * (moved + self._at(self.sigmas, clip(moved, 0.0)) * z), 0.0)

    def _at(self, laws: Sequence[Dependence], x: Values) -> Values:
        """Return the value of the laws at `time`, between those of two times."""
        k = max(1, next(i for i, t in enumerate(self.times) if t >= self.time))
        ends = self.times[k - 1], self.times[k], self.time
        if self.scale == "log":
            ends = math.log(ends[0]), math.log(ends[1]), math.log(ends[2])
        share = (ends[2] - ends[0]) / (ends[1] - ends[0])
        before, after = (evaluate(law, x) for law in (laws[k - 1], laws[k]))
        return (1.0 - share) * before + share * after
