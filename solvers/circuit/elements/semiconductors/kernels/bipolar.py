"""Bipolar transistors: H. K. Gummel and H. C. Poon, Bell Syst. Tech. J. 49:827 (1970), in SPICE3.

The excess phase of the forward transport current is a filter of second order with the delay
ptf tf (P. B. Weil and L. P. McNamee, IEEE Trans. Circuits Syst. 25:114, 1978), whose two unknowns
make it part of the circuit's equations: y + td y' + td^2 y'' / 3 = i.
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
from .limiting import pnjlim

__all__ = ["BASE", "COLLECTOR", "EMITTER", "ROWS", "SHOWN", "SUBSTRATE", "run"]

(
    VT, ISE, ISC, ISS, NF, NR, NS, LEAK_E, NE, LEAK_C, NC, BF, BR, VAF, VAR, IKF, IKR, NKF,
    RB, RBM, IRB, VCRIT, VCRIT_S, TF, XTF, VTF, ITF, TR, DELAY, SUBS, MANY,
) = range(31)
EMITTER, COLLECTOR, BASE, SUBSTRATE, ROWS = 31, 38, 45, 52, 59
SHOWN = (
    "vbe", "vbc", "ic", "ib", "gm", "go", "gpi", "gmu", "gx", "cpi", "cmu", "cbx", "csub", "isub",
)


@inlined
def _base_resistance(ib: float, dib_e: float, dib_c: float, qb: float, dq_e: float, dq_c: float,
                     p: Array, e: int) -> tuple[float, float, float]:
    """Return the base resistance and its slopes by vbe and vbc."""
    low, swing = p[RBM, e], p[RB, e] - p[RBM, e]
    half = p[IRB, e]
    if half <= 0.0:
        r = swing / qb
        return low + r, -r / qb * dq_e, -r / qb * dq_c
    a = ib / half
    moves = a > 1e-9
    a = max(a, 1e-9)
    root, s = math.sqrt(a), math.sqrt(1.0 + 14.59025 * a)
    z = (s - 1.0) / (2.4317 * root)
    t = math.tan(z)
    shape = (t - z) / (z * t * t)
    if not moves:
        return low + 3.0 * swing * shape, 0.0, 0.0
    dz = (14.59025 / (2.0 * s) * root - (s - 1.0) / (2.0 * root)) / (2.4317 * a)
    grow = 1.0 + t * t
    d = z * t * t
    dshape = (t * t * d - (t - z) * (t * t + 2.0 * z * t * grow)) / (d * d)
    k = 3.0 * swing * dshape * dz / half
    return low + 3.0 * swing * shape, k * dib_e, k * dib_c


@inlined
def evaluate(
    places: Any, state: Any, how: Any, wires: Any, work: Any, out: Any, some: Ints
) -> None:
    """Evaluate all bipolar transistors; see `Device`."""
    x, at, sign, p = places
    old, limited, off, _ = state
    mode, gmin, _ = how
    branches, currents, g_slots, charges, c_slots = wires
    u, ul, value, slope, charge, farad = work
    f, q, g, c, shown = out
    count = u.shape[0]
    slope[:] = 0.0
    farad[:] = 0.0
    for place in range(some.shape[0]):
        e = some[place]
        for b in range(count):
            n = branches[1, b]
            u[b] = sign[e] * (x[at[branches[0, b], e]] - (x[at[n, e]] if n >= 0 else 0.0))
            ul[b] = u[b]
        vt, many, way = p[VT, e], p[MANY, e], p[SUBS, e]
        if mode == 2:
            ul[0] = 0.0 if off[e] else p[VCRIT, e]
            ul[1] = 0.0
            ul[2], ul[3], ul[4] = 0.0, 0.0, 0.0
        elif mode == 1:
            ul[0] = pnjlim(u[0], old[0, e], vt, p[VCRIT, e])
            ul[1] = pnjlim(u[1], old[1, e], vt, p[VCRIT, e])
            ul[4] = way * pnjlim(way * u[4], way * old[4, e], vt, p[VCRIT_S, e])
        limited[e] = mode == 2 or (
            abs(ul[0] - u[0]) + abs(ul[1] - u[1]) + abs(ul[4] - u[4]) > 1e-12
        )
        if mode:
            for b in range(count):
                old[b, e] = ul[b]
        vbe, vbc = ul[0], ul[1]
        ie, ge = diffusion(vbe, p[ISE, e], p[NF, e] * vt)
        ic, gc = diffusion(vbc, p[ISC, e], p[NR, e] * vt)
        leak_e, leak_ge = 0.0, 0.0
        if p[LEAK_E, e] > 0.0:
            leak_e, leak_ge = diffusion(vbe, p[LEAK_E, e], p[NE, e] * vt)
        leak_c, leak_gc = 0.0, 0.0
        if p[LEAK_C, e] > 0.0:
            leak_c, leak_gc = diffusion(vbc, p[LEAK_C, e], p[NC, e] * vt)

        # base charge: the Early effect (VAF and VAR are inverses) and high injection
        q1 = 1.0 / (1.0 - p[VAF, e] * vbc - p[VAR, e] * vbe)
        qb = q1
        dq_e, dq_c = q1 * qb * p[VAR, e], q1 * qb * p[VAF, e]
        if p[IKF, e] > 0.0 or p[IKR, e] > 0.0:
            arg = 1.0 + 4.0 * (p[IKF, e] * ie + p[IKR, e] * ic)
            root, droot = 1.0, 0.0
            if arg > 0.0:
                root = math.sqrt(arg) if p[NKF, e] == 0.5 else math.exp(p[NKF, e] * math.log(arg))
                droot = 2.0 * p[NKF, e] * root / arg
            qb = 0.5 * q1 * (1.0 + root)
            dq_e = q1 * (qb * p[VAR, e] + droot * p[IKF, e] * ge)
            dq_c = q1 * (qb * p[VAF, e] + droot * p[IKR, e] * gc)

        value[0] = ie / p[BF, e] + leak_e + gmin * vbe
        slope[0, 0] = ge / p[BF, e] + leak_ge + gmin
        value[1] = ic / p[BR, e] + leak_c + gmin * vbc
        slope[1, 1] = gc / p[BR, e] + leak_gc + gmin
        forward = ie / qb
        df_e, df_c = (ge - forward * dq_e) / qb, -forward * dq_c / qb
        delay = p[DELAY, e]
        slope[2, 5] = 0.0
        if delay > 0.0:
            value[2] = u[5] - ic / qb
            slope[2, 0], slope[2, 1] = ic * dq_e / (qb * qb), (ic * dq_c / qb - gc) / qb
            slope[2, 5] = 1.0
        else:
            value[2] = forward - ic / qb
            slope[2, 0] = df_e + ic * dq_e / (qb * qb)
            slope[2, 1] = df_c - (gc - ic * dq_c / qb) / qb
        r, dr_e, dr_c = _base_resistance(
            value[0] + value[1], slope[0, 0], slope[1, 1], qb, dq_e, dq_c, p, e
        )
        value[3], slope[3, 0], slope[3, 1], slope[3, 3] = 0.0, 0.0, 0.0, 0.0
        if p[RB, e] > 0.0:
            value[3] = ul[3] / r
            slope[3, 3] = 1.0 / r
            slope[3, 0], slope[3, 1] = -value[3] / r * dr_e, -value[3] / r * dr_c
        vs = way * ul[4]
        isub, gsub = 0.0, 0.0
        if p[ISS, e] > 0.0:
            isub, gsub = diffusion(vs, p[ISS, e], p[NS, e] * vt)
        value[4], slope[4, 4] = way * (isub + gmin * vs), gsub + gmin
        # the filter's unknowns: y' = z / td, z' = 3 (i - y - z) / td
        value[5], slope[5, 6] = -u[6], -1.0
        value[6] = u[5] + u[6] - forward
        slope[6, 0], slope[6, 1], slope[6, 5], slope[6, 6] = -df_e, -df_c, 1.0, 1.0

        # charges
        tf = p[TF, e]
        stored, dst_e, dst_c = 0.0, 0.0, 0.0
        if tf > 0.0:
            lift, lift_e, lift_c = 1.0, 0.0, 0.0
            if vbe > 0.0 and p[XTF, e] != 0.0:
                rise = p[XTF, e] * math.exp(min(vbc * p[VTF, e], 709.0))
                part, dpart = 1.0, 0.0
                if p[ITF, e] > 0.0:
                    part = ie / (ie + p[ITF, e])
                    dpart = p[ITF, e] * ge / (ie + p[ITF, e]) ** 2
                lift = 1.0 + rise * part * part
                lift_e, lift_c = 2.0 * rise * part * dpart, rise * part * part * p[VTF, e]
            if vbe > 0.0:
                stored = tf * forward * lift
                dst_e = tf * (df_e * lift + forward * lift_e)
                dst_c = tf * (df_c * lift + forward * lift_c)
            else:  # SPICE leaves out the base charge in reverse
                stored, dst_e = tf * ie, tf * ge
        layer, layer_c = depletion(vbe, p, EMITTER, e)
        charge[0] = stored + layer
        farad[0, 0], farad[0, 1] = dst_e + layer_c, dst_c
        layer, layer_c = depletion(vbc, p, COLLECTOR, e)
        charge[1], farad[1, 1] = p[TR, e] * ic + layer, p[TR, e] * gc + layer_c
        charge[2], farad[2, 2] = depletion(ul[2], p, BASE, e)
        layer, layer_c = depletion(vs, p, SUBSTRATE, e)
        charge[3], farad[3, 4] = way * layer, layer_c
        charge[4], farad[4, 5] = delay * u[5], delay
        charge[5], farad[5, 6] = delay / 3.0 * u[6], delay / 3.0

        if many != 1.0:  # the filter has no copies
            for k in range(5):
                value[k] *= many
                for b in range(count):
                    slope[k, b] *= many
            for k in range(4):
                charge[k] *= many
                for b in range(count):
                    farad[k, b] *= many
        assemble(e, sign[e], value, slope, u, ul, branches, currents, g_slots, f, g)
        assemble(e, sign[e], charge, farad, u, ul, branches, charges, c_slots, q, c)
        go = (gc + (ie - ic) * dq_c / qb) / qb
        shown[0, e], shown[1, e] = vbe, vbc
        transport = (ie - ic) / qb
        shown[2, e] = many * (transport - ic / p[BR, e] - leak_c - gmin * vbc)
        shown[3, e] = value[0] + value[1]
        shown[4, e] = many * ((ge - (ie - ic) * dq_e / qb) / qb - go)
        shown[5, e], shown[6, e], shown[7, e] = many * go, slope[0, 0], slope[1, 1]
        shown[8, e] = slope[3, 3]
        shown[9, e], shown[10, e] = farad[0, 0], farad[1, 1]
        shown[11, e], shown[12, e], shown[13, e] = farad[2, 2], farad[3, 4], value[4]


@leaf
def run(what: int, _time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Evaluate the transistors of a block, keep their voltages or go back to them."""
    if what != EVALUATE:
        return settle(what, block)
    places, state, how, wires, work, out, some = arrays(block, numbers, x)
    evaluate(places, state, how, wires, work, out, some)
    note(some.shape[0], block, numbers, x)
    return limited_any(block)
