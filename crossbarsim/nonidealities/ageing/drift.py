"""Drift of conductances with a power, or with the logarithm, of time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self

from ...core.array_api import Values, clip, like, namespace
from ...core.draws import Place
from ...core.settings import Settings
from ...core.validation import choice, flag, number
from ..fabricate import Fabricated
from ..variability.dependence import (
    Dependence,
    Logarithm,
    Piecewise,
    Polynomial,
    check_dependence,
    evaluate,
)

__all__ = ["ConductanceDrift", "LogarithmicDrift", "within"]


class _Drift(Settings):
    """What both laws share: from t_0 on, with functions of G / g_max, published as presets."""

    time: float
    t_0: float
    g_max: float | None
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]

    def _check(self) -> None:
        number("time", self.time, low=0.0, unit="second")
        number("t_0", self.t_0, low=0.0, open_low=True, unit="second")
        if self.g_max is not None:
            number("g_max", self.g_max, low=0.0, open_low=True, unit="siemens")

    @classmethod
    def preset(cls, name: str, time: float, **changes: Dependence | None) -> Self:
        """Return the drift of a published technology at `time` second, with `changes`.

        Raises
        ------
        ParameterError
            There is no such preset.
        """
        choice("name", name, tuple(cls.presets))
        return cls(**{"time": time, **cls.presets[name], **changes})

    def _largest(self, fab: Fabricated) -> float:
        """Return the conductance to which functions refer, siemens."""
        return fab.nominal[0] if self.g_max is None else self.g_max


@dataclass(frozen=True)
class ConductanceDrift(_Drift):
    """Power-law drift G = G0 (t / t_0)^-nu for t > t_0, with an exponent nu of each cell.

    No conductance leaves its cell's range from g_off to g_on by drift. Structural relaxation of
    phase-change memory: Ielmini et al., IEEE TED 54:308 (2007); preset "pcm_nandakumar_2019":
    mean and spread of nu against ln(G / g_max), nu = |N(mean, sigma)|, t_0 = 20 s, Nandakumar et
    al. 2019 as in IBM's aihwkit; preset "pcm_hermes_2023": the same of IBM's HERMES chip (Le Gallo
    et al., Nat. Electron. 6:680, 2023), t_0 = 300 s, by aihwkit's coefficients for two devices.

    Parameters
    ----------
    time : float
        Second since programming, >= 0.
    nu : float, or function of G / g_max
        Mean exponent, default 0.1.
    nu_sigma : float, or function of G / g_max
        Standard deviation from cell to cell, >= 0, default 0.
    t_0 : float
        Second after programming at which the conductances are the programmed ones, > 0; default
        1. Nothing drifts before.
    signed : bool
        Whether drawn exponents keep their sign, so that some cells drift up; default: their
        magnitude is taken.
    g_max : float, optional
        Siemens to which functions refer; default: the network's g_on.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import ConductanceDrift, NonIdealities, Place
    >>> effects = NonIdealities(drift=ConductanceDrift(time=1000.0, nu=0.05))
    >>> G = effects.chip(np.array([[0.2, 1.0]]), Place(7), g_on=1e-4, g_off=1e-6)
    >>> (G * 1e6).round(2)  # uS, of 20.8 and 100
    array([[14.73, 70.79]])
    """

    time: float
    nu: Dependence = 0.1
    nu_sigma: Dependence = 0.0
    t_0: float = 1.0
    signed: bool = False
    g_max: float | None = None

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({
        "pcm_nandakumar_2019": {
            "nu": Logarithm(0.0244, -0.0155, 0.049, 0.1),
            "nu_sigma": Logarithm(-0.0059, -0.0125, 0.008, 0.045), "t_0": 20.0,
        },
        "pcm_hermes_2023": {
            "nu": Piecewise(
                0.0945, Logarithm(-0.0182, -0.0387, 0.072, 0.13),
                Polynomial((0.0736, -0.0126, -0.0436)),
            ),
            "nu_sigma": Piecewise(
                0.3055, Logarithm(-0.0057, -0.0117, 0.0091, 0.04),
                Polynomial((0.0073, 0.0093, -0.0118)),
            ), "t_0": 300.0,
        },
    })

    def __post_init__(self) -> None:
        self._check()
        check_dependence("nu", self.nu)
        check_dependence("nu_sigma", self.nu_sigma, low=0.0)
        flag("signed", self.signed)

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) siemens at `time`, of those programmed, `G`."""
        del temperature
        if self.time <= self.t_0:
            return G
        x = G / self._largest(fab)
        nu, sigma = evaluate(self.nu, x), evaluate(self.nu_sigma, x)
        if callable(self.nu_sigma) or self.nu_sigma > 0:
            nu = nu + sigma * like(place.generator("drift").standard_normal(fab.shape), G)
            nu = nu if self.signed else abs(nu)
        log = math.log(self.time / self.t_0)
        xp = namespace(G)
        factor = xp.exp(-log * nu) if hasattr(nu, "shape") else math.exp(-log * nu)
        return within(G * factor, G, fab)


@dataclass(frozen=True)
class LogarithmicDrift(_Drift):
    """Logarithmic drift and spread of written states for t > t_0.

    G = G0 + g_max (shift ln(t / t_0) + (sigma_0 + sigma ln(t / t_0)) z).

    z is a standard normal number of each cell, the same at all times: written states of
    filamentary oxide cells spread and sink while they relax. No conductance leaves its cell's
    range from g_off to g_on by drift. Preset "cmo_hfox": CMO/HfOx devices of IBM Zurich, Falcone
    et al., by the coefficients of IBM's aihwkit, the same for all states; its sigma_0 of
    0.41 uS contains the error of writing, so give no `WriteNoise` beside it.

    Parameters
    ----------
    time : float
        Second since programming, >= 0.
    shift : float, or function of G / g_max
        Share of g_max per e-fold of time, negative downwards.
    sigma : float, or function of G / g_max
        Growth of the standard deviation, share of g_max per e-fold of time, >= 0.
    sigma_0 : float
        Standard deviation at t_0, share of g_max, >= 0, default 0.
    t_0 : float
        Second, > 0, default 1. Nothing drifts before.
    g_max : float, optional
        Siemens; default: the network's g_on.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import LogarithmicDrift, NonIdealities, Place
    >>> effects = NonIdealities(drift=LogarithmicDrift.preset("cmo_hfox", time=3600.0))
    >>> G = effects.chip(np.array([[0.2, 1.0]]), Place(7), g_on=1e-4, g_off=1e-6)
    >>> (G * 1e6).round(2)  # uS, of 20.8 and 100
    array([[19.5, 98.9]])
    """

    time: float
    shift: Dependence
    sigma: Dependence
    sigma_0: float = 0.0
    t_0: float = 1.0
    g_max: float | None = None

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({
        # microsiemens per e-fold over the largest state, 88.2 uS
        "cmo_hfox": {
            "shift": -0.08900206 / 88.2, "sigma": 0.04201137 / 88.2, "sigma_0": 0.41183342 / 88.2,
        },
    })

    def __post_init__(self) -> None:
        self._check()
        check_dependence("shift", self.shift)
        check_dependence("sigma", self.sigma, low=0.0)
        number("sigma_0", self.sigma_0, low=0.0)

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) siemens at `time`, of those programmed, `G`."""
        del temperature
        if self.time < self.t_0:
            return G
        largest = self._largest(fab)
        x, log = G / largest, math.log(self.time / self.t_0)
        spread = self.sigma_0 + log * evaluate(self.sigma, x)
        z = like(place.generator("logarithmic drift").standard_normal(fab.shape), G)
        change = largest * (log * evaluate(self.shift, x) + spread * z)
        return within(G + change, G, fab)


def within(aged: Values, before: Values, fab: Fabricated) -> Values:
    """Return aged conductances kept in their cells' ranges.

    A cell that was out of its range already goes no further out.
    """
    on, off = like(fab.g_on, before), like(fab.g_off, before)
    return clip(aged, clip(before, None, off), clip(before, on))
