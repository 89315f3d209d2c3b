"""Linear steps by the factors of an earlier matrix.

From one Newton step to the next little changes but the numbers of single devices. So first what is
local, small groups of unknowns such as the inner node and the state of a cell, is eliminated with
its present numbers, which is cheap; what remains, the Schur complement S of the rest, a network of
wires perhaps, is solved by refinement with the factors of an earlier S'::

    x <- x + S'^-1 (b - S x)

until the error, reckoned from the last correction z and the contraction rho as rho |z| / (1 - rho),
is below 1e-4 of the step (in terms of Newton's tolerances), or 1e-3 of the tolerances themselves.
S is factored anew as soon as that would take more work than it saves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csc_array

from ....core.validation import Array
from ..system.element_group import Bools, Ints
from .kernels_elimination import (
    back,
    eliminate,
    forward,
    largest,
    left_over,
    local_parts,
    places,
    spread,
)
from .lu import Factors, SingularMatrixError

__all__ = ["StaleFactors"]

_PART = 4  # unknowns of a local part
_PIVOT, _REUSE = 1e-3, 1e-8  # as those of `Factors`
_LEAST = 3e5  # multiplications of a factorisation below which it is done every time
_ERROR, _FLOOR = 1e-4, 1e-3  # of a step, relative and in terms of the tolerances
_WAIT = 16  # steps that are factored without a trial, at most


class StaleFactors:
    """Solves with matrices of one pattern that differ by little.

    Parameters
    ----------
    indptr, indices : arrays
        Compressed columns.
    order : (n,)
        Of the columns, in which the factors have little fill.
    expected : float
        Multiplications of a factorisation in this order.
    values : (nnz,)
        A first matrix, whose numbers decide what may be eliminated.
    """

    def __init__(
        self, indptr: Ints, indices: Ints, order: Ints, values: Array, *,
        expected: float = 0.0,
    ) -> None:
        n = len(indptr) - 1
        self.n, self.indptr, self.indices = n, indptr, indices
        self._ready = False
        self._waiting, self._wait = 0, 0
        matrix = csc_array((np.ones(len(indices), dtype=np.int8), indices, indptr), shape=(n, n))
        both = csc_array(matrix + matrix.T)
        eligible: Bools = np.not_equal(matrix.diagonal()[order], 0)
        while True:
            local = local_parts(*_in_order(both, order), eligible, _PART)
            last = np.flatnonzero(~local)
            first = np.flatnonzero(local)
            self._order = order[np.concatenate([first, last])]
            self._place(both, len(first))
            bad = self._eliminate(values, _PIVOT)
            if bad == len(first):
                break
            eligible[first[bad]] = False
        self.remaining = n - len(first)
        self.factors = Factors(
            self._sp.astype(np.int32), self._si.astype(np.int32),
            order=np.arange(self.remaining), expected=expected,
        )
        self._y, self._z = np.zeros(n), np.zeros(self.remaining + 1)
        self._right = np.zeros(self.remaining + 1)

    def _place(self, both: csc_array, m: int) -> None:
        order = self._order
        self._start, self._near, self._sp, self._si = places(*_in_order(both, order), m)
        self._count = len(self._si)
        rank = np.empty(self.n, dtype=np.int64)
        rank[order] = np.arange(self.n)
        self._own, self._target = spread(
            self.indptr, self.indices, rank, self._start, self._near, self._sp, self._si
        )
        self._work = np.zeros(self._count + m + 2 * len(self._near))

    def _eliminate(self, values: Array, least: float) -> int:
        return int(eliminate(
            values, self._own, self._target, self._start, self._count, least, self._work
        ))

    @staticmethod
    def promising(factors: Factors) -> bool:
        """Whether a factorisation is so much work that less may do."""
        return factors.work >= _LEAST

    @classmethod
    def of(cls, factors: Factors, values: Array) -> StaleFactors | None:
        """Return the same for a matrix that was factored before, if it pays."""
        if not cls.promising(factors) or factors.order is None:
            return None
        made = cls(
            factors.indptr, factors.indices, factors.order, values,
            expected=factors.expected,
        )
        return made if made.factor(values) and made.pays else None

    @property
    def pays(self) -> bool:
        """Whether a factorisation is much more work than some steps of refinement."""
        return self.factors.work > max(_LEAST, 4.0 * self._effort)

    @property
    def _effort(self) -> float:
        """Multiplications of a step of refinement."""
        return float(self.factors.entries + self._count + 1)

    def factor(self, values: Array) -> bool:
        """Take the matrix with these entries, (nnz,); False where local pivots vanish."""
        m = self.n - self.remaining
        if self._eliminate(values, _REUSE) < m:
            return False
        self._values: Array = self._work[:self._count]
        if not self._ready:
            self._anew()
        return True

    def _anew(self) -> None:
        try:
            self.factors.factor(self._values)
        except SingularMatrixError as error:
            self._ready = False
            m = self.n - self.remaining
            raise SingularMatrixError(
                int(self._order[m + error.column]) if error.column >= 0 else -1
            ) from error
        self._ready = self._fresh = True

    def solve(self, b: Array, x: Array, reltol: float, floor: Array) -> Array:
        """Return Newton's step d (n + 1,) from x: A d = b.

        Newton's tolerances ``reltol |x| + floor`` say how exact it has to be.
        """
        m = self.n - self.remaining
        y, right = self._y, self._right
        forward(self._order, self._start, self._near, self._count, self._work, b, y)
        right[:-1] = y[m:]
        if not self._fresh and self._waiting:
            self._waiting -= 1
            self._anew()
        found = None if self._fresh else self._refine(right, self._weight(x, reltol, floor))
        if found is None:
            if not self._fresh:
                self._anew()
            found = self.factors.solve(right)
        self._fresh = False
        y[m:] = found[:-1]
        step = np.zeros(self.n + 1)
        back(self._order, self._start, self._near, self._count, self._work, y, step)
        return step

    def _weight(self, x: Array, reltol: float, floor: Array) -> Array:
        kept = self._order[self.n - self.remaining:]
        return np.asarray(1.0 / (reltol * np.abs(x[kept]) + floor[kept]))

    def _refine(self, b: Array, weight: Array) -> Array | None:
        """Return the solution by an earlier matrix's factors; None where they are too old."""
        x = self.factors.solve(b)
        before = first = largest(x, weight)
        goal = max(_ERROR * first, _FLOOR)
        most = max(2, int(0.5 * self.factors.work / self._effort))
        for count in range(1, most + 1):
            left_over(self._sp, self._si, self._values, x, b, self._z)
            step = self.factors.solve(self._z)
            x += step
            size = largest(step, weight)
            rho = size / before if before > 0.0 else 0.0
            if not rho < 0.5:
                break
            error = rho * size / (1.0 - rho)
            if error <= goal:
                self._wait = 0
                return x
            more = np.log(goal / error) / np.log(rho)
            if count + more > most:
                break
            before = size
        self._wait = min(_WAIT, 2 * self._wait + 1)
        self._waiting = self._wait - 1
        return None


def _in_order(both: csc_array, order: Ints) -> tuple[Ints, Ints]:
    part: Any = both[:, order][order, :].tocsc()
    return part.indptr.astype(np.int64), part.indices.astype(np.int64)
