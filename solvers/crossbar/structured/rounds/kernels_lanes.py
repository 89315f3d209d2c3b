"""Newton's iteration on sixteen input vectors of one array side by side, one in each SIMD lane.

For small arrays of whole lines: nothing is transposed, and neither short lines nor single numbers
stand alone. All vectors share one preconditioner, chains with the cells' mean conductances at
unloaded lines; the products are those of their own Jacobians.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .....core.compiled.jit import kernel, lean
from .....core.lanes.vectors import (
    LANES,
    absolute,
    add,
    anywhere,
    div,
    gt,
    larger,
    mul,
    smaller,
    splat,
    sub,
    vload,
    vstore,
)
from .....core.validation import Array
from ..kernels.chains import LANES as LINES
from ..kernels.chains import factor_bit, factor_word
from ..kernels.single_line import EPS
from .kernels_lanes_linear import GOAL, NORM, TOTAL, lanes_step

Integers = NDArray[np.int64]

__all__ = ["EMPTY", "ROWS", "factor_shared", "lanes_round"]

EMPTY = -1  # first vector of a group that has had none yet
FAILED = -1
ROWS = 16  # rows of numbers, one per vector
_LIMIT = 12  # steps; what needs more is solved with safeguards
# as in `kernels_rounds`, but digits are cheap here
_SHARE, _POWER, _FIRST_GOAL = 1.0, 1.6, 1e-4
_LEAST = 1e-12
# rows of numbers of a group, behind those of `lanes_step`
_NOISE, _WORST, _LARGEST, _LOWEST = range(6, 10)


@lean
def _measure(
    c: Array, g: Array, u: Array, w: Array, word_y: Array, bit_y: Array, flow_w: Array,
    flow_b: Array, least: float, ends: Array, ru: Array, rw: Array, sums: Array,
) -> None:
    """Do what `measure_even` does, for all lanes: ends (2 M + 2 N, L) and sums are filled.

    Among the sums is the smallest conductance of the cells.
    """
    M, N = word_y.shape[0], bit_y.shape[1]
    big = splat(0.0)
    for i in range(M):
        flow, base = vload(flow_w, i), i * N
        left = sub(mul(vload(u, base), word_y[i, 0]), flow)
        right = add(mul(vload(u, base + N - 1), word_y[i, N]), flow)
        vstore(ends, i, left)
        vstore(ends, M + i, right)
        big = larger(big, larger(absolute(left), absolute(right)))
    last = (M - 1) * N
    for j in range(N):
        flow = vload(flow_b, j)
        top = sub(mul(vload(w, j), bit_y[0, j]), flow)
        bottom = add(mul(vload(w, last + j), bit_y[M, j]), flow)
        vstore(ends, 2 * M + j, top)
        vstore(ends, 2 * M + N + j, bottom)
        big = larger(big, larger(absolute(top), absolute(bottom)))
    floor = add(mul(big, least), 1e-300)
    total, noise, bound, lowest = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for i in range(M):
        flow, base = vload(flow_w, i), i * N
        before, here = splat(0.0), vload(u, base)
        come = add(mul(sub(before, here), word_y[i, 0]), flow)
        for j in range(N):
            at = base + j
            cell = vload(c, at)
            lowest = smaller(lowest, vload(g, at))
            after = vload(u, at + 1) if j + 1 < N else splat(0.0)
            go = add(mul(sub(here, after), word_y[i, j + 1]), flow)
            miss = sub(sub(come, go), cell)
            vstore(ru, at, miss)
            size = absolute(here)
            unit = add(
                mul(add(absolute(before), size), word_y[i, j]),
                mul(add(size, absolute(after)), word_y[i, j + 1]),
            )
            most = larger(larger(absolute(come), absolute(go)), absolute(cell))
            rounding = mul(add(unit, most), EPS)
            size = absolute(miss)
            total, noise = add(total, size), add(noise, rounding)
            over, most = sub(size, rounding), larger(most, floor)
            if anywhere(gt(over, mul(bound, most))):  # rare: spares a division per node
                bound = larger(bound, div(over, most))
            before, here, come = here, after, go
            # the bit node
            x = vload(w, at)
            above = vload(w, at - N) if i else splat(0.0)
            under = vload(w, at + N) if i + 1 < M else splat(0.0)
            flow_j = vload(flow_b, j)
            enter = add(mul(sub(above, x), bit_y[i, j]), flow_j)
            leave = add(mul(sub(x, under), bit_y[i + 1, j]), flow_j)
            miss = add(sub(enter, leave), cell)
            vstore(rw, at, miss)
            size = absolute(x)
            unit = add(
                mul(add(absolute(above), size), bit_y[i, j]),
                mul(add(size, absolute(under)), bit_y[i + 1, j]),
            )
            most = larger(larger(absolute(enter), absolute(leave)), absolute(cell))
            rounding = mul(add(unit, most), EPS)
            size = absolute(miss)
            total, noise = add(total, size), add(noise, rounding)
            over, most = sub(size, rounding), larger(most, floor)
            if anywhere(gt(over, mul(bound, most))):
                bound = larger(bound, div(over, most))
    vstore(sums, TOTAL, total)
    vstore(sums, _NOISE, noise)
    vstore(sums, _WORST, bound)
    vstore(sums, _LARGEST, big)
    vstore(sums, _LOWEST, lowest)


@lean
def _shift(target: Array, also: Array, step: Array) -> None:
    """Add a step (M N, L) to two arrays."""
    for at in range(step.shape[0]):
        change = vload(step, at)
        vstore(target, at, add(vload(target, at), change))
        vstore(also, at, add(vload(also, at), change))


@lean
def _begin(
    first: int, shares_w: Array, shares_b: Array, through_w: Array, through_b: Array, vl: Array,
    vr: Array, vt: Array, vb: Array, word: Array, bit: Array, u: Array, w: Array, inner: Array,
    flow_w: Array, flow_b: Array, gates: Array, gate: Array, lines: Array,
) -> None:
    """Put the vectors from `first` on into the lanes of a group, on unloaded lines.

    shares (M, N): of the voltage at the far end at every node; through (M,) and (N,) siemens from
    end to end; lines (4, max(M, N), L) scratch. Lanes beyond the last vector repeat it.
    """
    M, N = shares_w.shape
    last = len(vl) - 1
    for lane in range(LANES):
        vector = min(first + lane, last)
        for i in range(M):
            lines[0, i, lane], lines[1, i, lane] = vl[vector, i], vr[vector, i]
        for j in range(N):
            lines[2, j, lane], lines[3, j, lane] = vt[vector, j], vb[vector, j]
        if len(gates) > 1:
            for i in range(M):
                for j in range(N):
                    gate[i * N + j, lane] = gates[vector, i, j]
    left, right, top, bottom = lines[0], lines[1], lines[2], lines[3]
    for i in range(M):
        a, b = vload(left, i), vload(right, i)
        vstore(flow_w, i, mul(sub(a, b), through_w[i]))
        for j in range(N):
            x = shares_w[i, j]
            vstore(word, i * N + j, add(mul(a, 1.0 - x), mul(b, x)))
    for j in range(N):
        a, b = vload(top, j), vload(bottom, j)
        vstore(flow_b, j, mul(sub(a, b), through_b[j]))
        for i in range(M):
            x = shares_b[i, j]
            vstore(bit, i * N + j, add(mul(a, 1.0 - x), mul(b, x)))
    for at in range(M * N):
        vstore(u, at, splat(0.0))
        vstore(w, at, splat(0.0))
        vstore(inner, at, mul(add(vload(word, at), vload(bit, at)), 0.5))


@kernel
def factor_shared(D: Array, word_r: Array, bit_r: Array, tables: Array, packed: Array) -> None:
    """Factor the chains that all vectors share, of cells of D siemens."""
    factor_bit(D, bit_r, tables[0], tables[1], np.empty(D.shape[1]))
    factor_word(D, word_r, packed[0], packed[1], np.empty(LINES))


@kernel
def lanes_round(
    active: int, following: int, bad: int, which: Integers, steps: Integers, open_: Array,
    before: Array, volts: Array, cells: Array, moves: bool, lead: Array, inner: Array,
    gates: Array, gate: Array, word_y: Array, bit_y: Array, shares: Array, through_w: Array,
    through_b: Array, vl: Array, vr: Array, vt: Array, vb: Array, flow_w: Array, flow_b: Array,
    D: Array, tables: Array, packed: Array, work: Array, lines: Array, sums: Array, ends: Array,
    rtol: float, node: float, least: float, nothing: float, keep: bool, out: Array, left: Array,
    right: Array, top: Array, bottom: Array, stats: Array,
) -> tuple[int, int]:
    """Check every group of vectors, and take one step where Kirchhoff's law does not hold yet.

    Arguments as of `newton_round`, but vectors of a group are the last axis: volts (4, K, M N, L),
    cells (2 or 3, K, M N, L). which (K,) is the first vector of every group, open_ (K, L) 1 where a
    lane is not done, before (K, L). tables and packed are of `factor_shared` with D.
    """
    M, N = D.shape
    total_vectors = len(vl)
    t, q, tw, qw = tables[0], tables[1], packed[0], packed[1]
    k = 0
    while k < active:
        if k > bad:  # not believed: evaluated once more
            k += 1
            continue
        if which[k] != EMPTY:
            first = which[k]
            current, g, gw = cells[0, k], cells[1, k], cells[len(cells) - 1, k]
            u, w = volts[2, k], volts[3, k]
            _measure(
                current, g, u, w, word_y, bit_y, flow_w[k], flow_b[k], least, ends, work[0],
                work[1], sums,
            )
            going = False
            for lane in range(LANES):
                sums[GOAL, lane] = 1e300
                vector = first + lane
                if vector >= total_vectors or open_[k, lane] == 0.0:
                    continue
                total, worst, largest = sums[TOTAL, lane], sums[_WORST, lane], sums[_LARGEST, lane]
                noise = sums[_NOISE, lane]
                finite = total < 1e300 and largest < 1e300
                held = finite and k != bad and (
                    total <= nothing
                    or (worst <= node * rtol and total <= max(noise, rtol * largest))
                )
                if held:
                    open_[k, lane] = 0.0
                    stats[vector, 0] = steps[k]
                    stats[vector, 1] = 0.0 if total <= nothing else worst
                    for i in range(M):
                        left[vector, i] = ends[i, lane]
                        right[vector, i] = ends[M + i, lane]
                    for j in range(N):
                        top[vector, j] = ends[2 * M + j, lane]
                        bottom[vector, j] = ends[2 * M + N + j, lane]
                    if keep:
                        for i in range(M):
                            for j in range(N):
                                out[0, vector, i, j] = volts[0, k, i * N + j, lane]
                                out[1, vector, i, j] = volts[1, k, i * N + j, lane]
                                out[2, vector, i, j] = current[i * N + j, lane]
                    continue
                if (
                    k == bad or not finite or steps[k] >= _LIMIT
                    or not total < 0.9 * before[k, lane] or not sums[_LOWEST, lane] >= 0.0
                ):
                    open_[k, lane] = 0.0  # its numbers of steps stays negative: given up
                    continue
                tolerance = _FIRST_GOAL
                if before[k, lane] < np.inf:
                    tolerance *= min(1.0, _SHARE * (total / before[k, lane]) ** _POWER)
                miss = total / max(largest, 1e-300)
                tolerance = max(tolerance, 0.3 * rtol / max(miss, rtol))
                sums[GOAL, lane] = max(tolerance, _LEAST)
                before[k, lane] = total
                going = True
            if going:
                if not lanes_step(
                    D, t, q, tw, qw, g, gw, len(cells) == 2, word_y, bit_y, work, lines, sums
                ):
                    for lane in range(LANES):  # some are not at their goals
                        if not sums[NORM, lane] < sums[TOTAL, lane]:
                            open_[k, lane] = 0.0
                _shift(volts[0, k], u, work[2])
                _shift(volts[1, k], w, work[3])
                if moves:
                    for at in range(M * N):
                        new = add(mul(vload(lead[0, k], at), vload(work[2], at)),
                                  mul(vload(lead[1, k], at), vload(work[3], at)))
                        vstore(inner[k], at, add(vload(inner[k], at), new))
                steps[k] += 1
                k += 1
                continue
        if following < total_vectors:
            which[k] = following
            steps[k] = 0
            for lane in range(LANES):
                open_[k, lane] = 1.0
                before[k, lane] = np.inf
            _begin(
                following, shares[0], shares[1], through_w, through_b, vl, vr, vt, vb, volts[0, k],
                volts[1, k], volts[2, k], volts[3, k], inner[k], flow_w[k],
                flow_b[k], gates, gate[min(k, len(gate) - 1)], lines,
            )
            following += LANES
            k += 1
            continue
        active -= 1
        if k < active:  # its place is taken by the last group, which has its turn still to come
            if bad == active:
                bad = k
            which[k], steps[k] = which[active], steps[active]
            open_[k], before[k] = open_[active], before[active]
            flow_w[k], flow_b[k] = flow_w[active], flow_b[active]
            volts[:, k] = volts[:, active]
            cells[:, k] = cells[:, active]
            if moves:
                lead[:, k] = lead[:, active]
                inner[k] = inner[active]
                gate[k] = gate[active]
    return active, following
