"""System functions and tasks: temperature, time, random numbers, and what a law has no use for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....core.errors import VerilogAError
from ..algebra.terms import Term, Terms
from ..language.tokens import Place, refusal
from ..language.tree import Module, Tree
from .functions import Value

__all__ = ["TEMPERATURE", "Draw", "SystemFunctions"]

TEMPERATURE = "temperature"  # the parameter that is $temperature
_VT = 1.380649e-23 / 1.602176634e-19  # volt per kelvin
_STATIC = {"static", "ic", "nodeset", "dc"}
_SILENT = {
    "$strobe", "$display", "$write", "$monitor", "$debug", "$fstrobe", "$fdisplay", "$fwrite",
    "$fopen", "$fclose", "$info", "$warning", "$error", "$fatal", "$finish", "$stop",
    "$discontinuity", "$fmonitor", "$sformat", "$swrite",
}
_OTHERS = {
    "transition": "a transition filter", "slew": "a slew filter",
    "last_crossing": "the time of a crossing", "idtmod": "an integral that wraps around",
    "laplace_nd": "a filter", "laplace_np": "a filter", "laplace_zd": "a filter",
    "laplace_zp": "a filter", "zi_nd": "a filter", "zi_np": "a filter", "zi_zd": "a filter",
    "zi_zp": "a filter", "ac_stim": "a source of its own", "$table_model": "a table",
    "ddx": "a derivative inside of a function",
    "$param_given": "whether a parameter is given",
    "$port_connected": "whether a port is connected",
}


@dataclass(frozen=True)
class Draw:
    """A random number: the symbol of one with mean 0 and spread 1, and where it is drawn."""

    symbol: Term
    place: Place


class SystemFunctions:
    """What the system functions of one pass leave behind.

    Attributes
    ----------
    notes : list of str
        What the file asks for and a law has no use for, with lines.
    words : dict
        Words with which parameters that are texts are compared.
    rates : list
        What ``ddt`` is taken of, and where.
    step : Term or None
        Of ``$bound_step``.
    """

    def __init__(self, terms: Terms, module: Module, *, initial: bool) -> None:
        self.terms, self.module, self.initial = terms, module, initial
        self.notes: list[str] = []
        self.words: dict[str, list[str]] = {}
        self.rates: list[tuple[Term, Place]] = []
        self.draws: dict[Term, Draw] = {}
        self.step: Term | None = None
        self.warm = False  # whether $temperature is used

    def note(self, place: Place, what: str, message: str) -> None:
        """Remember what has no effect."""
        text = f"line {place.line}: {what}: {message}"
        if text not in self.notes:
            self.notes.append(text)

    def temperature(self) -> Term:
        """Return $temperature, a parameter, kelvin."""
        self.warm = True
        name = TEMPERATURE + "_" * (TEMPERATURE in self.module.parameters)
        return self.terms.parameter(name)

    def refused(self, tree: Tree) -> VerilogAError:
        """Return the error of a function that no law has."""
        if tree.value == "absdelay":
            return refusal(tree.place, "`absdelay`: what delays a signal has no finite number of "
                                       "states, so it is no law of a device; put a transmission "
                                       "line (element T) beside it")
        what = _OTHERS.get(str(tree.value))
        said = f"`{tree.value}`, {what}," if what else f"the function `{tree.value}`"
        return refusal(tree.place, f"{said} is no part of the subset read here; compile the file "
                                  "(load_verilog_a)")

    def system(self, tree: Tree, value: Callable[[Tree], Term]) -> Value:
        """Return a system function's value."""
        t, name, given = self.terms, str(tree.value), tree.parts
        if name == "$temperature":
            return self.temperature(), False
        if name == "$vt":
            warm = t.numeric(value(given[0])) if given else self.temperature()
            return t.mul(t.number(_VT), warm), False
        if name in ("$abstime", "$realtime"):
            return (t.zero if self.initial else t.symbol("time")), False
        if name == "analysis":
            kinds = {str(p.value) for p in given}
            now = {"tran", *_STATIC} if self.initial else {"tran"}
            return t.truth(bool(kinds & now)), True
        if name == "$mfactor":
            return t.one, False
        if name == "$simparam":
            if len(given) < 2:
                raise refusal(tree.place, "`$simparam` needs a default: there is no simulator here "
                                          "that has the parameter")
            self.note(tree.place, "$simparam", "its default is taken")
            return t.numeric(value(given[1])), False
        if name == "$limit" and given:
            self.note(tree.place, "$limit", "Newton's iteration has limits of its own")
            return t.numeric(value(given[0])), False
        if name in ("white_noise", "flicker_noise", "noise_table", "noise_table_log"):
            self.note(tree.place, name, "left out: it is 0 but in a noise analysis, which devices "
                      "do not have")
            return t.zero, False
        if name in ("$random", "$arandom"):
            return self.draw(tree, -2147483648.0, 2147483647.0, "uniform")
        if name.removeprefix("$rdist_").removeprefix("$dist_") in ("normal", "uniform"):
            return self.distributed(tree, value)
        raise self.refused(tree)

    def distributed(self, tree: Tree, value: Callable[[Tree], Term]) -> Value:
        """Return ``$rdist_normal(seed, mean, deviation)`` or ``$rdist_uniform(seed, a, b)``."""
        name = str(tree.value)
        given = [p for p in tree.parts if p.kind != "text"]
        if len(given) != 3:
            raise refusal(tree.place, f"`{name}` takes a seed and two numbers; got {len(given)} "
                                      "arguments")
        a, b = (self.terms.numeric(value(p)) for p in given[1:])
        return self.draw(tree, a, b, "normal" if name.endswith("normal") else "uniform")

    def draw(
        self, tree: Tree, first: Term | float, second: Term | float, law: str
    ) -> Value:
        """Return a random number: its mean, and its spread times a symbol."""
        t = self.terms
        a, b = (t.number(x) if isinstance(x, float) else x for x in (first, second))
        mean, spread = a, b
        if law == "uniform":
            mean = t.mul(t.number(0.5), t.add(a, b))
            spread = t.div(t.sub(b, a), t.number(12.0**0.5))
        if self.initial:
            return mean, False
        symbol = t.symbol("draw", len(self.draws))
        self.draws[symbol] = Draw(symbol, tree.place)
        return t.add(mean, t.mul(spread, symbol)), False

    def system_task(self, tree: Tree, number: Callable[[Tree], Term]) -> None:
        """Note what a task asks for."""
        name = str(tree.value)
        if name == "$bound_step" and tree.parts:
            self.step = number(tree.parts[0])
            self.note(tree.place, name, "steps follow the error control")
        elif name in _SILENT:
            self.note(tree.place, name, "left out")
        elif name.startswith("$"):
            raise refusal(tree.place, f"the task `{name}` is no part of the subset read here; "
                                      "compile the file (load_verilog_a)")
        else:
            raise refusal(tree.place, f"`{name}(...)` does nothing: expected `<+` or `=`")
