"""``alter`` and ``altermod`` of control blocks."""

from __future__ import annotations

import re
from collections.abc import Callable

from ....core.errors import ParameterError
from ....netlists.analyses import Points, Sweep
from ....netlists.circuit import Circuit
from ..analyses.dc import with_value

__all__ = ["altered"]


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
