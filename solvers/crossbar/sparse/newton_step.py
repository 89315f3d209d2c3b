"""Newton's linear step by sparse LU: the independent second way for arrays of cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.validation import Array
from ..problem import CrossbarProblem
from .factors import Factor, SuperLUs
from .nodal import _Family

__all__ = ["SparseStep"]


class SparseStep:
    """Any layout: the whole Jacobian over merged nodes, factored by SuperLU."""

    method = "mna/newton-superlu"

    def __init__(self, problem: CrossbarProblem) -> None:
        word_r = problem.word_r.T if problem.parallel else problem.word_r
        words = _Family.of(np.ascontiguousarray(word_r), 0)
        bits = _Family.of(np.ascontiguousarray(problem.bit_r.T), len(words.pinned))
        self.word = words.group.T if problem.parallel else words.group  # (M, N)
        self.bit = bits.group.T
        pinned = np.concatenate([words.pinned, bits.pinned])
        self.count = len(pinned)
        self.free = np.flatnonzero(~pinned)
        rows, columns, values = [], [], []
        for family in (words, bits):
            a, b, g = family.edges()
            rows += [a, b, a, b]
            columns += [b, a, a, b]
            values += [-g, -g, g, g]
            node, ground = family.grounds()
            rows.append(node)
            columns.append(node)
            values.append(ground)
        self.wires = tuple(np.concatenate(part) for part in (rows, columns, values))
        self.factor: Factor | None = None

    def solve(
        self, gu: Array, gw: Array, ground: tuple[Any, Any], res_u: Array, res_w: Array,
        tolerance: float, *, transposed: bool = False,
    ) -> tuple[Array, Array, int]:
        """Return (du, dw, 1)."""
        from scipy.sparse import coo_array, csc_array  # noqa: PLC0415 - the iterative way needs no SciPy

        del tolerance
        upper, lower = (gu, gw) if transposed else (gw, gu)
        u, w = self.word.ravel(), self.bit.ravel()
        cells = [np.broadcast_to(x, res_u.shape).ravel()
                 for x in (gu + ground[0], -upper, -lower, gw + ground[1])]
        row = np.concatenate([self.wires[0], u, u, w, w])
        column = np.concatenate([self.wires[1], u, w, u, w])
        value = np.concatenate([self.wires[2], *cells])
        right = np.zeros(self.count)
        np.add.at(right, u, res_u.ravel())
        np.add.at(right, w, res_w.ravel())
        x = np.zeros(self.count)
        if len(self.free):
            matrix = coo_array((value, (row, column)), shape=(self.count,) * 2).tocsc()
            matrix = matrix[self.free][:, self.free]
            matrix = csc_array(matrix)
            if self.factor is None:
                self.factor = SuperLUs(pivoting=0.01).factor(matrix)
            else:  # always the same pattern
                self.factor.refactor(matrix)
            y = self.factor.solve(right[self.free])
            y += self.factor.solve(right[self.free] - matrix @ y)
            x[self.free] = y
        return x[self.word], x[self.bit], 1
