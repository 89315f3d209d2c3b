"""Diodes: SPICE3's level 1 with ngspice's knees, side walls and recombination current."""

from __future__ import annotations

import math
from typing import Any

from ......core.compiled.jit import inlined, leaf
from ......core.validation import Array
from ....system.element_group import Ints
from ....system.kernels_blocks import EVALUATE
from .block import arrays, limited_any, note, settle
from .junction import assemble, depletion, diffusion
from .limiting import pnjlim

__all__ = ["BOTTOM", "ROWS", "SHOWN", "SIDE", "limited", "run", "wall"]

IS, VTE, VTB, BV, VCRIT, ISR, VTR, IKF, IKR, TT = range(10)
BOTTOM, SIDE, ROWS = 10, 17, 24
SHOWN = ("vd", "id", "gd", "cd", "charge")


@inlined
def wall(
    v: float, saturation: float, vt: float, breakdown: float, vtb: float
) -> tuple[float, float]:
    """Return current and conductance of a junction that breaks down."""
    if v < -3.0 * vt and v < -breakdown:
        e = saturation * math.exp(min(-(breakdown + v) / vtb, 709.0))
        return -e, e / vtb
    return diffusion(v, saturation, vt)


@inlined
def _knee(i: float, g: float, knee: float) -> tuple[float, float]:
    """Return i / (1 + sqrt(|i| / knee))."""
    root = math.sqrt(abs(i) / knee)
    return i / (1.0 + root), g * (1.0 + 0.5 * root) / (1.0 + root) ** 2


@inlined
def _recombination(v: float, p: Array, e: int) -> tuple[float, float]:
    """Return the recombination current, which the width of the depletion layer modulates."""
    i, g = diffusion(v, p[ISR, e], p[VTR, e])
    potential, grading = p[BOTTOM + 1, e], p[BOTTOM + 2, e]
    rest = 1.0 - v / potential
    t = rest * rest + 0.005
    width = math.exp(0.5 * grading * math.log(t))
    return i * width, g * width - i * grading * rest * width / (t * potential)


@inlined
def law(v: float, p: Array, e: int) -> tuple[float, float]:
    """Return current and conductance."""
    vte = p[VTE, e]
    i, g = wall(v, p[IS, e], vte, p[BV, e], p[VTB, e])
    if p[ISR, e] > 0.0 and v >= -3.0 * vte:
        more, slope = _recombination(v, p, e)
        i, g = i + more, g + slope
    if v >= -3.0 * vte:
        if p[IKF, e] > 0.0 and i > 1e-18:
            i, g = _knee(i, g, p[IKF, e])
    elif p[IKR, e] > 0.0 and i < -1e-18:
        i, g = _knee(i, g, p[IKR, e])
    return i, g


@inlined
def limited(
    new: float, old: float, breakdown: float, vtb: float, vt: float, critical: float
) -> float:
    """Return the limited voltage; breakdown is a junction seen from the other side."""
    if new < min(0.0, -breakdown + 10.0 * vtb):
        return -(pnjlim(-(new + breakdown), -(old + breakdown), vtb, critical) + breakdown)
    return pnjlim(new, old, vt, critical)


@inlined
def evaluate(
    places: Any, state: Any, how: Any, wires: Any, work: Any, out: Any, some: Ints
) -> None:
    """Evaluate all diodes; see `Device`."""
    x, at, _, p = places
    old, is_limited, off, _ = state
    mode, gmin, _ = how
    branches, currents, g_slots, charges, c_slots = wires
    u, ul, value, slope, charge, farad = work
    f, q, g, c, shown = out
    for place in range(some.shape[0]):
        e = some[place]
        u[0] = x[at[0, e]] - x[at[1, e]]
        v = u[0]
        if mode == 2:
            v = 0.0 if off[e] else p[VCRIT, e]
        elif mode == 1:
            v = limited(v, old[0, e], p[BV, e], p[VTB, e], p[VTE, e], p[VCRIT, e])
        is_limited[e] = mode == 2 or abs(v - u[0]) > 1e-12
        if mode:
            old[0, e] = v
        ul[0] = v
        i, conductance = law(v, p, e)
        value[0] = i + gmin * v
        slope[0, 0] = conductance + gmin
        bottom, bottom_c = depletion(v, p, BOTTOM, e)
        side, side_c = depletion(v, p, SIDE, e)
        charge[0] = p[TT, e] * i + bottom + side
        farad[0, 0] = p[TT, e] * conductance + bottom_c + side_c
        assemble(e, 1.0, value, slope, u, ul, branches, currents, g_slots, f, g)
        assemble(e, 1.0, charge, farad, u, ul, branches, charges, c_slots, q, c)
        shown[0, e], shown[1, e], shown[2, e] = v, value[0], slope[0, 0]
        shown[3, e], shown[4, e] = farad[0, 0], charge[0]


@leaf
def run(what: int, _time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Evaluate the diodes of a block, keep their voltages or go back to them."""
    if what != EVALUATE:
        return settle(what, block)
    places, state, how, wires, work, out, some = arrays(block, numbers, x)
    evaluate(places, state, how, wires, work, out, some)
    note(some.shape[0], block, numbers, x)
    return limited_any(block)
