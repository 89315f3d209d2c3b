"""Simmons tunnel barrier."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..base import Device
from ..parameters import Named, State, parameter

__all__ = ["SimmonsTunnelBarrier"]


def tunnel_current(vg: float, w: float, phi0: float) -> float:
    """Return the tunnel current, ampere, at barrier voltage vg (V) and width w (nm).

    Pickett et al. 2009, eqs 5-7, in the numbers of Abdalla and Pickett, ISCAS 2011: dielectric
    constant 5, area 10^4 nm^2. They hold for |vg| < phi0. Above it the barrier's far edge moves
    in as 1 / |vg| (Simmons, J. Appl. Phys. 34:2581, 1963, eq. 34), and the mean height stays
    above 4 / b^2, where the expression turns over: the current keeps rising with |vg|.
    """
    size = abs(vg)
    lam = 0.0998 / w
    w1 = 1.2 * 0.0998 / phi0
    w2 = w1 + w - 9.2 * 0.0998 / (3.0 * phi0 + 4.0 * lam - 2.0 * min(size, phi0))
    w2 = w2 * min(1.0, phi0 / max(size, 1e-9))
    dw = max(w2 - w1, 0.05)
    slope = 1.15 * 0.0998 / dw * math.log(w2 * (w - w1) / (w1 * (w - w2)))
    b = 10.24634 * dw
    floor = 4.0 / (b * b)
    above = phi0 - size * (w1 + w2) / w - slope - floor
    phi = floor + 0.5 * (above + math.sqrt(above * above + 1e-4))
    high = phi + size
    # of both directions' exponentials nothing may cancel where the voltage is small
    half = 0.5 * b * size / (math.sqrt(high) + math.sqrt(phi))
    flow = 0.0617 / (dw * dw) * math.exp(-b * math.sqrt(phi)) * (
        2.0 * high * math.sinh(half) * math.exp(-half) - size
    )
    return flow if vg > 0.0 else -flow


class SimmonsTunnelBarrier(Device):
    """Simmons tunnel barrier: a tunnel gap of width x in series with a resistance.

    Pickett et al., J. Appl. Phys. 106:074508 (2009), eqs 3-7; rates as in TEAM's eq. 11. Positive
    v widens the gap (RESET). The inner unknown is the voltage on the barrier.

    Parameters
    ----------
    c_off, c_on : float
        Velocities, m/s.
    i_off, i_on : float
        Current scales, ampere.
    a_off, a_on : float
        Widths where the two switchings end, m.
    b : float
        Scale of the current in the window, ampere.
    w_c : float
        Scale of the width in the window, m.
    phi_0 : float
        Barrier height, eV.
    r_s : float
        Series resistance, ohm.
    x_min, x_max : float
        Range of the gap, m.

    Examples
    --------
    >>> from crossbarsim.devices import SimmonsTunnelBarrier
    >>> device = SimmonsTunnelBarrier.preset("pickett_2009")
    >>> (device.current(0.5, [[1.2e-9, 1.8e-9]]) * 1e6).round(2)  # uA, narrow and wide gap
    array([498.26,  20.73])
    """

    name = "simmons"
    states = (State("x", "m", "x_min", "x_max", rest="x_max"),)
    c_off = parameter(3.5e-6, "m/s", positive=True)
    c_on = parameter(40e-6, "m/s", positive=True)
    i_off = parameter(115e-6, "A", positive=True)
    i_on = parameter(8.9e-6, "A", positive=True)
    a_off = parameter(1.2e-9, "m", positive=True)
    a_on = parameter(1.8e-9, "m", positive=True)
    b = parameter(500e-6, "A", positive=True)
    w_c = parameter(107e-12, "m", positive=True)
    phi_0 = parameter(0.95, "eV", positive=True)
    r_s = parameter(215.0, "ohm", positive=True)
    x_min = parameter(1.1e-9, "m", positive=True)
    x_max = parameter(1.9e-9, "m", positive=True)
    usually_fitted: ClassVar[tuple[str, ...]] = (
        "c_off", "c_on", "i_off", "i_on", "a_off", "a_on", "x_min", "x_max",
    )
    sets: ClassVar[dict[str, dict[str, Any]]] = {"pickett_2009": {}}
    sources: ClassVar[dict[str, str]] = {
        "pickett_2009": "Pickett et al. 2009; barrier height, series resistance and gap range by "
                        "Abdalla and Pickett, ISCAS 2011, not checked against the paper",
    }
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (1.0, 1.0)}

    @staticmethod
    def inner_law(v: float, x: Named, p: Named, y: float) -> float:
        """Return the voltage balance of series resistance and barrier."""
        return y + p.r_s * tunnel_current(y, x.x * 1e9, p.phi_0) - v

    @staticmethod
    def current_law(v: float, x: Named, p: Named, y: float) -> float:
        """Tunnel current."""
        return tunnel_current(y, x.x * 1e9, p.phi_0)

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """TEAM's eq. 11."""
        if i > 0.0:
            rate = p.c_off * math.sinh(i / p.i_off) * math.exp(
                -math.exp((x.x - p.a_off) / p.w_c - i / p.b) - x.x / p.w_c
            )
        else:
            rate = p.c_on * math.sinh(i / p.i_on) * math.exp(
                -math.exp((p.a_on - x.x) / p.w_c + i / p.b) - x.x / p.w_c
            )
        return rate
