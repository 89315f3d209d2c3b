"""Conjugate gradients on the bit lines, the word lines eliminated exactly.

With the word nodes eliminated, S = Lb + D - D (Lw + D)^-1 D acts on the bit nodes, and
(Lb + D)^-1, again chain solves, is the preconditioner. The product (Lb + D) p is carried along as
s = r + beta s, because (Lb + D) z = r: no wire conductance is ever formed, so that zero-ohm
segments (merged nodes) need no special case. One iteration passes twice over memory: down the
rows (update, forward elimination, r'z) and up again (back-substitution, new direction, word
chains, p'Sp).
"""

from __future__ import annotations

import numpy as np

from ...netlists._check import Array
from .jit import kernel
from .kernels_chain import LANES, word_solve
from .simd import WIDTH, add, fma, load, magnitude, mul, splat, store, sub, total

__all__ = ["eliminate_words", "follow_words", "iterate"]


@kernel
def _settle(t: Array, q: Array, r: Array) -> None:
    """Give the residual of a merged node to the last node of its cluster; drop pinned nodes'."""
    M, N = t.shape
    for i in range(M):
        for j in range(N):
            if q[i, j] == 0.0:
                if t[i, j] > 0.0:
                    r[i + 1, j] += r[i, j]
                r[i, j] = 0.0


@kernel
def _down(
    t: Array, q: Array, w: Array, p: Array, r: Array, y: Array, J: Array, alpha: float,
    step: int, merged: bool,
) -> tuple[float, float]:
    """Update w, r and eliminate r down the bit chains; return (r' (Lb+D)^-1 r, |r|_1)."""
    M, N = t.shape
    full = N - N % WIDTH
    wide, less, zero = splat(alpha), splat(-alpha), splat(0.0)
    rz, norm = 0.0, 0.0
    if merged:
        for i in range(M if step else 0):
            for j in range(N):
                r[i, j] -= alpha * y[i, j]
        _settle(t, q, r)
    for i in range(M):
        start = i * N
        before = start - N
        norms, squares = zero, zero
        for j in range(0, full, WIDTH):
            at, up = start + j, before + j
            value = load(r, at)
            if step:
                change = mul(wide, load(p, at))
                store(w, at, change if step == 1 else add(change, load(w, at)))
                if not merged:
                    value = fma(less, load(y, at), value)
                    store(r, at, value)
            norms = add(norms, magnitude(value))
            if i:
                value = fma(load(t, up), load(J, up), value)
            store(J, at, value)
            squares = fma(mul(load(q, at), value), value, squares)
        norm += total(norms)
        rz += total(squares)
        for j in range(full, N):
            value = r[i, j]
            if step:
                w[i, j] = alpha * p[i, j] + (0.0 if step == 1 else w[i, j])
                if not merged:
                    value -= alpha * y[i, j]
                    r[i, j] = value
            norm += abs(value)
            if i:
                value += t[i - 1, j] * J[i - 1, j]
            J[i, j] = value
            rz += q[i, j] * value * value
    return rz, norm


@kernel
def _up(
    G: Array, t: Array, q: Array, tw: Array, qw: Array, J: Array, r: Array, p: Array, s: Array,
    y: Array, beta: float, step: int, rows: Array, carry: Array, z: Array,
) -> float:
    """Take the new direction p = z + beta p and y = S p; return p'y."""
    M, N = G.shape
    full = N - N % WIDTH
    stride = rows.shape[1]
    wide, result = splat(beta), 0.0
    for j in range(N):
        z[j] = 0.0
    for b in range(tw.shape[0] - 1, -1, -1):
        i0 = b * LANES
        count = min(LANES, M - i0)
        for k in range(count - 1, -1, -1):
            start = (i0 + k) * N
            for j in range(full, N):
                i = i0 + k
                z[j] = q[i, j] * J[i, j] + t[i, j] * z[j]
                p[i, j] = z[j] + (beta * p[i, j] if step else 0.0)
                s[i, j] = r[i, j] + (beta * s[i, j] if step else 0.0)
                rows[k, j] = G[i, j] * p[i, j]
            for j in range(full - WIDTH, -1, -WIDTH):  # downwards, as the memory is walked
                at = start + j
                value = fma(load(q, at), load(J, at), mul(load(t, at), load(z, j)))
                store(z, j, value)
                current = load(r, at)
                if step:
                    value = fma(wide, load(p, at), value)
                    current = fma(wide, load(s, at), current)
                store(p, at, value)
                store(s, at, current)
                store(rows, k * stride + j, mul(load(G, at), value))
        word_solve(tw[b], qw[b], rows, carry)
        for k in range(count - 1, -1, -1):
            start = (i0 + k) * N
            products = splat(0.0)
            for j in range(full, N):
                i = i0 + k
                y[i, j] = s[i, j] - G[i, j] * rows[k, j]
                result += p[i, j] * y[i, j]
            for j in range(full - WIDTH, -1, -WIDTH):
                at = start + j
                value = sub(load(s, at), mul(load(G, at), load(rows, k * stride + j)))
                store(y, at, value)
                products = fma(load(p, at), value, products)
            result += total(products)
    return result


@kernel
def eliminate_words(
    G: Array, tw: Array, qw: Array, res_u: Array, res_w: Array, rows: Array, carry: Array
) -> None:
    """Move the word lines' share over to the bit nodes: res_w += D (Lw + D)^-1 res_u."""
    M, N = G.shape
    full, stride = N - N % WIDTH, rows.shape[1]
    for b in range(tw.shape[0]):
        i0 = b * LANES
        count = min(LANES, M - i0)
        for k in range(count):
            rows[k, :N] = res_u[i0 + k]
        word_solve(tw[b], qw[b], rows, carry)
        for k in range(count):
            start = (i0 + k) * N
            for j in range(0, full, WIDTH):
                at = start + j
                store(res_w, at, fma(load(G, at), load(rows, k * stride + j), load(res_w, at)))
            for j in range(full, N):
                res_w[i0 + k, j] += G[i0 + k, j] * rows[k, j]


@kernel
def follow_words(
    G: Array, tw: Array, qw: Array, res_u: Array, dw: Array, u: Array, w: Array, fresh: bool,
    rows: Array, carry: Array,
) -> None:
    """Correct w by dw and u by (Lw + D)^-1 (res_u + D dw); `fresh`: u and w were zero."""
    M, N = G.shape
    full, stride = N - N % WIDTH, rows.shape[1]
    for b in range(tw.shape[0]):
        i0 = b * LANES
        count = min(LANES, M - i0)
        for k in range(count):
            start = (i0 + k) * N
            for j in range(0, full, WIDTH):
                at = start + j
                store(rows, k * stride + j, fma(load(G, at), load(dw, at), load(res_u, at)))
            for j in range(full, N):
                rows[k, j] = res_u[i0 + k, j] + G[i0 + k, j] * dw[i0 + k, j]
        word_solve(tw[b], qw[b], rows, carry)
        for k in range(count):
            if fresh:
                u[i0 + k] = rows[k, :N]
                w[i0 + k] = dw[i0 + k]
            else:
                for j in range(N):
                    u[i0 + k, j] += rows[k, j]
                for j in range(N):
                    w[i0 + k, j] += dw[i0 + k, j]


@kernel
def _largest_current(w: Array, known: Array, r_end: Array, step: int) -> float:
    """Estimate the largest bottom current from the voltages at the sensed ends."""
    last = w.shape[0] - 1
    best = 0.0
    for j in range(w.shape[1]):
        if 0.0 < r_end[j] < np.inf:
            best = max(best, abs(known[j] + (w[last, j] / r_end[j] if step else 0.0)))
    return best


@kernel
def iterate(
    G: Array, t: Array, q: Array, tw: Array, qw: Array, r: Array, w: Array, known: Array,
    offset: Array, r_end: Array, work: Array, rows: Array, carry: Array, merged: bool,
    rtol: float, floor: float, gain: float, fresh: bool, limit: int, patience: int,
) -> tuple[int, float]:
    """Solve S w = r from w = 0; return (iterations, |r|_1 at the end).

    A current injected by the residual anywhere leaves through the ends, so |r|_1 bounds the error
    of every end current; the iteration stops when it is below `rtol` times the largest bottom
    current and below `gain` times its first value, or below `floor`. `known` (M, N) holds earlier
    corrections of w (none where `fresh`), `offset` (N,) the bottom currents of the lift, both for
    the size of the currents only. When, after `patience`
    iterations, the rate so far says that `limit` will not do, it gives up (negative count).
    """
    M, N = G.shape
    p, s, y, J = work[0], work[1], work[2], work[3]
    z, seen = np.empty(N), np.empty(N)
    for j in range(N):
        use = not fresh and 0.0 < r_end[j] < np.inf
        share = known[M - 1, j] / r_end[j] if use else 0.0
        seen[j] = offset[j] + share
    alpha = 0.0
    beta = 0.0
    rz_old = 1.0
    first = 0.0
    norm = 0.0
    for n in range(limit + 1):
        rz, norm = _down(t, q, w, p, r, y, J, alpha, n, merged)
        first = norm if n == 0 else first
        target = max(min(rtol * _largest_current(w, seen, r_end, n), gain * first), floor)
        if norm <= target or rz <= 0.0:
            if n == 0:
                w[:] = 0.0
            return n, norm
        if n >= patience and n % 8 == 0:
            # geometric extrapolation of the residual so far
            rate = np.log(first / norm) / n
            if rate * (limit - n) < np.log(norm / target):
                return -n, norm
        if n == limit:
            break
        beta = rz / rz_old if n else 0.0
        rz_old = rz
        py = _up(G, t, q, tw, qw, J, r, p, s, y, beta, n, rows, carry, z)
        if py <= 0.0:
            if n == 0:
                w[:] = 0.0
            return n, norm
        alpha = rz / py
    return -limit, norm
