"""The circuit for small signals: (G + j w C + what is delayed) x = b, at many frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from ....core.errors import SingularCircuitError
from ....core.validation import Array
from ..linear_solvers.klu import KluFactors, new_factors, uses_klu
from ..linear_solvers.lu import Factors, SingularMatrixError
from ..system.element_group import ElementGroup, Ints
from ..system.system import System
from .op import OperatingPoint

__all__ = ["Complexes", "SmallSignal", "complex_sources"]

Complexes = NDArray[np.complex128]
_DENSE = 90  # unknowns up to which LAPACK on full matrices, many frequencies at once, is quicker
_BLOCK = 1 << 22  # numbers of the matrices that are solved at once


class SmallSignal:
    """The circuit linearised at an operating point.

    Small systems are solved as full matrices, all frequencies at once; large ones by SuperLU, one
    after the other along an ordering that is made once, or by KLU (``.options klu``).

    Parameters
    ----------
    point : OperatingPoint

    Attributes
    ----------
    system : System
    size : int
        Unknowns.
    """

    def __init__(self, point: OperatingPoint) -> None:
        self.point = point
        self.system: System = point.system
        self.size = self.system.size
        self._spectral = any(g.spectral for g in self.system.groups)
        self.g_values, self.c_values = self._linearised(0.0)
        self.indptr: Any = self.system.indptr
        self.indices: Any = self.system.indices
        self.delayed: list[ElementGroup] = [
            g for g in self.system.groups if type(g).ac_linear is not ElementGroup.ac_linear
        ]
        self._static: Factors | None = None

    def _linearised(self, hertz: float) -> tuple[Array, Array]:
        # as in a transient: integrals by time integrate
        now = self.system.instant(mode="tran", hertz=hertz, signal=True)
        g, c = self.system.linearise(self.point.x, now)
        return g.data, c.data

    def _values(self, omega: float) -> tuple[Array, Array]:
        """Return the entries of G and C, which elements may have depend on the frequency."""
        if not self._spectral:
            return self.g_values, self.c_values
        return self._linearised(omega / (2.0 * np.pi))

    # -- without frequency -----------------------------------------------------------------------

    def solve_static(self, b: Array, *, transposed: bool = False) -> Array:
        """Return x (n + 1,) with G x = b (or G' x = b), b (n + 1,)."""
        if self._static is None:
            # a delay is a connection at frequency 0, as at the operating point
            self._static = new_factors(self.system.options, self.indptr, self.indices)
            g, _ = self.system.linearise(self.point.x, self.system.instant())
            try:
                self._static.factor(g.data)
            except SingularMatrixError as error:
                raise self._singular(error.column, 0.0) from error
        x = self._static.solve(b, transposed=transposed)
        x[-1] = 0.0
        return x

    def _singular(self, column: int, hertz: float) -> SingularCircuitError:
        label = self.system.labels[column] if column >= 0 else ""
        at = f" at {hertz:g} Hz" if hertz else ""
        names = f"; nothing determines {label}" if label else ""
        return SingularCircuitError(
            f"the small-signal circuit has no unique solution{at}{names}",
            (label,) if label else (),
        )

    def quadratic(self, omega: Array, left: Complexes, x: Complexes) -> Complexes:
        """Return left . A(w) x at every frequency, (F,); `left` and `x` are (F, n + 1)."""
        inner = x[:, :-1].T
        if self._spectral:
            image = np.empty(inner.shape, dtype=complex)
            for k, w in enumerate(omega):
                a, b = self._values(float(w))
                image[:, k] = self.system.matrix(a + 1j * w * b) @ inner[:, k]
        else:
            g, c = self.system.matrix(self.g_values), self.system.matrix(self.c_values)
            image = g @ inner + (c @ inner) * (1j * omega)
        found = np.einsum("fn,nf->f", left[:, :-1], image)
        for k, w in enumerate(omega if self.delayed else ()):
            rows, columns, values = self._entries(float(w))
            found[k] += (left[k, rows] * values * x[k, columns]).sum()
        return np.asarray(found)

    # -- over frequency --------------------------------------------------------------------------

    def solve(self, hertz: Array, b: Complexes, *, transposed: bool = False) -> Complexes:
        """Return x (F, n + 1) with A(w) x = b, ground's 0 last.

        Parameters
        ----------
        hertz : (F,)
        b : (n + 1,) or (F, n + 1)
            Entries of ground do not count.
        transposed : bool
            Solve with A' (not conjugated): for adjoints.
        """
        omega = 2.0 * np.pi * np.asarray(hertz, dtype=float)
        right = np.broadcast_to(b, (len(omega), self.size + 1))[:, :-1]
        x = np.zeros((len(omega), self.size + 1), dtype=complex)
        if not self.size:
            return x
        if self.size <= _DENSE:
            block = max(1, _BLOCK // self.size**2)
            for k in range(0, len(omega), block):
                part = slice(k, k + block)
                x[part, :-1] = self._dense(omega[part], right[part], transposed)
        else:
            self._sparse(omega, right, x, transposed)
        return x

    def _entries(self, omega: float) -> tuple[Ints, Ints, Complexes]:
        """Return the entries of groups with delays, those of ground left out."""
        rows: list[Any] = [np.zeros(0, dtype=np.int64)]
        columns: list[Any] = [np.zeros(0, dtype=np.int64)]
        values: list[Any] = [np.zeros(0, dtype=complex)]
        for group in self.delayed:
            for triplet in group.ac_linear(omega):
                r, c, v = np.broadcast_arrays(*triplet)
                inside = (np.ravel(r) >= 0) & (np.ravel(c) >= 0)
                rows.append(np.ravel(r)[inside])
                columns.append(np.ravel(c)[inside])
                values.append(np.ravel(v)[inside])
        return (np.concatenate(rows).astype(np.int64), np.concatenate(columns).astype(np.int64),
                np.concatenate(values).astype(complex))

    @np.errstate(over="ignore")  # a matrix that is not finite is singular
    def _dense(self, omega: Array, right: Complexes, transposed: bool) -> Complexes:
        n = self.size
        if self._spectral:
            a = np.empty((len(omega), n, n), dtype=complex)
            for k, w in enumerate(omega):
                g_values, c_values = self._values(float(w))
                a[k] = self.system.matrix(g_values + 1j * w * c_values).toarray()
        else:
            g, c = (self.system.matrix(v).toarray() for v in (self.g_values, self.c_values))
            a = g + 1j * omega[:, None, None] * c
        if self.delayed:
            for k, w in enumerate(omega):
                rows, columns, values = self._entries(float(w))
                np.add.at(a[k], (rows, columns), values)
        if transposed:
            a = a.transpose(0, 2, 1)
        # rows in units of their largest entry: currents and voltages are far apart
        size = np.abs(a).max(axis=2)
        if not size.all() or not np.isfinite(size).all():
            k, row = np.argwhere(~((size > 0) & np.isfinite(size)))[0]
            raise self._singular(int(row), float(omega[k]) / (2 * np.pi))
        try:
            found = np.linalg.solve(a / size[:, :, None], (right / size)[:, :, None])
        except np.linalg.LinAlgError as error:
            raise self._singular(-1, float(omega[0]) / (2 * np.pi)) from error
        return np.asarray(found).reshape(len(omega), n)

    @np.errstate(over="ignore")
    def _sparse(self, omega: Array, right: Complexes, x: Complexes, transposed: bool) -> None:
        n = self.size
        column = np.repeat(np.arange(n, dtype=np.int64), np.diff(self.indptr))
        keys = column * n + self.indices
        order: Ints | None = None
        by_klu = uses_klu(self.system.options)
        known: KluFactors | None = None
        for k, w in enumerate(omega):
            g_values, c_values = self._values(float(w))
            values = g_values + 1j * w * c_values
            where_, entries = keys, values
            if self.delayed:
                r, c, v = self._entries(float(w))
                where_ = np.concatenate([keys, c * n + r])
                entries = np.concatenate([values, v])
            matrix = csc_array((entries, (where_ % n, where_ // n)), shape=(n, n))
            if by_klu:
                # the same pattern at every frequency, what is delayed included
                known = known or KluFactors(matrix.indptr, matrix.indices)
                try:
                    known.factor(matrix.data)
                except SingularMatrixError as error:
                    raise self._singular(error.column, float(w) / (2 * np.pi)) from error
                x[k] = known.solve(right[k], transposed=transposed)
                continue
            try:
                if order is None:
                    lu = splu(matrix, permc_spec="COLAMD")
                    order = np.empty(n, dtype=np.int64)
                    order[lu.perm_c] = np.arange(n)
                else:
                    lu = splu(csc_array(matrix[:, order]), permc_spec="NATURAL")
            except RuntimeError as error:
                raise self._singular(-1, float(w) / (2 * np.pi)) from error
            # NATURAL factors A P, whose solutions are those of A in another order
            natural = k > 0
            if transposed:
                b = right[k][order] if natural else right[k]
                x[k, :-1] = lu.solve(np.ascontiguousarray(b), "T")  # type: ignore[call-overload]
            else:
                found = lu.solve(np.ascontiguousarray(right[k]))
                if natural:
                    x[k, order] = found
                else:
                    x[k, :-1] = found


def complex_sources(groups: Sequence[ElementGroup], size: int) -> Complexes:
    """Return the small-signal drive as it stands in f, (n + 1,)."""
    drive = np.zeros(size + 1, dtype=complex)
    for group in groups:
        rows, amplitudes = group.ac()
        inside = np.asarray(rows) >= 0
        np.add.at(drive, np.asarray(rows)[inside], np.asarray(amplitudes)[inside])
    return drive
