"""Kirchhoff's laws of a module: its current, the rates of its states, and what is left unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..algebra.calculus import below, derivative, inverse, linear, substitute
from ..algebra.terms import Term, Terms
from ..language.tokens import Place, refusal
from .bounds import StateOf
from .memory import Memory
from .nodes import GROUND, Branch, Nodes

__all__ = ["Laws", "laws_of"]

_OSDI = "compile the file (load_verilog_a)"


@dataclass
class Laws:
    """The laws of a device, of the symbols "v", "i", "y" and those of its states."""

    current: Term
    states: list[StateOf]
    inner: Term | None = None
    notes: list[str] = field(default_factory=list)


def laws_of(
    nodes: Nodes, memory: Memory, ranges: Mapping[str, tuple[float, float]]
) -> Laws:
    """Return the laws of a module; `ranges` are of nodes that are solved for, by name.

    Raises
    ------
    VerilogAError
        What has no equation, or more unknowns than a device can solve for, by its line.
    """
    return _Network(nodes, memory, ranges).laws()


class _Network:
    def __init__(
        self, nodes: Nodes, memory: Memory, ranges: Mapping[str, tuple[float, float]]
    ) -> None:
        self.ranges = ranges
        self.nodes, self.memory, self.t = nodes, memory, memory.terms
        self.module, self.places = nodes.module, memory.steady.places
        steady = memory.steady
        self.flows = {b: memory.settled(f) for b, f in steady.flows.items()}
        self.volts = {b: memory.settled(v) for b, v in steady.potentials.items()}
        self.stored = [(memory.settled(q), place) for q, place in steady.rates]
        self.known: dict[Term, Term] = {}  # symbols by their equations
        self.residuals: dict[Term, tuple[Term, Place]] = {}  # unknowns, and what must be 0
        self.main = Branch(nodes.positive, nodes.negative)

    def flow(self, branch: Branch) -> Term:
        return self.t.symbol("flow", branch)

    def laws(self) -> Laws:
        for branch in list(self.volts):
            self.given_voltage(branch)
        for name in self.module.nets:
            if name not in (self.nodes.positive, self.nodes.negative) and (
                name not in self.module.grounds
            ):
                self.node(name)
        for branch, flow in self.flows.items():
            self.known[self.flow(branch)] = flow
        total = self.t.total(self.leaving(self.nodes.positive))
        states = self.memory.states
        # where one branch leaves the terminal, its flow in the rates is the current itself
        at_terminal = [b for b in self.flows if self.nodes.positive in (b.first, b.second)]
        current = self.t.symbol("i")
        short = {self.flow(b): current if b.first == self.nodes.positive else self.t.neg(current)
                 for b in at_terminal} if len(at_terminal) == 1 else {}
        total = self.solved(total)
        for state in states:
            state.rate = self.solved(substitute(self.t, state.rate, short))
        return self.finished(total, states)

    # -- equations ---------------------------------------------------------------------------------

    def incident(self, name: str) -> list[Branch]:
        return [b for b in (*self.flows, *self.volts) if name in (b.first, b.second)]

    def leaving(self, name: str, but: Branch | None = None) -> Iterable[Term]:
        """Return the flows that leave a node."""
        for branch in self.flows:
            if branch is not but and name in (branch.first, branch.second):
                flow = self.flows[branch]
                yield flow if branch.first == name else self.t.neg(flow)

    def given_voltage(self, branch: Branch) -> None:
        """Turn ``V(a, b) <+ ...`` into a flow, or into the potential of a node."""
        t, place = self.t, self.places[branch]
        volts = self.volts.pop(branch)
        own = self.flow(branch)
        across = self.nodes.across(branch)
        if own in volts.free:
            found = inverse(t, volts, own, across)
            if found is None:
                raise refusal(place, f"the voltage of `{branch}` is neither a linear function of "
                                     "its own current nor a cubic one without square: write it "
                                     f"as I({branch}) <+ ..., or {_OSDI}")
            self.flows[branch] = found
            return
        ends = [e for e in (branch.first, branch.second) if e != GROUND and e not in (
            self.nodes.positive, self.nodes.negative) and self.nodes.inner(e) not in self.known]
        if not ends:
            raise refusal(place, f"the voltage of `{branch}` does not depend on its current: a "
                                 "source is no device")
        inside = ends[0]
        symbol = self.nodes.inner(inside)
        solved = linear(t, t.sub(across, volts), symbol)
        if solved is None or solved[0] is t.zero:
            # V(x) <+ f(V(x)): an equation of its own
            self.residuals[symbol] = (t.sub(across, volts), place)
        else:
            self.known[symbol] = t.div(t.neg(solved[1]), solved[0])
        if own in self.used() or any(b is not branch for b in self.incident(inside)):
            others = t.neg(t.total(self.leaving(inside)))
            self.flows[branch] = others if branch.first == inside else t.neg(others)

    def used(self) -> set[Term]:
        """Return the symbols in all equations."""
        found: set[Term] = set()
        for term in (*self.flows.values(), *self.volts.values(),
                     *(s.rate for s in self.memory.states)):
            found |= term.symbols
        return found

    def node(self, name: str) -> None:
        """Find the equation of a node inside: a state, or what must be 0."""
        t = self.t
        symbol = self.nodes.inner(name)
        if symbol in self.known or symbol in self.residuals:
            return
        if not self.incident(name):
            if symbol in self.used():
                raise refusal(self.nodes.place_of(name),
                              f"nothing flows to the node `{name}`: it has no equation, and a "
                              f"device has two terminals; {_OSDI}")
            return
        place = next(self.places[b] for b in self.incident(name) if b in self.places)
        if name in self.module.ports and name not in self.ranges:
            raise refusal(place, f"the port `{name}` is a third terminal, and a device has two; "
                                 "if it only shows a state, say so, "
                                 f"bounds={{{name!r}: (low, high)}}, or {_OSDI}")
        whole = t.total(self.leaving(name))
        stored = [s for s in whole.symbols if s.value[0] == "ddt"]
        if not stored:
            self.residuals[symbol] = (whole, place)
            return
        capacity = t.zero
        static = substitute(t, whole, dict.fromkeys(stored, t.zero))
        for one in stored:
            found = linear(t, whole, one)
            charge, where = self.stored[one.value[1]]
            if found is None or charge.symbols - {symbol, self.nodes.common}:
                raise refusal(where, f"`ddt` at the node `{name}` must be of its own potential "
                                     f"alone; {_OSDI}")
            capacity = t.add(capacity, t.mul(found[0], derivative(t, charge, symbol)))
        if capacity is t.zero:
            self.residuals[symbol] = (static, place)
            return
        unit = self.module.disciplines[self.module.nets[name]].unit
        rate = t.div(t.neg(static), capacity)
        self.memory.states.append(StateOf(name, symbol, rate, place, unit=unit))

    # -- solution ----------------------------------------------------------------------------------

    def solved(self, term: Term) -> Term:
        """Return a term with all symbols replaced that have an explicit equation."""
        done: dict[Term, Term] = {}

        def resolve(symbol: Term, path: tuple[Term, ...]) -> Term:
            if symbol in done:
                return done[symbol]
            if symbol in path:
                self.residuals.setdefault(
                    symbol, (self.t.sub(symbol, self.known[symbol]), self.place_of(symbol)))
                return symbol
            found = expand(self.known[symbol], (*path, symbol))
            if symbol in self.residuals:
                found = symbol
            done[symbol] = found
            return found

        def expand(one: Term, path: tuple[Term, ...]) -> Term:
            inside = [s for s in one.symbols if s in self.known and s not in self.residuals]
            return substitute(self.t, one, {s: resolve(s, path) for s in inside})

        return expand(term, ())

    def place_of(self, symbol: Term) -> Place:
        kind, name = symbol.value
        return self.places.get(name, self.module.place) if kind == "flow" else (
            self.nodes.place_of(name))

    def finished(self, total: Term, states: list[StateOf]) -> Laws:
        """Solve what is left, one unknown at most by the device itself."""
        t = self.t
        roots = {"": total, **{f"rate {k}": s.rate for k, s in enumerate(states)}}
        equations = {u: (self.solved(g), where) for u, (g, where) in self.residuals.items()}
        equations |= {u: (self.solved(g), where) for u, (g, where) in self.residuals.items()
                      if u not in equations}
        while True:
            wanted = set().union(*(r.symbols for r in roots.values()))
            reached: set[Term] = set()
            while new := {u for u in equations if u in wanted and u not in reached}:
                reached |= new
                for u in new:
                    wanted |= equations[u][0].symbols
            equations = {u: g for u, g in equations.items() if u in reached}
            simple = self.explicit(equations)
            if simple is None:
                break
            unknown, value = simple
            del equations[unknown]
            roots = {k: substitute(t, r, {unknown: value}) for k, r in roots.items()}
            equations = {u: (substitute(t, g, {unknown: value}), where)
                         for u, (g, where) in equations.items()}
        if len(equations) > 1:
            named = " and ".join(f"`{_shown(u)}`" for u in equations)
            raise refusal(next(iter(equations.values()))[1],
                          f"{named} must be solved for together, and a device solves for one "
                          f"unknown; give one of them a capacity, or {_OSDI}")
        inner = None
        for unknown, (g, where) in equations.items():
            inner, replaced = self.inner(unknown, g, where)
            roots = {k: substitute(t, r, replaced) for k, r in roots.items()}
        for k, state in enumerate(states):
            state.rate = roots[f"rate {k}"]
        laws = Laws(roots[""], states, inner)
        self.check(laws)
        return laws

    def explicit(self, equations: dict[Term, tuple[Term, Place]]) -> tuple[Term, Term] | None:
        """Return an unknown and its value, where an equation, or the sum of two, is linear in it.

        The sum of two nodes' equations is that of both together, without what flows between them.
        """
        t = self.t
        for unknown, (g, _) in equations.items():
            found = linear(t, g, unknown)
            if found is not None and found[0] is not t.zero:
                return unknown, t.div(t.neg(found[1]), found[0])
        pairs = [(a, b) for a in equations for b in equations if a is not b]
        for one, other in pairs:
            both = _sum(t, equations[one][0], equations[other][0])
            found = linear(t, both, one)
            if found is not None and found[0] is not t.zero:
                return one, t.div(t.neg(found[1]), found[0])
        for one, other in pairs:  # in series: what one equation says of a flow is put in the other
            for flow, same in _equal(t, equations[other][0]):
                found = linear(t, substitute(t, equations[one][0], {flow: same}), one)
                if found is not None and found[0] is not t.zero:
                    return one, t.div(t.neg(found[1]), found[0])
        return None

    def inner(
        self, unknown: Term, residual: Term, where: Place
    ) -> tuple[Term, dict[Term, Term]]:
        """Return a law that is 0 at y, between 0 and v and rising, and what y makes of symbols."""
        t = self.t
        y, v = t.symbol("y"), self.nodes.voltage
        kind, name = unknown.value
        if kind == "node" and self.module.nets[name] == "electrical":
            return substitute(t, residual, {unknown: y}), {unknown: y}
        if kind == "flow":
            current = substitute(t, self.known[unknown], {})
            for node in _cuts(t, current, unknown, v):
                cut = substitute(t, current, {node: y})
                if unknown in cut.free:
                    continue
                law = t.sub(y, substitute(t, node, {unknown: cut}))
                return self.solved(law), {unknown: self.solved(cut), node: y}
        if kind == "node" and name in self.ranges:
            low, high = map(t.number, self.ranges[name])
            share = t.choose(t.compare("==", v, t.zero), t.zero, t.div(y, v))
            value = t.add(low, t.mul(t.sub(high, low), share))
            law = substitute(t, residual, {unknown: value})
            return t.choose(t.compare("<", v, t.zero), t.neg(law), law), {unknown: value}
        hint = f"give its range, bounds={{{name!r}: (low, high)}}, or " if kind == "node" else ""
        raise refusal(where, f"`{_shown(unknown)}` is given by an equation in which it stands "
                             f"itself, and not as a voltage in series; {hint}{_OSDI}")

    def check(self, laws: Laws) -> None:
        """Refuse laws of what no device knows."""
        good = {self.nodes.voltage, self.t.symbol("i"), self.t.symbol("y"),
                *(s.symbol for s in laws.states)}
        places = [(laws.current, self.places.get(self.main, self.module.place)),
                  *((s.rate, s.place) for s in laws.states)]
        if laws.inner is not None:
            places.append((laws.inner, places[0][1]))
        for number, (term, place) in enumerate(places):
            for symbol in sorted(term.symbols - good, key=lambda s: s.number):
                kind, name = symbol.value
                if kind == "draw" and 0 < number <= len(laws.states):
                    continue
                raise refusal(*self.reason(kind, name, symbol, place))

    def reason(self, kind: str, name: object, symbol: Term, place: Place) -> tuple[Place, str]:
        if kind == "ddt":
            where = self.stored[int(str(name))][1]
            return where, ("a charge between the terminals is no part of a device's law; give it "
                           f"as array(capacitance=...) or as a capacitor beside it, or {_OSDI}")
        if kind == "time":
            return place, ("a law that depends on the time itself ($abstime) is none of a device; "
                           f"{_OSDI}")
        if kind == "draw":
            where = self.memory.steady.draws[symbol].place
            return where, ("a random number in the current itself, not in the rate of a state; "
                           f"{_OSDI}")
        if kind == "common":
            return place, ("the potential of a terminal against the ground is used, and a device "
                           "of two terminals knows the voltage between them; write V(p, n)")
        if kind == "flow":
            return place, f"the current of `{name}` has no equation"
        return place, f"`{name}` has no equation; a device has two terminals; {_OSDI}"


def _shown(symbol: Term) -> str:
    kind, name = symbol.value
    return f"I({name})" if kind == "flow" else f"V({name})"


def _cuts(terms: Terms, root: Term, unknown: Term, v: Term) -> list[Term]:
    """Return the voltages v - ... through which alone `root` depends on `unknown`, if any."""
    return [
        term for term in reversed(below(root))
        if unknown in term.free and v in _summands(term) and linear(terms, term, unknown)
    ]


def _equal(t: Terms, residual: Term) -> list[tuple[Term, Term]]:
    """Return what is equal where a residual is 0, both ways."""
    if residual.op == "neg":
        return _equal(t, residual.args[0])
    if residual.op not in ("+", "-"):
        return []
    a, b = residual.args
    other = b if residual.op == "-" else t.neg(b)
    mirrored = a if residual.op == "-" else t.neg(a)
    return [(one.args[0], t.neg(same)) if one.op == "neg" else (one, same)
            for one, same in ((a, other), (b, mirrored)) if not one.fixed]


def _sum(t: Terms, a: Term, b: Term) -> Term:
    """Return a + b without what is in both with opposite signs."""
    parts: dict[Term, int] = {}
    stack = [(a, 1), (b, 1)]
    while stack:
        one, sign = stack.pop()
        if one.op in ("+", "-"):
            stack += [(one.args[0], sign), (one.args[1], sign if one.op == "+" else -sign)]
        elif one.op == "neg":
            stack.append((one.args[0], -sign))
        else:
            parts[one] = parts.get(one, 0) + sign
    return t.total(t.mul(t.number(float(count)), one) for one, count in parts.items() if count)


def _summands(term: Term) -> list[Term]:
    """Return what is added in a sum."""
    found: list[Term] = []
    stack = [term]
    while stack:
        one = stack.pop()
        if one.op == "+":
            stack += one.args
        elif one.op == "-":
            stack.append(one.args[0])
        else:
            found.append(one)
    return found
