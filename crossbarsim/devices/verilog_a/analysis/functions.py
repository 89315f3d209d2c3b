"""The functions and operators of Verilog-A; a value is a term and whether it is a whole number."""

from __future__ import annotations

from collections.abc import Callable

from ..algebra.terms import Term, Terms
from ..language.tokens import Place, refusal

__all__ = ["MATH", "Value", "called", "operated", "rounded", "signed"]

Value = tuple[Term, bool]
_DIRECT = {
    "exp": "exp", "limexp": "exp", "ln": "log", "sqrt": "sqrt", "sin": "sin", "cos": "cos",
    "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh", "cosh": "cosh",
    "tanh": "tanh", "asinh": "asinh",
}
_LN_10 = 2.302585092994046
MATH = {*_DIRECT, "log", "log10", "pow", "abs", "fabs", "min", "max", "floor", "ceil", "hypot",
        "atan2", "acosh", "atanh"}
_TWO = {"pow", "min", "max", "hypot", "atan2"}


def rounded(t: Terms, a: Term) -> Term:
    """Return the nearest whole number, halves away from zero."""
    half = t.number(0.5)
    return t.choose(t.compare(">=", a, t.zero), t.call("floor", t.add(a, half)),
                    t.call("ceil", t.sub(a, half)))


def _cut(t: Terms, a: Term) -> Term:
    """Return a number without what is behind its point."""
    return t.choose(t.compare(">=", a, t.zero), t.call("floor", a), t.call("ceil", a))


def _atan2(t: Terms, y: Term, x: Term) -> Term:
    never_zero = t.choose(t.compare("==", x, t.zero), t.one, x)
    ratio = t.call("atan", t.div(y, never_zero))
    pi = t.number(3.141592653589793)
    left = t.choose(t.compare(">=", y, t.zero), t.add(ratio, pi), t.sub(ratio, pi))
    sign = t.choose(t.compare(">", y, t.zero), t.number(1.5707963267948966), t.choose(
        t.compare("<", y, t.zero), t.number(-1.5707963267948966), t.zero))
    return t.choose(t.compare(">", x, t.zero), ratio,
                    t.choose(t.compare("<", x, t.zero), left, sign))


def called(t: Terms, name: str, given: list[Value], place: Place) -> Value:
    """Return a function of mathematics."""
    count = 2 if name in _TWO else 1
    if len(given) != count:
        raise refusal(place, f"`{name}` takes {count} argument{'s' * (count > 1)}; "
                             f"got {len(given)}")
    whole = all(k for _, k in given)
    args = [t.numeric(a) for a, _ in given]
    a = args[0]
    if name in _DIRECT:
        return t.call(_DIRECT[name], a), False
    if name in ("log", "log10"):
        return t.div(t.call("log", a), t.number(_LN_10)), False
    if name == "pow":
        return t.power(*args), False
    if name in ("abs", "fabs"):
        return t.call("abs", a), whole
    if name in ("min", "max"):
        return t.call(name, *args), whole
    if name in ("floor", "ceil"):
        return t.call(name, a), False
    square = t.mul(a, a)
    if name == "hypot":
        return t.call("sqrt", t.add(square, t.mul(args[1], args[1]))), False
    if name == "atan2":
        return _atan2(t, *args), False
    if name == "acosh":
        return t.call("log", t.add(a, t.call("sqrt", t.sub(square, t.one)))), False
    ratio = t.div(t.add(t.one, a), t.sub(t.one, a))
    return t.mul(t.number(0.5), t.call("log", ratio)), False


_PLAIN: dict[str, Callable[[Terms, Term, Term], Term]] = {
    "+": lambda t, a, b: t.add(a, b), "-": lambda t, a, b: t.sub(a, b),
    "*": lambda t, a, b: t.mul(a, b),
}


def operated(
    t: Terms, op: str, left: Value, right: Value, place: Place, *, first: bool = False
) -> Value:
    """Return what a binary operator makes of two values.

    Parameters
    ----------
    first : bool
        In the first evaluation, where what is not written yet is 0: a division by it gives what it
        gives in floating point.
    """
    whole = left[1] and right[1]
    if op in ("&&", "||"):
        join = t.both if op == "&&" else t.either
        return join(t.truthful(left[0]), t.truthful(right[0])), True
    if op in ("&", "|") and left[0].boolean and right[0].boolean:
        join = t.both if op == "&" else t.either
        return join(left[0], right[0]), True
    a, b = t.numeric(left[0]), t.numeric(right[0])
    if op in ("==", "!=", "===", "!==", "<", "<=", ">", ">="):
        return t.compare(op[:2] if op in ("===", "!==") else op, a, b), True
    if op in _PLAIN:
        return _PLAIN[op](t, a, b), whole
    if op == "**":
        return t.power(a, b), False
    if op == "/":
        if b is t.zero and not first:
            raise refusal(place, "a division by 0")
        return (_cut(t, t.div(a, b)), True) if whole else (t.div(a, b), False)
    if op == "%":
        if b is t.zero and not first:
            raise refusal(place, "a division by 0")
        return t.sub(a, t.mul(b, _cut(t, t.div(a, b)))), whole
    if a.op == b.op == "number" and whole:
        return t.number(float(_bits(op, int(a.value), int(b.value), place))), True
    raise refusal(place, f"`{op}` of bits, where they are not known when the file is read, is no "
                         "part of the subset read here; compile the file (load_verilog_a)")


def _bits(op: str, a: int, b: int, place: Place) -> int:
    if op in ("<<", "<<<", ">>", ">>>"):
        if not 0 <= b < 32:
            raise refusal(place, f"a shift by {b} bits")
        return (a << b if "<" in op else a >> b) & 0xFFFFFFFF
    return {"&": a & b, "|": a | b, "^": a ^ b}[op]


def signed(t: Terms, op: str, value: Value, place: Place) -> Value:
    """Return what a sign makes of a value."""
    if op == "!":
        return t.opposite(t.truthful(value[0])), True
    a = t.numeric(value[0])
    if op == "~":
        if a.op != "number" or not value[1]:
            raise refusal(place, "`~` of bits is no part of the subset read here; compile the file "
                                 "(load_verilog_a)")
        return t.number(float(~int(a.value))), True
    return (t.neg(a) if op == "-" else a), value[1]
