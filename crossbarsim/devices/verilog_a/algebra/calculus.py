"""What is done with terms: substitution, derivatives, numbers, and what conditions exclude."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ....core.validation import Array
from .terms import Term, Terms

__all__ = [
    "Facts", "below", "chosen_factors", "derivative", "evaluate", "implied", "inverse", "learn",
    "linear", "pruned", "substitute",
]


def below(*roots: Term) -> list[Term]:
    """Return the terms that `roots` are made of, arguments first."""
    seen: set[Term] = set()
    stack = list(roots)
    while stack:
        term = stack.pop()
        if term not in seen:
            seen.add(term)
            stack += term.args
    return sorted(seen, key=lambda t: t.number)


def substitute(
    terms: Terms, root: Term, new: Mapping[Term, Term] | Callable[[Term], Term | None]
) -> Term:
    """Return `root` with terms replaced; what replaces them is taken as it is."""
    find = new.get if isinstance(new, Mapping) else new
    if isinstance(new, Mapping) and all(k.op in ("symbol", "parameter") for k in new) and (
        not root.free & new.keys()
    ):
        return root
    made: dict[Term, Term] = {}
    for term in below(root):
        other = find(term)
        if other is None and term.args:
            args = tuple(made[a] for a in term.args)
            other = terms.rebuild(term, args)
            changed = find(other) if other is not term else None
            other = other if changed is None else changed
        made[term] = term if other is None else other
    return made[root]


def derivative(terms: Terms, root: Term, by: Term) -> Term:
    """Return the derivative of a number by a symbol; conditions have none."""
    slopes: dict[Term, Term] = {}
    for term in below(root):
        if term is by:
            slopes[term] = terms.one
        elif by not in term.free or term.boolean:
            slopes[term] = terms.zero
        else:
            slopes[term] = _slope(terms, term, [slopes[a] for a in term.args])
    return slopes[root]


def _slope(terms: Terms, term: Term, d: list[Term]) -> Term:
    add, sub, mul, div = terms.add, terms.sub, terms.mul, terms.div
    a = term.args
    if term.op == "+":
        return add(*d)
    if term.op == "-":
        return sub(*d)
    if term.op == "neg":
        return terms.neg(d[0])
    if term.op == "*":
        return add(mul(d[0], a[1]), mul(a[0], d[1]))
    if term.op == "/":
        return div(sub(d[0], mul(term, d[1])), a[1])
    if term.op == "**":
        lead = mul(d[0], mul(a[1], terms.power(a[0], sub(a[1], terms.one))))
        if d[1] is terms.zero:
            return lead
        return add(lead, mul(d[1], mul(term, terms.call("log", a[0]))))
    if term.op == "if":
        return terms.choose(a[0], d[1], d[2])
    name = term.value
    if name in ("min", "max"):
        return terms.choose(terms.compare("<" if name == "min" else ">", *a), *d)
    return mul(d[0], _SLOPES[name](terms, term, a[0]))


def _over_root(t: Terms, sign: float, x: Term, one: float) -> Term:
    square = t.mul(x, x)
    inner = t.add(t.number(one), t.neg(square) if sign < 0 else square)
    return t.div(t.one, t.call("sqrt", inner))


_SLOPES: dict[str, Callable[[Terms, Term, Term], Term]] = {
    "exp": lambda t, f, x: f,  # noqa: ARG005 - all take the same arguments
    "log": lambda t, f, x: t.div(t.one, x),  # noqa: ARG005
    "sqrt": lambda t, f, x: t.div(t.number(0.5), f),  # noqa: ARG005
    "sin": lambda t, f, x: t.call("cos", x),  # noqa: ARG005
    "cos": lambda t, f, x: t.neg(t.call("sin", x)),  # noqa: ARG005
    "tan": lambda t, f, x: t.add(t.one, t.mul(f, f)),  # noqa: ARG005
    "asin": lambda t, f, x: _over_root(t, -1.0, x, 1.0),  # noqa: ARG005
    "acos": lambda t, f, x: t.neg(_over_root(t, -1.0, x, 1.0)),  # noqa: ARG005
    "atan": lambda t, f, x: t.div(t.one, t.add(t.one, t.mul(x, x))),  # noqa: ARG005
    "sinh": lambda t, f, x: t.call("cosh", x),  # noqa: ARG005
    "cosh": lambda t, f, x: t.call("sinh", x),  # noqa: ARG005
    "tanh": lambda t, f, x: t.sub(t.one, t.mul(f, f)),  # noqa: ARG005
    "asinh": lambda t, f, x: _over_root(t, 1.0, x, 1.0),  # noqa: ARG005
    "floor": lambda t, f, x: t.zero,  # noqa: ARG005
    "ceil": lambda t, f, x: t.zero,  # noqa: ARG005
    "abs": lambda t, f, x: t.choose(  # noqa: ARG005
        t.compare(">", x, t.zero), t.one,
        t.choose(t.compare("<", x, t.zero), t.number(-1.0), t.zero)
    ),
}


def linear(terms: Terms, root: Term, by: Term) -> tuple[Term, Term] | None:
    """Return (slope, offset) where `root` is slope * by + offset, else None."""
    slope = derivative(terms, root, by)
    if by in slope.free or any(t.boolean and by in t.free for t in below(root)):
        return None
    return slope, substitute(terms, root, {by: terms.zero})


def chosen_factors(terms: Terms, root: Term) -> Term:
    """Return `root` with ``(a < b) * c`` as a choice between c and 0: c may be infinite aside."""
    ends = {terms.zero, terms.one}

    def find(term: Term) -> Term | None:
        for one, other in (term.args, term.args[::-1]) if term.op == "*" else ():
            if one.op == "if" and {*one.args[1:]} == ends:
                sides = (other, terms.zero) if one.args[1] is terms.one else (terms.zero, other)
                return terms.choose(one.args[0], *sides)
        return None

    return substitute(terms, root, find)


def inverse(terms: Terms, root: Term, by: Term, value: Term) -> Term | None:
    """Return `by` where a linear or cubic `root` has a value, None of any other.

    a + b x + c x^3 rises and has one solution where b and c are positive: a resistor that its own
    current heats. It has none that is found here, NaN, where they differ in sign.
    """
    t = terms
    found = linear(t, root, by)
    if found is not None:
        return t.div(t.sub(value, found[1]), found[0])
    if any(one.boolean and by in one.free for one in below(root)):
        return None
    slopes = [root]
    for _ in range(3):
        slopes.append(derivative(t, slopes[-1], by))
    offset, slope, square = (substitute(t, one, {by: t.zero}) for one in slopes[:3])
    if square is not t.zero or by in slopes[3].free:
        return None
    cubic = t.div(slopes[3], t.number(6.0))
    share = t.call("sqrt", t.div(t.mul(t.number(3.0), cubic), slope))
    apart = t.sub(value, offset)
    z = t.div(t.mul(t.number(1.5), t.mul(apart, share)), slope)
    third = t.call("sinh", t.div(t.call("asinh", z), t.number(3.0)))
    return t.choose(t.compare("==", cubic, t.zero), t.div(apart, slope),
                    t.div(t.mul(t.number(2.0), third), share))


_NUMPY: dict[str, Any] = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asinh": np.arcsinh, "abs": np.abs, "floor": np.floor, "ceil": np.ceil,
    "min": np.minimum, "max": np.maximum,
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power,
    "neg": np.negative, "<": np.less, "<=": np.less_equal, "==": np.equal, "!=": np.not_equal,
    "and": np.logical_and, "or": np.logical_or, "not": np.logical_not, "if": np.where,
}


def evaluate(
    root: Term, values: Mapping[str, Any], symbols: Mapping[Term, Any] | None = None
) -> Array:
    """Return the numbers of a term for numbers (or words) of its parameters."""
    known: dict[Term, Any] = {}
    with np.errstate(all="ignore"):
        for term in below(root):
            if term.op in ("number", "truth"):
                known[term] = np.asarray(term.value)
            elif term.op == "parameter":
                known[term] = np.asarray(values[term.value], dtype=float)
            elif term.op == "is":
                known[term] = np.asarray(str(values[term.value[0]]) == term.value[1])
            elif term.op == "symbol":
                known[term] = np.asarray((symbols or {})[term], dtype=float)
            else:
                function = _NUMPY[term.value if term.op == "call" else term.op]
                known[term] = function(*(known[a] for a in term.args))
    return np.asarray(known[root], dtype=float)


# -- conditions that exclude one another -----------------------------------------------------------

_ALLOWED = {"<": frozenset("<"), "<=": frozenset("<="), "==": frozenset("="),
            "!=": frozenset("<>")}
_TURNED = {"<": ">", ">": "<", "=": "="}
Facts = dict[tuple[Term, Term], frozenset[str]]


def learn(facts: Facts, test: Term, *, holds: bool) -> Facts | None:
    """Return what is known of the order of terms where `test` holds or not; None: it cannot."""
    if test.op == "truth":
        return facts if test.value == holds else None
    if test.op == "not":
        return learn(facts, test.args[0], holds=not holds)
    if test.op == ("and" if holds else "or"):
        for part in test.args:
            found = learn(facts, part, holds=holds)
            if found is None:
                return None
            facts = found
        return facts
    if test.op not in _ALLOWED:
        if test.op in ("and", "or") and implied(facts, test) is not None:
            return facts if implied(facts, test) == holds else None
        return facts
    a, b = test.args
    good = _ALLOWED[test.op]
    good = good if holds else frozenset("<=>") - good
    if a.number > b.number:
        a, b, good = b, a, frozenset(_TURNED[k] for k in good)
    now = facts.get((a, b), frozenset("<=>")) & good
    return {**facts, (a, b): now} if now else None


def implied(facts: Facts, test: Term) -> bool | None:
    """Return whether `test` holds where the facts do, or None."""
    if test.op == "truth":
        return bool(test.value)
    if test.op == "not":
        inner = implied(facts, test.args[0])
        return None if inner is None else not inner
    if test.op in ("and", "or"):
        parts = [implied(facts, part) for part in test.args]
        decisive = test.op == "or"
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    if test.op not in _ALLOWED:
        return None
    a, b = test.args
    good = _ALLOWED[test.op]
    if a.number > b.number:
        a, b, good = b, a, frozenset(_TURNED[k] for k in good)
    now = facts.get((a, b))
    if now is None:
        return None
    return True if now <= good else (None if now & good else False)


def pruned(terms: Terms, root: Term, budget: int = 4000) -> Term:
    """Return `root` without the sides of conditions that can never be taken."""
    left = [budget]

    def visit(term: Term, facts: Facts, open_tests: tuple[tuple[Term, bool], ...]) -> Term | None:
        left[0] -= 1
        if left[0] < 0 or not term.args:
            return term
        if term.op != "if":
            if term.level == 0:
                return term
            args = []
            for part in term.args:
                found = visit(part, facts, open_tests) if part.level else part
                if found is None:
                    return None
                args.append(found)
            return terms.rebuild(term, tuple(args))
        test: Term | None = term.args[0]
        if test is not None and test.level:
            test = visit(test, facts, open_tests)
        if test is None:
            return None
        known = implied(facts, test)
        if known is not None:
            return visit(term.args[1 if known else 2], facts, open_tests)
        sides: list[Term | None] = []
        for holds, side in ((True, term.args[1]), (False, term.args[2])):
            more = learn(facts, test, holds=holds)
            tests = (*open_tests, (test, holds))
            if more is None or not _possible(more, tests):
                sides.append(None)
            else:
                sides.append(visit(side, more, tests))
        if sides[0] is None:
            return sides[1]
        return sides[0] if sides[1] is None else terms.choose(test, sides[0], sides[1])

    if root.level > 60:
        return root
    found = visit(root, {}, ())
    return root if found is None else found


def _possible(facts: Facts, tests: Iterable[tuple[Term, bool]]) -> bool:
    return all(implied(facts, test) in (None, holds) for test, holds in tests)
