"""EKV: one expression from weak to strong inversion, symmetric in drain and source.

C. C. Enz, F. Krummenacher and E. A. Vittoz, Analog Integr. Circuits Signal Process. 8:83 (1995);
charges, slope factor and mobility as in M. Bucher, C. Lallement, C. Enz, F. Theodoloz, F.
Krummenacher, *The EPFL-EKV MOSFET Model Equations for Simulation*, version 2.6, EPFL 1997, for a
long channel. Laws are for an n-channel transistor, voltages against the bulk.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core.validation import Array
from .temperature import gap, thermal_voltage

__all__ = [
    "at_temperature", "inversion", "long_channel", "share", "softplus", "specific", "transistor",
]


def softplus(z: float) -> float:
    """Return ln(1 + e^z)."""
    top = z if z >= 0.0 else 0.0  # noqa: FURB136
    size = -z if z >= 0.0 else z  # at 0, both have their derivatives from above
    return top + math.log1p(math.exp(size))


def inversion(pinch: float, v: float, u_t: float) -> float:
    """Return the normalised current of one end of the channel, at `v` volt.

    `pinch` is the pinch-off voltage, `u_t` kT/q.
    """
    depth = softplus((pinch - v) / (2.0 * u_t))
    return depth * depth


def specific(beta: float, u_t: float, kappa: float) -> float:
    """Return the specific current 2 n beta U_T^2, ampere; `kappa` is 1/n."""
    return 2.0 * beta * u_t * u_t / kappa


def long_channel(
    vg: float, vd: float, vs: float, vto: float, kappa: float, beta: float, u_t: float
) -> float:
    """Return the drain current of a constant slope factor alone, ampere."""
    pinch = kappa * (vg - vto)
    ends = inversion(pinch, vs, u_t) - inversion(pinch, vd, u_t)
    return specific(beta, u_t, kappa) * ends


def share(near: float, far: float) -> float:
    """Return the charge of one end of the channel over -n C_ox U_T."""
    both = near + far
    cubic = 3.0 * near * near * near + 6.0 * near * near * far
    cubic = cubic + 4.0 * near * far * far + 2.0 * far * far * far
    return 4.0 / 15.0 * (cubic / (both * both)) - 0.5


def transistor(
    vg: float, vd: float, vs: float, p: Any
) -> tuple[float, float, float, float, float]:
    """Return drain current, charges of gate, drain and source, and the channel's conductance.

    The last is that of the thermal noise. `p` has vto, gamma, phi (volt, V^0.5), kappa (1 over the
    slope factor, 0 where gamma and phi give it), beta = kp w/l (A/V^2), theta and lambda_ (1/V),
    cox (farad) and u_t = kT/q (volt) at the transistor's temperature.
    """
    if p.kappa > 0.0:  # constant: the law of the long channel
        kappa = p.kappa
        vp = p.kappa * (vg - p.vto)
        nq = 1.0 / p.kappa
        bulk = vp - nq * vp
    else:
        drive = vg - p.vto + p.phi + p.gamma * math.sqrt(p.phi)
        half = 0.5 * p.gamma
        above = max(drive, 0.0)
        # a root without gamma is that of 1e-300, which has a derivative
        root = math.sqrt(max(above + half * half, 1e-300)) - half
        vp = above - p.phi - p.gamma * root
        surface = max(vp + p.phi, 0.0)
        kappa = 1.0 / (1.0 + half / math.sqrt(surface + 4.0 * p.u_t))
        depleted = math.sqrt(surface + 1e-6)
        nq = 1.0 + half / depleted
        bulk = -p.gamma * depleted - min(drive, 0.0)  # without inversion, over the oxide
    forward = inversion(vp, vs, p.u_t)
    reverse = inversion(vp, vd, p.u_t)
    beta = p.beta / (1.0 + p.theta * max(vp, 0.0))
    length = 1.0 + p.lambda_ * abs(vd - vs)
    current = specific(beta, p.u_t, kappa) * length * (forward - reverse)
    near = math.sqrt(forward + 0.25)
    far = math.sqrt(reverse + 0.25)
    at_source = nq * share(near, far)
    at_drain = nq * share(far, near)
    channel = at_source + at_drain  # over -Cox Ut, positive
    charge = p.cox * p.u_t
    on_gate = charge * channel / nq - p.cox * bulk
    return current, on_gate, -charge * at_drain, -charge * at_source, p.u_t * beta * channel


def at_temperature(
    vto: Array, phi: Array, nominal: Array, kelvin: Array, tcv: Array, bex: Array
) -> tuple[Array, Array, Array, Array]:
    """Return kT/q, surface potential, threshold and factor of kp at `kelvin`, as EKV 2.6 has them.

    Parameters
    ----------
    vto, phi : volt
    nominal, kelvin : kelvin
    tcv : volt per kelvin
        By which the threshold falls.
    bex : exponent of the mobility
    """
    vt, ratio = thermal_voltage(kelvin), kelvin / nominal
    hot = phi * ratio - 3.0 * vt * np.log(ratio) - gap(nominal) * ratio + gap(kelvin)
    return vt, hot, vto - tcv * (kelvin - nominal), ratio**bex
