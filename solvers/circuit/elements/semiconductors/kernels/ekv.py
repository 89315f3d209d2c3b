"""EKV: one expression from weak to strong inversion, referred to the bulk.

C. C. Enz, F. Krummenacher and E. A. Vittoz, Analog Integr. Circuits Signal Process. 8:83 (1995);
charges, slope factor and mobility as in M. Bucher, C. Lallement, C. Enz, F. Theodoloz, F.
Krummenacher, *The EPFL-EKV MOSFET Model Equations for Simulation*, version 2.6, EPFL 1997, for a
long channel.
"""

from __future__ import annotations

import math
from typing import Any

from ......core.compiled.jit import inlined
from ......core.validation import Array
from .dual_numbers import (
    Dual,
    add,
    constant,
    div,
    larger,
    linear,
    mul,
    scale,
    shift,
    sqrt,
    square,
    sub,
)
from .mos_rows import BETA, COX, GAMMA, LAMBDA, PHI, SLOPE, THETA, VT, VTO
from .mosfet import TOLD as _TOLD
from .mosfet import begin, bulk_junction, stamp

__all__ = ["TOLD", "ekv", "evaluate"]

# instead of a saturation voltage, the channel's conductance for thermal noise
TOLD = tuple("gnoise" if name == "vdsat" else name for name in _TOLD)


@inlined
def _softplus(p: Dual) -> Dual:
    """Return ln(1 + e^p)."""
    e = math.exp(-abs(p[0]))
    k = 1.0 / (1.0 + e) if p[0] >= 0.0 else e / (1.0 + e)
    return max(p[0], 0.0) + math.log1p(e), k * p[1], k * p[2], k * p[3]


@inlined
def _pinch_off(gate: Dual, p: Array, e: int) -> tuple[Dual, Dual, Dual, Dual]:
    """Return pinch-off voltage, slope factors of current and of charges, and the bulk's charge.

    The last without inversion, volt (over the oxide capacitance).
    """
    slope = p[SLOPE, e]
    if slope > 0.0:  # constant: the law of the long channel
        vp = scale(1.0 / slope, shift(gate, -p[VTO, e]))
        return vp, constant(slope), constant(slope), scale(1.0 - slope, vp)
    phi, gamma = p[PHI, e], p[GAMMA, e]
    drive = shift(gate, phi + gamma * math.sqrt(phi) - p[VTO, e])
    half = 0.5 * gamma
    vp = constant(-phi)
    if drive[0] > 0.0:
        root = shift(sqrt(shift(drive, half * half)), -half)
        vp = sub(shift(drive, -phi), scale(gamma, root))
    surface = shift(vp, phi)
    n = shift(div(constant(half), sqrt(shift(surface, 4.0 * p[VT, e]))), 1.0)
    root = sqrt(shift(surface, 1e-6))
    nq = shift(div(constant(half), root), 1.0)
    bulk = scale(-gamma, root) if drive[0] > 0.0 else scale(-1.0, shift(drive, gamma * 1e-3))
    return vp, n, nq, bulk


@inlined
def _shares(near: Dual, far: Dual) -> Dual:
    """Return the charge of one end of the channel over -n Cox Ut."""
    both = square(add(near, far))
    near2, far2 = square(near), square(far)
    cubic = add(
        add(scale(3.0, mul(near2, near)), scale(6.0, mul(near2, far))),
        add(scale(4.0, mul(near, far2)), scale(2.0, mul(far2, far))),
    )
    return shift(scale(4.0 / 15.0, div(cubic, both)), -0.5)


@inlined
def ekv(vgs: float, vds: float, vbs: float, p: Array, e: int) -> tuple[
    Dual, Dual, Dual, Dual, Dual
]:
    """Return drain current, charges of gate, drain and source, and the channel's conductance.

    All with their derivatives by vgs, vds, vbs; the last is that of the thermal noise.
    """
    vt = p[VT, e]
    gate, drain = linear(vgs - vbs, 1.0, 0.0, -1.0), linear(vds - vbs, 0.0, 1.0, -1.0)
    source = linear(-vbs, 0.0, 0.0, -1.0)
    vp, n, nq, bulk = _pinch_off(gate, p, e)
    forward = square(_softplus(scale(0.5 / vt, sub(vp, source))))
    reverse = square(_softplus(scale(0.5 / vt, sub(vp, drain))))
    beta = constant(p[BETA, e])
    if p[THETA, e] > 0.0:
        beta = div(beta, shift(scale(p[THETA, e], larger(vp, constant(0.0))), 1.0))
    across = sub(drain, source)
    length = scale(p[LAMBDA, e], larger(across, scale(-1.0, across)))
    current = mul(mul(n, beta), shift(length, 1.0))
    current = scale(2.0 * vt * vt, mul(current, sub(forward, reverse)))
    near, far = sqrt(shift(forward, 0.25)), sqrt(shift(reverse, 0.25))
    k = -p[COX, e] * vt
    at_source, at_drain = mul(nq, _shares(near, far)), mul(nq, _shares(far, near))
    channel = add(at_source, at_drain)  # over -Cox Ut, positive
    depleted = add(scale(p[COX, e], bulk), scale(-k, sub(channel, div(channel, nq))))
    on_source, on_drain = scale(k, at_source), scale(k, at_drain)
    on_gate = scale(-1.0, add(add(on_source, on_drain), depleted))
    return current, on_gate, on_drain, on_source, scale(vt, mul(beta, channel))


@inlined
def evaluate(places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any) -> None:
    """Evaluate all transistors; see `Device`."""
    _, _, sign, p = places
    old = state[0]
    mode, gmin, _ = how
    told = out[4]
    for e in range(p.shape[1]):
        at, asked = begin(places, state, mode, e)
        vgs, vds, vbs = at
        i, on_gate, on_drain, on_source, noise = ekv(vgs, vds, vbs, p, e)
        if mode:
            old[0, e], old[1, e], old[2, e], old[3, e] = vgs, vds, vbs, p[VTO, e]
        at_drain = bulk_junction(vbs - vds, True, False, gmin, p, e)
        at_source = bulk_junction(vbs, False, False, gmin, p, e)
        stamp(
            wires, out, e, sign[e], at, asked, i, at_drain, at_source,
            (on_gate, on_drain, on_source),
        )
        told[0, e], told[1, e], told[2, e] = vgs, vgs - vds, vgs - vbs
        told[3, e] = on_gate[1] + on_gate[2] + on_gate[3]
        told[4, e], told[5, e] = -on_gate[2], -on_gate[3]
        told[6, e], told[7, e], told[8, e] = on_gate[0], on_drain[0], on_source[0]
        told[9, e], told[10, e], told[11, e] = vds, vbs, i[0]
        told[12, e], told[13, e], told[14, e] = i[1], i[2], i[3]
        told[15, e], told[16, e] = p[VTO, e], noise[0]
        told[17, e], told[18, e] = at_drain[0], at_source[0]
        told[19, e], told[20, e] = at_drain[1], at_source[1]
        told[21, e], told[22, e] = at_drain[3], at_source[3]
