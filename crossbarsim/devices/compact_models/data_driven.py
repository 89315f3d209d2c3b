"""Models whose state is the resistance itself, fitted to measured pulses."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..base import Device
from ..parameters import Named, State, parameter

__all__ = ["DataDriven2018", "DataDriven2021"]


class DataDriven2018(Device):
    """Resistance as the state: dR/dt = A (exp(t |v|) - 1) (exp(k |r(v) - R|) - 1).

    Messaris et al., IEEE TCAD 37:3151 (2018), eqs 3-8, with i = (a / R) sinh(b v); MemTorch has its
    closed form at constant v. Positive v raises R up to r_p(v), negative v lowers it down to
    r_n(v).

    Parameters
    ----------
    a_p, a_n : float
        Rates for v > 0 and v < 0, ohm/s; a_p > 0 > a_n.
    t_p, t_n : float
        Per volt.
    k_p, k_n : float
        Per ohm.
    r_p0, r_p1, r_n0, r_n1 : float
        r(v) = r_0 + r_1 v, ohm and ohm per volt.
    a, b : float
        Scale, volt, and curvature, per volt, of the I-V.
    r_min, r_max : float
        Range of the state, ohm.

    Examples
    --------
    >>> from crossbarsim.devices import DataDriven2018
    >>> device = DataDriven2018.preset("tiox_1")
    >>> low, high = device.conductance_range()
    >>> print(f"{low:.3g} to {high:.3g} S at {device.read_voltage} V")
    8.54e-05 to 0.000228 S at 0.1 V
    >>> device.rate([1.0, -1.0], [4e3]).round(2)  # ohm/s
    array([[206.81,   0.  ]])
    """

    name = "data_driven_2018"
    states = (State("r", "ohm", "r_min", "r_max", rest="r_min"),)
    a_p = parameter(743.47, "ohm/s", low=0.0)
    a_n = parameter(-6.80e4, "ohm/s", high=0.0)
    t_p = parameter(6.51, "1/V", positive=True)
    t_n = parameter(0.31645, "1/V", positive=True)
    k_p = parameter(5.11e-4, "1/ohm", positive=True)
    k_n = parameter(1.17e-3, "1/ohm", positive=True)
    r_p0 = parameter(16719.0, "ohm")
    r_p1 = parameter(0.0, "ohm/V")
    r_n0 = parameter(29304.83, "ohm")
    r_n1 = parameter(23692.77, "ohm/V")
    a = parameter(0.24, positive=True)
    b = parameter(3.0, "1/V", positive=True)
    r_min = parameter(3e3, "ohm", positive=True)
    r_max = parameter(20e3, "ohm", positive=True)
    usually_fitted: ClassVar[tuple[str, ...]] = (
        "a_p", "a_n", "t_p", "t_n", "k_p", "k_n", "r_p0", "r_n0", "r_n1", "b", "r_min", "r_max",
    )
    sets: ClassVar[dict[str, dict[str, Any]]] = {
        "messaris_2018": {},
        "memtorch": {"a_n": -68012.28374, "r_n0": 29304.82557, "r_n1": 23692.77225,
                     "r_min": 1280.0, "r_max": 17e3},
        "tiox_1": {"a_p": 0.12, "a_n": -79.03, "t_p": 0.59, "t_n": 1.12, "k_p": 8.10e-3,
                   "k_n": 9.43e-3, "r_p0": 3085.0, "r_p1": 1862.0, "r_n0": 5193.0,
                   "r_n1": 378.0, "b": 2.81, "r_min": 3e3, "r_max": 8e3},
    }
    sources: ClassVar[dict[str, str]] = {
        "messaris_2018": "Messaris et al. 2018; range of the state chosen here",
        "memtorch": "MemTorch's default parameters of its data-driven model of 2018",
        "tiox_1": "Messaris et al. 2018, device TiOx-1; range of the state chosen here",
    }
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (1.3, 1e3), "tiox_1": (2.5, 1.0)}

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Eq. 3."""
        return p.a / x.r * math.sinh(p.b * v)

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Eqs 4-8."""
        rate = 0.0
        if v > 0.0:
            room = p.r_p0 + p.r_p1 * v - x.r
            if room > 0.0:
                rate = p.a_p * math.expm1(p.t_p * v) * math.expm1(p.k_p * room)
        else:
            room = x.r - p.r_n0 - p.r_n1 * v
            if room > 0.0:
                rate = p.a_n * math.expm1(-p.t_n * v) * math.expm1(p.k_n * room)
        return rate


class DataDriven2021(Device):
    """Resistance as the state: dR/dt = s(v) (r(v) - R)^2, s = A (exp(|v| / t) - 1).

    arXiv:2012.02267 (2021), with i = (a / R) sinh(b v); signs as in MemTorch's model of it.
    Positive v lowers R down to r_p(v), negative v raises it up to r_n(v).

    Parameters
    ----------
    a_p, a_n : float
        Rates for v > 0 and v < 0, 1/(ohm s).
    t_p, t_n : float
        Volt.
    r_p0, r_p1, r_n0, r_n1 : float
        r(v) = r_0 + r_1 v, ohm and ohm per volt.
    a, b : float
        Scale, volt, and curvature, per volt, of the I-V.
    r_min, r_max : float
        Range of the state, ohm.

    Examples
    --------
    >>> from crossbarsim.devices import DataDriven2021
    >>> device = DataDriven2021.preset("tiox")
    >>> (device.current([0.1, 0.5], [2e3]) * 1e6).round(1)  # uA, at a resistance of 2 kohm
    array([ 44.1, 291.1])
    """

    name = "data_driven_2021"
    states = (State("r", "ohm", "r_min", "r_max", rest="r_max"),)
    a_p = parameter(600.10075, "1/(ohm s)")
    a_n = parameter(-34.5988399, "1/(ohm s)")
    t_p = parameter(-0.0212028, "V")
    t_n = parameter(-0.05343997, "V")
    r_p0 = parameter(2699.2336, "ohm")
    r_p1 = parameter(-672.930205, "ohm/V")
    r_n0 = parameter(649.413746, "ohm")
    r_n1 = parameter(-1474.32358, "ohm/V")
    a = parameter(0.32046175, positive=True)
    b = parameter(2.71689828, "1/V", positive=True)
    r_min = parameter(1600.0, "ohm", positive=True)
    r_max = parameter(3000.0, "ohm", positive=True)
    usually_fitted: ClassVar[tuple[str, ...]] = (
        "a_p", "a_n", "t_p", "t_n", "r_p0", "r_p1", "r_n0", "r_n1", "a", "b",
    )
    sets: ClassVar[dict[str, dict[str, Any]]] = {"tiox": {}, "memtorch": {}}
    sources: ClassVar[dict[str, str]] = {
        "tiox": "arXiv 2012.02267, parameters of the text",
        "memtorch": "MemTorch's default parameters of its model of 2021, the same",
    }
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (1.5, 1e3)}

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Return the I-V curve."""
        return p.a / x.r * math.sinh(p.b * v)

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Return the switching rate."""
        rate = 0.0
        if v > 0.0:
            room = p.r_p0 + p.r_p1 * v - x.r
            if room < 0.0:
                rate = p.a_p * math.expm1(v / p.t_p) * room * room
        else:
            room = p.r_n0 + p.r_n1 * v - x.r
            if room > 0.0:
                rate = p.a_n * math.expm1(-v / p.t_n) * room * room
        return rate
