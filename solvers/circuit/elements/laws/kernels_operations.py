"""The operations of tapes: values and derivatives of scalars.

Rules are those of `netlists.spice.expressions.functions`, derivatives finite where the true one is
infinite; IEEE arithmetic throughout.
"""

from __future__ import annotations

import math

import numpy as np

from .....core.compiled.jit import leaf
from .....core.validation import Array
from ...system.element_group import Ints

__all__ = ["OPERATORS", "one", "slope_of_one", "slopes_of_two", "table", "two"]

_TINY, _HUGE, _SHORT, _DIVISOR = 1e-150, 1e150, 1e-9, 1e-32

# rows of a tape: NUMBER and PROBE have an index, NAME 0 (time), 1 (degree Celsius) or 2 (hertz);
# SWITCHED is a product that its first factor, a step or a comparison, makes 0; PRODUCT a power that
# is written out, with its exponent; tables have their abscissa, and where their points are
_NAMES = (
    "NUMBER", "PROBE", "NAME", "SWITCHED", "PRODUCT", "+", "-", "*", "/", "1/", "ngspice/", "**",
    "ngspice**", "pwr", "%", "\\", "neg", "not", "&&", "||", "==", "!=", "<", "<=", ">", ">=", "?",
    "max", "min", "pwl", "table", "atan2", "hypot", "abs", "acos", "acosh", "asin", "asinh", "atan",
    "atanh", "ceil", "cos", "cosh", "eq0", "exp", "floor", "ge0", "gt0", "int", "le0", "ln",
    "log10", "lt0", "ne0", "nint", "sgn", "sin", "sinh", "sqrt", "tan", "tanh", "u",
)
OPERATORS = {name: k for k, name in enumerate(_NAMES)}

(_NUMBER, _PROBE, _NAME, _SWITCHED, _PRODUCT, _ADD, _SUB, _MUL, _DIV, _INVERSE, _NG_DIV, _POW,
 _NG_POW, _PWR, _MOD, _INT_DIV, _NEG, _NOT, _AND, _OR, _EQ, _NE, _LT, _LE, _GT, _GE, _IF, _MAX,
 _MIN, _PWL, _TABLE, _ATAN2, _HYPOT, _ABS, _ACOS, _ACOSH, _ASIN, _ASINH, _ATAN, _ATANH, _CEIL,
 _COS, _COSH, _EQ0, _EXP, _FLOOR, _GE0, _GT0, _INT, _LE0, _LN, _LOG10, _LT0, _NE0, _NINT, _SGN,
 _SIN, _SINH, _SQRT, _TAN, _TANH, _U) = range(len(_NAMES))


@leaf
def _sign(x: float) -> float:
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else x


@leaf
def _bounded(x: float) -> float:
    """Return 1/x, finite also at 0."""
    return 1.0 / (_TINY if abs(x) < _TINY else x)


@leaf
def _root(x: float) -> float:
    """Return sqrt(x) where it is a divisor: not 0."""
    return math.sqrt(x) if x >= _TINY else math.sqrt(_TINY) if x < _TINY else x


@leaf
def _power_slope(x: float, y: float, v: float) -> float:
    zero = math.copysign(0.0, x)  # a pole has two sides
    slope = y * math.pow(zero, y - 1.0) if x == 0.0 else y * (v / x)
    if slope > _HUGE:
        return _HUGE
    return slope if not slope < -_HUGE else -_HUGE


@leaf
def _power_exponent(x: float, v: float) -> float:
    return 0.0 if x == 0.0 else v * math.log(abs(x) + _TINY)


@leaf
def _ngspice_divisor(y: float) -> float:
    return y + _DIVISOR if y >= 0.0 else y - _DIVISOR


@leaf
def _point(x: float, values: Array, more: Ints, first: int, count: int) -> int:
    """Return the number of the table's points whose abscissa is below x."""
    k = 0
    while k < count and values[more[first + 2 * k]] < x:
        k += 1
    return k


@leaf
def _inclination(values: Array, more: Ints, first: int, k: int) -> float:
    """Return the slope of the k-th piece of a table."""
    at = first + 2 * k
    rise = values[more[at + 3]] - values[more[at + 1]]
    return float(rise / (values[more[at + 2]] - values[more[at]]))


@leaf
def table(
    x: float, values: Array, more: Ints, first: int, count: int, beyond: bool
) -> tuple[float, float]:
    """Return a table's value and slope; with `beyond` its end pieces go on."""
    if math.isnan(x):
        return x, x
    k = _point(x, values, more, first, count)
    last = count - 1
    before, after = 0.0, 0.0
    if beyond:
        before = _inclination(values, more, first, 0)
        after = _inclination(values, more, first, last - 1)
    at = first + 2 * k
    # at a corner the slope is the mean of both sides
    on = k < count and values[more[at]] == x
    if k == 0:
        slope = before
        if on:
            inside = _inclination(values, more, first, 0) if last > 0 else after
            slope = 0.5 * (before + inside)
        return values[more[first + 1]] + before * (x - values[more[first]]), slope
    if k == count:
        at = first + 2 * last
        return values[more[at + 1]] + after * (x - values[more[at]]), after
    slope = _inclination(values, more, first, k - 1)
    if on:
        right = _inclination(values, more, first, k) if k < last else after
        return values[more[at + 1]], 0.5 * (slope + right)
    return values[more[at - 1]] + slope * (x - values[more[at - 2]]), slope


@leaf
def two(op: int, a: float, b: float) -> float:
    """Return the value of an operation on two numbers."""
    if op == _ADD:
        return a + b
    if op == _SUB:
        return a - b
    if op == _MUL:
        return a * b
    if op == _SWITCHED:
        return 0.0 if a == 0.0 else a * b
    if op == _DIV:
        return a / b
    if op == _NG_DIV:
        return a / _ngspice_divisor(b)
    if op == _POW:
        return math.pow(a, b)
    if op == _NG_POW:
        return math.pow(abs(a), b)
    if op == _PWR:
        return _sign(a) * math.pow(abs(a), b)
    if op == _MOD:
        return float(np.fmod(a, b))
    if op == _INT_DIV:
        return float(np.trunc(a / b))
    if op == _AND:
        return 1.0 if a != 0.0 and b != 0.0 else 0.0
    if op == _OR:
        return 1.0 if a != 0.0 or b != 0.0 else 0.0
    if op == _EQ:
        return 1.0 if a == b else 0.0
    if op == _NE:
        return 1.0 if a != b else 0.0
    if op == _LT:
        return 1.0 if a < b else 0.0
    if op == _LE:
        return 1.0 if a <= b else 0.0
    if op == _GT:
        return 1.0 if a > b else 0.0
    if op == _GE:
        return 1.0 if a >= b else 0.0
    if op == _MAX:
        return a if a >= b or math.isnan(a) else b
    if op == _MIN:
        return a if a <= b or math.isnan(a) else b
    if op == _ATAN2:
        return math.atan2(a, b)
    return math.hypot(a, b)


@leaf
def one(op: int, a: float) -> float:
    """Return the value of a function of one number."""
    if op == _NEG:
        return -a
    if op == _INVERSE:
        return 1.0 / (math.copysign(_SHORT, a) if abs(a) < _SHORT else a)
    if op == _EXP:
        return math.exp(a)
    if op == _ABS:
        return abs(a)
    if op == _U:
        return 0.0 if a < 0.0 else 1.0 if a > 0.0 else 0.5 if a == 0.0 else a
    if op == _SQRT:
        return math.sqrt(a)
    if op == _LN:
        return math.log(a)
    if op == _LOG10:
        return math.log10(a)
    if op == _SIN:
        return math.sin(a)
    if op == _COS:
        return math.cos(a)
    if op == _TAN:
        return math.tan(a)
    if op == _SINH:
        return math.sinh(a)
    if op == _COSH:
        return math.cosh(a)
    if op == _TANH:
        return math.tanh(a)
    if op == _ASIN:
        return math.asin(a)
    if op == _ACOS:
        return math.acos(a)
    if op == _ATAN:
        return math.atan(a)
    if op == _ASINH:
        return math.asinh(a)
    if op == _ACOSH:
        return math.acosh(a)
    if op == _ATANH:
        return math.atanh(a)
    if op == _SGN:
        return _sign(a)
    if op == _CEIL:
        return float(np.ceil(a))
    if op == _FLOOR:
        return float(np.floor(a))
    if op == _INT:
        return float(np.trunc(a))
    if op == _NINT:
        return float(np.rint(a))
    if op in (_NOT, _EQ0):
        return 1.0 if a == 0.0 else 0.0
    if op == _NE0:
        return 1.0 if a != 0.0 else 0.0
    if op == _GE0:
        return 1.0 if a >= 0.0 else 0.0
    if op == _GT0:
        return 1.0 if a > 0.0 else 0.0
    if op == _LE0:
        return 1.0 if a <= 0.0 else 0.0
    return 1.0 if a < 0.0 else 0.0


@leaf
def slopes_of_two(op: int, a: float, b: float, v: float) -> tuple[float, float]:
    """Return the derivatives of an operation on two numbers, whose value is v."""
    if op == _ADD:
        return 1.0, 1.0
    if op == _SUB:
        return 1.0, -1.0
    if op in (_MUL, _SWITCHED):
        return b, a
    if op == _DIV:
        return 1.0 / b, -v / b
    if op == _NG_DIV:
        divisor = _ngspice_divisor(b)
        return 1.0 / divisor, -v / divisor
    if op == _POW:
        return _power_slope(a, b, v), _power_exponent(a, v)
    if op == _NG_POW:
        return _sign(a) * _power_slope(abs(a), b, v), _power_exponent(a, v)
    if op == _PWR:
        return _power_slope(abs(a), b, abs(v)), _power_exponent(a, v)
    if op == _MOD:
        return 1.0, -float(np.trunc(a / b))
    if op == _MAX:
        return (1.0, 0.0) if a >= b else (0.0, 1.0)
    if op == _MIN:
        return (1.0, 0.0) if a <= b else (0.0, 1.0)
    if op == _ATAN2:
        size = _bounded(a * a + b * b)
        return b * size, -a * size
    if op == _HYPOT:
        return a * _bounded(v), b * _bounded(v)
    return 0.0, 0.0


@leaf
def slope_of_one(op: int, a: float, v: float) -> float:
    """Return the derivative of a function of one number, whose value is v."""
    if op == _NEG:
        return -1.0
    if op == _INVERSE:
        return -v * v
    if op == _EXP:
        return v
    if op == _ABS:
        return _sign(a)
    if op == _SQRT:
        return 0.5 / _root(a)
    if op == _LN:
        return _bounded(a)
    if op == _LOG10:
        return 0.4342944819032518 * _bounded(a)
    if op == _SIN:
        return math.cos(a)
    if op == _COS:
        return -math.sin(a)
    if op == _TAN:
        return 1.0 + v * v
    if op == _SINH:
        return math.cosh(a)
    if op == _COSH:
        return math.sinh(a)
    if op == _TANH:
        return 1.0 - v * v
    if op == _ASIN:
        return 1.0 / _root(1.0 - a * a)
    if op == _ACOS:
        return -1.0 / _root(1.0 - a * a)
    if op == _ATAN:
        return 1.0 / (a * a + 1.0)
    if op == _ASINH:
        return 1.0 / math.sqrt(a * a + 1.0)
    if op == _ACOSH:
        return 1.0 / _root(a * a - 1.0)
    if op == _ATANH:
        return _bounded(1.0 - a * a)
    return 0.0
