"""What variables keep from one evaluation to the next: constants, times, states, values a step old.

A variable that is stepped forward by hand, ``x = x + rate * dt``, is a state with that rate: the
derivative of its new value by dt where dt is 0. Its value without a step must be its old one, up to
limits ``if (x < low) x = low``, which are the state's bounds. A variable that is read before it is
written holds its value of the step before; with short steps this is its value now.

What events in time write, ``@(cross(...))``, is no law, but two things are: a variable that every
event gives what it has already, and a flag that an event raises again, of which the condition that
lowers it is taken alone. A random number that is kept until the next one counts as its mean.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ....core.errors import VerilogAError
from ..algebra.calculus import below, derivative, linear, pruned, substitute
from ..algebra.terms import Term, Terms
from ..language.tokens import Place, refusal
from .bounds import Limits, StateOf, find_limits, pushed_off, scaled, stopped, unlimited
from .execution import Pass
from .nodes import GROUND

__all__ = ["Memory"]

_STEP_NAMES = re.compile(r"(dt|delta_?t|t_?delta|t_?step|time_?step|h)", re.IGNORECASE)


@dataclass
class Memory:
    """The states of variables and integrals, and what replaces all symbols of memory."""

    terms: Terms
    first: Pass
    steady: Pass
    states: list[StateOf] = field(default_factory=list)
    new: dict[Term, Term] = field(default_factory=dict)
    step_parameters: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)  # variables read before they are written
    held: list[str] = field(default_factory=list)  # integrals of which the file limits the value
    nudged: list[str] = field(default_factory=list)  # states that are pushed off their ends
    flags: list[str] = field(default_factory=list)  # raised by events, lowered by a condition
    drawn: list[str] = field(default_factory=list)  # keep a random number

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
        nodes = {term: b.first for b, term in steady.potentials.items() if b.second == GROUND}
        for key, integral in steady.integrals.items():
            first = self.first.integrals.get(key)
            start = first.start if first is not None else integral.start
            symbol = self.terms.symbol("idt", key)
            name = steady.holders.get(symbol) or nodes.get(symbol, "q")
            same = sum(s.name.rstrip("0123456789") == name for s in self.states)
            name = f"{name}{same + 1}" if same else name
            self.states.append(StateOf(name, symbol, integral.rate, integral.place, start))
        needed = self._needed()
        while needed:
            found = (self._constant(needed) or self._invariant(needed) or self._same(needed)
                     or self._stepped(needed) or self._late(needed) or self._flag(needed)
                     or self._random(needed))
            if not (found or self._stop()):
                name = next((n for n in needed if n in steady.happens), needed[0])
                if name in steady.happens:
                    happening = steady.happens[name][0]
                    raise refusal(happening.place, f"{happening.event} changes `{name}` at an "
                                  "event: that is no law of a state")
                switches = sorted({
                    str(p.value) for term in below(self.final(name))
                    if term.op == "if" and term.args[0].fixed for p in term.args[0].free})
                hint = f"such as {', '.join(switches[:3])}, " if switches else ""
                raise refusal(
                    steady.written.get(name, steady.module.variables[name].place),
                    f"`{name}` keeps its value from one evaluation to the next in a way that is no "
                    "differential equation; compile the file (load_verilog_a), or fix parameters, "
                    f"{hint}that switch this part off (fixed={{...}})")
            needed = self._needed()
        for state in self.states:
            state.rate = self.between_steps(state.rate)
        roots = [self.between_steps(term) for term in (
            *steady.flows.values(), *steady.potentials.values(), *steady.values.values())]
        self.find_bounds(roots, list(self.states))
        self.held = [s.name for s in self.states
                     if s.symbol.value[0] == "idt" and (s.low or s.high) is not None]

    def old(self, name: str) -> Term:
        """Return the symbol of what a variable held before."""
        return self.terms.symbol("old", name)

    def settled(self, term: Term) -> Term:
        """Return a term with everything replaced, limits of states taken off."""
        return unlimited(self.terms, self.between_steps(term), self.states)

    def between_steps(self, term: Term) -> Term:
        """Return a term with everything replaced, dt being 0."""
        return self._still(self.replaced(term))

    def _still(self, term: Term) -> Term:
        """Return a term for steps of no length."""
        zero = {self.dt: self.terms.zero}
        for name in self.step_parameters:
            zero[self.terms.parameter(name)] = self.terms.zero
        return substitute(self.terms, term, zero)

    def replaced(self, term: Term) -> Term:
        """Return a term with the symbols replaced that are known by now."""
        for _ in range(50):
            other = substitute(self.terms, term, self.new)
            if other is term:
                break
            term = other
        return term

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
                if name in self.steady.happens:
                    continue
                self.new[old] = self.start(name, place)
            elif term.fixed:
                self.new[old] = term
            elif term is self.time:
                self.new[old] = self.terms.sub(self.time, self.dt)
            else:
                continue
            changed = True
        return changed

    def _invariant(self, names: list[str]) -> bool:
        """Find variables of events that keep what they start from, by induction."""
        steady = self.steady
        kept: dict[str, Term] = {}
        if any(name in steady.happens for name in names):
            for name in names:
                if not self._moves(name):
                    with suppress(VerilogAError):
                        kept[name] = self.start(name, steady.module.variables[name].place)
        new: dict[Term, Term] = {}
        while kept:
            new = {self.old(name): start for name, start in kept.items()}
            changed = [name for name, start in kept.items() if any(
                substitute(self.terms, term, new) is not start for term in self._outcomes(name))]
            if not changed:
                break
            for name in changed:
                del kept[name]
        self.new |= new if kept else {}
        return bool(kept)

    def _undisturbed(self, names: list[str]) -> list[str]:
        """Return the variables that no event in time writes."""
        return [name for name in names if name not in self.steady.happens]

    def _outcomes(self, name: str) -> list[Term]:
        """Return what a variable may hold after an evaluation, and after every event."""
        return [self.final(name),
                *(self.replaced(h.value) for h in self.steady.happens.get(name, ()))]

    def _moves(self, name: str) -> bool:
        """Return whether a variable is stepped forward."""
        return any(term is self.time or term is self.dt or (
            term.op == "parameter" and _STEP_NAMES.fullmatch(str(term.value)))
            for term in self.final(name).free)

    def _flag(self, names: list[str]) -> bool:
        """Take flags that only events raise again for the condition that lowers them.

        Nothing is said of what happens between the condition's end and the event.
        """
        for name in names:
            if name not in self.steady.happens:
                continue
            old, start = self.old(name), self.start(name, self.steady.module.variables[name].place)
            final, *others = self._outcomes(name)
            if all(other is start for other in others) and self._leaves(final, old):
                self.new[old] = substitute(self.terms, final, {old: start})
                self.flags.append(name)
                return True
        return False

    def _leaves(self, term: Term, old: Term) -> bool:
        """Return whether conditions choose between an old value and numbers of parameters."""
        stack = [term]
        while stack:
            one = stack.pop()
            if one.op == "if" and not one.fixed:
                if old in one.args[0].free:
                    return False
                stack += one.args[1:]
            elif one is not old and not one.fixed:
                return False
        return True

    def _random(self, names: list[str]) -> bool:
        """Find variables that keep a random number until the next one: their mean."""
        for name in names:
            term = self.final(name)
            draws = [s for s in term.symbols if s.value[0] == "draw"]
            if not draws or name in self.steady.happens or self._moves(name):
                continue
            start = self.start(name, self.steady.module.variables[name].place)
            mean = substitute(self.terms, term, {
                **dict.fromkeys(draws, self.terms.zero), self.old(name): start})
            if mean is start:
                self.new[self.old(name)] = start
                self.drawn.append(name)
                return True
        return False

    def _same(self, names: list[str]) -> bool:
        """Variables that always end as another one does."""
        by_final: dict[Term, str] = {}
        for name in self._undisturbed(names):
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
        for name in self._undisturbed(names):
            term, old = self.final(name), self.old(name)
            if old not in term.free:
                continue
            steps = self._steps(term)
            term = substitute(self.terms, term, dict.fromkeys(steps, self.dt))
            term = pruned(self.terms, term)
            if self.dt not in term.free:
                continue
            plain, low, high = Limits(self.terms, old).stripped(term)
            rest = pruned(self.terms, substitute(self.terms, plain, {self.dt: self.terms.zero}))
            if rest is not old:
                nudge = pushed_off(self.terms, rest, old)
                if nudge is None:
                    continue
                low, high = nudge.low or low, nudge.high or high
                self.nudged.append(name)
                # where it is pushed it never is, between steps
                symbol = self.terms.symbol("state", name)
                self.new |= {substitute(self.terms, test, {old: symbol}): self.terms.false
                             for test in nudge.tests}
            self.step_parameters += [str(p.value) for p in steps]
            rate = derivative(self.terms, plain, self.dt)
            rate = substitute(self.terms, rate, {self.dt: self.terms.zero})
            place = self.steady.written[name]
            symbol = self.terms.symbol("state", name)
            start = self.start(name, place)
            self.states.append(StateOf(name, symbol, rate, place, start, low, high))
            self.new[old] = symbol
            return True
        return False

    def _late(self, names: list[str]) -> bool:
        """Variables that are read before they are written: their value now."""
        for name in names:
            old = self.old(name)
            term = pruned(self.terms, self._still(self.final(name)))
            if old in term.free and name in self.steady.happens:
                continue
            kept = old in term.free and self._kept(term, old)
            if kept:
                # parameters alone decide whether it is ever written
                start = self.start(name, self.steady.module.variables[name].place)
                term = substitute(self.terms, term, {old: start})
            if old not in term.free:
                self.new[old] = term
                if not (term.fixed or kept):
                    self.late.append(name)
                return True
        return False

    @staticmethod
    def _kept(term: Term, old: Term) -> bool:
        """Return whether a term is its old value or one of its own, as parameters have it."""
        stack = [term]
        while stack:
            one = stack.pop()
            if one is old or old not in one.free:
                continue
            if one.op != "if" or not one.args[0].fixed:
                return False
            stack += one.args[1:]
        return True

    def _stop(self) -> bool:
        """Find bounds of integrals whose rate stops there: what is beyond never happens."""
        t = self.terms
        nodes = {t.symbol("node", b.first): volts
                 for b, volts in self.steady.potentials.items() if b.second == GROUND}
        changed = False
        for state in self.states:
            if state.low is None and state.high is None:
                self._stopped(state, substitute(t, self.replaced(state.rate), nodes))
                changed |= (state.low or state.high) is not None
        return changed

    def _stopped(self, state: StateOf, rate: Term) -> None:
        """Find the ends of a + b x at which the rate of x stops; it becomes the state."""
        t = self.terms
        whole = stopped(t, state.symbol, rate)
        if whole is None:
            return
        if whole is not state.symbol:
            own = state.symbol
            self._rescale(state, whole, [])
            rate = substitute(t, rate, {whole: state.symbol, own: self.new[own]})
        found = replace(state, rate=rate)
        find_limits(t, found, [rate], None)
        state.low, state.high = found.low, found.high
        for end, beyond in ((state.low, (state.symbol, state.low)),
                            (state.high, (state.high, state.symbol))):
            if end is not None:
                self.new[t.compare("<", *beyond)] = t.false

    # -- bounds ------------------------------------------------------------------------------------

    def find_bounds(self, roots: list[Term], states: list[StateOf]) -> list[Term]:
        """Take limits of states, wherever the file has them, as bounds; return the new `roots`.

        Where the file limits a + b x, not the state x itself, that becomes the state.
        """
        t = self.terms
        for state in states:
            if state.low is None or state.high is None:
                held = self.steady.holders.get(state.symbol)
                holder = None if held is None else self.between_steps(self.final(held))
                whole = scaled(t, state, roots)
                if whole is not None:
                    roots, holder = self._rescale(state, whole, roots), None
                find_limits(t, state, roots, holder)
            if state.low is None and state.high is None and state.symbol.value[0] == "idt":
                held_at = stopped(t, state.symbol, state.rate)
                if held_at is not None and held_at is not state.symbol:
                    roots = self._rescale(state, held_at, roots)
                    find_limits(t, state, roots, None)
        for state in self.states:
            state.rate = unlimited(t, state.rate, self.states)
        return [unlimited(t, root, self.states) for root in roots]

    def _rescale(self, state: StateOf, whole: Term, roots: list[Term]) -> list[Term]:
        """Make a + b x the state; return the roots of the new one."""
        t = self.terms
        slope, offset = linear(t, whole, state.symbol) or (t.one, t.zero)
        name = whole.hint.removeprefix("free_") or state.name
        symbol = t.symbol("state", name)
        new = {whole: symbol, state.symbol: t.div(t.sub(symbol, offset), slope)}
        if state.start is not None:
            state.start = t.add(offset, t.mul(slope, state.start))
        for other in self.states:
            other.rate = substitute(t, other.rate, new)
        for key, term in self.new.items():
            self.new[key] = substitute(t, term, new)
        self.new[state.symbol] = new[state.symbol]
        state.rate = t.mul(slope, state.rate)
        state.name, state.symbol, state.unit = name, symbol, ""
        return [substitute(t, root, new) for root in roots]
