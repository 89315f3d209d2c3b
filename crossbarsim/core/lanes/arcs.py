"""asin of vectors, to 2 units in the last place, and sine and cosine of whole turns."""

from __future__ import annotations

import math

from .exponentials import magnitude, rounded, with_sign
from .expressions import E, call, defined, exact, fma, polynomial
from .vectors import of_one

__all__ = ["asin", "cos_turns"]

# of asin(s) = s + s z R(z), z = s^2 <= 1/4: fitted at Chebyshev's points, to 6e-18 of it
_R = (0.16666666666666669, 0.07499999999998425, 0.04464285714637338, 0.030381944137085216,
      0.0223721730020056, 0.0173523912659092, 0.013971235301124917, 0.011478952690254089,
      0.010324318288763578, 0.005450878187643824, 0.017419357965078285, -0.0148814093931001,
      0.02877844261277394)
_PI_2, _PI_2_LOW = 1.5707963267948966, 6.123233995736766e-17
_SIN = tuple((-1.0) ** n / math.factorial(2 * n + 1) for n in range(1, 8))
_COS = tuple((-1.0) ** n / math.factorial(2 * n) for n in range(1, 9))


def _asin(x: E) -> E:
    a = magnitude(x)
    far = a > 0.5
    z = far.choose(0.5 * (1.0 - a), a * a)
    s = far.choose(call("sqrt", z), a)
    bend = s * z * polynomial(z, _R)
    # what the root's rounding took away
    rest = far.choose(exact(-s, s, z) / (s + s), 0.0)
    rest = (s > 0.0).choose(rest, 0.0)
    y = _PI_2 - 2.0 * s
    low = ((_PI_2 - y) - 2.0 * s) + _PI_2_LOW
    y = y + (low - 2.0 * (rest + bend))
    return with_sign((a <= 1.0).choose(far.choose(y, s + bend), float("nan")), x)


def _cos_turns(x: E) -> E:
    quarter = rounded(4.0 * x)
    t = (x - 0.25 * quarter) * (2.0 * math.pi)
    z = t * t
    sine, cosine = fma(t * z, polynomial(z, _SIN), t), fma(z, polynomial(z, _COS), 1.0)
    q = quarter - 4.0 * rounded(0.25 * quarter)  # -2, -1, 0, 1, 2
    y = (q == 1.0).choose(-sine, cosine)
    y = (q == -1.0).choose(sine, y)
    return (magnitude(q) == 2.0).choose(-cosine, y)


def _asin_of(x: E) -> E:
    return defined("asin", _asin, x)


def cos_turns(x: E) -> E:
    """Return cos(2 pi x), |x| < 2^40."""
    return defined("cos_turns", _cos_turns, x)


asin = of_one(_asin_of)
