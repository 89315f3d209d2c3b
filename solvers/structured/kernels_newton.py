"""The linear step of Newton's iteration on a crossbar of non-linear cells.

With couplings Gu = di/du and Gw = -di/dw, the Jacobian is

    [ Lw + Gu    -Gw    ]     Eliminating the word nodes and preconditioning from the right with
    [  -Gu      Lb + Gw ]     B = (Lb + Gw)^-1 gives A = I - Gu W Gw B, W = (Lw + Gu)^-1:

chain solves and products only, no wire conductance is formed. Couplings and what is added to the
diagonals (capacitors) are apart, and the transposed matrix exchanges the couplings.
"""

from __future__ import annotations

import numpy as np

from ...netlists._check import Array
from .jit import kernel
from .kernels_cg import _settle
from .kernels_chain import LANES, word_solve

__all__ = ["bit_solve", "product", "settle", "word_share", "words"]


@kernel
def settle(t: Array, q: Array, r: Array) -> None:
    """Give the residual of a merged node to the last node of its cluster; drop pinned nodes'."""
    _settle(t, q, r)


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
    rows: Array, carry: Array, z: Array, y: Array,
) -> None:
    """Apply y = A x = x - down W (up B x); z = B x; `down` and `up` the couplings."""
    M, N = x.shape
    bit_solve(t, q, x, z)
    nothing = np.zeros((M, N))
    words(tw, qw, up, z, nothing, rows, carry, y)
    for i in range(M):
        for j in range(N):
            y[i, j] = x[i, j] - down[i, j] * y[i, j]
    if merged:
        _settle(t, q, y)
