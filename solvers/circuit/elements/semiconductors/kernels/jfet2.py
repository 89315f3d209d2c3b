"""JFET level 2: the laws of `netlists.transistors.parker_skellern`, differentiated.

Traps and heating are unknowns that follow voltages and power with time constants; without time
constants they are these voltages and this power.
"""

from __future__ import annotations

import math
from typing import Any

from ......core.compiled.jit import inlined, leaf
from ......core.validation import Array
from ......netlists.transistors.parker_skellern import channel, gate_charge
from ....system.element_group import Ints
from ....system.kernels_blocks import EVALUATE
from .block import arrays, limited_any, note, settle
from .junction import assemble
from .law import derived
from .limiting import fetlim, pnjlim

__all__ = ["LAW", "ROWS", "SHOWN", "run"]

LAW = (
    "vto", "vst", "mvst", "lfgam", "lfg1", "lfg2", "hfeta", "hfe1", "hfe2", "hfgam", "hfg1", "hfg2",
    "d3", "p", "q", "mxi", "xi_woo", "za", "z", "beta", "lambda_", "cgs", "cgd", "acgam", "xc",
    "vbi", "vmax", "alpha",
)
_PLACES = {name: k for k, name in enumerate(LAW)}
VTO = _PLACES["vto"]
IS, VTN, IBD, VBD, VT, VCRIT, DELTA, TAUG, TAUD, MANY, ROWS = range(len(LAW), len(LAW) + 11)
SHOWN = (
    "vgs", "vgd", "qgs", "qgd", "id", "ig", "gm", "gds", "ggs", "ggd", "cgs", "cgd",
)
_STEEP = 40.0  # exponents above are carried on along their tangent

# (vgs, vgd, slow vgs, slow vgd, p, e) -> current and power, each with its derivatives
law = derived(channel, _PLACES)
# (vgs, vgd, p, e) -> charge, and its derivatives
stored = derived(gate_charge, _PLACES)


@inlined
def _exponential(v: float, scale: float, size: float) -> tuple[float, float]:
    """Return size (e^(v / scale) - 1) and its derivative."""
    x = v / scale
    if x < _STEEP:
        e = size * math.exp(x)
        return e - size, e / scale
    e = size * math.exp(_STEEP)
    return e * (x - _STEEP + 1.0) - size, e / scale


@inlined
def evaluate(
    places: Any, state: Any, how: Any, wires: Any, work: Any, out: Any, some: Ints
) -> None:
    """Evaluate all transistors of level 2; see `Device`.

    Branches: gate-source, gate-drain, both that traps have followed, the power that has heated.
    `memory` has gate-source and gate-drain voltage and charge of the last accepted point, and
    whether there is any.
    """
    x, at, sign, p = places
    old, limited, off, memory = state
    mode, gmin, dynamic = how
    branches, currents, g_slots, charges, c_slots = wires
    u, ul, value, slope, charge, farad = work
    f, q, g, c, shown = out
    slope[:] = 0.0
    farad[:] = 0.0
    for place in range(some.shape[0]):
        e = some[place]
        for b in range(5):
            n = branches[1, b]
            low = x[at[n, e]] if n >= 0 else 0.0
            u[b] = sign[e] * (x[at[branches[0, b], e]] - low)
            ul[b] = u[b]
        for b in range(2):
            if mode == 2:
                ul[b] = 0.0 if off[e] else -1.0
            elif mode == 1:
                ul[b] = pnjlim(u[b], old[b, e], p[VT, e], p[VCRIT, e])
                ul[b] = fetlim(ul[b], old[b, e], p[VTO, e])
        limited[e] = mode == 2 or abs(ul[0] - u[0]) + abs(ul[1] - u[1]) > 1e-12
        if mode:
            old[0, e], old[1, e] = ul[0], ul[1]
        vgs, vgd = ul[0], ul[1]
        traps, heats = at[3, e] >= 0, at[5, e] >= 0
        if not dynamic:  # traps go with voltages that are limited
            ul[2], ul[3] = u[2] + ul[0] - u[0], u[3] + ul[1] - u[1]
        slow_gs, slow_gd = (ul[2], ul[3]) if traps else (vgs, vgd)
        turned = vgs < vgd
        if turned:
            found = law(vgd, vgs, slow_gd, slow_gs, p, e)
            i, d0, d1, d2, d3 = -found[0], -found[2], -found[1], -found[4], -found[3]
            watt, w0, w1, w2, w3 = found[5], found[7], found[6], found[9], found[8]
        else:
            found = law(vgs, vgd, slow_gs, slow_gd, p, e)
            i, d0, d1, d2, d3 = found[0], found[1], found[2], found[3], found[4]
            watt, w0, w1, w2, w3 = found[5], found[6], found[7], found[8], found[9]
        if not traps:
            d0, d1, d2, d3 = d0 + d2, d1 + d3, 0.0, 0.0
            w0, w1, w2, w3 = w0 + w2, w1 + w3, 0.0, 0.0
        delta, many = p[DELTA, e], p[MANY, e]
        # the floor is for first guesses of the power, which is not negative
        weaker = 1.0 / max(1.0 + delta * (ul[4] if heats else watt), 0.1)
        hot = -delta * i * weaker * weaker
        i, d0, d1, d2, d3 = i * weaker, d0 * weaker, d1 * weaker, d2 * weaker, d3 * weaker
        if not heats:
            d0, d1, d2, d3 = d0 + hot * w0, d1 + hot * w1, d2 + hot * w2, d3 + hot * w3
        value[0], slope[0, 0], slope[0, 1] = many * i, many * d0, many * d1
        slope[0, 2], slope[0, 3], slope[0, 4] = many * d2, many * d3, many * hot if heats else 0.0
        for b in range(2):
            ahead, steep = _exponential(ul[b], p[VTN, e], p[IS, e])
            back, flat = _exponential(-ul[b], p[VBD, e], p[IBD, e])
            value[1 + b] = many * (ahead - back + gmin * ul[b])
            slope[1 + b, b] = many * (steep + flat + gmin)
            # traps follow their voltage: all in volt, a rate of 1 / taug
            value[3 + b], slope[3 + b, 2 + b], slope[3 + b, b] = ul[2 + b] - ul[b], 1.0, -1.0
            charge[2 + b], farad[2 + b, 2 + b] = p[TAUG, e] * ul[2 + b], p[TAUG, e]
        value[5], slope[5, 4] = ul[4] - watt, 1.0
        slope[5, 0], slope[5, 1], slope[5, 2], slope[5, 3] = -w0, -w1, -w2, -w3
        charge[4], farad[4, 4] = p[TAUD, e] * ul[4], p[TAUD, e]
        _, near, far = stored(vgs, vgd, p, e)
        if dynamic and memory[4, e] > 0.0:
            _gate(vgs, vgd, memory, p, e, charge, farad)
        else:
            # capacitances as they are: what small signals see
            charge[0], farad[0, 0], farad[0, 1] = near * vgs, near, 0.0
            charge[1], farad[1, 1], farad[1, 0] = far * vgd, far, 0.0
        for b in range(2):
            charge[b] *= many
            farad[b, 0] *= many
            farad[b, 1] *= many
        assemble(e, sign[e], value, slope, u, ul, branches, currents, g_slots, f, g)
        assemble(e, sign[e], charge, farad, u, ul, branches, charges, c_slots, q, c)
        shown[0, e], shown[1, e], shown[2, e], shown[3, e] = vgs, vgd, charge[0], charge[1]
        shown[4, e], shown[5, e] = value[0] - value[2], value[1] + value[2]
        shown[6, e], shown[7, e] = slope[0, 0] + slope[0, 1], -slope[0, 1]
        shown[8, e], shown[9, e] = slope[1, 0], slope[2, 1]
        shown[10, e], shown[11, e] = many * near, many * far


@inlined
def _gate(
    vgs: float, vgd: float, memory: Any, p: Any, e: int, charge: Any, farad: Any
) -> None:
    """Part the change of the gate's charge between source and drain: mean of both paths to it."""
    v0, v1, many = memory[0, e], memory[1, e], p[MANY, e]
    now, now_s, now_d = stored(vgs, vgd, p, e)
    a, _, a_d = stored(v0, vgd, p, e)
    b, b_s, _ = stored(vgs, v1, p, e)
    first, _, _ = stored(v0, v1, p, e)
    charge[0] = memory[2, e] / many + 0.5 * (now - a + b - first)
    farad[0, 0], farad[0, 1] = 0.5 * (now_s + b_s), 0.5 * (now_d - a_d)
    charge[1] = memory[3, e] / many + 0.5 * (now - b + a - first)
    farad[1, 0], farad[1, 1] = 0.5 * (now_s - b_s), 0.5 * (now_d + a_d)


@leaf
def run(what: int, _time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Evaluate the transistors of a block, keep their voltages or go back to them."""
    if what != EVALUATE:
        return settle(what, block)
    places, state, how, wires, work, out, some = arrays(block, numbers, x)
    evaluate(places, state, how, wires, work, out, some)
    note(some.shape[0], block, numbers, x)
    return limited_any(block)
