"""VDMOS transistors: the laws of `netlists.transistors.vdmos`, differentiated, and a body diode."""

from __future__ import annotations

from typing import Any

from ......core.compiled.jit import inlined, leaf
from ......core.validation import Array
from ......netlists.transistors.vdmos import gate_drain_charge, quasi_saturation, transistor
from ....system.element_group import Ints
from ....system.kernels_blocks import EVALUATE
from .block import arrays, limited_any, note, settle
from .diode import limited, wall
from .junction import assemble, depletion
from .law import derived
from .limiting import fetlim, limvds

__all__ = ["BODY", "ROWS", "SHOWN", "run"]

VTO, SHIFT, SLOPE, BETA, LAMBDA, THETA, MTRIODE = range(7)
RD, RQ, VQ, SWING, FLOOR, A, CGS = range(7, 14)
IS, VTE, VTB, BV, VCRIT, TT = range(14, 20)
BODY, ROWS = 20, 27
SHOWN = ("vgs", "vds", "channel", "gm", "gds", "cgs", "cgd", "cds", "idio", "grd")

# (vgs, vds, p, e) -> current, and its derivatives
channel = derived(transistor, {
    "vto": VTO, "shift": SHIFT, "slope": SLOPE, "beta": BETA, "lambda_": LAMBDA, "theta": THETA,
    "mtriode": MTRIODE,
})
drain_resistance = derived(quasi_saturation, {"rd": RD, "rq": RQ, "vq": VQ})
gate_drain = derived(gate_drain_charge, {"swing": SWING, "floor": FLOOR, "a": A})


@inlined
def evaluate(
    places: Any, state: Any, how: Any, wires: Any, work: Any, out: Any, some: Ints
) -> None:
    """Evaluate all VDMOS transistors; see `Device`.

    Branches: gate-source, gate-drain, body diode, drain-source outside, drop of the drain's
    resistance. Currents: channel, body diode, quasi-saturated drain. Charges: gate-source,
    gate-drain, body diode.
    """
    x, at, sign, p = places
    old, is_limited, off, _ = state
    mode, gmin, _ = how
    branches, currents, g_slots, charges, c_slots = wires
    u, ul, value, slope, charge, farad = work
    f, q, g, c, shown = out
    slope[:] = 0.0
    farad[:] = 0.0
    for place in range(some.shape[0]):
        e = some[place]
        for b in range(u.shape[0]):
            u[b] = sign[e] * (x[at[branches[0, b], e]] - x[at[branches[1, b], e]])
            ul[b] = u[b]
        if mode == 2:
            ul[0] = 0.0 if off[e] else p[VTO, e] + 0.1
            ul[1] = ul[0]
            ul[2] = 0.0 if off[e] else p[VCRIT, e]
        elif mode == 1:
            vgs, vgd, vds = u[0], u[1], u[0] - u[1]
            before = old[0, e] - old[1, e]
            if before >= 0.0:
                vgs = fetlim(vgs, old[0, e], p[VTO, e])
                vds = limvds(vgs - vgd, before)
            else:
                vgd = fetlim(vgd, old[1, e], p[VTO, e])
                vds = -limvds(vgd - vgs, -before)
                vgs = vgd + vds
            ul[0], ul[1] = vgs, vgs - vds
            ul[2] = limited(u[2], old[2, e], p[BV, e], p[VTB, e], p[VTE, e], p[VCRIT, e])
        moved = abs(ul[0] - u[0]) + abs(ul[1] - u[1]) + abs(ul[2] - u[2])
        is_limited[e] = mode == 2 or moved > 1e-12
        if mode:
            old[0, e], old[1, e], old[2, e] = ul[0], ul[1], ul[2]
        vgs, vds, vd = ul[0], ul[0] - ul[1], ul[2]
        i, gm, gds = channel(vgs, vds, p, e)
        value[0], slope[0, 0], slope[0, 1] = i, gm + gds, -gds
        diode, conductance = wall(vd, p[IS, e], p[VTE, e], p[BV, e], p[VTB, e])
        value[1], slope[1, 2] = diode + gmin * vd, conductance + gmin
        value[2], slope[2, 3], slope[2, 4] = 0.0, 0.0, 0.0
        if p[RQ, e] > 0.0:
            value[2], slope[2, 4], slope[2, 3] = drain_resistance(ul[4], ul[3], p, e)
        charge[0], farad[0, 0] = p[CGS, e] * vgs, p[CGS, e]
        charge[1], farad[1, 1] = gate_drain(ul[1], p, e)
        stored, layer = depletion(vd, p, BODY, e)
        charge[2] = p[TT, e] * diode + stored
        farad[2, 2] = p[TT, e] * conductance + layer
        assemble(e, sign[e], value, slope, u, ul, branches, currents, g_slots, f, g)
        assemble(e, sign[e], charge, farad, u, ul, branches, charges, c_slots, q, c)
        shown[0, e], shown[1, e], shown[2, e] = vgs, vds, i
        # ngspice's: of the gate and of the drain by which the channel is controlled
        shown[3, e] = gm if vds >= 0.0 else -gm
        shown[4, e] = gds if vds >= 0.0 else gm + gds
        shown[5, e], shown[6, e], shown[7, e] = farad[0, 0], farad[1, 1], farad[2, 2]
        shown[8, e], shown[9, e] = value[1], slope[2, 4]


@leaf
def run(what: int, _time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Evaluate the transistors of a block, keep their voltages or go back to them."""
    if what != EVALUATE:
        return settle(what, block)
    places, state, how, wires, work, out, some = arrays(block, numbers, x)
    evaluate(places, state, how, wires, work, out, some)
    note(some.shape[0], block, numbers, x)
    return limited_any(block)
