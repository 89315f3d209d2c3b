"""Template: frozen cells of a hyperbolic sine, eight at a time."""

from __future__ import annotations

from typing import Any

from ....core.compiled.jit import kernel, leaf
from ....core.compiled.simd import (
    WIDTH,
    add,
    exceeds,
    fma,
    load,
    magnitude,
    mul,
    splat,
    store,
    sub,
)


def frozen(*args: Any) -> None:
    """Stand for the kernel of `bare`."""


def frozen_slopes(*args: Any) -> None:
    """Stand for the kernel of `bare`."""


# -- template --
@leaf
def sinh_cosh(y):
    """Return sinh and cosh of 27 y, |y| < 6/27.

    By their series at y, then sinh 3y = sinh y (3 + 4 sinh^2 y) and cosh 3y = cosh y (1 + 4
    sinh^2 y) three times: relative errors of a few roundings.
    """
    q = mul(y, y)
    s = fma(q, splat(1.0 / 39916800.0), splat(1.0 / 362880.0))
    s = fma(q, s, splat(1.0 / 5040.0))
    s = fma(q, s, splat(1.0 / 120.0))
    s = fma(q, s, splat(1.0 / 6.0))
    s = mul(y, fma(q, s, splat(1.0)))
    c = fma(q, splat(1.0 / 479001600.0), splat(1.0 / 3628800.0))
    c = fma(q, c, splat(1.0 / 40320.0))
    c = fma(q, c, splat(1.0 / 720.0))
    c = fma(q, c, splat(1.0 / 24.0))
    c = fma(q, c, splat(0.5))
    c = fma(q, c, splat(1.0))
    for _ in range(3):
        square = mul(splat(4.0), mul(s, s))
        c = mul(c, add(square, splat(1.0)))
        s = mul(s, add(square, splat(3.0)))
    return s, c


@kernel
def frozen_many(first, last, u, w, sign, x, low, high, P, i, g):
    """Do what `frozen` does for i = x v_0 sinh(v / v_0), with v_0 = P[0].

    Cells beyond |v| = 6 v_0 are evaluated one by one.
    """
    if P.shape[1] > 1 or low.shape[1] > 1:
        frozen(first, last, u, w, sign, x, low, high, P, i, g)
        return
    v_0 = P[0, 0]
    shrink, bound, volts = splat(1.0 / (27.0 * v_0)), splat(6.0 / 27.0), splat(v_0)
    lowest, highest = splat(low[0, 0]), splat(high[0, 0])
    full = first + (last - first) // WIDTH * WIDTH
    for k in range(first, full, WIDTH):
        y = mul(shrink, sub(load(u, k), load(w, k)))
        conductance = load(x, k)
        if (
            exceeds(magnitude(y), bound) or exceeds(lowest, conductance)
            or exceeds(conductance, highest)
        ):
            frozen(k, k + WIDTH, u, w, sign, x, low, high, P, i, g)
            continue
        s, c = sinh_cosh(y)
        store(g, k, mul(conductance, c))
        store(i, k, mul(mul(conductance, volts), s))
    if full < last:
        frozen(full, last, u, w, sign, x, low, high, P, i, g)


@kernel
def frozen_slopes_many(first, last, u, w, sign, x, P, by_state):
    """Do what `frozen_slopes` does: di/dx = v_0 sinh(v / v_0)."""
    if P.shape[1] > 1:
        frozen_slopes(first, last, u, w, sign, x, P, by_state)
        return
    v_0 = P[0, 0]
    shrink, bound, volts = splat(1.0 / (27.0 * v_0)), splat(6.0 / 27.0), splat(v_0)
    full = first + (last - first) // WIDTH * WIDTH
    for k in range(first, full, WIDTH):
        y = mul(shrink, sub(load(u, k), load(w, k)))
        if exceeds(magnitude(y), bound):
            frozen_slopes(k, k + WIDTH, u, w, sign, x, P, by_state)
            continue
        s, _ = sinh_cosh(y)
        store(by_state, k, mul(volts, s))
    if full < last:
        frozen_slopes(full, last, u, w, sign, x, P, by_state)
