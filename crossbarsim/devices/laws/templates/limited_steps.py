"""Template: single steps of a device under a source that limits the current."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.compiled.jit import leaf


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
