"""Compiled loops of `stale_factors`: small parts of a circuit, eliminated one unknown at a time.

The pattern is that of A + A', so that the row and the column of an unknown have the same places.
Unknowns are numbered in the order of the elimination, local ones first: 0 ... m - 1.
"""

from __future__ import annotations

import numpy as np

from ....core.compiled.jit import kernel, lean
from ....core.validation import Array
from ..system.element_group import Bools, Ints

__all__ = [
    "back", "eliminate", "forward", "largest", "left_over", "local_parts", "places", "spread",
]


@kernel
def local_parts(ap: Ints, ai: Ints, eligible: Bools, most: int) -> Bools:
    """Return which unknowns are in parts of at most `most`, all eligible, at the tree's leaves.

    The pattern is symmetric and in the order of elimination; the tree is that of elimination.
    """
    n = ap.shape[0] - 1
    parent, ancestor = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    size = np.ones(n, np.int64)
    for k in range(n):
        for m in range(ap[k], ap[k + 1]):
            i = int(ai[m])
            while i != -1 and i < k:
                above = ancestor[i]
                ancestor[i] = k
                if above == -1:
                    parent[i] = k
                i = above
    for k in range(n):
        if not eligible[k]:
            size[k] = most + 1
        if parent[k] >= 0:
            size[parent[k]] += size[k]
    return size <= most


@kernel
def places(ap: Ints, ai: Ints, m: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (starts, neighbours) of the m local unknowns, and (starts, rows) of what remains.

    Neighbours of an unknown are those that come later when it is its turn, sorted; what remains is
    a pattern in compressed columns, sorted, of the unknowns from m on, numbered from 0.
    """
    n = ap.shape[0] - 1
    start = np.zeros(m + 1, np.int64)
    near = np.empty(4 * ap[n] + 16, np.int64)
    first = np.full(n, -1, np.int64)  # the last local unknown whose first neighbour this is
    following = np.full(m, -1, np.int64)
    mark = np.full(n, -1, np.int64)
    count = 0
    for k in range(m):
        if count + n > near.shape[0]:
            longer = np.empty(2 * near.shape[0] + n, np.int64)
            longer[:count] = near[:count]
            near = longer
        start[k] = count
        mark[k] = k
        for p in range(ap[k], ap[k + 1]):
            i = ai[p]
            if i > k and mark[i] != k:
                mark[i] = k
                near[count] = i
                count += 1
        child = first[k]
        while child >= 0:
            for p in range(start[child], start[child + 1]):
                i = near[p]
                if mark[i] != k:
                    mark[i] = k
                    near[count] = i
                    count += 1
            child = following[child]
        near[start[k]:count].sort()
        start[k + 1] = count
        if count > start[k]:
            head = near[start[k]]
            if head < m:
                following[k] = first[head]
                first[head] = k
    # columns of what remains: of the matrix, and from every local unknown all pairs of neighbours
    total = np.zeros(n - m + 1, np.int64)
    for j in range(m, n):
        total[j - m + 1] = ap[j + 1] - ap[j]
    for k in range(m):
        d = start[k + 1] - start[k]
        for p in range(start[k], start[k + 1]):
            if near[p] >= m:
                total[near[p] - m + 1] += d
    ends = np.cumsum(total)
    rows = np.empty(ends[-1], np.int64)
    fill = ends[:-1].copy()
    for j in range(m, n):
        for p in range(ap[j], ap[j + 1]):
            if ai[p] >= m:
                rows[fill[j - m]] = ai[p] - m
                fill[j - m] += 1
    for k in range(m):
        for p in range(start[k], start[k + 1]):
            j = near[p] - m
            if j >= 0:
                for s in range(start[k], start[k + 1]):
                    if near[s] >= m:
                        rows[fill[j]] = near[s] - m
                        fill[j] += 1
    sp = np.zeros(n - m + 1, np.int64)
    out = 0
    for j in range(n - m):
        part = np.sort(rows[ends[j]:fill[j]])
        for p in range(part.shape[0]):
            if p == 0 or part[p] != part[p - 1]:
                rows[out] = part[p]
                out += 1
        sp[j + 1] = out
    return start, near[:count].copy(), sp, rows[:out].copy()


@kernel
def _find(rows: Ints, low: int, high: int, i: int) -> int:
    while low < high:
        middle = (low + high) // 2
        if rows[middle] < i:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _slot(i: int, j: int, start: Ints, near: Ints, sp: Ints, si: Ints, m: int) -> int:
    """Return the place of the entry (i, j) in the work space.

    That is: what remains; then the pivots; then the rows of the local unknowns; then the columns.
    """
    low = min(i, j)
    if low >= m:
        return _find(si, sp[j - m], sp[j - m + 1], i - m)
    if i == j:
        return int(si.shape[0] + i)
    base = si.shape[0] + m
    p = _find(near, start[low], start[low + 1], max(i, j))
    return int(base + p if i < j else base + near.shape[0] + p)


@kernel
def spread(
    ap: Ints, ai: Ints, rank: Ints, start: Ints, near: Ints, sp: Ints, si: Ints
) -> tuple[Ints, Ints]:
    """Return the places in the work space of the matrix's entries, and of what is subtracted.

    The matrix is as the circuit has it, `rank` its unknowns' places in the order.
    """
    n, m = ap.shape[0] - 1, start.shape[0] - 1
    own = np.empty(ai.shape[0], np.int64)
    for j in range(n):
        for p in range(ap[j], ap[j + 1]):
            own[p] = _slot(rank[ai[p]], rank[j], start, near, sp, si, m)
    many = 0
    for k in range(m):
        many += (start[k + 1] - start[k]) ** 2
    target = np.empty(many, np.int64)
    at = 0
    for k in range(m):
        for r in range(start[k], start[k + 1]):
            for c in range(start[k], start[k + 1]):
                target[at] = _slot(near[r], near[c], start, near, sp, si, m)
                at += 1
    return own, target


@lean
def eliminate(
    values: Array, own: Ints, target: Ints, start: Ints, count: int, least: float, work: Array
) -> int:
    """Fill the work space with a matrix's numbers and eliminate; return m, or a bad pivot's place.

    `count` entries remain. Pivots may be `least` of the largest number in their row or column,
    whichever is smaller: rows have units of their own.
    """
    m = start.shape[0] - 1
    work[:] = 0.0
    for k in range(values.shape[0]):
        work[own[k]] += values[k]
    rows = count + m
    columns = rows + start[m]
    at = 0
    for k in range(m):
        pivot = work[count + k]
        across, down = 0.0, 0.0
        for p in range(start[k], start[k + 1]):
            across = max(across, abs(work[rows + p]))
            down = max(down, abs(work[columns + p]))
        if not abs(pivot) > least * min(across, down) or not abs(pivot) < np.inf or pivot == 0.0:
            return k
        for r in range(start[k], start[k + 1]):
            share = work[columns + r] / pivot
            work[columns + r] = share
            if share == 0.0:
                at += start[k + 1] - start[k]
                continue
            for c in range(start[k], start[k + 1]):
                work[target[at]] -= share * work[rows + c]
                at += 1
    return int(m)


@lean
def forward(
    order: Ints, start: Ints, near: Ints, count: int, work: Array, b: Array, y: Array
) -> None:
    """Fill y with b in the order of elimination, less what is due to the local unknowns."""
    m = start.shape[0] - 1
    columns = count + m + start[m]
    for k in range(order.shape[0]):
        y[k] = b[order[k]]
    for k in range(m):
        v = y[k]
        if v != 0.0:
            for p in range(start[k], start[k + 1]):
                y[near[p]] -= work[columns + p] * v


@lean
def back(order: Ints, start: Ints, near: Ints, count: int, work: Array, y: Array, x: Array) -> None:
    """Fill x from y, whose entries from m on are the solution."""
    m = start.shape[0] - 1
    rows = count + m
    for k in range(m - 1, -1, -1):
        v = y[k]
        for p in range(start[k], start[k + 1]):
            v -= work[rows + p] * y[near[p]]
        y[k] = v / work[count + k]
    for k in range(order.shape[0]):
        x[order[k]] = y[k]


@lean
def left_over(sp: Ints, si: Ints, values: Array, x: Array, b: Array, out: Array) -> None:
    """Fill out with b - S x."""
    n = sp.shape[0] - 1
    for i in range(n):
        out[i] = b[i]
    for j in range(n):
        xj = x[j]
        for p in range(sp[j], sp[j + 1]):
            out[si[p]] -= values[p] * xj


@lean
def largest(z: Array, weight: Array) -> float:
    """Return the largest entry by weight, or NaN."""
    worst = 0.0
    for k in range(weight.shape[0]):
        share = abs(z[k]) * weight[k]
        if not share <= worst:
            worst = share
            if not share < np.inf:
                break
    return float(worst)
