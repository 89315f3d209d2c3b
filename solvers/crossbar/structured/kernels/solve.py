"""One input vector from sources to node voltages: lift, iterate, check, refine."""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import lean
from .....core.compiled.simd import WIDTH, add, div, fma, load, magnitude, mul, splat, store, sub
from .....core.validation import Array
from ...problem import GOOD
from .cg import eliminate_words, follow_words
from .chains import factor_bit, factor_word
from .coarse import Coarse
from .iterate import iterate
from .single_line import (
    EPS,
    check_bit,
    check_row,
    check_word,
    line_ends,
    profile,
    wire_flow,
)
from .two_threads import ELIMINATE, FOLLOW, Team, lead

__all__ = ["SMALL", "check_kcl", "end_currents", "lift", "solve_irregular",
           "solve_vectors", "solve_whole"]

_REFINEMENTS = 4
_KNOWN, _LEAST_KNOWN = 10.0, 1e-9  # times rtol, of the largest: rounding that may be left
_GAIN = 1e-5  # of a refinement
SMALL = 17  # rows of scratch, max(M, N) + 1 long
LEAST = 1e-6  # of the largest end current: nodes that carry less are measured against this


@lean
def lift(
    word_r: Array, bit_r: Array, vl: Array, vr: Array, vt: Array, vb: Array, base_w: Array,
    base_b: Array, flow_w: Array, flow_b: Array, small: Array,
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
            for j in range(N):
                base_b[i, j] = base_b[0, j]
    else:
        column, r = small[0][:M], small[1]
        for j in range(N):
            for i in range(M + 1):
                r[i] = bit_r[i, j]
            flow_b[j] = profile(r, vt[j], vb[j], column)
            for i in range(M):
                base_b[i, j] = column[i]


@lean
def check_kcl(
    G: Array, word_r: Array, bit_r: Array, drop: Array, u: Array, w: Array, flow_w: Array,
    flow_b: Array, merged: bool | None, level: float, height: float, least: float, res_u: Array,
    res_w: Array, small: Array,
) -> tuple[float, float, float]:
    """Return what Kirchhoff's law misses at every node, as a correction's right-hand side.

    `drop` is the unloaded cell voltage, of nodes up to `height` volt; u and w the deviations, known
    to eps (|u| + level). Returns as `check_row`, over all nodes. `merged` as in `solve_vectors`.
    """
    M, N = G.shape
    worst, total, noise = 0.0, 0.0, 0.0
    c, f, unit, grain = small[0][:N], small[1], small[2], small[12]
    flows, units, carried = small[3:5], small[5:7], small[7:12]
    for j in range(N):
        for k in range(5):
            carried[k, j] = 0.0
        flows[0, j] = flow_b[j] - w[0, j] / bit_r[0, j]
        units[0, j] = EPS * (abs(w[0, j]) + level) / bit_r[0, j]
    full = N - N % WIDTH
    one, eps, base, high = splat(1.0), splat(EPS), splat(level), splat(2.0 * EPS * height)
    for i in range(M):
        start = i * N
        above, below, unit_above, unit_below = (
            flows[i % 2], flows[(i + 1) % 2], units[i % 2], units[(i + 1) % 2]
        )
        nxt = start + N if i + 1 < M else start
        on = 1.0 if i + 1 < M else 0.0  # beyond the last row is the source, deviation 0
        wide = splat(on)
        for j in range(0, full, WIDTH):
            at = start + j
            here, there = load(w, at), mul(wide, load(w, nxt + j))
            g = load(G, at)
            store(c, j, mul(g, add(load(drop, at), sub(load(u, at), here))))
            store(grain, j, mul(high, g))
            inverse = div(one, load(bit_r, at + N))
            store(below, j, fma(sub(here, there), inverse, load(flow_b, j)))
            size = mul(eps, add(add(magnitude(here), magnitude(there)), base))
            store(unit_below, j, mul(size, inverse))
        for j in range(full, N):
            c[j] = G[i, j] * (drop[i, j] + (u[i, j] - w[i, j]))
            grain[j] = 2.0 * EPS * height * G[i, j]
            inverse = 1.0 / bit_r[i + 1, j]
            there = on * w[min(i + 1, M - 1), j]
            below[j] = flow_b[j] + (w[i, j] - there) * inverse
            unit_below[j] = EPS * (abs(w[i, j]) + abs(there) + level) * inverse
        zero = wire_flow(u[i], word_r[i], flow_w[i], level, f, unit)
        if merged is None:
            x, y, z = check_row(c, -1.0, f, f, 1, unit, unit, grain, least, res_u[i])
        else:
            x, y, z = check_word(c, word_r[i], f, unit, grain, zero, least, res_u[i])
        worst, total, noise = max(worst, x), total + y, noise + z
        x, y, z = 0.0, 0.0, 0.0
        along = True
        if merged is not None:  # noqa: SIM102 - with `and`, numba compiles what follows
            if merged:
                along = False
                x, y, z = check_bit(
                    c, above, below, unit_above, unit_below, grain, bit_r[i], bit_r[i + 1],
                    i == 0, carried, least, res_w[i],
                )
        if along:
            x, y, z = check_row(
                c, 1.0, above, below, 0, unit_above, unit_below, grain, least, res_w[i]
            )
        worst, total, noise = max(worst, x), total + y, noise + z
    return worst, total, noise


@lean
def end_currents(
    G: Array, word_r: Array, bit_r: Array, drop: Array, u: Array, w: Array, flow_w: Array,
    flow_b: Array, vl: Array, vr: Array, vt: Array, vb: Array, left: Array, right: Array,
    top: Array, bottom: Array, merged: bool | None, small: Array,
) -> None:
    """Fill the currents into the four ends. `merged` as in `solve_vectors`."""
    M, N = G.shape
    if merged is None:
        for i in range(M):
            left[i] = u[i, 0] / word_r[i, 0] - flow_w[i] if word_r[i, 0] < np.inf else 0.0
            right[i] = u[i, N - 1] / word_r[i, N] + flow_w[i] if word_r[i, N] < np.inf else 0.0
        for j in range(N):
            top[j] = w[0, j] / bit_r[0, j] - flow_b[j]
            bottom[j] = w[M - 1, j] / bit_r[M, j] + flow_b[j]
        return
    c, r = small[0], small[1]
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
            for i in range(M + 1):
                r[i] = bit_r[i, j]
            top[j], bottom[j] = line_ends(
                c[:M], r, w[0, j], w[M - 1, j], flow_b[j], vt[j] - vb[j]
            )
        else:
            top[j] = w[0, j] / bit_r[0, j] - flow_b[j]
            bottom[j] = w[M - 1, j] / bit_r[M, j] + flow_b[j]


@lean
def _rebase(
    word_r: Array, bit_r: Array, base_w: Array, base_b: Array, drop: Array, u: Array, w: Array
) -> bool:
    """Measure floating pieces of lines from their own level: from the deviation to the base.

    Returns whether there are any.
    """
    M, N = u.shape
    moved = False
    for i in range(M):
        start = 0
        for j in range(1, N + 1):
            if j < N and word_r[i, j] < np.inf:
                continue
            tied = (start == 0 and word_r[i, 0] < np.inf) or (j == N and word_r[i, N] < np.inf)
            level = 0.0 if tied else u[i, (start + j) // 2]
            moved = moved or level != 0.0
            for k in range(start, j if level != 0.0 else start):
                u[i, k] -= level
                base_w[i, k] += level
                drop[i, k] += level
            start = j
    for j in range(N):
        start = 0
        for i in range(1, M + 1):
            if i < M and bit_r[i, j] < np.inf:
                continue
            tied = (start == 0 and bit_r[0, j] < np.inf) or (i == M and bit_r[M, j] < np.inf)
            level = 0.0 if tied else w[(start + i) // 2, j]
            moved = moved or level != 0.0
            for k in range(start, i if level != 0.0 else start):
                w[k, j] -= level
                base_b[k, j] += level
                drop[k, j] -= level
            start = i
    return moved


@lean
def _open(
    G: Array, base_w: Array, base_b: Array, drop: Array, res_u: Array, res_w: Array
) -> None:
    """Unloaded cell voltages, and the currents they drive as the first right-hand side."""
    size = G.size
    full = size - size % WIDTH
    less = splat(-1.0)
    for k in range(0, full, WIDTH):
        value = sub(load(base_w, k), load(base_b, k))
        store(drop, k, value)
        value = mul(value, load(G, k))
        store(res_w, k, value)
        store(res_u, k, mul(less, value))
    columns = G.shape[1]
    for k in range(full, size):
        i, j = k // columns, k % columns
        drop[i, j] = base_w[i, j] - base_b[i, j]
        res_w[i, j] = G[i, j] * drop[i, j]
        res_u[i, j] = -res_w[i, j]


@lean
def _shift(a: Array, b: Array, sign: float, out: Array) -> None:
    """Write out = a + sign b, all (M, N) and contiguous."""
    size = a.size
    full = size - size % WIDTH
    wide = splat(sign)
    for k in range(0, full, WIDTH):
        store(out, k, fma(wide, load(b, k), load(a, k)))
    columns = a.shape[1]
    for k in range(full, size):
        i, j = k // columns, k % columns
        out[i, j] = a[i, j] + sign * b[i, j]


@lean
def _largest(values: Array) -> float:
    best = 0.0
    for value in values:
        best = max(best, abs(value))
    return best


@lean
def _sum(a: Array) -> float:
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += a[i, j]
    return total


@lean
def _largest_of(a: Array, b: Array, c: Array, d: Array) -> float:
    return max(max(_largest(a), _largest(b)), max(_largest(c), _largest(d)))


def _solve_vectors(
    G: Array, word_r: Array, bit_r: Array, t: Array, q: Array, tw: Array, qw: Array,
    merged: bool | None, vl: Array, vr: Array, vt: Array, vb: Array, warm: bool, keep: bool,
    out_u: Array, out_w: Array, left: Array, right: Array, top: Array, bottom: Array, stats: Array,
    work: Array, small: Array, rows: Array, carry: Array, rtol: float, limit: int, patience: int,
    team: Team | None, coarse: Coarse | None,
) -> bool:
    """Solve for every row of the source voltages; return whether all are solved.

    A row that needs more than `limit` iterations keeps what was reached; where `patience` is no
    more than `limit`, the first such row ends it all. With `warm`, out_u and out_w (B, M, N) hold
    node voltages that are checked, and corrected only where Kirchhoff's law misses more than GOOD
    of the currents at some node. stats (B, 2): iterations, residual. `work` (12, M, N) and
    `small` (SMALL, max(M, N) + 1) are scratch. With a `team`, a second thread is in
    `two_threads.join` with the same orders and shares; with None, nothing of that is compiled.
    `merged`: bit lines have merged or pinned nodes; None, where no line has any, is broken or
    floats: nothing of all that is compiled then.
    """
    M, N = G.shape
    blocks = tw.shape[0]
    u, w, dw, res_u, res_w = work[4], work[5], work[6], work[7], work[8]
    drop, base_w, base_b = work[9], work[10], work[11]
    flow_w, flow_b = small[13][:M], small[14][:N]
    few, pair = small[:13], small[15:17]
    solved = True
    for k in range(vl.shape[0]):
        lift(word_r, bit_r, vl[k], vr[k], vt[k], vb[k], base_w, base_b, flow_w, flow_b, few)
        _open(G, base_w, base_b, drop, res_u, res_w)
        pinned = 0.0  # where bit lines end in 0 ohm, their currents are not seen while iterating
        if merged is not None:
            for j in range(N):
                if bit_r[M, j] == 0.0:
                    guess = 0.0
                    for i in range(M):
                        guess += res_w[i, j]
                    pinned = max(pinned, abs(guess))
        height = _largest_of(vl[k], vr[k], vt[k], vb[k])
        if warm:
            _shift(out_u[k], base_w, -1.0, u)
            _shift(out_w[k], base_b, -1.0, w)
        count, done, stopped, miss, first = 0, False, False, np.inf, np.inf
        worst, total, noise, best, largest = np.inf, np.inf, 0.0, np.inf, 0.0
        # at step -1, what was known before is checked
        for step in range(-1 if warm else 0, _REFINEMENTS):
            if step >= 0:
                fresh = step == 0 and not warm
                if team is not None:
                    lead(ELIMINATE, 0, 0.0, team[0], team[1], G, t, q, tw, qw, work, rows, carry,
                         coarse)
                else:
                    eliminate_words(G, tw, qw, res_u, res_w, rows, carry, 0, blocks)
                floor = max(0.05 * noise, 0.1 * rtol * pinned)
                n, _ = iterate(
                    G, t, q, tw, qw, res_w, dw, w, flow_b, bit_r[M], work, pair, rows, carry,
                    merged, 0.5 * rtol, floor, np.inf if fresh else _GAIN, fresh,
                    limit, patience, team, coarse,
                )
                stopped = n < 0
                count += abs(n)
                if stopped and patience <= limit and not warm:
                    stats[k, 0] = count
                    return False
                if team is not None:
                    lead(FOLLOW, 0 if fresh else 1, 0.0, team[0], team[1], G, t, q, tw, qw, work,
                         rows, carry, coarse)
                else:
                    follow_words(G, tw, qw, res_u, dw, u, w, fresh, rows, carry, 0, blocks)
            end_currents(
                G, word_r, bit_r, drop, u, w, flow_w, flow_b, vl[k], vr[k], vt[k], vb[k],
                left[k], right[k], top[k], bottom[k], merged, few,
            )
            least = LEAST * _largest_of(left[k], right[k], top[k], bottom[k]) + 1e-300
            worst, total, noise = check_kcl(
                G, word_r, bit_r, drop, u, w, flow_w, flow_b, merged,
                height if step < 0 else 0.0, height, least, res_u, res_w, few,
            )
            if not total < np.inf:  # maxima pass over what is not a number
                worst = np.inf
            first = worst if step < 0 else first
            largest = _largest(bottom[k])
            bound = rtol * largest
            # rounding of so many nodes cancels on average; where it does not do, the direct method
            if noise <= max(_KNOWN * rtol, _LEAST_KNOWN) * largest * np.sqrt(2.0 * M * N):
                bound = max(bound, noise)
            done = worst <= GOOD and (step < 0 or total <= bound)
            if done or stopped or (step > 0 and worst > 0.5 * best and total > 0.5 * miss):
                break
            best, miss = worst, total
            pinned = 0.0
            if merged is not None:  # noqa: SIM102 - with `and`, numba compiles what follows
                if _rebase(word_r, bit_r, base_w, base_b, drop, u, w):
                    noise = 0.0  # most of it was that of the levels
        if not done and worst <= GOOD and (warm or patience > limit):
            # nobody will know better; and there may be no currents at all but rounding
            grain = 4.0 * EPS * height * _sum(G)
            done = total <= max(grain, noise) and largest <= grain
        solved = solved and done
        better = count > 0 and worst < first
        stats[k, 0] = count
        stats[k, 1] = worst if better or not warm else first
        if keep and (better or not warm):
            _shift(u, base_w, 1.0, out_u[k])
            _shift(w, base_b, 1.0, out_w[k])
    return solved


_part = lean(_solve_vectors)


@lean
def solve_whole(
    G: Array, word_r: Array, bit_r: Array, t: Array, q: Array, tw: Array, qw: Array,
    factored: bool, vl: Array, vr: Array, vt: Array, vb: Array, warm: bool, keep: bool,
    out_u: Array, out_w: Array, left: Array, right: Array, top: Array, bottom: Array, stats: Array,
    work: Array, small: Array, rows: Array, carry: Array, rtol: float, limit: int, patience: int,
) -> bool:
    """Do what `_solve_vectors` does for whole lines, by one thread, without a coarse space.

    The chains are factored first, unless they are.
    """
    if not factored:
        factor_bit(G, bit_r, t, q, small[0][:G.shape[1]])
        factor_word(G, word_r, tw, qw, carry[0])
    return _part(
        G, word_r, bit_r, t, q, tw, qw, None, vl, vr, vt, vb, warm, keep, out_u, out_w, left,
        right, top, bottom, stats, work, small, rows, carry, rtol, limit, patience, None, None,
    )


solve_vectors = lean(_solve_vectors)  # merged None, with a team or a coarse space
solve_irregular = lean(_solve_vectors)
