"""Port reduction above the leaves: dense merges of neighbouring blocks.

The entries are positive conductances and elimination only adds to them (see `leaf`), so
the bulk of the work is a matrix product of positive numbers, without any loss of accuracy. Only
lower triangles, the diagonal's lanes whole, are kept and worked on.
"""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import kernel
from .....core.compiled.simd import WIDTH, add, fma, load, mul, splat, store, transpose
from .....core.validation import Array
from ..ports_plan import LEAF, Ints

__all__ = ["reduce_ports", "solve_ports", "whole"]

PANEL = 32  # nodes eliminated before what is left is updated
ROWS = 4  # of the matrix that the update takes at once


@kernel
def _copy(
    source: Array, ld: int, at: Ints, sizes: Ints, target: Array, n: int, to: Ints, shared: int,
    accumulate: bool,
) -> None:
    """Copy the group-by-group submatrices of a block into `target`, lower triangle to lower.

    Both are counted flat, with rows of `ld` and `n` numbers; all sizes are multiples of WIDTH.
    """
    for g in range(4):
        for h in range(4):
            if to[g] < to[h]:
                continue
            merge = accumulate and g == shared and h == shared
            if g == h or at[g] > at[h]:
                for i in range(sizes[g]):
                    a, b = (at[g] + i) * ld + at[h], (to[g] + i) * n + to[h]
                    for j in range(0, i + 1 if g == h else sizes[h], WIDTH):
                        value = load(source, a + j)
                        if merge:
                            value = add(value, load(target, b + j))
                        store(target, b + j, value)
            else:
                for i in range(0, sizes[g], WIDTH):
                    for j in range(0, sizes[h], WIDTH):
                        transpose(source, (at[h] + j) * ld + at[g] + i, ld,
                                  target, (to[g] + i) * n + to[h] + j, n)


@kernel
def _update(
    flat: Array, n: int, first: int, last: int, count: int, plain: Array, scaled: Array
) -> None:
    """Add what `count` eliminated nodes add to rows `first` to `last` of the lower triangle."""
    stride = scaled.shape[1]
    for i in range(first, last, ROWS):
        for j in range(0, i + ROWS, WIDTH):
            at = i * n + j
            a, b = load(flat, at), load(flat, at + n)
            c, d = load(flat, at + 2 * n), load(flat, at + 3 * n)
            place, factor = j * PANEL, i
            for _ in range(count):
                value = load(plain, place)
                a = fma(splat(scaled[0, factor]), value, a)
                b = fma(splat(scaled[0, factor + 1]), value, b)
                c = fma(splat(scaled[0, factor + 2]), value, c)
                d = fma(splat(scaled[0, factor + 3]), value, d)
                place += WIDTH
                factor += stride
            store(flat, at, a)
            store(flat, at + n, b)
            store(flat, at + 2 * n, c)
            store(flat, at + 3 * n, d)


@kernel
def _eliminate(
    C: Array, ports: int, rows: Array, to: int, plain: Array, scaled: Array
) -> None:
    """Eliminate the nodes from `ports` on; scaled rows (k, ports), then (k, k), go to `rows`.

    A node's row holds the weights of its voltage: first those of the ports, then those of the
    eliminated nodes before it. Of C, counted flat, the lower triangle is kept. All numbers of nodes
    are multiples of WIDTH; plain (>= n / 8, PANEL, 8) and scaled (PANEL, >= n) are scratch.
    """
    n = C.shape[1]
    k = n - ports
    last = n
    while last > ports:
        first = max(ports, last - PANEL)
        for few in range(last - WIDTH, first - 1, -WIDTH):
            _update(C, n, few, few + WIDTH, last - few - WIDTH, plain, scaled)
            for e in range(few + WIDTH - 1, few - 1, -1):
                pivot = 0.0
                for c in range(e):
                    pivot += C[e, c]
                inverse = 1.0 / pivot if pivot > 0.0 else 0.0
                q = last - 1 - e
                wide = splat(inverse)
                for c in range(0, few, WIDTH):
                    value = load(C, e * n + c)
                    store(plain, (c * PANEL) + q * WIDTH, value)
                    store(scaled, q * scaled.shape[1] + c, mul(wide, value))
                for c in range(few, e):
                    scaled[q, c] = C[e, c] * inverse
                for f in range(few, e):
                    wide = splat(scaled[q, f])
                    for c in range(0, f, WIDTH):
                        at = f * n + c
                        store(C, at, fma(wide, load(C, e * n + c), load(C, at)))
                if to >= 0:
                    start = to + (e - ports) * ports
                    for c in range(0, ports, WIDTH):
                        store(rows, start + c, load(scaled, q * scaled.shape[1] + c))
                    start = to + k * ports + (e - ports) * k
                    for c in range(e - ports):
                        rows[start + c] = scaled[q, ports + c]
        _update(C, n, 0, first, last - first, plain, scaled)
        last = first


@kernel
def reduce_ports(
    merges: Ints, place: Ints, eliminated: Ints, ports: Ints, leaf: Array, gr: Array, gd: Array,
    scratch: Array, rows: Array, keep: bool,
) -> None:
    """Run all merges of a plan; the last one's lower triangle is that of the port matrix.

    leaf (leaves, 32, 32): reduced leaves; gr (Mp,), gd (Np,): conductances to the right and
    bottom sources; `rows` takes the elimination rows where `keep`.
    """
    leaves = leaf.shape[0]
    most = 0
    for n in range(len(merges)):
        most = max(most, eliminated[n, 1] + ports[n, 1])
    plain, scaled = np.empty((most, PANEL)), np.empty((PANEL, most))
    at, to = np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64)
    sizes = np.zeros(4, dtype=np.int64)
    used = 0
    for n in range(len(merges)):
        a, b, direction = merges[n, 0], merges[n, 1], merges[n, 2]
        k, m = eliminated[n, 1], ports[n, 1]
        order = k + m
        start = place[n, 0]
        C = scratch[start : start + order * order].reshape(order, order)
        for i in range(order):
            for j in range(0, i + 1, WIDTH):
                store(C, i * order + j, splat(0.0))
        shared_a, shared_b = (1, 0) if direction == 0 else (3, 2)
        out = 0
        first = np.zeros(4, dtype=np.int64)
        for g in range(4):
            first[g] = out
            if not (direction < 2 and g == shared_a):
                out += merges[n, 3 + g]
            if not (direction < 2 and g == shared_b):
                out += merges[n, 7 + g]
        for child in range(2):
            index = a if child == 0 else b
            if child == 1 and direction == 2:
                continue
            shared = shared_a if child == 0 else shared_b
            total = 0
            for g in range(4):
                sizes[g] = merges[n, 3 + 4 * child + g]
                at[g] = total
                total += sizes[g]
                to[g] = first[g]
                if child == 1 and not (direction < 2 and g == shared_a):
                    to[g] += merges[n, 3 + g]
                if direction < 2 and g == shared:
                    to[g] = m
            if index < 0:  # end conductances: node i to source i
                ends = gr if direction == 0 else gd
                far = 1 if direction == 0 else 3
                for i in range(sizes[far]):
                    value = ends[merges[n, 11] + i]
                    C[to[shared] + i, to[far] + i] += value
            elif index < leaves:
                for g in range(4):
                    at[g] = g * LEAF
                _copy(leaf[index], 4 * LEAF, at, sizes, C, order, to, shared, child == 1)
            else:
                s, ld = place[index - leaves]
                _copy(scratch[s : s + ld * ld].reshape(ld, ld), ld, at, sizes, C, order, to,
                      shared, child == 1)
        if direction < 2:
            _eliminate(C, m, rows, used if keep else -1, plain, scaled)
        used += k * m + k * k


@kernel
def whole(work: Array, start: int, order: int, out: Array) -> None:
    """Fill the symmetric matrix out (P, P), its diagonal 0, from a lower triangle in `work`."""
    for i in range(0, len(out), WIDTH):
        for j in range(0, i, WIDTH):
            at = start + i * order + j
            for r in range(WIDTH):
                store(out, (i + r) * len(out) + j, load(work, at + r * order))
            transpose(work, at, order, out, j * len(out) + i, len(out))
        for r in range(WIDTH):
            out[i + r, i + r] = 0.0
            for c in range(r):
                out[i + r, i + c] = out[i + c, i + r] = work[start + (i + r) * order + i + c]


@kernel
def solve_ports(
    eliminated: Ints, ports: Ints, nodes: Ints, rows: Array, known: Array
) -> None:
    """Back-substitute all merges, last first: fill `known` (nodes, C) from the sources inwards."""
    chunk = known.shape[1]
    used = len(rows)
    flat = known.reshape(known.size)
    for n in range(len(eliminated) - 1, -1, -1):
        k, m = eliminated[n, 1], ports[n, 1]
        used -= k * m + k * k
        if k == 0:
            continue
        gathered = np.empty((m, chunk))
        for p in range(m):
            gathered[p] = known[nodes[ports[n, 0] + p]]
        weights = rows[used : used + k * m].reshape(k, m)
        values = np.dot(weights, gathered)
        inner = used + k * m
        for e in range(k):
            line = values[e]
            target = nodes[eliminated[n, 0] + e] * chunk
            known[nodes[eliminated[n, 0] + e]] = line
            for f in range(e):
                weight = rows[inner + e * k + f]
                if weight != 0.0:
                    source = nodes[eliminated[n, 0] + f] * chunk
                    wide = splat(weight)
                    for v in range(0, chunk, WIDTH):
                        store(flat, target + v, fma(
                            wide, load(flat, source + v), load(flat, target + v)
                        ))
