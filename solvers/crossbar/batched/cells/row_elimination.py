"""Newton's linear step for arrays side by side: rows of cells eliminated one after another.

Word lines are chains and follow from the bit nodes; what is left couples each row of bit nodes to
the next through the segments between them. Rows are eliminated from the top by batched inverses of
N x N matrices, also where a cell's two slopes differ and the matrix is not symmetric.
"""

from __future__ import annotations

import numpy as np

from .....core.validation import Array
from ..array_types import XpArray, XpModule
from ..crossbar_batch import Stack

__all__ = ["RowStep"]


class RowStep:
    """The linear step of T arrays of one shape whose lines are whole and have no merged nodes.

    Arrays lie below each other: (T M, N).
    """

    method = "batched/newton-rows"

    def __init__(self, stack: Stack, count: int) -> None:
        self.backend, self.count, self.shape = stack.backend, count, stack.shape
        self.gw, self.gb = stack.conductances()

    def solve(
        self, gu: Array, gw: Array, ground: tuple[XpArray, XpArray], res_u: Array, res_w: Array,
        tolerance: float, *, transposed: bool = False,
    ) -> tuple[Array, Array, int]:
        """Return (du, dw, 1)."""
        del tolerance
        upper, lower = (gu, gw) if transposed else (gw, gu)
        M, N = self.shape
        du, dw = np.empty(res_u.shape), np.empty(res_u.shape)
        each = 8 * M * N * (N + 40)
        chunk = self.backend.fit(self.count, each, f"a Newton step of a {M}x{N} array")
        with self.backend.guard(f"Newton steps of {self.count} arrays"):
            for first in range(0, self.count, chunk):
                rows = slice(first * M, min(first + chunk, self.count) * M)

                def there(x: XpArray, rows: slice = rows) -> XpArray:
                    cut = np.ascontiguousarray(np.broadcast_to(x, res_u.shape)[rows])
                    return self.backend.asarray(cut).reshape(-1, M, N)

                u, w = self._solve(*map(there, (
                    gu + ground[0], upper, lower, gw + ground[1], res_u, res_w
                )))
                du[rows] = self.backend.to_host(u).reshape(-1, N)
                dw[rows] = self.backend.to_host(w).reshape(-1, N)
        return du, dw, 1

    def _solve(
        self, on_word: XpArray, upper: XpArray, lower: XpArray, on_bit: XpArray, res_u: XpArray,
        res_w: XpArray,
    ) -> tuple[XpArray, XpArray]:
        """Solve for couplings and residuals (T, M, N)."""
        xp, (M, N) = self.backend.xp, self.shape
        chains = _Chains(xp, on_word, self.gw)
        right = res_w + lower * chains.solve(res_u)
        above, below = self.gb[:, :-1], self.gb[:, 1:]
        diagonal = on_bit + above + below
        inverses, parts = [], []
        ahead, y = None, None
        eye = xp.eye(N)
        for i in range(M):
            matrix = diagonal[:, i, :, None] * eye
            matrix = matrix - lower[:, i, :, None] * chains.inverse(i) * upper[:, i, None]
            rhs = right[:, i]
            if ahead is not None:
                g = above[:, i]
                matrix = matrix - g[:, :, None] * ahead * g[:, None]
                rhs = rhs + g * y
            ahead = xp.linalg.inv(matrix)
            y = xp.matmul(ahead, rhs[:, :, None])[:, :, 0]
            inverses.append(ahead)
            parts.append(y)
        dw = xp.zeros_like(res_w)
        last = parts[-1]
        dw[:, M - 1] = last
        for i in range(M - 2, -1, -1):
            back = xp.matmul(inverses[i], (below[:, i] * last)[:, :, None])[:, :, 0]
            last = parts[i] + back
            dw[:, i] = last
        return chains.solve(res_u + upper * dw), dw


class _Chains:
    """Word chains (T, M, N) with conductances d to ground besides segments gw (1, M, N+1)."""

    def __init__(self, xp: XpModule, d: XpArray, gw: XpArray) -> None:
        self.xp, self.d, self.gw = xp, d, gw
        N = d.shape[2]
        # conductance to ground seen to the left of every node, free of subtraction
        left, ratio = [xp.zeros_like(d[:, :, 0]) + gw[:, :, 0]], [xp.ones_like(d[:, :, 0])]
        for j in range(1, N):
            seen, g = left[-1] + d[:, :, j - 1], gw[:, :, j]
            left.append(g * seen / (g + seen))
            ratio.append(g / (g + seen))  # v[j-1] / v[j] with nothing injected left of j
        right = [xp.zeros_like(d[:, :, 0]) + gw[:, :, N]]
        for j in range(N - 1, 0, -1):
            seen, g = right[-1] + d[:, :, j], gw[:, :, j]
            right.append(g * seen / (g + seen))
        self.left = xp.stack(left, axis=2)
        self.ratio = xp.stack(ratio, axis=2)
        self.one = 1.0 / (self.left + xp.stack(right[::-1], axis=2) + d)
        self.log = xp.cumsum(xp.log(self.ratio), axis=2)

    def inverse(self, i: int) -> XpArray:
        """Return the inverses (T, N, N) of the chains of row i: volts per ampere."""
        xp, c, one = self.xp, self.log[:, i], self.one[:, i]
        N = one.shape[1]
        place = xp.arange(N)
        later = place[:, None] >= place[None, :]
        gap = xp.exp(-xp.abs(c[:, :, None] - c[:, None, :]))
        return xp.where(later, one[:, :, None], one[:, None, :]) * gap

    def solve(self, current: XpArray) -> XpArray:
        """Return the voltages of all chains for currents (T, M, N) into their nodes."""
        xp, N = self.xp, current.shape[2]
        carried = [current[:, :, 0]]
        for j in range(1, N):  # what is injected before a node reaches it in this share
            carried.append(current[:, :, j] + self.ratio[:, :, j] * carried[-1])
        pivot = self.left + self.d
        volts = [carried[-1] / (pivot[:, :, N - 1] + self.gw[:, :, N])]
        for j in range(N - 2, -1, -1):
            g = self.gw[:, :, j + 1]
            volts.append((carried[j] + g * volts[-1]) / (pivot[:, :, j] + g))
        return xp.stack(volts[::-1], axis=2)
