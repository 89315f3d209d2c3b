"""One input vector from sources to node voltages: lift, iterate, check, refine."""

from __future__ import annotations

import numpy as np

from ...netlists._check import Array
from .jit import kernel
from .kernels_cg import iterate, word_correction
from .kernels_line import EPS, TINY, check_bit, check_word, line_ends, profile, wire_flow

__all__ = ["check_kcl", "end_currents", "lift", "solve_vectors"]

_REFINEMENTS = 4
_GOOD = 1e-8


@kernel
def lift(
    word_r: Array, bit_r: Array, vl: Array, vr: Array, vt: Array, vb: Array, base_w: Array,
    base_b: Array, flow_w: Array, flow_b: Array,
) -> None:
    """Unloaded voltages base_w, base_b (M, N) and currents flow_w (M,), flow_b (N,)."""
    M, N = base_w.shape
    for i in range(M):
        flow_w[i] = profile(word_r[i], vl[i], vr[i], base_w[i])
    simple = True
    for j in range(N):
        both = bit_r[0, j] < np.inf and bit_r[M, j] < np.inf
        simple = simple and (not both or vt[j] == vb[j])
        flow_b[j] = 0.0
        base_b[0, j] = vt[j] if bit_r[0, j] < np.inf else (vb[j] if bit_r[M, j] < np.inf else 0.0)
    if simple:
        for i in range(1, M):
            base_b[i] = base_b[0]
    else:
        column = np.empty(M)
        for j in range(N):
            flow_b[j] = profile(bit_r[:, j], vt[j], vb[j], column)
            base_b[:, j] = column


@kernel
def check_kcl(
    G: Array, word_r: Array, bit_r: Array, drop: Array, u: Array, w: Array, flow_w: Array,
    flow_b: Array, merged: bool, level: float, res_u: Array, res_w: Array,
) -> tuple[float, float, float]:
    """What Kirchhoff's law misses at every node, as a correction's right-hand side.

    `drop` is the unloaded cell voltage, u and w the deviations, known to eps (|u| + level).
    Returns as `check_word`, over all nodes.
    """
    M, N = G.shape
    worst, total, noise = 0.0, 0.0, 0.0
    c, f, unit = np.empty(N), np.empty(N + 1), np.empty(N + 1)
    flows, units, carried = np.empty((2, N)), np.empty((2, N)), np.zeros((4, N))
    for j in range(N):
        flows[0, j] = flow_b[j] - w[0, j] / bit_r[0, j]
        units[0, j] = EPS * (abs(w[0, j]) + level) / bit_r[0, j]
    for i in range(M):
        Gi, di, ui, wi = G[i], drop[i], u[i], w[i]
        above, below, unit_above, unit_below = (
            flows[i % 2], flows[(i + 1) % 2], units[i % 2], units[(i + 1) % 2]
        )
        for j in range(N):
            c[j] = Gi[j] * (di[j] + (ui[j] - wi[j]))
        low = wire_flow(ui, word_r[i], flow_w[i], level, f, unit)
        x, y, z = check_word(c, word_r[i], f, unit, low == 0.0, res_u[i])
        worst, total, noise = max(worst, x), total + y, noise + z
        ri = bit_r[i + 1]
        wn = w[i + 1] if i + 1 < M else w[i]
        last = 1.0 if i + 1 < M else 0.0  # beyond the last row is the source, deviation 0
        for j in range(N):
            inverse = 1.0 / ri[j]
            below[j] = flow_b[j] + (wi[j] - last * wn[j]) * inverse
            unit_below[j] = EPS * (abs(wi[j]) + last * abs(wn[j]) + level) * inverse
        if merged:
            x, y, z = check_bit(
                c, above, below, unit_above, unit_below, bit_r[i], ri, i == 0, carried, res_w[i]
            )
        else:
            x, y, z = 0.0, 0.0, 0.0
            row = res_w[i]
            for j in range(N):
                row[j] = above[j] - below[j] + c[j]
            for j in range(N):
                big = max(max(abs(above[j]), abs(below[j])), abs(c[j]))
                rounding = unit_above[j] + unit_below[j] + EPS * big
                miss = abs(row[j])
                y += miss
                z += rounding
                x = max(x, (miss - rounding) / (big + TINY))
        worst, total, noise = max(worst, x), total + y, noise + z
    return worst, total, noise


@kernel
def end_currents(
    G: Array, word_r: Array, bit_r: Array, drop: Array, u: Array, w: Array, flow_w: Array,
    flow_b: Array, vl: Array, vr: Array, vt: Array, vb: Array, left: Array, right: Array,
    top: Array, bottom: Array,
) -> None:
    """Fill the currents into the four ends."""
    M, N = G.shape
    c = np.zeros(max(M, N))
    for i in range(M):
        if word_r[i, 0] == 0.0 or word_r[i, N] == 0.0:
            for j in range(N):
                c[j] = -G[i, j] * (drop[i, j] + (u[i, j] - w[i, j]))
        left[i], right[i] = line_ends(
            c[:N], word_r[i], u[i, 0], u[i, N - 1], flow_w[i], vl[i] - vr[i]
        )
    for j in range(N):
        if bit_r[0, j] == 0.0 or bit_r[M, j] == 0.0:
            for i in range(M):
                c[i] = G[i, j] * (drop[i, j] + (u[i, j] - w[i, j]))
            top[j], bottom[j] = line_ends(
                c[:M], bit_r[:, j], w[0, j], w[M - 1, j], flow_b[j], vt[j] - vb[j]
            )
        else:
            top[j] = w[0, j] / bit_r[0, j] - flow_b[j]
            bottom[j] = w[M - 1, j] / bit_r[M, j] + flow_b[j]


@kernel
def _rebase(
    word_r: Array, bit_r: Array, base_w: Array, base_b: Array, drop: Array, u: Array, w: Array
) -> None:
    """Measure floating lines from their own level: move it from the deviation to the base."""
    M, N = u.shape
    for i in range(M):
        if word_r[i, 0] == np.inf and word_r[i, N] == np.inf:
            level = u[i, N // 2]
            for j in range(N):
                u[i, j] -= level
                base_w[i, j] += level
                drop[i, j] += level
    for j in range(N):
        if bit_r[0, j] == np.inf and bit_r[M, j] == np.inf:
            level = w[M // 2, j]
            for i in range(M):
                w[i, j] -= level
                base_b[i, j] += level
                drop[i, j] -= level


@kernel
def _largest(values: Array) -> float:
    best = 0.0
    for value in values:
        best = max(best, abs(value))
    return best


@kernel
def solve_vectors(
    G: Array, word_r: Array, bit_r: Array, t: Array, q: Array, tw: Array, qw: Array,
    merged: bool, vl: Array, vr: Array, vt: Array, vb: Array, warm: bool, keep: bool,
    out_u: Array, out_w: Array, left: Array, right: Array, top: Array, bottom: Array, stats: Array,
    work: Array, rows: Array, chain: Array, x: Array, rtol: float, limit: int, patience: int,
) -> bool:
    """Solve for every row of the source voltages; False when it gave up on one of them.

    With `warm`, out_u and out_w (B, M, N) hold node voltages that are checked, and corrected only
    where Kirchhoff's law misses more than _GOOD of the currents at some node. stats (B, 3):
    iterations, residual, error bound of a current over the largest current. `work` (13, M, N) is
    scratch.
    """
    M, N = G.shape
    u, w, du, dw = work[4], work[5], work[6], work[7]
    res_u, res_w, drop, base_w, base_b = work[8], work[9], work[10], work[11], work[12]
    flow_w, flow_b, guess = np.empty(M), np.empty(N), np.empty(N)
    for k in range(vl.shape[0]):
        lift(word_r, bit_r, vl[k], vr[k], vt[k], vb[k], base_w, base_b, flow_w, flow_b)
        for j in range(N):
            guess[j] = 0.0
        for i in range(M):
            di, bwi, bbi, ui, wi, ru, rw, Gi = (
                drop[i], base_w[i], base_b[i], u[i], w[i], res_u[i], res_w[i], G[i]
            )
            for j in range(N):
                di[j] = bwi[j] - bbi[j]
            for j in range(N):
                rw[j] = Gi[j] * di[j]
            for j in range(N):
                ru[j] = -rw[j]
            for j in range(N):
                guess[j] += rw[j]
            for j in range(N):
                ui[j] = 0.0
            for j in range(N):
                wi[j] = 0.0
        pinned = 0.0
        for j in range(N):
            if bit_r[M, j] == 0.0:
                pinned = max(pinned, abs(guess[j]))
        count, done = 0, False
        worst, total, noise, best, largest = np.inf, np.inf, 0.0, np.inf, 0.0
        if warm:
            for i in range(M):
                ou, ow, ui, wi, bwi, bbi = out_u[k, i], out_w[k, i], u[i], w[i], base_w[i], base_b[i]
                for j in range(N):
                    ui[j] = ou[j] - bwi[j]
                for j in range(N):
                    wi[j] = ow[j] - bbi[j]
            level = max(max(_largest(vl[k]), _largest(vr[k])), max(_largest(vt[k]), _largest(vb[k])))
            worst, total, noise = check_kcl(
                G, word_r, bit_r, drop, u, w, flow_w, flow_b, merged, level, res_u, res_w
            )
            if worst <= _GOOD:
                stats[k, 0], stats[k, 1], stats[k, 2] = 0.0, worst, 0.0
                continue
        for step in range(_REFINEMENTS):
            # the word lines first: b = res_w + D (Lw + D)^-1 res_u, in place of res_w
            for i in range(M):
                dwi = dw[i]
                for j in range(N):
                    dwi[j] = 0.0
            word_correction(G, tw, qw, res_u, dw, du, rows, chain, x)
            for i in range(M):
                rw, di, Gi = res_w[i], du[i], G[i]
                for j in range(N):
                    rw[j] += Gi[j] * di[j]
            floor = max(0.05 * noise, 0.1 * rtol * pinned)
            n, _ = iterate(
                G, t, q, tw, qw, res_w, dw, w, flow_b, bit_r[M], work[:4], rows, chain, x,
                merged, 0.5 * rtol, floor, limit, patience,
            )
            if n < 0:
                stats[k, 0] = -n
                return False
            count += n
            word_correction(G, tw, qw, res_u, dw, du, rows, chain, x)
            for i in range(M):
                ui, wi, di, dwi = u[i], w[i], du[i], dw[i]
                for j in range(N):
                    ui[j] += di[j]
                for j in range(N):
                    wi[j] += dwi[j]
            worst, total, noise = check_kcl(
                G, word_r, bit_r, drop, u, w, flow_w, flow_b, merged, 0.0, res_u, res_w
            )
            end_currents(
                G, word_r, bit_r, drop, u, w, flow_w, flow_b, vl[k], vr[k], vt[k], vb[k],
                left[k], right[k], top[k], bottom[k],
            )
            largest = _largest(bottom[k])
            done = total <= max(rtol * largest, noise) and worst <= _GOOD
            if done or (step and worst > 0.5 * best):
                break
            best = worst
            pinned = min(pinned, largest)
            _rebase(word_r, bit_r, base_w, base_b, drop, u, w)
        stats[k, 0] = count
        stats[k, 1] = worst
        stats[k, 2] = total / largest if largest > 0.0 else 0.0
        if not done and stats[k, 2] > 1e-9:
            return False
        if keep:
            for i in range(M):
                ou, ow, ui, wi, bwi, bbi = out_u[k, i], out_w[k, i], u[i], w[i], base_w[i], base_b[i]
                for j in range(N):
                    ou[j] = bwi[j] + ui[j]
                for j in range(N):
                    ow[j] = bbi[j] + wi[j]
    return True
