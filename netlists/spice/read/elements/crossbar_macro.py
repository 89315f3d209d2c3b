"""Subcircuits that need no definition: a whole crossbar in one line."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .....core.validation import Array
from ....crossbar.wires import Wires
from ....crossbar_element import CrossbarBlock
from ....elements import Element
from ..element_line import CardLine
from ..lines import file_at, text_of
from ..model_cards import Models

__all__ = ["MACROS", "read_crossbar", "write_crossbar"]

LARGEST = 4096  # lines of a family
_NUMBERS = ("rows", "columns", "word", "bit", "word_capacitance", "bit_capacitance", "resistance",
            "w", "l")
_TEXTS = ("conductance", "model", "transistor", "gates", "side")


def read_crossbar(
    card: CardLine, nodes: list[str], models: Models
) -> tuple[Element, CrossbarBlock]:
    """Read ``X1 w0 w1 ... b0 b1 ... crossbar rows=2 columns=2 word=1 bit=1 resistance=10k``.

    Word lines begin at the first `rows` nodes, bit lines end at the next `columns`; between a node
    and the first crosspoint, between crosspoints, and behind the last of a bit line is one segment
    of `word` or `bit` ohm (0 joins the nodes), with `word_capacitance` or `bit_capacitance` farad
    to ground at every crosspoint. A cell is a resistor: `resistance` ohm, or the siemens of row i
    and column j of the file `conductance` (comma-separated values, 0 is no cell); with `model` it
    is a memristor of that model, in the state of that conductance where one is given.

    With `transistor`, the model card of an n-channel MOS transistor `w` wide and `l` long, its body
    at ground, every device has one between it and the bit node (``side=word``: between word node
    and device); the gate lines are the last nodes, one per row (``gates=columns``: per column).

    Results answer for ``v(x1.wl0_1)``, ``v(x1.bl0_1)`` and, between device and transistor,
    ``v(x1.in0_1)``, for cells' currents ``i(x1.cell0_1)`` and for states as shares of their ranges
    ``x1.ncell0_1#x``; of crossbars with more than 20,000 of these for those that ``.save`` or
    ``save=`` names.

    `Solver` eliminates the inner nodes with the structured solver. Transistors are static there, at
    the circuit's temperature, and have no junctions: where their card says more than ``is=0`` with
    vto, kp, gamma, phi, lambda, tnom (level 1) or ``is=0`` with vto, kp, n0, tcv, bex, tnom and,
    with vcrit, theta, sigma, ksource, lambda (EKV), the crossbar is written out element by element,
    as `Circuit.expanded` does.
    """
    if card.scope.multiplier != 1.0:
        raise card.error("a crossbar inside of several copies (`m=`): write the copies out")
    found = card.pairs((*_NUMBERS, *_TEXTS), texts=_TEXTS)
    numbers = {k: card.plain(k, v) for k, v in found.items() if k in _NUMBERS}
    texts = {k: str(v) if k == "conductance" else str(v).lower() for k, v in found.items()
             if k in _TEXTS}
    shape = _size(card, numbers, "rows"), _size(card, numbers, "columns")
    transistor = texts.get("transistor", "")
    for name, known, needed in (("gates", ("rows", "columns"), "transistor"),
                                ("side", ("bit", "word"), "transistor")):
        if name in texts and texts[name] not in known:
            raise card.error(f"`{name}` must be {' or '.join(known)}; got `{texts[name]}`")
        if name in texts and not transistor:
            raise card.error(f"`{name}` goes with `{needed}`")
    for name in ("w", "l"):
        if name in numbers and not transistor:
            raise card.error(f"`{name}` goes with `transistor`")
        if numbers.get(name, 1.0) <= 0:
            raise card.error(f"`{name}` must be > 0 m")
    gates = 0
    if transistor:
        gates = shape[0 if texts.get("gates", "rows") == "rows" else 1]
    if len(nodes) != sum(shape) + gates:
        gated = f" and {gates} gate lines" if gates else ""
        raise card.error(f"a crossbar of {shape[0]} rows and {shape[1]} columns{gated} has "
                         f"{sum(shape) + gates} ports, not {len(nodes)}")
    for name in ("word", "bit", "word_capacitance", "bit_capacitance"):
        if numbers.get(name, 0.0) < 0:
            unit = "farad" if "capacitance" in name else "ohm"
            raise card.error(f"`{name}` must be >= 0 {unit}")
    wires = Wires(numbers.get("word", 0.0), numbers.get("bit", 0.0),
                  word_capacitance=numbers.get("word_capacitance", 0.0),
                  bit_capacitance=numbers.get("bit_capacitance", 0.0))
    model = texts.get("model", "")
    more: dict[str, Any] = {
        key: numbers[name] for key, name in (("width", "w"), ("length", "l")) if name in numbers
    }
    more |= {key: texts[key] for key in ("gates", "side") if key in texts}
    block = CrossbarBlock(
        wires, shape, conductance=_conductances(card, found, shape, needed=not model),
        model=models.find(card, model, ("",)).name if model else "",
        transistor=models.find(card, transistor, ("nmos",)).name if transistor else "", **more,
    )
    if "conductance" in texts:
        found["conductance"] = str(_path(card, texts["conductance"]))
    element = card.element(tuple(nodes), found=found, control="crossbar")
    return element, block


def write_crossbar(name: str, element: Element) -> str | None:
    """Return the line of a crossbar, or None where it was not read from one."""
    if not element.parameters:
        return None
    pairs = (
        f'{k}="{v}"' if k == "conductance" else f"{k}={str(v).removesuffix('.0')}"
        for k, v in element.parameters
    )
    return " ".join([name, *element.nodes, "crossbar", *pairs])


def _size(card: CardLine, numbers: dict[str, float], name: str) -> int:
    if name not in numbers:
        raise card.error(f"a crossbar needs `{name}=`")
    size = numbers[name]
    if size != int(size) or not 1 <= size <= LARGEST:
        raise card.error(f"`{name}` must be a whole number from 1 to {LARGEST}")
    return int(size)


def _path(card: CardLine, name: str) -> Path:
    folder = Path(card.line.file).parent if card.line.file != "<text>" else Path()
    return file_at(folder, name)


def _conductances(
    card: CardLine, found: dict[str, Any], shape: tuple[int, int], *, needed: bool
) -> Array | None:
    """Return the conductance of every cell, None where none is given."""
    if "conductance" in found and "resistance" in found:
        raise card.error("give `conductance` or `resistance`")
    if "resistance" in found:
        value = card.plain("resistance", found["resistance"])
        if not value > 0:
            raise card.error("`resistance` must be > 0 ohm")
        return np.full(shape, 1.0 / value)
    if "conductance" not in found:
        if needed:
            raise card.error("a crossbar needs `resistance=`, `conductance=` or `model=`")
        return None
    path = _path(card, str(found["conductance"]))
    try:
        lines = text_of(path).splitlines()
        table = [[float(cell) for cell in row] for row in csv.reader(lines) if row]
    except (OSError, ValueError) as error:
        raise card.error(f"{path} cannot be read as conductances: {error}") from None
    if len(table) != shape[0] or any(len(row) != shape[1] for row in table):
        raise card.error(f"{path} must have {shape[0]} rows and {shape[1]} columns")
    if any(not (math.isfinite(g) and g >= 0) for row in table for g in row):
        raise card.error(f"{path}: conductances must be finite and >= 0 siemens")
    return np.array(table)


MACROS: dict[str, Callable[[CardLine, list[str], Models], tuple[Element, CrossbarBlock]]] = {
    "crossbar": read_crossbar,
}
