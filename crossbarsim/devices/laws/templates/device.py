"""Template: kernels over independent devices; `compilation` puts a model's laws in front of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.compiled.jit import kernel, leaf


def evaluate(v: float, x: Any, p: Any, out: Any) -> None:
    """Stand for the model's laws."""


def conduct(v: float, x: Any, p: Any, out: Any) -> None:
    """Stand for the model's current law."""


def noise(v: float, x: Any, p: Any, i: float, out: Any) -> None:
    """Stand for the model's noise."""


# -- template --
@leaf
def reach(low, high, x):
    """Return the range of a state, or its size where it has none."""
    span = high - low
    if span < np.inf:
        return span
    return max(abs(x), 1e-300)


@leaf
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
        if k == 0 or P.shape[1] > 1:
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
        if k == 0 or P.shape[1] > 1:
            take(P, k, p)
        for s in range(S):
            state[s] = x[s, k]
        conduct(v, state, p, out)
        slope[k] = out[2 + which]


@kernel
def noise_many(v, x, P, amplitude):
    """V (n,), x (S, n) -> amplitudes of the states' noise (S, n)."""
    S, n = x.shape
    out, state, p = np.empty((1 + S) * (2 + S)), np.empty(S), np.empty(P.shape[0])
    found = np.zeros(S)
    for k in range(n):
        if k == 0 or P.shape[1] > 1:
            take(P, k, p)
        for s in range(S):
            state[s] = x[s, k]
        evaluate(v[k], state, p, out)
        noise(v[k], state, p, out[0], found)
        for s in range(S):
            amplitude[s, k] = found[s]


@kernel
def invert(g, v, P, low, high, rest, which, x):
    """Find the state `which` with conductance g (n,) at v; the index of the first that has none.

    low, high, rest (S, 1) or (S, n); x (S, n) is filled. Newton on the conductance's logarithm,
    which is what follows a gap or a barrier evenly, kept in a bracket.
    """
    S, n = x.shape
    out, state, p = np.empty((1 + S) * (2 + S)), np.empty(S), np.empty(P.shape[0])
    alike = P.shape[1] == 1 and low.shape[1] == 1
    a, b, ca, cb = 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        at = k if low.shape[1] > 1 else 0
        if k == 0 or P.shape[1] > 1:
            take(P, k, p)
        for s in range(S):
            state[s] = rest[s, at]
        if k == 0 or not alike:
            a, b = low[which, at], high[which, at]
            state[which] = a
            conduct(v, state, p, out)
            ca = out[0] / v
            state[which] = b
            conduct(v, state, p, out)
            cb = out[0] / v
        goal = g[k]
        if abs(ca - goal) <= 1e-9 * goal:
            found = a
        elif abs(cb - goal) <= 1e-9 * goal:
            found = b
        elif not ((ca - goal) * (cb - goal) < 0.0):
            return k
        else:
            bottom, top, rising = a, b, cb > ca
            found, best, miss = 0.5 * (a + b), a, np.inf
            if ca > 0.0 and cb > 0.0 and goal > 0.0:  # as if it were exponential
                share = (np.log(goal) - np.log(ca)) / (np.log(cb) - np.log(ca))
                found = a + share * (b - a)
            for m in range(200):
                if not bottom < found < top:
                    found = 0.5 * (bottom + top)
                    if found in (bottom, top):
                        break
                state[which] = found
                conduct(v, state, p, out)
                c, slope = out[0] / v, out[2 + which] / v
                if abs(c - goal) < miss:
                    best, miss = found, abs(c - goal)
                if c == goal:
                    break
                if (c > goal) == rising:
                    top = found
                else:
                    bottom = found
                move = 0.0
                if slope != 0.0:
                    move = (goal - c) / slope
                    if c > 0.0 and goal > 0.0:
                        move = c * np.log(goal / c) / slope
                new = found + move
                if abs(move) <= 2e-16 * abs(found) and bottom <= new <= top:
                    break
                if m % 4 == 3 and abs(move) > 1e-3 * (top - bottom):
                    new = 0.5 * (bottom + top)  # Newton does not take hold
                found = new if slope != 0.0 else 0.5 * (bottom + top)
            found = best
        state[which] = found
        for s in range(S):
            x[s, k] = state[s]
    return -1


@leaf
def mixed(a, b):
    """Return the two 32-bit halves of a 32 x 32 bit product."""
    product = np.uint64(a) * np.uint64(b)
    return product >> np.uint64(32), product & np.uint64(0xFFFFFFFF)


@leaf
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


@leaf
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


@leaf
def confine(x, low, high, out):
    """Stop the states that are at a bound and would leave it: their rates become zero."""
    S = len(x)
    for s in range(S):
        at = (2 + S) * (s + 1)
        f = out[at]
        if (x[s] <= low[s] and f < 0.0) or (x[s] >= high[s] and f > 0.0):
            for m in range(2 + S):
                out[at + m] = 0.0
