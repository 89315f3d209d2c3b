"""KLU's factorisations, by kvxopt, in the place of our own: ``.options klu``.

T. A. Davis and E. Palamadai Natarajan, *Algorithm 907: KLU, a direct sparse solver for circuit
simulation problems*, ACM TOMS 37:36 (2010). The order and the block form are found once for a
pattern; pivots are chosen anew for every matrix, real or complex.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BackendUnavailable
from ..system.element_group import Ints
from .lu import Factors, SingularMatrixError

__all__ = ["KluFactors", "new_factors", "uses_klu"]

Numbers = NDArray[np.float64] | NDArray[np.complex128]


def _library() -> tuple[Any, Any, Any]:
    try:
        library: Any = importlib.import_module("kvxopt")
        return importlib.import_module("kvxopt.klu"), library.matrix, library.spmatrix
    except ImportError as error:
        raise BackendUnavailable(
            "`.options klu` needs kvxopt, which is in the extra: crossbarsim[klu]"
        ) from error


def uses_klu(options: dict[str, Any]) -> bool:
    """Return whether a deck's options ask for KLU."""
    return bool(options.get("klu", 0.0))


class KluFactors(Factors):
    """LU factors by KLU of matrices of one pattern.

    Parameters
    ----------
    indptr, indices : arrays
        Pattern, compressed columns, sorted.
    like : KluFactors, optional
        Of the same pattern: its analysis is taken.

    Raises
    ------
    BackendUnavailable
        kvxopt is not installed.
    """

    def __init__(self, indptr: Ints, indices: Ints, like: Factors | None = None) -> None:
        super().__init__(indptr, indices)
        self._klu, self._dense, self._sparse = _library()
        self._known: dict[str, tuple[Any, Any]] = {}  # by kind of number: matrix, analysis
        if isinstance(like, KluFactors):
            self._known = {kind: (None, made) for kind, made in like.analyses().items()}
        self._numeric: Any = None

    def factor(self, values: Numbers, since: int = 0) -> None:
        """Factor the matrix with these entries, (nnz,), real or complex.

        Raises
        ------
        SingularMatrixError
        """
        del since
        self.count += 1
        if not self.n:
            return
        kind = "z" if np.iscomplexobj(values) else "d"
        matrix, analysis = self._known.get(kind, (None, None))
        entries = self._dense(np.ascontiguousarray(values))
        if matrix is None:
            column = np.repeat(np.arange(self.n, dtype=np.int64), np.diff(self.indptr))
            matrix = self._sparse(
                entries, self._dense(self.indices.astype(np.int64)), self._dense(column),
                (self.n, self.n), kind,
            )
        else:
            matrix.V = entries
        try:
            if analysis is None:
                analysis = self._klu.symbolic(matrix)
            self._known[kind] = matrix, analysis
            self._numeric = kind, self._klu.numeric(matrix, analysis)
        except ArithmeticError as error:
            raise SingularMatrixError(self._column(values)) from error

    def analyses(self) -> dict[str, Any]:
        """Return KLU's analyses of the pattern, by kind of number."""
        return {kind: analysis for kind, (_, analysis) in self._known.items()}

    def _column(self, values: Numbers) -> int:
        """Return the column in which our own factorisation finds no pivot, or -1."""
        if np.iscomplexobj(values):
            return -1
        try:
            Factors(self.indptr, self.indices).factor(np.array(values, dtype=np.float64))
        except SingularMatrixError as error:
            return error.column
        return -1

    def solve(self, b: Numbers, *, transposed: bool = False) -> Any:
        """Return x (n + 1,), ground's 0 last, with A x = b (or A' x = b)."""
        if not self.n:
            return np.zeros(1)
        kind, numeric = self._numeric
        x = np.zeros(self.n + 1, dtype=np.complex128 if kind == "z" else np.float64)
        right = self._dense(x[:self.n] + b[:self.n])
        matrix, analysis = self._known[kind]
        self._klu.solve(matrix, analysis, numeric, right, "T" if transposed else "N")
        x[:self.n] = np.array(right).ravel()
        return x

    def pivots(self, since: int) -> None:
        """Return None: steps go by way of `factor`."""
        del since


def new_factors(
    options: dict[str, Any], indptr: Ints, indices: Ints, *, constant: bool = False,
    like: Factors | None = None, stage: Ints | None = None,
) -> Factors:
    """Return the factorisation that a deck's options ask for; the rest as for `Factors`."""
    if uses_klu(options):
        return KluFactors(indptr, indices, like)
    return Factors(indptr, indices, constant=constant, like=like, stage=stage)
