"""The analog block, carried out on terms instead of numbers, once from top to bottom.

What a variable holds before it is written in this pass is the symbol ("old", name): what it held at
the end of the last one. `memory` finds out what that means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..algebra.calculus import Facts, implied, learn, pruned
from ..algebra.terms import Term, Terms
from ..language.tokens import Place, refusal
from ..language.tree import Function, Module, Tree, Variable
from .functions import MATH, Value, called, operated, rounded, signed
from .nodes import Branch, Nodes
from .system import SystemFunctions

__all__ = ["Happening", "Integral", "Pass"]

_STEPS = 60_000  # statements that one pass carries out
_TURNS = 2_000  # of one loop
_CALLS = 40  # of functions in functions


@dataclass(frozen=True)
class Integral:
    """``idt(rate, start)``."""

    rate: Term
    start: Term | None
    place: Place


@dataclass(frozen=True)
class Happening:
    """What a variable is given at an event, ``@(cross(...))`` and its like."""

    value: Term
    event: str
    place: Place


class Pass(SystemFunctions):
    """One evaluation of a module.

    Parameters
    ----------
    initial : bool
        The first one: variables have their initial values, ``@(initial_step)`` happens.
    fixed : mapping
        Numbers and words of parameters that are known when the file is read.
    """

    def __init__(
        self, terms: Terms, module: Module, nodes: Nodes, fixed: Mapping[str, float | str], *,
        initial: bool,
    ) -> None:
        super().__init__(terms, module, initial=initial)
        self.nodes, self.fixed = nodes, fixed
        self.values: dict[str, Term] = {}
        self.flows: dict[Branch, Term] = {}
        self.potentials: dict[Branch, Term] = {}
        self.places: dict[Branch, Place] = {}
        self.written: dict[str, Place] = {}
        self.happens: dict[str, list[Happening]] = {}  # what events in time write
        self.holders: dict[Term, str] = {}  # variables that were given an integral or a node
        self.integrals: dict[int, Integral] = {}
        self.facts: Facts = {}
        self.guards: list[Term] = []
        self.locals: dict[str, str] | None = None  # kinds of the variables of a function
        self.calls: list[str] = []
        self.count = 0

    def run(self) -> Pass:
        """Carry out the analog block."""
        for statement in self.module.body:
            self.do(statement)
        return self

    # -- parameters and variables ------------------------------------------------------------------

    def kind(self, name: str) -> str:
        """Return the kind of a variable."""
        if self.locals is not None:
            return self.locals[name]
        return self.module.variables[name].kind

    def current(self, name: str) -> Term:
        """Return what a variable holds."""
        found = self.values.get(name)
        if found is not None:
            return found
        if self.locals is not None:
            return self.terms.zero
        if not self.initial:
            return self.terms.symbol("old", name)
        start = self.module.variables[name].initial
        found = self.terms.zero if start is None else self.number(start)
        self.values[name] = found
        return found

    def named(self, tree: Tree) -> Value:
        """Return a variable or parameter."""
        name = str(tree.value)
        if self.locals is not None and name in self.locals:
            return self.current(name), self.locals[name] == "integer"
        parameter = self.module.parameters.get(self.module.aliases.get(name, name))
        if parameter is not None:
            if parameter.kind == "string":
                raise refusal(tree.place, f"the text `{name}` can only be compared with `==`")
            if parameter.name in self.fixed:
                return self.terms.number(float(self.fixed[parameter.name])), (
                    parameter.kind == "integer"
                )
            if parameter.local:
                return self.converted(self.value(parameter.default), parameter.kind)
            return self.terms.parameter(parameter.name), parameter.kind == "integer"
        if self.locals is None and name in self.module.variables:
            kind = self.module.variables[name].kind
            if kind == "string":
                raise refusal(tree.place, f"`{name}`, a variable that is a text, is no part of the "
                                          "subset read here; compile the file (load_verilog_a)")
            return self.current(name), kind == "integer"
        if name == "inf":
            return self.terms.number(float("inf")), False
        raise refusal(tree.place, f"`{name}` is not declared")

    def converted(self, value: Value, kind: str) -> Value:
        """Return a value as a variable of a kind holds it."""
        term = self.terms.numeric(value[0])
        if kind == "integer" and not value[1]:
            term = rounded(self.terms, term)
        return term, kind == "integer"

    # -- expressions -------------------------------------------------------------------------------

    def number(self, tree: Tree) -> Term:
        """Return the term of an expression that is a number."""
        return self.terms.numeric(self.value(tree)[0])

    def value(self, tree: Tree) -> Value:
        """Return the term of an expression, and whether it is a whole number by its kind."""
        t = self.terms
        if tree.kind == "number":
            return t.number(tree.value[0]), tree.value[1]
        if tree.kind == "name":
            return self.named(tree)
        if tree.kind == "sign":
            return signed(t, tree.value, self.value(tree.parts[0]), tree.place)
        if tree.kind == "choose":
            return self.chosen(tree)
        if tree.kind == "call":
            return self.call(tree)
        if tree.kind == "operator":
            left, right = tree.parts
            if "text" in (left.kind, right.kind):
                return self.compared(tree), True
            if tree.value in ("&&", "||"):
                return self.joined(tree), True
            return operated(t, tree.value, self.value(left), self.value(right), tree.place,
                            first=self.initial)
        what = {"text": "a text", "nothing": "an argument that is left out",
                "port": "the flow of a port"}.get(tree.kind, f"`{tree.kind}`")
        raise refusal(tree.place, f"{what} is no number")

    def joined(self, tree: Tree) -> Term:
        """Return ``a && b`` or ``a || b``, the second where the first leaves it open."""
        first = self.terms.truthful(self.value(tree.parts[0])[0])
        decisive = tree.value == "||"
        if first.op == "truth" and first.value == decisive:
            return first
        second = self.terms.truthful(self.value(tree.parts[1])[0])
        return (self.terms.either if decisive else self.terms.both)(first, second)

    def compared(self, tree: Tree) -> Term:
        """Return whether a parameter is a word."""
        sides = sorted(tree.parts, key=lambda p: p.kind == "text")
        name, word = sides[0].value, sides[1].value
        parameter = self.module.parameters.get(self.module.aliases.get(str(name), str(name)))
        if tree.value not in ("==", "!=") or sides[0].kind != "name" or parameter is None or (
            parameter.kind != "string"
        ):
            raise refusal(tree.place, "a text can only be compared with a parameter that is one, "
                                      "by `==` or `!=`")
        if parameter.name in self.fixed:
            same = self.terms.truth(str(self.fixed[parameter.name]) == word)
        elif parameter.local:
            same = self.terms.truth(parameter.default.value == word)
        else:
            self.words.setdefault(parameter.name, []).append(str(word))
            same = self.terms.chosen(parameter.name, str(word))
        return same if tree.value == "==" else self.terms.opposite(same)

    def chosen(self, tree: Tree) -> Value:
        """Return ``a ? b : c``."""
        test = self.terms.truthful(self.value(tree.parts[0])[0])
        known = implied(self.facts, test)
        if known is not None:
            return self.value(tree.parts[1 if known else 2])
        sides: list[Value] = []
        before = self.facts
        for holds in (True, False):
            self.facts = learn(before, test, holds=holds) or before
            sides.append(self.value(tree.parts[1 if holds else 2]))
        self.facts = before
        (a, m), (b, n) = sides
        if not (a.boolean and b.boolean):
            a, b = self.terms.numeric(a), self.terms.numeric(b)
        return self.terms.choose(test, a, b), m and n

    def call(self, tree: Tree) -> Value:
        """Return a function's value."""
        name = str(tree.value)
        if name in self.module.functions:
            return self.inlined(self.module.functions[name], tree)
        access = self.nodes.functions.get(name)
        if access is not None and name not in MATH:
            if self.locals is not None:
                raise refusal(tree.place, f"a function cannot read `{name}(...)`; give it as an "
                                          "argument")
            branch, sign = self.nodes.branch(tree)
            if access == "potential":
                return self.signed(self.nodes.across(branch), sign), False
            if branch is None:
                return self.terms.zero, False
            return self.signed(self.terms.symbol("flow", branch), sign), False
        if name in ("idt", "ddt") and self.locals is None:
            return self.operator(tree), False
        if name == "ddx" and self.locals is None:
            return self.nodes.slope(tree, self.number), False
        short = name.removeprefix("$")
        if short in MATH:
            return called(self.terms, short, [self.value(p) for p in tree.parts], tree.place)
        return self.system(tree, lambda part: self.value(part)[0])

    def signed(self, term: Term, sign: float) -> Term:
        """Return a term or its opposite."""
        return term if sign > 0 else self.terms.neg(term)

    def operator(self, tree: Tree) -> Term:
        """Return ``ddt(...)`` or ``idt(...)``, a symbol."""
        given = [self.number(p) for p in tree.parts if p.kind not in ("text", "nothing")]
        if tree.value == "ddt":
            if not given:
                raise refusal(tree.place, "`ddt` takes what is differentiated")
            self.rates.append((given[0], tree.place))
            return self.terms.zero if self.initial else self.terms.symbol(
                "ddt", len(self.rates) - 1)
        if not 1 <= len(given) <= 2:
            raise refusal(tree.place, "`idt` with a condition that resets it is no law of a state; "
                                      "compile the file (load_verilog_a)" if given else
                          "`idt` takes what is integrated")
        if any(not guard.fixed for guard in self.guards):
            raise refusal(tree.place, "`idt` stands under a condition that changes in time; "
                                      "integrate a rate that is 0 there instead")
        start = given[1] if len(given) > 1 else None
        self.integrals[id(tree)] = Integral(given[0], start, tree.place)
        if self.initial:
            return start if start is not None else self.terms.zero
        return self.terms.symbol("idt", id(tree))

    def inlined(self, function: Function, tree: Tree) -> Value:
        """Carry out a function of the user with its arguments."""
        if function.name in self.calls or len(self.calls) >= _CALLS:
            raise refusal(tree.place, f"function `{function.name}` calls itself")
        if len(tree.parts) != len(function.arguments):
            raise refusal(tree.place, f"`{function.name}` takes {len(function.arguments)} "
                                      f"arguments; got {len(tree.parts)}")
        kinds = {n: v.kind for n, v in function.variables.items()}
        kinds[function.name] = function.kind
        for _, name in function.arguments:
            kinds.setdefault(name, "real")
        inside: dict[str, Term] = {}
        for (way, name), part in zip(function.arguments, tree.parts, strict=True):
            if way != "output":
                inside[name] = self.converted(self.value(part), kinds[name])[0]
        outer = self.values, self.locals
        self.values, self.locals = inside, kinds
        self.calls.append(function.name)
        for name, variable in function.variables.items():
            if variable.initial is not None and name not in inside:
                self.values[name] = self.converted(self.value(variable.initial), kinds[name])[0]
        for statement in function.body:
            self.do(statement)
        self.calls.pop()
        result = self.current(function.name)
        back = {name: self.current(name) for way, name in function.arguments if way != "input"}
        self.values, self.locals = outer
        for (way, name), part in zip(function.arguments, tree.parts, strict=True):
            if way != "input":
                self.assign(part, (back[name], kinds[name] == "integer"))
        return result, function.kind == "integer"

    # -- statements --------------------------------------------------------------------------------

    def assign(self, target: Tree, value: Value) -> None:
        """Write a variable."""
        name = str(target.value)
        known = self.locals if self.locals is not None else self.module.variables
        if target.kind not in ("name", "assign") or name not in known:
            what = "a parameter" if name in self.module.parameters else "no variable"
            raise refusal(target.place, f"`{name}` is {what}: it cannot be written")
        term = self.converted(value, self.kind(name))[0]
        if term.args and not term.hint:
            term.hint = name
        self.values[name] = term
        if self.locals is None:
            self.written[name] = target.place
            if term.op == "symbol":
                self.holders.setdefault(term, name)

    def do(self, tree: Tree) -> None:
        """Carry out a statement."""
        self.count += 1
        if self.count > _STEPS:
            raise refusal(tree.place, f"more than {_STEPS:,} statements are carried out up to here")
        _STATEMENTS[tree.kind](self, tree)

    def block(self, tree: Tree) -> None:
        """Carry out statements in order."""
        for part in tree.parts:
            self.do(part)

    def declare(self, tree: Tree) -> None:
        """Make a variable of a block."""
        name, kind = tree.value
        if self.locals is not None:
            self.locals.setdefault(name, kind)
        elif name not in self.module.variables:
            self.module.variables[name] = Variable(name, kind, tree.place)
        if tree.parts:
            self.values[name] = self.converted(self.value(tree.parts[0]), kind)[0]

    def set(self, tree: Tree) -> None:
        """Carry out an assignment."""
        self.assign(tree, self.value(tree.parts[0]))

    def condition(self, tree: Tree) -> None:
        """Carry out both sides of a condition, and join what they did."""
        t = self.terms
        test = t.truthful(self.value(tree.parts[0])[0])
        known = implied(self.facts, test)
        if known is not None:
            self.do(tree.parts[1 if known else 2])
            return
        values, flows, volts = self.values, self.flows, self.potentials
        before = self.facts
        ends: list[tuple[dict[str, Term], dict[Branch, Term], dict[Branch, Term]]] = []
        self.guards.append(test)
        for holds in (True, False):
            self.values, self.flows, self.potentials = dict(values), dict(flows), dict(volts)
            self.facts = learn(before, test, holds=holds) or before
            self.do(tree.parts[1 if holds else 2])
            ends.append((self.values, self.flows, self.potentials))
        self.guards.pop()
        self.facts = before
        (one, flows, volts), (two, other_flows, other_volts) = ends
        joined: dict[str, Term] = {}
        for name in {**one, **two}:
            self.values = one
            a = self.current(name)
            self.values = two
            b = self.current(name)
            joined[name] = t.choose(test, a, b)
            if self.locals is None and t.symbol("old", name) in joined[name].free:
                # `if (a) x = 1; if (!a) x = 2;` leaves nothing of the old x
                joined[name] = pruned(t, joined[name], 200)
            if joined[name].args and not joined[name].hint:
                joined[name].hint = name
        self.values = joined
        self.flows = {b: t.choose(test, flows.get(b, t.zero), other_flows.get(b, t.zero))
                      for b in {**flows, **other_flows}}
        self.potentials = {
            b: t.choose(test, volts.get(b, t.zero), other_volts.get(b, t.zero))
            for b in {**volts, **other_volts}
        }
        for branch in self.potentials:
            if (branch in volts) != (branch in other_volts):
                names = sorted(str(p.value) for p in test.free if p.op == "parameter")
                raise refusal(
                    self.places[branch], f"the voltage of `{branch}` is given under a condition "
                    "only: a branch that switches is no part of the subset read here; " +
                    (f"fix what decides it, fixed={{{names[0]!r}: ...}}, or "
                     if names and test.fixed else "") + "compile the file (load_verilog_a)")

    def turns(self, tree: Tree) -> None:
        """Carry out a loop whose end is known."""
        parts = tree.parts
        if tree.kind == "repeat":
            times = self.number(parts[0])
            if times.op != "number":
                self.endless(tree, times)
            if times.value > _TURNS:
                raise refusal(tree.place, f"a loop of more than {_TURNS:,} turns")
            for _ in range(int(times.value)):
                self.do(parts[1])
            return
        if tree.kind == "for":
            self.do(parts[0])
        test, body = (parts[1], parts[3]) if tree.kind == "for" else (parts[0], parts[1])
        for _ in range(_TURNS):
            found = self.terms.truthful(self.value(test)[0])
            if found.op != "truth":
                self.endless(tree, found)
            if not found.value:
                return
            self.do(body)
            if tree.kind == "for":
                self.do(parts[2])
        raise refusal(tree.place, f"a loop of more than {_TURNS:,} turns")

    def endless(self, tree: Tree, test: Term) -> None:
        """Refuse a loop whose end is not known when the file is read."""
        names = sorted(str(x.value) for x in test.free if x.op == "parameter")
        hint = f"fix {names[0]} (fixed={{...}}), or " if names and test.fixed else ""
        raise refusal(tree.place, "a loop whose end is not known when the file is read; "
                                  f"{hint}compile the file (load_verilog_a)")

    def contribute(self, tree: Tree) -> None:
        """Add to the flow or the voltage of a branch."""
        target = tree.parts[0]
        access = self.nodes.functions.get(str(target.value))
        if access is None or self.locals is not None:
            raise refusal(tree.place, f"`{target.value}(...) <+`: there is no such access function "
                                      "here")
        branch, sign = self.nodes.branch(target)
        term = self.signed(self.number(tree.parts[1]), sign)
        if branch is None:
            raise refusal(tree.place, "both ends of the branch are one node")
        mine, other = (self.potentials, self.flows) if access == "potential" else (
            self.flows, self.potentials)
        if branch in other:
            raise refusal(tree.place, f"both flow and voltage of `{branch}` are given: a branch "
                                      "that switches is no part of the subset read here; compile "
                                      "the file (load_verilog_a)")
        mine[branch] = self.terms.add(mine.get(branch, self.terms.zero), term)
        self.places.setdefault(branch, tree.place)

    def event(self, tree: Tree) -> None:
        """Carry out what happens at an event."""
        *events, inside = tree.parts
        names = {str(e.value) for e in events}
        if names <= _FIRST:
            if self.initial:
                self.do(inside)
            return
        if names == {"final_step"}:
            self.note(tree.place, "@(final_step)", "nothing happens at the end of a run")
            return
        if self.initial and names & _FIRST:
            self.do(inside)
            return
        shown = f"@({', '.join(sorted(names))})"
        if _only_tasks(inside):
            self.note(tree.place, shown, "the step control finds such points by itself")
        elif not self.initial:
            self.happening(tree.place, shown, inside)

    def happening(self, place: Place, shown: str, inside: Tree) -> None:
        """Carry out an event aside: what it would write is remembered, and nothing happens now."""
        before = dict(self.values), dict(self.flows), dict(self.potentials)
        self.do(inside)
        values, self.values = self.values, before[0]
        if (self.flows, self.potentials) != before[1:]:
            raise refusal(place, f"{shown}: a contribution at an event")
        for name in values:
            if values[name] is not self.current(name):
                self.happens.setdefault(name, []).append(Happening(values[name], shown, place))

    def task(self, tree: Tree) -> None:
        """Note what a system task asks for."""
        if tree.value in self.module.functions:
            self.inlined(self.module.functions[tree.value], tree)
            return
        self.system_task(tree, self.number)


_FIRST = {"initial_step", "initial_instance", "initial_model"}  # the last two of ADMS


def _only_tasks(tree: Tree) -> bool:
    return tree.kind == "task" or (tree.kind == "block" and all(map(_only_tasks, tree.parts)))


_STATEMENTS: dict[str, Callable[[Pass, Tree], None]] = {
    "block": Pass.block, "assign": Pass.set, "if": Pass.condition, "contribute": Pass.contribute,
    "event": Pass.event, "task": Pass.task, "for": Pass.turns, "while": Pass.turns,
    "repeat": Pass.turns, "declare": Pass.declare,
}
