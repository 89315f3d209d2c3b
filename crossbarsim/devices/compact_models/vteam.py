"""VTEAM: voltage-threshold adaptive memristor."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ...core.validation import Array
from ..base import Device
from ..parameters import Named, State, parameter
from ..windows import biolek, joglekar

__all__ = ["VTEAM"]


class VTEAM(Device):
    """VTEAM: dx/dt = k (v / v_th - 1)^alpha f(x) beyond a voltage threshold.

    Kvatinsky, Ramadan, Friedman and Kolodny, IEEE TCAS-II 62:786 (2015), eqs 2-6. x runs from
    0 (r_on) to d (r_off). Negative v SETs.

    Parameters
    ----------
    r_on, r_off : float
        Ohm at x = 0 and x = d.
    k_on, k_off : float
        Rates, m/s; k_on < 0 < k_off.
    alpha_on, alpha_off : float
        Exponents.
    v_on, v_off : float
        Thresholds, volt; v_on < 0 < v_off.
    d : float
        Range of the state, m.
    iv : {"linear", "exponential"}
        Resistance linear in x, or r_on (r_off / r_on)^(x / d).
    window : {"none", "team", "joglekar", "biolek", "fit"}
        "team": exp(-exp(+-(x - x_on/off) / w_c)); "fit": exp(-exp(x / (w_off d))) and
        exp(-exp((1 - x / d) / w_on)), of the fits to measured devices.
    p : float
        Exponent of Joglekar's and Biolek's windows.
    w_c, x_on, x_off : float
        Of the TEAM window, m.
    w_on, w_off : float
        Of the fits' window.

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM
    >>> device = VTEAM.preset("magic")
    >>> loop = device.hysteresis(2.0, 5e7)  # V, Hz
    >>> print(f"{loop.conductance.min():.2e} to {loop.conductance.max():.2e} S")
    3.33e-06 to 1.00e-03 S
    """

    name = "vteam"
    states = (State("x", "m", 0.0, "d", rest="d"),)
    r_on = parameter(50.0, "ohm", positive=True)
    r_off = parameter(1e3, "ohm", positive=True)
    k_on = parameter(-10.0, "m/s", high=0.0)
    k_off = parameter(5e-4, "m/s", low=0.0)
    alpha_on = parameter(3.0, positive=True)
    alpha_off = parameter(1.0, positive=True)
    v_on = parameter(-0.2, "V", high=-1e-12)
    v_off = parameter(0.02, "V", low=1e-12)
    d = parameter(3e-9, "m", positive=True)
    iv = parameter("linear", choices=("linear", "exponential"))
    window = parameter("none", choices=("none", "team", "joglekar", "biolek", "fit"))
    p = parameter(1.0, positive=True)
    w_c = parameter(107e-12, "m", positive=True)
    x_on = parameter(1.8e-9, "m")
    x_off = parameter(1.2e-9, "m")
    w_on = parameter(1.0, positive=True)
    w_off = parameter(1.0, positive=True)
    acts_with: ClassVar[dict[str, tuple[str, tuple[str, ...]]]] = {
        "p": ("window", ("joglekar", "biolek")),
        **dict.fromkeys(("w_c", "x_on", "x_off"), ("window", ("team",))),
        **dict.fromkeys(("w_on", "w_off"), ("window", ("fit",))),
    }
    usually_fitted: ClassVar[tuple[str, ...]] = (
        "r_on", "r_off", "k_on", "k_off", "alpha_on", "alpha_off", "v_on", "v_off",
    )
    sets: ClassVar[dict[str, dict[str, Any]]] = {
        "memtorch": {},
        "team_6353604": {},
        "magic": {"r_on": 1e3, "r_off": 300e3, "k_on": -216.2, "k_off": 0.091, "alpha_on": 4.0,
                  "alpha_off": 4.0, "v_on": -1.5, "v_off": 0.3},
        "tiox_1": {"r_on": 4850.0, "r_off": 6000.0, "k_on": -400.0, "k_off": 3100.0,
                   "v_on": -0.5, "v_off": 1.1, "alpha_on": 4.65, "alpha_off": 8.69, "d": 1.0,
                   "window": "fit", "w_on": 0.45, "w_off": 0.39},
        "taox_tio2": {"r_on": 0.9e6, "r_off": 4.2e6, "k_on": -1.3e-2, "k_off": 12.81,
                      "v_on": -2.0, "v_off": 2.0, "alpha_on": 14.75, "alpha_off": 5.0, "d": 1.0,
                      "window": "fit", "w_on": 0.39, "w_off": 0.44},
        "taox": {"r_on": 200.0, "r_off": 1000.0, "k_on": -5.29, "k_off": 6.73e4, "v_on": -0.6,
                 "v_off": 0.25, "alpha_on": 16.39, "alpha_off": 4.14, "d": 1.0, "window": "fit",
                 "w_on": 0.39, "w_off": 0.50},
    }
    _fits = "Messaris et al., IEEE TCAD 37:3151 (2018), Table IV, eq. 12; signs by the text"
    sources: ClassVar[dict[str, str]] = {
        "memtorch": "MemTorch's default parameters of its VTEAM model, as in its source",
        "team_6353604": "the parameters behind the figures of MemTorch's paper, same as memtorch",
        "magic": "Kvatinsky et al., IEEE TCAS-II 61:895 (2014); not checked against the paper",
        "tiox_1": _fits, "taox_tio2": _fits, "taox": _fits,
    }
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {
        "": (1.0, 1e7), "team_6353604": (1.0, 50e6), "magic": (2.0, 5e7), "tiox_1": (2.5, 1.0),
        "taox_tio2": (6.0, 1.0), "taox": (2.0, 1e4),
    }

    def ohmic_zone(self) -> tuple[Array, Array] | None:
        """Return the thresholds, volt: see `OhmicZone`; None of a subclass with laws of its own."""
        own = type(self)
        if own.current_law is not VTEAM.current_law or own.rate_law is not VTEAM.rate_law:
            return None
        pair = (self.v_on, self.v_off) if self.polarity > 0 else (-self.v_off, -self.v_on)
        return np.asarray(pair[0], dtype=np.float64), np.asarray(pair[1], dtype=np.float64)

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Eqs 4 and 6."""
        share = x.x / p.d
        if p.iv == "linear":
            r = p.r_on + (p.r_off - p.r_on) * share
        else:
            r = p.r_on * math.exp(share * math.log(p.r_off / p.r_on))
        return v / r

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Eq. 2."""
        share = x.x / p.d
        f = 1.0
        rate = 0.0
        if v > p.v_off:
            if p.window == "team":
                f = math.exp(-math.exp((x.x - p.x_off) / p.w_c))
            elif p.window == "fit":
                f = math.exp(-math.exp(share / p.w_off))
            elif p.window == "joglekar":
                f = joglekar(share, p.p)
            elif p.window == "biolek":
                f = biolek(share, i, p.p)
            rate = p.k_off * (v / p.v_off - 1.0) ** p.alpha_off * f
        elif v < p.v_on:
            if p.window == "team":
                f = math.exp(-math.exp((p.x_on - x.x) / p.w_c))
            elif p.window == "fit":
                f = math.exp(-math.exp((1.0 - share) / p.w_on))
            elif p.window == "joglekar":
                f = joglekar(share, p.p)
            elif p.window == "biolek":
                f = biolek(share, i, p.p)
            rate = p.k_on * (v / p.v_on - 1.0) ** p.alpha_on * f
        return rate
