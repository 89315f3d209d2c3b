"""A module's laws, parameters and states, put together as a class."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable
from typing import Any

from ...core.errors import ParameterError
from ...core.settings import closest
from ..parameters import State, range_parameters
from .algebra.calculus import chosen_factors, evaluate, linear, substitute
from .algebra.emission import law_text
from .algebra.terms import Term, Terms, TooLarge
from .analysis.bounds import StateOf
from .analysis.edges import RAMP, edges_in_voltage, ramped
from .analysis.execution import Pass
from .analysis.folds import FOLD_STEP, folded
from .analysis.memory import Memory
from .analysis.network import Laws, laws_of
from .analysis.nodes import Nodes
from .declarations import Declared, declared_parameters
from .language.tokens import refusal
from .language.tree import Module
from .model import Origin, VerilogADevice

__all__ = ["build_class"]

def build_class(
    module: Module, origin: Origin, digest: str, again: Callable[..., Any]
) -> type[VerilogADevice]:
    """Return the class of a module.

    Raises
    ------
    VerilogAError
        What is beyond the subset.
    ParameterError
        No such parameter in `fixed`, no such state in `bounds`.
    """
    return _Builder(module, origin).build(digest, again)


class _Builder:
    def __init__(self, module: Module, origin: Origin) -> None:
        self.module, self.origin = module, origin
        self.terms = Terms()
        self.nodes = Nodes(self.terms, module)
        self.fixed = dict(origin.fixed)
        for name in self.fixed:
            if name not in module.parameters or module.parameters[name].local:
                raise ParameterError(f"`fixed`: module `{module.name}` has no parameter `{name}`"
                                     f"{closest(name, module.parameters)}")
        first = Pass(self.terms, module, self.nodes, self.fixed, initial=True).run()
        steady = Pass(self.terms, module, self.nodes, self.fixed, initial=False).run()
        self.first, self.steady = first, steady
        self.declared: Declared = declared_parameters(module, steady, first, self.fixed)

    def build(self, digest: str, again: Callable[..., Any]) -> type[VerilogADevice]:
        memory = Memory(self.terms, self.first, self.steady)
        memory.resolve()
        laws = laws_of(self.nodes, memory, dict(self.origin.bounds))
        self.starts(memory)
        values = [memory.settled(value) for value in self.steady.values.values()]
        inner = [] if laws.inner is None else [laws.inner]
        roots = memory.find_bounds([laws.current, *inner, *values], laws.states)
        laws.current, *inner = roots[:1 + len(inner)]
        laws.inner = inner[0] if inner else None
        self.given_bounds(laws.states)
        amplitudes = self.noise(laws, memory)
        for state in laws.states:
            state.rate, ramp = ramped(self.terms, state.rate, [s.symbol for s in laws.states],
                                      self.declared.defaults_in_file)
            if ramp:
                self.steady.note(state.place, f"the rate of `{state.name}`", "it jumps from 0 at "
                                 f"an edge that moves with a state: a ramp over {RAMP:g} of it")
        laws.current = chosen_factors(self.terms, laws.current)
        laws.inner = None if laws.inner is None else chosen_factors(self.terms, laws.inner)
        for state in laws.states:
            state.rate = chosen_factors(self.terms, state.rate)
        names = self.state_names(laws.states)
        namespace = self.namespace(laws, names, amplitudes)
        namespace |= {
            "_again": staticmethod(again), "origin": self.origin, "file": self.origin.file,
            "module": self.module.name, "notes": tuple(self.notes(memory)),
            "__module__": f"verilog_a.{digest}", "__qualname__": self.module.name,
            "__doc__": self.document(),
        }
        return type(self.module.name, (VerilogADevice,), namespace)

    # -- states ------------------------------------------------------------------------------------

    def starts(self, memory: Memory) -> None:
        """Find where nodes start: what the file gives them as initial condition."""
        for state in memory.states:
            if state.symbol.value[0] != "node":
                continue
            for branch, volts in self.first.potentials.items():
                found = linear(self.terms, self.terms.sub(self.nodes.across(branch), volts),
                               state.symbol)
                self.start_at(state, found)
            flow = self.terms.total(
                f if b.first == state.name else self.terms.neg(f)
                for b, f in self.first.flows.items() if state.name in (b.first, b.second))
            flow = self.first_value(flow, state.symbol)  # in balance at 0 V
            if state.symbol in flow.free and not flow.symbols - {state.symbol}:
                self.start_at(state, linear(self.terms, flow, state.symbol))

    def start_at(self, state: StateOf, found: tuple[Term, Term] | None) -> None:
        """Take the zero of slope and offset as the start of a state, if it is known."""
        if found is not None and found[0] is not self.terms.zero:
            start = self.first_value(self.terms.div(self.terms.neg(found[1]), found[0]))
            state.start = start if start.fixed else state.start

    def first_value(self, term: Term, but: Term | None = None) -> Term:
        """Return a term of the first evaluation without voltages and currents, but one."""
        zero = {s: self.terms.zero for s in term.symbols
                if s.value[0] in ("v", "flow", "common", "node") and s is not but}
        return substitute(self.terms, term, zero)

    def given_bounds(self, states: list[StateOf]) -> None:
        given = dict(self.origin.bounds)
        by_name = {state.name: state for state in states}
        for name, (low, high) in given.items():
            if name in self.module.nets and name not in by_name:
                continue  # of a node that is no state
            if name not in by_name:
                raise ParameterError(f"`bounds`: module `{self.module.name}` has no state `{name}`"
                                     f"{closest(name, by_name)}" if by_name else
                                     f"`bounds`: module `{self.module.name}` has no state")
            state = by_name[name]
            if not (low < high and math.isfinite(low) and math.isfinite(high)):
                raise ParameterError(f"`bounds`: of `{name}` they must be finite and low < high; "
                                     f"got ({low:g}, {high:g})")
            if state.low is not None and state.high is not None and (
                name not in self.module.ports
            ):
                raise ParameterError(f"`bounds`: the file limits `{name}` itself")
            state.low = state.low or self.terms.number(low)
            state.high = state.high or self.terms.number(high)
        for state in states:
            self.named_bounds(state)
            for which, bound in (("low", state.low), ("high", state.high)):
                if bound is None:
                    has = "is limited to several" if state.several else f"has no {which}est value"
                    sign = "<" if which == "low" else ">"
                    raise refusal(
                        state.place, f"the state `{state.name}` {has}: limit it (`if ({state.name} "
                        f"{sign} ...)`), give its range, "
                        f"bounds={{{state.name!r}: (low, high)}}, or "
                        f"call its ends `{state.name}_min` and `{state.name}_max`")

    def named_bounds(self, state: StateOf) -> None:
        """Take parameters called ``x_min`` and ``x_max`` for ends that the file gives nowhere."""
        if state.several or (state.low is not None and state.high is not None):
            return
        found = range_parameters(state.name, (
            p.name for p in self.module.parameters.values() if p.kind != "string" and not p.local))
        if found is not None:
            low, high = (
                self.terms.number(float(self.fixed[name])) if name in self.fixed
                else self.terms.parameter(name) for name in found)
            state.low, state.high = state.low or low, state.high or high

    @staticmethod
    def state_names(states: list[StateOf]) -> dict[Term, str]:
        """Return the states' names, as words that are none of the laws' own."""
        taken: set[str] = set()
        found: dict[Term, str] = {}
        for state in states:
            name = re.sub(r"\W", "_", state.name).lstrip("_") or "state"
            if name[0].isdigit() or keyword.iskeyword(name):
                name = f"s_{name}"
            while name.lower() in taken:
                name += "_"
            taken.add(name.lower())
            found[state.symbol] = name
        return found

    def noise(self, laws: Laws, memory: Memory) -> list[tuple[Term, Term]]:
        """Take random numbers out of the rates; return amplitude and its factor of parameters."""
        t = self.terms
        found: list[tuple[Term, Term]] = []
        for state in laws.states:
            square, factor, count = t.zero, t.zero, 0
            draws = [s for s in state.rate.symbols if s.value[0] == "draw"]
            for draw in sorted(draws, key=lambda s: s.number):
                place = self.steady.draws[draw].place
                split = linear(t, state.rate, draw)
                if split is None or any(d in split[0].free for d in draws):
                    raise refusal(place, f"the rate of `{state.name}` is no linear function of "
                                         "this random number; compile the file (load_verilog_a)")
                if t.symbol("y") in split[0].free:
                    raise refusal(place, "noise that depends on a voltage inside of the device")
                step = self.step(place)
                amplitude = t.mul(split[0], t.call("sqrt", step))
                square = t.add(square, t.mul(amplitude, amplitude))
                factor = t.add(factor, t.call("abs", _factor(t, amplitude)))
                count += 1
                single = amplitude
            rate = substitute(t, state.rate, dict.fromkeys(draws, t.zero))
            state.rate = rate
            found.append((t.zero if not count else single if count == 1 else
                          t.call("sqrt", square), factor))
        del memory
        return found

    def step(self, place: Any) -> Term:
        """Return the step for which random numbers in rates are meant."""
        if self.origin.noise_step is not None:
            if not self.origin.noise_step > 0.0:
                raise ParameterError(f"`noise_step` must be > 0 second; got "
                                     f"{self.origin.noise_step!r}")
            return self.terms.number(self.origin.noise_step)
        step = self.steady.step
        if step is None or not step.fixed:
            raise refusal(place, "the noise of a rate depends on the step for which it is meant, "
                                 "and there is no $bound_step; give noise_step=... in seconds")
        return step

    # -- laws --------------------------------------------------------------------------------------

    def namespace(
        self, laws: Laws, names: dict[Term, str], amplitudes: list[tuple[Term, Term]]
    ) -> dict[str, Any]:
        t = self.terms
        limits = [self.limit(state) for state in laws.states]
        numbers = self.declared.defaults_in_file
        symbols = tuple(s.symbol for s in laws.states)
        fold = 0
        if laws.inner is not None:
            if t.symbol("y") not in laws.inner.free:
                raise refusal(self.module.place, "an equation inside of the device does not depend "
                                                 "on what it should give")
            fold = folded(t, laws.inner, symbols, limits, numbers)
            if fold < 0:
                self.turn(laws, [a for a, _ in amplitudes])
        written = {t.symbol("v"): "v", t.symbol("i"): "i", t.symbol("y"): "y",
                   **{symbol: f"x.{name}" for symbol, name in names.items()}}
        roots = [laws.current, *(s.rate for s in laws.states), *(a for a, _ in amplitudes),
                 *([laws.inner] if laws.inner is not None else [])]
        for term in set().union(*(r.free for r in roots)):
            if term.op in ("parameter", "is"):
                name = term.value if term.op == "parameter" else term.value[0]
                written[term] = f"p.{self.declared.names[name]}"
        inner = ["y"] if laws.inner is not None else []
        texts = {"current_law": law_text("current_law", ["v", "x", "p", *inner], [laws.current],
                                         written)}
        if laws.states:
            texts["rate_law"] = law_text("rate_law", ["v", "x", "p", "i", *inner],
                                         [s.rate for s in laws.states], written)
        if laws.inner is not None:
            texts["inner_law"] = law_text("inner_law", ["v", "x", "p", "y"], [laws.inner], written)
        noisy = any(a is not t.zero for a, _ in amplitudes)
        if noisy:
            texts["noise_law"] = law_text("noise_law", ["v", "x", "p", "i"],
                                          [a for a, _ in amplitudes], written)
        found: dict[str, Any] = {k: staticmethod(_function(k, text)) for k, text in texts.items()}
        found |= self.declared.parameters
        found |= {
            "name": _registry_name(self.module.name),
            "states": tuple(
                State(names[s.symbol], s.unit or self.unit(s), self.shown(limit[0], numbers),
                      self.shown(limit[1], numbers), self.shown(limit[2], numbers))
                for s, limit in zip(laws.states, limits, strict=True)
            ),
            "_limits": tuple(limits), "main_state": self.main_state(laws),
            "_noise": tuple(f for _, f in amplitudes if f is not t.zero),
            "_edges": tuple(edges_in_voltage(t, [s.rate for s in laws.states])),
            "_spelling": self.declared.spelling, "_names": self.declared.names,
            "_defaults": self.declared.dependent, "_conditions": self.declared.conditions,
            "descriptions": self.declared.descriptions,
            "_terms": (laws.current, tuple(s.rate for s in laws.states), t.symbol("v"),
                       t.symbol("i"), symbols),
        }
        if laws.inner is not None:
            found["_inner"] = (laws.inner, t.symbol("v"), t.symbol("y"), symbols)
            if fold:
                found["inner_step"] = FOLD_STEP
        return found

    def turn(self, laws: Laws, amplitudes: list[Term]) -> None:
        """Take what is left of the voltage for the unknown inside."""
        t = self.terms
        y, left = t.symbol("y"), t.symbol("left")
        if laws.inner is None or any(y in a.free for a in amplitudes):
            return

        def turned(term: Term) -> Term:
            # by a symbol between, as v - (v - y) is y again
            return substitute(t, substitute(t, term, {y: t.sub(t.symbol("v"), left)}), {left: y})

        laws.inner = t.neg(turned(laws.inner))
        laws.current = turned(laws.current)
        for state in laws.states:
            state.rate = turned(state.rate)

    def limit(self, state: StateOf) -> tuple[Term, Term, Term]:
        low, high = state.low or self.terms.zero, state.high or self.terms.zero  # both are there
        return low, high, low if state.start is None else state.start

    def shown(self, term: Term, numbers: dict[str, Any]) -> float | str:
        """Return a limit as states declare it: a number or the name of a parameter."""
        if term.op == "parameter" and term.value in self.declared.names:
            return self.declared.names[term.value]
        return float(evaluate(term, numbers))

    def unit(self, state: StateOf) -> str:
        variable = self.module.variables.get(state.name)
        attributes = variable.attributes if variable is not None else {}
        return attributes.get("units", attributes.get("unit", ""))

    @staticmethod
    def main_state(laws: Laws) -> int:
        """Return the state that sets the conductance: the first on which the current depends."""
        depends = laws.current.free | (laws.inner.free if laws.inner is not None else frozenset())
        return next((k for k, s in enumerate(laws.states) if s.symbol in depends), 0)

    def notes(self, memory: Memory) -> list[str]:
        found = [*self.steady.notes]
        found += [f"`{name}` is the step of the file's own integration: the rates are integrated "
                  "with error control, it has no effect" for name in memory.step_parameters]
        found += [f"`{name}` is read before it is written: its value now, not that of the step "
                  "before" for name in memory.late]
        found += [f"`{name}` keeps within the limits that the file has for its value: the integral "
                  "does not run on behind them" for name in memory.held]
        found += [f"`{name}` is raised by an event: it is low while its condition holds, not until "
                  "the event" for name in memory.flags]
        found += [f"`{name}` keeps its last random number where none is drawn: its mean is taken"
                  for name in memory.drawn]
        found += [f"`{name}` is pushed off its ends by the file: its range ends where it lands"
                  for name in memory.nudged]
        return found

    def document(self) -> str:
        lines = [f"`{self.module.name}` of {self.origin.file}.", "", "Parameters", "----------"]
        for name, text in self.declared.descriptions.items():
            lines += [name, f"    {text}"]
        return "\n".join(lines if self.declared.descriptions else lines[:1])


def _function(name: str, text: str) -> Callable[..., Any]:
    """Return a law; it keeps its source, by which it is differentiated."""
    scope: dict[str, Any] = {"math": math}
    try:
        exec(compile(text, "<verilog-a>", "exec"), scope)  # noqa: S102 - text of our own making
    except (SyntaxError, MemoryError, RecursionError):  # beyond what Python parses
        raise TooLarge from None
    made: Callable[..., Any] = scope[name]
    made.source_text = text  # type: ignore[attr-defined]
    return made


def _registry_name(name: str) -> str:
    found = re.sub(r"[^a-z0-9_]", "_", name.lower()).lstrip("_0123456789")
    return found or "module"


def _factor(t: Terms, term: Term) -> Term:
    """Return a factor of a term that depends on parameters alone; 1 where there is none."""
    if term.fixed:
        return term
    if term.op == "*":
        return t.mul(_factor(t, term.args[0]), _factor(t, term.args[1]))
    if term.op in ("/", "neg"):
        return _factor(t, term.args[0])
    if term.op == "if" and term.args[0].fixed:
        return t.choose(term.args[0], _factor(t, term.args[1]), _factor(t, term.args[2]))
    return t.one
