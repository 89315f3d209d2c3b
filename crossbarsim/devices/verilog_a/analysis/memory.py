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
from .bounds import Limits, StateOf, find_limits, pushed_off, scaled, unlimited
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
            found = (self._constant(needed) or self._same(needed) or self._stepped(needed)
                     or self._late(needed))
            if not found:
                name = needed[0]
                switches = sorted({
                    str(p.value) for term in below(self.final(name))
                    if term.op == "if" and term.args[0].fixed for p in term.args[0].free})
                hint = f"such as {', '.join(switches[:3])}, " if switches else ""
                raise refusal(
                    steady.written.get(name, steady.module.variables[name].place),
                    f"`{name}` keeps its value from one evaluation to the next in a way that is no "
                    "differential equation; compile the file (load_verilog_a), or fix parameters, "
                    f"{hint}that switch this part off (fixed={{...}})")
            needed = [n for n in self._needed() if self.old(n) not in self.new]
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
        found = self.replaced(term)
        zero = {self.dt: self.terms.zero}
        for name in self.step_parameters:
            zero[self.terms.parameter(name)] = self.terms.zero
        return substitute(self.terms, found, zero)

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
            plain, low, high = Limits(self.terms, old).stripped(term)
            rest = pruned(self.terms, substitute(self.terms, plain, {self.dt: self.terms.zero}))
            if rest is not old:
                nudge = pushed_off(self.terms, rest, old)
                if nudge is None:
                    continue
                low, high = nudge[0] or low, nudge[1] or high
                self.nudged.append(name)
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
            term = pruned(self.terms, substitute(
                self.terms, self.final(name), {self.dt: self.terms.zero}))
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
