"""What is linear and has no memory inside of a circuit, eliminated once.

Unknowns whose equations never change (an array of resistors with its wires, behind the line ends)
are factored once; what remains is a small dense matrix over the other unknowns, to which the
changing entries are added at every Newton step (static condensation, the Schur complement)::

    S = A_ee - A_ei A_ii^-1 A_ie
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from ....core.validation import Array
from ..system.element_group import Bools, Ints

__all__ = ["Condensed"]

_MOST = 800  # unknowns that remain
_LEAST = 1500  # unknowns of the circuit below which nothing is gained
_SHARE = 0.15


class Condensed:
    """Factors of matrices of one pattern that differ in few rows and columns only.

    Parameters
    ----------
    indptr, indices : arrays
        Compressed columns.
    constant : (nnz,) bool
        Entries that never change.
    """

    def __init__(self, indptr: Ints, indices: Ints, constant: Bools) -> None:
        n = len(indptr) - 1
        self.n, self.indptr, self.indices = n, indptr, indices
        column = np.repeat(np.arange(n), np.diff(indptr))
        outer = np.zeros(n, dtype=np.bool_)
        outer[column[~constant]] = True
        outer[indices[~constant]] = True
        # a row without an entry of its own (a source's) stays with what it refers to
        own = np.zeros(n, dtype=np.bool_)
        own[column[(indices == column)]] = True
        bare = ~own
        touched = np.zeros(n, dtype=np.bool_)
        touched[indices[outer[column]]] = True
        outer |= bare & touched
        self.outer, self.inner = np.flatnonzero(outer), np.flatnonzero(~outer)
        rows, columns = outer[indices], outer[column]
        place = np.empty(n, dtype=np.int64)
        place[self.outer] = np.arange(len(self.outer))
        place[self.inner] = np.arange(len(self.inner))
        self._ee = np.flatnonzero(rows & columns)
        self._at = place[indices[self._ee]], place[column[self._ee]]
        self._blocks = {
            name: (keep := np.flatnonzero(where), place[indices[keep]], place[column[keep]])
            for name, where in (
                ("ii", ~rows & ~columns), ("ie", ~rows & columns), ("ei", rows & ~columns)
            )
        }

    @staticmethod
    def pays(n: int, changing: int) -> bool:
        """Whether it is worth while: `changing` of n unknowns have entries that change."""
        return n >= _LEAST and changing <= min(_MOST, _SHARE * n)

    def _block(self, name: str, values: Array) -> csc_array:
        keep, rows, columns = self._blocks[name]
        sizes = {"i": len(self.inner), "e": len(self.outer)}
        return csc_array(
            (values[keep], (rows, columns)), shape=(sizes[name[0]], sizes[name[1]])
        )

    def prepare(self, values: Array) -> bool:
        """Eliminate the inner unknowns; False where they cannot be."""
        try:
            inner = splu(
                self._block("ii", values), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=1e-3,
                options={"SymmetricMode": True},
            )
        except RuntimeError:
            return False
        self._lu: Any = inner
        self._ei = self._block("ei", values).tocsr()
        self._x = inner.solve(self._block("ie", values).toarray())
        if not np.isfinite(self._x).all():
            return False
        self._base: Array = -(self._ei @ self._x)
        return True

    def factor(self, values: Array) -> bool:
        """Factor the matrix with these entries; False where it is singular."""
        s = self._base.copy()
        s[self._at] += values[self._ee]
        self._dense, self._pivots, info = lapack.dgetrf(s)
        return info == 0 and bool(np.isfinite(self._dense).all())

    def solve(self, b: Array, *_: object) -> Array:
        """Return x (n + 1,) with A x = b; the step's tolerances do not matter."""
        x = np.zeros(self.n + 1)
        first = self._lu.solve(b[self.inner])
        rest, _ = lapack.dgetrs(self._dense, self._pivots, b[self.outer] - self._ei @ first)
        x[self.outer] = rest
        x[self.inner] = first - self._x @ rest
        return x
