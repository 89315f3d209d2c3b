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

__all__ = ["iterate", "word_correction"]


@kernel
def _down(
    t: Array, q: Array, w: Array, p: Array, r: Array, y: Array, J: Array, alpha: float,
    merged: bool, carry: Array,
) -> tuple[float, float]:
    """Update w, r and eliminate r down the bit chains; return (r' (Lb+D)^-1 r, |r|_1)."""
    M, N = t.shape
    rz = 0.0
    norm = 0.0
    for j in range(N):
        carry[j] = 0.0
    for i in range(M):
        wi, pi, ri, yi, Ji, qi = w[i], p[i], r[i], y[i], J[i], q[i]
        for j in range(N):
            wi[j] += alpha * pi[j]
        for j in range(N):
            ri[j] -= alpha * yi[j]
        if merged:  # the residual of a merged node belongs to the last node of its cluster
            ti = t[i]
            for j in range(N):
                value = ri[j] + carry[j]
                carry[j] = value if qi[j] == 0.0 and ti[j] > 0.0 else 0.0
                ri[j] = value if qi[j] > 0.0 else 0.0
        part = 0.0
        for j in range(N):
            part += abs(ri[j])
        norm += part
        if i > 0:
            tm, Jm = t[i - 1], J[i - 1]
            for j in range(N):
                Ji[j] = ri[j] + tm[j] * Jm[j]
        else:
            for j in range(N):
                Ji[j] = ri[j]
        part = 0.0
        for j in range(N):
            part += qi[j] * Ji[j] * Ji[j]
        rz += part
    return rz, norm


@kernel
def _up(
    G: Array, t: Array, q: Array, tw: Array, qw: Array, J: Array, r: Array, p: Array, s: Array,
    y: Array, beta: float, rows: Array, chain: Array, x: Array, z: Array,
) -> float:
    """New direction p = z + beta p and y = S p; return p'y."""
    M, N = G.shape
    total = 0.0
    for j in range(N):
        z[j] = 0.0
    for b in range(tw.shape[0] - 1, -1, -1):
        i0 = b * LANES
        count = min(LANES, M - i0)
        for k in range(count - 1, -1, -1):
            i = i0 + k
            qi, ti, Ji, pi, Gi, si, ri, row = q[i], t[i], J[i], p[i], G[i], s[i], r[i], rows[k]
            for j in range(N):
                z[j] = qi[j] * Ji[j] + ti[j] * z[j]
            for j in range(N):
                pi[j] = z[j] + beta * pi[j]
            for j in range(N):
                row[j] = Gi[j] * pi[j]
            for j in range(N):
                si[j] = ri[j] + beta * si[j]
        word_solve(tw[b], qw[b], rows, chain, x)
        for k in range(count):
            i = i0 + k
            pi, Gi, si, yi = p[i], G[i], s[i], y[i]
            for j in range(N):
                yi[j] = si[j] - Gi[j] * x[j, k]
            part = 0.0
            for j in range(N):
                part += pi[j] * yi[j]
            total += part
    return total


@kernel
def word_correction(
    G: Array, tw: Array, qw: Array, res: Array, w: Array, out: Array, rows: Array, chain: Array,
    x: Array,
) -> None:
    """Solve (Lw + D) out = res + D w, word line by word line."""
    M, N = G.shape
    for b in range(tw.shape[0]):
        i0 = b * LANES
        count = min(LANES, M - i0)
        for k in range(count):
            Gi, wi, ri, row = G[i0 + k], w[i0 + k], res[i0 + k], rows[k]
            for j in range(N):
                row[j] = ri[j] + Gi[j] * wi[j]
        word_solve(tw[b], qw[b], rows, chain, x)
        for k in range(count):
            oi = out[i0 + k]
            for j in range(N):
                oi[j] = x[j, k]


@kernel
def _largest_current(w: Array, wanted: Array, r_end: Array, floor: float) -> float:
    """Estimate the largest bottom current from the voltages at the sensed ends."""
    last = w.shape[0] - 1
    best = floor
    for j in range(w.shape[1]):
        if 0.0 < r_end[j] < np.inf:
            best = max(best, abs(wanted[j] + w[last, j] / r_end[j]))
    return best


@kernel
def iterate(
    G: Array, t: Array, q: Array, tw: Array, qw: Array, r: Array, w: Array, known: Array,
    offset: Array, r_end: Array, work: Array, rows: Array, chain: Array, x: Array, merged: bool,
    rtol: float, floor: float, limit: int, patience: int,
) -> tuple[int, float]:
    """Solve S w = r from w = 0; return (iterations, |r|_1 at the end).

    A current injected by the residual anywhere leaves through the ends, so |r|_1 bounds the error
    of every end current; the iteration stops when it is below `rtol` times the largest bottom
    current, or below `floor`. `known` (M, N) holds earlier corrections of w, `offset` (N,) the
    bottom currents of the lift, both for the size of the currents only. When, after `patience`
    iterations, the rate so far says that `limit` will not do, it gives up (negative count).
    """
    M, N = G.shape
    p, s, y, J = work[0], work[1], work[2], work[3]
    z, carry, seen = np.zeros(N), np.zeros(N), np.empty(N)
    for i in range(M):
        wi, pi, si, yi = w[i], p[i], s[i], y[i]
        for j in range(N):
            wi[j] = 0.0
            pi[j] = 0.0
            si[j] = 0.0
            yi[j] = 0.0
    for j in range(N):
        share = known[M - 1, j] / r_end[j] if 0.0 < r_end[j] < np.inf else 0.0
        seen[j] = offset[j] + share
    alpha = 0.0
    beta = 0.0
    rz_old = 1.0
    first = 0.0
    norm = 0.0
    for n in range(limit + 1):
        rz, norm = _down(t, q, w, p, r, y, J, alpha, merged, carry)
        target = max(rtol * _largest_current(w, seen, r_end, 0.0), floor)
        if norm <= target or rz <= 0.0:
            return n, norm
        if n == 0:
            first = norm
        elif n >= patience and n % 8 == 0:
            # geometric extrapolation of the residual so far
            rate = np.log(first / norm) / n
            if rate * (limit - n) < np.log(norm / target):
                return -n, norm
        if n == limit:
            break
        beta = rz / rz_old if n else 0.0
        rz_old = rz
        py = _up(G, t, q, tw, qw, J, r, p, s, y, beta, rows, chain, x, z)
        if py <= 0.0:
            return n, norm
        alpha = rz / py
    return -limit, norm
