"""The coarse space of a crossbar whose cells conduct as well as its lines: a few products.

The chain preconditioner sees a few cells far. Where cells conduct well, word and bit lines act as
one sheet, and what is smooth over it is left to many iterations. So a second preconditioner is
added: the mean array is inverted exactly, mode by mode, on voltages given by those of every
`span`-th row and column (`coarse_space` makes the modes). Between these columns voltages are
linear; between the rows they follow the resistance along each bit line, so that its wires carry
one current from node to node, whatever the segments are, and merged nodes have one voltage.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .....core.compiled.jit import lean
from .....core.compiled.simd import WIDTH, add, fma, load, mul, splat, store, sub, total
from .....core.validation import Array

__all__ = [
    "Coarse", "across_nodes", "along_nodes", "coarse_value", "correct", "gather", "row_place",
    "sample",
]


class Coarse(NamedTuple):
    """The coarse space and its scratch, of `m` by `n` nodes for (M, N) bit nodes.

    Attributes
    ----------
    span : int
        Lines from node to node, a multiple of 8; the last row of nodes is the last row, between
        half as far and half as far again.
    lanes : (span,)
        k / span.
    even : bool
        All inner segments of the bit lines are alike.
    shares : (M, N), or empty where `even`
        Of the resistance from the row of nodes above to that below, what lies above.
    steps : (m-1, N) siemens
        Bit lines from node to node.
    ends : (2, N) siemens
        From the outer rows to the sources, 0 where they are joined by 0 ohm.
    tied : bool
        Some node has no voltage of its own.
    ties : (m, N)
        0 for a node that is held at the source's voltage, -1 for one that is joined to the next row
        of nodes by 0 ohm, 1 for the others.
    diagonal, extra : (M, N) siemens
        What leads away from the bit nodes besides wires, and what of it the chains leave out.
    bit, bit_t : (P, P)
    word, word_t : (Q, Q)
        Modes by nodes and transposed, with zeros up to a multiple of 8.
    inverse : (P, Q)
        Of the mean array, by modes, ohm.
    sums : (2, m+1, N)
        Currents gathered on the rows of nodes, by two threads.
    t, u : (P, Q)
    level, rise, drawn : (m, N)
        Voltages of the rows of nodes, how much the next one is above, and what wires draw there.
    """

    span: int
    lanes: Array
    even: bool
    shares: Array
    steps: Array
    ends: Array
    tied: bool
    ties: Array
    diagonal: Array
    extra: Array
    bit: Array
    bit_t: Array
    word: Array
    word_t: Array
    inverse: Array
    sums: Array
    t: Array
    u: Array
    level: Array
    rise: Array
    drawn: Array


@lean
def sample(G: Array, word_r: Array, bit_r: Array) -> tuple[float, float, float]:
    """Return the mean of cells, siemens, and of word and bit segments, ohm, of every fourth row."""
    M, N = G.shape
    g, word, bit = 0.0, 0.0, 0.0
    cells, words, bits = 0, 0, 0
    for i in range(0, M, 4):
        for j in range(N):
            g += G[i, j]
        cells += N
        for j in range(1, N):
            r = word_r[i, j]
            word += r if r < np.inf else 0.0
        words += N - 1
        if i:
            for j in range(N):
                r = bit_r[i, j]
                bit += r if r < np.inf else 0.0
            bits += N
    return g / max(cells, 1), word / max(words, 1), bit / max(bits, 1)


@lean
def across_nodes(r: Array, span: int, window: int, least: float, out: Array) -> tuple[float, float]:
    """Add up what a volt per segment drives through word lines r (M, N+1), siemens.

    out (n+1,): in the n-1 spans between the nodes, and at both ends. Resistances are averaged over
    `window` segments; those below `least` count as that. Returns the smallest and the largest one.
    """
    M, N = r.shape[0], r.shape[1] - 1
    low, high = np.inf, 0.0
    n = out.shape[0] - 1
    for k in range(n + 1):
        out[k] = 0.0
    for i in range(M):
        for first in range(1, N, window):
            last = min(first + window, N)
            series = 0.0
            for j in range(first, last):
                series += r[i, j]
                low = min(low, r[i, j])
                high = max(high, r[i, j])
            count = last - first
            out[(first - 1) // span] += count * count / max(series, least * count)
        low = min(low, min(r[i, 0], r[i, N]))
        out[n - 1] += 1.0 / max(r[i, 0], least)
        out[n] += 1.0 / max(r[i, N], least)
    return low, high


@lean
def along_nodes(r: Array, span: int, shares: Array, steps: Array, ties: Array) -> bool:
    """Fill `shares` (M, N), `steps` (m-1, N) and `ties` (m, N) of bit lines r (M+1, N).

    See `Coarse`. Where `shares` is empty, for lines of like segments. Returns whether any node is
    tied.
    """
    M, N = r.shape[0] - 1, r.shape[1]
    m = ties.shape[0]
    tied = False
    for a in range(m - 1):
        first, last = a * span, (a * span + span if a < m - 2 else M - 1)
        if not shares.size:
            for j in range(N):
                steps[a, j] = (last - first) * r[1, j]
        else:
            _shares(r, first, last, shares, steps[a])
    for j in range(N):
        for a in range(m):
            ties[a, j] = -1.0 if a < m - 1 and steps[a, j] == 0.0 else 1.0
        a = 0
        while r[0, j] == 0.0 and a < m:
            joined = ties[a, j] < 0.0
            ties[a, j] = 0.0
            a = a + 1 if joined else m
        a = m - 1
        while r[M, j] == 0.0 and a >= 0:
            ties[a, j] = 0.0
            a = a - 1 if a > 0 and ties[a - 1, j] < 0.0 else -1
        for a in range(m):
            tied = tied or ties[a, j] < 1.0
            if a < m - 1:
                steps[a, j] = 1.0 / steps[a, j] if steps[a, j] > 0.0 else 0.0
    return tied


@lean
def _shares(r: Array, first: int, last: int, shares: Array, total: Array) -> None:
    """Fill the shares of rows `first` to `last` - 1, and the resistances up to `last`."""
    N = r.shape[1]
    for j in range(N):
        total[j] = 0.0
    for i in range(first, last):
        for j in range(N):
            shares[i, j] = total[j]
            total[j] += r[i + 1, j]
    for i in range(first, last):
        for j in range(N):  # a broken line jumps at the first break
            broken = 1.0 if shares[i, j] == np.inf else 0.0
            whole = 0.0 < total[j] < np.inf
            shares[i, j] = shares[i, j] / total[j] if whole else broken
    if last == r.shape[0] - 2:
        for j in range(N):
            shares[last, j] = 1.0


@lean
def row_place(coarse: Coarse, i: int) -> tuple[int, float, int]:
    """Return the row of nodes above row i, how far i is to the next, and that at i or -1."""
    m, rows = coarse.ties.shape[0], coarse.diagonal.shape[0]
    a = min(i // coarse.span, m - 2)
    first = a * coarse.span
    if i + 1 == rows:
        return a, 1.0, m - 1
    count = coarse.span if a < m - 2 else rows - 1 - first
    return a, (i - first) / count, (a if i == first else -1)


@lean
def gather(coarse: Coarse, r: Array, base: int, count: int, side: int, fresh: bool) -> None:
    """Gather the currents r of `count` rows from row `base` on as `side`'s sums, new if `fresh`."""
    N = r.shape[1]
    full = N - N % WIDTH
    sums = coarse.sums[side]
    for a in range(sums.shape[0] if fresh else 0):
        for j in range(N):
            sums[a, j] = 0.0
    for i in range(base, base + count):
        a, share, _ = row_place(coarse, i)
        start, here = i * N, a * N
        lower = splat(share)
        for j in range(0, full, WIDTH):
            value = load(r, start + j)
            if not coarse.even:
                lower = load(coarse.shares, start + j)
            part = mul(lower, value)
            store(sums, here + j, add(load(sums, here + j), sub(value, part)))
            store(sums, here + N + j, add(load(sums, here + N + j), part))
        for j in range(full, N):
            low = (share if coarse.even else coarse.shares[i, j]) * r[i, j]
            sums[a, j] += r[i, j] - low
            sums[a + 1, j] += low


@lean
def _multiply(a: Array, b: Array, rows: int, inner: int, out: Array) -> None:
    """Fill `rows` rows, a multiple of 4, of out = a b, over the first `inner` of what is summed."""
    columns = b.shape[1]
    for i in range(0, rows, 4):
        for j in range(0, columns, WIDTH):
            w, x, y, z = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            for k in range(inner):
                value = load(b, k * columns + j)
                w = fma(splat(a[i, k]), value, w)
                x = fma(splat(a[i + 1, k]), value, x)
                y = fma(splat(a[i + 2, k]), value, y)
                z = fma(splat(a[i + 3, k]), value, z)
            at = i * columns + j
            store(out, at, w)
            store(out, at + columns, x)
            store(out, at + 2 * columns, y)
            store(out, at + 3 * columns, z)


@lean
def correct(coarse: Coarse, sides: int) -> float:
    """Take the sums of `sides` threads to `level`, `rise` and `drawn`; return r' C r."""
    span, t, u = coarse.span, coarse.t, coarse.u
    level, rise, drawn, steps = coarse.level, coarse.rise, coarse.drawn, coarse.steps
    m, N = level.shape
    n = (N - 2) // span + 2
    full = N - N % WIDTH
    P, Q = t.shape
    first, second = coarse.sums[0], coarse.sums[1]
    for a in range(m):
        if sides > 1:
            for j in range(N):
                first[a, j] += second[a, j]
        if coarse.tied:
            for j in range(N):
                tie = coarse.ties[a, j]
                if tie < 0.0:
                    first[a + 1, j] += first[a, j]
                if tie < 1.0:
                    first[a, j] = 0.0
    for a in range(P):
        for c in range(Q):
            t[a, c] = 0.0
    for a in range(m):
        for j in range(0, full, WIDTH):
            value = load(first, a * N + j)
            c = j // span
            high = total(mul(value, load(coarse.lanes, j % span)))
            t[a, c] += total(value) - high
            t[a, c + 1] += high
        for j in range(full, N):
            c, share = j // span, j % span / span
            t[a, c] += (1.0 - share) * first[a, j]
            t[a, c + 1] += share * first[a, j]
    some = -(-m // 4) * 4
    _multiply(t, coarse.word, some, n, u)
    _multiply(coarse.bit_t, u, some, m, t)
    energies = splat(0.0)
    for at in range(0, some * Q, WIDTH):
        value = load(t, at)
        scaled = mul(value, load(coarse.inverse, at))
        store(t, at, scaled)
        energies = fma(value, scaled, energies)
    _multiply(coarse.bit, t, some, m, u)
    _multiply(u, coarse.word_t, some, n, t)
    for a in range(m):
        for j in range(0, full, WIDTH):
            c = j // span
            across = splat(t[a, c + 1] - t[a, c])
            store(level, a * N + j, fma(load(coarse.lanes, j % span), across, splat(t[a, c])))
        for j in range(full, N):
            c, share = j // span, j % span / span
            level[a, j] = t[a, c] + share * (t[a, c + 1] - t[a, c])
    for k in range(m if coarse.tied else 0):
        a = m - 1 - k
        for j in range(N):
            tie = coarse.ties[a, j]
            if tie < 1.0:
                level[a, j] = level[a + 1, j] if tie < 0.0 else 0.0
    for j in range(N):
        drawn[0, j] = coarse.ends[0, j] * level[0, j]
        rise[m - 1, j] = 0.0
    for a in range(m - 1):
        for j in range(N):
            up = level[a + 1, j] - level[a, j]
            flow = steps[a, j] * up
            rise[a, j] = up
            drawn[a, j] -= flow
            drawn[a + 1, j] = flow
    for j in range(N):
        drawn[m - 1, j] += coarse.ends[1, j] * level[m - 1, j]
    energy: float = total(energies)
    return energy


@lean
def coarse_value(coarse: Coarse, i: int, j: int) -> tuple[float, float]:
    """Return the coarse voltage of one node, and what it draws besides."""
    a, share, node = row_place(coarse, i)
    if not coarse.even:
        share = coarse.shares[i, j]
    value = coarse.level[a, j] + share * coarse.rise[a, j]
    current = coarse.diagonal[i, j] * value
    if node >= 0:
        current += coarse.drawn[node, j]
    return value, current
