"""Template: independent devices in time; behind the template `device`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.compiled.jit import kernel, leaf


def evaluate(v: float, x: Any, p: Any, out: Any) -> None:
    """Stand for the model's laws."""


def rates(v: float, x: Any, p: Any, out: Any, f: Any) -> None:
    """Stand for the model's rates."""


def noise(v: float, x: Any, p: Any, i: float, out: Any) -> None:
    """Stand for the model's noise."""


def take(P: Any, k: int, p: Any) -> None:
    """Stand for the kernel of `device`."""


def solve_small(A: Any, b: Any) -> None:
    """Stand for the kernel of `device`."""


def reach(low: float, high: float, x: float) -> float:
    """Stand for the kernel of `device`."""
    return high - low


def confine(x: Any, low: Any, high: Any, out: Any) -> None:
    """Stand for the kernel of `device`."""


def gauss(key: Any, cell: Any, draw: Any) -> float:
    """Stand for the kernel of `device`."""
    return 0.0


# -- template --
# Rosenbrock method of order 4 with an embedded one of order 3, stiffly accurate (RODAS: Hairer and
# Wanner, Solving Ordinary Differential Equations II, section IV.10)
ALPHA = np.array([0.0, 0.386, 0.21, 0.63, 1.0, 1.0])
GAMMA = np.array([0.25, -0.1043, 0.1035, -0.0362, 0.0, 0.0])
A_STAGE = np.array([
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [1.544, 0.0, 0.0, 0.0, 0.0],
    [0.9466785280815826, 0.2557011698983284, 0.0, 0.0, 0.0],
    [3.314825187068521, 2.896124015972201, 0.9986419139977817, 0.0, 0.0],
    [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 0.0],
    [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0],
])
C_STAGE = np.array([
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [-5.6688, 0.0, 0.0, 0.0, 0.0],
    [-2.430093356833875, -0.2063599157091915, 0.0, 0.0, 0.0],
    [-0.1073529058151375, -9.594562251023355, -20.47028614809616, 0.0, 0.0],
    [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160, 0.0],
    [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
     -6.058818238834054],
])


@leaf
def rosenbrock(v0, dv, h, x, low, high, p, first, K, new, A, b, state, out):
    """Try one step of h from x at voltage v0, slope dv; fill `new`, return the error / range.

    `first` holds the confined laws at the start.
    """
    S = len(x)
    width = 2 + S
    for stage in range(6):
        if stage:
            for s in range(S):
                value = x[s]
                for m in range(stage):
                    value += A_STAGE[stage, m] * K[m, s]
                state[s] = min(max(value, low[s]), high[s])
            evaluate(v0 + dv * ALPHA[stage] * h, state, p, out)
            confine(state, low, high, out)
        for s in range(S):
            at = width * (s + 1)
            b[s] = out[at] if stage else first[at]
            b[s] += GAMMA[stage] * h * first[at + 1] * dv
            for m in range(stage):
                b[s] += C_STAGE[stage, m] / h * K[m, s]
            for m in range(S):
                A[s, m] = -first[at + 2 + m]
            A[s, s] += 4.0 / h
        if S == 1:
            b[0] /= A[0, 0]
        else:
            solve_small(A, b)
        for s in range(S):
            K[stage, s] = b[s]
    worst = 0.0
    for s in range(S):
        value = x[s] + K[5, s]
        for m in range(5):
            value += A_STAGE[5, m] * K[m, s]
        new[s] = min(max(value, low[s]), high[s])
        # what a bound cuts off is no error
        miss = abs(K[5, s]) / reach(low[s], high[s], max(abs(x[s]), abs(value)))
        if not (value < 1e300 and value > -1e300):
            return np.inf
        worst = max(worst, miss)
    return worst


@leaf
def explicit(v0, dv, h, x, low, high, p, first, K, new, b, state, out, last):
    """Try one explicit step as `rosenbrock` does; `last` gets the laws at its end.

    Order 3 with an embedded order 2 (Bogacki and Shampine, Appl. Math. Lett. 2:321, 1989), for
    smooth stretches. Gives up, with an infinite error, where it would be unstable and where a
    state comes to a bound.
    """
    S = len(x)
    width = 2 + S
    for s in range(S):
        at = width * (s + 1)
        stiff = 0.0
        for m in range(S):
            stiff += abs(first[at + 2 + m]) * reach(low[m], high[m], x[m])
        if not (h * stiff < 0.3 * reach(low[s], high[s], x[s])):
            return np.inf
        K[0, s] = first[at]
    for stage in range(2):
        part = 0.5 if stage == 0 else 0.75
        for s in range(S):
            state[s] = x[s] + part * h * K[stage, s]
            if not (low[s] <= state[s] <= high[s]):
                return np.inf
        rates(v0 + dv * part * h, state, p, out, b)
        for s in range(S):
            f = b[s]
            if (state[s] == low[s] and f < 0.0) or (state[s] == high[s] and f > 0.0):
                f = 0.0
            K[stage + 1, s] = f
    for s in range(S):
        new[s] = x[s] + h * (2.0 * K[0, s] + 3.0 * K[1, s] + 4.0 * K[2, s]) / 9.0
        if not (low[s] <= new[s] <= high[s]):
            return np.inf
    evaluate(v0 + dv * h, new, p, last)
    worst = 0.0
    for s in range(S):
        f = last[width * (s + 1)]
        if (new[s] == low[s] and f < 0.0) or (new[s] == high[s] and f > 0.0):
            f = 0.0
        miss = h * (-5.0 * K[0, s] + 6.0 * K[1, s] + 8.0 * K[2, s] - 9.0 * f) / 72.0
        worst = max(worst, abs(miss) / reach(low[s], high[s], max(abs(x[s]), abs(new[s]))))
    return worst


@kernel
def integrate(
    t, V, P, low, high, x, rtol, limit, noisy, key, first_cell, every, current, states, stats
):
    """Integrate devices through waveforms: Rosenbrock steps, explicit ones where they suffice.

    t (T,), V (1, T) or (n, T), x (S, n) initial states, final ones at the end. With `every`,
    current (n, T) and states (S, n, T) are filled, else current (n, 1) at the end. stats (n, 2):
    steps accepted and rejected. A device takes at most `limit` steps, refused ones included,
    beyond one per interval. Returns the index of a device that needs more or whose steps became
    too small, or -1; stats then holds where: time and voltage.
    """
    S, n = x.shape
    width = 2 + S
    T = len(t)
    first, last = np.empty((1 + S) * width), np.empty((1 + S) * width)
    out = np.empty((1 + S) * width)
    K, new, A, b = np.empty((6, S)), np.empty(S), np.empty((S, S)), np.empty(S)
    y, state, lo, hi, amplitude = (
        np.empty(S), np.empty(S), np.empty(S), np.empty(S), np.empty(S)
    )
    for s in range(S):
        amplitude[s] = 0.0
    p = np.empty(P.shape[0])
    span = t[T - 1] - t[0]
    for k in range(n):
        take(P, k, p)
        at = k if low.shape[1] > 1 else 0
        for s in range(S):
            lo[s], hi[s] = low[s, at], high[s, at]
            y[s] = x[s, k]
        v = V[k if V.shape[0] > 1 else 0]
        h = 0.1 * (t[1] - t[0])
        draws, good, bad = 0, 0, 0
        evaluate(v[0], y, p, first)
        if every:
            current[k, 0] = first[0]
            for s in range(S):
                states[s, k, 0] = y[s]
        for m in range(T - 1):
            length = t[m + 1] - t[m]
            dv = (v[m + 1] - v[m]) / length
            done = 0.0
            while done < length:
                v0 = v[m] + dv * done
                if good + bad > limit + m:
                    stats[k, 0], stats[k, 1] = t[m] + done, v0
                    return k
                if noisy:
                    noise(v0, y, p, first[0], amplitude)
                    for s in range(S):
                        # pressed on a bound so hard that the noise lifts it by less than 1e-3 of
                        # the range (amplitude^2 / 2 |rate| on average): it stays there
                        f = first[width * (s + 1)]
                        lift = 2e-3 * (hi[s] - lo[s]) * abs(f)
                        if amplitude[s] * amplitude[s] < lift and (
                            (y[s] <= lo[s] and f < 0.0) or (y[s] >= hi[s] and f > 0.0)
                        ):
                            amplitude[s] = 0.0
                confine(y, lo, hi, first)
                left = length - done
                h = min(h, left)
                if h > 0.9 * left:
                    h = left
                if noisy:
                    for s in range(S):
                        if amplitude[s] > 0.0:
                            h = min(h, (0.02 * (hi[s] - lo[s]) / amplitude[s]) ** 2)
                still, ended = True, False
                for s in range(S):
                    still = still and first[width * (s + 1)] == 0.0
                error = 0.0
                if still and not noisy and dv == 0.0:  # nothing will move any more
                    h = left
                    for s in range(S):
                        new[s] = y[s]
                else:
                    error = np.inf
                    if h == left:  # the waveform's points, not the error, limit the step
                        error = explicit(
                            v0, dv, h, y, lo, hi, p, first, K, new, b, state, out, last
                        )
                        ended = error <= rtol
                    if not ended:
                        error = rosenbrock(
                            v0, dv, h, y, lo, hi, p, first, K, new, A, b, state, out
                        )
                if error > rtol:
                    bad += 1
                    h *= max(0.1, 0.9 * (rtol / error) ** 0.25) if error < np.inf else 0.1
                    if h < 1e-30 * span:
                        # a runaway ends at a bound, in no time that could be told
                        stuck = True
                        for s in range(S):
                            f = first[width * (s + 1)] * 1e3 * h
                            if f > 0.0 and y[s] + f >= hi[s]:
                                y[s], stuck = hi[s], False
                            elif f < 0.0 and y[s] + f <= lo[s]:
                                y[s], stuck = lo[s], False
                        if stuck:
                            stats[k, 0], stats[k, 1] = t[m] + done, v0
                            return k
                    evaluate(v0, y, p, first)
                    continue
                good += 1
                done = length if h == left else done + h
                for s in range(S):
                    y[s] = new[s]
                    if noisy and amplitude[s] > 0.0:
                        y[s] += amplitude[s] * np.sqrt(h) * gauss(key + s, first_cell + k, draws)
                        y[s] = min(max(y[s], lo[s]), hi[s])
                draws += 1
                h *= min(6.0, 0.9 * (rtol / error) ** 0.25 if error > 0.0 else 6.0)
                if ended and not noisy:
                    first, last = last, first
                else:
                    evaluate(v[m] + dv * done, y, p, first)
            if every:
                current[k, m + 1] = first[0]
                for s in range(S):
                    states[s, k, m + 1] = y[s]
        if not every:
            current[k, 0] = first[0]
        for s in range(S):
            x[s, k] = y[s]
        stats[k, 0], stats[k, 1] = good, bad
    return -1
