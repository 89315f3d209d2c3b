"""Port reduction of leaves: blocks of 8x8 crosspoints, eight blocks side by side in SIMD lanes.

Conductances between ports are kept as the positive off-diagonal entries of a dense matrix. To
eliminate a node is a star-mesh transformation, c_ij += c_ie c_ej / sum_j c_ej: only additions of
positive numbers, so every entry is accurate to rounding however far the conductances lie apart.
"""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import kernel
from .....core.compiled.simd import WIDTH, add, div, fma, load, mul, splat, store, transpose
from .....core.validation import Array
from ..ports_plan import LEAF, LEAF_STEPS, Ints, leaf_tables

__all__ = ["LEAF_STORE", "STEP_START", "leaf_nodes", "reduce_leaves", "solve_leaves"]

SIZES, WHERE, CHILDREN, LOCAL = leaf_tables()
STEPS = len(LEAF_STEPS)
# where each step's elimination rows start in a leaf's store, in vectors
_ROWS = SIZES[:, 3] * SIZES[:, 1] * (SIZES[:, 1] + SIZES[:, 2])
STEP_START = np.concatenate([[0], np.cumsum(_ROWS)])
LEAF_STORE = int(STEP_START[-1])
_TINY = 1e-300


@kernel
def _merge(
    child: Array, a: int, b: int, step: int, rows: Array, at: int, out: Array, to: int
) -> None:
    """Merge two children (flat offsets a, b in `child`) into `out`; scaled rows go to `rows`."""
    n, k, m = SIZES[step, 0], SIZES[step, 1], SIZES[step, 2]
    width = k + m
    where = WHERE[step]
    for e in range(k):
        row = at + e * width * WIDTH
        ra, rb = a + where[0, e] * n * WIDTH, b + where[1, e] * n * WIDTH
        for f in range(k):
            store(rows, row + f * WIDTH, add(
                load(child, ra + where[0, f] * WIDTH), load(child, rb + where[1, f] * WIDTH)
            ))
        for p in range(n - k):
            store(rows, row + (k + where[3, p]) * WIDTH, load(child, ra + where[2, p] * WIDTH))
            store(rows, row + (k + where[5, p]) * WIDTH, load(child, rb + where[4, p] * WIDTH))
    zero, one, tiny = splat(0.0), splat(1.0), splat(_TINY)
    for p in range(m * m):
        store(out, to + p * WIDTH, zero)
    for p in range(n - k):
        sa, sb = a + where[2, p] * n * WIDTH, b + where[4, p] * n * WIDTH
        ta, tb = to + where[3, p] * m * WIDTH, to + where[5, p] * m * WIDTH
        for o in range(n - k):
            store(out, ta + where[3, o] * WIDTH, load(child, sa + where[2, o] * WIDTH))
            store(out, tb + where[5, o] * WIDTH, load(child, sb + where[4, o] * WIDTH))
    for e in range(k):
        row = at + e * width * WIDTH
        pivot = tiny
        for c in range(e + 1, width):
            pivot = add(pivot, load(rows, row + c * WIDTH))
        inverse = div(one, pivot)
        for f in range(e + 1, k):
            other = at + f * width * WIDTH
            factor = mul(load(rows, row + f * WIDTH), inverse)
            for c in range(e + 1, width):
                store(rows, other + c * WIDTH, fma(
                    factor, load(rows, row + c * WIDTH), load(rows, other + c * WIDTH)
                ))
        for i in range(m - 1):
            factor = mul(load(rows, row + (k + i) * WIDTH), inverse)
            line = to + i * m * WIDTH
            for j in range(i + 1, m):
                store(out, line + j * WIDTH, fma(
                    factor, load(rows, row + (k + j) * WIDTH), load(out, line + j * WIDTH)
                ))
        for c in range(e + 1, width):
            store(rows, row + c * WIDTH, mul(load(rows, row + c * WIDTH), inverse))
    for i in range(1, m):
        for j in range(i):
            store(out, to + (i * m + j) * WIDTH, load(out, to + (j * m + i) * WIDTH))


@kernel
def reduce_leaves(
    G: Array, gw: Array, gb: Array, columns: int, first: int, group: Array, rows: Array,
    kept: Array, out: Array,
) -> None:
    """Reduce the leaves first..first+7 (clipped) of an array `columns` leaves wide.

    G, gw, gb (Mp, Np): cells, segments left of and above each crosspoint, siemens. `group`
    (2, 2048 * WIDTH) and `rows` (LEAF_STORE * WIDTH,) are scratch, `kept` (WIDTH, LEAF_STORE),
    where it is not empty, takes the elimination rows leaf by leaf, `out` (leaves, 32, 32) the
    reduced blocks.
    """
    leaves = out.shape[0]
    now, then = group[0], group[1]
    now[: LEAF * LEAF * 16 * WIDTH] = 0.0
    for lane in range(WIDTH):
        leaf = min(first + lane, leaves - 1)
        i0, j0 = (leaf // columns) * LEAF, (leaf % columns) * LEAF
        for i in range(LEAF):
            for j in range(LEAF):
                at = (i * LEAF + j) * 16 * WIDTH + lane  # ports L, R, T, B
                now[at + 1 * WIDTH] = gw[i0 + i, j0 + j]
                now[at + 4 * WIDTH] = gw[i0 + i, j0 + j]
                now[at + 11 * WIDTH] = gb[i0 + i, j0 + j]
                now[at + 14 * WIDTH] = gb[i0 + i, j0 + j]
                now[at + 7 * WIDTH] = G[i0 + i, j0 + j]
                now[at + 13 * WIDTH] = G[i0 + i, j0 + j]
    for step in range(STEPS):
        n, k, m, count = SIZES[step]
        for number in range(count):
            _merge(
                now, CHILDREN[step, number, 0] * n * n * WIDTH,
                CHILDREN[step, number, 1] * n * n * WIDTH, step, rows,
                (STEP_START[step] + number * k * (k + m)) * WIDTH, then, number * m * m * WIDTH,
            )
        now, then = then, now
    if len(kept):
        for k in range(0, LEAF_STORE, WIDTH):
            transpose(rows, k * WIDTH, WIDTH, kept, k, LEAF_STORE)
    for lane in range(WIDTH):
        if first + lane < leaves:
            block = out[first + lane]
            for i in range(4 * LEAF):
                for j in range(4 * LEAF):
                    block[i, j] = now[(i * 4 * LEAF + j) * WIDTH + lane]


@kernel
def leaf_nodes(
    leaf: int, columns: int, Np: int, bit0: int, left0: int, top0: int, ids: Ints
) -> None:
    """Write the node numbers of a leaf's ports, eight each: left, right, above, below."""
    i0, j0 = (leaf // columns) * LEAF, (leaf % columns) * LEAF
    for a in range(LEAF):
        ids[a] = left0 + i0 + a if j0 == 0 else (i0 + a) * Np + j0 - 1
        ids[LEAF + a] = (i0 + a) * Np + j0 + LEAF - 1
        ids[2 * LEAF + a] = top0 + j0 + a if i0 == 0 else bit0 + (i0 - 1) * Np + j0 + a
        ids[3 * LEAF + a] = bit0 + (i0 + LEAF - 1) * Np + j0 + a


@kernel
def solve_leaves(
    rows: Array, first: int, leaves: int, columns: int, Np: int, known: Array,
    bit0: int, left0: int, top0: int, local: Array, out_u: Array, out_w: Array, start: int,
) -> None:
    """Back-substitute eight leaves for a block of input vectors, and write their node voltages.

    rows (WIDTH, LEAF_STORE): their elimination rows;
    known (nodes, C): voltages of all port nodes for C vectors (C a multiple of WIDTH);
    out_u, out_w (B, M, N) get the vectors start..start+C-1 (clipped). `local` (144, C) scratch.
    """
    chunk = known.shape[1]
    batch, M, N = out_u.shape
    ends = np.empty(4 * LEAF, dtype=np.int64)
    for lane in range(min(WIDTH, leaves - first)):
        leaf = first + lane
        i0, j0 = (leaf // columns) * LEAF, (leaf % columns) * LEAF
        leaf_nodes(leaf, columns, Np, bit0, left0, top0, ends)
        for a in range(LEAF):
            local[2 * LEAF * LEAF + a] = known[ends[a]]
            local[2 * LEAF * LEAF + LEAF + a] = known[ends[2 * LEAF + a]]
            local[a * LEAF + LEAF - 1] = known[ends[LEAF + a]]
            local[LEAF * LEAF + (LEAF - 1) * LEAF + a] = known[ends[3 * LEAF + a]]
        for step in range(STEPS - 1, -1, -1):
            k, m, count = SIZES[step, 1], SIZES[step, 2], SIZES[step, 3]
            for number in range(count):
                ids = LOCAL[step, number]
                at = STEP_START[step] + number * k * (k + m)
                for e in range(k - 1, -1, -1):
                    row = at + e * (k + m)
                    v = 0
                    while v + 4 * WIDTH <= chunk:  # four sums hide each other's latency
                        first_sum = splat(0.0)
                        second, third, fourth = first_sum, first_sum, first_sum
                        for c in range(e + 1, k + m):
                            weight = splat(rows[lane, row + c])
                            place = ids[c] * chunk + v
                            first_sum = fma(weight, load(local, place), first_sum)
                            second = fma(weight, load(local, place + WIDTH), second)
                            third = fma(weight, load(local, place + 2 * WIDTH), third)
                            fourth = fma(weight, load(local, place + 3 * WIDTH), fourth)
                        place = ids[e] * chunk + v
                        store(local, place, first_sum)
                        store(local, place + WIDTH, second)
                        store(local, place + 2 * WIDTH, third)
                        store(local, place + 3 * WIDTH, fourth)
                        v += 4 * WIDTH
                    while v < chunk:
                        value = splat(0.0)
                        for c in range(e + 1, k + m):
                            value = fma(
                                splat(rows[lane, row + c]), load(local, ids[c] * chunk + v), value
                            )
                        store(local, ids[e] * chunk + v, value)
                        v += WIDTH
        _write(local, 0, chunk, out_u, start, batch, i0, j0, M, N)
        _write(local, LEAF * LEAF, chunk, out_w, start, batch, i0, j0, M, N)


@kernel
def _write(
    local: Array, first: int, chunk: int, out: Array, start: int, batch: int, i0: int, j0: int,
    M: int, N: int,
) -> None:
    """Copy a leaf's 64 voltages of all vectors to `out` (B, M, N)."""
    whole = j0 + LEAF <= N
    for i in range(min(LEAF, M - i0)):
        at = (first + i * LEAF) * chunk
        for v in range(0, chunk, WIDTH):
            if whole and start + v + WIDTH <= batch:
                transpose(local, at + v, chunk, out, ((start + v) * M + i0 + i) * N + j0, M * N)
            else:
                for b in range(min(WIDTH, batch - start - v)):
                    for j in range(min(LEAF, N - j0)):
                        out[start + v + b, i0 + i, j0 + j] = local[first + i * LEAF + j, v + b]
