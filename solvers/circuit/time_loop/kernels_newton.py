"""A step of Newton's iteration inside of the loop over time steps, and its prediction."""

from __future__ import annotations

from ....core.compiled.jit import lean
from ....core.validation import Array
from ..kernels_newton import row_miss
from ..linear_solvers.kernels_lu import refactor, solve
from ..system.element_group import Ints
from ..system.kernels_assembly import advance, combine, miss_beyond_rounding
from ..system.stored_charges import fill_charges

__all__ = ["differentiate", "extrapolate", "is_solution", "stored", "take_step"]


@lean
def differentiate(
    kind: int, damping: float, h: float, order: int, times: Array, here: Array, before: Array,
    rate: Array, offset: Array,
) -> float:
    """Return a and fill the offset with d/dt q = a q + offset after h seconds.

    As `integration.formulas.History.formula`; kinds are 0 (trapezoidal), 1 (Gear), 2 (Euler).
    """
    count = offset.shape[0]
    if order == 1 or kind == 2:
        for k in range(count):
            offset[k] = here[k] * (-1.0 / h)
        return 1.0 / h
    if kind == 0:
        a = 1.0 / (h * (1.0 - damping))
        for k in range(count):
            offset[k] = here[k] * -a - damping / (1.0 - damping) * rate[k]
        return float(a)
    w = h / (times[0] - times[1])
    last, one = -(1.0 + w) / h, w * w / ((1.0 + w) * h)
    for k in range(count):
        offset[k] = last * here[k] + one * before[k]
    return float((1.0 + 2.0 * w) / ((1.0 + w) * h))


@lean
def extrapolate(
    h: float, degree: int, times: Array, p0: Array, p1: Array, p2: Array, out: Array
) -> None:
    """Fill out with the polynomial of a degree up to 2 through the last points, h later."""
    count = out.shape[0]
    if degree == 0:
        for k in range(count):
            out[k] = p0[k]
    elif degree == 1:
        ratio = h / (times[0] - times[1])
        for k in range(count):
            out[k] = p0[k] + ratio * (p0[k] - p1[k])
    else:
        t0, t1, t2 = times[0], times[1], times[2]
        t = t0 + h
        a = (t - t1) * (t - t2) / ((t0 - t1) * (t0 - t2))
        b = (t - t0) * (t - t2) / ((t1 - t0) * (t1 - t2))
        c = (t - t0) * (t - t1) / ((t2 - t0) * (t2 - t1))
        for k in range(count):
            out[k] = a * p0[k] + b * p1[k] + c * p2[k]


@lean
def is_solution(
    indptr: Ints, indices: Ints, g_linear: Array, c_linear: Array, source: Array, q: Array,
    f_slots: Ints, f_values: Array, q_slots: Ints, q_values: Array, g_slots: Ints,
    g_values: Array, c_slots: Ints, c_values: Array, data: Array, reltol: float, floor: Array,
    a: float, offset: Array, x: Array, r: Array, terms: Array, held: Array,
) -> bool:
    """Return whether what is missing in every row is within tolerance of its largest term."""
    near = True  # already within that of the charges' rates
    for k in range(floor.shape[0]):
        if not abs(r[k]) <= reltol * max(abs(a * q[k]), abs(offset[k])) + floor[k]:
            near = False
            break
    if near:
        return True
    if row_miss(
        indptr, indices, g_linear, c_linear, source, q, f_slots, f_values, q_slots, q_values,
        reltol, floor, a, offset, x, r, terms, held,
    ) <= 1.0:
        return True
    combine(g_linear, c_linear, a, g_slots, g_values, c_slots, c_values, data)
    return miss_beyond_rounding(
        r, terms, q, a, offset, reltol, floor, indptr, indices, data, x, held
    ) <= 1.0


@lean
def take_step(
    indptr: Ints, g_linear: Array, c_linear: Array, g_slots: Ints, g_values: Array,
    c_slots: Ints, c_values: Array, data: Array, a: float, again: bool, reuse: float, rows: Ints,
    order: Ints, lp: Ints, li: Ints, lx: Array, up: Ints, ui: Ints, ux: Array, pinv: Ints,
    clean: Array, work: Array, r: Array, step: Array, reltol: float, floor: Array, x: Array,
    out: Array,
) -> float:
    """Fill out with the next point; return the largest change, or -1 where a pivot is too small.

    With `again` the matrix is factored anew.
    """
    n = indptr.shape[0] - 1
    if again:
        combine(g_linear, c_linear, a, g_slots, g_values, c_slots, c_values, data)
        if refactor(indptr, rows, data, order, lp, li, lx, up, ui, ux, clean, reuse, 0) < n:
            return -1.0
    solve(lp, li, lx, up, ui, ux, pinv, order, r, step, work)
    step[n] = 0.0
    change, _ = advance(x, step, reltol, floor, out)
    return change


@lean
def stored(
    ends: Ints, columns: Ints, values: Array, x: Array, kept: Ints, evaluated: Array, q: Array,
    out: Array,
) -> None:
    """Fill out with q, then each element's charge, as `System.stored`."""
    n = q.shape[0]
    for k in range(n):
        out[k] = q[k]
    fill_charges(ends, columns, values, x, kept, evaluated, out[n:])
