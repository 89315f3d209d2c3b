"""EKV: one expression from weak to strong inversion, symmetric in drain and source.

C. C. Enz, F. Krummenacher and E. A. Vittoz, Analog Integr. Circuits Signal Process. 8:83 (1995);
charges, slope factor and mobility as in M. Bucher, C. Lallement, C. Enz, F. Theodoloz, F.
Krummenacher, *The EPFL-EKV MOSFET Model Equations for Simulation*, version 2.6, EPFL 1997, for a
long channel. What a short one changes is described by four numbers of this project, see
`short_channel`. Laws are for an n-channel transistor, voltages against the bulk.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core.validation import Array
from .temperature import gap, thermal_voltage

__all__ = [
    "SHORT_CHANNEL", "apart", "at_temperature", "inversion", "long_channel", "magnitude",
    "pinch_above", "reach", "share", "short_channel", "softplus", "specific", "transistor",
]

# parameters of `short_channel`: their names on a card, and in Python
SHORT_CHANNEL = {
    "theta": "theta", "vcrit": "v_crit", "sigma": "sigma", "ksource": "kappa_s",
    "lambda": "lambda_",
}


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


def apart(vd: float, vs: float) -> float:
    """Return the voltage between the ends, >= 0; at 0 with its derivative from above."""
    return vd - vs if vd >= vs else vs - vd


def pinch_above(
    vg: float, vd: float, vs: float, vto: float, kappa: float, sigma: float, kappa_s: float
) -> float:
    """Return the pinch-off voltage of a short channel against its lower end, volt.

    The threshold falls by `sigma` volt per volt between the ends; the pinch-off voltage rises by
    `kappa_s` volt per volt of the lower end, where the slope factor is smaller.
    """
    low = min(vd, vs)
    return kappa * (vg - vto + sigma * apart(vd, vs)) + (kappa_s - 1.0) * low


def reach(across: float, over: float, v_crit: float, u_t: float) -> float:
    """Return which part of the voltage between the ends the channel takes, volt.

    It is limited by the velocity of the carriers: ``E (sqrt(1 + 2 u / E) - 1)`` for the overdrive
    u of the lower end and the critical field times length E (Sodini, Ko and Moll, IEEE TED
    31:1386, 1984), with 4 kT/q where there is no overdrive, joined smoothly by a power of 3 (as
    Khakifirooz et al., IEEE TED 56:1674, 2009, do).
    """
    limit = v_crit * (math.sqrt(1.0 + 2.0 * over / v_crit) - 1.0) + 4.0 * u_t
    ratio = across / limit
    return across / math.pow(1.0 + ratio * ratio * ratio, 1.0 / 3.0)


def magnitude(
    near: float, far: float, across: float, taken: float, kappa: float, beta: float, u_t: float,
    theta: float, v_crit: float, lambda_: float,
) -> float:
    """Return the current of a short channel from roots of its ends' normalised ones, ampere."""
    over = 2.0 * u_t * near
    slowed = specific(beta, u_t, kappa) / ((1.0 + theta * over) * (1.0 + taken / v_crit))
    return slowed * (1.0 + lambda_ * across) * (near * near - far * far)


def short_channel(
    vg: float, vd: float, vs: float, vto: float, kappa: float, beta: float, u_t: float,
    theta: float, v_crit: float, sigma: float, lambda_: float, kappa_s: float,
) -> float:
    """Return the drain current of a constant slope factor and a short channel, ampere.

    Parameters
    ----------
    theta : float
        1/V, by which the overdrive of the lower end slows carriers, series resistance included.
    v_crit : float
        Critical field times length, volt, > 0; see `reach`.
    sigma, kappa_s : float
        See `pinch_above`.
    lambda_ : float
        1/V, by which the current rises with the voltage between the ends.
    """
    across = apart(vd, vs)
    pinch = pinch_above(vg, vd, vs, vto, kappa, sigma, kappa_s)
    near = softplus(pinch / (2.0 * u_t))
    over = 2.0 * u_t * near
    taken = reach(across, over, v_crit, u_t)
    far = softplus((pinch - taken) / (2.0 * u_t))
    size = magnitude(near, far, across, taken, kappa, beta, u_t, theta, v_crit, lambda_)
    return size if vd >= vs else -size


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
    v_crit, sigma and kappa_s of a short channel (0: a long one), cox (farad) and u_t = kT/q (volt)
    at the transistor's temperature.
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
    beta = p.beta
    if p.v_crit > 0.0:
        across = apart(vd, vs)
        pinch = pinch_above(vg, vd, vs, p.vto, p.kappa, p.sigma, p.kappa_s)
        low = softplus(pinch / (2.0 * p.u_t))
        over = 2.0 * p.u_t * low
        taken = reach(across, over, p.v_crit, p.u_t)
        high = softplus((pinch - taken) / (2.0 * p.u_t))
        size = magnitude(
            low, high, across, taken, p.kappa, p.beta, p.u_t, p.theta, p.v_crit, p.lambda_
        )
        current = size if vd >= vs else -size
        forward = low * low if vd >= vs else high * high
        reverse = high * high if vd >= vs else low * low
        beta = p.beta / (1.0 + p.theta * over)
    else:
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
