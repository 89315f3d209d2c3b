"""Kernels of `star_mesh`: sparse elimination of nodes without a subtraction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....core.compiled.jit import strict
from ....core.validation import Array

__all__ = ["eliminate", "follow"]

Ints = NDArray[np.int64]


@strict
def eliminate(
    indptr: Ints, indices: Ints, g: Array, ground: Array, starts: Ints, rows: Ints, values: Array,
    total: Array,
) -> bool:
    """Eliminate n nodes in order; return False where the room in `rows` does not do.

    Column j of (indptr, indices, g) holds the conductances to nodes i > j, `ground` (n,), which is
    changed, those to ground. Fills `starts` (n+1,), and per node what it is joined to when its turn
    comes: `rows`, `values`, and `total` (n,), the sum with ground.
    """
    n = len(ground)
    work = np.zeros(n)
    seen = np.full(n, -1)
    first = np.full(n, -1)  # of the nodes whose next neighbour is this one
    link = np.full(n, -1)
    at = np.zeros(n, dtype=np.int64)
    starts[0] = 0
    for j in range(n):
        begin = starts[j]
        end = begin
        for p in range(indptr[j], indptr[j + 1]):
            i = indices[p]
            if seen[i] != j:
                if end == len(rows):
                    return False
                seen[i] = j
                rows[end] = i
                end += 1
            work[i] += g[p]
        k = first[j]
        while k >= 0:
            after = link[k]
            p = at[k]
            share = values[p] / total[k]
            ground[j] += ground[k] * share
            for m in range(p + 1, starts[k + 1]):
                i = rows[m]
                if seen[i] != j:
                    if end == len(rows):
                        return False
                    seen[i] = j
                    rows[end] = i
                    end += 1
                work[i] += values[m] * share
            at[k] = p + 1
            if p + 1 < starts[k + 1]:
                to = rows[p + 1]
                link[k] = first[to]
                first[to] = k
            k = after
        rows[begin:end] = np.sort(rows[begin:end])
        size = ground[j]
        for p in range(begin, end):
            values[p] = work[rows[p]]
            size += values[p]
            work[rows[p]] = 0.0
        total[j] = size
        starts[j + 1] = end
        at[j] = begin
        if end > begin:
            link[j] = first[rows[begin]]
            first[rows[begin]] = j
    return True


@strict
def follow(starts: Ints, rows: Ints, values: Array, total: Array, x: Array) -> None:
    """Turn currents x (n, B) into voltages, in place."""
    n, batch = x.shape
    for k in range(n):
        for p in range(starts[k], starts[k + 1]):
            share = values[p] / total[k]
            for b in range(batch):
                x[rows[p], b] += share * x[k, b]
    for k in range(n - 1, -1, -1):
        for p in range(starts[k], starts[k + 1]):
            for b in range(batch):
                x[k, b] += values[p] * x[rows[p], b]
        for b in range(batch):
            x[k, b] /= total[k]
