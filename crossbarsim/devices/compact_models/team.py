"""TEAM: threshold adaptive memristor."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..base import Device
from ..parameters import Named, State, parameter

__all__ = ["TEAM"]


class TEAM(Device):
    """TEAM: dx/dt = k (i / i_th - 1)^alpha f(x) beyond a current threshold.

    Kvatinsky, Friedman, Kolodny and Weiser, IEEE TCAS-I 60:211 (2013), eqs 16-20. x runs from 0
    (r_on) to d (r_off). Negative v SETs.

    Parameters
    ----------
    r_on, r_off : float
        Ohm at x = 0 and x = d.
    k_on, k_off : float
        Rates, m/s; k_on < 0 < k_off.
    alpha_on, alpha_off : float
        Exponents.
    i_on, i_off : float
        Thresholds, ampere; i_on < 0 < i_off.
    d : float
        Range of the state, m.
    iv : {"linear", "exponential"}
        Resistance linear in x, or r_on (r_off / r_on)^(x / d).
    window : {"none", "team"}
        exp(-exp((x - x_off) / w_c)) when x grows, exp(-exp((x_on - x) / w_c)) when it shrinks.
    w_c, x_on, x_off : float
        Of the window, m.

    Examples
    --------
    >>> from crossbarsim.devices import TEAM
    >>> device = TEAM.preset("figure_10")
    >>> x = device.state_from_conductance(5e-3)
    >>> for volts in (0.02, 0.1):  # the threshold is 115 uA
    ...     print(f"{device.current(volts, x):.1e} A: {device.rate(volts, x)[0]:.1e} m/s")
    1.0e-04 A: 0.0e+00 m/s
    5.0e-04 A: 2.6e-04 m/s
    """

    name = "team"
    states = (State("x", "m", 0.0, "d", rest="d"),)
    r_on = parameter(50.0, "ohm", positive=True)
    r_off = parameter(1e3, "ohm", positive=True)
    k_on = parameter(-8e-13, "m/s", high=0.0)
    k_off = parameter(8e-13, "m/s", low=0.0)
    alpha_on = parameter(3.0, positive=True)
    alpha_off = parameter(3.0, positive=True)
    i_on = parameter(-1e-6, "A", high=-1e-30)
    i_off = parameter(1e-6, "A", low=1e-30)
    d = parameter(3e-9, "m", positive=True)
    iv = parameter("linear", choices=("linear", "exponential"))
    window = parameter("none", choices=("none", "team"))
    w_c = parameter(107e-12, "m", positive=True)
    x_on = parameter(1.8e-9, "m")
    x_off = parameter(1.2e-9, "m")
    acts_with: ClassVar[dict[str, tuple[str, tuple[str, ...]]]] = {
        **dict.fromkeys(("w_c", "x_on", "x_off"), ("window", ("team",))),
    }
    usually_fitted: ClassVar[tuple[str, ...]] = (
        "r_on", "r_off", "k_on", "k_off", "alpha_on", "alpha_off", "i_on", "i_off",
    )
    sets: ClassVar[dict[str, dict[str, Any]]] = {
        "technion": {},
        "figure_10": {"k_on": -4.68e-13, "k_off": 1.46e-9, "alpha_on": 10.0, "alpha_off": 10.0,
                      "i_on": -8.9e-6, "i_off": 115e-6, "r_on": 50.0, "r_off": 1e3},
    }
    sources: ClassVar[dict[str, str]] = {
        "technion": "defaults of the Technion Verilog-A models; current thresholds not published",
        "figure_10": "Kvatinsky et al. 2013, Fig. 10: fit to the Simmons tunnel barrier model",
    }
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (0.5, 2e4), "figure_10": (0.5, 1e6)}

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Eqs 18 and 20."""
        share = x.x / p.d
        if p.iv == "linear":
            r = p.r_on + (p.r_off - p.r_on) * share
        else:
            r = p.r_on * math.exp(share * math.log(p.r_off / p.r_on))
        return v / r

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Eq. 16."""
        rate = 0.0
        f = 1.0
        if i > p.i_off:
            if p.window == "team":
                f = math.exp(-math.exp((x.x - p.x_off) / p.w_c))
            rate = p.k_off * (i / p.i_off - 1.0) ** p.alpha_off * f
        elif i < p.i_on:
            if p.window == "team":
                f = math.exp(-math.exp((p.x_on - x.x) / p.w_c))
            rate = p.k_on * (i / p.i_on - 1.0) ** p.alpha_on * f
        return rate
