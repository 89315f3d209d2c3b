"""The linear elements of a flat circuit."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KINDS", "Element"]

KINDS = {
    "R": "resistor", "C": "capacitor", "V": "voltage source", "I": "current source",
    "E": "voltage-controlled voltage source", "F": "current-controlled current source",
    "G": "voltage-controlled current source", "H": "current-controlled voltage source",
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
        Positive and negative node; for E and G also the controlling pair.
    value : float
        Ohm, farad, volt, ampere, or the gain.
    control : str
        For F and H the controlling voltage source, else empty.
    """

    kind: str
    name: str
    nodes: tuple[str, ...]
    value: float
    control: str = ""

    def card(self) -> str:
        """Return the element's line of a SPICE deck."""
        parts = [self.name, *self.nodes]
        if self.control:
            parts.append(self.control)
        if self.kind in "VI":
            parts.append("DC")
        return " ".join([*parts, f"{self.value:.17g}"])
