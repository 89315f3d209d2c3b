"""Junction field-effect transistors: H. Shichman and D. A. Hodges, IEEE JSSC 3:285 (1968).

The doping tail `b` is A. E. Parker and D. J. Skellern's (Sydney University), as in SPICE3f.
"""

from __future__ import annotations

import math
from typing import Any

from ......core.compiled.jit import inlined, leaf
from ......core.validation import Array
from ....system.element_group import Ints
from ....system.kernels_blocks import EVALUATE
from .block import arrays, limited_any, note, settle
from .junction import assemble, depletion, diffusion
from .limiting import fetlim, pnjlim

__all__ = ["DRAIN", "ROWS", "SHOWN", "SOURCE", "run"]

VT, IS, VTN, VCRIT, VTO, BETA, LAMBDA, B, TAIL, MANY = range(10)
SOURCE, DRAIN, ROWS = 10, 17, 24
SHOWN = ("vgs", "vgd", "id", "ig", "gm", "gds", "ggs", "ggd", "cgs", "cgd")


@inlined
def _channel(vgs: float, vds: float, p: Array, e: int) -> tuple[float, float, float]:
    """Return drain current, gm and gds for vds >= 0."""
    over = vgs - p[VTO, e]
    if over <= 0.0:
        return 0.0, 0.0, 0.0
    beta, slope, b, tail = p[BETA, e], p[LAMBDA, e], p[B, e], p[TAIL, e]
    grown = beta * (1.0 + slope * vds)
    if over >= vds:
        a = 2.0 * b + 3.0 * tail * (over - vds)
        part = vds * (vds * (tail * vds - b) + over * a)
        gm = grown * vds * (a + 3.0 * tail * over)
        return grown * part, gm, grown * (over - vds) * a + beta * slope * part
    part = over * over * (b + tail * over)
    return grown * part, grown * over * (2.0 * b + 3.0 * tail * over), slope * beta * part


@inlined
def evaluate(
    places: Any, state: Any, how: Any, wires: Any, work: Any, out: Any, some: Ints
) -> None:
    """Evaluate all junction field-effect transistors; see `Device`."""
    x, at, sign, p = places
    old, limited, off, _ = state
    mode, gmin, _ = how
    branches, currents, g_slots, charges, c_slots = wires
    u, ul, value, slope, charge, farad = work
    f, q, g, c, shown = out
    slope[:] = 0.0
    farad[:] = 0.0
    for place in range(some.shape[0]):
        e = some[place]
        for b in range(2):  # gate-source, gate-drain
            u[b] = sign[e] * (x[at[0, e]] - x[at[1 + b, e]])
            ul[b] = u[b]
            if mode == 2:
                ul[b] = 0.0 if off[e] else -1.0
            elif mode == 1:
                ul[b] = pnjlim(u[b], old[b, e], p[VT, e], p[VCRIT, e])
                ul[b] = fetlim(ul[b], old[b, e], p[VTO, e])
        limited[e] = mode == 2 or abs(ul[0] - u[0]) + abs(ul[1] - u[1]) > 1e-12
        if mode:
            old[0, e], old[1, e] = ul[0], ul[1]
        vgs, vgd = ul[0], ul[1]
        many = p[MANY, e]
        for b in range(2):
            i, gg = diffusion(ul[b], p[IS, e], p[VTN, e])
            value[b], slope[b, b] = many * (i + gmin * ul[b]), many * (gg + gmin)
        if vgs >= vgd:
            i, gm, gds = _channel(vgs, vgs - vgd, p, e)
            value[2], slope[2, 0], slope[2, 1] = many * i, many * (gm + gds), -many * gds
        else:  # drain and source change roles
            i, gm, gds = _channel(vgd, vgd - vgs, p, e)
            value[2], slope[2, 0], slope[2, 1] = -many * i, many * gds, -many * (gm + gds)
        charge[0], farad[0, 0] = depletion(vgs, p, SOURCE, e)
        charge[1], farad[1, 1] = depletion(vgd, p, DRAIN, e)
        for b in range(2):
            charge[b] *= many
            farad[b, b] *= many
        assemble(e, sign[e], value, slope, u, ul, branches, currents, g_slots, f, g)
        assemble(e, sign[e], charge, farad, u, ul, branches, charges, c_slots, q, c)
        shown[0, e], shown[1, e] = vgs, vgd
        shown[2, e], shown[3, e] = value[2] - value[1], value[0] + value[1]
        shown[4, e], shown[5, e] = many * math.copysign(gm, vgs - vgd), many * gds
        shown[6, e], shown[7, e] = slope[0, 0], slope[1, 1]
        shown[8, e], shown[9, e] = farad[0, 0], farad[1, 1]


@leaf
def run(what: int, _time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Evaluate the transistors of a block, keep their voltages or go back to them."""
    if what != EVALUATE:
        return settle(what, block)
    places, state, how, wires, work, out, some = arrays(block, numbers, x)
    evaluate(places, state, how, wires, work, out, some)
    note(some.shape[0], block, numbers, x)
    return limited_any(block)
