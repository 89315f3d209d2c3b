"""MOS transistors of levels 1, 2, 3 and 6: limiting, bulk junctions, Meyer's charges."""

from __future__ import annotations

from typing import Any

from ......core.compiled.jit import inlined
from ......core.validation import Array
from .dual_numbers import Dual, add, constant, linear, scale, sub
from .junction import depletions, diffusion, flat_diffusion
from .limiting import fetlim, limvds, pnjlim
from .meyer import meyer, moved
from .mos_rows import (
    COX,
    DRAIN,
    DRAIN_SIDE,
    ISD,
    ISS,
    PHI,
    SOURCE,
    SOURCE_SIDE,
    VCRIT_D,
    VCRIT_S,
    VT,
    VTO,
)

__all__ = ["SHOWN", "begin", "bulk_junction", "finish", "limit", "stamp"]

SHOWN = (
    "vgs", "vgd", "vgb", "cgs", "cgd", "cgb", "qgs", "qgd", "qgb", "vds", "vbs", "channel", "gm",
    "gds", "gmbs", "von", "vdsat", "ibd", "ibs", "gbd", "gbs", "cbd", "cbs",
)


Voltages = tuple[float, float, float]
Junction = tuple[float, float, float, float]  # current, conductance, charge, capacitance
D, G, S, B = 0, 1, 2, 3


@inlined
def limit(
    mode: int, off: int, vgs: float, vds: float, vbs: float, old: Array, p: Array, e: int
) -> Voltages:
    """Return the limited vgs, vds, vbs; row 3 of `old` is the threshold of the last evaluation."""
    if mode == 2:
        return (0.0, 0.0, 0.0) if off else (p[VTO, e], 0.0, -1.0)
    if mode == 0:
        return vgs, vds, vbs
    vt, von = p[VT, e], old[3, e]
    vgd = vgs - vds
    if old[1, e] >= 0.0:
        vgs = fetlim(vgs, old[0, e], von)
        vds = limvds(vgs - vgd, old[1, e])
    else:
        vgd = fetlim(vgd, old[0, e] - old[1, e], von)
        vds = -limvds(vgd - vgs, -old[1, e])
        vgs = vgd + vds
    if vds >= 0.0:
        vbs = pnjlim(vbs, old[2, e], vt, p[VCRIT_S, e])
    else:
        vbs = vds + pnjlim(vbs - vds, old[2, e] - old[1, e], vt, p[VCRIT_D, e])
    return vgs, vds, vbs


@inlined
def bulk_junction(v: float, drain: bool, cubic: bool, gmin: float, p: Array, e: int) -> Junction:
    """Return the junction between bulk and drain, or bulk and source, at the voltage v."""
    vt, saturation = p[VT, e], p[ISD, e] if drain else p[ISS, e]
    i, g = diffusion(v, saturation, vt) if cubic else flat_diffusion(v, saturation, vt)
    charge, farad = depletions(
        v, p, DRAIN if drain else SOURCE, DRAIN_SIDE if drain else SOURCE_SIDE, e
    )
    return i + gmin * v, g + gmin, charge, farad


@inlined
def turned_back(p: Dual) -> Dual:
    """Return derivatives by vgs, vds, vbs of what was differentiated by vgd, -vds, vbd."""
    return p[0], p[1], -(p[1] + p[2] + p[3]), p[3]


@inlined
def begin(places: Any, state: Any, mode: int, e: int) -> tuple[
    Voltages, Voltages, bool, Voltages
]:
    """Read and limit an element's vgs, vds, vbs; return them and what they are before that.

    And whether drain and source have changed roles, with the voltages from the lower of the two.
    """
    x, at, sign, p = places
    old, limited, off, _ = state
    s, source = sign[e], x[at[S, e]]
    vgs, vds, vbs = s * (x[at[G, e]] - source), s * (x[at[D, e]] - source), s * (
        x[at[B, e]] - source
    )
    gs, ds, bs = limit(mode, off[e], vgs, vds, vbs, old, p, e)
    limited[e] = mode == 2 or abs(gs - vgs) + abs(ds - vds) + abs(bs - vbs) > 1e-12
    at, turned = (gs, ds, bs), ds < 0.0
    return at, (vgs, vds, vbs), turned, (gs - ds, -ds, bs - ds) if turned else at


@inlined
def _flow(p: Dual, ahead: Voltages) -> float:
    """Return a current or a charge, carried on along its tangent."""
    return p[0] + p[1] * ahead[0] + p[2] * ahead[1] + p[3] * ahead[2]


@inlined
def _row(entries: Array, slots: Array, row: int, e: int, a: float, b: float, c: float) -> None:
    """Put the derivatives of a row by vgs, vds, vbs."""
    entries[slots[row, G], e] = a
    entries[slots[row, D], e] = b
    entries[slots[row, B], e] = c
    entries[slots[row, S], e] = -(a + b + c)


@inlined
def stamp(
    wires: Any, out: Any, e: int, sign: float, at: Voltages, asked: Voltages, i: Dual,
    drain: Junction, source: Junction, q: tuple[Dual, Dual, Dual],
) -> None:
    """Put an element's currents and charges into the rows of its terminals.

    Parameters
    ----------
    sign : float
        -1 for p channels, whose voltages and currents are all reversed.
    at, asked : three floats
        vgs, vds, vbs at which everything was evaluated, and those of the unknowns.
    i : Dual
        Channel current from drain to source.
    drain, source : Junction
        From the bulk.
    q : three Duals
        Charges of gate, drain and source without the junctions'; the bulk has the rest.
    """
    g_slots, c_slots = wires[2], wires[4]
    f_out, q_out, g, c = out[0], out[1], out[2], out[3]
    ahead = asked[0] - at[0], asked[1] - at[1], asked[2] - at[2]
    gd, gs = drain[1], source[1]
    channel = _flow(i, ahead)
    to_drain = drain[0] + gd * (ahead[2] - ahead[1])
    to_source = source[0] + gs * ahead[2]
    f_out[D, e] = sign * (channel - to_drain)
    f_out[G, e] = 0.0
    f_out[S, e] = -sign * (channel + to_source)
    f_out[B, e] = sign * (to_drain + to_source)
    _row(g, g_slots, D, e, i[1], i[2] + gd, i[3] - gd)
    _row(g, g_slots, S, e, -i[1], -i[2], -i[3] - gs)
    g[g_slots[B, D], e] = -gd
    g[g_slots[B, B], e] = gd + gs
    g[g_slots[B, S], e] = -gs
    cd, cs = drain[3], source[3]
    gate, on_drain, on_source = q
    held_gate = _flow(gate, ahead)
    held_drain = _flow(on_drain, ahead) - drain[2] - cd * (ahead[2] - ahead[1])
    held_source = _flow(on_source, ahead) - source[2] - cs * ahead[2]
    q_out[D, e] = sign * held_drain
    q_out[G, e] = sign * held_gate
    q_out[S, e] = sign * held_source
    q_out[B, e] = -sign * (held_drain + held_gate + held_source)
    d1, d2, d3 = on_drain[1], on_drain[2] + cd, on_drain[3] - cd
    s1, s2, s3 = on_source[1], on_source[2], on_source[3] - cs
    _row(c, c_slots, D, e, d1, d2, d3)
    _row(c, c_slots, G, e, gate[1], gate[2], gate[3])
    _row(c, c_slots, S, e, s1, s2, s3)
    _row(
        c, c_slots, B, e, -(d1 + gate[1] + s1), -(d2 + gate[2] + s2), -(d3 + gate[3] + s3)
    )


@inlined
def _charges(
    dynamic: bool, memory: Array, p: Array, e: int, turned: bool, at: Voltages, von: Dual,
    vdsat: Dual,
) -> tuple[Voltages, Dual, Dual, Dual]:
    """Return Meyer's capacitances and charges of gate to source, drain and bulk."""
    vgs, vds, vbs = at
    cox = p[COX, e]
    zero = constant(0.0)
    if cox == 0.0:
        return (0.0, 0.0, 0.0), zero, zero, zero
    lgs, lds = (vgs - vds, -vds) if turned else (vgs, vds)
    near, far, bulk = meyer(sub(linear(lgs, 1.0, 0.0, 0.0), von), lds, vdsat, p[PHI, e], cox)
    if turned:
        near, far, bulk = turned_back(far), turned_back(near), turned_back(bulk)
    farad = near[0], far[0], bulk[0]
    v0 = linear(vgs, 1.0, 0.0, 0.0)
    v1 = linear(vgs - vds, 1.0, -1.0, 0.0)
    v2 = linear(vgs - vbs, 1.0, 0.0, -1.0)
    if dynamic and memory[9, e] > 0.0:
        return (
            farad, moved(near, v0, memory[3, e], memory[0, e], memory[6, e]),
            moved(far, v1, memory[4, e], memory[1, e], memory[7, e]),
            moved(bulk, v2, memory[5, e], memory[2, e], memory[8, e]),
        )
    # capacitances as they are: what small signals see
    return farad, scale(near[0], v0), scale(far[0], v1), scale(bulk[0], v2)


@inlined
def finish(
    places: Any, state: Any, how: Any, wires: Any, out: Any, e: int, cubic: bool, turned: bool,
    at: Voltages, asked: Voltages, law: tuple[Dual, Dual, Dual],
) -> None:
    """Put an element's currents and charges into the rows, given its channel.

    `memory` has, of the last accepted point, vgs, vgd, vgb, Meyer's capacitances and charges at
    these, and whether there is any.
    """
    sign, p = places[2], places[3]
    old, memory = state[0], state[3]
    mode, gmin, dynamic = how
    shown = out[4]
    i, von, vdsat = law
    vgs, vds, vbs = at
    if mode:
        old[0, e], old[1, e], old[2, e], old[3, e] = vgs, vds, vbs, von[0]
    shown[12, e], shown[13, e], shown[14, e] = i[1], i[2], i[3]
    if turned:
        i = scale(-1.0, turned_back(i))
    drain = bulk_junction(vbs - vds, True, cubic, gmin, p, e)
    source = bulk_junction(vbs, False, cubic, gmin, p, e)
    farad, near, far, bulk = _charges(dynamic, memory, p, e, turned, at, von, vdsat)
    stamp(
        wires, out, e, sign[e], at, asked, i, drain, source,
        (add(add(near, far), bulk), scale(-1.0, far), scale(-1.0, near)),
    )
    shown[0, e], shown[1, e], shown[2, e] = vgs, vgs - vds, vgs - vbs
    shown[3, e], shown[4, e], shown[5, e] = farad[0], farad[1], farad[2]
    shown[6, e], shown[7, e], shown[8, e] = near[0], far[0], bulk[0]
    shown[9, e], shown[10, e], shown[11, e] = vds, vbs, i[0]
    shown[15, e], shown[16, e] = von[0], vdsat[0]
    shown[17, e], shown[18, e] = drain[0], source[0]
    shown[19, e], shown[20, e] = drain[1], source[1]
    shown[21, e], shown[22, e] = drain[3], source[3]
