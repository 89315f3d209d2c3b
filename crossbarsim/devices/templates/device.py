"""Template: kernels over independent devices; `compiled` puts a model's laws in front of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.structured.jit import kernel


def evaluate(v: float, x: Any, p: Any, out: Any) -> None:
    """Stand for the model's laws."""


def noise(v: float, x: Any, p: Any, i: float, out: Any) -> None:
    """Stand for the model's noise."""


# -- template --
@kernel
def take(P, k, p):
    """Fill p with the parameters of device k; P (K, 1) or (K, n)."""
    at = k if P.shape[1] > 1 else 0
    for m in range(len(p)):
        p[m] = P[m, at]


@kernel
def evaluate_many(v, x, P, i, slope, rate):
    """V (n,), x (S, n) -> current i, di/dv, rates (S, n)."""
    S, n = x.shape
    out, state, p = np.empty((1 + S) * (2 + S)), np.empty(S), np.empty(P.shape[0])
    for k in range(n):
        take(P, k, p)
        for s in range(S):
            state[s] = x[s, k]
        evaluate(v[k], state, p, out)
        i[k], slope[k] = out[0], out[1]
        for s in range(S):
            rate[s, k] = out[(2 + S) * (s + 1)]


@kernel
def current_slopes(v, x, P, which, slope):
    """X (S, n) -> di/dx of the state `which` at voltage v, slope (n,)."""
    S, n = x.shape
    out, state, p = np.empty((1 + S) * (2 + S)), np.empty(S), np.empty(P.shape[0])
    for k in range(n):
        take(P, k, p)
        for s in range(S):
            state[s] = x[s, k]
        evaluate(v, state, p, out)
        slope[k] = out[2 + which]


@kernel
def noise_many(v, x, P, amplitude):
    """V (n,), x (S, n) -> amplitudes of the states' noise (S, n)."""
    S, n = x.shape
    out, state, p = np.empty((1 + S) * (2 + S)), np.empty(S), np.empty(P.shape[0])
    found = np.zeros(S)
    for k in range(n):
        take(P, k, p)
        for s in range(S):
            state[s] = x[s, k]
        evaluate(v[k], state, p, out)
        noise(v[k], state, p, out[0], found)
        for s in range(S):
            amplitude[s, k] = found[s]


@kernel
def current_at(g, v, state, which, value, p, out):
    """Return the conductance at v with state `which` at `value`, less g."""
    state[which] = value
    evaluate(v, state, p, out)
    return out[0] / v - g


@kernel
def invert(g, v, P, low, high, rest, which, x):
    """Find the state `which` with conductance g (n,) at v; the index of the first that has none.

    low, high, rest (S, 1) or (S, n); x (S, n) is filled.
    """
    S, n = x.shape
    out, state, p = np.empty((1 + S) * (2 + S)), np.empty(S), np.empty(P.shape[0])
    for k in range(n):
        take(P, k, p)
        at = k if low.shape[1] > 1 else 0
        for s in range(S):
            state[s] = rest[s, at]
        a, b = low[which, at], high[which, at]
        fa = current_at(g[k], v, state, which, a, p, out)
        fb = current_at(g[k], v, state, which, b, p, out)
        if abs(fa) <= 1e-9 * g[k]:
            b = a
        elif abs(fb) <= 1e-9 * g[k]:
            a = b
        elif not (fa * fb < 0.0):
            return k
        for _ in range(200):
            middle = 0.5 * (a + b)
            if middle in (a, b):
                break
            f = current_at(g[k], v, state, which, middle, p, out)
            if f * fa > 0.0:
                a, fa = middle, f
            else:
                b, fb = middle, f
        state[which] = a if abs(fa) < abs(fb) else b
        for s in range(S):
            x[s, k] = state[s]
    return -1


@kernel
def mixed(a, b):
    """Return the two 32-bit halves of a 32 x 32 bit product."""
    product = np.uint64(a) * np.uint64(b)
    return product >> np.uint64(32), product & np.uint64(0xFFFFFFFF)


@kernel
def gauss(key, cell, draw):
    """Return a normal number: Philox 4x32-10 (Salmon et al., SC 2011), then Box and Muller."""
    mask = np.uint64(0xFFFFFFFF)
    k0, k1 = np.uint64(key) & mask, np.uint64(key) >> np.uint64(32)
    c0, c1 = np.uint64(cell) & mask, np.uint64(cell) >> np.uint64(32)
    c2, c3 = np.uint64(draw) & mask, np.uint64(draw) >> np.uint64(32)
    for _ in range(10):
        h0, l0 = mixed(c0, np.uint64(0xD2511F53))
        h1, l1 = mixed(c2, np.uint64(0xCD9E8D57))
        c0, c1, c2, c3 = h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0
        k0 = (k0 + np.uint64(0x9E3779B9)) & mask
        k1 = (k1 + np.uint64(0xBB67AE85)) & mask
    a = (float(c0) * 2.0**-32 + float(c1) * 2.0**-64) + 2.0**-65
    b = float(c2) * 2.0**-32 + float(c3) * 2.0**-64
    return np.sqrt(-2.0 * np.log(a)) * np.cos(2.0 * np.pi * b)


@kernel
def solve_small(A, b):
    """Solve A y = b in place by elimination with row exchanges; A is lost."""
    n = len(b)
    for c in range(n):
        best = c
        for r in range(c + 1, n):
            if abs(A[r, c]) > abs(A[best, c]):
                best = r
        if best != c:
            for m in range(n):
                A[c, m], A[best, m] = A[best, m], A[c, m]
            b[c], b[best] = b[best], b[c]
        for r in range(c + 1, n):
            factor = A[r, c] / A[c, c]
            for m in range(c, n):
                A[r, m] -= factor * A[c, m]
            b[r] -= factor * b[c]
    for c in range(n - 1, -1, -1):
        for m in range(c + 1, n):
            b[c] -= A[c, m] * b[m]
        b[c] /= A[c, c]


@kernel
def confine(x, low, high, out):
    """Stop the states that are at a bound and would leave it: their rates become zero."""
    S = len(x)
    for s in range(S):
        at = (2 + S) * (s + 1)
        f = out[at]
        if (x[s] <= low[s] and f < 0.0) or (x[s] >= high[s] and f > 0.0):
            for m in range(2 + S):
                out[at + m] = 0.0


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


@kernel
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
        miss = abs(K[5, s]) / (high[s] - low[s])
        if not (value < 1e300 and value > -1e300):
            return np.inf
        worst = max(worst, miss)
    return worst


@kernel
def integrate(
    t, V, P, low, high, x, rtol, limit, noisy, key, first_cell, every, current, states, stats
):
    """Integrate devices through waveforms.

    t (T,), V (1, T) or (n, T), x (S, n) initial states, final ones at the end. With `every`,
    current (n, T) and states (S, n, T) are filled, else current (n, 1) at the end. stats (n, 2):
    steps accepted and rejected. A device takes at most `limit` steps, refused ones included,
    beyond one per interval. Returns the index of a device that needs more or whose steps became
    too small, or -1; stats then holds where: time and voltage.
    """
    S, n = x.shape
    width = 2 + S
    T = len(t)
    first, out = np.empty((1 + S) * width), np.empty((1 + S) * width)
    K, new, A, b = np.empty((6, S)), np.empty(S), np.empty((S, S)), np.empty(S)
    y, state, lo, hi, amplitude = (
        np.empty(S), np.empty(S), np.empty(S), np.empty(S), np.zeros(S)
    )
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
                still = True
                for s in range(S):
                    still = still and first[width * (s + 1)] == 0.0
                error = 0.0
                if still and not noisy and dv == 0.0:  # nothing will move any more
                    h = left
                    for s in range(S):
                        new[s] = y[s]
                else:
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
