"""Faulty cells and lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import Settings, checks_arguments
from ...core.validation import Array, number, real_array
from ...core.views.brief import brief_repr
from .clusters import FaultCluster

__all__ = ["DrawnFaults", "Fault", "FaultMap", "Faults"]

_RATES = ("stuck_on", "stuck_off", "unformed", "shorted")


class Fault(IntEnum):
    """Kinds of faults of a cell; `NONE` is a cell that works.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Fault
    >>> codes = np.zeros((4, 4), dtype=int)
    >>> codes[1, 2] = Fault.STUCK_ON
    >>> Fault(codes[1, 2]).name
    'STUCK_ON'
    """

    NONE = 0
    STUCK_ON = 1
    STUCK_OFF = 2
    UNFORMED = 3
    SHORTED = 4
    OPEN = 5


@dataclass(frozen=True, eq=False)
class FaultMap(Settings):
    """Known faults of one array.

    Parameters
    ----------
    codes : (M, N) array of int
        `Fault` of every cell. A smaller array uses the corner at [0, 0].

    Raises
    ------
    ParameterError
        Not two-dimensional, codes that are no `Fault`.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Fault, FaultMap, Faults, NonIdealities, Place
    >>> codes = np.zeros((2, 3), dtype=int)
    >>> codes[:, 1] = Fault.OPEN
    >>> effects = NonIdealities(faults=Faults(map=FaultMap(codes)))
    >>> effects.chip(np.ones((2, 3)), Place(7), g_on=1e-4, g_off=1e-6)
    array([[0.0001, 0.    , 0.0001],
           [0.0001, 0.    , 0.0001]])
    """

    codes: Any

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        real_array("codes", self.codes)
        given = np.asarray(self.codes)
        if given.ndim != 2 or given.size == 0 or given.dtype.kind not in "iu":
            raise ParameterError(
                f"`codes` must be integers of shape (M, N); got {given.dtype} {given.shape}"
            )
        if given.min() < 0 or given.max() > max(Fault):
            raise ParameterError(
                f"`codes` must be {', '.join(f'{f.value} ({f.name})' for f in Fault)}; got "
                f"{int(given.min())} to {int(given.max())}"
            )
        codes = given.astype(np.int8)
        codes.setflags(write=False)
        object.__setattr__(self, "codes", codes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FaultMap) and np.array_equal(self.codes, other.codes)

    def __hash__(self) -> int:
        return hash((self.codes.shape, self.codes.tobytes()))

    def part(self, shape: tuple[int, int]) -> NDArray[np.int8]:
        """Return the faults (M, N) of an array of that shape.

        Raises
        ------
        ParameterError
            The array is larger than the map.
        """
        if shape[0] > self.codes.shape[0] or shape[1] > self.codes.shape[1]:
            raise ParameterError(
                f"`map` is for {self.codes.shape[0]}x{self.codes.shape[1]} cells; an array has "
                f"{shape[0]}x{shape[1]}"
            )
        found: NDArray[np.int8] = self.codes[: shape[0], : shape[1]]
        return found


@dataclass(frozen=True, eq=False)
class DrawnFaults:
    """The faults of one array: `kinds` (M, N) int, dead lines (M,) and (N,) bool."""

    kinds: NDArray[np.int8]
    open_rows: NDArray[np.bool_]
    open_columns: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Faults(Settings):
    """Faulty cells and lines, which programming and ageing do not change.

    Parameters
    ----------
    stuck_on, stuck_off : float
        Shares of the cells that stay at their own R_on, or their own R_off.
    unformed : float
        Share of the cells whose electroforming failed: they have `unformed_resistance`.
    shorted : float
        Share of the cells that are short circuits of `short_resistance`.
    dead_rows, dead_columns : float
        Shares of the word and bit lines that are open. All cells of such a line are open (0 S).
        The sneak current through a floating line, which this leaves out, is small while bit lines
        are near 0 V: with 128x128 cells of 1 to 100 uS and 1 ohm per segment, 1e-3 of the largest
        current.
    map : FaultMap, or (M, N) array of int, or mapping, or callable, optional
        Known faults, which replace drawn ones at their cells: one map for all arrays; a mapping
        from (layer, array, tile) to maps; or a function ``map(place, shape)`` that returns codes,
        or None where no faults are known.
    cluster : FaultCluster, optional
        Makes the faults of cells come in clusters, with the same overall shares.
    unformed_resistance : float
        Ohm, default 1 Gohm.
    short_resistance : float
        Ohm, default 100 ohm.

    Raises
    ------
    ParameterError
        Shares that are no probabilities or add up to more than 1; maps of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Fault, Faults, Place
    >>> drawn = Faults(stuck_on=0.01, stuck_off=0.03, dead_rows=0.01).draw(Place(7), (128, 128))
    >>> int((drawn.kinds == Fault.STUCK_OFF).sum()), int(drawn.open_rows.sum())
    (482, 2)
    """

    stuck_on: float = 0.0
    stuck_off: float = 0.0
    unformed: float = 0.0
    shorted: float = 0.0
    dead_rows: float = 0.0
    dead_columns: float = 0.0
    map: Any = None
    cluster: FaultCluster | None = None
    unformed_resistance: float = 1e9
    short_resistance: float = 100.0

    def __post_init__(self) -> None:
        for name in (*_RATES, "dead_rows", "dead_columns"):
            number(name, getattr(self, name), low=0.0, high=1.0)
        if self._rates.sum() > 1.0 + 1e-12:
            raise ParameterError(
                f"shares of faulty cells must be at most 1 together; got {self._rates.sum():g}"
            )
        for name in ("unformed_resistance", "short_resistance"):
            number(name, getattr(self, name), low=0.0, open_low=True, unit="ohm")
        if self.cluster is not None and not isinstance(self.cluster, FaultCluster):
            raise ParameterError(
                f"`cluster` must be FaultCluster(...) or None; got {self.cluster!r:.60}"
            )
        if self.map is None or isinstance(self.map, (FaultMap, Callable)):  # type: ignore[arg-type]
            return
        if isinstance(self.map, Mapping):
            maps = {key: _as_map(value) for key, value in self.map.items()}
            object.__setattr__(self, "map", maps)
        else:
            object.__setattr__(self, "map", FaultMap(self.map))

    @property
    def _rates(self) -> Array:
        return np.array([getattr(self, name) for name in _RATES], dtype=np.float64)

    @property
    def any(self) -> bool:
        """Whether there can be a fault."""
        lines = self.dead_rows > 0 or self.dead_columns > 0
        return bool(lines or self.map is not None or self._rates.sum() > 0)

    @checks_arguments
    def draw(self, place: Place, shape: tuple[int, int]) -> DrawnFaults:
        """Return the faults of the array of that shape at `place`, the same always."""
        rates = self._rates
        if self.cluster is not None:
            kinds = self.cluster.draw(place.generator("fault clusters"), shape, rates)
        elif rates.any():
            u = place.generator("faults").random(shape)
            kinds = np.zeros(shape, dtype=np.int8)
            hit = u < rates.sum()
            # each kind has its own part of the interval: a cell has one fault
            edges = np.cumsum(rates)
            kinds[hit] = 1 + np.minimum(np.searchsorted(edges, u[hit], side="right"), 3)
        else:
            kinds = np.zeros(shape, dtype=np.int8)
        known = self._known(place, shape)
        if known is not None:
            kinds = np.where(known != Fault.NONE, known, kinds)
        rows, columns = (
            place.generator(f"dead {line}").random(count) < share
            for line, count, share in (("rows", shape[0], self.dead_rows),
                                       ("columns", shape[1], self.dead_columns))
        )
        kinds[rows] = Fault.OPEN
        kinds[:, columns] = Fault.OPEN
        return DrawnFaults(kinds, rows, columns)

    def _known(self, place: Place, shape: tuple[int, int]) -> NDArray[np.int8] | None:
        if self.map is None:
            return None
        if isinstance(self.map, FaultMap):
            return self.map.part(shape)
        if isinstance(self.map, Mapping):
            found = self.map.get((place.layer, place.array, tuple(place.tile)))
        else:
            found = self.map(place, shape)
        return None if found is None else _as_map(found).part(shape)

    def conductance(self, kinds: NDArray[np.int8], g_on: ArrayLike, g_off: ArrayLike) -> Array:
        """Return the conductances (M, N) of the faulty cells, siemens, NaN for the others."""
        values = np.full(kinds.shape, np.nan)
        for fault, value in (
            (Fault.STUCK_ON, g_on), (Fault.STUCK_OFF, g_off),
            (Fault.UNFORMED, 1.0 / self.unformed_resistance),
            (Fault.SHORTED, 1.0 / self.short_resistance), (Fault.OPEN, 0.0),
        ):
            mask = kinds == fault
            if mask.any():
                values[mask] = np.broadcast_to(value, kinds.shape)[mask]
        return values


def _as_map(given: Any) -> FaultMap:
    return given if isinstance(given, FaultMap) else FaultMap(given)
