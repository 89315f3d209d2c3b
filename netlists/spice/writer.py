"""A circuit to the text of a deck."""

from __future__ import annotations

from ...core.errors import NetlistError, ParameterError
from ..circuit import Circuit
from ..read_anew import at_temperature
from .read.elements.crossbar_macro import write_crossbar
from .write.deck import Writer, swept_in_temperature
from .write.ngspice import NgspiceWriter

__all__ = ["write_deck"]


def write_deck(circuit: Circuit, dialect: str = "") -> str:
    """Return the deck of a circuit, see `Circuit.to_spice`."""
    if dialect not in ("", "ngspice"):
        raise ParameterError(f"`dialect` must be '' or 'ngspice'; got {dialect!r}")
    circuit = at_temperature(circuit, circuit.temperature)
    if circuit.deck is not None and circuit.deck.as_read is not None and swept_in_temperature(
        circuit
    ):
        raise NetlistError(
            "the deck computes numbers with `temper` and sweeps the temperature: it cannot be "
            "written out, for its numbers are those of one temperature"
        )
    if any(write_crossbar("", circuit[name]) is None for name in circuit.arrays) or (
        dialect == "ngspice" and circuit.arrays
    ):
        circuit = circuit.expanded()
    writer = NgspiceWriter(circuit) if dialect == "ngspice" else Writer(circuit)
    return "\n".join([circuit.title or "crossbarsim", *writer.lines(), ".end", ""])
