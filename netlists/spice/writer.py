"""A circuit to the text of a deck."""

from __future__ import annotations

from ...core.errors import ParameterError
from ..circuit import Circuit
from .read.elements.crossbar_macro import write_crossbar
from .write.deck import Writer
from .write.ngspice import NgspiceWriter

__all__ = ["write_deck"]


def write_deck(circuit: Circuit, dialect: str = "") -> str:
    """Return the deck of a circuit, see `Circuit.to_spice`."""
    if dialect not in ("", "ngspice"):
        raise ParameterError(f"`dialect` must be '' or 'ngspice'; got {dialect!r}")
    if any(write_crossbar("", circuit[name]) is None for name in circuit.arrays) or (
        dialect == "ngspice" and circuit.arrays
    ):
        circuit = circuit.expanded()
    writer = NgspiceWriter(circuit) if dialect == "ngspice" else Writer(circuit)
    return "\n".join([circuit.title or "crossbarsim", *writer.lines(), ".end", ""])
