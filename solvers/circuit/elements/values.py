"""Values of elements: parameters, and what the temperature makes of them."""

from __future__ import annotations

from typing import Any

from ....netlists.elements import Element
from ..system.builder import Builder

__all__ = ["number", "parameter", "reactance", "resistance", "warmth"]


def parameter(element: Element, name: str, default: float) -> float:
    """Return a numeric parameter of an element."""
    for key, value in element.parameters:
        if key.lower() == name:
            return number(value)
    return default


def number(value: Any) -> float:
    """Return a value that is known to be a number."""
    return float(value)


def resistance(builder: Builder, e: Element) -> tuple[float, float]:
    """Return a resistor's ohm and kelvin, by tc1, tc2, temp, dtemp, m as ngspice has them."""
    factor, kelvin = warmth(builder, e)
    scale = parameter(e, "scale", 1.0) / parameter(e, "m", 1.0)
    return number(e.value) * factor * scale, kelvin


def warmth(builder: Builder, e: Element) -> tuple[float, float]:
    """Return the factor by which a value grows with temperature, and the element's kelvin."""
    nominal = float(builder.options.get("tnom", 27.0)) + 273.15
    kelvin = builder.temperature
    if any(key.lower() == "temp" for key, _ in e.parameters):
        kelvin = parameter(e, "temp", 27.0) + 273.15
    kelvin += parameter(e, "dtemp", 0.0)
    difference = kelvin - nominal
    factor = 1.0 + difference * (
        parameter(e, "tc1", 0.0) + difference * parameter(e, "tc2", 0.0)
    )
    return factor, kelvin


def reactance(builder: Builder, e: Element) -> float:
    """Return farad or henry, by tc1, tc2, temp, dtemp, m."""
    ohm, _ = resistance(builder, e)
    many = parameter(e, "m", 1.0)
    # capacitors in parallel add, inductors do not
    return ohm * many * many if e.kind == "C" else ohm
