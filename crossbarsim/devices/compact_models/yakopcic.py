"""Yakopcic's generalised model."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..base import Device
from ..parameters import Named, State, parameter

__all__ = ["Yakopcic"]


class Yakopcic(Device):
    """Yakopcic: I = a x sinh(b v), dx/dt = eta g(v) f(x).

    Yakopcic, Taha, Subramanyam and Pino, IEEE TCAD 32:1201 (2013), eqs 1-6. x from 0 to 1.
    Positive v SETs (eta = 1).

    Parameters
    ----------
    a_1, a_2 : float
        Ampere, for v >= 0 and v < 0.
    b : float
        Per volt.
    v_p, v_n : float
        Thresholds, volt, both > 0.
    a_p, a_n : float
        Rates, per second.
    x_p, x_n : float
        State from which the motion slows down.
    alpha_p, alpha_n : float
        Exponents of the slowing down.
    eta : float
        +1 or -1, the direction of the motion.
    x_0 : float
        State at rest.

    Examples
    --------
    >>> from crossbarsim.devices import Yakopcic
    >>> device = Yakopcic.preset("oblea")
    >>> (device.current(0.1, [[0.11, 1.0]]) * 1e6).round(1)  # uA, at rest and fully SET
    array([ 93.5, 850. ])
    >>> device.rate([0.1, 0.45], [0.2]).round(1)  # per second, below and above the threshold
    array([[   0. , 1579.2]])
    """

    name = "yakopcic"
    states = (State("x", rest="x_0"),)
    a_1 = parameter(0.17, "A", positive=True)
    a_2 = parameter(0.17, "A", positive=True)
    b = parameter(0.05, "1/V", positive=True)
    v_p = parameter(0.16, "V", low=0.0)
    v_n = parameter(0.15, "V", low=0.0)
    a_p = parameter(4000.0, "1/s", low=0.0)
    a_n = parameter(4000.0, "1/s", low=0.0)
    x_p = parameter(0.3, low=0.0, high=0.999999)
    x_n = parameter(0.5, low=0.0, high=0.999999)
    alpha_p = parameter(1.0, low=0.0)
    alpha_n = parameter(5.0, low=0.0)
    eta = parameter(1.0, low=-1.0, high=1.0)
    x_0 = parameter(0.11, low=0.0, high=1.0)
    usually_fitted: ClassVar[tuple[str, ...]] = (
        "a_1", "a_2", "b", "v_p", "v_n", "a_p", "a_n", "x_p", "x_n", "alpha_p", "alpha_n",
    )
    sets: ClassVar[dict[str, dict[str, Any]]] = {
        "oblea": {},
        "ltspice": {"v_p": 0.65, "v_n": 0.56},
        "aguirre_c2": {"a_1": 7e-5, "a_2": 7e-5, "b": 1.9, "v_p": 0.4, "v_n": 0.3, "a_p": 1.0,
                       "a_n": 1.0, "x_p": 0.9, "x_n": 0.7, "alpha_p": 3.0, "alpha_n": 8.0},
    }
    sources: ClassVar[dict[str, str]] = {
        "oblea": "Yakopcic et al. 2013, Table I, device of Oblea et al.; as in the authors' SPICE "
                 "subcircuit",
        "ltspice": "thresholds of the authors' LTspice listing",
        "aguirre_c2": "Aguirre et al., SPICE simulation of crossbars, set C2",
    }
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {
        "": (0.45, 100.0), "ltspice": (1.0, 100.0), "aguirre_c2": (1.0, 0.3),
    }

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Eq. 1."""
        a = p.a_1 if v >= 0.0 else p.a_2
        return a * x.x * math.sinh(p.b * v)

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Eqs 2-6."""
        g = 0.0
        if v > p.v_p:
            g = p.a_p * (math.exp(v) - math.exp(p.v_p))
        elif v < -p.v_n:
            g = -p.a_n * (math.exp(-v) - math.exp(p.v_n))
        f = 1.0
        if p.eta * v > 0.0:
            if x.x >= p.x_p:
                w = (p.x_p - x.x) / (1.0 - p.x_p) + 1.0
                f = math.exp(-p.alpha_p * (x.x - p.x_p)) * w
        elif x.x <= 1.0 - p.x_n:
            w = x.x / (1.0 - p.x_n)
            f = math.exp(p.alpha_n * (x.x + p.x_n - 1.0)) * w
        return p.eta * g * f
