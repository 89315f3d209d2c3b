"""Subcircuits that need no definition: a whole crossbar in one line."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path

from .card import CardLine
from .lines import Line
from .scope import Scope

__all__ = ["MACROS", "expand_crossbar"]

LARGEST = 4096  # lines of a family


def expand_crossbar(card: CardLine, nodes: list[str]) -> Iterator[tuple[Line, Scope]]:
    """Expand ``X1 w0 w1 ... b0 b1 ... crossbar rows=2 columns=2 word=1 bit=1 resistance=10k``.

    Word lines begin at the first `rows` nodes, bit lines end at the others; between a node and
    the first crosspoint, between crosspoints, and behind the last of a bit line is one segment of
    `word` or `bit` ohm (0 joins the nodes). A cell is a resistor: `resistance` ohm, or the
    siemens of row i and column j of the file `conductance` (comma-separated values, 0 is no cell);
    with `model` it is a memristor of that model, in the state of that conductance where one is
    given. Nodes and elements are named as by `Crossbar.to_circuit`: ``x1.wl0_1``, ``x1.rcell0_1``.
    """
    allowed = ("rows", "columns", "word", "bit", "resistance", "conductance", "model")
    found = card.pairs(allowed, texts=("conductance", "model"))
    sizes = []
    for name in ("rows", "columns"):
        if name not in found:
            raise card.error(f"a crossbar needs `{name}=`")
        size = card.plain(name, found[name])
        if size != int(size) or not 1 <= size <= LARGEST:
            raise card.error(f"`{name}` must be a whole number from 1 to {LARGEST}")
        sizes.append(int(size))
    rows, columns = sizes
    if len(nodes) != rows + columns:
        raise card.error(f"a crossbar of {rows} rows and {columns} columns has "
                         f"{rows + columns} ports, not {len(nodes)}")
    ohm = {name: card.plain(name, found.get(name, 0.0)) for name in ("word", "bit")}
    if min(ohm.values()) < 0:
        raise card.error("`word` and `bit` must be >= 0 ohm")
    model = found.get("model", "").lower()
    siemens = _conductances(card, found, rows, columns, needed=not model)
    prefix = f"{card.name.lower()}."
    place: dict[tuple[str, int, int], str] = {}
    for family, ports, many, count in (
        ("wl", nodes[:rows], rows, columns), ("bl", nodes[rows:], columns, rows),
    ):
        for k in range(many):
            last = ports[k]
            # from the port inwards: word lines from column 0, bit lines from the last row
            for j in range(count) if family == "wl" else reversed(range(count)):
                i_j = (k, j) if family == "wl" else (j, k)
                name = f"{family}{i_j[0]}_{i_j[1]}"
                resistance = ohm["word" if family == "wl" else "bit"]
                here = last if resistance == 0.0 else f"{prefix}{name}"
                if resistance != 0.0:
                    yield _line(card, f"rwire_{name} {last} {here} {resistance!r}")
                place[(family, *i_j)] = last = here
    for i in range(rows):
        for j in range(columns):
            ends = f"{place['wl', i, j]} {place['bl', i, j]}"
            g = siemens(i, j)
            if model:
                state = "" if g is None else f" conductance={g!r}"
                yield _line(card, f"ncell{i}_{j} {ends} {model}{state}")
            elif g:
                yield _line(card, f"rcell{i}_{j} {ends} {1.0 / g!r}")


def _line(card: CardLine, text: str) -> tuple[Line, Scope]:
    line = card.line
    scope = _Named(card.scope, f"{card.name.lower()}.")
    return Line(text, line.file, line.number), scope


class _Named(Scope):
    """The scope of a line whose nodes have their full names already."""

    def __init__(self, outer: Scope, prefix: str) -> None:  # pylint: disable=super-init-not-called
        self.__dict__.update(outer.__dict__)
        self.prefix = prefix

    def node(self, name: str) -> str:
        return name


def _conductances(
    card: CardLine, found: dict[str, object], rows: int, columns: int, *, needed: bool
) -> Callable[[int, int], float | None]:
    """Return the conductance of every cell as a function, None where none is given."""
    if "conductance" in found and "resistance" in found:
        raise card.error("give `conductance` or `resistance`")
    if "resistance" in found:
        value = card.plain("resistance", found["resistance"])
        if not value > 0:
            raise card.error("`resistance` must be > 0 ohm")
        return lambda _i, _j: 1.0 / value
    if "conductance" not in found:
        if needed:
            raise card.error("a crossbar needs `resistance=`, `conductance=` or `model=`")
        return lambda _i, _j: None
    folder = Path(card.line.file).parent if card.line.file != "<text>" else Path()
    path = folder / str(found["conductance"])
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = [[float(cell) for cell in row] for row in csv.reader(file) if row]
    except (OSError, ValueError) as error:
        raise card.error(f"{path} cannot be read as conductances: {error}") from None
    if len(table) != rows or any(len(row) != columns for row in table):
        raise card.error(f"{path} must have {rows} rows and {columns} columns")
    if any(not (math.isfinite(g) and g >= 0) for row in table for g in row):
        raise card.error(f"{path}: conductances must be finite and >= 0 siemens")
    return lambda i, j: table[i][j]


MACROS: dict[str, Callable[[CardLine, list[str]], Iterator[tuple[Line, Scope]]]] = {
    "crossbar": expand_crossbar,
}
