"""A whole crossbar as one element of a circuit, and the elements that it is made of."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.errors import NetlistError, ParameterError
from ..core.validation import Array
from .crossbar.cells import Resistive
from .crossbar.ends import END_NAMES
from .crossbar.protocol import CrossbarLike
from .crossbar.wires import Wires
from .elements import Element

__all__ = ["CrossbarBlock", "LineNodes", "changed", "doubly_tied", "expand_block", "has_inside",
           "plain", "segments", "tied"]

LineNodes = Iterable[object] | None
"""Nodes, names or numbers, one for each line of an end; None: the lines float there."""

_INNER = re.compile(r"(wl|bl|in|cell)(\d+)_(\d+)")
_WIRES = ("word", "bit", "word_capacitance", "bit_capacitance")
_SIDES = ("word_left", "bit_bottom")
_LINE_ENDS = {"wl": ("word_left", "word_right"), "bl": ("bit_top", "bit_bottom")}


@dataclass(frozen=True, eq=False)
class CrossbarBlock:
    """A crossbar between nodes of a circuit.

    The element's nodes are its line ends, family by family as in `ends`, then its gate lines.

    Attributes
    ----------
    wires : Wires
    shape : (int, int)
    ends : tuple of str
        Which ends are tied to nodes: all lines of ``"word_left"``, ``"bit_bottom"``, ...
    conductance : (M, N) array, siemens, optional
        Of the cells; 0 is no cell where these are resistors. None: memristors at rest.
    model : str
        Of memristors: the model card; empty for resistors.
    transistor : str
        Of cells with access transistors: the model card of an n-channel MOS transistor.
    width, length : float, m
    gates : {"rows", "columns"}
        Along which the gate lines run.
    side : {"bit", "word"}
        Where the transistor is.
    crossbar : Crossbar, optional
        Made in Python: its lines and cells are taken, nothing else above counts.
    """

    wires: Wires
    shape: tuple[int, int]
    ends: tuple[str, ...] = _SIDES
    conductance: Array | None = None
    model: str = ""
    transistor: str = ""
    width: float = 1e-6
    length: float = 1e-7
    gates: Literal["rows", "columns"] = "rows"
    side: Literal["bit", "word"] = "bit"
    crossbar: CrossbarLike | None = field(default=None, repr=False)

    @property
    def layout(self) -> Literal["crosspoint", "parallel"]:
        """The layout of the `Crossbar`; "crosspoint" where the array was read from a deck."""
        parallel = self.crossbar is not None and self.crossbar.layout == "parallel"
        return "parallel" if parallel else "crosspoint"

    @property
    def gate_lines(self) -> int:
        """Number of gate nodes."""
        gated = bool(self.transistor)
        along: str = self.gates
        if self.crossbar is not None:
            found = getattr(self.crossbar.cells, "gate_along", None)
            gated, along = found is not None, str(found)
        return self.shape[0 if along == "rows" else 1] if gated else 0

    def lines(self, end: str) -> int:
        """Return the number of lines that have this end."""
        return self.shape[0 if end.startswith("word") and self.layout == "crosspoint" else 1]

    @property
    def ports(self) -> int:
        """Number of nodes."""
        return sum(map(self.lines, self.ends)) + self.gate_lines

    def split(self, nodes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Return the element's nodes by end, and those of ``"gate"``."""
        found, at = {}, 0
        for name in self.ends:
            count = self.lines(name)
            found[name], at = nodes[at:at + count], at + count
        found["gate"] = nodes[at:]
        return found


def tied(
    xbar: CrossbarLike, ends: dict[str, LineNodes]
) -> tuple[CrossbarBlock, tuple[object, ...]]:
    """Return a block of `xbar` and its nodes, of ``end=nodes``; see `Circuit.crossbar`."""
    if not (hasattr(xbar, "cells") and isinstance(getattr(xbar, "wires", None), Wires)):
        raise ParameterError(f"`xbar` must be a Crossbar; got {type(xbar).__name__}")
    gate = ends.pop("gate", None)
    unknown = set(ends) - set(END_NAMES)
    if unknown:
        raise ParameterError(
            f"a crossbar has no end {min(unknown)!r}; there are {', '.join(END_NAMES)}, gate"
        )
    names = tuple(n for n in END_NAMES if ends.get(n) is not None)
    block = CrossbarBlock(xbar.wires, xbar.shape, names, crossbar=xbar)
    nodes: list[object] = []
    for name, given in (*((n, ends[n]) for n in names), ("gate", gate)):
        found = [] if given is None else list(given) if not isinstance(given, str) else [given]
        count = block.gate_lines if name == "gate" else block.lines(name)
        if len(found) != count:
            raise ParameterError(f"`{name}` must name {count} nodes, one per line; got "
                                 f"{len(found)}")
        nodes += found
    if not names:
        raise ParameterError("at least one end of the lines must be tied to nodes")
    return block, tuple(nodes)


def changed(block: CrossbarBlock, before: Element, after: Element) -> CrossbarBlock:
    """Return the block of an element that has other parameters.

    Raises
    ------
    ParameterError
        What has changed is not word, bit, word_capacitance, bit_capacitance, resistance, w or l.
    """
    if after.value != before.value:
        raise ParameterError(f"{after.name}: a crossbar has no value of its own; name a parameter")
    old, wires = dict(before.parameters), block.wires
    for name, value in after.parameters:
        if old.get(name) == value:
            continue
        allowed = [*_WIRES, *(("resistance",) if "resistance" in old else ()),
                   *(("w", "l") if block.transistor else ())]
        if name not in allowed or block.crossbar is not None:
            raise ParameterError(
                f"{after.name}: {name!r} of a crossbar cannot be changed; what can is "
                f"{', '.join(allowed) if block.crossbar is None else 'nothing of one from Python'}"
            )
        if not isinstance(value, (int, float)) or not value >= 0 or (
            name not in _WIRES and value == 0
        ):
            raise ParameterError(f"{after.name}: `{name}` must be a number above 0; got {value!r}")
        if name in _WIRES:
            given = {key: getattr(wires, key) for key in Wires.__slots__}
            wires = Wires(**{**given, name: value})
        elif name == "resistance":
            block = replace(block, conductance=np.full(block.shape, 1.0 / value))
        elif name == "w":
            block = replace(block, width=value)
        else:
            block = replace(block, length=value)
    return replace(block, wires=wires)


def has_inside(arrays: Mapping[str, CrossbarBlock], kind: str, name: str) -> bool:
    """Whether a node (kind "v") or a cell ("i") is inside of one of a circuit's crossbars."""
    element, _, inner = name.rpartition(".")
    match = _INNER.fullmatch(inner)
    if match is None or element not in arrays or (match[1] == "cell") != (kind == "i"):
        return False
    block = arrays[element]
    rows, columns = block.shape
    there = int(match[2]) < rows and int(match[3]) < columns
    return there and (match[1] != "in" or block.gate_lines > 0)


def plain(block: CrossbarBlock) -> bool:
    """Whether the block is resistors and nothing else."""
    resistors = not (block.model or block.transistor)
    if block.crossbar is not None:
        resistors = isinstance(block.crossbar.cells, Resistive)
    wires = block.wires
    return resistors and not (np.any(wires.word_capacitance) or np.any(wires.bit_capacitance))


def doubly_tied(element: Element, block: CrossbarBlock) -> dict[str, NDArray[np.bool_]]:
    """Return by end on which lines no resistance parts it from the other end, of the same node.

    Raises
    ------
    NetlistError
        A line without resistance joins two nodes.
    """
    ports, found = block.split(element.nodes), {}
    file, line = element.where or (None, None)
    for family, (near, far) in _LINE_ENDS.items():
        if near not in ports or far not in ports:
            continue
        lines = segments(block)[family]
        across = family == "wl" and block.layout == "crosspoint"
        none = (lines if across else lines.T).max(axis=1) == 0.0
        for k in np.flatnonzero(none):
            first, second = ports[near][k], ports[far][k]
            if first != second:
                raise NetlistError(
                    f"{element.name}: a line without resistance joins the nodes {first} and "
                    f"{second}; give it a resistance, or tie one of its ends only",
                    file=file or None, line=line,
                )
        found[far] = none
    return found


def expand_block(element: Element, block: CrossbarBlock) -> Iterator[Element]:
    """Yield the elements that a block is made of: ``x1.rwire_wl0_1``, ``x1.rcell0_0`` ...

    Nodes are named as by `Crossbar.to_circuit`, within the element: ``x1.wl0_1``, ``x1.bl0_1``;
    between device and transistor ``x1.in0_1``.

    Raises
    ------
    NetlistError
        Cells that exist in Python only.
    """
    prefix = f"{element.name.lower()}."
    file, line = element.where or (None, None)
    doubly_tied(element, block)
    conductance = block.conductance
    if block.crossbar is not None:
        if not isinstance(block.crossbar.cells, Resistive):
            raise NetlistError(
                f"{element.name}: an array of {type(block.crossbar.cells).__name__} cannot be "
                "written out; op, dc and tran solve it as it is, for more describe the cells by "
                "model cards", file=file or None, line=line,
            )
        conductance = block.crossbar.conductance

    def make(kind: str, name: str, nodes: tuple[str, ...], value: float = 0.0,
             **more: Any) -> Element:
        return Element(kind, prefix + name, nodes, value, where=element.where, **more)

    place: dict[tuple[str, int, int], str] = {}
    for family, i, j, here, before, ohm in _line_nodes(element, block, prefix):
        place[family, i, j] = here
        if before and ohm > 0.0:
            yield make("R", f"rwire_{family}{i}_{j}", (before, here), ohm)
    yield from _outer(element, block, place, make)
    gates = block.split(element.nodes)["gate"]
    for i, j in np.ndindex(*block.shape):
        word, bit = place["wl", i, j], place["bl", i, j]
        g = None if conductance is None else float(conductance[i, j])
        yield from _cell(block, make, prefix, (i, j), (word, bit), g, gates)
    for family, farad in (("wl", block.wires.word_capacitance),
                          ("bl", block.wires.bit_capacitance)):
        whole = np.broadcast_to(farad, block.shape)
        for i, j in np.argwhere(whole > 0.0):
            yield make("C", f"c{family}{i}_{j}", (place[family, i, j], "0"), float(whole[i, j]))


def _line_nodes(
    element: Element, block: CrossbarBlock, prefix: str
) -> Iterator[tuple[str, int, int, str, str, float]]:
    """Yield family, row, column, node, the node before it, and the segment between them.

    The node before the first is the port at the line's beginning, or empty.
    """
    ports = block.split(element.nodes)
    of = segments(block)
    for family, ends in _LINE_ENDS.items():
        r = of[family]
        lines = r if family == "wl" and block.layout == "crosspoint" else r.T
        for k, line in enumerate(lines):
            near, far = (ports[e][k] if e in ports else "" for e in ends)
            count = len(line) - 1
            merged = _merged(line, near, far)
            before = near
            for j in range(count):
                i_j = (k, j) if family == "wl" and block.layout == "crosspoint" else (j, k)
                here = merged.get(j) or f"{prefix}{family}{i_j[0]}_{i_j[1]}"
                if j and line[j] == 0.0 and j not in merged:
                    here = before
                ohm = 0.0 if line[j] == math.inf else float(line[j])
                yield family, *i_j, here, before, ohm
                before = here


def _merged(line: Array, near: str, far: str) -> dict[int, str]:
    """Return the nodes of a line that no resistance parts from one of its ports."""
    count, found = len(line) - 1, {}
    for j in range(count):
        if not near or line[j] != 0.0:
            break
        found[j] = near
    for j in reversed(range(count)):
        if not far or line[j + 1] != 0.0:
            break
        found[j] = far
    return found


def _outer(
    element: Element, block: CrossbarBlock, place: dict[tuple[str, int, int], str], make: Any
) -> Iterator[Element]:
    """Yield the segments behind the last crosspoints."""
    ports, of = block.split(element.nodes), segments(block)
    rows, columns = block.shape
    for family, end in (("wl", "word_right"), ("bl", "bit_bottom")):
        across = family == "wl" and block.layout == "crosspoint"
        r = of[family][:, -1] if across else of[family][-1]
        for k, port in enumerate(ports.get(end, ())):
            i, j = (k, columns - 1) if across else (rows - 1, k)
            if 0.0 < r[k] < math.inf:
                yield make("R", f"rwire_{family}{i}_{j}_end", (place[family, i, j], port),
                           float(r[k]))


def segments(block: CrossbarBlock) -> dict[str, Array]:
    """Return the segments of word lines "wl" and bit lines "bl", ohm, with the ends' own."""
    word = np.array(block.wires.word_segments(block.shape, block.layout))
    bit = np.array(block.wires.bit_segments(block.shape))
    across = block.layout == "crosspoint"
    driver, sense = block.wires.driver, block.wires.sense
    if across:
        word[:, 0] += driver
        word[:, -1] += driver
    else:
        word[0] += driver
        word[-1] += driver
    bit[0] += sense
    bit[-1] += sense
    return {"wl": word, "bl": bit}


def _cell(
    block: CrossbarBlock, make: Any, prefix: str, at: tuple[int, int], ends: tuple[str, str],
    g: float | None, gates: tuple[str, ...],
) -> Iterator[Element]:
    i, j = at
    if not block.model and not block.transistor:
        if g:
            yield make("R", f"rcell{i}_{j}", ends, 1.0 / g)
        return
    word, bit = ends
    inner = f"{prefix}in{i}_{j}"
    device = ends
    if block.transistor:
        device = (word, inner) if block.side == "bit" else (inner, bit)
        drain, source = (inner, bit) if block.side == "bit" else (word, inner)
        gate = gates[i if block.gates == "rows" else j]
        yield make("M", f"mcell{i}_{j}", (drain, gate, source, "0"), model=block.transistor,
                   parameters=(("w", block.width), ("l", block.length)))
    if not block.model:
        if g:
            yield make("R", f"rcell{i}_{j}", device, 1.0 / g)
        return
    given = () if g is None else (("conductance", g),)
    yield make("N", f"ncell{i}_{j}", device, model=block.model, parameters=given)
