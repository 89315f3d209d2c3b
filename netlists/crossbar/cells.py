"""Cells of a crossbar: plain resistors, and what it asks of cells that are more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.registration import registered
from ...core.validation import Array, nonnegative
from ...core.views.brief import brief_repr

__all__ = [
    "BatchedCells", "CellPoint", "CellSlopes", "CellSlots", "CellSpice", "Cells", "Resistive",
    "SpiceCells", "StoredCells", "ThermalCells", "read_cells", "register_reader",
]


@dataclass(frozen=True, eq=False)
class Resistive:
    """Cells that are plain resistors.

    Parameters
    ----------
    conductance : (M, N) array
        Siemens, >= 0; 0 is an open cell.

    Raises
    ------
    ParameterError
        Negative or infinite values, NaN, or another number of axes.

    Examples
    --------
    >>> from crossbarsim import Crossbar, Resistive
    >>> Crossbar(cells=Resistive([[1e-4, 2e-4]])).shape
    (1, 2)
    """

    conductance: Array

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        array = nonnegative("conductance", self.conductance, "siemens")
        if array.ndim != 2 or array.size == 0:
            raise ParameterError(
                f"`conductance` must have shape (M, N) with M, N >= 1; got {array.shape}"
            )
        object.__setattr__(self, "conductance", np.ascontiguousarray(array))


@dataclass(frozen=True, eq=False)
class CellPoint:
    """All cells of an array at given node voltages, each (M, N).

    Attributes
    ----------
    current : ampere, from the word to the bit node
    by_word, by_bit : siemens
        di/du and -di/dw; one array where they are equal in every cell.
    inner : volt, the inner node of a cell in series with an access element
        Of cells with I inner unknowns (I, M, N).
    state : (S, M, N)
    lead_word, lead_bit : (1 + S, M, N)
        Derivatives of the inner node and of the states with respect to the word and bit voltage;
        of cells with I inner unknowns (I + S, M, N).
    bad : int
        Flat index of the first cell whose own equations did not converge, or -1.
    frozen : bool
        Whether inner nodes and states are the same at all voltages, so that no guess is needed.
    into : ampere, optional
        Into the bit node where that is another current: some flows into gate or ground. `current`
        is the one from the word node then, `by_word` is d into/du.
    word_ground, bit_ground : siemens, optional
        Then, what is left of the derivatives: d current/du = by_word + word_ground and
        -d into/dw = by_bit + bit_ground.
    stays : (S, M, N), optional
        Share of an error of a state's base that the stage leaves, at fixed node voltages: less
        than 1 of charges, which follow the voltages within a time of their own.
    loose : bool
        Cells' own equations are solved to first order only: `inner` and `state` are where they lead
        to, and have to be evaluated again before currents are final.
    """

    current: Array
    by_word: Array
    by_bit: Array
    inner: Array
    state: Array
    lead_word: Array
    lead_bit: Array
    bad: int
    frozen: bool = False
    into: Array | None = None
    word_ground: Array | None = None
    bit_ground: Array | None = None
    stays: Array | None = None
    loose: bool = False

    @property
    def fed(self) -> Array:
        """The current into the bit node."""
        return self.current if self.into is None else self.into

    @property
    def ground(self) -> tuple[Array | float, Array | float]:
        """What of the derivatives leads to ground, at word and bit node."""
        if self.word_ground is None or self.bit_ground is None:
            return 0.0, 0.0
        return self.word_ground, self.bit_ground


@dataclass(frozen=True, eq=False)
class CellSlopes:
    """Derivatives of the cells' currents at fixed node voltages and frozen states.

    Attributes
    ----------
    state : (S, M, N), ampere per unit of the state
    gate : (M, N) siemens
    conductance : (M, N) volt
        With respect to the conductance of the device at its read voltage.
    into : CellSlopes, optional
        Of the currents into the bit nodes, where they are others.
    """

    state: Array
    gate: Array
    conductance: Array
    into: CellSlopes | None = None


@dataclass(frozen=True, eq=False)
class CellSpice:
    """The cells of an array as a SPICE subcircuit.

    Attributes
    ----------
    name : str
    text : str
        Its definition; ports ``word``, ``bit`` and, with `gated`, ``gate``.
    gated : bool
    parameters : dict
        Numbers that differ from cell to cell, (M, N) or broadcastable.
    states : tuple of str
        States that move; state ``x`` is the voltage of the inner node ``s_x``, its share of its
        range. Empty where they are frozen.
    farad : float
        Capacitor of every state.
    """

    name: str
    text: str
    gated: bool
    parameters: dict[str, Array]
    states: tuple[str, ...]
    farad: float


@runtime_checkable
class Cells(Protocol):
    """An array of M x N cells with states.

    Attributes
    ----------
    shape : (int, int)
    stochastic : bool
        Whether the states carry noise.
    state : (S, M, N)
    capacitance : farad, across every cell, scalar or (M, N)
    conductance : (M, N) siemens
        Of the devices, at their read voltage.
    """

    shape: tuple[int, int]
    state: Array
    capacitance: Array

    @property
    def stochastic(self) -> bool:
        """Whether the states carry noise."""
        ...

    @property
    def conductance(self) -> Array:
        """(M, N) siemens."""
        ...

    def bounds(self) -> tuple[Array, Array]:
        """Return (low, high) of the states, (S, 1, 1) or (S, M, N)."""
        ...

    def gates(self, gate_voltage: ArrayLike | None = None) -> Array:
        """Return the gate voltages, (M, N) or (B, M, N) volt."""
        ...

    def evaluate(
        self, u: Array, w: Array, gate: Array, *, base: Array, step: float, state: Array,
        inner: Array, threads: int = 1, rtol: float = 1e-10,
    ) -> CellPoint:
        """Return the cells at word and bit voltages u, w (M, N).

        The states solve ``x = base + step dx/dt`` (step 0: frozen at `base`); `state` and `inner`
        are guesses; currents are good to `rtol` of themselves or better.
        """
        ...

    def slopes(self, u: Array, w: Array, gate: Array, point: CellPoint) -> CellSlopes:
        """Return the derivatives with respect to states, gate voltage and conductance."""
        ...

    def noise(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the amplitudes of the states' white noise, (S, M, N), per root second."""
        ...

    def rates(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return dx/dt (S, M, N) at a point, held at the bounds."""
        ...

    def with_state(self, state: Array) -> Cells:
        """Return the same cells in other states."""
        ...


class CellSlots(Protocol):
    """The frozen cells of an array at many sets of node voltages, each in a slot of its own.

    Attributes
    ----------
    cells : (2 or 3, K, M, N) ampere and siemens
        Current, di/du and, unless `alike`, -di/dw.
    lead : (2, K, M, N)
        Derivatives of the inner node by word and bit voltage, where `moves`.
    inner : (K, M, N) volt
        The inner node, guess and result.
    alike, moves : bool
        Whether both derivatives are one; whether there is an inner node.
    dear : bool
        Whether an evaluation costs more than a good step.
    """

    cells: Array
    lead: Array
    inner: Array
    alike: bool
    moves: bool
    dear: bool

    def evaluate(self, count: int, word: Array, bit: Array, gate: Array, threads: int = 1) -> int:
        """Evaluate the first `count` slots at node and gate voltages (K, M, N).

        Returns the first slot with a cell whose own equations did not converge, K if none has.
        """
        ...


@runtime_checkable
class BatchedCells(Protocol):
    """Cells that can be evaluated for many input vectors by one call."""

    def batch(self, count: int, rtol: float, lanes: int = 0) -> CellSlots | None:
        """Return `count` slots for currents good to `rtol`; None: these cells have none.

        With `lanes`, slots are of as many vectors side by side, (K, M N, lanes).
        """
        ...


@runtime_checkable
class SpiceCells(Protocol):
    """Cells that can be written out for SPICE."""

    def to_spice(self, name: str, t_stop: float | None) -> CellSpice:
        """Return the cells as a subcircuit; without `t_stop` the states are frozen."""
        ...


@runtime_checkable
class ThermalCells(Protocol):
    """Cells whose currents depend on the temperature of the circuit that they are in."""

    def at_temperature(self, kelvin: float) -> Cells:
        """Return the same cells in a circuit at `kelvin`."""
        ...


@runtime_checkable
class StoredCells(Protocol):
    """Cells that can be saved."""

    def to_arrays(self) -> dict[str, Any]:
        """Return all that defines the cells, one entry named ``"cells"`` among it."""
        ...


Reader = Callable[[Mapping[str, Any]], Cells]
_readers: list[Reader] = []


def register_reader(reader: Reader) -> None:
    """Name the function that makes cells again from what `StoredCells.to_arrays` gave."""
    _readers[:] = [reader]


def read_cells(data: Mapping[str, Any]) -> Cells:
    """Return the cells that a file describes."""
    registered()
    if not _readers:
        raise ParameterError("import crossbarsim.devices to read crossbars with devices")
    return _readers[0](data)
