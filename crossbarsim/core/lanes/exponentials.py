"""exp, expm1, sinh, cosh and tanh of vectors, to 2 units in the last place.

x = k ln 2 + r, |r| <= ln(2) / 2: exp(+-r) = C +- S by the series of cosh and sinh, which are
computed side by side; what remains is a sum in the order of falling size.
"""

from __future__ import annotations

import math

from .expressions import E, defined, fma, polynomial
from .vectors import of_one

__all__ = ["LN2_HIGH", "LN2_LOW", "cosh", "exp", "exp_of", "expm1", "expm1_of", "power_of_two",
           "rounded", "sinh", "tanh", "with_sign"]

# the first one has 41 bits: k times it is exact
LN2_HIGH, LN2_LOW = 0.693147180559663, 2.8235290563031577e-13
_SHIFT = 6755399441055744.0  # 1.5 2^52: adding it rounds to an integer, in the low bits
_SINH = tuple(1.0 / math.factorial(n) for n in range(3, 15, 2))
_COSH = tuple(1.0 / math.factorial(n) for n in range(2, 14, 2))
_SINH_FAR = (*_SINH, 1.0 / math.factorial(15))
_COSH_FAR = (*_COSH, 1.0 / math.factorial(14))
_SIGN = -0x8000000000000000


def rounded(x: E) -> E:
    """Return the nearest integer, |x| < 2^51."""
    return (x + _SHIFT) - _SHIFT


def power_of_two(k: E) -> E:
    """Return 2^k, an integer -1022 <= k <= 1023."""
    return ((k + (_SHIFT + 1023.0)).bits() << 52).doubles()


def scaled(y: E, k: E) -> E:
    """Return y 2^k, -2000 < k < 2000, rounded once."""
    half = rounded(k * 0.5)
    return y * power_of_two(half) * power_of_two(k - half)


def with_sign(y: E, sign: E) -> E:
    """Return y >= 0 with the sign of the other."""
    return (y.bits() | (sign.bits() & _SIGN)).doubles()


def magnitude(x: E) -> E:
    """Return |x|."""
    return (x.bits() & ~_SIGN).doubles()


def reduced(x: E) -> tuple[E, E, E]:
    """Return k and r, and what the rounding of r took away."""
    k = rounded(x * 1.4426950408889634)
    first = x - k * LN2_HIGH
    r = first - k * LN2_LOW
    return k, r, (first - r) - k * LN2_LOW


def halves(r: E) -> tuple[E, E]:
    """Return sinh r and cosh r - 1, |r| <= 0.36."""
    z = r * r
    return fma(r * z, polynomial(z, _SINH), r), z * polynomial(z, _COSH)


def _exp(x: E) -> E:
    x = (x > 710.0).choose(710.0, x)
    x = (x < -746.0).choose(-746.0, x)
    k, r, rest = reduced(x)
    s, c = halves(r)
    return scaled(1.0 + (s + (c + rest)), k)


def _expm1(x: E) -> E:
    limited = (x > 710.0).choose(710.0, x)
    limited = (limited < -40.0).choose(-40.0, limited)
    k, r, rest = reduced(limited)
    s, c = halves(r)
    u = s + (c + rest)
    u_low = ((s - u) + c) + fma(rest, s, rest)  # |s| > |c|
    inverse = power_of_two(-(k > 100.0).choose(100.0, k))
    inverse = (k > 100.0).choose(0.0, inverse)
    whole = 1.0 - inverse
    y = scaled(whole + u + (((whole - (whole + u)) + u) + u_low), k)
    return (k == 0.0).choose(with_sign(magnitude(u), x), y)


def _both_directions(x: E) -> tuple[E, E, E, E, E]:
    """Return k of |x|, 2^-2k, sinh r, cosh r - 1 and the rest of r."""
    a = magnitude(x)
    k, r, rest = reduced((a > 712.0).choose(712.0, a))
    s, c = halves(r)
    inverse = power_of_two(-2.0 * (k > 100.0).choose(100.0, k))
    return k, inverse, s, c, rest


def _sinh(x: E) -> E:
    k, inverse, s, c, rest = _both_directions(x)
    whole, rise = 1.0 - inverse, s + inverse * s  # 2^(1 - k) sinh x = whole cosh r + rise
    u = rise + (whole * c + rest)
    y = scaled(whole + u + ((whole - (whole + u)) + u), k - 1.0)
    return with_sign((k == 0.0).choose(s, y), x)


def _cosh(x: E) -> E:
    k, inverse, s, c, _ = _both_directions(x)
    return scaled(1.0 + (inverse + ((s + c) + inverse * (c - s))), k - 1.0)


def _tanh(x: E) -> E:
    a = magnitude(x)
    far = a > 0.55
    z = far.choose(0.0, a * a)
    rise, fall = polynomial(z, _SINH_FAR), polynomial(z, _COSH_FAR)
    t = defined("expm1", _expm1, 2.0 * (a > 30.0).choose(30.0, a))
    y = far.choose(2.0, a * z * (rise - fall)) / far.choose(t + 2.0, fma(z, fall, 1.0))
    return with_sign(far.choose(1.0 - y, a + y), x)


def exp_of(x: E) -> E:
    """Return e^x."""
    return defined("exp", _exp, x)


def expm1_of(x: E) -> E:
    """Return e^x - 1."""
    return defined("expm1", _expm1, x)


def _sinh_of(x: E) -> E:
    return defined("sinh", _sinh, x)


def _cosh_of(x: E) -> E:
    return defined("cosh", _cosh, x)


def _tanh_of(x: E) -> E:
    return defined("tanh", _tanh, x)


exp, expm1, sinh = of_one(exp_of), of_one(expm1_of), of_one(_sinh_of)
cosh, tanh = of_one(_cosh_of), of_one(_tanh_of)
