"""Forward differentiation by three voltages: a number is (value, its three derivatives).

Laws that are written with these functions have exact derivatives. At the points where a root or a
quotient has none (the square root of 0), the derivative is taken as 0, as SPICE does.
"""

from __future__ import annotations

import math

from ......core.compiled.jit import inlined

__all__ = [
    "Dual", "add", "constant", "div", "exp", "larger", "linear", "mul", "power", "scale", "shift",
    "smaller", "sqrt", "square", "sub",
]

Dual = tuple[float, float, float, float]


@inlined
def constant(value: float) -> Dual:
    """Return a number that depends on nothing."""
    return value, 0.0, 0.0, 0.0


@inlined
def linear(value: float, a: float, b: float, c: float) -> Dual:
    """Return a number with these derivatives."""
    return value, a, b, c


@inlined
def add(p: Dual, q: Dual) -> Dual:
    """Return p + q."""
    return p[0] + q[0], p[1] + q[1], p[2] + q[2], p[3] + q[3]


@inlined
def sub(p: Dual, q: Dual) -> Dual:
    """Return p - q."""
    return p[0] - q[0], p[1] - q[1], p[2] - q[2], p[3] - q[3]


@inlined
def scale(k: float, p: Dual) -> Dual:
    """Return k p."""
    return k * p[0], k * p[1], k * p[2], k * p[3]


@inlined
def shift(p: Dual, k: float) -> Dual:
    """Return p + k."""
    return p[0] + k, p[1], p[2], p[3]


@inlined
def mul(p: Dual, q: Dual) -> Dual:
    """Return p q."""
    a, b = p[0], q[0]
    return a * b, p[1] * b + a * q[1], p[2] * b + a * q[2], p[3] * b + a * q[3]


@inlined
def div(p: Dual, q: Dual) -> Dual:
    """Return p / q."""
    b = 1.0 / q[0]
    r = p[0] * b
    return r, (p[1] - r * q[1]) * b, (p[2] - r * q[2]) * b, (p[3] - r * q[3]) * b


@inlined
def square(p: Dual) -> Dual:
    """Return p^2."""
    k = 2.0 * p[0]
    return p[0] * p[0], k * p[1], k * p[2], k * p[3]


@inlined
def sqrt(p: Dual) -> Dual:
    """Return the square root of p, 0 below 0."""
    if p[0] <= 0.0:
        return 0.0, 0.0, 0.0, 0.0
    root = math.sqrt(p[0])
    k = 0.5 / root
    return root, k * p[1], k * p[2], k * p[3]


@inlined
def exp(p: Dual) -> Dual:
    """Return e^p."""
    k = math.exp(min(p[0], 709.0))
    return k, k * p[1], k * p[2], k * p[3]


@inlined
def power(p: Dual, exponent: float) -> Dual:
    """Return p^exponent for p > 0."""
    value = math.exp(exponent * math.log(p[0]))
    k = exponent * value / p[0]
    return value, k * p[1], k * p[2], k * p[3]


@inlined
def larger(p: Dual, q: Dual) -> Dual:
    """Return the larger, p where they are equal."""
    return p if p[0] >= q[0] else q


@inlined
def smaller(p: Dual, q: Dual) -> Dual:
    """Return the smaller, p where they are equal."""
    return p if p[0] <= q[0] else q
