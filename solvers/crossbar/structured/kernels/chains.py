"""Chains: exact, subtraction-free elimination of every line by itself.

A line is a chain of nodes with conductances d_k to the other family of lines, joined by segments
r_k (ohm). Going along it, the slack s_k is the conductance to ground seen so far (Grassmann,
Taksar, Heyman): with t = 1 / (1 + s r) and q = r t, the next slack is d + s t, an injected
current J is carried on as J t, and back-substitution is v_k = q_k J_k + t_k v_{k+1}. Nothing is
subtracted, so every pivot is accurate to rounding, and r = 0 (t = 1, q = 0: merged nodes) and
r = inf (t = 0, q = 1/s: a break) need no special arithmetic. A node pinned to a source by a
zero-ohm path has t = q = 0: deviations from the source voltage vanish there.

Word chains are packed as (blocks, N, LANES): LANES word lines side by side, one SIMD lane each.
"""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import lean
from .....core.compiled.simd import WIDTH, fma, load, mul, splat_like, store, transpose
from .....core.validation import Array

__all__ = ["LANES", "factor_bit", "factor_word", "split_cells", "word_solve"]

LANES = 16


@lean
def _link(s: float, r: float) -> tuple[float, float, float]:
    """Return (t, q, slack passed on) of a node of slack `s` before a segment `r`."""
    if s == np.inf:
        return 0.0, 0.0, (np.inf if r == 0.0 else 1.0 / r)
    if r == np.inf:
        return 0.0, (1.0 / s if s > 0.0 else 0.0), 0.0
    t = 1.0 / (1.0 + s * r)
    return t, r * t, s * t


@lean
def factor_bit(G: Array, r: Array, t: Array, q: Array, s: Array) -> bool:
    """Factor the bit chains: G (M, N), r (M+1, N) with ends -> t, q (M, N); s (N,) is scratch.

    Returns whether any node is merged or pinned (q = 0 somewhere).
    """
    M, N = G.shape
    regular = True
    for j in range(N):
        s[j] = 1.0 / r[0, j]
        regular = regular and r[0, j] > 0.0
    for i in range(1, M):
        ri = r[i]
        low = np.inf
        high = 0.0
        for j in range(N):
            low = min(low, ri[j])
            high = max(high, ri[j])
        regular = regular and low > 0.0 and high < np.inf
    for j in range(N):
        regular = regular and r[M, j] > 0.0
    for i in range(M - 1):
        Gi, ti, qi, ri = G[i], t[i], q[i], r[i + 1]
        if regular:
            for j in range(N):
                total = s[j] + Gi[j]
                inverse = 1.0 / (1.0 + total * ri[j])
                s[j] = total * inverse
                ti[j] = inverse
            for j in range(N):
                qi[j] = ri[j] * ti[j]
        else:
            for j in range(N):
                ti[j], qi[j], s[j] = _link(s[j] + Gi[j], ri[j])
    for j in range(N):
        total = s[j] + G[M - 1, j] + 1.0 / r[M, j]
        t[M - 1, j] = 0.0
        q[M - 1, j] = 1.0 / total if total > 0.0 else 0.0
        i = M - 1
        while i >= 0 and r[i + 1, j] == 0.0:  # a zero-ohm path to the bottom source
            if i == M - 1 or t[i + 1, j] + q[i + 1, j] == 0.0:
                t[i, j] = 0.0
                q[i, j] = 0.0
            i -= 1
    return not regular


@lean
def factor_word(G: Array, r: Array, t: Array, q: Array, s: Array) -> bool:
    """Factor the word chains: G (M, N), r (M, N+1) -> packed t, q; s (LANES,) is scratch.

    Returns whether any line is broken, floats, or has merged or pinned nodes.
    """
    M, N = G.shape
    regular = True
    for b in range(t.shape[0]):
        i0 = b * LANES
        tb, qb = t[b], q[b]
        full = i0 + LANES <= M
        for k in range(min(LANES, M - i0)):
            s[k] = 1.0 / r[i0 + k, 0]
            low, high = np.inf, 0.0
            for j in range(1, N):
                low = min(low, r[i0 + k, j])
                high = max(high, r[i0 + k, j])
            full = full and s[k] < np.inf and high < np.inf
            low = min(low, min(r[i0 + k, 0], r[i0 + k, N]))
            regular = regular and low > 0.0 and high < np.inf and (
                r[i0 + k, 0] < np.inf or r[i0 + k, N] < np.inf
            )
        if full:
            for j in range(N - 1):
                for k in range(LANES):
                    total = s[k] + G[i0 + k, j]
                    inverse = 1.0 / (1.0 + total * r[i0 + k, j + 1])
                    s[k] = total * inverse
                    tb[j, k] = inverse
                    qb[j, k] = r[i0 + k, j + 1] * inverse
        else:
            tb[:] = 0.0
            qb[:] = 0.0
            for k in range(min(LANES, M - i0)):
                s[k] = 1.0 / r[i0 + k, 0]
                for j in range(N - 1):
                    tb[j, k], qb[j, k], s[k] = _link(s[k] + G[i0 + k, j], r[i0 + k, j + 1])
        for k in range(min(LANES, M - i0)):
            total = s[k] + G[i0 + k, N - 1] + 1.0 / r[i0 + k, N]
            tb[N - 1, k] = 0.0
            qb[N - 1, k] = 1.0 / total if total > 0.0 else 0.0
            j = N - 1
            while j >= 0 and r[i0 + k, j + 1] == 0.0:
                if j == N - 1 or tb[j + 1, k] + qb[j + 1, k] == 0.0:
                    tb[j, k] = 0.0
                    qb[j, k] = 0.0
                j -= 1
    return not regular


@lean
def split_cells(
    gu: Array, known: Array, gw: Array, r: Array, regular: bool, s: Array, packed: Array,
    own: Array, rest: Array,
) -> None:
    """Split what cells feed to the bit nodes, gw (M, N): what reaches other nodes, and the rest.

    A bit node sees its cell gu in series with the rest of the word line: `own`, the diagonal of
    D - D (Lw + D)^-1 D; `rest` is what that leaves of D. `known`: gu and what leads to ground. What
    a word chain passes on from either end meets at every node. s (LANES,) and packed (N, LANES) are
    scratch; `regular`: no word segment has 0 or infinite ohm.
    """
    M, N = gu.shape
    for i0 in range(0, M, LANES):
        lines = min(LANES, M - i0)
        for k in range(lines):
            s[k] = 1.0 / r[i0 + k, 0]
        for j in range(N):
            for k in range(lines):
                packed[j, k] = s[k]
                if regular:
                    total = s[k] + known[i0 + k, j]
                    s[k] = total / (1.0 + total * r[i0 + k, j + 1])
                else:
                    _, _, s[k] = _link(s[k] + known[i0 + k, j], r[i0 + k, j + 1])
        for k in range(lines):
            s[k] = 1.0 / r[i0 + k, N]
        for j in range(N - 1, -1, -1):
            for k in range(lines):
                packed[j, k] = min(packed[j, k] + s[k], 1e200)
                total = s[k] + known[i0 + k, j]
                if regular:
                    s[k] = total / (1.0 + total * r[i0 + k, j])
                else:
                    _, _, s[k] = _link(total, r[i0 + k, j])
        for k in range(lines):
            i = i0 + k
            for j in range(N):
                through = packed[j, k] + known[i, j]
                share = gw[i, j] / (through if through > 0.0 else 1.0)
                own[i, j] = share * (packed[j, k] + (known[i, j] - gu[i, j]))
                rest[i, j] = share * gu[i, j]


@lean
def word_solve(t: Array, q: Array, rows: Array, carry: Array) -> None:
    """Solve LANES word chains in place: rows (LANES, stride) injected currents -> voltages.

    `carry` (>= N rounded up to 8, LANES) is scratch; `rows` must reach as far. Two chains of
    vectors run side by side, because each waits for its own last result.
    """
    N = t.shape[0]
    stride = rows.shape[1]
    for j in range(0, N, WIDTH):
        transpose(rows, j, stride, carry, j * LANES, LANES)
        transpose(rows, j + WIDTH * stride, stride, carry, j * LANES + WIDTH, LANES)
    a, b = load(carry, 0), load(carry, WIDTH)
    for j in range(1, N):
        at = j * LANES
        a = fma(load(t, at - LANES), a, load(carry, at))
        b = fma(load(t, at - WIDTH), b, load(carry, at + WIDTH))
        store(carry, at, a)
        store(carry, at + WIDTH, b)
    a = splat_like(carry, 0.0)
    b = a
    for j in range(N - 1, -1, -1):
        at = j * LANES
        a = fma(load(t, at), a, mul(load(q, at), load(carry, at)))
        b = fma(load(t, at + WIDTH), b, mul(load(q, at + WIDTH), load(carry, at + WIDTH)))
        store(carry, at, a)
        store(carry, at + WIDTH, b)
    for j in range(0, N, WIDTH):
        transpose(carry, j * LANES, LANES, rows, j, stride)
        transpose(carry, j * LANES + WIDTH, LANES, rows, j + WIDTH * stride, stride)
