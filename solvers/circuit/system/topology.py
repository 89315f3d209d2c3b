"""What makes a circuit singular, found on its graph before anything is solved."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import cache

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ....core.errors import SingularCircuitError
from ....netlists.circuit import GROUND, Circuit
from ....netlists.crossbar.cells import Resistive
from ....netlists.crossbar_element import CrossbarBlock, segments
from ....netlists.elements import KINDS, Element
from ....netlists.osdi import Module
from ...crossbar.problem import pieces
from .element_group import Ints

__all__ = ["check", "idle_inductors"]

_SHOWN = 8
_FEW = 200  # nodes up to which SciPy's graph costs more than it saves


def check(
    circuit: Circuit, *, uic: bool = False, index: Mapping[str, int] | None = None
) -> None:
    """Raise for loops of voltage sources and for nodes without a path to ground.

    Inductors across sources pass here, see `idle_inductors`; those across each other do not.

    Parameters
    ----------
    circuit : Circuit
    uic : bool
        Nothing is asked of direct current: inductors and capacitors count as paths, not as shorts.
    index : mapping, optional
        Numbers of the nodes in their order, ground's -1, where they are known.

    Raises
    ------
    SingularCircuitError
    """
    _check_loops(circuit, "L" if uic else "")
    if not circuit.options.get("rshunt"):  # a path from every node
        _check_paths(circuit, index, capacitors=uic)


def _check_loops(circuit: Circuit, without: str) -> None:
    parent: dict[str, str] = {}
    edges: dict[str, list[str]] = {}

    def root(node: str) -> str:
        top = node
        while parent.get(top, top) != top:
            top = parent[top]
        while parent.get(node, node) != top:
            parent[node], node = top, parent[node]
        return top

    idle = set() if without else idle_inductors(circuit)
    for e in circuit.singles():
        kind = e.kind
        if kind in "RCI" or kind in without or not e.has_branch or e.name in idle:
            continue
        a, b = e.nodes[:2]
        if root(a) == root(b):
            loop = _path(edges, a, b)
            what = "voltage sources and inductors" if e.kind == "L" else "voltage sources"
            raise SingularCircuitError(
                f"loop of {what} closed by {e.name} over the nodes {', '.join(loop)}; "
                "put a resistance into the loop", tuple(loop)
            )
        parent[root(a)] = root(b)
        edges.setdefault(a, []).append(b)
        edges.setdefault(b, []).append(a)


def idle_inductors(circuit: Circuit) -> set[str]:
    """Return the inductors that close a loop in which there is a voltage source.

    Direct current through them is not determined, and infinite unless the sources' voltages cancel:
    such as the primary winding across an ideal source of 0 V at rest, which carries 0 A.
    """
    if not any(e.kind == "L" for e in circuit.singles()):
        return set()
    fixed: dict[str, str] = {}  # joined by sources, and by those and inductors
    found: set[str] = set()

    def root(node: str) -> str:
        while fixed.get(node, node) != node:
            node = fixed[node]
        return node

    branches = [e for e in circuit.singles() if e.kind not in "RCI" and e.has_branch]
    for e in branches:
        if e.kind != "L":
            fixed[root(e.nodes[0])] = root(e.nodes[1])
    sourced = {root(n) for e in branches if e.kind != "L" for n in e.nodes[:2]}
    for e in branches:
        if e.kind == "L":
            a, b = root(e.nodes[0]), root(e.nodes[1])
            if a == b and a in sourced:
                found.add(e.name)
            elif a != b:
                if a in sourced or b in sourced:
                    sourced.add(b)
                fixed[a] = b
    return found


def _path(edges: dict[str, list[str]], a: str, b: str) -> list[str]:
    came = {a: a}
    queue = deque([a])
    while queue and b not in came:
        node = queue.popleft()
        for other in edges.get(node, ()):
            if other not in came:
                came[other] = node
                queue.append(other)
    path = [b]
    while path[-1] != a:
        path.append(came[path[-1]])
    return path[::-1]


def _pairs(
    circuit: Circuit, e: Element, *, capacitors: bool
) -> tuple[tuple[int, int], ...]:
    card = circuit.models.get(e.model.lower()) if e.kind in "NM" and e.model else None
    if card is not None and card.module is not None:
        return _joined_terminals(card.module, capacitors)
    if e.kind == "B":
        return ((0, 1),) if e.has_branch else ()
    if capacitors and e.kind == "C":
        return ((0, 1),)
    if capacitors and e.kind == "M":
        return ((0, 1), (0, 2), (0, 3))
    return KINDS[e.kind].paths


@cache
def _joined_terminals(module: Module, capacitors: bool) -> tuple[tuple[int, int], ...]:
    """Return pairs of terminals that currents of a compiled module join, inner nodes between."""
    root = list(range(len(module.nodes)))
    part = 3 if capacitors else 2
    entries = {(e[0], e[1]) for e in module.jacobian if e[2] or e[part]}
    for a, b in (*((a, b) for a, b in entries if (b, a) in entries), *module.collapsible):
        if min(a, b) >= 0:
            root = [root[a] if r == root[b] else r for r in root]
    ends = range(len(module.terminals))
    return tuple((a, b) for a in ends for b in ends if a < b and root[a] == root[b])


def _check_paths(
    circuit: Circuit, index: Mapping[str, int] | None, *, capacitors: bool
) -> None:
    """Nodes must reach ground; C is open, I, F, G and currents of B only force currents."""
    names = circuit.nodes
    if index is None:
        index = {**{node: k for k, node in enumerate(names)}, GROUND: -1}
    a: list[int] = []
    b: list[int] = []
    for e in circuit.singles():
        if e.kind == "R":  # there may be millions
            nodes = e.nodes
            a.append(index[nodes[0]])
            b.append(index[nodes[1]])
            continue
        if e.kind == "X":  # its line ends are joined by cells, gates by nothing
            block = circuit.arrays[e.name.lower()]
            first_of: dict[int, str] = {}
            for node, number in zip(e.nodes, _joined(block).tolist(), strict=False):
                a.append(index[first_of.setdefault(number, node)])
                b.append(index[node])
            wires = block.wires
            if capacitors and (wires.word_capacitance.any() or wires.bit_capacitance.any()):
                a += [-1] * len(first_of)
                b += [index[node] for node in first_of.values()]
            continue
        for first, second in _pairs(circuit, e, capacitors=capacitors):
            if second < len(e.nodes):
                a.append(index[e.nodes[first]])
                b.append(index[e.nodes[second]])
    n = len(names) + 1
    many = [
        columns.run.places(index, -1)[:, columns.rows]
        for kind in ("RC" if capacitors else "R") for columns in circuit.columns(kind)
    ]
    if n <= _FEW and not many and all(_reached(a, b, n)):
        return
    rows, ends = np.concatenate([np.array([a, b], dtype=np.int64), *many], axis=1) + 1
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, ends)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    apart = label != label[0]
    if not apart.any():
        return
    floating = [names[k] for k in np.flatnonzero(apart[1:])]
    # A controlled current source may fix a node's voltage by itself (a gyrator); the
    # factorisation decides, unless nothing but sources and capacitors touches the island.
    island = set(floating)
    feeding = []
    for e in circuit:
        touches = bool(island & set(e.nodes[:2]))
        if e.kind == "G" and touches and len(e.nodes) == 4 and island & set(e.nodes[2:]):
            return
        if touches and e.kind in "BG" and _looks_at(e, island):
            return
        if touches and e.kind in "IFGB":
            feeding.append(e.name)
    shown = ", ".join(floating[:_SHOWN]) + (" ..." if len(floating) > _SHOWN else "")
    if feeding:
        raise SingularCircuitError(
            f"cut-set of current sources {', '.join(feeding[:_SHOWN])}: the nodes {shown} have no "
            "other path to ground; give them a resistance", tuple(floating)
        )
    raise SingularCircuitError(
        f"floating nodes {shown}: no path of resistors or voltage sources to ground (a capacitor "
        "is open); tie them to ground, all of them by `.options rshunt=1e12`", tuple(floating)
    )


def _reached(a: list[int], b: list[int], n: int) -> list[bool]:
    """Return which of n nodes the edges join to the last, whose number is also -1."""
    near: list[list[int]] = [[] for _ in range(n)]
    for i, j in zip(a, b, strict=True):
        near[i].append(j)
        near[j].append(i)
    found = [False] * n
    found[-1], waiting = True, [-1]
    while waiting:
        for k in near[waiting.pop()]:
            if not found[k]:
                found[k] = True
                waiting.append(k)
    return found


def _looks_at(e: Element, island: set[str]) -> bool:
    """Whether an expression of the element reads a voltage of the island."""
    values = [e.value, *(value for _, value in e.parameters)]
    return any(
        probe[0] == "v" and bool(island & set(probe[1:]))
        for value in values for probe in getattr(value, "sources", ())
    )


def _joined(block: CrossbarBlock) -> Ints:
    """Return a number for every line end, the same where segments and cells join them, (P,)."""
    g = None if block.model else block.conductance
    if block.crossbar is not None:
        cells = block.crossbar.cells
        g = cells.conductance if isinstance(cells, Resistive) else None
    lines = segments(block)
    if (g is None or g.all()) and all(np.isfinite(r).all() for r in lines.values()):
        return np.zeros(block.ports - block.gate_lines, dtype=np.int64)
    words, bits = lines["wl"], np.ascontiguousarray(lines["bl"].T)
    if block.layout == "parallel":
        words = np.ascontiguousarray(words.T)
    word, bit = pieces(words)[0], pieces(bits)[0]
    bit += word.max() + 1
    first, second = (word.T if block.layout == "parallel" else word), bit.T
    if g is not None:
        first, second = first[g > 0.0], second[g > 0.0]
    count = int(bit.max()) + 1
    graph = coo_array((np.ones(first.size), (first.ravel(), second.ravel())), shape=(count, count))
    label = connected_components(graph, directed=False)[1]
    found: list[Ints] = []
    for name in block.ends:
        r, piece = (words, word) if name.startswith("word") else (bits, bit)
        k = 0 if name in ("word_left", "bit_top") else -1
        # a broken end is joined to nothing: numbers of its own
        alone = -1 - sum(len(f) for f in found) - np.arange(len(r))
        found.append(np.where(np.isfinite(r[:, k]), label[piece[:, k]], alone))
    return np.concatenate(found)
