"""Compiled loops of the assembly."""

from __future__ import annotations

from ...netlists._check import Array
from ..structured.jit import kernel
from .groups import Ints

__all__ = [
    "combine", "gather", "largest_change", "largest_miss", "matvec", "scatter", "scatter_largest",
]


@kernel
def scatter(slots: Ints, values: Array, out: Array) -> None:
    """Add values to out[slots]; the last entry of out takes what belongs nowhere."""
    for k in range(slots.shape[0]):
        out[slots[k]] += values[k]


@kernel
def combine(
    g: Array, c: Array, a: float, g_slots: Ints, g_values: Array, c_slots: Ints, c_values: Array,
    out: Array,
) -> None:
    """Fill out (nnz + 1,) with the entries of G + a C: the constant ones and the others."""
    n = g.shape[0]
    if a == 0.0:
        for k in range(n):
            out[k] = g[k]
    else:
        for k in range(n):
            out[k] = g[k] + a * c[k]
    out[n] = 0.0
    for k in range(g_slots.shape[0]):
        out[g_slots[k]] += g_values[k]
    if a != 0.0:
        for k in range(c_slots.shape[0]):
            out[c_slots[k]] += a * c_values[k]


@kernel
def matvec(indptr: Ints, indices: Ints, values: Array, x: Array, out: Array) -> None:
    """Fill out (n + 1,) with the product of a CSC matrix and x; ground's row gets 0."""
    n = indptr.shape[0] - 1
    for i in range(n + 1):
        out[i] = 0.0
    for j in range(n):
        xj = x[j]
        if xj != 0.0:
            for k in range(indptr[j], indptr[j + 1]):
                out[indices[k]] += values[k] * xj


@kernel
def gather(indptr: Ints, indices: Ints, values: Array, x: Array, out: Array) -> None:
    """Raise out (n + 1,) by the magnitudes of the terms of a CSC matrix times x, row by row."""
    n = indptr.shape[0] - 1
    for j in range(n):
        xj = abs(x[j])
        if xj != 0.0:
            for k in range(indptr[j], indptr[j + 1]):
                out[indices[k]] = max(out[indices[k]], abs(values[k]) * xj)


@kernel
def scatter_largest(slots: Ints, values: Array, out: Array) -> None:
    """Raise out[slots] to the magnitudes of values."""
    for k in range(slots.shape[0]):
        out[slots[k]] = max(out[slots[k]], abs(values[k]))


@kernel
def largest_change(x: Array, dx: Array, reltol: float, floor: Array) -> tuple[float, int]:
    """Return the largest change in terms of its tolerance, and where; x is after the change."""
    worst, place = 0.0, -1
    for k in range(floor.shape[0]):
        size = max(abs(x[k]), abs(x[k] - dx[k]))
        share = abs(dx[k]) / (reltol * size + floor[k])
        if not share <= worst:
            worst, place = share, k
    return worst, place


@kernel
def largest_miss(r: Array, terms: Array, reltol: float, floor: Array) -> tuple[float, int]:
    """Return the largest residual in terms of its tolerance, and where."""
    worst, place = 0.0, -1
    for k in range(floor.shape[0]):
        share = abs(r[k]) / (reltol * terms[k] + floor[k])
        if not share <= worst:
            worst, place = share, k
    return worst, place
