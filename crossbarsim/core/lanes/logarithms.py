"""log, log1p and pow of vectors, to 2 units in the last place.

x = 2^k m, m in sqrt(1/2) .. sqrt(2), and log m = 2 artanh(s), s = (m - 1) / (m + 1), by its series
in s^2. A power takes the logarithm to 2^-66.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from .exponentials import LN2_HIGH, LN2_LOW, halves, magnitude, reduced, scaled
from .expressions import DOUBLES, LANES, E, call, defined, exact, fma, polynomial, words
from .vectors import of_one, of_two

__all__ = ["log", "log1p", "log_of", "pow_of", "power"]

# of log((1 + s) / (1 - s)) = 2 s + s z P(z), z = s^2, and of P(z) = 2/3 + z Q(z): fitted at
# Chebyshev's points, to 4e-18 and 1e-20 of the logarithm
_P = (0.666666666666667, 0.3999999999989889, 0.28571428626253836, 0.22222211089379493,
      0.18182892432537032, 0.15331611722050653, 0.14617807153462828)
_Q = (0.4, 0.2857142857142937, 0.22222222221652765, 0.18181818336099903, 0.15384594887002487,
      0.1333480879902099, 0.11706126459840273, 0.1172432710360938)
_ROOT = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
_ONE = 0x3FF0000000000000
_TINY, _INF, _NAN = 2.2250738585072014e-308, float("inf"), float("nan")


def parts(x: E) -> tuple[E, E]:
    """Return k and m of positive x."""
    small = x < _TINY
    x = small.choose(x * 2.0**54, x)
    bits = x.bits() + (_ONE - _ROOT)
    m = ((bits & 0x000FFFFFFFFFFFFF) + _ROOT).doubles()
    # an integer below 2^52 behind the bits of 2^52 is a double
    k = ((bits >> 52) | words(x, 0x4330000000000000)).doubles() - (2.0**52 + 1023.0)
    return small.choose(k - 54.0, k), m


def _sum(k: E, f: E, rest: E | float) -> E:
    """Return k ln 2 + log(1 + f) + rest."""
    s = f / (2.0 + f)
    z = s * s
    square = 0.5 * f * f
    low = fma(s, square + z * polynomial(z, _P), fma(k, LN2_LOW, rest))
    return k * LN2_HIGH - ((square - low) - f)


def _log(x: E) -> E:
    k, m = parts(x)
    y = _sum(k, m - 1.0, 0.0)
    y = (x < _INF).choose(y, x)  # infinity and NaN
    y = (x == 0.0).choose(-_INF, y)
    return (x < 0.0).choose(_NAN, y)


def _log1p(x: E) -> E:
    u = 1.0 + x
    k, m = parts(u)
    near = k == 0.0
    f = near.choose(x, m - 1.0)
    rest = (u < 2.0).choose(x - (u - 1.0), 1.0 - (u - x)) / u
    rest = near.choose(0.0, (magnitude(x) < 1e300).choose(rest, 0.0))
    y = _sum(k, f, rest)
    y = (x < _INF).choose(y, x)
    y = (magnitude(x) < 1e-290).choose(x, y)  # also -0.0
    y = (x == -1.0).choose(-_INF, y)
    return (x < -1.0).choose(_NAN, y)


def _pow(x: E, y: E) -> E:
    k, m = parts(magnitude(x))
    f, d = m - 1.0, m + 1.0
    inverse = 1.0 / d
    s = f * inverse
    s_low = (exact(-s, d, f) - s * (m - (d - 1.0))) * inverse
    z = s * s
    z_low = exact(s, s, -z) + 2.0 * s * s_low
    q = z * polynomial(z, _Q)
    t = q + 0.6666666666666666
    t_low = q - (t - 0.6666666666666666) + 3.700743415417188e-17
    w = z * t
    w_low = exact(z, t, -w) + (z * t_low + z_low * t)
    b = s * w
    b_low = exact(s, w, -b) + (s * w_low + s_low * w)
    whole = k * LN2_HIGH
    one = whole + 2.0 * s
    two = one + b
    low = ((whole - one) + 2.0 * s) + ((one - two) + b) + (
        2.0 * s_low + b_low + k * LN2_LOW
    )
    high = two + low
    low = (two - high) + low
    power = y * high
    power_low = exact(y, high, -power) + y * low
    inside = magnitude(power) < 800.0
    power_low = inside.choose(power_low, 0.0)
    power = (power > 720.0).choose(720.0, power)
    power = (power < -760.0).choose(-760.0, power)
    k, r, rest = reduced(power)
    sine, cosine = halves(r)
    rest = rest + power_low
    return scaled(1.0 + (sine + (cosine + fma(rest, sine + cosine, rest))), k)


def _edges(x: E, y: E, result: E) -> E:
    """Return the power where x is not positive or one of both is not finite (C99, F.10.4.4)."""
    a = magnitude(x)
    b = magnitude(y)
    huge = b >= 2.0**53
    half = 0.5 * y
    odd = ~huge & (y == call("rint", y)) & ~(half == call("rint", half))
    whole = huge | (y == call("rint", y))
    up = (y > 0.0)
    result = (a == 0.0).choose(up.choose(0.0, _INF), result)
    result = (a == _INF).choose(up.choose(_INF, 0.0), result)
    grows = ((a > 1.0) & up) | ((a < 1.0) & ~up)
    result = (b == _INF).choose(
        (a == 1.0).choose(1.0, grows.choose(_INF, 0.0)), result
    )
    negative = x < 0.0
    result = (negative & ~whole & (a < _INF)).choose(_NAN, result)
    minus = odd & E(x.builder, x.builder.icmp_signed("<", x.bits().value, words(x, 0).value))
    result = minus.choose(-result, result)
    unordered = ~(x == x) | ~(y == y)  # noqa: PLR0124 - NaN
    result = unordered.choose(x + y, result)
    return ((y == 0.0) | (x == 1.0)).choose(1.0, result)


def log_of(x: E) -> E:
    """Return the natural logarithm."""
    return defined("log", _log, x)


def _log1p_of(x: E) -> E:
    return defined("log1p", _log1p, x)


def _all(mask: E) -> Any:
    flags = ir.IntType(LANES)
    return mask.builder.icmp_unsigned("==", mask.builder.bitcast(mask.value, flags), flags(-1))


def _whole_pow(x: E, y: E) -> E:
    """Return x^y: products in the lanes whose exponent is 1, 2 or 3, as those of many devices.

    A lane's result does not depend on the others'.
    """
    builder = x.builder
    square = x * x
    result = (y == 2.0).choose(square, (y == 3.0).choose(square * x, x))
    few = (y == 1.0) | (y == 2.0) | (y == 3.0)
    place = builder.alloca(DOUBLES)
    builder.store(result.value, place)
    with builder.if_then(builder.not_(_all(few))):
        general = _pow(x, y)
        builder.store(few.choose(result, general).value, place)
        plain = _all(few | ((x > 0.0) & (x < _INF) & (magnitude(y) < _INF)))
        with builder.if_then(builder.not_(plain), likely=False):
            builder.store(few.choose(result, _edges(x, y, general)).value, place)
    return E(builder, builder.load(place))


def pow_of(x: E, y: E) -> E:
    """Return x^y."""
    return defined("pow", _whole_pow, x, y)


log, log1p, power = of_one(log_of), of_one(_log1p_of), of_two(pow_of)
