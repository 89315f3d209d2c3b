"""VDMOS: the law of ngspice's vertical power transistors.

H. Shichman and D. A. Hodges, IEEE J. Solid-State Circuits 3:285 (1968), with the gate's overdrive
smoothed into weak inversion and the drain's voltage stretched in the triode region; the gate-drain
capacitance goes from one value to another around 0 volt. Parameters are those of LTspice's and
ngspice's cards: H. Vogt et al., *ngspice User's Manual*, version 39 (2023), "Power MOSFET model
(VDMOS)", whose currents come out to all digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core.validation import Array
from .ekv import softplus

__all__ = ["gate_drain_capacitance", "gate_drain_charge", "quasi_saturation", "transistor"]


def transistor(vgs: float, vds: float, p: Any) -> float:
    """Return the channel's current from drain to source, ampere, also for vds < 0.

    `p` has vto, shift, slope (volt), beta (A/V^2), lambda_, theta (1/V) and mtriode at the
    transistor's temperature, of an n-channel transistor.
    """
    if vds >= 0.0:
        over = vgs - p.vto
        across = p.mtriode * vds
    else:
        over = vgs - vds - p.vto
        across = -p.mtriode * vds
    drive = p.slope * softplus((over - p.shift) / p.slope)
    # as ngspice, both factors with signed voltages; the floor keeps the gate's from changing sign
    gain = p.beta * (1.0 + p.lambda_ * vds) / max(1.0 + p.theta * vgs, 1e-3)
    if drive <= across:
        flow: float = 0.5 * gain * drive * drive
    else:
        flow = gain * across * (drive - 0.5 * across)
    return flow if vds >= 0.0 else -flow


def quasi_saturation(drop: float, vds: float, p: Any) -> float:
    """Return the current through the drain's resistance, ampere, at `drop` volt across it.

    It grows with the voltage between the terminals, from rd towards rd + rq: V. d'Alessandro, F.
    Frisina and N. Rinaldi, EPE 2001, as ngspice has it. `p` has rd, rq (ohm) and vq (volt).
    """
    share = vds / (vds + p.vq) if vds > 0.0 else 0.0
    current: float = drop / (p.rd + p.rq * share)
    return current


def gate_drain_charge(v: float, p: Any) -> float:
    """Return the integral of `gate_drain_capacitance` from 0 to v, coulomb.

    `p` has swing and floor (farad), see there, and a (1/V).
    """
    z = p.a * v
    if v > 0.0:
        size = z + math.log1p(math.exp(-2.0 * z)) - math.log(2.0)  # ln cosh z
    else:
        size = z * math.atan(z) - 0.5 * math.log1p(z * z)
    charge: float = p.swing * size / p.a + p.floor * v
    return charge


def gate_drain_capacitance(least: Array, most: Array) -> tuple[Array, Array]:
    """Return swing and floor of C = floor + swing tanh(a v), v > 0, or floor + swing atan(a v).

    C goes from `least` at far negative gate-drain voltages to `most` at positive ones, farad.
    """
    swing = (most - least) / (1.0 + 0.5 * np.pi)
    return swing, most - swing
