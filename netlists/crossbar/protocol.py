"""What others ask of a crossbar, so that they need not know the class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from ...core.validation import Array
from .cells import Cells, Resistive
from .ends import EndArrays, Ends
from .wires import Wires

__all__ = ["CrossbarLike"]


class CrossbarLike(Protocol):
    """M word lines, N bit lines, and cells between them; see `Crossbar`.

    A `Circuit` takes it as one element, and the expansion writes it out as a `Circuit`: both stand
    below `Crossbar`, whose `to_circuit` returns one.
    """

    cells: Resistive | Cells
    wires: Wires
    ends: Ends
    layout: Literal["crosspoint", "parallel"]
    shape: tuple[int, int]

    @property
    def conductance(self) -> Array:
        """(M, N) siemens; of devices at their read voltage."""
        ...

    @property
    def inputs(self) -> int:
        """Number of word lines."""
        ...

    def line_count(self, end: str) -> int:
        """Return the number of lines with the end `end`, such as ``"word_left"``."""
        ...

    @property
    def word_segments(self) -> Array:
        """Word-line segments with the outer ones, ohm."""
        ...

    @property
    def bit_segments(self) -> Array:
        """Bit-line segments with the outer ones, ohm."""
        ...

    @property
    def line_ends(self) -> Mapping[str, EndArrays]:
        """The four ends as arrays, keyed by ``"word_left"`` etc."""
        ...
