"""MOS transistors of levels 1 to 3: limiting, bulk junctions, Meyer's charges."""

from __future__ import annotations

from typing import Any

from ....netlists._check import Array
from ...structured.jit import leaf
from .kernels_dual import Dual, linear, sub
from .kernels_junction import assemble, depletion, diffusion, flat_diffusion
from .kernels_limit import fetlim, limvds, pnjlim
from .kernels_meyer import meyer, moved
from .kernels_mos_rows import (
    COX,
    DRAIN,
    DRAIN_SIDE,
    ISD,
    PHI,
    SOURCE,
    SOURCE_SIDE,
    VCRIT_D,
    VCRIT_S,
    VT,
    VTO,
)

__all__ = ["TOLD", "begin", "bulk_junctions", "finish", "limit", "put"]

TOLD = (
    "vgs", "vgd", "vgb", "cgs", "cgd", "cgb", "qgs", "qgd", "qgb", "vds", "vbs", "channel", "gm",
    "gds", "gmbs", "von", "vdsat", "ibd", "ibs", "gbd", "gbs", "cbd", "cbs",
)


@leaf
def limit(mode: int, off: int, u: Array, ul: Array, old: Array, p: Array, e: int) -> None:
    """Fill the limited vgs, vds, vbs; row 3 of `old` is the threshold of the last evaluation."""
    vgs, vds, vbs = u[0], u[1], u[2]
    if mode == 2:
        vgs, vds, vbs = (0.0, 0.0, 0.0) if off else (p[VTO, e], 0.0, -1.0)
    elif mode == 1:
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
    ul[0], ul[1], ul[2] = vgs, vds, vbs


@leaf
def bulk_junctions(
    vds: float, vbs: float, gmin: float, cubic: bool, p: Array, e: int, value: Array, slope: Array,
    charge: Array, farad: Array, first: int,
) -> None:
    """Fill currents 1 and 2 and charges `first` and the next: bulk to drain, bulk to source."""
    vt = p[VT, e]
    for k in range(2):
        v = vbs - vds if k == 0 else vbs
        saturation = p[ISD + k, e]
        i, g = diffusion(v, saturation, vt) if cubic else flat_diffusion(v, saturation, vt)
        i, g = i + gmin * v, g + gmin
        bottom, bottom_c = depletion(v, p, DRAIN if k == 0 else SOURCE, e)
        side, side_c = depletion(v, p, DRAIN_SIDE if k == 0 else SOURCE_SIDE, e)
        c = bottom_c + side_c
        value[1 + k], charge[first + k] = i, bottom + side
        slope[1 + k, 0], farad[first + k, 0] = 0.0, 0.0
        slope[1 + k, 1], farad[first + k, 1] = (-g, -c) if k == 0 else (0.0, 0.0)
        slope[1 + k, 2], farad[first + k, 2] = g, c


@leaf
def _turned(p: Dual) -> Dual:
    """Return derivatives by vgs, vds, vbs of what was differentiated by vgd, -vds, vbd."""
    return p[0], p[1], -(p[1] + p[2] + p[3]), p[3]


@leaf
def put(value: Array, slope: Array, k: int, p: Dual) -> None:
    """Put a current or charge and its derivatives into row k."""
    value[k] = p[0]
    slope[k, 0], slope[k, 1], slope[k, 2] = p[1], p[2], p[3]


@leaf
def begin(places: Any, state: Any, mode: int, branches: Array, work: Any, e: int) -> tuple[
    bool, float, float, float
]:
    """Read and limit an element's voltages; return whether drain and source change roles.

    And the voltages vgs, vds, vbs with vds >= 0 that the law is evaluated at.
    """
    x, at, sign, p = places
    old, limited, off, _ = state
    u, ul = work[0], work[1]
    for b in range(3):
        u[b] = sign[e] * (x[at[branches[0, b], e]] - x[at[branches[1, b], e]])
    limit(mode, off[e], u, ul, old, p, e)
    vgs, vds, vbs = ul[0], ul[1], ul[2]
    limited[e] = mode == 2 or abs(vgs - u[0]) + abs(vds - u[1]) + abs(vbs - u[2]) > 1e-12
    if vds < 0.0:
        return True, vgs - vds, -vds, vbs - vds
    return False, vgs, vds, vbs


@leaf
def finish(
    places: Any, state: Any, how: Any, wires: Any, work: Any, out: Any, e: int, cubic: bool,
    turned: bool, i: Dual, von: Dual, vdsat: Dual,
) -> None:
    """Put an element's currents and charges into the rows, given its channel.

    `memory` has, of the last accepted point, vgs, vgd, vgb, Meyer's capacitances and charges at
    these, and whether there is any.
    """
    _, _, sign, p = places
    old, _, _, memory = state
    mode, gmin, dynamic = how
    branches, currents, g_slots, charges, c_slots = wires
    u, ul, value, slope, charge, farad = work
    f, q, g, c, told = out
    vgs, vds, vbs = ul[0], ul[1], ul[2]
    if mode:
        old[0, e], old[1, e], old[2, e], old[3, e] = vgs, vds, vbs, von[0]
    told[12, e], told[13, e], told[14, e] = i[1], i[2], i[3]
    if turned:
        flow = _turned(i)
        put(value, slope, 0, (-flow[0], -flow[1], -flow[2], -flow[3]))
    else:
        put(value, slope, 0, i)
    bulk_junctions(vds, vbs, gmin, cubic, p, e, value, slope, charge, farad, 3)
    lgs, lds = (vgs - vds, -vds) if turned else (vgs, vds)
    near, far, bulk = meyer(
        sub(linear(lgs, 1.0, 0.0, 0.0), von), lds, vdsat, p[PHI, e], p[COX, e]
    )
    if turned:
        near, far, bulk = _turned(far), _turned(near), _turned(bulk)
    v0 = linear(vgs, 1.0, 0.0, 0.0)
    v1 = linear(vgs - vds, 1.0, -1.0, 0.0)
    v2 = linear(vgs - vbs, 1.0, 0.0, -1.0)
    if dynamic and memory[9, e] > 0.0:
        put(charge, farad, 0, moved(near, v0, memory[3, e], memory[0, e], memory[6, e]))
        put(charge, farad, 1, moved(far, v1, memory[4, e], memory[1, e], memory[7, e]))
        put(charge, farad, 2, moved(bulk, v2, memory[5, e], memory[2, e], memory[8, e]))
    else:  # capacitances as they are: what small signals see
        put(charge, farad, 0, (near[0] * v0[0], near[0], 0.0, 0.0))
        put(charge, farad, 1, (far[0] * v1[0], far[0], -far[0], 0.0))
        put(charge, farad, 2, (bulk[0] * v2[0], bulk[0], 0.0, -bulk[0]))
    assemble(e, sign[e], value, slope, u, ul, branches, currents, g_slots, f, g)
    assemble(e, sign[e], charge, farad, u, ul, branches, charges, c_slots, q, c)
    told[0, e], told[1, e], told[2, e] = v0[0], v1[0], v2[0]
    told[3, e], told[4, e], told[5, e] = near[0], far[0], bulk[0]
    told[6, e], told[7, e], told[8, e] = charge[0], charge[1], charge[2]
    told[9, e], told[10, e], told[11, e] = vds, vbs, value[0]
    told[15, e], told[16, e] = von[0], vdsat[0]
    told[17, e], told[18, e] = value[1], value[2]
    told[19, e], told[20, e] = slope[1, 2], slope[2, 2]
    told[21, e], told[22, e] = farad[3, 2], farad[4, 2]
