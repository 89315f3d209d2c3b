"""The elements of a flat circuit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .sources import Source, spice_source
from .spice.expressions.expression import Expression

__all__ = ["KINDS", "Element", "Model", "Value"]

Value = float | Expression
KINDS = {
    "R": "resistor", "C": "capacitor", "L": "inductor", "K": "coupled inductors",
    "V": "voltage source", "I": "current source",
    "E": "voltage-controlled voltage source", "F": "current-controlled current source",
    "G": "voltage-controlled current source", "H": "current-controlled voltage source",
    "B": "behavioural source", "D": "diode", "Q": "bipolar transistor",
    "J": "junction field-effect transistor", "M": "MOS transistor",
    "S": "voltage-controlled switch", "W": "current-controlled switch", "T": "transmission line",
    "N": "memristor", "X": "subcircuit",
}


@dataclass(frozen=True)
class Model:
    """A model card.

    Attributes
    ----------
    name : str
        As in the deck, lower case; of a card inside of a subcircuit after its instance: ``x1.d``.
    kind : str
        ``"r"``, ``"c"``, ``"l"``, ``"d"``, ``"npn"``, ``"pnp"``, ``"njf"``, ``"pjf"``, ``"nmos"``,
        ``"pmos"``, ``"sw"``, ``"csw"``, or the name of a memristor model of the registry.
    level : int or str
        1; of a MOS transistor 1, 2, 3 or ``"ekv"``.
    parameters : dict
        As given, SI units; `crossbarsim.netlists.spice.cards` has the defaults.
    where : (str, int), optional
        File and line.
    """

    name: str
    kind: str
    level: int | str = 1
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    where: tuple[str, int] | None = None

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter, or `default` where it is not given."""
        return self.parameters.get(name, default)


@dataclass(frozen=True)
class Element:
    """One element.

    Attributes
    ----------
    kind : str
        Its SPICE letter.
    name : str
        Full name with the letter, as given; inside of a subcircuit ``x1.r2``.
    nodes : tuple of str
        Positive and negative node; for E and G also the controlling pair unless `value` is an
        expression; for X its ports; empty for K.
    value : float or Expression
        Ohm, farad, henry, volt, ampere, the gain, or the coupling; of a source in time its value
        without time (DC); of E, F, G, H, R, C, L an expression over probes of the circuit.
    control : str
        For F, H and W the controlling voltage source, for X the subcircuit, else empty.
    wave : Source, optional
        Of a voltage or current source in time.
    parameters : tuple of (str, float or Expression or str)
        All else that was given: ``tc1``, ``ic``, ``w``, ``acmag``, ``acphase`` (degree) ...
        B has ``v`` or ``i``, C perhaps ``q`` (coulomb), each an expression; K ``l1`` and ``l2``,
        names; flags such as ``off`` are 1.
    model : str
        Name of its model card.
    where : (str, int), optional
        File and line of a deck.
    """

    kind: str
    name: str
    nodes: tuple[str, ...]
    value: Value
    control: str = ""
    wave: Source | None = None
    parameters: tuple[tuple[str, Value | str], ...] = ()
    model: str = ""
    where: tuple[str, int] | None = None

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter, or `default` where it is not given."""
        return dict(self.parameters).get(name, default)

    @property
    def has_branch(self) -> bool:
        """Whether its current is an unknown of the circuit: it fixes the voltage of its nodes."""
        if self.kind == "B":
            return any(name.lower() == "v" for name, _ in self.parameters)
        return self.kind in "VEHL"

    def card(self, t_stop: float = 0.0) -> str:
        """Return the element's line of a SPICE deck; waves are written up to `t_stop`."""
        parts = [self.name, *self.nodes]
        if self.control:
            parts.append(self.control)
        if self.kind in "VI":
            parts.append("DC")
        if self.kind == "X":
            return " ".join([*parts, *(f"{name}={v!r}" for name, v in self.parameters)])
        if isinstance(self.value, Expression):
            return " ".join([*parts, f"{{{self.value}}}"])
        if self.wave is not None:
            return " ".join([*parts, repr(float(self.value)), spice_source(self.wave, t_stop)])
        return " ".join([*parts, f"{self.value:.17g}"])
