"""MOS level 3, semi-empirical: A. Vladimirescu and S. Liu, UCB/ERL M80/7 (1980).

With ngspice's continuous channel-length modulation (option ``badmos3`` off).
"""

from __future__ import annotations

import math

from ......core.compiled.jit import inlined
from ......core.validation import Array
from .dual_numbers import (
    Dual,
    add,
    constant,
    div,
    exp,
    larger,
    linear,
    mul,
    scale,
    shift,
    smaller,
    sqrt,
    square,
    sub,
)
from .mos_rows import (
    ALPHA,
    BETA,
    CFS,
    ETA,
    FACTOR,
    GAMMA,
    KAPPA,
    LD,
    LENGTH,
    MOBILITY,
    PHI,
    THETA,
    VBI,
    VMAX,
    VT,
    XD,
    XJ,
)

__all__ = ["level3"]

_C0, _C1, _C2 = 0.0631353, 0.8013292, -0.01110777  # of Dang's formula for the short channel


@inlined
def _body(vbs: float, phi: float) -> tuple[Dual, Dual]:
    """Return phi - vbs and its root; they stay positive in forward bias."""
    if vbs <= 0.0:
        inside = linear(phi - vbs, 0.0, 0.0, -1.0)
        return inside, sqrt(inside)
    k = 1.0 + 0.5 * vbs / phi
    root = math.sqrt(phi) / k
    body = linear(root, 0.0, 0.0, -0.5 * root / (phi * k))
    return square(body), body


@inlined
def _short_channel(root: Dual, p: Array, e: int) -> Dual:
    """Return the share of the bulk charge that belongs to the gate (Dang, IEEE JSSC 14:358)."""
    depth, width = p[XJ, e], p[XD, e]
    if depth == 0.0 or width == 0.0:
        return constant(1.0)
    w = scale(width / depth, root)
    cylinder = add(shift(scale(_C1, w), _C0), scale(_C2, square(w)))
    ratio = div(w, shift(w, 1.0))
    arc = sqrt(shift(scale(-1.0, square(ratio)), 1.0))
    lateral = p[LD, e] / depth
    part = shift(mul(shift(cylinder, lateral), arc), -lateral)
    return shift(scale(-depth / p[LENGTH, e], part), 1.0)


@inlined
def _shortening(
    current: Dual, drain: Dual, vdsat: Dual, fdrain: Dual, inverse_vdsc: Dual, p: Array, e: int
) -> Dual:
    """Return by how much of its length the channel is shorter."""
    alpha, kappa, length = p[ALPHA, e], p[KAPPA, e], p[LENGTH, e]
    if alpha == 0.0 or kappa == 0.0:
        return constant(0.0)
    if drain[0] <= vdsat[0]:
        if p[VMAX, e] > 0.0 or vdsat[0] <= 0.0:
            return constant(0.0)
        share = square(square(div(drain, vdsat)))
        return scale(1.0 / length, mul(share, sqrt(scale(kappa * alpha / 8.0, vdsat))))
    beyond = sub(drain, vdsat)
    if p[VMAX, e] <= 0.0:
        inside = scale(kappa * alpha, add(beyond, scale(0.125, vdsat)))
        return scale(1.0 / length, sqrt(inside))
    slope = mul(mul(current, shift(scale(-1.0, fdrain), 1.0)), inverse_vdsc)
    slope = larger(slope, constant(1e-12))
    field = scale(0.5 * alpha * kappa / length, div(current, slope))
    root = sqrt(add(square(field), scale(kappa * alpha, beyond)))
    return scale(1.0 / length, sub(root, field))


@inlined
def level3(vgs: float, vds: float, vbs: float, p: Array, e: int) -> tuple[Dual, Dual, Dual]:
    """Return drain current, threshold and saturation voltage for vds >= 0.

    All with their derivatives by vgs, vds, vbs.
    """
    gate, drain = linear(vgs, 1.0, 0.0, 0.0), linear(vds, 0.0, 1.0, 0.0)
    inside, root = _body(vbs, p[PHI, e])
    fshort = _short_channel(root, p, e)
    gammas = scale(p[GAMMA, e], fshort)
    narrow = p[FACTOR, e]
    fbody = shift(scale(0.25, div(gammas, root)), narrow)
    bulk = add(mul(gammas, root), scale(narrow, inside))
    vth = add(shift(scale(-p[ETA, e], drain), p[VBI, e]), bulk)
    von, swing = vth, constant(1.0)
    weak = p[CFS, e] > 0.0
    if weak:
        swing = shift(scale(0.5, div(bulk, inside)), 1.0 + p[CFS, e])
        von = add(vth, scale(p[VT, e], swing))
    elif vgs <= von[0]:
        return constant(0.0), von, constant(0.0)
    over = sub(larger(gate, von), vth)
    slowing = shift(scale(p[THETA, e], over), 1.0)
    body = shift(fbody, 1.0)
    vdsat = div(over, body)
    inverse_vdsc = constant(0.0)
    if p[VMAX, e] > 0.0:
        limit = scale(p[LENGTH, e] * p[VMAX, e] / p[MOBILITY, e], slowing)
        inverse_vdsc = div(constant(1.0), limit)
        vdsat = sub(add(vdsat, limit), sqrt(add(square(vdsat), square(limit))))
    reach = smaller(drain, vdsat)
    charge = sub(over, scale(0.5, mul(body, reach)))
    current = scale(p[BETA, e], div(mul(charge, reach), slowing))
    fdrain = constant(1.0)
    if p[VMAX, e] > 0.0:
        fdrain = div(constant(1.0), shift(mul(reach, inverse_vdsc), 1.0))
        current = mul(fdrain, current)
    short = _shortening(current, drain, vdsat, fdrain, inverse_vdsc, p, e)
    if short[0] > 0.5:  # punch-through
        short = shift(scale(-0.25, div(constant(1.0), short)), 1.0)
    current = div(current, shift(scale(-1.0, short), 1.0))
    if weak and vgs < von[0]:
        current = mul(current, exp(div(sub(gate, von), scale(p[VT, e], swing))))
    return current, von, vdsat
