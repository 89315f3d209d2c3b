"""What a crossbar asks of cells that are more than resistors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ._check import Array

__all__ = ["CellPoint", "Cells"]


@dataclass(frozen=True, eq=False)
class CellPoint:
    """All cells of an array at given node voltages, each (M, N).

    Attributes
    ----------
    current : ampere, from the word to the bit node
    by_word, by_bit : siemens
        di/du and -di/dw; equal for two-terminal cells.
    inner : volt, the inner node of a cell in series with an access element
    state : (S, M, N)
    bad : int
        Flat index of the first cell whose own equations did not converge, or -1.
    """

    current: Array
    by_word: Array
    by_bit: Array
    inner: Array
    state: Array
    bad: int


@runtime_checkable
class Cells(Protocol):
    """An array of M x N cells with states.

    Attributes
    ----------
    shape : (int, int)
    symmetric : bool
        Whether every cell has two terminals only.
    state : (S, M, N)
    conductance : (M, N) siemens
        Of the devices, at their read voltage.
    """

    shape: tuple[int, int]
    symmetric: bool
    state: Array

    @property
    def conductance(self) -> Array:
        """(M, N) siemens."""
        ...

    def gates(self, gate_voltage: Any = None) -> Array:
        """Return the gate voltages, (M, N) or (B, M, N) volt."""
        ...

    def evaluate(
        self, u: Array, w: Array, gate: Array, *, base: Array, step: float, state: Array,
        inner: Array,
    ) -> CellPoint:
        """Return the cells at word and bit voltages u, w (M, N).

        The states solve ``x = base + step dx/dt`` (step 0: frozen at `base`); `state` and `inner`
        are guesses.
        """
        ...

    def rates(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return dx/dt (S, M, N) at a point, held at the bounds."""
        ...

    def with_state(self, state: Array) -> Cells:
        """Return the same cells in other states."""
        ...
