"""Limits of states: ``if (x < low) x = low``, ``min`` and ``max``, rates that stop at an end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..algebra.calculus import below, linear, substitute
from ..algebra.terms import Term, Terms
from ..language.tokens import Place

__all__ = ["Limits", "StateOf", "find_limits", "pushed_off", "scaled", "stopped", "unlimited"]


@dataclass
class StateOf:
    """A state as it is found: what stands for it, its rate, start and bounds."""

    name: str
    symbol: Term
    rate: Term
    place: Place
    start: Term | None = None
    low: Term | None = None
    high: Term | None = None
    unit: str = ""
    several: bool = False  # whether the file limits it to several values of one side


Stripped = tuple[Term, Term | None, Term | None]


class Limits:
    """Takes limits of one state off terms."""

    def __init__(self, terms: Terms, state: Term) -> None:
        self.terms, self.state = terms, state
        self.dt = terms.symbol("dt")
        self._known: dict[Term, Stripped] = {}

    def stripped(self, term: Term) -> Stripped:
        """Return a term without the limits of the state at its top, and these, low and high."""
        if term not in self._known:
            self._known[term] = self._strip(term)
        return self._known[term]

    def plain(self, term: Term) -> bool:
        """Return whether a term is the state itself, limits and steps aside."""
        rest = substitute(self.terms, self.stripped(term)[0], {self.dt: self.terms.zero})
        return rest is self.state or (
            self.state in rest.symbols and pushed_off(self.terms, rest, self.state) is not None)

    def _strip(self, term: Term) -> Stripped:
        nothing: Stripped = (term, None, None)
        limits = term.op == "call" and term.value in ("min", "max")
        if not (term.op == "if" or limits) or self.state not in term.free or term.level > 80:
            return nothing
        found = self._limit(term)
        if found is not None:
            inside, bound, from_below = found
            inner, low, high = self.stripped(inside)
            if (low if from_below else high) is not None:
                return nothing  # two limits of one side
            return (inner, bound, high) if from_below else (inner, low, bound)
        if term.op != "if":
            return nothing
        test, yes, no = term.args
        a, b = self.stripped(yes), self.stripped(no)
        ends: list[Term | None] = []
        for one, other in zip(a[1:], b[1:], strict=True):
            if one is not None and other is not None and one is not other:
                return nothing
            ends.append(one if one is not None else other)
        return self.terms.choose(test, a[0], b[0]), ends[0], ends[1]

    def _limit(self, term: Term) -> tuple[Term, Term, bool] | None:
        """Return (what is limited, limit, whether from below) of a term that limits the state."""
        if term.op == "call":
            for one, other in (term.args, term.args[::-1]):
                if other.fixed and self.state in one.free and self.plain(one):
                    return one, other, term.value == "max"
            return None
        test, yes, no = term.args
        if test.op not in ("<", "<="):
            return None
        a, b = test.args
        for side, bound, under in ((a, b, True), (b, a, False)):
            if not (bound.fixed and self.state in side.free and self.plain(side)):
                continue
            if yes is bound and self.plain(no):  # x < low ? low : x, high < x ? high : x
                return no, bound, under
            if no is bound and self.plain(yes):  # x < high ? x : high
                return yes, bound, not under
        return None


def find_limits(terms: Terms, state: StateOf, roots: list[Term], holder: Term | None) -> None:
    """Find the bounds of a state; where there are several limits, its own variable's go first.

    Parameters
    ----------
    roots : list of Term
        In which limits may stand.
    holder : Term, optional
        What the variable that holds the state has at the end.
    """
    limits = Limits(terms, state.symbol)
    if holder is not None:
        inner, low, high = limits.stripped(holder)
        if inner is state.symbol:
            state.low, state.high = state.low or low, state.high or high
    lows: dict[Term, None] = {}
    highs: dict[Term, None] = {}
    for term in below(*roots, state.rate):
        inner, low, high = limits.stripped(term)
        if inner is state.symbol:
            lows |= {} if low is None else {low: None}
            highs |= {} if high is None else {high: None}
    if state.low is None or state.high is None:
        _stops(terms, state, lows, highs)
    for which, found in (("low", lows), ("high", highs)):
        if getattr(state, which) is not None or not found:
            continue
        if len(found) > 1:
            state.several = True
            continue
        setattr(state, which, next(iter(found)))


def stopped(terms: Terms, symbol: Term, rate: Term) -> Term | None:
    """Return a + b x at an end of which the rate of x stops, or None."""
    for term in below(rate):
        if term.op != "if" or symbol not in term.args[0].free:
            continue
        for part in _ends(terms, term):
            for one, other in (part.args, part.args[::-1]):
                if one.symbols == {symbol} and other.fixed:
                    found = linear(terms, one, symbol)
                    if found is not None and found[0].fixed and found[0] is not terms.zero:
                        return one
    return None


def _ends(terms: Terms, term: Term) -> list[Term]:
    """Return the comparisons one of which holds where a condition leaves 0."""
    test, yes, no = term.args
    found: list[Term] = []
    for side, where in ((yes, test), (no, terms.opposite(test))):
        parts = [where] if side is terms.zero else []
        for part in parts:
            if part.op in ("and", "or"):
                parts += part.args
            elif part.op in ("<", "<="):
                found.append(part)
    return found


def _stops(
    terms: Terms, state: StateOf, lows: dict[Term, None], highs: dict[Term, None]
) -> None:
    """Take ``if (x >= high) rate = 0`` as a limit."""
    for term in below(state.rate):
        if term.op != "if" or state.symbol not in term.args[0].free:
            continue
        for part in _ends(terms, term):
            a, b = part.args
            if a is state.symbol and b.fixed:
                lows[b] = None
            elif b is state.symbol and a.fixed:
                highs[a] = None


@dataclass(frozen=True)
class Push:
    """The ends of a state that is pushed off others, and the tests that push it."""

    low: Term | None
    high: Term | None
    tests: tuple[Term, ...]


def pushed_off(t: Terms, rest: Term, state: Term) -> Push | None:
    """Return new ends of a state that is pushed off its old ones, or None.

    ``x = x + rate * dt; if (x <= 0) x = x + bump`` frees a state that a window holds at 0: with
    short steps it is one that ends at the bump. Whatever else it does without a step is no push.
    """
    push = t.sub(rest, state)
    tests = [term for term in below(push) if term.op in ("<", "<=") and state in term.args
             and all(a is state or a.fixed for a in term.args)]
    never = dict.fromkeys(tests, t.false)
    if substitute(t, push, never) is not t.zero:
        return None
    low: Term | None = None
    high: Term | None = None
    for test in tests:
        sizes = _leaves(t, substitute(t, push, {**never, test: t.true})) - {t.zero}
        if len(sizes) != 1 or not all(size.fixed for size in sizes):
            return None
        size = sizes.pop()
        if test.args[0] is state:
            low = t.add(test.args[1], size)
        else:
            high = t.add(test.args[0], size)
    return Push(low, high, tuple(tests))


def _leaves(t: Terms, term: Term) -> set[Term]:
    """Return the values between which conditions choose."""
    if term.op == "if":
        return _leaves(t, term.args[1]) | _leaves(t, term.args[2])
    for one, other in (term.args, term.args[::-1]) if term.op == "*" else ():
        if other.fixed:
            return {t.mul(leaf, other) for leaf in _leaves(t, one)}
    return {term}


def scaled(terms: Terms, state: StateOf, roots: Iterable[Term]) -> Term | None:
    """Return a + b x that the file limits, of a state x which it does not limit itself."""
    for term in below(*roots, state.rate):
        limited: list[Term] = []
        if term.op == "call" and term.value in ("min", "max"):
            limited = [one for one, other in (term.args, term.args[::-1]) if other.fixed]
        elif term.op == "if" and term.args[0].op in ("<", "<="):
            limited = [one for one, other in (term.args[0].args, term.args[0].args[::-1])
                       if other.fixed and one in term.args[1:]]
        for one in limited:
            if one is state.symbol:
                return None
            if one.symbols == {state.symbol}:
                found = linear(terms, one, state.symbol)
                if found is not None and found[0].fixed and found[0] is not terms.zero:
                    return one
    return None


def unlimited(terms: Terms, root: Term, states: Iterable[StateOf]) -> Term:
    """Return `root` with the limits of states taken off, within which they keep."""
    limits = [(s, Limits(terms, s.symbol)) for s in states]

    def find(term: Term) -> Term | None:
        if term.op in ("<", "<="):  # never beyond a bound
            for state, _ in limits:
                if (term.op == "<" and term.args == (state.symbol, state.low)) or (
                    term.op == "<" and term.args == (state.high, state.symbol)
                ):
                    return terms.false
            return None
        for state, one in limits:
            if state.symbol in term.free:
                inner, low, high = one.stripped(term)
                if inner is state.symbol and inner is not term and low in (None, state.low) and (
                    high in (None, state.high)
                ):
                    return state.symbol
        return None

    return substitute(terms, root, find)
