"""Template: one device through one sweep, with derivatives by its parameters and first states."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.compiled.jit import kernel, leaf


def evaluate(v: float, x: Any, p: Any, out: Any) -> None:
    """Stand for the model's laws."""


def conduct(v: float, x: Any, p: Any, out: Any) -> None:
    """Stand for the model's current law."""


def sensitivities(v: float, x: Any, p: Any, out: Any) -> None:
    """Stand for the model's laws with their derivatives by parameters."""


def solve_small(A: Any, b: Any) -> None:
    """Stand for the kernel of `device`."""


# -- template --
# Singly diagonally implicit with an explicit first stage, order 3 with an embedded order 2, stiffly
# accurate and L-stable: ARK3(2)4L[2]SA (Kennedy and Carpenter, Appl. Numer. Math. 44:139, 2003).
# Unlike Rosenbrock's methods it needs first derivatives alone for exact sensitivities.
GAMMA = 1767732205903.0 / 4055673282236.0
NODES = np.array([0.0, 2.0 * GAMMA, 0.6, 1.0])
STAGES = np.array([
    [0.0, 0.0, 0.0, 0.0],
    [GAMMA, GAMMA, 0.0, 0.0],
    [2746238789719.0 / 10658868560708.0, -640167445237.0 / 6845629431997.0, GAMMA, 0.0],
    [1471266399579.0 / 7840856788654.0, -4482444167858.0 / 7529755066697.0,
     11266239266428.0 / 11593286722821.0, GAMMA],
])
MISS = np.array([  # weights less those of order 2
    STAGES[3, 0] - 2756255671327.0 / 12835298489170.0,
    STAGES[3, 1] + 10771552573575.0 / 22201958757719.0,
    STAGES[3, 2] - 9247589265047.0 / 10645013368117.0,
    GAMMA - 2193209047091.0 / 5459859503100.0,
])


@leaf
def driven(v, limit, x, p, out, more):
    """Evaluate the laws under a source of v volt that lets no more than `limit` ampere through.

    Where it limits, the voltage is the one of that current, and all derivatives follow. `more`:
    with the derivatives by parameters. Returns the voltage across the device.
    """
    if more:
        sensitivities(v, x, p, out)
    else:
        evaluate(v, x, p, out)
    if abs(out[0]) <= limit:
        return v
    goal = limit if out[0] > 0.0 else -limit
    low, high, u = min(0.0, v), max(0.0, v), v
    for _ in range(200):
        if out[0] > goal:
            high = u
        else:
            low = u
        new = u - (out[0] - goal) / out[1] if out[1] > 0.0 else 0.5 * (low + high)
        if not (low < new < high):
            new = 0.5 * (low + high)
        close = abs(new - u) <= 4e-16 * abs(v)
        u = new
        conduct(u, x, p, out)
        if close or out[0] == goal:
            break
    if more:
        sensitivities(u, x, p, out)
    else:
        evaluate(u, x, p, out)
    rows = 1 + len(x)
    width = len(out) // rows
    for row in range(1, rows):
        share = out[row * width + 1] / out[1]
        for m in range(2, width):
            out[row * width + m] -= share * out[m]
        out[row * width + 1] = 0.0
    out[0] = goal
    for m in range(1, width):
        out[m] = 0.0
    return u


@leaf
def hold(pinned, out, width):
    """Keep the states on a bound that press against it: their rates become zero.

    `pinned` (S,): +1 or -1 for states that began the step on the upper or lower bound and pressed
    against it; these only come off it.
    """
    for s in range(len(pinned)):
        row = (s + 1) * width
        if (pinned[s] > 0.0 and out[row] > 0.0) or (pinned[s] < 0.0 and out[row] < 0.0):
            for m in range(width):
                out[row + m] = 0.0


@leaf
def within(x, low, high, state):
    """Fill `state` with x between its bounds."""
    for s in range(len(x)):
        state[s] = min(max(x[s], low[s]), high[s])


@leaf
def implicit(
    v0, dv, h, x, low, high, pinned, p, limit, first, width, K, X, base, state, out, A, b,
):
    """Try one implicit step; fill the stages' rates K (4, S) and states X (4, S); the error."""
    S = len(x)
    for s in range(S):
        K[0, s], X[0, s] = first[(s + 1) * width], x[s]
    own = 2 + S
    for stage in range(1, 4):
        for s in range(S):
            base[s] = x[s]
            for m in range(stage):
                base[s] += h * STAGES[stage, m] * K[m, s]
            X[stage, s] = base[s] + h * GAMMA * K[stage - 1, s]
        for turn in range(12):
            within(X[stage], low, high, state)
            driven(v0 + dv * NODES[stage] * h, limit, state, p, out[:(1 + S) * own], False)
            hold(pinned, out, own)
            for s in range(S):
                row = (s + 1) * own
                b[s] = base[s] + h * GAMMA * out[row] - X[stage, s]
                for m in range(S):
                    inside = low[m] <= X[stage, m] <= high[m]
                    A[s, m] = -h * GAMMA * out[row + 2 + m] if inside else 0.0
                A[s, s] += 1.0
            if S == 1:
                b[0] /= A[0, 0]
            else:
                solve_small(A, b)
            close = True
            for s in range(S):
                X[stage, s] += b[s]
                scale = high[s] - low[s]
                scale = min(scale, abs(X[stage, s]) + 1e-6 * scale)
                close = close and abs(b[s]) <= 1e-7 * scale  # the rest is the square of that
            if close:
                break
            if turn == 11:
                return np.inf
        for s in range(S):
            K[stage, s] = (X[stage, s] - base[s]) / (h * GAMMA)
            if not (abs(X[stage, s]) < 1e300):
                return np.inf
    worst = 0.0
    for s in range(S):
        miss = 0.0
        for m in range(4):
            miss += h * MISS[m] * K[m, s]
        last = min(max(X[3, s], low[s]), high[s])
        other = min(max(X[3, s] - miss, low[s]), high[s])  # what a bound cuts off is no error
        worst = max(worst, abs(last - other) / (high[s] - low[s]))
    return worst


@leaf
def direct(v0, dv, h, x, low, high, pinned, p, limit, first, width, K, X, state, out):
    """Try one explicit step, as `implicit`: order 3 with an embedded order 2.

    Bogacki and Shampine, Appl. Math. Lett. 2:321 (1989). Gives up, with an infinite error, where it
    would be unstable and where a state comes to a bound.
    """
    S = len(x)
    own = 2 + S
    for s in range(S):
        row = (s + 1) * width
        stiff = 0.0
        for m in range(S):
            stiff += abs(first[row + 2 + m]) * (high[m] - low[m])
        if not (h * stiff < 0.3 * (high[s] - low[s])):
            return np.inf
        K[0, s], X[0, s] = first[row], x[s]
    for stage in range(1, 4):
        part = 0.5 if stage == 1 else (0.75 if stage == 2 else 1.0)
        for s in range(S):
            if stage == 3:
                step = (2.0 * K[0, s] + 3.0 * K[1, s] + 4.0 * K[2, s]) / 9.0
            else:
                step = part * K[stage - 1, s]
            X[stage, s] = x[s] + h * step
            state[s] = X[stage, s]
            if not (low[s] <= state[s] <= high[s]):
                return np.inf
        driven(v0 + dv * part * h, limit, state, p, out[:(1 + S) * own], False)
        hold(pinned, out, own)
        for s in range(S):
            K[stage, s] = out[(s + 1) * own]
    worst = 0.0
    for s in range(S):
        miss = h * (-5.0 * K[0, s] + 6.0 * K[1, s] + 8.0 * K[2, s] - 9.0 * K[3, s]) / 72.0
        worst = max(worst, abs(miss) / (high[s] - low[s]))
    return worst


@leaf
def rate_slopes(pinned, out, width, Y, K):
    """Fill K (S, C) with the derivatives of the held rates in `out`; Y (S, C) are the states'."""
    S, C = Y.shape
    hold(pinned, out, width)
    F = width - 2 - S
    for s in range(S):
        row = (s + 1) * width
        for c in range(C):
            value = out[row + 2 + S + c] if c < F else 0.0
            for m in range(S):
                value += out[row + 2 + m] * Y[m, c]
            K[s, c] = value


@leaf
def follow(
    v0, dv, h, low, high, dlow, dhigh, pinned, p, limit, first, width, X, explicit,
    dx, dK, dY, state, out, A, b,
):
    """Move the derivatives dx (S, C) over an accepted step whose stages are X (4, S).

    The discrete step itself is differentiated, its length kept.
    """
    S, C = dx.shape
    F = width - 2 - S
    for m in range(len(first)):
        out[m] = first[m]
    rate_slopes(pinned, out, width, dx, dK[0])
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
            rate_slopes(pinned, out, width, dY, dK[stage])
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
                    slope = out[row + 2 + S + c] if c < F else 0.0
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
                    value = out[row + 2 + S + c] if c < F else 0.0
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
def read(out, width, dx, by):
    """Fill `by` (C,) with the derivatives of the current, states' derivatives dx (S, C)."""
    S, C = dx.shape
    F = width - 2 - S
    for c in range(C):
        value = out[2 + S + c] if c < F else 0.0
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
    t, v, limits, p, F, low, high, dlow, dhigh, x, dx, rtol, most, shape, floor, grid, replay,
    current, slopes, means, mean_slopes, states,
):
    """Take one device through a sweep: current and its derivatives at every point.

    t, v, limits (T,): time, voltage of the source, and the current that it lets through, the
    smaller one of an interval's ends. x (S,) and dx (S, C) at the start, and at the end; F
    parameters come before other columns. dlow, dhigh (S, C): derivatives of the bounds. Filled:
    current (T,), states (S, T), and, where slopes (T, C) has rows, slopes; means (T - 1,) and
    mean_slopes (T - 1, C): averages over the intervals of the current on the scale of the
    residuals. grid (L, 2): steps taken, length and kind, as many as it has room for; `replay`: take
    those. Returns the number of steps, or -1 - m where the m-th interval took more than `most`.
    """
    S, C = dx.shape
    T = len(t)
    more = slopes.shape[0] > 0
    width = 2 + S + F if more else 2 + S
    first, out = np.empty((1 + S) * width), np.empty((1 + S) * (2 + S + F))
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
        read(first, width, dx, by)
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
                    v0, dv, h, low, high, dlow, dhigh, pinned, p, limit, first, width, X,
                    kind == 0, dx, dK, dY, state, out, A, b,
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
                read(first, width, dx, by_new)
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
                read(first, width, dx, by)
        current[m + 1] = first[0]
        if more:
            for c in range(C):
                slopes[m + 1, c] = by[c]
        for s in range(S):
            states[s, m + 1] = x[s]
    return taken
