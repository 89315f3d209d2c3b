"""Template: devices that share a resistive network, under one pulse; behind `device`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .....core.compiled.jit import kernel, leaf


def conduct(v: float, x: Any, p: Any, out: Any) -> None:
    """Stand for the model's current law."""


def rates(v: float, x: Any, p: Any, out: Any, f: Any) -> None:
    """Stand for the model's rates."""


def take(P: Any, k: int, p: Any) -> None:
    """Stand for the kernel of `device`."""


def reach(low: float, high: float, x: float) -> float:
    """Stand for the kernel of `device`."""
    return high - low


# -- template --
@leaf
def shared_currents(Z, idle, share, g, i, r, d, q):
    """Solve (1/g + Z) i = share idle by conjugate gradients, from the guess i; whether it came."""
    n = len(g)
    size = 0.0
    rho = 0.0
    for a in range(n):
        total = share * idle[a] - i[a] / g[a]
        for b in range(n):
            total -= Z[a, b] * i[b]
        r[a] = total
        d[a] = g[a] * total
        rho += total * d[a]
        size += g[a] * (share * idle[a]) ** 2
    for _ in range(20 * n + 20):
        if not rho > 1e-24 * size:
            return rho <= 1e-24 * size
        curve = 0.0
        for a in range(n):
            total = d[a] / g[a]
            for b in range(n):
                total += Z[a, b] * d[b]
            q[a] = total
            curve += total * d[a]
        step = rho / curve
        old, rho = rho, 0.0
        for a in range(n):
            i[a] += step * d[a]
            r[a] -= step * q[a]
            rho += g[a] * r[a] * r[a]
        for a in range(n):
            d[a] = g[a] * r[a] + rho / old * d[a]
    return False


@leaf
def shared_rates(
    Z, idle, share, sign, y, P, low, high, p, state, out, f, g, i, r, d, q, rate
):
    """Fill conductances g, currents i and confined rates of states y (S, n); whether it came."""
    S, n = y.shape
    own = P.shape[1] > 1
    take(P, 0, p)
    for k in range(n):
        if own:
            take(P, k, p)
        for s in range(S):
            state[s] = y[s, k]
        conduct(sign, state, p, out)
        g[k] = sign * out[0]
    if not shared_currents(Z, idle, share, g, i, r, d, q):
        return False
    for k in range(n):
        if own:
            take(P, k, p)
        for s in range(S):
            state[s] = y[s, k]
        rates(sign * i[k] / g[k], state, p, out, f)
        at = k if low.shape[1] > 1 else 0
        for s in range(S):
            fall = f[s]
            if (y[s, k] <= low[s, at] and fall < 0.0) or (y[s, k] >= high[s, at] and fall > 0.0):
                fall = 0.0
            rate[s, k] = fall
    return True


@kernel
def row_pulse(t, Z, idle, fixed, sign, x, P, low, high, rtol, weight, share, current, energy):
    """Integrate ohmic devices behind the ports of a network through a pulse.

    t (4,): its corners, second; Z (n, n) ohm; idle (n,) volt across the ports at the top, without
    currents; `fixed` watt, what the sources then deliver; x (S, n) states, final ones at the end.
    A step's error is at most `rtol` of a state's range, and that over `weight` of the energy by the
    largest power and the pulse's length. Every step leaves a row in share (K,), of the top, and
    current (K, n), ampere; energy (1,) joule. Bogacki and Shampine's explicit method of order 3
    (Appl. Math. Lett. 2:321, 1989). Returns the steps; -1 where there is no room for more, or the
    currents do not come.
    """
    S, n = x.shape
    width = (1 + S) * (2 + S)
    p, state, out, f = np.empty(P.shape[0]), np.empty(S), np.empty(width), np.empty(S)
    g, i, r, d, q = np.empty(n), np.zeros(n), np.empty(n), np.empty(n), np.empty(n)
    K = np.zeros((4, S, n))
    y, new = x.copy(), np.empty((S, n))
    power = np.zeros(4)
    total, span = 0.0, t[3] - t[0]
    top = 0.0
    if not shared_rates(
        Z, idle, 1.0, sign, y, P, low, high, p, state, out, f, g, i, r, d, q, K[3]
    ):
        return -1
    for k in range(n):
        top += idle[k] * i[k]
    top = max(abs(top + fixed), 1e-300)
    i[:] = 0.0
    K[0] = 0.0
    if not shared_rates(
        Z, idle, 0.0, sign, y, P, low, high, p, state, out, f, g, i, r, d, q, K[0]
    ):
        return -1
    used = 0
    share[0] = 0.0
    current[0] = i
    h = 0.1 * (t[1] - t[0])
    for phase in range(3):
        begin, end = t[phase], t[phase + 1]
        s0 = 1.0 if phase else 0.0
        slope = ((1.0 if phase < 2 else 0.0) - s0) / (end - begin)
        now = begin
        while now < end:
            left = end - now
            last = h > 0.9 * left
            if last:
                h = left
            for stage in range(3):
                if stage == 2:
                    part = 1.0
                    for s in range(S):
                        for k in range(n):
                            new[s, k] = y[s, k] + h / 9.0 * (
                                2.0 * K[0, s, k] + 3.0 * K[1, s, k] + 4.0 * K[2, s, k]
                            )
                else:
                    part = 0.5 if stage == 0 else 0.75
                    for s in range(S):
                        for k in range(n):
                            new[s, k] = y[s, k] + part * h * K[stage, s, k]
                for s in range(S):
                    for k in range(n):
                        at = k if low.shape[1] > 1 else 0
                        new[s, k] = min(max(new[s, k], low[s, at]), high[s, at])
                level = s0 + slope * (now + part * h - begin)
                if not shared_rates(
                    Z, idle, level, sign, new, P, low, high, p, state, out, f, g, i, r, d, q,
                    K[stage + 1],
                ):
                    return -1
                given = level * level * fixed
                for k in range(n):
                    given += level * idle[k] * i[k]
                power[stage + 1] = given
            worst = 0.0
            for s in range(S):
                for k in range(n):
                    at = k if low.shape[1] > 1 else 0
                    miss = abs(h / 72.0 * (
                        -5.0 * K[0, s, k] + 6.0 * K[1, s, k] + 8.0 * K[2, s, k] - 9.0 * K[3, s, k]
                    ))
                    worst = max(worst, miss / reach(low[s, at], high[s, at], y[s, k]))
            miss = abs(h / 72.0 * (
                -5.0 * power[0] + 6.0 * power[1] + 8.0 * power[2] - 9.0 * power[3]
            ))
            worst = max(worst, weight * miss / (top * span))
            if not worst <= rtol:
                h *= max(0.1, 0.9 * (rtol / worst) ** (1.0 / 3.0)) if worst < np.inf else 0.1
                if h < 1e-9 * span:
                    return -1
                continue
            used += 1
            if used == len(share):
                return -1
            total += h / 9.0 * (2.0 * power[0] + 3.0 * power[1] + 4.0 * power[2])
            now = end if last else now + h
            share[used] = s0 + slope * (now - begin)
            current[used] = i
            for s in range(S):
                for k in range(n):
                    y[s, k] = new[s, k]
                    K[0, s, k] = K[3, s, k]
            power[0] = power[3]
            h *= min(5.0, 0.9 * (rtol / worst) ** (1.0 / 3.0)) if worst > 0.0 else 5.0
    x[:] = y
    energy[0] = total
    return used + 1
