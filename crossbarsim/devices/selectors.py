"""Two-terminal selectors for 1S1R cells. All parameter values are generic: no card is published."""

from __future__ import annotations

import math
from typing import Any

from .base import Device
from .parameters import State, parameter

__all__ = ["ExponentialSelector", "MiecSelector", "ThresholdSelector"]


class ExponentialSelector(Device):
    """I = i_0 sinh(v / v_0).

    Parameters
    ----------
    i_0, v_0 : float
        Ampere, volt.
    """

    name = "exponential_selector"
    i_0 = parameter(1e-12, "A", positive=True)
    v_0 = parameter(0.05, "V", positive=True)

    @staticmethod
    def current_law(v: float, x: Any, p: Any) -> float:
        """Hyperbolic sine."""
        return p.i_0 * math.sinh(v / p.v_0)


class MiecSelector(Device):
    """Mixed ionic-electronic conduction: an exponential in series with a resistance.

    Parameters
    ----------
    i_0, v_0 : float
        Ampere, volt.
    r_s : float
        Ohm, which limits the current of the open selector.
    """

    name = "miec_selector"
    i_0 = parameter(1e-12, "A", positive=True)
    v_0 = parameter(0.035, "V", positive=True)
    r_s = parameter(1e3, "ohm", positive=True)

    @staticmethod
    def inner_law(v: float, x: Any, p: Any, y: float) -> float:
        """Junction and resistance together take v."""
        return y + p.r_s * p.i_0 * math.sinh(y / p.v_0) - v

    @staticmethod
    def current_law(v: float, x: Any, p: Any, y: float) -> float:
        """Through the junction."""
        return p.i_0 * math.sinh(y / p.v_0)


class ThresholdSelector(Device):
    """Ovonic threshold switch: turns on above v_th, off below v_hold, keeps its mode between.

    The state `on` is the mode, 0 or 1, which follows within `tau`; the conductance is
    g_off^(1 - on) g_on^on.

    Parameters
    ----------
    v_th, v_hold : float
        Volt, 0 < v_hold < v_th.
    g_off, g_on : float
        Siemens.
    tau : float
        Switching time, second.
    """

    name = "threshold_selector"
    states = (State("on"),)
    v_th = parameter(0.8, "V", positive=True)
    v_hold = parameter(0.3, "V", positive=True)
    g_off = parameter(1e-9, "S", positive=True)
    g_on = parameter(1e-3, "S", positive=True)
    tau = parameter(1e-9, "s", positive=True)

    @staticmethod
    def current_law(v: float, x: Any, p: Any) -> float:
        """Between the two conductances."""
        return v * p.g_off * math.exp(x.on * math.log(p.g_on / p.g_off))

    @staticmethod
    def rate_law(v: float, x: Any, p: Any, i: float) -> float:
        """Towards the mode that the voltage asks for."""
        goal = 1.0 if x.on > 0.5 else 0.0
        if abs(v) > p.v_th:
            goal = 1.0
        elif abs(v) < p.v_hold:
            goal = 0.0
        return (goal - x.on) / p.tau
