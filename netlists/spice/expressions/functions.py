r"""The operators and functions of expressions: their values and exact derivatives.

Every rule has a value, for floats and NumPy arrays, and a formula for the derivative with respect
to each argument, in which ``{0}``, ``{1}`` are the arguments and ``{v}`` is the value. Derivatives
stay finite where the true one is infinite (a root at 0), so that a chain of them never makes
infinity times zero.

What differs from ngspice 39 by choice, and what ``compat="ngspice"`` gives instead (with
``compat="ltspice"`` a power is the real part where the base is negative and the exponent a
fraction, and ``pwr`` is ``abs(x)**y``, ``pwrs`` as here):

=====================  ============================  ==========================================
expression             here                          compat="ngspice"
=====================  ============================  ==========================================
``x ** y``, x < 0      -8 for (-2)**3, no value for  abs(x) ** y: 8 for (-2)**3
                       a fraction y
``2 ** 3 ** 2``        512                           64
``x / 0``              infinite (an error where a    in sources the divisor is moved away from
                       number is needed)             0 by 1e-32, in numbers as here
``pow``, ``pwr``       as ``**``; sgn(x) abs(x)**y   in numbers the other way round
``{x*{a + b}}``        inner braces are              the same (ngspice: x*a + b)
                       parentheses
=====================  ============================  ==========================================

``limit(x, a, b)`` lies between a and b, ``limit(x, a)`` is x + a or x - a at random. Random numbers
are drawn for the values of a deck, see `crossbarsim.netlists.spice.read.draws`.

A step or a comparison that is 0 makes a product 0, also beside what has no value:
``u(v(a)) * sqrt(v(a))`` is 0 for v(a) < 0.

Both read more than ngspice: ``% \ int sqr if table hypot atan2 mod`` everywhere, steps and ramps
also in numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ....core.validation import Array

__all__ = ["ALIASES", "REFUSED", "RULES", "Operand", "Rule", "helpers"]

# the kind that goes in comes out, which NumPy's types do not say of its functions
Operand: TypeAlias = Any
"""A float, a complex number, or an array of either."""

_TINY = 1e-150  # keeps 1/x finite, and finite when multiplied once more
_HUGE = 1e150
_SHORT = 1e-9  # ohm
_NGSPICE_DIVISOR = 1e-32  # ngspice 39: 1e-20 times gmin, see PTfudge_factor


@dataclass(frozen=True)
class Rule:
    """One operator or function.

    Attributes
    ----------
    value : callable
    slopes : tuple of str
        One formula per argument; ``"0"`` where it does not count. Empty: selects between its last
        two arguments, see `select`.
    code : str
        Formula of the value, for compiled expressions; empty: `value` is called.
    select : str
        Condition under which the first of two alternatives is taken.
    """

    value: Callable[..., Any]
    slopes: tuple[str, ...] = ()
    code: str = ""
    select: str = ""

    @property
    def arity(self) -> int:
        """Number of arguments; -1: an abscissa and pairs of a table."""
        if self.slopes:
            return len(self.slopes)
        return {"{0} != 0": 3, "": -1}.get(self.select, 2)


def _truth(x: Any) -> Any:
    return np.not_equal(x, 0)


def _number(x: Any) -> Any:
    return np.multiply(x, 1.0)


def _choose(c: Any, a: Any, b: Any) -> Any:
    chosen: Any = np.where(_truth(c), a, b)
    return chosen[()]


def _step(x: Any) -> Any:
    return np.heaviside(x, 0.5)


def _power(x: Any, y: Any) -> Any:
    return np.power(np.asarray(x, dtype=np.result_type(x, float)), y)


def _power_slope(x: Any, y: Any, v: Any) -> Any:
    """Return the slope of v = x ** y; one power is enough but for x = 0."""
    at_zero = np.equal(x, 0.0)
    if not np.any(at_zero):
        return np.clip(y * (v / x), -_HUGE, _HUGE)
    slope = np.where(at_zero, y * np.power(0.0 * x, y - 1.0), y * (v / np.where(at_zero, 1.0, x)))
    return np.clip(slope, -_HUGE, _HUGE)


def _power_exponent(x: Any, v: Any) -> Any:
    return np.where(np.equal(x, 0.0), 0.0, v * np.log(np.abs(x) + _TINY))


def _bounded(x: Any) -> Any:
    """Return 1/x, finite also at 0."""
    return 1.0 / np.where(np.abs(x) < _TINY, _TINY, x)


def _ohm(x: Any) -> Any:
    return np.where(np.abs(x) < _SHORT, np.copysign(_SHORT, x), x)


def _root(x: Any) -> Any:
    """Return sqrt(x) where it is a divisor: not 0."""
    return np.sqrt(np.maximum(x, _TINY))


def _ngspice_divide(x: Any, y: Any) -> Any:
    return x / _ngspice_divisor(y)


def _ngspice_divisor(y: Any) -> Any:
    return np.where(np.greater_equal(y, 0.0), y + _NGSPICE_DIVISOR, y - _NGSPICE_DIVISOR)


def _table(x: Any, *pairs: Any) -> Any:
    return np.interp(np.real(x), pairs[::2], pairs[1::2])


def _pieces(x: Any, *pairs: Any) -> Any:
    """Return the value of a table whose first and last piece go on without end."""
    xs, ys = pairs[::2], pairs[1::2]
    low, high = np.minimum(x - xs[0], 0.0), np.maximum(x - xs[-1], 0.0)
    first, last = ((ys[k + 1] - ys[k]) / (xs[k + 1] - xs[k]) for k in (0, -2))
    return np.interp(x, xs, ys) + first * low + last * high


def _slopes(x: Any, inside: Array, before: float, after: float, xs: Array) -> Any:
    slopes = np.concatenate(([before], inside, [after]))
    left, right = np.searchsorted(xs, x, side="left"), np.searchsorted(xs, x, side="right")
    return 0.5 * (slopes[left] + slopes[right])  # at a corner the mean of both sides


def _table_slope(x: Any, *pairs: Any) -> Any:
    xs, ys = (np.asarray(pairs[k::2], dtype=float) for k in (0, 1))
    return _slopes(x, np.diff(ys) / np.diff(xs), 0.0, 0.0, xs)


def _pieces_slope(x: Any, *pairs: Any) -> Any:
    xs, ys = (np.asarray(pairs[k::2], dtype=float) for k in (0, 1))
    inside = np.diff(ys) / np.diff(xs)
    return _slopes(x, inside, inside[0], inside[-1], xs)


def _plain(function: Any, slope: str) -> Rule:
    return Rule(function, (slope,))


def _comparison(function: Any, sign: str) -> Rule:
    def compare(x: Operand, y: Operand) -> Operand:
        return _number(function(x, y))
    return Rule(compare, ("0", "0"), f"_number({{0}} {sign} {{1}})")


RULES: dict[str, Rule] = {
    "+": Rule(np.add, ("1", "1"), "{0} + {1}"),
    "-": Rule(np.subtract, ("1", "-1"), "{0} - {1}"),
    "*": Rule(np.multiply, ("{1}", "{0}"), "{0} * {1}"),
    "/": Rule(np.true_divide, ("1.0 / {1}", "-{v} / {1}"), "np.true_divide({0}, {1})"),
    # 1/R of a resistor, which is no more than a short while R passes through 0
    "1/": Rule(lambda x: 1.0 / _ohm(x), ("-{v} * {v}",)),
    "ngspice/": Rule(
        _ngspice_divide, ("1.0 / _ngspice_divisor({1})", "-{v} / _ngspice_divisor({1})")
    ),
    "**": Rule(_power, ("_power_slope({0}, {1}, {v})", "_power_exponent({0}, {v})")),
    "ngspice**": Rule(
        lambda x, y: _power(np.abs(x), y),
        ("np.sign({0}) * _power_slope(np.abs({0}), {1}, {v})", "_power_exponent({0}, {v})"),
    ),
    "pwr": Rule(
        lambda x, y: np.sign(x) * _power(np.abs(x), y),
        ("_power_slope(np.abs({0}), {1}, np.abs({v}))", "_power_exponent({0}, {v})"),
    ),
    "%": Rule(np.fmod, ("1", "-np.trunc(np.true_divide({0}, {1}))")),
    "\\": Rule(lambda x, y: np.trunc(np.true_divide(x, y)), ("0", "0")),
    "neg": Rule(np.negative, ("-1",), "-{0}"),
    "not": Rule(lambda x: _number(np.equal(x, 0)), ("0",)),
    "&&": Rule(lambda x, y: _number(_truth(x) & _truth(y)), ("0", "0")),
    "||": Rule(lambda x, y: _number(_truth(x) | _truth(y)), ("0", "0")),
    "==": _comparison(np.equal, "=="),
    "!=": _comparison(np.not_equal, "!="),
    "<": _comparison(np.less, "<"),
    "<=": _comparison(np.less_equal, "<="),
    ">": _comparison(np.greater, ">"),
    ">=": _comparison(np.greater_equal, ">="),
    "?": Rule(_choose, select="{0} != 0"),
    "max": Rule(np.maximum, select="{0} >= {1}"),
    "min": Rule(np.minimum, select="{0} <= {1}"),
    "pwl": Rule(_pieces),
    "table": Rule(_table),
    "atan2": Rule(np.arctan2, (
        "{1} * _bounded({0} * {0} + {1} * {1})", "-{0} * _bounded({0} * {0} + {1} * {1})",
    )),
    "hypot": Rule(np.hypot, ("{0} * _bounded({v})", "{1} * _bounded({v})")),
    "abs": _plain(np.abs, "np.sign({0})"),
    "acos": _plain(np.arccos, "-1.0 / _root(1.0 - {0} * {0})"),
    "acosh": _plain(np.arccosh, "1.0 / _root({0} * {0} - 1.0)"),
    "asin": _plain(np.arcsin, "1.0 / _root(1.0 - {0} * {0})"),
    "asinh": _plain(np.arcsinh, "1.0 / np.sqrt({0} * {0} + 1.0)"),
    "atan": _plain(np.arctan, "1.0 / ({0} * {0} + 1.0)"),
    "atanh": _plain(np.arctanh, "_bounded(1.0 - {0} * {0})"),
    "ceil": _plain(np.ceil, "0"),
    "cos": _plain(np.cos, "-np.sin({0})"),
    "cosh": _plain(np.cosh, "np.sinh({0})"),
    "eq0": _plain(lambda x: _number(np.equal(x, 0)), "0"),
    "exp": _plain(np.exp, "{v}"),
    "floor": _plain(np.floor, "0"),
    "ge0": _plain(lambda x: _number(np.greater_equal(x, 0)), "0"),
    "gt0": _plain(lambda x: _number(np.greater(x, 0)), "0"),
    "int": _plain(np.trunc, "0"),
    "le0": _plain(lambda x: _number(np.less_equal(x, 0)), "0"),
    "ln": _plain(np.log, "_bounded({0})"),
    "log10": _plain(np.log10, "0.4342944819032518 * _bounded({0})"),
    "lt0": _plain(lambda x: _number(np.less(x, 0)), "0"),
    "ne0": _plain(lambda x: _number(np.not_equal(x, 0)), "0"),
    "nint": _plain(np.rint, "0"),
    "sgn": _plain(np.sign, "0"),
    "sin": _plain(np.sin, "np.cos({0})"),
    "sinh": _plain(np.sinh, "np.cosh({0})"),
    "sqrt": _plain(np.sqrt, "0.5 / _root({0})"),
    "tan": _plain(np.tan, "1.0 + {v} * {v}"),
    "tanh": _plain(np.tanh, "1.0 - {v} * {v}"),
    "u": _plain(_step, "0"),
    # of results: the waves and spectra that an analysis gave
    "db": _plain(lambda x: 20.0 * np.log10(np.abs(x)), ""),
    "im": _plain(np.imag, ""),
    "ph": _plain(np.angle, ""),
    "re": _plain(np.real, ""),
}

# other names of the same
ALIASES = {
    "arccos": "acos", "arcsin": "asin", "arctan": "atan", "imag": "im", "log": "ln", "mag": "abs",
    "phase": "ph", "real": "re", "sign": "sgn", "stp": "u", "fabs": "abs", "pwrs": "pwr",
    "trunc": "int", "round": "nint",
}

_RANDOM = "a random number, which only the values in a deck can have"
_ROLLED = ("a random number that depends on its argument alone, which there is not (use `unif`, "
           "`aunif`, `gauss` or `agauss`)")
_DELAY = ("the past of an expression, which is no part of the equations (drive an ideal line, "
          "`T1 a 0 b 0 z0=1 td=...` into 1 ohm, from an E source, and read its far end)")
# functions of SPICE dialects that are refused, and why
REFUSED = {
    **dict.fromkeys(("agauss", "aunif", "gauss", "unif", "mc", "flat"), _RANDOM),
    **dict.fromkeys(("rand", "random", "white", "var"), _ROLLED),
    **dict.fromkeys(("delay", "absdelay"), _DELAY),
    "idtmod": "an integral that jumps back (use `idt` and `mod` of it)",
    "laplace": "a transfer function (write it with `ddt` and `idt`, or as a network)",
}


def helpers() -> dict[str, Any]:
    """Return the names that compiled formulas use."""
    return {
        "np": np, "_number": _number, "_bounded": _bounded, "_root": _root,
        "_power_slope": _power_slope, "_power_exponent": _power_exponent,
        "_ngspice_divisor": _ngspice_divisor,
        "_pwl_slope": _pieces_slope, "_table_slope": _table_slope,
        **{f"_f{k}": rule.value for k, rule in enumerate(RULES.values())},
    }
