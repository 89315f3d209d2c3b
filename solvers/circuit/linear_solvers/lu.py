"""Factorisations of the Jacobian: one pattern, many numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from ....core.validation import Array
from ..system.element_group import Ints
from .kernels_lu import eliminate, least_degree, refactor, solve, solve_transposed

__all__ = ["Factors", "SingularMatrixError", "factor"]

_PIVOT = 1e-3  # ngspice's pivrel: a diagonal entry this large in its column is the pivot
_TINY = 50  # unknowns up to which we order by ourselves: SuperLU's calls cost more than numbers
_SMALL = 100  # unknowns below which everything is factored again
_BLOCKS = {"panel_size": 4, "relax": 40}  # a fifth faster than SuperLU's own for meshes
_LARGE = 4e8  # multiplications above which SuperLU's dense kernels pay


class SingularMatrixError(ArithmeticError):
    """The matrix has no pivot in column `column`."""

    def __init__(self, column: int) -> None:
        super().__init__(f"no pivot in column {column}")
        self.column = column


def _room(ints: Ints, numbers: Array, count: int, size: int) -> tuple[Ints, Array]:
    """Return the first `count` entries in arrays of `size`."""
    more, larger = np.empty(size, np.int64), np.empty(size)
    more[:count], larger[:count] = ints[:count], numbers[:count]
    return more, larger


def factor(
    ap: Ints, ai: Ints, ax: Array, q: Ints, tol: float
) -> tuple[int, Ints, Ints, Array, Ints, Ints, Array, Ints]:
    """Return (n or the first singular step, L: lp, li, lx, U: up, ui, ux, pinv).

    Column k of U has its pivot last; of L first. Rows are in pivot order: row i of the matrix is
    row pinv[i].
    """
    n = ap.shape[0] - 1
    size = 4 * ax.shape[0] + 4 * n + 16
    lp, up = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    li, ui = np.empty(size, np.int64), np.empty(size, np.int64)
    lx, ux = np.empty(size), np.empty(size)
    pinv, mark, x = np.full(n, -1, np.int64), np.full(n, -1, np.int64), np.zeros(n)
    found, stack, place = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    reached = np.zeros(3, np.int64)
    # no array is made in the kernel: that alone would double its compilation
    while (done := eliminate(
        ap, ai, ax, q, tol, reached, lp, li, lx, up, ui, ux, pinv, mark, x, found, stack, place
    )) < 0:
        _, lnz, unz = map(int, reached)
        if lnz + n > li.shape[0]:
            li, lx = _room(li, lx, lnz, 2 * li.shape[0] + n)
        if unz + n > ui.shape[0]:
            ui, ux = _room(ui, ux, unz, 2 * ui.shape[0] + n)
    if done == n:
        _, lnz, unz = map(int, reached)
        li, lx = _room(li, lx, lnz, lnz)
        ui, ux = _room(ui, ux, unz, unz)
    return int(done), lp, li, lx, up, ui, ux, pinv


class Factors:
    """LU factors of matrices of one pattern.

    The ordering is SuperLU's minimum degree on A + A', made once. Numbers are factored again along
    the same pivots as long as these stay acceptable. Very large factors are SuperLU's.

    Parameters
    ----------
    indptr, indices : arrays
        Pattern, compressed columns, (n + 1,) and (nnz,).
    constant : bool
        Whether few different matrices are expected: then SuperLU does it all.
    like : Factors, optional
        Of the same pattern, whose order of columns is taken.
    stage : (n,) array, optional
        Of every column: 0 where it never changes, 1 where it changes with the time step only, 2
        where it always does. If it pays, columns that change come last, and only they are factored
        again: what is linear inside of a circuit, such as an array of resistors, is eliminated
        once.
    order : (n,) array, optional
        Of the columns, where it is known.
    expected : float
        Multiplications that a factorisation in this order will take, where that is known.

    Attributes
    ----------
    work, entries : float, int
        Multiplications of the last factorisation, as far as it has to be repeated, and numbers of
        both factors.
    expected : float
        Multiplications that one of a full matrix of the pattern takes, as far as known.
    """

    REUSE = 1e-8  # pivots of old may fall to this share of their column

    def __init__(
        self, indptr: Ints, indices: Ints, *, constant: bool = False,
        like: Factors | None = None, stage: Ints | None = None, order: Ints | None = None,
        expected: float = 0.0,
    ) -> None:
        self.n = len(indptr) - 1
        self.indptr, self.indices = indptr, indices
        self.count = 0
        self._stage, self._staged = stage, False
        self._starts = (0, 0, 0)
        self._super: object | None = None
        self.expected = expected
        self.work, self.entries = 0.0, 0
        self._ready = False
        self._constant = constant and self.n > 400
        self._work = np.zeros(self.n)
        self._clean = np.zeros(self.n)
        self._q: Ints | None = order if like is None else like.order
        self._rows: Ints = np.zeros(0, dtype=np.int64)
        self._pinv: Ints = self._rows
        self._lu: Any = None

    @property
    def order(self) -> Ints | None:
        """The order of the columns, where it is known."""
        return self._q

    def pivots(self, since: int) -> tuple[Any, ...] | None:
        """Return the arguments of `kernels_newton.newton_step` from `rows` on, if there are any.

        `since` is that of `factor`.
        """
        if not self._ready or self._constant:
            return None
        return (
            self._rows, self._q, *self._lu, self._pinv, self._clean, self._work, self.REUSE,
            self._starts[since],
        )

    def renew(self) -> None:
        """Choose pivots anew for the next matrix."""
        self._ready = False

    def _matrix(self, values: Array) -> csc_array:
        return csc_array((values, self.indices, self.indptr), shape=(self.n, self.n))

    def _order(self) -> Ints:
        """Return the columns' order: from any non-singular matrix of the pattern."""
        if self.n < 3:
            return np.arange(self.n, dtype=np.int64)
        if self.n <= _TINY:
            found = np.empty(self.n, np.int64)
            near = np.zeros((self.n, self.n), np.int64)
            self.expected = least_degree(self.indptr, self.indices, near, found)
            return found
        column = np.repeat(np.arange(self.n), np.diff(self.indptr))
        values = np.where(self.indices == column, 0.0, -1.0)
        matrix = self._matrix(values)
        degree = np.asarray(abs(matrix).sum(axis=1)).ravel() + np.asarray(
            abs(matrix).sum(axis=0)
        ).ravel()
        eye = csc_array(
            (degree + 1.0, np.arange(self.n), np.arange(self.n + 1)), shape=(self.n, self.n)
        )
        lu = splu(csc_array(matrix + eye), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                  options={"SymmetricMode": True})
        columns = np.diff(lu.L.indptr).astype(float)
        self.expected = float((columns**2).sum())
        order = np.empty(self.n, dtype=np.int64)
        order[lu.perm_c] = np.arange(self.n)
        return order

    def factor(self, values: Array, since: int = 0) -> None:
        """Factor the matrix with these entries, (nnz,).

        Columns of stages below `since` are as in the last factorisation.

        Raises
        ------
        SingularMatrixError
        """
        self.count += 1
        if not self.n:
            return
        if self._constant:
            self._factor_super(values)
            return
        if self._ready and self._q is not None:
            lp, li, lx, up, ui, ux = self._lu
            done = refactor(
                self.indptr, self._rows, values, self._q, lp, li, lx, up, ui, ux, self._clean,
                self.REUSE, self._starts[since],
            )
            if done == self.n:
                return
            self._ready = False
        if self._q is None:
            self._q = self._order()
        if self.n >= 3 and self.expected > _LARGE:
            self._constant = True
            self._factor_super(values)
            return
        done, lp, li, lx, up, ui, ux, pinv = factor(
            self.indptr, self.indices, values, self._q, _PIVOT
        )
        if done < self.n:
            raise SingularMatrixError(int(self._q[done]))
        if not self._staged and self._stage is not None and self.n > _SMALL:
            self._staged = True
            if self._constrain(values, lp, ui):
                self.factor(values)
                return
        self._lu, self._pinv = (lp, li, lx, up, ui, ux), pinv
        self.work = float(np.diff(lp)[ui[up[self._starts[2]]:]].sum())
        self.entries = len(li) + len(ui)
        self._rows = pinv[self.indices]
        self._ready = True

    def _constrain(self, values: Array, lp: Ints, ui: Ints) -> bool:
        """Order changing columns last, where that makes repeated factorisations cheaper."""
        if self._q is None or self._stage is None:
            return False
        stages = self._stage[self._q]
        starts = [int((stages < s).sum()) for s in (0, 1, 2)]
        if starts[2] < 0.5 * self.n:  # nearly all changes
            return False
        order = self._q[np.argsort(stages, kind="stable")]
        done, lp2, _, _, up2, ui2, _, _ = factor(
            self.indptr, self.indices, values, order, _PIVOT
        )
        if done < self.n:
            return False
        now = np.diff(lp)[ui].sum()
        whole, again = np.diff(lp2)[ui2].sum(), np.diff(lp2)[ui2[up2[starts[2]]:]].sum()
        if not (again < 0.5 * now and whole < 2.5 * now):
            return False
        self._q, self._starts = order, (starts[0], starts[1], starts[2])
        return True

    def _factor_super(self, values: Array) -> None:
        matrix = self._matrix(np.array(values))
        try:
            self._super = found = splu(
                matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=_PIVOT,
                options={"SymmetricMode": True}, **_BLOCKS,
            )
        except RuntimeError as error:
            raise SingularMatrixError(-1) from error
        self.work, self.entries = self.expected, found.nnz

    def solve(self, b: Array, *, transposed: bool = False) -> Array:
        """Return x (n + 1,), ground's 0 last, with A x = b (or A' x = b)."""
        x = np.zeros(self.n + 1)
        if not self.n:
            return x
        if self._constant and self._super is not None:
            x[:-1] = self._super.solve(b[:self.n], "T" if transposed else "N")  # type: ignore[attr-defined]
            return x
        kernel: Any = solve_transposed if transposed else solve
        kernel(*self._lu, self._pinv, self._q, b, x, self._work)
        return x
