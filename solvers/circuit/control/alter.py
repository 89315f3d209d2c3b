"""``alter`` and ``altermod`` of control blocks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from ....core.errors import ParameterError
from ....netlists.analyses import Points, Sweep
from ....netlists.circuit import Circuit
from ....netlists.sources import Source
from ....netlists.spice.read.element_line import CardLine
from ....netlists.spice.read.elements.independent import Times, read_source
from ....netlists.spice.read.lines import Line
from ....netlists.spice.read.scope import Scope
from ....netlists.spice.read.subcircuit_tree import Block
from ..analyses.dc import with_value

__all__ = ["altered"]


def _wave(kind: str, values: str) -> Source | None:
    """Return the function of time of ``alter @v1[sin] [ 0 1 1k ]``."""
    line = Line(f"v1 1 0 {kind}({values})", "<control>", 1)
    scope = Scope(Block("", (), {}, [], None), None, "", {}, {})
    return read_source(CardLine(line, scope), Times())[0].wave


def altered(
    circuit: Circuit, command: str, text: str, number: Callable[[str], float]
) -> Circuit:
    """Return the circuit after ``alter element [parameter] = value``.

    Parameters
    ----------
    circuit : Circuit
    command : {"alter", "altermod"}
    text : str
        What follows it.
    number : callable
        Value of an expression.

    Raises
    ------
    ParameterError
        Another form, or nothing of that name.
    """
    match = re.fullmatch(
        r"@?([^\s=\[\]]+)(?:\s*\[\s*(\w+)\s*\]|\s+([A-Za-z_]\w*))?\s*(?:=|\s)\s*(.+)", text
    )
    if match is None:
        raise ParameterError(f"`{command} element [parameter] = value`, not `{text}`")
    target, parameter = match[1].lower(), (match[2] or match[3] or "").lower()
    wave = re.fullmatch(r"\[(.*)\]", match[4].strip())
    if wave is not None:
        changed = circuit.copy()
        return changed.replace(replace(circuit[target], wave=_wave(parameter, wave[1])))
    value = number(match[4])
    if command == "altermod" or target in circuit.models:
        sweep = Sweep("model", target, Points("list", listed=(value,)), parameter)
    else:
        element = circuit[target]
        main = {"R": "resistance", "C": "capacitance", "L": "inductance"}.get(element.kind)
        if parameter in ("dc", main, element.kind.lower() if element.kind in "RCL" else ""):
            parameter = ""
        if parameter == "ac" and element.kind in "VI":
            parameter = "acmag"
        sweep = Sweep("element", target, Points("list", listed=(value,)), parameter)
    return with_value(circuit, sweep, value)
