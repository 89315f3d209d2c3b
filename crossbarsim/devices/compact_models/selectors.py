"""Two-terminal selectors for 1S1R cells. All parameter values are generic: no card is published."""

from __future__ import annotations

import math
from typing import ClassVar

from ..base import Device
from ..parameters import Named, State, parameter

__all__ = ["ExponentialSelector", "MiecSelector", "ThresholdSelector"]


class ExponentialSelector(Device):
    """Selector with an exponential I-V, I = i_0 sinh(v / v_0); its values are generic.

    Parameters
    ----------
    i_0, v_0 : float
        Ampere, volt.

    Examples
    --------
    >>> from crossbarsim.devices import ExponentialSelector
    >>> selected, half_selected = ExponentialSelector(v_0=0.05).current([0.5, 0.25], [])
    >>> round(selected / half_selected)  # non-linearity of the V/2 scheme
    148
    """

    name = "exponential_selector"
    i_0 = parameter(1e-12, "A", positive=True)
    v_0 = parameter(0.05, "V", positive=True)
    usually_fitted: ClassVar[tuple[str, ...]] = ("i_0", "v_0")
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (0.5, 1e3)}

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Hyperbolic sine."""
        return p.i_0 * math.sinh(v / p.v_0)


class MiecSelector(Device):
    """Mixed ionic-electronic conduction: an exponential in series with a resistance.

    v = y + r_s I, I = i_0 sinh(y / v_0), y being the voltage across the junction. The values are
    generic.

    Parameters
    ----------
    i_0, v_0 : float
        Ampere, volt.
    r_s : float
        Ohm; limits the current of the selector when it conducts.

    Examples
    --------
    >>> from crossbarsim.devices import MiecSelector
    >>> currents = MiecSelector(r_s=1e3).current([0.5, 1.0], [])
    >>> (currents * 1e6).round(2)  # uA, the second one limited by r_s
    array([  0.78, 293.35])
    """

    name = "miec_selector"
    i_0 = parameter(1e-12, "A", positive=True)
    v_0 = parameter(0.035, "V", positive=True)
    r_s = parameter(1e3, "ohm", positive=True)
    usually_fitted: ClassVar[tuple[str, ...]] = ("i_0", "v_0", "r_s")
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (1.0, 1e3)}

    @staticmethod
    def inner_law(v: float, x: Named, p: Named, y: float) -> float:
        """Return the voltage balance of junction and resistance."""
        return y + p.r_s * p.i_0 * math.sinh(y / p.v_0) - v

    @staticmethod
    def current_law(v: float, x: Named, p: Named, y: float) -> float:
        """Return the current through the junction."""
        return p.i_0 * math.sinh(y / p.v_0)


class ThresholdSelector(Device):
    """Ovonic threshold switch: turns on above v_th, holds while more than v_hold is across it.

    I = g_off v + on g_on (|v| - v_hold) sign(v) beyond v_hold: switched on, it snaps back to its
    hold voltage and a small resistance. `on` follows its goal within `tau`. The goal is 1 above
    v_th, 0 below v_hold, and between them 1 for a switch that is already on (on > 1e-6): after
    it is switched off, it turns on again below v_th for about 14 tau, its recovery time. The three
    corners are rounded over `v_s`, so that every time step has a solution. The values are generic.

    Parameters
    ----------
    v_th, v_hold : float
        Volt, 0 < v_hold < v_th.
    g_off, g_on : float
        Siemens.
    tau : float
        Switching time, second.
    v_s : float
        Volt over which corners are rounded.

    Examples
    --------
    >>> from crossbarsim.devices import ThresholdSelector
    >>> switch = ThresholdSelector(v_th=0.8, v_hold=0.3)
    >>> for volts in (0.7, 0.9):
    ...     print(f"{switch.hysteresis(volts, 1e5).current.max():.1e} A at {volts} V")
    7.0e-10 A at 0.7 V
    6.0e-04 A at 0.9 V
    """

    name = "threshold_selector"
    states = (State("on"),)
    v_th = parameter(0.8, "V", positive=True)
    v_hold = parameter(0.3, "V", positive=True)
    g_off = parameter(1e-9, "S", positive=True)
    g_on = parameter(1e-3, "S", positive=True)
    tau = parameter(1e-9, "s", positive=True)
    v_s = parameter(1e-3, "V", positive=True)
    usually_fitted: ClassVar[tuple[str, ...]] = ("v_th", "v_hold", "g_off", "g_on")

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Return the leakage current and that of the channel beyond the hold voltage."""
        over = max(abs(v) - p.v_hold, 0.0)
        open_ = x.on * p.g_on * over * over / (over + p.v_s)
        return p.g_off * v + (open_ if v > 0.0 else -open_)

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Return the rate towards on or off."""
        over = max(abs(v) - p.v_hold, 0.0)
        hold = over / (over + p.v_s) if x.on > 1e-6 else 0.0
        up = 0.5 + 0.5 * math.tanh((abs(v) - p.v_th) / p.v_s)
        return (up + (1.0 - up) * hold - x.on) / p.tau
