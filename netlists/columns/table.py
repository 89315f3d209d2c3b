"""What a circuit keeps its elements in: single ones by their names, and runs, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple, cast

import numpy as np

from ...core.validation import Array
from ..elements import Element
from .plain import LONGEST, Ints, PlainElements, hashes_of

__all__ = ["Columns", "ElementTable"]


class Columns(NamedTuple):
    """Elements of a kind in a run: whose they are, and where."""

    run: PlainElements
    rows: Ints

    @property
    def names(self) -> tuple[str, ...]:
        """Their names; what is returned makes them where they are asked for, else is as a tuple."""
        return cast("tuple[str, ...]", self.run.names_of(self.rows))

    @property
    def values(self) -> Array:
        """Ohm or farad."""
        return np.asarray(self.run.values[self.rows])


class ElementTable:
    """The elements of a circuit, by their names in lower case, in the order in which they came.

    Like a dict, name -> `Element`; elements of runs are made where they are asked for.
    """

    COLUMNS = ("R", "C")
    """Kinds of which `columns` has those of runs; the others are among the `singles`."""

    def __init__(self) -> None:
        self._single: dict[str, Element] = {}
        self._runs: list[tuple[int, PlainElements]] = []  # behind how many single ones
        self._changed: dict[str, tuple[int, int, Element]] = {}  # of runs: run, row
        self._count = 0  # in runs

    def copy(self) -> ElementTable:
        """Return a copy; changes of one do not change the other."""
        made = ElementTable()
        made._single, made._changed = self._single.copy(), self._changed.copy()
        made._runs, made._count = self._runs.copy(), self._count
        return made

    def __len__(self) -> int:
        return len(self._single) + self._count

    def _find(self, key: str) -> tuple[int, int] | None:
        for k, (_, run) in enumerate(self._runs):
            row = run.find(key)
            if row >= 0:
                return k, row
        return None

    def __contains__(self, key: str) -> bool:
        return key in self._single or (bool(self._runs) and self._find(key) is not None)

    def __getitem__(self, key: str) -> Element:
        if key in self._single or not self._runs:
            return self._single[key]
        if key in self._changed:
            return self._changed[key][2]
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        return self._runs[found[0]][1].element(found[1])

    def add(self, key: str, element: Element) -> bool:
        """Add an element, or return False where there is one of this name."""
        single = self._single
        if key in single or (self._runs and self._find(key) is not None):
            return False
        single[key] = element
        return True

    def __setitem__(self, key: str, element: Element) -> None:
        """Add an element, or put it in the place of the one of this name."""
        found = None if key in self._single or not self._runs else self._find(key)
        if found is None:
            self._single[key] = element
        else:
            self._changed[key] = (*found, element)

    def __delitem__(self, key: str) -> None:
        place = list(self._single).index(key)
        del self._single[key]
        self._runs = [(k - (k > place), run) for k, run in self._runs]

    def add_run(self, run: PlainElements) -> None:
        """Add a run behind what is there; `differ` tells whether its names are new."""
        self._runs.append((len(self._single), run))
        self._count += len(run)

    def differ(self) -> bool:
        """Return whether no two elements have the same name, as far as runs are concerned."""
        if not self._runs:
            return True
        if len(self._runs) == 1:
            run = self._runs[0][1]
            if len(self._single) < 1000:
                return run.indexed() and all(run.find(name) < 0 for name in self._single)
        some = hashes_of([n for n in self._single if n.isascii() and len(n) < LONGEST])
        every = np.sort(np.concatenate([some, *(run.hashes() for _, run in self._runs)]))
        return not bool((every[1:] == every[:-1]).any())

    def _parts(self) -> Iterator[Iterator[Element] | tuple[int, PlainElements]]:
        single, done = iter(self._single.values()), 0
        for k, (behind, run) in enumerate(self._runs):
            yield islice(single, behind - done)
            done = behind
            yield k, run
        yield single

    def _changed_rows(self, k: int) -> dict[int, Element]:
        return {row: e for where, row, e in self._changed.values() if where == k}

    def _of_run(self, k: int, run: PlainElements, rows: Ints | None) -> Iterator[Element]:
        changed = self._changed_rows(k)
        if not changed:
            yield from run.elements(rows)
            return
        every = np.arange(len(run)) if rows is None else rows
        for row, element in zip(every.tolist(), run.elements(every), strict=True):
            yield changed.get(row, element)

    def values(self) -> Iterator[Element]:
        """Yield all elements."""
        for part in self._parts():
            if isinstance(part, tuple):
                yield from self._of_run(*part, None)
            else:
                yield from part

    def singles(self) -> Iterator[Element]:
        """Yield the elements that `columns` does not have."""
        for part in self._parts():
            if isinstance(part, tuple):
                k, run = part
                rest, changed = run.of("LVI"), self._changed_rows(k)
                if changed:
                    rest = np.union1d(rest, list(changed))
                if len(rest):
                    yield from self._of_run(k, run, rest)
            else:
                yield from part

    def _columns(self, kind: str, k: int) -> list[Columns]:
        run = self._runs[k][1]
        rows = run.of(kind)
        gone = list(self._changed_rows(k))
        rows = rows[~np.isin(rows, gone)] if gone else rows
        return [Columns(run, rows)] if len(rows) else []

    def columns(self, kind: str) -> list[Columns]:
        """Return the elements of a kind that are unchanged parts of runs."""
        if kind not in self.COLUMNS:
            return []
        return [c for k in range(len(self._runs)) for c in self._columns(kind, k)]
