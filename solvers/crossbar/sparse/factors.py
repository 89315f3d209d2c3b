"""Sparse factorisations behind one protocol: SuperLU, CuPy's, and cuDSS where nvmath is installed.

A `Factor` is made once, solves for many right-hand sides, and is made anew for other values in the
same pattern with what the first time found (ordering, symbolic factorisation).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ....core.validation import Array
from ..batched.array_backend import ArrayBackend
from ..batched.array_types import XpArray, XpModule

if TYPE_CHECKING:
    from scipy.sparse import csc_array

__all__ = ["CuDss", "DeviceLU", "Factor", "Factors", "SuperLUs", "factors_for"]

_COLUMNS = 64  # right-hand sides that cuDSS solves at a time


class Factor(Protocol):
    """A factorised square matrix (n, n)."""

    def solve(self, right: Array) -> Array:
        """Return the solutions (n, k) for right-hand sides (n, k)."""
        ...

    def refactor(self, matrix: csc_array) -> None:
        """Take the values of another matrix of the same pattern."""
        ...


class Factors(Protocol):
    """A library that factorises."""

    @property
    def name(self) -> str:
        """Name, for `Solution.method`."""
        ...

    def factor(self, matrix: csc_array) -> Factor:
        """Factorise a matrix."""
        ...


@dataclass(frozen=True)
class SuperLUs:
    """SciPy's SuperLU on the host.

    Parameters
    ----------
    pivoting : float
        Threshold below which the diagonal is given up as pivot; 0 for definite matrices.
    """

    pivoting: float = 0.0

    @property
    def name(self) -> str:
        """Name."""
        return "superlu"

    def factor(self, matrix: csc_array) -> Factor:
        """Factorise with minimum degree ordering."""
        from scipy.sparse.linalg import splu  # noqa: PLC0415 - the iterative way needs no SciPy

        return _SuperLU(matrix, splu, np.asarray, np.asarray, self.pivoting)


@dataclass(frozen=True)
class DeviceLU:
    """``cupyx.scipy.sparse.linalg.splu``: factorised on the host, solved on the device.

    Parameters
    ----------
    backend : ArrayBackend
    sparse, linalg : modules
        ``cupyx.scipy.sparse`` and its ``linalg``, or modules with the same functions.
    """

    backend: ArrayBackend
    sparse: XpModule
    linalg: XpModule
    pivoting: float = 0.0

    @property
    def name(self) -> str:
        """Name."""
        return f"superlu, solved on {self.backend.name}"

    def factor(self, matrix: csc_array) -> Factor:
        """Factorise with minimum degree ordering."""

        def factorise(values: csc_array, **options: object) -> Any:
            there = self.backend.asarray
            return self.linalg.splu(self.sparse.csc_matrix(
                (there(values.data), there(values.indices), there(values.indptr)),
                shape=values.shape,
            ), **options)

        return _SuperLU(
            matrix, factorise, self.backend.asarray, self.backend.to_host, self.pivoting
        )


class _SuperLU:
    def __init__(
        self, matrix: csc_array, factorise: Callable[..., Any], there: Callable[[Array], XpArray],
        back: Callable[[XpArray], Array], pivoting: float,
    ) -> None:
        self.factorise, self.there, self.back = factorise, there, back
        self.options: dict[str, Any] = {
            "diag_pivot_thresh": pivoting, "options": {"SymmetricMode": True},
        }
        self.lu = factorise(matrix, permc_spec="MMD_AT_PLUS_A", **self.options)
        self.order: Any = None

    def solve(self, right: Array) -> Array:
        found = self.back(self.lu.solve(self.there(np.ascontiguousarray(right))))
        if self.order is None:
            return found
        whole = np.empty_like(found)
        whole[self.order] = found
        return whole

    def refactor(self, matrix: csc_array) -> None:
        from scipy.sparse import csc_array  # noqa: PLC0415 - the iterative way needs no SciPy

        if self.order is None:  # column perm_c[k] of the factors is column k of the matrix
            self.order = np.argsort(self.back(self.lu.perm_c))
        # rows in the same order keep the diagonal, which the ordering chose its pivots on
        moved = csc_array(matrix[self.order][:, self.order])
        inner = self.factorise(moved, permc_spec="NATURAL", **self.options)
        self.lu = _Reordered(inner, self.there(self.order))


@dataclass(frozen=True)
class _Reordered:
    """Factors of a matrix with its rows in another order."""

    lu: Any
    order: XpArray

    def solve(self, right: XpArray) -> XpArray:
        return self.lu.solve(right[self.order])


@dataclass(frozen=True)
class CuDss:
    """cuDSS through ``nvmath.sparse.advanced.DirectSolver``: all on the device.

    Parameters
    ----------
    backend : ArrayBackend
    sparse : module
        ``cupyx.scipy.sparse``, or one with the same functions.
    solver : type
        ``nvmath.sparse.advanced.DirectSolver``.
    """

    backend: ArrayBackend
    sparse: XpModule
    solver: Any

    @property
    def name(self) -> str:
        """Name."""
        return "cudss"

    def factor(self, matrix: csc_array) -> Factor:
        """Factorise."""
        return _CuDss(self, matrix)


class _CuDss:
    """Keeps its operands: new values go into the same arrays, which spares a new analysis."""

    def __init__(self, made: CuDss, matrix: csc_array) -> None:
        self.backend = made.backend
        rows, there = matrix.tocsr(), made.backend.asarray
        self.left = made.sparse.csr_matrix(
            (there(rows.data), there(rows.indices), there(rows.indptr)), shape=rows.shape
        )
        self.right = made.backend.xp.zeros((rows.shape[0], _COLUMNS), order="F")
        self.solver = made.solver(self.left, self.right)
        self.solver.plan()
        self.solver.factorize()

    def solve(self, right: Array) -> Array:
        parts = []
        columns = right.reshape(len(right), -1)
        for first in range(0, columns.shape[1], _COLUMNS):
            part = columns[:, first : first + _COLUMNS]
            count = part.shape[1]
            self.right[:, :count] = self.backend.asarray(np.ascontiguousarray(part))
            parts.append(self.backend.to_host(self.solver.solve())[:, :count])
        return np.concatenate(parts, axis=1).reshape(right.shape)

    def refactor(self, matrix: csc_array) -> None:
        self.left.data[:] = self.backend.asarray(matrix.tocsr().data)
        self.solver.factorize()

    def __del__(self) -> None:
        if hasattr(self, "solver"):
            self.solver.free()


def factors_for(backend: ArrayBackend | None) -> Factors:
    """Return what factorises for a backend; None is the host."""
    if backend is None or not backend.on_device:
        return SuperLUs()
    sparse = importlib.import_module("cupyx.scipy.sparse")
    try:
        advanced = importlib.import_module("nvmath.sparse.advanced")
    except ImportError:  # an extra of its own: without it the factors are made on the host
        return DeviceLU(backend, sparse, importlib.import_module("cupyx.scipy.sparse.linalg"))
    return CuDss(backend, sparse, advanced.DirectSolver)
