"""Linear steps of Newton's iteration, by the layout of the array.

Every step solves, for the Jacobian of an array whose cells draw di = gu du - gw dw,

    [ Lw + Gu + Kw    -Gw      ] [du]   [res_u]
    [    -Gu       Lb + Gw + Kb] [dw] = [res_w],   K what leads to ground,

or with `transposed` the same with the couplings exchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ....core.compiled.workspace import scratch
from ....core.validation import Array
from ..problem import CrossbarProblem
from .coarse_space import coarse_space, is_hard, with_scratch

if TYPE_CHECKING:
    from .kernels.coarse import Coarse

__all__ = ["ChainStep", "LadderStep", "Step"]

_KRYLOV = 80
_STEPS = 400  # of conjugate gradients, which need no memory for them


class Step(Protocol):
    """A linear step; `method` names it."""

    method: str

    def solve(
        self, gu: Array, gw: Array, ground: tuple[Any, Any], res_u: Array, res_w: Array,
        tolerance: float, *, transposed: bool = False,
    ) -> tuple[Array, Array, int]:
        """Return (du, dw, products), to a relative residual `tolerance`."""
        ...


class ChainStep:
    """Crosspoint arrays: a Krylov method on the bit lines, preconditioned by the chains.

    And by a coarse space where cells conduct as well as their lines.
    Conjugate gradients where both couplings are one array, of cells with two terminals; GMRES
    where they are not, or a slope is negative.
    """

    method = "structured/newton-krylov"

    def __init__(self, problem: CrossbarProblem) -> None:
        from .kernels.chains import LANES  # noqa: PLC0415 - imports numba

        self.problem = problem
        rows, columns = problem.shape
        shape = (rows, columns)
        self.t, self.q = np.empty(shape), np.empty(shape)
        blocks = -(-rows // LANES)
        self.tw, self.qw = (np.zeros((blocks, columns, LANES)) for _ in range(2))
        padded = -(-columns // 8) * 8
        self.line = (np.zeros((LANES, padded + 8)), np.empty((padded, LANES)))
        self._factored: tuple[Array, Array] | None = None
        self.merged = False
        self._coarse: Coarse | None = None

    def solve(
        self, gu: Array, gw: Array, ground: tuple[Any, Any], res_u: Array, res_w: Array,
        tolerance: float, *, transposed: bool = False,
    ) -> tuple[Array, Array, int]:
        """Return (du, dw, products); the factors of the last couplings are kept."""
        from .kernels import gmres as kn  # noqa: PLC0415 - imports numba
        from .kernels.chains import LANES, factor_bit, factor_word  # noqa: PLC0415 - imports numba

        if self._factored is None or self._factored[0] is not gu or self._factored[1] is not gw:
            self._coarse, own = None, gw + ground[1]
            if is_hard(gu, self.problem.word_r, self.problem.bit_r):
                space = coarse_space(self.problem.word_r, self.problem.bit_r, (gu, gw), ground)
                self._coarse, own = space or (None, own)
            self.merged = bool(factor_bit(
                own, self.problem.bit_r, self.t, self.q, np.empty(gw.shape[1])
            ))
            factor_word(
                gu + ground[0], self.problem.word_r, self.tw, self.qw, np.empty(LANES)
            )
            self._factored = gu, gw
        coarse = self._coarse and with_scratch(self._coarse)
        shape = res_w.shape
        if gu is gw:
            found = self._symmetric(gu, res_u, res_w, tolerance, coarse)
            if found is not None:
                return found
        down, up = (gw, gu) if transposed else (gu, gw)
        right, work, dw, du = res_w.copy(), np.empty(shape), np.empty(shape), np.empty(shape)
        kn.word_share(
            self.tw, self.qw, down, res_u, right, self.t, self.q, self.merged, *self.line, work
        )
        x = np.empty(shape)
        count = kn.gmres(
            self.t, self.q, self.tw, self.qw, down, up, self.merged, right, tolerance, _KRYLOV,
            *self.line, coarse, x,
        )
        kn.precondition(self.t, self.q, x, coarse, dw)
        kn.words(self.tw, self.qw, up, dw, res_u, *self.line, du)
        return du, dw, int(count)


    def _symmetric(
        self, g: Array, res_u: Array, res_w: Array, tolerance: float, coarse: Coarse | None
    ) -> tuple[Array, Array, int] | None:
        """Solve by conjugate gradients, see `solve`; None where they fail."""
        from .kernels.cg import eliminate_words, follow_words  # noqa: PLC0415 - imports numba
        from .kernels.iterate import iterate  # noqa: PLC0415 - imports numba

        if not g.min() >= 0.0:
            return None
        shape = res_w.shape
        right, du, dw = res_w.copy(), np.empty(shape), np.empty(shape)
        work = scratch("newton-cg", 4, *shape)
        blocks = len(self.tw)
        eliminate_words(g, self.tw, self.qw, res_u, right, *self.line, 0, blocks)
        count, _ = iterate(
            g, self.t, self.q, self.tw, self.qw, right, dw, dw, np.ones(shape[1]),
            self.problem.bit_r[-1], work, np.empty((2, shape[1])), *self.line, self.merged,
            np.inf, 0.0, tolerance, True, _STEPS, _STEPS + 1, None, coarse,
        )
        if count < 0:
            return None
        follow_words(g, self.tw, self.qw, res_u, dw, du, dw, True, *self.line, 0, blocks)
        return du, dw, int(count)


class LadderStep:
    """Parallel bit and source lines: every column is a ladder, solved directly."""

    method = "structured/newton-ladder"

    def __init__(self, problem: CrossbarProblem) -> None:
        self.rw = np.ascontiguousarray(problem.word_r.T)
        self.rb = np.ascontiguousarray(problem.bit_r.T)

    def solve(
        self, gu: Array, gw: Array, ground: tuple[Any, Any], res_u: Array, res_w: Array,
        tolerance: float, *, transposed: bool = False,
    ) -> tuple[Array, Array, int]:
        """Return (du, dw, 1)."""
        del tolerance
        from .kernels.ladder import solve_ladders  # noqa: PLC0415 - imports numba

        upper, lower = (gu, gw) if transposed else (gw, gu)
        a, b, c, d, right_u, right_w = (
            np.ascontiguousarray(np.broadcast_to(x, res_u.shape).T)
            for x in (gu + ground[0], -upper, -lower, gw + ground[1], res_u, res_w)
        )
        du, dw = np.empty(a.shape), np.empty(a.shape)
        solve_ladders(self.rw, self.rb, a, b, c, d, right_u, right_w, du, dw)
        return np.ascontiguousarray(du.T), np.ascontiguousarray(dw.T), 1
