"""Compiled loops of the assembly."""

from __future__ import annotations

from ....core.compiled.jit import lean
from ....core.validation import Array
from .element_group import Ints

_EPS = 4.0 * 2.220446049250313e-16

__all__ = [
    "advance", "combine", "gather", "largest_miss", "leaked", "miss_beyond_rounding", "missing",
    "products", "scatter", "scatter_largest",
]


@lean
def scatter(slots: Ints, values: Array, out: Array) -> None:
    """Add values to out[slots]; the last entry of out takes what belongs nowhere."""
    for k in range(slots.shape[0]):
        out[slots[k]] += values[k]


@lean
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


@lean
def products(
    indptr: Ints, indices: Ints, g: Array, c: Array, x: Array, source: Array, f: Array, q: Array
) -> None:
    """Fill f (n + 1,) with G x + source and q with C x; G and C are compressed columns."""
    n = indptr.shape[0] - 1
    for i in range(n + 1):
        f[i] = source[i]
        q[i] = 0.0
    for j in range(n):
        xj = x[j]
        if xj != 0.0:
            for k in range(indptr[j], indptr[j + 1]):
                f[indices[k]] += g[k] * xj
                q[indices[k]] += c[k] * xj


@lean
def leaked(leak: Array, goal: Array, x: Array, f: Array) -> None:
    """Add leak (x - goal) to f."""
    for i in range(f.shape[0]):
        f[i] += leak[i] * (x[i] - goal[i])


@lean
def missing(f: Array, q: Array, a: float, offset: Array, r: Array) -> bool:
    """Fill r (n + 1,) with f + a q + offset; return whether all are finite."""
    total = 0.0
    n = f.shape[0] - 1
    for i in range(n):
        r[i] = f[i] + a * q[i] + offset[i]
        total += 0.0 * r[i]  # NaN where r is not finite
    r[n] = 0.0
    return total == 0.0


@lean
def advance(x: Array, step: Array, reltol: float, floor: Array, out: Array) -> tuple[float, int]:
    """Fill out with x - step; return the largest change in terms of its tolerance, and where."""
    worst, place = 0.0, -1
    n = floor.shape[0]
    for k in range(n):
        new = x[k] - step[k]
        out[k] = new
        share = abs(step[k]) / (reltol * max(abs(x[k]), abs(new)) + floor[k])
        if not share <= worst:
            worst, place = share, k
    out[n] = 0.0
    return worst, place


@lean
def gather(indptr: Ints, indices: Ints, values: Array, x: Array, out: Array) -> None:
    """Raise out (n + 1,) by the magnitudes of the terms of a CSC matrix times x, row by row."""
    n = indptr.shape[0] - 1
    for j in range(n):
        xj = abs(x[j])
        if xj != 0.0:
            for k in range(indptr[j], indptr[j + 1]):
                out[indices[k]] = max(out[indices[k]], abs(values[k]) * xj)


@lean
def scatter_largest(slots: Ints, values: Array, out: Array) -> None:
    """Raise out[slots] to the magnitudes of values."""
    for k in range(slots.shape[0]):
        out[slots[k]] = max(out[slots[k]], abs(values[k]))


@lean
def largest_miss(
    r: Array, terms: Array, q: Array, a: float, offset: Array, reltol: float, floor: Array
) -> tuple[float, int]:
    """Return the largest residual in terms of its tolerance, and where.

    `terms` are those of f and a q; their sum a q and the offset count as well.
    """
    worst, place = 0.0, -1
    for k in range(floor.shape[0]):
        size = max(terms[k], max(abs(a * q[k]), abs(offset[k])))
        share = abs(r[k]) / (reltol * size + floor[k])
        if not share <= worst:
            worst, place = share, k
    return worst, place


@lean
def miss_beyond_rounding(
    r: Array, terms: Array, q: Array, a: float, offset: Array, reltol: float, floor: Array,
    indptr: Ints, indices: Ints, jacobian: Array, x: Array, out: Array,
) -> float:
    """Return the largest residual as `largest_miss` does, less what rounding x makes of it.

    No x has a smaller residual than half a unit in its last place times the slopes. Fills out
    (n + 1,) with the tolerances.
    """
    n = floor.shape[0]
    for k in range(n):
        size = max(terms[k], max(abs(a * q[k]), abs(offset[k])))
        out[k] = reltol * size + floor[k]
    for j in range(n):
        unit = _EPS * abs(x[j])
        for k in range(indptr[j], indptr[j + 1]):
            out[indices[k]] += unit * abs(jacobian[k])
    worst = 0.0
    for k in range(n):
        share = abs(r[k]) / out[k]
        if not share <= worst:
            worst = share
    return worst
