"""What a run keeps, point by point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.validation import Array
from ....netlists.circuit import Circuit
from .names import Names
from .results import Sweep, Transient

__all__ = ["Record"]


class Record:
    """Points of some unknowns, in an array that grows.

    Parameters
    ----------
    names : Names
    save : sequence of str, optional
        Names to keep; None: all unknowns.
    start : float
        Earlier points are not kept.
    """

    def __init__(self, names: Names, save: Sequence[str] | None, start: float = 0.0) -> None:
        self.names, self.start = names, start
        self.columns: np.ndarray[Any, np.dtype[np.int64]] | None = None
        if save is not None:
            found: list[int] = []
            for query in save:
                part = [k for k in names.find(query) if k is not None and k >= 0]
                found.extend(k for k in part if k not in found)
            self.columns = np.array(found, dtype=np.int64)
        width = len(names.labels) if self.columns is None else len(self.columns)
        self._values = np.empty((256, width))
        self._times = np.empty(256)
        self._orders = np.zeros(256, dtype=np.int8)
        self._before: tuple[float, Array] | None = None
        self.kept = 0
        self.count = 0

    def keep(self, time: float, x: Array, order: int = 0) -> None:
        """Add a point, to which a step of that order led."""
        self.count += 1
        if time < self.start:
            self._before = time, x
            return
        if not self.kept and time > self.start and self._before is not None:
            last, there = self._before  # the first point kept is the one asked for
            self._append(self.start, there + (self.start - last) / (time - last) * (x - there))
        self._append(time, x, order)

    def extend(self, times: Array, values: Array, orders: NDArray[np.int64]) -> None:
        """Add points (K,), with values (K, n + 1), as `keep` does one by one."""
        first = 0
        while first < len(times) and (times[first] < self.start or not self.kept):
            self.keep(float(times[first]), values[first].copy(), int(orders[first]))
            first += 1
        more = len(times) - first
        if not more:
            return
        self._make_room(more)
        there = slice(self.kept, self.kept + more)
        self._times[there], self._orders[there] = times[first:], orders[first:]
        columns = slice(-1) if self.columns is None else self.columns
        self._values[there] = values[first:, columns]
        self.kept += more
        self.count += more

    def _make_room(self, more: int) -> None:
        while self.kept + more > len(self._times):
            size = 2 * len(self._times)
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
            self._times = np.resize(self._times, size)
            self._orders = np.resize(self._orders, size)

    def _append(self, time: float, x: Array, order: int = 0) -> None:
        self._make_room(1)
        self._times[self.kept], self._orders[self.kept] = time, order
        self._values[self.kept] = x[:-1] if self.columns is None else x[self.columns]
        self.kept += 1

    def transient(self, circuit: Circuit, **evidence: Any) -> Transient:
        """Return the result."""
        count = self.kept
        place = None if self.columns is None else {int(k): m for m, k in enumerate(self.columns)}
        return Transient(
            circuit, self.names, self._values[:count].copy(), place, self._times[:count].copy(),
            orders=self._orders[:count].copy(), **evidence,
        )

    def sweep(self, circuit: Circuit, axes: dict[str, Array], **evidence: Any) -> Sweep:
        """Return the result of a sweep."""
        place = None if self.columns is None else {int(k): m for m, k in enumerate(self.columns)}
        values = self._values[:self.kept].copy()
        return Sweep(circuit, self.names, values, place, axes, **evidence)
