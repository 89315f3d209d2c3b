"""Values of elements: parameters, and what the temperature makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....core.errors import NetlistError
from ....core.validation import Array
from ....netlists.elements import Element
from ....netlists.spice.cards import card
from ..system.builder import Builder, where

__all__ = [
    "flicker", "number", "numbers", "parameter", "reactance", "resistance", "split", "starts",
    "warmth",
]


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
    """Return a resistor's ohm and kelvin, by tc1, tc2, tnom, temp, dtemp, m as ngspice has them."""
    factor, kelvin = warmth(builder, e)
    scale = parameter(e, "scale", 1.0) / parameter(e, "m", 1.0)
    return number(e.value) * factor * scale, kelvin


def warmth(builder: Builder, e: Element) -> tuple[float, float]:
    """Return the factor by which a value grows with temperature, and the element's kelvin."""
    nominal = parameter(e, "tnom", float(builder.options.get("tnom", 27.0))) + 273.15
    kelvin = builder.temperature
    if any(key.lower() == "temp" for key, _ in e.parameters):
        kelvin = parameter(e, "temp", 27.0) + 273.15
    else:
        kelvin += parameter(e, "dtemp", 0.0)
    difference = kelvin - nominal
    tce = parameter(e, "tce", math.nan)
    if not math.isnan(tce):  # per cent per kelvin
        return 1.01 ** (tce * difference), kelvin
    factor = 1.0 + difference * (
        parameter(e, "tc1", 0.0) + difference * parameter(e, "tc2", 0.0)
    )
    return factor, kelvin


def reactance(builder: Builder, e: Element) -> float:
    """Return farad or henry, by tc1, tc2, tnom, temp, dtemp, m."""
    ohm, _ = resistance(builder, e)
    many = parameter(e, "m", 1.0)
    # capacitors in parallel add, inductors do not
    return ohm * many * many if e.kind == "C" else ohm


def flicker(builder: Builder, elements: Sequence[Element]) -> Array | None:
    """Return what `Resistors` takes: kf over the area, af, ef, m; None where no card has `kf`.

    The area is l^lf w^wf of an element that says `l` or `w`, less what the card takes off each
    side, else 1, as ngspice 39 has it.

    Raises
    ------
    NetlistError
        No length or width is left.
    """
    found = np.zeros((4, len(elements)))
    found[3] = 1.0
    for k, e in enumerate(elements):
        model = builder.circuit.models.get(e.model.lower()) if e.model else None
        if model is None or not model.get("kf"):
            continue
        known = {**card("r").defaults, **model.parameters}
        kf, af, ef, lf, wf = (float(known[n]) for n in ("kf", "af", "ef", "lf", "wf"))
        area = 1.0
        if e.get("l") is not None or e.get("w") is not None:
            long = parameter(e, "l", float(known["l"])) - 2.0 * float(known["short"])
            wide = parameter(e, "w", float(known["defw"])) - 2.0 * float(known["narrow"])
            if long <= 0 or wide <= 0:
                raise NetlistError(f"{e.name}: no length or width is left", **where(e))
            area = long**lf * wide**wf
        found[:, k] = kf / area, af, ef, parameter(e, "m", 1.0)
    return found if found[0].any() else None


def numbers(elements: Sequence[Element]) -> Array:
    """Return the values of elements without expressions."""
    return np.array([number(e.value) for e in elements])


def starts(elements: Sequence[Element]) -> Array:
    """Return the elements' initial conditions, NaN where there is none."""
    if not any(e.parameters for e in elements):
        return np.full(len(elements), math.nan)
    return np.array([parameter(e, "ic", math.nan) for e in elements])


def split(elements: Sequence[Element]) -> tuple[list[Element], list[Element]]:
    """Return elements with plain values, and those with expressions."""
    plain: list[Element] = []
    others: list[Element] = []
    for e in elements:
        if type(e.value) is float and not e.parameters:
            plain.append(e)
            continue
        charge = any(key.lower() == "q" for key, _ in e.parameters) and e.kind == "C"
        (plain if isinstance(e.value, (int, float)) and not charge else others).append(e)
    return plain, others
