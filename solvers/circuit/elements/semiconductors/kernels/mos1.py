"""MOS level 1: H. Shichman and D. A. Hodges, IEEE J. Solid-State Circuits 3:285 (1968)."""

from __future__ import annotations

import math

from ......core.compiled.jit import inlined
from ......core.validation import Array
from .dual_numbers import Dual, add, constant, linear, mul, scale, shift, square, sub
from .mos_rows import BETA, GAMMA, LAMBDA, PHI, VBI

__all__ = ["level1"]


@inlined
def level1(vgs: float, vds: float, vbs: float, p: Array, e: int) -> tuple[Dual, Dual, Dual]:
    """Return drain current, threshold and saturation voltage for vds >= 0.

    All with their derivatives by vgs, vds, vbs.
    """
    phi, gamma = p[PHI, e], p[GAMMA, e]
    root = math.sqrt(phi)
    if vbs <= 0.0:
        s = math.sqrt(phi - vbs)
        body = linear(s, 0.0, 0.0, -0.5 / s)
    else:  # linear in forward bias, down to 0
        s = root - 0.5 * vbs / root
        body = linear(s, 0.0, 0.0, -0.5 / root) if s > 0.0 else constant(0.0)
    von = shift(scale(gamma, body), p[VBI, e])
    over = sub(linear(vgs, 1.0, 0.0, 0.0), von)
    if over[0] <= 0.0:
        return constant(0.0), von, constant(0.0)
    drain = linear(vds, 0.0, 1.0, 0.0)
    beta = scale(p[BETA, e], shift(scale(p[LAMBDA, e], drain), 1.0))
    if over[0] <= vds:
        return mul(beta, scale(0.5, square(over))), von, over
    part = mul(drain, add(over, scale(-0.5, drain)))
    return mul(beta, part), von, over
