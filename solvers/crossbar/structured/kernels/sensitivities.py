"""Sensitivities of a reduced array, down through its merges to the cells.

A loss that depends on the conductances between the sources changes with any conductance c_ij of a
block by -(e_i - e_j)' Y (e_i - e_j), where Y sums (voltage)(adjoint voltage) over all inputs. At
the sources Y is the loss's own derivative; at a block's nodes it is E Y E', where the rows of E
are the weights of the node's voltage that elimination has kept. So one pass back through the
merges gives all cells at once, for as many products as the reduction took.
"""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import kernel
from .....core.compiled.simd import WIDTH, add, fma, load, mul, splat, store, sub, transpose
from .....core.validation import Array
from ..ports_plan import LEAF, Ints
from .leaf import CHILDREN, LEAF_STORE, SIZES, STEP_START, STEPS, WHERE, leaf_nodes

__all__ = ["pull_leaves", "pull_ports"]


@kernel
def _weights(rows: Array, at: int, k: int, m: int) -> Array:
    """Return (k, m): the eliminated nodes' voltages by those of the ports alone."""
    full = rows[at : at + k * m].copy().reshape(k, m)
    flat = full.reshape(k * m)
    inner = at + k * m
    for e in range(k):
        for f in range(e):
            weight = rows[inner + e * k + f]
            if weight == 0.0:
                continue
            wide = splat(weight)
            c = 0
            while c + WIDTH <= m:
                store(flat, e * m + c, fma(
                    wide, load(flat, f * m + c), load(flat, e * m + c)
                ))
                c += WIDTH
            while c < m:
                full[e, c] += weight * full[f, c]
                c += 1
    return full


@kernel
def _extend(C: Array, m: int, weights: Array) -> None:
    """Fill Y of the eliminated nodes, from m on, from that of the ports."""
    k = len(weights)
    ports = np.empty((m, m))
    for i in range(m):
        line, source = ports[i], C[i]
        for j in range(m):
            line[j] = source[j]
    across = np.dot(weights, ports)
    inner = np.dot(across, weights.T)
    for e in range(k):
        line, source, own = C[m + e], across[e], inner[e]
        for j in range(m):
            line[j] = source[j]
        for f in range(k):
            line[m + f] = own[f]
    for i in range(m):
        line = C[i]
        for e in range(k):
            line[m + e] = across[e, i]


@kernel
def _pick(C: Array, at: Ints, target: Array) -> None:
    """Copy the rows and columns `at` of C; 0 for those below 0, ports that nothing leads to."""
    for i in range(len(at)):
        line = target[i]
        if at[i] < 0:
            line[: len(at)] = 0.0
            continue
        source = C[at[i]]
        for j in range(len(at)):
            line[j] = source[at[j]] if at[j] >= 0 else 0.0


@kernel
def pull_ports(
    merges: Ints, place: Ints, eliminated: Ints, ports: Ints, nodes: Ints, rows: Array,
    columns: int, Np: int, starts: Ints, where: Ints, Y: Array, leaf: Array,
) -> None:
    """Take Y of the last merge's ports, at its place in `Y`, down to all leaves.

    rows: the elimination rows that `reduce_ports` kept; columns: leaves side by side; starts: the
    first bit node, left source and top source; where (nodes,): scratch, all -1; leaf
    (leaves, 32, 32) takes the result.
    """
    leaves = leaf.shape[0]
    used = len(rows)
    ids = np.empty(4 * LEAF, dtype=np.int64)
    for n in range(len(merges) - 1, -1, -1):
        k, m = eliminated[n, 1], ports[n, 1]
        used -= k * m + k * k
        order = k + m
        C = Y[place[n, 0] : place[n, 0] + order * order].reshape(order, order)
        if k > 0:
            _extend(C, m, _weights(rows, used, k, m))
        for p in range(m):
            where[nodes[ports[n, 0] + p]] = p
        for e in range(k):
            where[nodes[eliminated[n, 0] + e]] = m + e
        for child in range(1 if merges[n, 2] == 2 else 2):
            index = merges[n, child]
            if index < 0:
                continue
            if index < leaves:
                leaf_nodes(index, columns, Np, starts[0], starts[1], starts[2], ids)
                _pick(C, where[ids], leaf[index])
            else:
                c = index - leaves
                own = nodes[ports[c, 0] : ports[c, 0] + ports[c, 1]]
                ld = place[c, 1]
                target = Y[place[c, 0] : place[c, 0] + ld * ld].reshape(ld, ld)
                _pick(C, where[own], target)
        for p in range(m):
            where[nodes[ports[n, 0] + p]] = -1
        for e in range(k):
            where[nodes[eliminated[n, 0] + e]] = -1


@kernel
def _part(
    parent: Array, at: int, step: int, rows: Array, start: int, full: Array, child: Array,
    a: int, b: int,
) -> None:
    """Extend Y of one merge inside a leaf to its eliminated nodes, and give it to the children.

    Flat offsets: `at` in parent (m, m), `a` and `b` in child (n, n); `full` (k + m, k + m) is
    scratch, its first k nodes are the eliminated ones. All in lanes.
    """
    n, k, m = SIZES[step, 0], SIZES[step, 1], SIZES[step, 2]
    width = k + m
    where = WHERE[step]
    for i in range(m):
        for j in range(m):
            store(full, ((k + i) * width + k + j) * WIDTH,
                  load(parent, at + (i * m + j) * WIDTH))
    for e in range(k - 1, -1, -1):
        row = start + e * width * WIDTH
        c = e + 1
        while c < width:
            four = c + 4 <= width
            to = (e * width + c) * WIDTH
            one = splat(0.0)
            if four:  # four sums hide each other's latency
                two, three, last = one, one, one
                for d in range(e + 1, width):
                    weight = load(rows, row + d * WIDTH)
                    y = (d * width + c) * WIDTH
                    one = fma(weight, load(full, y), one)
                    two = fma(weight, load(full, y + WIDTH), two)
                    three = fma(weight, load(full, y + 2 * WIDTH), three)
                    last = fma(weight, load(full, y + 3 * WIDTH), last)
                store(full, to, one)
                store(full, to + WIDTH, two)
                store(full, to + 2 * WIDTH, three)
                store(full, to + 3 * WIDTH, last)
                c += 4
            else:
                for d in range(e + 1, width):
                    one = fma(load(rows, row + d * WIDTH), load(full, (d * width + c) * WIDTH),
                              one)
                store(full, to, one)
                c += 1
        own = splat(0.0)
        for c in range(e + 1, width):
            value = load(full, (e * width + c) * WIDTH)
            store(full, (c * width + e) * WIDTH, value)
            own = fma(load(rows, row + c * WIDTH), value, own)
        store(full, (e * width + e) * WIDTH, own)
    for side in range(2):
        to = a if side == 0 else b
        inside, own_ports, their_place = where[side], where[2 + 2 * side], where[3 + 2 * side]
        for p in range(n):
            place_p = inside[p] if p < k else own_ports[p - k]
            line = p if p < k else k + their_place[p - k]
            for o in range(n):
                place_o = inside[o] if o < k else own_ports[o - k]
                column = o if o < k else k + their_place[o - k]
                store(child, to + (place_p * n + place_o) * WIDTH,
                      load(full, (line * width + column) * WIDTH))


@kernel
def pull_leaves(
    kept: Array, first: int, leaf: Array, columns: int, group: Array, rows: Array, full: Array,
    by_cell: Array, largest: Array,
) -> None:
    """Give the sensitivities of the cells of the leaves first..first+7 (clipped).

    kept (8, LEAF_STORE): their elimination rows; leaf (leaves, 32, 32): Y of their ports;
    by_cell (Mp, Np): the result; largest (1,): of the terms of which a cell's is the sum. `group`
    (2, 2048 * WIDTH), `rows` (LEAF_STORE * WIDTH,) and `full` (1600 * WIDTH,) are scratch.
    """
    leaves = leaf.shape[0]
    for k in range(0, LEAF_STORE, WIDTH):
        transpose(kept, k, LEAF_STORE, rows, k * WIDTH, WIDTH)
    now, then = group[0], group[1]
    flat = leaf.reshape(leaf.size)
    size = 16 * LEAF * LEAF
    if first + WIDTH <= leaves:
        for k in range(0, size, WIDTH):
            transpose(flat, first * size + k, size, now, k * WIDTH, WIDTH)
    else:
        for lane in range(WIDTH):
            block = min(first + lane, leaves - 1) * size
            for k in range(size):
                now[k * WIDTH + lane] = flat[block + k]
    for step in range(STEPS - 1, -1, -1):
        n, k, m, count = SIZES[step]
        for number in range(count):
            _part(
                now, number * m * m * WIDTH, step, rows,
                (STEP_START[step] + number * k * (k + m)) * WIDTH, full, then,
                CHILDREN[step, number, 0] * n * n * WIDTH,
                CHILDREN[step, number, 1] * n * n * WIDTH,
            )
        now, then = then, now
    two = splat(2.0)
    for cell in range(LEAF * LEAF):  # ports L, R, T, B: the cell lies between R and B
        at = cell * 16 * WIDTH
        word, bit = load(now, at + 5 * WIDTH), load(now, at + 15 * WIDTH)
        mixed = mul(two, load(now, at + 7 * WIDTH))
        store(then, cell * WIDTH, sub(mixed, add(word, bit)))
        for lane in range(WIDTH):
            if first + lane < leaves:
                index = at + lane
                terms = abs(now[index + 5 * WIDTH]) + abs(now[index + 15 * WIDTH])
                terms = max(terms, 2.0 * abs(now[index + 7 * WIDTH]))
                largest[0] = max(largest[0], terms)
    for lane in range(min(WIDTH, leaves - first)):
        leaf_at = first + lane
        i0, j0 = (leaf_at // columns) * LEAF, (leaf_at % columns) * LEAF
        for i in range(LEAF):
            for j in range(LEAF):
                by_cell[i0 + i, j0 + j] = then[(i * LEAF + j) * WIDTH + lane]
