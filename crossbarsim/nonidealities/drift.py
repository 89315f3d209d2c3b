"""Conductances that drift by a power of time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self

from ..draws import Place
from ..netlists.errors import ParameterError
from .checks import choice, number
from .dependence import Logarithm, check_dependence, evaluate
from .fabricate import Fabricated
from .tensors import Values, clip, like, namespace

__all__ = ["ConductanceDrift", "within"]


@dataclass(frozen=True)
class ConductanceDrift:
    """Drift G = G0 (t / t_0)^-nu from the time t_0 on, nu another for every cell.

    No conductance leaves its cell's range from g_off to g_on by drift. Structural relaxation of
    phase-change memory: Ielmini et al., IEEE TED 54:308 (2007); preset "pcm_nandakumar_2019":
    mean and spread of nu against ln(G / g_max), nu = |N(mean, sigma)|, t_0 = 20 s, Nandakumar et
    al. 2019 as in IBM's aihwkit.

    Parameters
    ----------
    time : float
        Second since programming, >= 0.
    nu : float, or function of G / g_max
        Mean exponent, default 0.1.
    nu_sigma : float, or function of G / g_max
        Standard deviation from cell to cell, >= 0, default 0.
    t_0 : float
        Second after programming at which the conductances hold, > 0; default 1. Nothing drifts
        before.
    signed : bool
        Whether drawn exponents keep their sign, so that some cells drift up; default: their
        magnitude is taken.
    g_max : float, optional
        Siemens to which functions refer; default: the network's g_on.
    """

    time: float
    nu: Any = 0.1
    nu_sigma: Any = 0.0
    t_0: float = 1.0
    signed: bool = False
    g_max: float | None = None

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({
        "pcm_nandakumar_2019": {
            "nu": Logarithm(0.0244, -0.0155, 0.049, 0.1),
            "nu_sigma": Logarithm(-0.0059, -0.0125, 0.008, 0.045), "t_0": 20.0,
        },
    })

    def __post_init__(self) -> None:
        number("time", self.time, low=0.0, unit="second")
        check_dependence("nu", self.nu)
        check_dependence("nu_sigma", self.nu_sigma, low=0.0)
        number("t_0", self.t_0, low=0.0, open_low=True, unit="second")
        if not isinstance(self.signed, bool):
            raise ParameterError(f"`signed` must be True or False; got {self.signed!r}")
        if self.g_max is not None:
            number("g_max", self.g_max, low=0.0, open_low=True, unit="siemens")

    @classmethod
    def preset(cls, name: str, time: float, **changes: Any) -> Self:
        """Return the drift of a published technology at `time` second, with `changes`."""
        choice("name", name, tuple(cls.presets))
        return cls(**{"time": time, **cls.presets[name], **changes})

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) at `time`, siemens."""
        del temperature
        if self.time <= self.t_0:
            return G
        x = G / (fab.nominal[0] if self.g_max is None else self.g_max)
        nu, sigma = evaluate(self.nu, x), evaluate(self.nu_sigma, x)
        if callable(self.nu_sigma) or self.nu_sigma > 0:
            nu = nu + sigma * like(place.generator("drift").standard_normal(fab.shape), G)
            nu = nu if self.signed else abs(nu)
        log = math.log(self.time / self.t_0)
        xp = namespace(G)
        factor = xp.exp(-log * nu) if hasattr(nu, "shape") else math.exp(-log * nu)
        return within(G * factor, G, fab)


def within(aged: Values, before: Values, fab: Fabricated) -> Values:
    """Return aged conductances kept in their cells' ranges.

    A cell that was out of its range already goes no further out.
    """
    on, off = like(fab.g_on, before), like(fab.g_off, before)
    return clip(aged, clip(before, None, off), clip(before, on))
