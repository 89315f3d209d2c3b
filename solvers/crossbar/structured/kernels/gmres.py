"""The linear step of Newton's iteration on a crossbar of non-linear cells.

With couplings Gu = di/du and Gw = -di/dw, the Jacobian is

    [ Lw + Gu    -Gw    ]     Eliminating the word nodes and preconditioning from the right with
    [  -Gu      Lb + Gw ]     B = (Lb + Gw)^-1 gives A = I - Gu W Gw B, W = (Lw + Gu)^-1:

chain solves and products only, no wire conductance is formed. Couplings and what is added to the
diagonals (capacitors) are apart, and the transposed matrix exchanges the couplings.
"""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import kernel
from .....core.validation import Array
from .cg import _settle
from .chains import LANES, word_solve
from .coarse import Coarse, coarse_value, correct, gather

__all__ = ["bit_solve", "gmres", "precondition", "word_share", "words"]


@kernel
def bit_solve(t: Array, q: Array, r: Array, z: Array) -> None:
    """Solve the bit chains: z = B r, all (M, N)."""
    M, N = t.shape
    for j in range(N):
        z[0, j] = r[0, j]
    for i in range(1, M):
        for j in range(N):
            z[i, j] = r[i, j] + t[i - 1, j] * z[i - 1, j]
    for j in range(N):
        z[M - 1, j] *= q[M - 1, j]
    for i in range(M - 2, -1, -1):
        for j in range(N):
            z[i, j] = q[i, j] * z[i, j] + t[i, j] * z[i + 1, j]


@kernel
def precondition(t: Array, q: Array, x: Array, coarse: Coarse | None, z: Array) -> None:
    """Apply the preconditioner, z = B x: the chains, and the coarse space where there is one."""
    bit_solve(t, q, x, z)
    if coarse is not None:
        M, N = x.shape
        gather(coarse, x, 0, M, 0, True)
        correct(coarse, 1)
        for i in range(M):
            for j in range(N):
                z[i, j] += coarse_value(coarse, i, j)[0]


@kernel
def words(
    tw: Array, qw: Array, coupling: Array, x: Array, add: Array, rows: Array, carry: Array,
    out: Array,
) -> None:
    """Solve the word chains: out = W (add + coupling x), all (M, N)."""
    M, N = x.shape
    for b in range(tw.shape[0]):
        i0 = b * LANES
        count = min(LANES, M - i0)
        for k in range(count):
            for j in range(N):
                rows[k, j] = add[i0 + k, j] + coupling[i0 + k, j] * x[i0 + k, j]
        word_solve(tw[b], qw[b], rows, carry)
        for k in range(count):
            for j in range(N):
                out[i0 + k, j] = rows[k, j]


@kernel
def word_share(
    tw: Array, qw: Array, down: Array, res_u: Array, res_w: Array, t: Array, q: Array,
    merged: bool, rows: Array, carry: Array, work: Array,
) -> None:
    """Move the word nodes' residual to the bit nodes: res_w += down W res_u."""
    M, N = res_w.shape
    for i in range(M):
        for j in range(N):
            work[i, j] = 0.0
    words(tw, qw, down, work, res_u, rows, carry, work)
    for i in range(M):
        for j in range(N):
            res_w[i, j] += down[i, j] * work[i, j]
    if merged:
        _settle(t, q, res_w)


@kernel
def product(
    t: Array, q: Array, tw: Array, qw: Array, down: Array, up: Array, merged: bool, x: Array,
    rows: Array, carry: Array, nothing: Array, coarse: Coarse | None, z: Array, y: Array,
) -> None:
    """Apply y = A x, z = B x; `down` and `up` are the couplings.

    With chains alone, A x = x - down W (up B x); else, B leaves more of the bit lines' equations.
    """
    M, N = x.shape
    precondition(t, q, x, coarse, z)
    words(tw, qw, up, z, nothing, rows, carry, y)
    for i in range(M):
        for j in range(N):
            known = x[i, j]
            if coarse is not None:
                value, current = coarse_value(coarse, i, j)
                known += current + coarse.extra[i, j] * (z[i, j] - value)
            y[i, j] = known - down[i, j] * y[i, j]
    if merged:
        _settle(t, q, y)


@kernel
def dot(a: Array, b: Array) -> float:
    """Return the inner product of two (M, N) arrays."""
    total = 0.0
    M, N = a.shape
    for i in range(M):
        for j in range(N):
            total += a[i, j] * b[i, j]
    return total


@kernel
def add_scaled(y: Array, factor: float, x: Array) -> None:
    """Add factor x to y."""
    M, N = y.shape
    for i in range(M):
        for j in range(N):
            y[i, j] += factor * x[i, j]


@kernel
def gmres(
    t: Array, q: Array, tw: Array, qw: Array, down: Array, up: Array, merged: bool, right: Array,
    tolerance: float, limit: int, rows: Array, carry: Array, coarse: Coarse | None, x: Array,
) -> int:
    """Solve A x = right to a relative residual, without restart (Saad and Schultz, 1986).

    Returns the number of products; at `limit` x is the best of the space so far.
    """
    M, N = right.shape
    x[:] = 0.0
    norm = np.sqrt(dot(right, right))
    if norm == 0.0:
        return 0
    basis = np.empty((limit + 1, M, N))  # pages are touched only when they are used
    H, g = np.zeros((limit + 1, limit)), np.zeros(limit + 1)
    cosine, sine = np.empty(limit), np.empty(limit)
    nothing, z = np.zeros((M, N)), np.empty((M, N))
    for i in range(M):
        for j in range(N):
            basis[0, i, j] = right[i, j] / norm
    g[0] = norm
    used = limit
    for k in range(limit):
        v = basis[k + 1]
        product(t, q, tw, qw, down, up, merged, basis[k], rows, carry, nothing, coarse, z, v)
        for n in range(k + 1):
            H[n, k] = dot(v, basis[n])
            add_scaled(v, -H[n, k], basis[n])
        grown = np.sqrt(dot(v, v))
        for n in range(k):
            a, b = H[n, k], H[n + 1, k]
            H[n, k], H[n + 1, k] = cosine[n] * a + sine[n] * b, cosine[n] * b - sine[n] * a
        size = np.sqrt(H[k, k] * H[k, k] + grown * grown)
        cosine[k] = H[k, k] / size if size > 0.0 else 1.0
        sine[k] = grown / size if size > 0.0 else 0.0
        H[k, k] = size
        g[k + 1] = -sine[k] * g[k]
        g[k] *= cosine[k]
        if abs(g[k + 1]) <= tolerance * norm or grown <= 1e-300:
            used = k + 1
            break
        for i in range(M):
            for j in range(N):
                v[i, j] /= grown
    for k in range(used - 1, -1, -1):
        for n in range(k + 1, used):
            g[k] -= H[k, n] * g[n]
        g[k] /= H[k, k]
    for k in range(used):
        add_scaled(x, g[k], basis[k])
    return used
