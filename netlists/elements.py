"""The elements of a flat circuit."""

from __future__ import annotations

from dataclasses import dataclass

from .sources import Source, spice_source

__all__ = ["KINDS", "Element"]

KINDS = {
    "R": "resistor", "C": "capacitor", "V": "voltage source", "I": "current source",
    "E": "voltage-controlled voltage source", "F": "current-controlled current source",
    "G": "voltage-controlled current source", "H": "current-controlled voltage source",
    "X": "subcircuit",
}


@dataclass(frozen=True)
class Element:
    """One element.

    Attributes
    ----------
    kind : str
        Its SPICE letter.
    name : str
        Full name with the letter, as given.
    nodes : tuple of str
        Positive and negative node; for E and G also the controlling pair; for X its ports.
    value : float
        Ohm, farad, volt, ampere, or the gain; of a source in time its value at 0 s.
    control : str
        For F and H the controlling voltage source, for X the subcircuit, else empty.
    wave : Source, optional
        Of a voltage or current source in time.
    parameters : tuple of (str, float)
        Of a subcircuit.
    """

    kind: str
    name: str
    nodes: tuple[str, ...]
    value: float
    control: str = ""
    wave: Source | None = None
    parameters: tuple[tuple[str, float], ...] = ()

    def card(self, t_stop: float = 0.0) -> str:
        """Return the element's line of a SPICE deck; waves are written up to `t_stop`."""
        parts = [self.name, *self.nodes]
        if self.control:
            parts.append(self.control)
        if self.kind in "VI":
            parts.append("DC")
        if self.kind == "X":
            return " ".join([*parts, *(f"{name}={value!r}" for name, value in self.parameters)])
        if self.wave is not None:
            return " ".join([*parts, repr(float(self.value)), spice_source(self.wave, t_stop)])
        return " ".join([*parts, f"{self.value:.17g}"])
