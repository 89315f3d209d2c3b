"""A device as a Verilog-A module, from the laws that are compiled for the solver.

A state is its start plus its range times the voltage of an inner node, at which a capacitor of 1 F
takes the rate as a current. That voltage is 0 V at the start, so also without an operating point.
Operating points hold the states. An inner unknown is the voltage of a node whose current law is
the law that it has to fulfil.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from ...core.errors import ParameterError
from ...core.laws.verilog_a import VerilogALaws, free_name, real
from ...core.validation import Array

__all__ = ["device_module"]

_EDGE = "1e-9"  # of a state's range: at a bound, the rate outwards falls to 0 over it
_NAME = re.compile(r"[A-Za-z_]\w*")


def device_module(
    device: Any, state: Array | None, module: str, *, without_noise: bool
) -> str:
    """Return the text of a module with the values of `device`; see `Device.to_verilog_a`."""
    return _Module(device, state, module, without_noise=without_noise).text()


class _Module:
    """Writes one device."""

    def __init__(
        self, device: Any, state: Array | None, module: str, *, without_noise: bool
    ) -> None:
        self.device, self.model = device, type(device)
        self.title = self.model.__name__
        self.taken: set[str] = set()
        self.module = self._free(module or device.name or self.title.lower())
        if module and self.module != module:
            raise ParameterError(f"`module` = {module!r} is a word of Verilog-A: choose another")
        self.declared = self.model._declared  # noqa: SLF001 - the model's declaration
        self.values: Mapping[str, Array] = device._values  # noqa: SLF001 - its numbers
        self._check(without_noise)
        self.plus, self.minus = self._free("plus"), self._free("minus")
        self.parameters = {name: self._free(name) for name in self.declared}
        choices = {n: p.choices for n, p in self.declared.items() if p.choices}
        self.polarity, self.v, self.i = map(self._free, ("polarity", "v", "i"))
        self.laws = VerilogALaws(self.parameters, choices, self.taken)
        names = device.state_names
        self.nodes = {n: self._free(f"node_{n}") for n in names}
        self.start = {n: self._free(f"{n}_ini") for n in names}
        self.state = {n: self._free(n) for n in names}
        self.free = {n: self._free(f"free_{n}") for n in names}  # before it is kept in its range
        self.rate = {n: self._free(f"rate_{n}") for n in names}
        self.given = self._given(state)
        self.inner = getattr(self.model, "inner_law", None)

    def _free(self, name: str) -> str:
        return free_name(name, self.taken)

    def _check(self, without_noise: bool) -> None:
        device = self.device
        if not _NAME.fullmatch(self.module):
            raise ParameterError(
                f"`module` must be a name of letters, digits and underscores; got {self.module!r}"
            )
        for name, value in self.values.items():
            if value.size != 1:
                raise ParameterError(
                    f"{self.title}: `{name}` has {value.size} values; a Verilog-A module is one "
                    "device: write each with its own values, or give `name` one value"
                )
        if device.stochastic and not without_noise:
            raise ParameterError(
                f"{self.title}: the noise of its states cannot be written as Verilog-A, which has "
                "no noise in time; `without_noise=True` writes the device without it"
            )
        if not hasattr(self.model, "current_law") and not hasattr(device, "verilog_a_current"):
            raise ParameterError(
                f"{self.title} has no current_law that could be written as Verilog-A"
            )

    def _given(self, state: Array | None) -> list[str]:
        """Return the start of every state: a number, or the name of a parameter."""
        texts = []
        for s, one in enumerate(self.device.states):
            at = one.low if one.rest is None else one.rest
            if state is not None:
                texts.append(real(state[s]))
            else:
                texts.append(self._value(at))
        return texts

    def _value(self, value: float | str) -> str:
        if isinstance(value, str):
            self.laws.used.add(value)
            return self.parameters[value]
        return real(value)

    # -- text ----------------------------------------------------------------------------------

    def text(self) -> str:
        """Return the file."""
        body = self._analog()
        inner = [self.nodes[n] for n in self.device.state_names]
        if self.inner is not None:
            inner.append(self.y_node)
        lines = [
            f"module {self.module}({self.plus}, {self.minus});",
            f"    inout {self.plus}, {self.minus};",
            f"    electrical {', '.join([self.plus, self.minus, *inner])};", "",
            *(f"    {line}" for line in self._declarations()), "",
        ]
        for function in self.laws.texts():
            lines += [*(f"    {line}" for line in function.splitlines()), ""]
        lines += ["    analog begin", *(f"        {line}" for line in body), "    end",
                  "endmodule"]
        return "\n".join([*self._header(), "", '`include "disciplines.vams"', "", *lines, ""])

    def _header(self) -> list[str]:
        device = self.device
        document = inspect.cleandoc(self.model.__doc__ or self.title).split("\n\nParameters\n")[0]
        preset = next((
            name for name, values in self.model.sets.items() if all(
                np.array_equal(self.values[n], v)
                for n, v in self.model(**values)._values.items()  # noqa: SLF001 - its numbers
            )
        ), None)
        texts = [document.replace("`", "")]
        if preset is not None:
            texts.append(f'Values: preset "{preset}", {self.model.sources.get(preset, "")}')
        else:
            texts.append("Values: of no published set")
        texts.append(
            f"Positive current flows from {self.plus} to {self.minus}. Units are SI, those of the "
            "parameters and states in their attributes."
        )
        if device.states:
            texts.append(
                "States: inner nodes, start + range times voltage, kept within their ranges as "
                "crossbarsim's integrator does: at a bound the rate outwards is 0. Operating "
                "points hold them at their start, the parameters ..._ini."
            )
        left = [n for n in self.declared if n not in self.laws.used]
        if hasattr(self.model, "noise_law"):
            texts.append(
                "The noise of the states is left out"
                + (f", and its parameters {', '.join(left)}." if left else ".")
            )
        elif left:
            texts.append(f"Parameters that no law uses are left out: {', '.join(left)}.")
        texts.append(f"Written by crossbarsim {version('crossbarsim')}.")
        lines = []
        for text in texts:
            for paragraph in text.split("\n\n"):
                lines += [*textwrap.wrap(" ".join(paragraph.split()), 92), ""]
        return [f"// {line}".rstrip() for line in lines[:-1]]

    def _declarations(self) -> list[str]:
        said = _descriptions(self.model)
        lines = []
        for name, p in self.declared.items():
            if name not in self.laws.used:
                continue
            value, text = float(self.values[name].flat[0]), said.get(name, "")
            if p.choices:
                words = ", ".join(f"{k} {word}" for k, word in enumerate(p.choices))
                lines.append(
                    f"{_attributes(words, '')} parameter integer {self.parameters[name]} = "
                    f"{int(value)} from [0:{len(p.choices) - 1}];"
                )
                continue
            low = "-inf" if p.low == -np.inf else real(p.low)
            high = "inf" if p.high == np.inf else real(p.high)
            span = "" if (low, high) == ("-inf", "inf") else (
                f" from {'(' if p.open or low == '-inf' else '['}{low}:{high}"
                f"{')' if p.open or high == 'inf' else ']'}"
            )
            lines.append(f"{_attributes(text, p.unit)} parameter real {self.parameters[name]} = "
                         f"{real(value)}{span};")
        lines.append(
            f"{_attributes('-1 turns the device around', '')} parameter integer {self.polarity} = "
            f"{self.device.polarity} from [-1:1] exclude 0;"
        )
        for one, given in zip(self.device.states, self.given, strict=True):
            low, high = self._value(one.low), self._value(one.high)
            lines.append(
                f"{_attributes(f'state {one.name} at the start', one.unit)} parameter real "
                f"{self.start[one.name]} = {given} from [{low}:{high}];"
            )
        lines += [f"{_attributes(f'state {one.name}', one.unit)} real {self.state[one.name]};"
                  for one in self.device.states]
        own = [self.v, self.i, *self.free.values(), *self.rate.values(), *self.laws.variables]
        return [*lines, *textwrap.wrap(f"real {', '.join(own)};", 92, subsequent_indent="    ")]

    def _analog(self) -> list[str]:
        device, v = self.device, self.v
        lines = [f"{v} = {self.polarity} * V({self.plus}, {self.minus});"]
        spans = {}
        for one in device.states:
            n, low, high = one.name, self._value(one.low), self._value(one.high)
            spans[n] = high if low == "0.0" else f"({high} - {low})"
            lines += [
                f"{self.free[n]} = {self.start[n]} + {spans[n]} * V({self.nodes[n]});",
                f"{self.state[n]} = min(max({self.free[n]}, {low}), {high});",
            ]
        scalars = {"v": v}
        if self.inner is not None:
            self.y_node = self._free("node_y")
            y, balance = self._free("y"), self._free("balance")
            self.laws.variables += [y, balance]
            scalars["y"] = y
            lines += [
                # laws are for 0 to v: a little beyond, the node's own equation leads back
                f"{y} = min(max(V({self.y_node}), min(0.0, {v}) - 0.05), max(0.0, {v}) + 0.05);",
                *self.laws.law(self.inner, scalars, self.state, [balance]),
                f"I({self.y_node}) <+ {balance} + V({self.y_node}) - {y};",
            ]
        if hasattr(device, "verilog_a_current"):  # no law of formulas, such as tables
            lines.append(f"{self.i} = {device.verilog_a_current(v, self.state)};")
        else:
            lines += self.laws.law(self.model.current_law, scalars, self.state, [self.i])
        lines.append(f"I({self.plus}, {self.minus}) <+ {self.polarity} * {self.i};")
        return lines + (self._rates(scalars, spans) if device.states else [])

    def _rates(self, scalars: Mapping[str, str], spans: Mapping[str, str]) -> list[str]:
        lines: list[str] = []
        if hasattr(self.device, "verilog_a_current"):
            lines += [f"{rate} = 0.0;" for rate in self.rate.values()]
        else:
            lines += self.laws.law(
                self.model.rate_law, {**scalars, "i": self.i}, self.state, list(self.rate.values())
            )
        still, moving = [], []
        for one in self.device.states:
            n, low, high = one.name, self._value(one.low), self._value(one.high)
            free, rate, node = self.free[n], self.rate[n], self.nodes[n]
            lines += [
                f"if ({free} < {low} && {rate} < 0.0)",
                f"    {rate} = {rate} * (1.0 + ({free} - {low}) / ({_EDGE} * {spans[n]}));",
                f"else if ({free} > {high} && {rate} > 0.0)",
                f"    {rate} = {rate} * (1.0 + ({high} - {free}) / ({_EDGE} * {spans[n]}));",
            ]
            still.append(f"I({node}) <+ V({node});")
            moving.append(f"I({node}) <+ ddt(V({node})) - {rate} / {spans[n]};")
        return [*lines, 'if (analysis("static")) begin', *(f"    {k}" for k in still),
                "end else begin", *(f"    {k}" for k in moving), "end"]


def _attributes(text: str, unit: str) -> str:
    plain = " ".join(text.split()).replace('"', "'").replace("\\", "/")
    return f'(* desc="{plain}", units="{unit}" *)'


def _descriptions(model: type[Any]) -> dict[str, str]:
    """Return what the docstrings of a model and its bases say about parameters."""
    found: dict[str, str] = {}
    for one in model.__mro__:
        document = inspect.cleandoc(one.__dict__.get("__doc__") or "")
        section = document.partition("\n\nParameters\n")[2].partition("\n\n")[0].splitlines()
        for names, text in _entries(section):
            for name in names:
                found.setdefault(name, text)
    return found


def _entries(section: Sequence[str]) -> list[tuple[list[str], str]]:
    entries: list[tuple[list[str], str]] = []
    for line in section:
        if line.startswith(" "):
            if entries:
                entries[-1] = (entries[-1][0], f"{entries[-1][1]} {line.strip()}".strip())
        elif " : " in line:
            entries.append(([n.strip() for n in line.split(" : ")[0].split(",")], ""))
    return entries
