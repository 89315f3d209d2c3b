"""Expressions as shared terms: equal ones are one object, simplified when they are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

__all__ = ["FUNCTIONS", "Term", "Terms", "TooLarge"]

_MOST = 200_000  # terms of one module


def _floor(x: float) -> float:
    return float(math.floor(x))


def _ceil(x: float) -> float:
    return float(math.ceil(x))


FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos,
    "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan, "sinh": math.sinh,
    "cosh": math.cosh, "tanh": math.tanh, "asinh": math.asinh, "abs": abs, "floor": _floor,
    "ceil": _ceil, "min": min, "max": max,
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


class TooLarge(Exception):
    """A module whose loops or functions make more terms than a law can have."""


class Term:
    """One operation on terms; `free` are the symbols and parameters that it depends on."""

    __slots__ = ("args", "free", "hint", "level", "number", "op", "value")

    def __init__(self, number: int, op: str, args: tuple[Term, ...], value: Any) -> None:
        self.number, self.op, self.args, self.value = number, op, args, value
        self.hint = ""
        own = frozenset({self}) if op in ("symbol", "parameter", "is") else frozenset()
        self.free: frozenset[Term] = own.union(*(a.free for a in args)) if args else own
        deepest = max((a.level for a in args), default=0)
        self.level: int = deepest + 1 if op == "if" else deepest

    def __repr__(self) -> str:
        if self.op in ("number", "symbol", "parameter"):
            return str(self.value)
        name = self.op if self.value is None else f"{self.op}[{self.value}]"
        return f"{name}({', '.join(map(repr, self.args))})"

    @property
    def symbols(self) -> frozenset[Term]:
        """The symbols it depends on, without parameters."""
        return frozenset(t for t in self.free if t.op == "symbol")

    @property
    def fixed(self) -> bool:
        """Whether it depends on parameters at most."""
        return not self.symbols

    @property
    def boolean(self) -> bool:
        """Whether it is a condition."""
        return self.op in Terms.BOOLEAN


class Terms:
    """Makes terms, each once."""

    BOOLEAN: ClassVar[frozenset[str]] = frozenset(
        {"<", "<=", "==", "!=", "and", "or", "not", "is", "truth"}
    )

    def __init__(self) -> None:
        self._known: dict[Any, Term] = {}
        self.zero, self.one = self.number(0.0), self.number(1.0)
        self.true, self.false = self._make("truth", (), True), self._make("truth", (), False)

    def _make(self, op: str, args: tuple[Term, ...], value: Any = None) -> Term:
        key = (op, args, value)
        found = self._known.get(key)
        if found is None:
            if len(self._known) > _MOST:
                raise TooLarge
            found = self._known[key] = Term(len(self._known), op, args, value)
        return found

    # -- leaves ----------------------------------------------------------------------------------

    def number(self, value: float) -> Term:
        """Return a number."""
        value = float(value)
        return self._make("number", (), value if value or value != value else 0.0)  # noqa: PLR0124

    def parameter(self, name: str) -> Term:
        """Return a parameter."""
        return self._make("parameter", (), name)

    def symbol(self, kind: str, name: Any = "") -> Term:
        """Return something that laws or their analysis replace."""
        return self._make("symbol", (), (kind, name))

    def chosen(self, name: str, word: str) -> Term:
        """Return whether a parameter that is a word is this one."""
        return self._make("is", (), (name, word))

    # -- arithmetic --------------------------------------------------------------------------------

    def add(self, a: Term, b: Term) -> Term:
        """Return a + b."""
        if a.op == b.op == "number":
            return self.number(a.value + b.value)
        if a is self.zero:
            return b
        if b is self.zero:
            return a
        if b.op == "neg":
            return self.sub(a, b.args[0])
        for one, other in ((a, b), (b, a)):
            if other.op == "-" and other.args[1] is one:
                return other.args[0]
        return self._make("+", (a, b))

    def sub(self, a: Term, b: Term) -> Term:
        """Return a - b."""
        if a.op == b.op == "number":
            return self.number(a.value - b.value)
        if a is b:
            return self.zero
        if b is self.zero:
            return a
        if a is self.zero:
            return self.neg(b)
        if b.op == "-" and b.args[0] is a:
            return b.args[1]
        if b.op == "neg":
            return self.add(a, b.args[0])
        if a.op == "+" and b in a.args:
            return a.args[1] if a.args[0] is b else a.args[0]
        if a.op == b.op == "+" and a.args[0] is b.args[0]:
            return self.sub(a.args[1], b.args[1])
        if b.op == "+" and b.args[0] is a:
            return self.neg(b.args[1])
        return self._make("-", (a, b))

    def neg(self, a: Term) -> Term:
        """Return -a."""
        if a.op == "number":
            return self.number(-a.value)
        if a.op == "neg":
            return a.args[0]
        if a.op == "-":
            return self.sub(a.args[1], a.args[0])
        return self._make("neg", (a,))

    def mul(self, a: Term, b: Term) -> Term:
        """Return a * b; zero times anything is zero."""
        if a.op == b.op == "number":
            return self.number(a.value * b.value)
        for one, other in ((a, b), (b, a)):
            if one.op == "number":
                if one.value == 0.0:
                    return self.zero
                if one.value == 1.0:
                    return other
                if one.value == -1.0:
                    return self.neg(other)
            if other.op == "/" and other.args[1] is one:
                return other.args[0]
        return self._make("*", (a, b))

    def div(self, a: Term, b: Term) -> Term:
        """Return a / b."""
        if b.op == "number" and b.value == 1.0:
            return a
        if a.op == b.op == "number" and b.value != 0.0:
            return self.number(a.value / b.value)
        if a is self.zero and b is not self.zero:
            return a
        if a is b and b.op != "number":
            return self.one
        return self._make("/", (a, b))

    def power(self, a: Term, b: Term) -> Term:
        """Return a ** b."""
        if b is self.zero:
            return self.one
        if b is self.one:
            return a
        if b.op == "number" and b.value in (2.0, 3.0):
            square = self.mul(a, a)
            return square if b.value == 2.0 else self.mul(square, a)
        if a.op == b.op == "number":
            try:
                found = a.value**b.value
            except (ZeroDivisionError, OverflowError):
                return self._make("**", (a, b))
            if isinstance(found, float):
                return self.number(found)
        return self._make("**", (a, b))

    def call(self, name: str, *args: Term) -> Term:
        """Return a function of `FUNCTIONS`."""
        if all(a.op == "number" for a in args):
            try:
                return self.number(FUNCTIONS[name](*(a.value for a in args)))
            except (ValueError, OverflowError):
                pass  # it has no value: the law's own affair
        if name in ("min", "max") and args[0] is args[1]:
            return args[0]
        return self._make("call", args, name)

    # -- conditions --------------------------------------------------------------------------------

    def compare(self, op: str, a: Term, b: Term) -> Term:
        """Return whether a < b, a <= b, a > b, a >= b, a == b or a != b."""
        if op in (">", ">="):
            return self.compare("<" if op == ">" else "<=", b, a)
        if a.op == b.op == "number":
            return self.truth(_COMPARE[op](a.value, b.value))
        if a is b:
            return self.truth(op in ("<=", "=="))
        for one, other, turned in ((a, b, False), (b, a, True)):
            if one.op == "if" and other.op == "number" and all(
                side.op == "number" for side in one.args[1:]
            ):
                sides = [self.compare(op, *((other, side) if turned else (side, other)))
                         for side in one.args[1:]]
                return self.choose(one.args[0], *sides)
        if op in ("==", "!=") and (a.op == "number", a.number) > (b.op == "number", b.number):
            a, b = b, a
        return self._make(op, (a, b))

    def truth(self, value: bool) -> Term:
        """Return true or false."""
        return self.true if value else self.false

    def both(self, a: Term, b: Term) -> Term:
        """Return a and b."""
        if a is self.false or b is self.false:
            return self.false
        if a is self.true or a is b:
            return b
        return a if b is self.true else self._make("and", (a, b))

    def either(self, a: Term, b: Term) -> Term:
        """Return a or b."""
        if a is self.true or b is self.true:
            return self.true
        if a is self.false or a is b:
            return b
        return a if b is self.false else self._make("or", (a, b))

    def opposite(self, a: Term) -> Term:
        """Return not a."""
        if a.op == "truth":
            return self.truth(not a.value)
        if a.op == "not":
            return a.args[0]
        if a.op in ("<", "<="):
            return self.compare("<=" if a.op == "<" else "<", a.args[1], a.args[0])
        if a.op in ("==", "!="):
            return self.compare("!=" if a.op == "==" else "==", *a.args)
        if a.op in ("and", "or"):
            join = self.either if a.op == "and" else self.both
            return join(self.opposite(a.args[0]), self.opposite(a.args[1]))
        return self._make("not", (a,))

    def choose(self, test: Term, a: Term, b: Term) -> Term:
        """Return a where `test` holds, else b."""
        if test.op == "truth":
            return a if test.value else b
        if a is b:
            return a
        if a.op == "if" and a.args[0] is test:
            a = a.args[1]
        if b.op == "if" and b.args[0] is test:
            b = b.args[2]
        if a is b:
            return a
        if a.op == "truth" and b.op == "truth":
            return test if a.value else self.opposite(test)
        if a.boolean or b.boolean:
            a, b = self.truthful(a), self.truthful(b)
            return self.either(self.both(test, a), self.both(self.opposite(test), b))
        return self._make("if", (test, a, b))

    def truthful(self, a: Term) -> Term:
        """Return a condition: whether a is not 0."""
        if a.boolean:
            return a
        if a.op == "number":
            return self.truth(a.value != 0.0)
        if a.op == "if":
            test, yes, no = a.args
            if yes.op == no.op == "number":
                return self.choose(test, self.truthful(yes), self.truthful(no))
        return self.compare("!=", a, self.zero)

    def numeric(self, a: Term) -> Term:
        """Return a number: 1 where a condition holds, else 0."""
        if not a.boolean:
            return a
        return self.choose(a, self.one, self.zero)

    # -- rebuilding --------------------------------------------------------------------------------

    def rebuild(self, term: Term, args: tuple[Term, ...]) -> Term:
        """Return the same operation on other arguments."""
        if args == term.args:
            return term
        made = self._rebuilt(term, args)
        if not made.hint:
            made.hint = term.hint
        return made

    def _rebuilt(self, term: Term, args: tuple[Term, ...]) -> Term:
        op = term.op
        if op == "call":
            return self.call(term.value, *args)
        if op in _COMPARE:
            return self.compare(op, *args)
        make: dict[str, Callable[..., Term]] = {
            "+": self.add, "-": self.sub, "*": self.mul, "/": self.div, "**": self.power,
            "neg": self.neg, "and": self.both, "or": self.either, "not": self.opposite,
            "if": self.choose,
        }
        return make[op](*args)

    def total(self, parts: Iterable[Term]) -> Term:
        """Return the sum of terms."""
        found = self.zero
        for part in parts:
            found = self.add(found, part)
        return found
