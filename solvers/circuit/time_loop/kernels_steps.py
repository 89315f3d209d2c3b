"""A run of time steps: what `analyses.transient.TransientRun` does where nothing special happens.

One loop with states, so that it can be left where Python has to evaluate groups and entered again
there. A step that needs more than this is left untried (`ASK`): Python takes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.compiled.jit import lean
from ....core.validation import Array
from ...integration.truncation_error import allowed_step
from ..system.element_group import Ints
from .kernels_laws import fill_laws
from .kernels_newton import (
    differentiate,
    extrapolate,
    is_solution,
    residual,
    stored,
    take_step,
)
from .kernels_sources import drive

__all__ = ["INTS", "NUMBERS", "WHAT", "run_steps"]

# why the loop was left
WHAT = ("ask", "evaluate", "accepted", "refused", "full", "corners", "pace", "done")
_ASK, _EVALUATE, _ACCEPTED, _REFUSED, _FULL, _CORNERS, _PACE, _DONE = range(len(WHAT))
# its states, where it is entered again
_BEGIN, _AT_POINT, _EVALUATED, _FOLLOW, _LOOKED = range(5)

INTS = ("state", "order", "most", "smooth", "iteration", "patience", "limit", "limited", "ahead",
        "point", "tried", "refused", "met", "steps", "rejected", "newton", "factored", "kept",
        "corner", "last", "kind", "linear", "foreign", "told", "window", "anew", "retry")
NUMBERS = ("t", "h", "target", "shortest", "floor", "resolution", "longest", "stop", "until", "a",
           "end", "change", "allowed", "following", "factored_for", "damping", "reltol", "trtol",
           "celsius", "reuse")
(STATE, ORDER, MOST, SMOOTH, ITERATION, PATIENCE, LIMIT, LIMITED, AHEAD, POINT, TRIED, REFUSED, MET,
 STEPS, REJECTED, NEWTON, FACTORED, KEPT, CORNER, LAST, KIND, LINEAR, FOREIGN, TOLD, WINDOW, ANEW,
 RETRY) = range(len(INTS))
(T, H, TARGET, SHORTEST, FLOOR, RESOLUTION, LONGEST, STOP, UNTIL, A, END, CHANGE, ALLOWED,
 FOLLOWING, FACTORED_FOR, DAMPING, RELTOL, TRTOL, CELSIUS, REUSE) = range(len(NUMBERS))
# rules: of `analyses.transient`, in this order
_SAFETY, _GROWTH, _SHRINK, _GAP, _LAST, _HALVING, _ACCEPT, _BETTER, _JUMP, _OVERSHOOT, _FADED = (
    range(11)
)
_WHOLE = 0.999  # of the way to a corner: a step as long takes all of it
_ROUNDING, _OF_NOTHING = 1e-15, 1e-300


@lean
def _within(
    h: float, order: int, times: Array, charges: Array, q: Array, rate: Array, rate0: Array,
    rows: Ints, current: Array, charge: Array, weight: Array, relative: float, trust: float,
    degrees: Ints, constants: Array,
) -> float:
    """Return the step that the errors of all charges allow, as `History.allowed`."""
    found = np.inf
    d1 = times[0] - times[1]
    for k in range(degrees.shape[1]):
        degree = degrees[order - 1, k]
        if degree == 0:
            continue
        d2 = times[0] - times[2] if degree > 1 else 0.0
        third = charges[2] if degree > 1 else charges[1]
        found = min(found, allowed_step(
            h, d1, d2, degree, q, charges[0], charges[1], third, rate, rate0, rows, current,
            charge, weight, relative, trust, constants[order - 1, k],
        ))
    return found


@lean
def _begin_anew(
    h: float, times: Array, charges: Array, rate: Array, near: Array, far: Array
) -> None:
    """Replace the points before a corner, as `History.begin_anew`."""
    for i in range(near.shape[0]):
        here = charges[0, i]
        first, later = (near[i] - here) / h, (far[i] - here) / (2.0 * h)
        slope, bend = 2.0 * first - later, (later - first) / (2.0 * h)
        for k in (1, 2):
            back = k * h
            charges[k, i] = here - slope * back + bend * (back * back)
        rate[i] = slope
    for k in (1, 2):
        times[k] = times[0] - k * h


@lean
def _push(
    times: Array, points: Array, charges: Array, rate: Array, t: float, x: Array, q: Array,
    new_rate: Array,
) -> None:
    """Keep an accepted point."""
    for k in range(times.shape[0] - 1, 0, -1):
        times[k] = times[k - 1]
        for i in range(points.shape[1]):
            points[k, i] = points[k - 1, i]
        for i in range(charges.shape[1]):
            charges[k, i] = charges[k - 1, i]
    times[0] = t
    for i in range(points.shape[1]):
        points[0, i] = x[i]
    for i in range(charges.shape[1]):
        charges[0, i] = q[i]
        rate[i] = new_rate[i]


@lean
def _is_far(x: Array, guess: Array, last: Array, floor: float, overshoot: float) -> bool:
    """Return whether the end of a step is far beyond the prediction."""
    for i in range(x.shape[0] - 1):
        meant = abs(guess[i] - last[i])
        if meant > floor * abs(x[i]) and abs(x[i] - last[i]) > overshoot * meant:
            return True
    return False


@lean
def _start_at(x: Array, I: Ints, F: Array, xs: Array) -> None:
    """Have the step solved again, from another point."""
    for i in range(x.shape[0]):
        xs[0, i] = x[i]
    I[RETRY] += 1
    I[ITERATION], I[POINT], I[STATE], F[CHANGE] = 0, 0, _AT_POINT, np.inf


@lean
def _fitted(h: float, gap: float, halving: float) -> float:
    """Return a step that meets the corner or leaves no sliver, as `StepController`."""
    if h >= _WHOLE * gap:
        return gap
    return 0.5 * gap if halving * h > gap else h


@lean
def run_steps(
    I: Ints, F: Array, rules: Array, corners: Array, matrix: Any, parts: Any, factors: Any,
    vectors: Any, past: Any, charging: Any, errors: Any, sources: Any, laws: Any, record: Any,
) -> int:
    """Take steps until something of `WHAT` happens; return what.

    Parameters
    ----------
    I, F : arrays
        The state of the loop: `INTS` and `NUMBERS`.
    rules : (11,)
    corners : (..,) second
    matrix : (indptr, indices, g_linear, c_linear)
    parts : slots and values of f, q, g, c; data
    factors : rows, order, lp, li, lx, up, ui, ux, pinv, clean, work
    vectors : source, f, q, r, terms, held, step, found, offset, x (2, n + 1), guess, row_floor,
        step_floor, nothing
    past : times (4,), points (4, n + 1), charges (4, M), rate (M,)
    charging : what `stored` takes; q, rate, far (M,)
    errors : rows, current, charge, early, weight, sure, degrees (2, 2), constants (2, 2)
    sources : what `drive` takes
    laws : what `fill_laws` takes, without f, q, g, c
    record : times (R,), orders (R,), values (R, n + 1)
    """
    indptr, indices, g_linear, c_linear = matrix
    f_slots, f_values, q_slots, q_values, g_slots, g_values, c_slots, c_values, data = parts
    rows, order_of, lp, li, lx, up, ui, ux, pinv, clean, work = factors
    (source, f, q, r, terms, held, step, found, offset, xs, guess, row_floor, step_floor,
     nothing) = vectors
    times, points, charges, rate0 = past
    ends, columns, weights, kept, stored_q, rate, far = charging
    error_rows, current, charge, early, weight, sure, degrees, constants = errors
    wave_table, waves, wave_factor, wave_slots = sources
    (law_table, code, more, numbers, plus, minus, scale, own, surroundings, tape_work, probes, old,
     known, law_values, law_slopes, law_factor) = laws
    record_times, record_orders, record_values = record
    n = indptr.shape[0] - 1
    while True:
        if I[STATE] == _BEGIN:
            if I[KEPT] >= record_times.shape[0]:
                return _FULL
            if I[TRIED] >= I[WINDOW]:
                return _PACE
            h, anew = F[H], I[SMOOTH] == 1
            if h <= F[SHORTEST] or (anew and h < rules[_JUMP] * F[STOP]):
                return _ASK
            I[AHEAD] = 1 if anew and F[T] + 2.0 * h <= F[TARGET] + F[FLOOR] else 0
            I[STATE] = _LOOKED
        if I[STATE] == _LOOKED:
            # look ahead over twice the step at first, where that can be done
            h, order = (2.0 * F[H], 1) if I[AHEAD] == 1 else (F[H], I[ORDER])
            F[A] = differentiate(
                I[KIND], F[DAMPING], h, order, times, charges, rate0, offset
            )
            F[END] = F[T] + h
            extrapolate(h, min(order, I[SMOOTH] - 1), times, points, guess)
            I[ITERATION], I[POINT], I[RETRY], F[CHANGE] = 0, 0, 0, np.inf
            for i in range(n + 1):
                xs[0, i] = guess[i]
            surroundings[0] = F[END]
            if I[TOLD] == 0:
                drive(F[END], wave_table, waves, wave_factor, wave_slots, source)
            I[STATE] = _AT_POINT
        x, other = xs[I[POINT]], xs[1 - I[POINT]]
        if I[STATE] == _AT_POINT:
            I[LIMITED] = 0
            if not fill_laws(
                law_table, code, more, numbers, plus, minus, scale, own, x, surroundings,
                tape_work, probes, old, known, law_values, law_slopes, law_factor, f_values,
                q_values, g_values, c_values,
            ):
                return _ASK
            I[STATE] = _EVALUATED
            if I[FOREIGN] == 1:
                return _EVALUATE
        if I[STATE] == _EVALUATED:
            finite = residual(
                indptr, indices, g_linear, c_linear, source, f, q, f_slots, f_values, q_slots,
                q_values, F[A], offset, x, r,
            )
            if not finite:
                return _ASK
            count = I[ITERATION]
            done = I[LINEAR] == 1 and count > 0
            settled = count > 0 and F[CHANGE] <= 1.0
            exact = not settled and count == I[PATIENCE]
            if not done and (settled or exact) and I[LIMITED] == 0:
                done = is_solution(
                    indptr, indices, g_linear, c_linear, source, q, f_slots, f_values, q_slots,
                    q_values, g_slots, g_values, c_slots, c_values, data,
                    _ROUNDING if exact else F[RELTOL], nothing if exact else row_floor, F[A],
                    offset, x, r, terms, held,
                )
            if not done:
                if count >= I[LIMIT]:
                    if I[RETRY] != 1:
                        return _ASK
                    _start_at(found, I, F, xs)  # not from the last point: from where it was
                    if I[FOREIGN] == 1:
                        return _REFUSED
                    continue
                again = I[LINEAR] == 0 or F[A] != F[FACTORED_FOR]
                change = take_step(
                    indptr, g_linear, c_linear, g_slots, g_values, c_slots, c_values, data, F[A],
                    again, F[REUSE], rows, order_of, lp, li, lx, up, ui, ux, pinv, clean, work, r,
                    step, F[RELTOL], step_floor, x, other,
                )
                if again:
                    F[FACTORED_FOR] = F[A]
                    I[FACTORED] += 1
                if change < 0.0 or not change >= 0.0:
                    F[FACTORED_FOR] = np.nan
                    return _ASK
                F[CHANGE] = change
                I[NEWTON] += 1
                I[ITERATION], I[POINT], I[STATE] = count + 1, 1 - I[POINT], _AT_POINT
                continue
            stored(ends, columns, weights, x, kept, q_values, q, stored_q)
            if I[AHEAD] == 1:
                for i in range(far.shape[0]):
                    far[i] = stored_q[i]
                I[AHEAD], I[STATE] = 2, _LOOKED
                if I[FOREIGN] == 1:
                    return _REFUSED
                continue
            if I[LINEAR] == 0 and I[RETRY] == 0 and _is_far(
                x, guess, points[0], F[TRTOL] * F[RELTOL], rules[_OVERSHOOT]
            ):
                for i in range(n + 1):
                    found[i] = x[i]
                _start_at(points[0], I, F, xs)
                if I[FOREIGN] == 1:
                    return _REFUSED
                continue
            h, order = F[H], I[ORDER]
            for i in range(rate.shape[0]):
                rate[i] = F[A] * stored_q[i] + offset[i]
            first = I[AHEAD] == 2
            if first:
                _begin_anew(h, times, charges, rate0, stored_q, far)
                if F[UNTIL] <= times[0]:
                    for i in range(far.shape[0]):
                        early[i] = max(charge[i], abs(far[i] - charges[0, i]))
                    F[UNTIL] = F[T] + 2.0 * h
            so_far = charge if F[END] > F[UNTIL] and not first else early
            allowed = _within(
                h, order, times, charges, stored_q, rate, rate0, error_rows, current, so_far,
                sure if first else weight, F[RELTOL], F[TRTOL], degrees, constants,
            )
            I[TRIED] += 1
            I[STATE] = _BEGIN
            if allowed <= rules[_ACCEPT] * h:
                shorter = max(allowed, rules[_SHRINK] * h)
                if not shorter >= F[SHORTEST]:
                    I[TRIED] -= 1
                    return _ASK
                F[H] = shorter
                I[REJECTED] += 1
                I[REFUSED] += 1
                if I[FOREIGN] == 1:
                    return _REFUSED
                continue
            following = min(rules[_SAFETY] * allowed, rules[_GROWTH] * h)
            if order == 1 and I[MOST] > 1:
                second = min(rules[_SAFETY] * _within(
                    h, 2, times, charges, stored_q, rate, rate0, error_rows, current,
                    charge if F[END] > F[UNTIL] else early, weight, F[RELTOL], F[TRTOL], degrees,
                    constants,
                ), rules[_GROWTH] * h)
                if second > rules[_BETTER] * h:
                    I[ORDER], following = 2, second
            F[FOLLOWING] = following
            end = F[T] + h
            if h >= F[TARGET] - F[T] or abs(end - F[TARGET]) <= F[SHORTEST]:
                end = F[TARGET]
            _push(times, points, charges, rate0, end, x, stored_q, rate)
            I[SMOOTH] += 1
            for i in range(charge.shape[0]):
                charge[i] = max(charge[i], rules[_FADED] * abs(stored_q[i]))
            F[T] = end
            I[STEPS] += 1
            F[SHORTEST] = max(F[FLOOR], F[RESOLUTION] * end)
            kept_at = I[KEPT]
            record_times[kept_at], record_orders[kept_at] = end, order
            for i in range(n + 1):
                record_values[kept_at, i] = x[i]
            I[KEPT] = kept_at + 1
            I[ANEW], I[STATE] = 0, _FOLLOW
            if I[FOREIGN] == 1:
                return _ACCEPTED
        if I[STATE] == _FOLLOW:
            met = F[T] >= F[TARGET]
            if met:
                if I[CORNER] + 1 >= corners.shape[0]:
                    if I[LAST] == 0:
                        return _CORNERS
                    return _DONE
                I[CORNER] += 1
                I[MET] += 1
                F[TARGET] = corners[I[CORNER]]
            h, gap = min(F[FOLLOWING], F[LONGEST]), F[TARGET] - F[T]
            if met:
                h = min(h, min(rules[_GAP] * gap, rules[_LAST] * F[H]))
            elif I[ANEW] == 1:
                h = min(h, rules[_LAST] * F[H])
            F[H] = _fitted(h, gap, rules[_HALVING])
            if met or I[ANEW] == 1:
                I[SMOOTH], I[ORDER], F[UNTIL] = 1, 1, F[T]
            I[STATE] = _BEGIN
