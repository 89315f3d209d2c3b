"""What is asked of a step when it has been solved, and what becomes of it."""

from __future__ import annotations

import numpy as np

from ....core.compiled.jit import lean
from ....core.validation import Array
from ...integration.truncation_error import allowed_step
from ..system.element_group import Ints
from .state import (
    ANEW,
    CHANGE,
    FOLLOWING,
    ITERATION,
    LONGEST,
    ORDER,
    POINT,
    RETRY,
    SMOOTH,
    STATE,
    TARGET,
    UNTIL,
    H,
    T,
)

__all__ = ["begin_anew", "chosen", "is_far", "push", "start_at", "within"]

_WHOLE = 0.999  # of the way to a corner: a step as long takes all of it


@lean
def within(
    h: float, order: int, times: Array, q0: Array, q1: Array, q2: Array, q: Array, rate: Array,
    rate0: Array, rows: Ints, current: Array, charge: Array, weight: Array, relative: float,
    trust: float, degrees: Ints, constants: Array,
) -> float:
    """Return the step that the errors of all charges allow, as `History.allowed`."""
    found = np.inf
    d1 = times[0] - times[1]
    for k in range(2 * order - 2, 2 * order):
        degree = degrees[k]
        if degree == 0:
            continue
        d2 = times[0] - times[2] if degree > 1 else 0.0
        found = min(found, allowed_step(
            h, d1, d2, degree, q, q0, q1, q2 if degree > 1 else q1, rate, rate0, rows, current,
            charge, weight, relative, trust, constants[k],
        ))
    return found


@lean
def begin_anew(
    h: float, times: Array, q0: Array, q1: Array, q2: Array, rate: Array, near: Array, far: Array
) -> None:
    """Replace the points before a corner, as `History.begin_anew`."""
    for i in range(near.shape[0]):
        here = q0[i]
        first, later = (near[i] - here) / h, (far[i] - here) / (2.0 * h)
        slope, bend = 2.0 * first - later, (later - first) / (2.0 * h)
        q1[i] = here - slope * h + bend * (h * h)
        q2[i] = here - slope * (2.0 * h) + bend * (4.0 * (h * h))
        rate[i] = slope
    times[1], times[2] = times[0] - h, times[0] - 2.0 * h


@lean
def push(p0: Array, p1: Array, p2: Array, p3: Array, new: Array) -> None:
    """Put a new point before the others."""
    for i in range(new.shape[0]):
        p3[i], p2[i], p1[i], p0[i] = p2[i], p1[i], p0[i], new[i]


@lean
def is_far(
    rows: Ints, x: Array, guess: Array, last: Array, floor: float, overshoot: float
) -> bool:
    """Return whether one of these unknowns is far beyond its prediction at the end of a step."""
    for k in range(rows.shape[0]):
        i = rows[k]
        meant = abs(guess[i] - last[i])
        if meant > floor * abs(x[i]) and abs(x[i] - last[i]) > overshoot * meant:
            return True
    return False


@lean
def fitted(h: float, gap: float, halving: float) -> float:
    """Return a step that meets the corner or leaves no sliver, as `StepController`."""
    if h >= _WHOLE * gap:
        return gap
    return 0.5 * gap if halving * h > gap else h


@lean
def start_at(x: Array, state: int, I: Ints, F: Array, out: Array) -> None:
    """Have the step solved again, from another point and in a state of the loop."""
    for i in range(x.shape[0]):
        out[i] = x[i]
    I[RETRY] += 1
    I[STATE], I[ITERATION], I[POINT], F[CHANGE] = state, 0, 0, np.inf


@lean
def chosen(
    I: Ints, F: Array, before: float, part: float, last: float, halving: float, met: int
) -> bool:
    """Choose the next step, and whether the integration begins anew, as `StepController.follow`.

    `met` is 1 where the last corner, at `before`, was met; `part` of the way to the next and `last`
    of the step before are the first step after it.
    """
    h, gap = min(F[FOLLOWING], F[LONGEST]), F[TARGET] - F[T]
    if met == 1:
        h = min(h, min(part * gap, last * F[H]))
    elif F[TARGET] != before:
        I[ANEW] = 0
    elif I[ANEW] == 1:
        h = min(h, last * F[H])
    F[H] = fitted(h, gap, halving)
    if met == 0 and I[ANEW] == 0:
        return False
    I[SMOOTH], I[ORDER], F[UNTIL] = 1, 1, F[T]
    return True
