"""Template: one device through one sweep, with derivatives by its parameters and first states."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.compiled.jit import kernel, leaf


def solve_small(A: Any, b: Any) -> None:
    """Stand for the kernel of `device`."""


def driven(*args: Any) -> float:
    """Stand for the kernel of `limited_steps`."""
    return 0.0


def hold(pinned: Any, out: Any, width: int) -> None:
    """Stand for the kernel of `limited_steps`."""


def within(x: Any, low: Any, high: Any, state: Any) -> None:
    """Stand for the kernel of `limited_steps`."""


def implicit(*args: Any) -> float:
    """Stand for the kernel of `limited_steps`."""
    return 0.0


def direct(*args: Any) -> float:
    """Stand for the kernel of `limited_steps`."""
    return 0.0


GAMMA = 0.0
NODES = np.empty(4)
STAGES = np.empty((4, 4))


# -- template --
@leaf
def rate_slopes(pinned, out, width, which, Y, K):
    """Fill K (S, C) with the derivatives of the held rates in `out`; Y (S, C) are the states'.

    `which` (F,) are the places of the first columns among the parameters.
    """
    S, C = Y.shape
    hold(pinned, out, width)
    F = len(which)
    for s in range(S):
        row = (s + 1) * width
        for c in range(C):
            value = out[row + 2 + S + which[c]] if c < F else 0.0
            for m in range(S):
                value += out[row + 2 + m] * Y[m, c]
            K[s, c] = value


@leaf
def follow(
    v0, dv, h, low, high, dlow, dhigh, pinned, p, limit, first, width, which, X,
    explicit, dx, dK, dY, state, out, A, b,
):
    """Move the derivatives dx (S, C) over an accepted step whose stages are X (4, S).

    The discrete step itself is differentiated, its length kept.
    """
    S, C = dx.shape
    F = len(which)
    for m in range(len(first)):
        out[m] = first[m]
    rate_slopes(pinned, out, width, which, dx, dK[0])
    if explicit:
        for stage in range(1, 4):
            for s in range(S):
                for c in range(C):
                    if stage == 3:
                        step = (2.0 * dK[0, s, c] + 3.0 * dK[1, s, c] + 4.0 * dK[2, s, c]) / 9.0
                    else:
                        step = (0.5 if stage == 1 else 0.75) * dK[stage - 1, s, c]
                    dY[s, c] = dx[s, c] + h * step
            if stage == 3:
                break
            for s in range(S):
                state[s] = X[stage, s]
            driven(v0 + dv * (0.5 if stage == 1 else 0.75) * h, limit, state, p, out, True)
            rate_slopes(pinned, out, width, which, dY, dK[stage])
    else:
        for stage in range(1, 4):
            within(X[stage], low, high, state)
            driven(v0 + dv * NODES[stage] * h, limit, state, p, out, True)
            hold(pinned, out, width)
            for c in range(C):
                for s in range(S):
                    row = (s + 1) * width
                    value = dx[s, c]
                    for m in range(stage):
                        value += h * STAGES[stage, m] * dK[m, s, c]
                    slope = out[row + 2 + S + which[c]] if c < F else 0.0
                    for m in range(S):
                        A[s, m] = 0.0
                        if X[stage, m] < low[m]:
                            slope += out[row + 2 + m] * dlow[m, c]
                        elif X[stage, m] > high[m]:
                            slope += out[row + 2 + m] * dhigh[m, c]
                        else:
                            A[s, m] = -h * GAMMA * out[row + 2 + m]
                    A[s, s] += 1.0
                    b[s] = value + h * GAMMA * slope
                if S == 1:
                    b[0] /= A[0, 0]
                else:
                    solve_small(A, b)
                for s in range(S):
                    dY[s, c] = b[s]
            for s in range(S):
                row = (s + 1) * width
                for c in range(C):
                    value = out[row + 2 + S + which[c]] if c < F else 0.0
                    for m in range(S):
                        if X[stage, m] < low[m]:
                            value += out[row + 2 + m] * dlow[m, c]
                        elif X[stage, m] > high[m]:
                            value += out[row + 2 + m] * dhigh[m, c]
                        else:
                            value += out[row + 2 + m] * dY[m, c]
                    dK[stage, s, c] = value
    for s in range(S):
        for c in range(C):
            if X[3, s] <= low[s]:
                dx[s, c] = dlow[s, c]
            elif X[3, s] >= high[s]:
                dx[s, c] = dhigh[s, c]
            else:
                dx[s, c] = dY[s, c]


@leaf
def read(out, which, dx, by):
    """Fill `by` (C,) with the derivatives of the current, states' derivatives dx (S, C)."""
    S, C = dx.shape
    F = len(which)
    for c in range(C):
        value = out[2 + S + which[c]] if c < F else 0.0
        for s in range(S):
            value += out[2 + s] * dx[s, c]
        by[c] = value


@leaf
def shaped(i, shape, floor):
    """Return the current on the scale of the residuals, and the slope of that."""
    if shape == 0:
        return i / floor, 1.0 / floor
    if shape == 1:
        half = 0.5 / floor
        return np.arcsinh(half * i), half / np.sqrt(1.0 + half * half * i * i)
    size = max(abs(i), floor)
    return np.log(size), (1.0 / i if abs(i) > floor else 0.0)


@kernel
def sweep(
    t, v, limits, p, N, which, low, high, dlow, dhigh, x, dx, rtol, most, shape, floor, grid,
    replay,
    current, slopes, means, mean_slopes, states,
):
    """Take one device through a sweep: current and its derivatives at every point.

    t, v, limits (T,): time, voltage of the source, and the current that it lets through, the
    smaller one of an interval's ends. x (S,) and dx (S, C) at the start, and at the end. The
    first columns are parameters, `which` (F,) of the N in the laws' derivatives. dlow, dhigh
    (S, C): derivatives of the bounds. Filled: current (T,), states (S, T), and, where slopes
    (T, C) has rows, slopes; means (T - 1,) and
    mean_slopes (T - 1, C): averages over the intervals of the current on the scale of the
    residuals. grid (L, 2): steps taken, length and kind, as many as it has room for; `replay`: take
    those. Returns the number of steps, or -1 - m where the m-th interval took more than `most`.
    """
    S, C = dx.shape
    T = len(t)
    more = slopes.shape[0] > 0
    width = 2 + S + N if more else 2 + S
    first, out = np.empty((1 + S) * width), np.empty((1 + S) * (2 + S + N))
    K, X = np.zeros((4, S)), np.zeros((4, S))
    base, state, pinned, b = np.empty(S), np.empty(S), np.zeros(S), np.empty(S)
    A, dK, dY = np.empty((S, S)), np.zeros((4, S, C)), np.zeros((S, C))
    by, by_new = np.zeros(C), np.zeros(C)
    taken, tried = 0, 0
    h = t[1] - t[0]
    span = t[T - 1] - t[0]
    driven(v[0], limits[0], x, p, first, more)
    current[0] = first[0]
    value, slope = shaped(first[0], shape, floor)
    if more:
        read(first, which, dx, by)
        for c in range(C):
            slopes[0, c] = by[c]
    for s in range(S):
        states[s, 0] = x[s]
    for m in range(T - 1):
        length = t[m + 1] - t[m]
        dv = (v[m + 1] - v[m]) / length
        limit = min(limits[m], limits[m + 1])
        done, total, start = 0.0, 0.0, tried
        if limit != limits[m]:  # the derivatives of the rates are the interval's
            driven(v[m], limit, x, p, first, more)
        if more:
            for c in range(C):
                mean_slopes[m, c] = 0.0
        while done < length:
            v0 = v[m] + dv * done
            left = length - done
            kind = 0
            if replay:
                h, kind = grid[taken, 0], int(grid[taken, 1])
            elif h > 0.9 * left:
                h = left
            still = dv == 0.0
            for s in range(S):
                f = first[(s + 1) * width]
                pinned[s] = 0.0
                if x[s] <= low[s] and f < 0.0:
                    pinned[s] = -1.0
                elif x[s] >= high[s] and f > 0.0:
                    pinned[s] = 1.0
                still = still and (f == 0.0 or pinned[s] != 0.0)
            hold(pinned, first, width)
            error = np.inf
            if replay:
                if kind == 0:
                    error = direct(
                        v0, dv, h, x, low, high, pinned, p, limit, first, width, K, X, state, out
                    )
                elif kind == 1:
                    error = implicit(
                        v0, dv, h, x, low, high, pinned, p, limit, first, width, K, X, base,
                        state, out, A, b,
                    )
                if not error < np.inf:
                    return -1 - m
            elif still:
                h, kind = left, 1
                for stage in range(4):
                    for s in range(S):
                        K[stage, s], X[stage, s] = 0.0, x[s]
                error = 0.0
            else:
                if h == left:
                    error = direct(
                        v0, dv, h, x, low, high, pinned, p, limit, first, width, K, X, state, out
                    )
                if not error <= rtol:
                    kind = 1
                    error = implicit(
                        v0, dv, h, x, low, high, pinned, p, limit, first, width, K, X, base,
                        state, out, A, b,
                    )
            tried += 1
            if not replay and tried - start > most:
                return -1 - m
            if not (error <= rtol or replay):
                h *= max(0.1, 0.9 * (rtol / error) ** (1.0 / 3.0)) if error < np.inf else 0.1
                if h >= 1e-16 * span:
                    continue
                # a runaway, in no time that could be told: to the bound
                kind = 2
                for s in range(S):
                    X[3, s] = x[s]
                    f = first[(s + 1) * width] * 1e3 * h
                    if x[s] + f >= high[s]:
                        X[3, s] = high[s]
                    elif x[s] + f <= low[s]:
                        X[3, s] = low[s]
                    else:
                        return -1 - m
            if taken < len(grid) and not replay:
                grid[taken, 0], grid[taken, 1] = h, float(kind)
            taken += 1
            if more and kind < 2:
                follow(
                    v0, dv, h, low, high, dlow, dhigh, pinned, p, limit, first, width, which,
                    X, kind == 0, dx, dK, dY, state, out, A, b,
                )
            elif more:
                for s in range(S):
                    for c in range(C):
                        dx[s, c] = dhigh[s, c] if X[3, s] == high[s] else dlow[s, c]
            within(X[3], low, high, x)
            done = length if h == left else done + h
            driven(v[m] + dv * done, limit, x, p, first, more)
            new, grown = shaped(first[0], shape, floor)
            total += 0.5 * h * (value + new)
            if more:
                read(first, which, dx, by_new)
                for c in range(C):
                    mean_slopes[m, c] += 0.5 * h / length * (slope * by[c] + grown * by_new[c])
                    by[c] = by_new[c]
            value, slope = new, grown
            if not replay:
                h *= min(5.0, 0.9 * (rtol / error) ** (1.0 / 3.0) if error > 0.0 else 5.0)
        means[m] = total / length
        if limit != limits[m + 1]:
            driven(v[m + 1], limits[m + 1], x, p, first, more)
            value, slope = shaped(first[0], shape, floor)
            if more:
                read(first, which, dx, by)
        current[m + 1] = first[0]
        if more:
            for c in range(C):
                slopes[m + 1, c] = by[c]
        for s in range(S):
            states[s, m + 1] = x[s]
    return taken
