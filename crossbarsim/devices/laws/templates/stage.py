"""Template: a device inside a circuit, its states advanced by one implicit stage."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.compiled.jit import leaf


def evaluate(v: float, x: Any, p: Any, out: Any) -> None:
    """Stand for the device's laws."""


def solve_small(A: Any, b: Any) -> None:
    """Stand for the kernel of `device`."""


# -- template --
@leaf
def bisect(v, base, step, low, high, p, x, out):
    """Solve the one-state stage by bisection, on the side of x to which the residual points."""
    evaluate(v, x, p, out)
    rises = x[0] - base[0] - step * out[3] < 0.0
    a, b = (x[0], high[0]) if rises else (low[0], x[0])
    x[0] = b if rises else a
    evaluate(v, x, p, out)
    miss = x[0] - base[0] - step * out[3]
    if (miss < 0.0) if rises else (miss > 0.0):
        return  # pushed against the bound
    for _ in range(200):
        x[0] = 0.5 * (a + b)
        if x[0] in (a, b):
            break
        evaluate(v, x, p, out)
        if x[0] - base[0] - step * out[3] > 0.0:
            b = x[0]
        else:
            a = x[0]


@leaf
def stage_one(v, base, step, low, high, p, x, out, b):
    """Do what `stage` does, for one state: scalars only."""
    start, bottom, top = base[0], low[0], high[0]
    span, first = top - bottom, x[0]
    good = False
    for n in range(60):
        evaluate(v, x, p, out)
        miss = x[0] - start - step * out[3]
        if (x[0] <= bottom and miss > 0.0) or (x[0] >= top and miss < 0.0):
            b[0] = 0.0  # pushed against the bound
            return out[0], out[1], True
        slope = 1.0 - step * out[5]
        if abs(miss) <= 1e-8 * slope * span:  # the rest is linear: no need to evaluate again
            good = True
            break
        # beyond a fold: creep along the residual
        move = -miss / slope if slope > 0.0 else -0.5 * miss
        limit = span * (1.0 if n < 8 else 0.2)
        move = min(max(move, -limit), limit)
        if n > 25:
            move *= 0.5
        x[0] = min(max(x[0] + move, bottom), top)
    if not good:
        x[0] = first
        bisect(v, base, step, low, high, p, x, out)
        miss = x[0] - start - step * out[3]
        if x[0] <= bottom or x[0] >= top:
            b[0] = 0.0
            return out[0], out[1], True
        slope, miss = 1.0 - step * out[5], 0.0
    change = -miss / slope
    x[0] = min(max(x[0] + change, bottom), top)
    b[0] = step * out[4] / slope
    return out[0] + out[2] * change, out[1] + out[2] * b[0], True


@leaf
def implicit_row(s, miss, step, low, high, x, out, A):
    """Fill row s of 1 - step f_x; return whether the state is pushed against a bound."""
    S = len(x)
    held = (x[s] <= low[s] and miss > 0.0) or (x[s] >= high[s] and miss < 0.0)
    for m in range(S):
        A[s, m] = 0.0 if held else -step * out[(2 + S) * (s + 1) + 2 + m]
    A[s, s] += 1.0
    return held


@leaf
def stage(v, base, step, low, high, p, x, out, A, b):
    """Solve x = base + step f(v, x), low <= x <= high, from the guess x; return (i, di/dv, good).

    ``step`` 0 freezes the states. A state that is pushed against a bound stays on it. `x`, `out`
    (the laws at the solution) and `b` (dx/dv) are filled.
    """
    S = len(x)
    width = 2 + S
    if S == 0 or step == 0.0:
        for s in range(S):
            x[s], b[s] = base[s], 0.0
        evaluate(v, x, p, out)
        return out[0], out[1], True
    if S == 1:
        return stage_one(v, base, step, low, high, p, x, out, b)
    good = False
    last = np.inf
    for n in range(60):
        evaluate(v, x, p, out)
        size = 0.0
        for s in range(S):
            at = width * (s + 1)
            miss = x[s] - base[s] - step * out[at]
            held = implicit_row(s, miss, step, low, high, x, out, A)
            b[s] = 0.0 if held else -miss
            size = max(size, abs(b[s]) / (high[s] - low[s]))
        if size <= 1e-14 or (n > 40 and size < 1e-11) or (size <= 1e-12 and size >= last):
            good = True
            break
        last = size
        solve_small(A, b)
        for s in range(S):
            move = b[s]
            limit = (high[s] - low[s]) * (1.0 if n < 8 else 0.2)
            move = min(max(move, -limit), limit)
            if n > 25:
                move *= 0.5
            x[s] = min(max(x[s] + move, low[s]), high[s])
    # dx/dv from (1 - step f_x) dx = step f_v
    for s in range(S):
        at = width * (s + 1)
        miss = x[s] - base[s] - step * out[at]
        held = implicit_row(s, miss, step, low, high, x, out, A)
        b[s] = 0.0 if held else step * out[at + 1]
    solve_small(A, b)
    slope = out[1]
    for s in range(S):
        slope += out[2 + s] * b[s]
    return out[0], slope, good
