"""What variables keep from one evaluation to the next: constants, times, states, values a step old.

A variable that is stepped forward by hand, ``x = x + rate * dt``, is a state with that rate: the
derivative of its new value by dt where dt is 0. Its value without a step must be its old one, up to
limits ``if (x < low) x = low``, which are the state's bounds. A variable that is read before it is
written holds its value of the step before; with short steps this is its value now.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..algebra.calculus import below, derivative, linear, pruned, substitute
from ..algebra.terms import Term, Terms
from ..language.tokens import Place, refusal
from .execution import Pass

__all__ = ["Memory", "StateOf", "unlimited"]

_STEP_NAMES = re.compile(r"(dt|delta_?t|t_?delta|t_?step|time_?step|h)", re.IGNORECASE)


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


@dataclass
class Memory:
    """The states of variables and integrals, and what replaces all symbols of memory."""

    terms: Terms
    first: Pass
    steady: Pass
    states: list[StateOf] = field(default_factory=list)
    new: dict[Term, Term] = field(default_factory=dict)
    step_parameters: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dt = self.terms.symbol("dt")
        self.time = self.terms.symbol("time")

    # -- the whole ---------------------------------------------------------------------------------

    def resolve(self) -> None:
        """Find out what every symbol of memory is.

        Raises
        ------
        VerilogAError
            A variable that keeps a value in a way that is no differential equation.
        """
        steady = self.steady
        for key, integral in steady.integrals.items():
            first = self.first.integrals.get(key)
            start = first.start if first is not None else integral.start
            symbol = self.terms.symbol("idt", key)
            name = self._name_of(symbol)
            self.states.append(StateOf(name, symbol, integral.rate, integral.place, start))
        needed = self._needed()
        while needed:
            found = (self._constant(needed) or self._same(needed) or self._stepped(needed)
                     or self._late(needed))
            if not found:
                name = needed[0]
                raise refusal(
                    steady.written.get(name, steady.module.variables[name].place),
                    f"`{name}` keeps its value from one evaluation to the next in a way that is no "
                    "differential equation; compile the file (load_verilog_a), or fix parameters "
                    "that switch this part off (fixed={...})")
            needed = [n for n in self._needed() if self.old(n) not in self.new]
        for state in self.states:
            state.rate = self.settled(state.rate)

    def old(self, name: str) -> Term:
        """Return the symbol of what a variable held before."""
        return self.terms.symbol("old", name)

    def settled(self, term: Term) -> Term:
        """Return a term with everything replaced, between steps: dt is 0."""
        found = self.replaced(term)
        zero = {self.dt: self.terms.zero}
        for name in self.step_parameters:
            zero[self.terms.parameter(name)] = self.terms.zero
        found = substitute(self.terms, found, zero)
        return unlimited(self.terms, found, [s.symbol for s in self.states])

    def replaced(self, term: Term) -> Term:
        """Return a term with the symbols replaced that are known by now."""
        for _ in range(50):
            other = substitute(self.terms, term, self.new)
            if other is term:
                break
            term = other
        return term

    def _name_of(self, symbol: Term) -> str:
        """Return the variable that holds an integral."""
        best = ""
        for name, term in self.steady.values.items():
            if term is symbol:
                return name
            if symbol in term.free and not best and len(term.symbols) == 1:
                best = name
        return best or "q"

    def _needed(self) -> list[str]:
        """Return the variables whose old value matters, in order of the file."""
        steady = self.steady
        roots = [*steady.flows.values(), *steady.potentials.values(),
                 *(s.rate for s in self.states), *(term for term, _ in steady.rates)]
        found: list[str] = []
        seen: set[Term] = set()
        stack = [self.replaced(root) for root in roots]
        while stack:
            for symbol in stack.pop().symbols - seen:
                seen.add(symbol)
                kind, name = symbol.value
                if kind == "old" and symbol not in self.new:
                    found.append(name)
                    stack.append(self.final(name))
        return sorted(found, key=lambda n: (steady.module.variables[n].place.line, n))

    def final(self, name: str) -> Term:
        """Return what a variable holds at the end of an evaluation."""
        return self.replaced(self.steady.values.get(name, self.old(name)))

    def start(self, name: str, place: Place) -> Term:
        """Return what a variable holds after the first evaluation, of parameters alone."""
        t = self.terms
        term = self.first.current(name)
        zero: dict[Term, Term] = {
            s: t.zero for s in term.symbols if s.value[0] in ("v", "flow", "common", "node")
        }
        for parameter in term.free:
            if parameter.op == "parameter" and parameter.value in self.step_parameters:
                zero[parameter] = t.zero
        term = substitute(t, term, zero)
        if not term.fixed:
            raise refusal(place, f"what `{name}` starts from depends on more than parameters")
        return term

    # -- kinds of memory ---------------------------------------------------------------------------

    def _constant(self, names: list[str]) -> bool:
        """Variables that are always the same, or a time."""
        changed = False
        for name in names:
            term, old = self.final(name), self.old(name)
            place = self.steady.module.variables[name].place
            if term is old:
                self.new[old] = self.start(name, place)
            elif term.fixed:
                self.new[old] = term
            elif term is self.time:
                self.new[old] = self.terms.sub(self.time, self.dt)
            else:
                continue
            changed = True
        return changed

    def _same(self, names: list[str]) -> bool:
        """Variables that always end as another one does."""
        by_final: dict[Term, str] = {}
        for name in names:
            term = self.final(name)
            other = by_final.setdefault(term, name)
            if other != name:
                # the one that is stepped is that in whose new value its old one stands
                keep, drop = (other, name) if self.old(other) in term.free else (name, other)
                self.new[self.old(drop)] = self.old(keep)
                return True
        return False

    def _steps(self, term: Term) -> list[Term]:
        return [p for p in term.free
                if p.op == "parameter" and _STEP_NAMES.fullmatch(str(p.value))]

    def _stepped(self, names: list[str]) -> bool:
        """Variables that are stepped forward: states."""
        for name in names:
            term, old = self.final(name), self.old(name)
            if old not in term.free:
                continue
            steps = self._steps(term)
            term = substitute(self.terms, term, dict.fromkeys(steps, self.dt))
            term = pruned(self.terms, term)
            if self.dt not in term.free:
                continue
            bounds = _Bounds(self.terms, old, self.dt, self.new_states(old))
            plain = bounds.without_limits(term)
            rest = substitute(self.terms, plain, {self.dt: self.terms.zero})
            if pruned(self.terms, rest) is not old:
                continue
            self.step_parameters += [str(p.value) for p in steps]
            rate = derivative(self.terms, plain, self.dt)
            rate = substitute(self.terms, rate, {self.dt: self.terms.zero})
            place = self.steady.written[name]
            symbol = self.terms.symbol("state", name)
            start = self.start(name, place)
            self.states.append(StateOf(name, symbol, rate, place, start, bounds.low, bounds.high))
            self.new[old] = symbol
            return True
        return False

    def new_states(self, old: Term) -> list[Term]:
        """Return the symbols of states known by now, and `old`."""
        return [old, *(s.symbol for s in self.states)]

    def _late(self, names: list[str]) -> bool:
        """Variables that are read before they are written: their value now."""
        for name in names:
            old = self.old(name)
            term = pruned(self.terms, substitute(
                self.terms, self.final(name), {self.dt: self.terms.zero}))
            if old not in term.free:
                self.new[old] = term
                return True
        return False

    # -- bounds ------------------------------------------------------------------------------------

    def find_bounds(self, roots: list[Term]) -> list[Term]:
        """Take limits of integrals and nodes, wherever the file has them, as bounds.

        Where the file limits a + b x, not the state x itself, that becomes the state. Returns
        `roots` of the states as they are then.
        """
        for state in self.states:
            if state.low is not None and state.high is not None:
                continue
            scaled = self._scaled(state, roots)
            if scaled is not None:
                roots = self._rescale(state, scaled, roots)
            bounds = _Bounds(self.terms, state.symbol, self.dt, [state.symbol])
            for root in roots:
                for term in below(root):
                    if term.op == "if" or (term.op == "call" and term.value in ("min", "max")):
                        bounds.without_limits(term)
            bounds.stops(state.rate)
            state.low = state.low or bounds.low
            state.high = state.high or bounds.high
        symbols = [s.symbol for s in self.states]
        roots = [unlimited(self.terms, root, symbols) for root in roots]
        for state in self.states:
            state.rate = unlimited(self.terms, state.rate, symbols)
        inside = {
            test: self.terms.false for s in self.states for test in (
                s.low and self.terms.compare("<", s.symbol, s.low),
                s.high and self.terms.compare(">", s.symbol, s.high)) if test is not None
        }
        for state in self.states:
            state.rate = substitute(self.terms, state.rate, inside)
        return [substitute(self.terms, root, inside) for root in roots]

    def _scaled(self, state: StateOf, roots: list[Term]) -> Term | None:
        """Return a + b x that the file limits, of a state x."""
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
                if one.symbols != {state.symbol}:
                    continue
                found = linear(self.terms, one, state.symbol)
                if found is not None and found[0].fixed and found[0] is not self.terms.zero:
                    return one
        return None

    def _rescale(self, state: StateOf, scaled: Term, roots: list[Term]) -> list[Term]:
        """Make a + b x the state; return the roots of the new one."""
        t = self.terms
        slope, offset = linear(t, scaled, state.symbol) or (t.one, t.zero)
        name = scaled.hint.removeprefix("free_") or state.name
        symbol = t.symbol("state", name)
        new = {scaled: symbol, state.symbol: t.div(t.sub(symbol, offset), slope)}
        if state.start is not None:
            state.start = t.add(offset, t.mul(slope, state.start))
        for other in self.states:
            other.rate = substitute(t, other.rate, new)
        state.rate = t.mul(slope, state.rate)
        state.name, state.symbol, state.unit = name, symbol, ""
        return [substitute(t, root, new) for root in roots]

class _Bounds:
    """Recognises limits of one state: what is x, but not below `low` nor above `high`."""

    def __init__(self, terms: Terms, state: Term, dt: Term, alike: list[Term]) -> None:
        self.terms, self.state, self.dt, self.alike = terms, state, dt, alike
        self.low: Term | None = None
        self.high: Term | None = None

    def plain(self, term: Term) -> bool:
        """Return whether a term is the state itself, limits and steps aside."""
        rest = substitute(self.terms, self.without_limits(term), {self.dt: self.terms.zero})
        return rest is self.state

    def limit(self, term: Term) -> tuple[Term, Term, bool] | None:
        """Return (what is limited, limit, whether from below) of a term that limits the state."""
        if term.op == "call" and term.value in ("min", "max"):
            for one, other in (term.args, term.args[::-1]):
                if other.fixed and self.state in one.free and self.plain(one):
                    return one, other, term.value == "max"
            return None
        test, yes, no = term.args
        if test.op not in ("<", "<="):
            return None
        for bound, side, other, beyond in (
            (test.args[1], test.args[0], (yes, no), True),
            (test.args[0], test.args[1], (yes, no), False),
        ):
            if not (bound.fixed and self.state in side.free):
                continue
            inside, taken = (other[1], other[0])
            if taken is bound or (taken.fixed and _same_number(taken, bound)):
                from_below = beyond
            elif inside is bound or (inside.fixed and _same_number(inside, bound)):
                inside, from_below = taken, not beyond
            else:
                continue
            if self.plain(side) and self.plain(inside):
                return inside, bound, from_below
        return None

    def without_limits(self, term: Term) -> Term:
        """Return a term without limits of the state at its top, which are remembered."""
        if term.op not in ("if", "call") or self.state not in term.free:
            return term
        if term.op == "call" and term.value not in ("min", "max"):
            return term
        found = self.limit(term)
        if found is not None:
            inner, bound, from_below = found
            if from_below:
                self.low = self.low or bound
            else:
                self.high = self.high or bound
            return self.without_limits(inner)
        if term.op != "if":
            return term
        test, yes, no = term.args
        return self.terms.choose(test, self.without_limits(yes), self.without_limits(no))

    def stops(self, rate: Term) -> None:
        """Take ``if (x >= high) rate = 0`` as a bound."""
        for term in below(rate):
            if term.op != "if" or self.state not in term.args[0].free:
                continue
            test, yes, no = term.args
            for stopped, where in ((yes, test), (no, self.terms.opposite(test))):
                if stopped is not self.terms.zero:
                    continue
                parts = [where]
                for part in parts:
                    if part.op in ("and", "or"):
                        parts += part.args
                    if part.op not in ("<", "<="):
                        continue
                    a, b = part.args
                    if a is self.state and b.fixed:
                        self.low = self.low or b
                    elif b is self.state and a.fixed:
                        self.high = self.high or a


def _same_number(a: Term, b: Term) -> bool:
    return a.op == b.op == "number" and a.value == b.value


def unlimited(terms: Terms, root: Term, states: list[Term]) -> Term:
    """Return `root` with limits of states replaced by the states, which keep within them."""
    dt = terms.symbol("dt")

    def find(term: Term) -> Term | None:
        if term.op != "if" and not (term.op == "call" and term.value in ("min", "max")):
            return None
        for state in states:
            if state in term.free:
                bounds = _Bounds(terms, state, dt, [state])
                if bounds.limit(term) is not None and bounds.without_limits(term) is state:
                    return state
        return None

    return substitute(terms, root, find)


