"""Port reduction above the leaves: dense merges of neighbouring blocks.

The entries are positive conductances and elimination only adds to them (see `leaf`), so
the bulk of the work is a matrix product of positive numbers, without any loss of accuracy.
"""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import kernel
from .....core.compiled.simd import WIDTH, fma, load, splat, store
from .....core.validation import Array
from ..ports_plan import LEAF, Ints

__all__ = ["reduce_ports", "solve_ports"]

PANEL = 32


@kernel
def _copy(
    block: Array, at: Ints, sizes: Ints, target: Array, to: Ints, shared: int, accumulate: bool
) -> None:
    """Copy the group-by-group submatrices of `block` into `target`."""
    for g in range(4):
        for h in range(4):
            merge = accumulate and g == shared and h == shared
            for i in range(sizes[g]):
                source = block[at[g] + i]
                line = target[to[g] + i]
                a, b = at[h], to[h]
                if merge:
                    for j in range(sizes[h]):
                        line[b + j] += source[a + j]
                else:
                    for j in range(sizes[h]):
                        line[b + j] = source[a + j]


@kernel
def _eliminate(C: Array, ports: int, rows: Array, to: int) -> None:
    """Eliminate the nodes from `ports` on; scaled rows (k, ports), then (k, k), go to `rows`.

    A node's row holds the weights of its voltage: first those of the ports, then those of the
    eliminated nodes before it.
    """
    n = C.shape[1]
    k = n - ports
    flat = C.reshape(C.size)
    last = n
    while last > ports:
        first = max(ports, last - PANEL)
        h = last - first
        plain, scaled = np.empty((h, first)), np.empty((h, first))
        for e in range(last - 1, first - 1, -1):
            line = C[e]
            pivot = 0.0
            for c in range(e):
                pivot += line[c]
            inverse = 1.0 / pivot if pivot > 0.0 else 0.0
            for f in range(first, e):
                factor = line[f] * inverse
                wide = splat(factor)
                c = 0
                while c + WIDTH <= e:
                    at = f * n + c
                    store(flat, at, fma(wide, load(flat, e * n + c), load(flat, at)))
                    c += WIDTH
                while c < e:
                    C[f, c] += factor * line[c]
                    c += 1
            a, b = plain[e - first], scaled[e - first]
            for c in range(first):
                a[c] = line[c]
            for c in range(first):
                b[c] = line[c] * inverse
            if to >= 0:
                start = to + (e - ports) * ports
                for c in range(ports):
                    rows[start + c] = line[c] * inverse
                start = to + k * ports + (e - ports) * k
                for c in range(e - ports):
                    rows[start + c] = line[ports + c] * inverse
        update = np.dot(scaled.T, plain)
        for i in range(first):
            line, change = C[i], update[i]
            for j in range(first):
                line[j] += change[j]
        last = first


@kernel
def reduce_ports(
    merges: Ints, place: Ints, eliminated: Ints, ports: Ints, leaf: Array, gr: Array, gd: Array,
    scratch: Array, rows: Array, keep: bool,
) -> None:
    """Run all merges of a plan; the last one's matrix is the array's port matrix.

    leaf (leaves, 32, 32): reduced leaves; gr (Mp,), gd (Np,): conductances to the right and
    bottom sources; `rows` takes the elimination rows where `keep`.
    """
    leaves = leaf.shape[0]
    at, to = np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64)
    sizes = np.zeros(4, dtype=np.int64)
    used = 0
    for n in range(len(merges)):
        a, b, direction = merges[n, 0], merges[n, 1], merges[n, 2]
        k, m = eliminated[n, 1], ports[n, 1]
        order = k + m
        start = place[n, 0]
        C = scratch[start : start + order * order].reshape(order, order)
        C[:] = 0.0
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
                    C[to[far] + i, to[shared] + i] += value
            elif index < leaves:
                for g in range(4):
                    at[g] = g * LEAF
                _copy(leaf[index], at, sizes, C, to, shared, child == 1)
            else:
                s, ld = place[index - leaves]
                _copy(scratch[s : s + ld * ld].reshape(ld, ld), at, sizes, C, to, shared,
                      child == 1)
        if direction < 2:
            _eliminate(C, m, rows, used if keep else -1)
        used += k * m + k * k


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
