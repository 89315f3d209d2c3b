"""Conductors that keep their conductance, with a curved I-V, and phase-change cells that drift."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..base import Device
from ..parameters import Named, State, parameter

__all__ = ["Ohmic", "PhaseChange", "StaticPolynomial", "StaticSinh"]


class Ohmic(Device):
    """I = g v: a resistor as a device, whose conductance g is its state.

    Parameters
    ----------
    g_min, g_max : float
        Range of the conductance, siemens.

    Examples
    --------
    >>> from crossbarsim.devices import Ohmic
    >>> float(Ohmic().current(0.2, [1e-4]))
    2e-05
    """

    name = "ohmic"
    states = (State("g", "S", "g_min", "g_max", rest="g_min"),)
    g_min = parameter(0.0, "S", low=0.0)
    g_max = parameter(1e3, "S", positive=True)
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (0.5, 1e3, 1e-4)}

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Ohm's law."""
        return x.g * v

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Return 0: the conductance stays."""
        return 0.0


class StaticSinh(Device):
    """I = g v_0 sinh(v / v_0): conductance g at small voltage.

    Parameters
    ----------
    v_0 : float
        Volt; the smaller, the more curved.
    g_min, g_max : float
        Range of the conductance, siemens.

    Examples
    --------
    >>> from crossbarsim.devices import StaticSinh
    >>> device = StaticSinh(v_0=0.25)
    >>> (device.current([0.05, 0.5], [1e-4]) * 1e6).round(2)  # uA; of a resistor 5 and 50
    array([ 5.03, 90.67])
    """

    name = "static_sinh"
    lanes = "sinh"
    states = (State("g", "S", "g_min", "g_max", rest="g_min"),)
    v_0 = parameter(0.5, "V", positive=True)
    g_min = parameter(1e-9, "S", low=0.0)
    g_max = parameter(1e-1, "S", positive=True)
    usually_fitted: ClassVar[tuple[str, ...]] = ("v_0",)
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (0.5, 1e3, 1e-4)}

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Hyperbolic sine."""
        return x.g * p.v_0 * math.sinh(v / p.v_0)

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Return 0: the conductance stays."""
        return 0.0


class StaticPolynomial(Device):
    """I = g (v + c_2 v^2 + c_3 v^3 + c_5 v^5): conductance g at small voltage.

    Parameters
    ----------
    c_2, c_3, c_5 : float
        Per volt to the power of 1, 2 and 4.
    g_min, g_max : float
        Range of the conductance, siemens.

    Examples
    --------
    >>> from crossbarsim.devices import StaticPolynomial
    >>> device = StaticPolynomial(c_3=2.0)
    >>> (device.current([0.1, 1.0], [1e-4]) * 1e6).round(2)  # uA; of a resistor 10 and 100
    array([ 10.2, 300. ])
    """

    name = "static_polynomial"
    states = (State("g", "S", "g_min", "g_max", rest="g_min"),)
    c_2 = parameter(0.0, "1/V")
    c_3 = parameter(0.0, "1/V^2", low=0.0)
    c_5 = parameter(0.0, "1/V^4", low=0.0)
    g_min = parameter(1e-9, "S", low=0.0)
    g_max = parameter(1e-1, "S", positive=True)
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (0.5, 1e3, 1e-4)}

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Polynomial."""
        s = v * v
        return x.g * v * (1.0 + p.c_2 * v + p.c_3 * s + p.c_5 * s * s)

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Return 0: the conductance stays."""
        return 0.0


class PhaseChange(Device):
    """A programmed phase-change cell: conductance g drifts as (age / t_0)^-nu.

    Nandakumar et al., Front. Neurosci. 14:406 (2020): nu is between 0.03 and 0.1 from cell to
    cell; pass an array for the spread. The second state is the time since programming.

    Parameters
    ----------
    nu : float
        Drift exponent.
    t_0 : float
        Time of the first reading after programming, second.
    g_min, g_max : float
        Range of the conductance, siemens.

    Examples
    --------
    >>> from crossbarsim.devices import PhaseChange
    >>> cell = PhaseChange.preset("nandakumar")
    >>> hour = cell.simulate([0.0, 3600.0], [0.0, 0.0], conductance=20e-6)
    >>> (hour.conductance * 1e6).round(2)  # uS
    array([20.  , 15.42])
    """

    name = "phase_change"
    states = (
        State("g", "S", "g_min", "g_max", rest="g_min"),
        State("age", "s", "t_0", 1e12, rest="t_0"),
    )
    nu = parameter(0.05, low=0.0)
    t_0 = parameter(20.0, "s", positive=True)
    g_min = parameter(1e-9, "S", positive=True)
    g_max = parameter(25e-6, "S", positive=True)
    sets: ClassVar[dict[str, dict[str, Any]]] = {"nandakumar": {}}
    sources: ClassVar[dict[str, str]] = {
        "nandakumar": "Nandakumar et al. 2020; g_max and t_0 as in IBM's toolkit",
    }
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (0.1, 1e-3, 20e-6)}

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Ohm's law at reading voltages."""
        return x.g * v

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> tuple[float, float]:
        """Structural relaxation of the amorphous phase."""
        return -p.nu * x.g / x.age, 1.0
