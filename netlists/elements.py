"""The elements of a flat circuit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .osdi.module import Module
from .sources import Source, spice_source
from .spice.expressions.expression import Expression

__all__ = ["COMPLEMENTARY", "KINDS", "Element", "Kind", "Model", "Value"]

Value = float | Expression


@dataclass(frozen=True)
class Kind:
    """What all elements of a letter have in common.

    Attributes
    ----------
    title : str
        As messages call it.
    currents : dict
        ngspice's names of the currents into terminals: name -> terminal.
    paths : tuple of (int, int)
        Terminals between which direct current can flow; a source that only forces one has none.
    branch : bool
        Whether its current is an unknown, and the voltage of its first two nodes fixed.
    """

    title: str
    currents: Mapping[str, int] = field(default_factory=lambda: {"i": 0})
    paths: tuple[tuple[int, int], ...] = ()
    branch: bool = False


_THROUGH = ((0, 1),)
KINDS: dict[str, Kind] = {
    "R": Kind("resistor", paths=_THROUGH),
    "C": Kind("capacitor"),
    "L": Kind("inductor", paths=_THROUGH, branch=True),
    "K": Kind("coupled inductors", {}),
    "V": Kind("voltage source", paths=_THROUGH, branch=True),
    "I": Kind("current source", {"current": 0, "i": 0}),
    "E": Kind("voltage-controlled voltage source", paths=_THROUGH, branch=True),
    "F": Kind("current-controlled current source"),
    "G": Kind("voltage-controlled current source"),
    "H": Kind("current-controlled voltage source", paths=_THROUGH, branch=True),
    "B": Kind("behavioural source"),  # of a voltage it has a branch, see `Element.has_branch`
    "D": Kind("diode", {"id": 0, "i": 0}, _THROUGH),
    "Q": Kind("bipolar transistor", {"ic": 0, "ib": 1, "ie": 2, "is": 3}, ((0, 1), (1, 2))),
    "J": Kind("junction field-effect transistor", {"id": 0, "ig": 1, "is": 2}, ((0, 2), (0, 1))),
    "M": Kind("MOS transistor", {"id": 0, "ig": 1, "is": 2, "ib": 3}, ((0, 2), (0, 3), (2, 3))),
    "S": Kind("voltage-controlled switch", paths=_THROUGH),
    "W": Kind("current-controlled switch", paths=_THROUGH),
    "T": Kind("transmission line", {"i1": 0, "i2": 2}, ((0, 2), (1, 3))),
    "O": Kind("lossy transmission line", {"i1": 0, "i2": 2}, ((0, 2), (1, 3))),
    "N": Kind("memristor or compiled module", {"i": 0, **{f"i{k}": k - 1 for k in range(1, 17)}},
              _THROUGH),
    "X": Kind("subcircuit", {}),
}


# kinds of cards of transistors whose currents are shown as those of n-channel ones, as in ngspice
COMPLEMENTARY = ("pmos", "pjf", "vdmosp")


@dataclass(frozen=True)
class Model:
    """A model card.

    Attributes
    ----------
    name : str
        As in the deck, lower case; of a card inside of a subcircuit after its instance: ``x1.d``.
    kind : str
        ``"r"``, ``"c"``, ``"l"``, ``"d"``, ``"npn"``, ``"pnp"``, ``"njf"``, ``"pjf"``, ``"nmos"``,
        ``"pmos"``, ``"vdmosn"``, ``"vdmosp"``, ``"sw"``, ``"csw"``, ``"ltra"``, ``"urc"``, or the
        name of a memristor model of the registry or of a compiled module.
    level : int or str
        1; of a MOS transistor 1, 2, 3, 6 or ``"ekv"``; of a junction transistor 1 or 2.
    parameters : dict
        As given, SI units; `crossbarsim.netlists.spice.cards` has the defaults.
    where : (str, int), optional
        File and line.
    module : Module, optional
        The compiled module of which it is a card; `kind` is then its name.
    """

    name: str
    kind: str
    level: int | str = 1
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    where: tuple[str, int] | None = None
    module: Module | None = None

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
        For F, H and W the element whose current controls it, for X the subcircuit, else empty.
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

    def terminal(self, current: str) -> int | None:
        """Return the terminal into which the current of that name flows (``"i"``, ``"ic"``)."""
        place = KINDS[self.kind].currents.get(current)
        return place if place is not None and place < len(self.nodes) else None

    def controls(self) -> Iterator[tuple[str, str]]:
        """Yield the currents that its law reads: elements' names, and names of their currents."""
        if type(self.value) is float and not self.parameters and not self.control:
            return
        if self.control and self.kind != "X":
            yield self.control.lower(), "i"
        for value in (self.value, *(v for _, v in self.parameters)):
            if isinstance(value, Expression):
                for probe in value.sources:
                    if probe[0] != "v":
                        yield probe[1].lower(), probe[2].lower() if probe[0] == "@" else "i"

    @property
    def has_branch(self) -> bool:
        """Whether its current is an unknown of the circuit: it fixes the voltage of two nodes."""
        if self.kind == "B":
            return any(name.lower() == "v" for name, _ in self.parameters)
        return KINDS[self.kind].branch

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
