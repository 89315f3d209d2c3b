"""One step of Newton's iteration in one call: in small circuits calls cost more than numbers."""

from __future__ import annotations

from ...core.compiled.jit import lean
from ...core.validation import Array
from .linear_solvers.kernels_lu import refactor, solve
from .system.element_group import Ints
from .system.kernels_assembly import (
    advance,
    combine,
    gather,
    largest_miss,
    miss_beyond_rounding,
    missing,
    products,
    scatter,
    scatter_largest,
)

__all__ = [
    "CONVERGED", "NO_PIVOT", "OVERFLOW", "STEPPED", "STOPPED", "newton_step", "residual",
    "row_miss",
]

STEPPED, CONVERGED, STOPPED, OVERFLOW, NO_PIVOT = range(5)


@lean
def residual(
    indptr: Ints, indices: Ints, g_linear: Array, c_linear: Array, source: Array, f: Array,
    q: Array, f_slots: Ints, f_values: Array, q_slots: Ints, q_values: Array, a: float,
    offset: Array, x: Array, r: Array,
) -> bool:
    """Fill f, q and r = f + a q + offset at x, where groups have been evaluated; if finite."""
    n = indptr.shape[0] - 1
    products(indptr, indices, g_linear, c_linear, x, source, f, q)
    scatter(f_slots, f_values, f)
    scatter(q_slots, q_values, q)
    f[n] = q[n] = 0.0
    return missing(f, q, a, offset, r)


@lean
def row_miss(
    indptr: Ints, indices: Ints, g_linear: Array, c_linear: Array, source: Array, q: Array,
    f_slots: Ints, f_values: Array, q_slots: Ints, q_values: Array, reltol: float, floor: Array,
    a: float, offset: Array, x: Array, r: Array, terms: Array, held: Array,
) -> float:
    """Return the largest of what rows miss, over the tolerance of each, and fill their terms."""
    n = indptr.shape[0] - 1
    for k in range(n + 1):
        terms[k] = abs(source[k])
        held[k] = 0.0
    if a != 0.0:
        gather(indptr, indices, c_linear, x, held)
        scatter_largest(q_slots, q_values, held)
        for k in range(n + 1):
            terms[k] = max(terms[k], abs(a) * held[k])
    gather(indptr, indices, g_linear, x, terms)
    scatter_largest(f_slots, f_values, terms)
    miss, _ = largest_miss(r, terms, q, a, offset, reltol, floor)
    return miss


@lean
def newton_step(
    indptr: Ints, indices: Ints, g_linear: Array, c_linear: Array, source: Array, f: Array,
    q: Array, f_slots: Ints, f_values: Array, q_slots: Ints, q_values: Array, g_slots: Ints,
    g_values: Array, c_slots: Ints, c_values: Array, data: Array, reltol: float, row_floor: Array,
    step_floor: Array, offset: Array, r: Array, terms: Array, held: Array, step: Array, a: float,
    settled: bool, last: bool, x: Array, out: Array, rows: Ints, order: Ints, lp: Ints, li: Ints,
    lx: Array, up: Ints, ui: Ints, ux: Array, pinv: Ints, clean: Array, work: Array, reuse: float,
    start: int,
) -> tuple[int, float, int]:
    """Assemble at x, and fill out with the next point by the pivots of the last factorisation.

    The groups have been evaluated at x. With `settled` the residual decides whether x is the
    solution; `last` forbids another step.

    Returns
    -------
    what : int
        One of STEPPED, CONVERGED, STOPPED, OVERFLOW (the residual r is not finite), NO_PIVOT.
    change, worst : float, int
        As of `advance`, where stepped.
    """
    n = indptr.shape[0] - 1
    finite = residual(
        indptr, indices, g_linear, c_linear, source, f, q, f_slots, f_values, q_slots, q_values, a,
        offset, x, r,
    )
    if settled and row_miss(
        indptr, indices, g_linear, c_linear, source, q, f_slots, f_values, q_slots, q_values,
        reltol, row_floor, a, offset, x, r, terms, held,
    ) <= 1.0:
        return CONVERGED, 0.0, -1
    if last:
        return STOPPED, 0.0, -1
    if not finite:
        return OVERFLOW, 0.0, -1
    combine(g_linear, c_linear, a, g_slots, g_values, c_slots, c_values, data)
    if settled and miss_beyond_rounding(
        r, terms, q, a, offset, reltol, row_floor, indptr, indices, data, x, held
    ) <= 1.0:
        return CONVERGED, 0.0, -1
    if refactor(
        indptr, rows, data, order, lp, li, lx, up, ui, ux, clean, reuse, start
    ) < n:
        return NO_PIVOT, 0.0, -1
    solve(lp, li, lx, up, ui, ux, pinv, order, r, step, work)
    step[n] = 0.0
    change, worst = advance(x, step, reltol, step_floor, out)
    return STEPPED, change, worst
