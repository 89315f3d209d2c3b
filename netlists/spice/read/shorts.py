"""Resistors of 0 ohm: their nodes are one."""

from __future__ import annotations

from dataclasses import replace

from ....core.errors import NetlistError
from ...analyses import Place
from ...circuit import GROUND, Circuit
from .name_checks import asked, changed_names

__all__ = ["joined"]


def joined(circuit: Circuit) -> Circuit:
    """Return the circuit without resistors of 0 ohm: their nodes are one node of two names.

    Those that a sweep or ``alter`` gives other values stay.

    Raises
    ------
    NetlistError
        The current of one is asked for, which no voltage determines.
    """
    short = [
        e for e in circuit.singles()
        if e.kind == "R" and type(e.value) is float and e.value == 0.0
    ]
    if short:
        kept = set(changed_names(circuit))
        short = [e for e in short if e.name.lower() not in kept]
    if not short:
        return circuit
    gone = {e.name.lower() for e in short}
    _check(circuit, gone)
    place = {GROUND: -1, **{n: k for k, n in enumerate(circuit.nodes)}}
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while node in parent:
            node = parent[node]
        return node

    for e in short:
        first, second = sorted(map(root, e.nodes), key=place.__getitem__)
        if first != second:
            parent[second] = first
    made = circuit.without_elements()
    for node in parent:
        made.alias(node, root(node))
    for e in circuit:
        if e.name.lower() not in gone:
            nodes = tuple(map(root, e.nodes))
            made.add(e if nodes == e.nodes else replace(e, nodes=nodes))
    return made


def _check(circuit: Circuit, gone: set[str]) -> None:
    """Refuse currents of what is no element any more."""
    used: list[tuple[str, Place, str]] = [
        (label, where, probe[1]) for label, where, expression in asked(circuit)
        for probe in expression.sources if probe[0] != "v"
    ]
    used += [(e.name, e.where, name) for e in circuit for name, _ in e.controls()]
    for analysis in circuit.analyses:
        output: tuple[str, ...] = getattr(analysis, "output", ())
        if output and output[0] != "v":
            used.append((f".{type(analysis).__name__.lower()}", analysis.where, output[1]))
    for label, where, name in used:
        if name.lower() in gone:
            file, line = where or (None, None)
            raise NetlistError(
                f"{label}: the current of `{name}`, of 0 ohm, follows from no voltage; put a 0 V "
                "source in its place, or give the option `resmin`: the resistance that 0 ohm "
                "stands for", file=file, line=line,
            )
