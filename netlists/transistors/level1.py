"""MOS level 1: H. Shichman and D. A. Hodges, IEEE J. Solid-State Circuits 3:285 (1968).

With SPICE's body effect. Laws are for an n-channel transistor with vds >= 0; whoever calls them
turns channels over.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core.validation import Array
from .temperature import gap, potential

__all__ = ["at_temperature", "body_effect", "current", "flow", "transistor"]


def body_effect(vbs: float, gamma: float, phi: float) -> float:
    """Return by how much the threshold rises with the bulk's voltage, volt.

    Forward biased, the bulk follows the tangent at 0, down to where the root would be 0.
    """
    root = math.sqrt(phi)
    if vbs <= 0.0:  # noqa: SIM108 - derivatives at 0 are those of reverse bias
        body = math.sqrt(phi - vbs)
    else:
        body = max(root - 0.5 * vbs / root, 0.0)
    return gamma * (body - root)


def flow(over: float, vds: float, beta: float, lambda_: float) -> float:
    """Return the drain current, ampere, `over` volt above the threshold."""
    if over <= 0.0:
        return 0.0
    gain = beta * (1.0 + lambda_ * vds)
    if vds < over:
        return gain * (over - 0.5 * vds) * vds
    return gain * (over - 0.5 * over) * over  # saturated


def current(
    vgs: float, vds: float, vbs: float, vto: float, gamma: float, phi: float, beta: float,
    lambda_: float,
) -> float:
    """Return the drain current alone, ampere; parameters as for `transistor`."""
    return flow(vgs - vto - body_effect(vbs, gamma, phi), vds, beta, lambda_)


def transistor(vgs: float, vds: float, vbs: float, p: Any) -> tuple[float, float, float]:
    """Return drain current, threshold and saturation voltage.

    `p` has vto, gamma, phi (volt, V^0.5), beta = kp w/l (A/V^2) and lambda_ (1/V) at the
    transistor's temperature.
    """
    rise = body_effect(vbs, p.gamma, p.phi)
    over = vgs - p.vto - rise
    return flow(over, vds, p.beta, p.lambda_), p.vto + rise, max(over, 0.0)


def at_temperature(
    vto: Array, gamma: Array, phi: Array, nominal: Array, kelvin: Array, sign: Array | float = 1.0
) -> tuple[Array, Array, Array, Array]:
    """Return surface potential, built-in part of the threshold, threshold and factor of kp.

    As SPICE3 scales them from `nominal` to `kelvin`: the surface potential like a junction's, the
    threshold by the changes of gap and surface potential, the mobility as T^-1.5.

    A surface potential that is not above 0 is for the caller to refuse.

    Parameters
    ----------
    vto, gamma, phi : volt, V^0.5, volt
    nominal, kelvin : kelvin
    sign : 1 or -1
        -1 for p channels. Voltages returned are those of the n-channel transistor that corresponds.
    """
    hot = potential(phi, nominal, kelvin)
    built = sign * (
        vto - sign * gamma * np.sqrt(phi) + 0.5 * (gap(nominal) - gap(kelvin))
        + 0.5 * sign * (hot - phi)
    )
    root = np.sqrt(np.maximum(hot, 0.0))
    return hot, built, built + gamma * root, (kelvin / nominal) ** -1.5
