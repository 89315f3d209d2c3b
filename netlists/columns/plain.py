"""Runs of plain elements, read from a deck's text at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.units import plain_number
from ..elements import Element

__all__ = ["LEAST_TEXT", "LONGEST", "PlainElements", "element_of", "hashes_of", "pieces"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.integer[Any]]

# signs of a text below which loading compiled loops costs more than it saves; a tenth once loaded
LEAST_TEXT = 300_000
LONGEST = 60_000  # signs of a name
_LEAST_RUN = 200  # lines
_CHUNK = 65_536  # elements whose names are made at once
_FIELDS = {"control": "", "wave": None, "parameters": (), "model": ""}


def element_of(
    kind: str, name: str, nodes: tuple[str, str], value: float, where: tuple[str, int]
) -> Element:
    """Return an element of nothing but nodes and a number, without the checks of its fields."""
    made: Element = object.__new__(Element)  # there may be millions
    made.__dict__.update(_FIELDS, kind=kind, name=name, nodes=nodes, value=value, where=where)
    return made


class _Names(Sequence[str]):
    """Names of a run's elements, made where they are asked for."""

    def __init__(self, run: PlainElements, rows: Ints) -> None:
        self._run, self._rows = run, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, k: Any) -> Any:
        if isinstance(k, slice):
            return tuple(self._run.names(self._rows[k]))
        return self._run.names(self._rows[[k]])[0]

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self._rows), _CHUNK):
            yield from self._run.names(self._rows[first:first + _CHUNK])


class PlainElements:
    """A run of lines ``R1 a b 1k`` of a deck: R, C, L, V and I of a plain number, at its top level.

    It stands among a deck's lines in their place, as a line without text.

    Attributes
    ----------
    letters : (E,) bytes
        Of the elements, upper case.
    ends : (E, 2)
        Numbers of their nodes; ground is -1.
    values : (E,)
        Ohm, farad, henry, volt, ampere.
    lines : (E,)
        Numbers of their lines.
    file : str
    first : int
        Number of the first line of `text`.
    """

    text, command, control = "", "", False  # as those of a line of a deck

    def __init__(
        self, data: Bytes, span: tuple[int, int], file: str, first: int, columns: tuple[Any, ...],
        node_names: list[str],
    ) -> None:
        self._data, self._span, self.file, self.first = data, span, file, first
        self.letters, self._at, self._length, self.ends, self.values, self.lines = columns
        self._ends_named = node_names  # by number; ground last
        self._table: Any = None
        self._of: dict[str, Ints] = {}
        self._distinct = True

    def __len__(self) -> int:
        return len(self.values)

    @property
    def source(self) -> str:
        """The run's text, from line `first` on."""
        return self._data[slice(*self._span)].tobytes().decode("utf-8")

    def names(self, rows: Ints) -> list[str]:
        """Return the names of some elements, as given."""
        return _joined(self._data, self._at[rows], self._length[rows], lower=False)

    def names_of(self, rows: Ints) -> Sequence[str]:
        """Return the same as a sequence that makes them where they are asked for."""
        return _Names(self, rows)

    @property
    def node_names(self) -> Sequence[str]:
        """Names of the nodes by their numbers; some may not be of this run."""
        return self._ends_named[:-1]

    def nodes(self) -> list[str]:
        """Return the names of all nodes but ground in the order in which they come."""
        from .kernels_plain import first_seen  # noqa: PLC0415 - slow to import

        seen = np.zeros(len(self.node_names), np.uint8)
        out = np.empty(len(seen), np.int64)
        count = first_seen(self.ends, seen, out)
        names = self.node_names
        if count == len(names) and (out[:count] == np.arange(count)).all():
            return list(names)
        return [names[k] for k in out[:count].tolist()]

    def places(self, index: Mapping[str, int], ground: int) -> Ints:
        """Return (2, E) what `index` has for the elements' nodes."""
        seen = np.zeros(len(self.node_names) + 1, np.bool_)
        seen[self.ends.ravel()] = True
        there = np.full(len(seen), ground, np.int64)
        used = np.flatnonzero(seen[:-1])
        names = self.node_names
        known = names if len(used) == len(names) else [names[k] for k in used.tolist()]
        there[used] = np.fromiter(map(index.__getitem__, known), np.int64, len(used))
        return np.ascontiguousarray(there[self.ends].T)

    def find(self, name: str) -> int:
        """Return the place of an element by its name, -1 where there is none."""
        from .kernels_plain import find_name  # noqa: PLC0415 - slow to import

        if not name.isascii() or not name:
            return -1
        if self._table is None:
            self.indexed()
        key = np.frombuffer(name.encode("ascii"), np.uint8).copy()
        return int(find_name(self._data, self._at, self._length, self._table, key))

    def indexed(self) -> bool:
        """Make the index of names; return whether all differ."""
        from .kernels_plain import index_names  # noqa: PLC0415 - slow to import

        if self._table is None:
            self._table = np.full(_power(2 * len(self)), -1, np.int32)
            twice = index_names(self._data, self._at, self._length, self._table)
            self._distinct = bool(twice < 0)
        return self._distinct

    def hashes(self) -> NDArray[np.uint64]:
        """Return a number for every name: of equal names the same."""
        from .kernels_plain import hash_names  # noqa: PLC0415 - slow to import

        found = np.empty(len(self), np.uint64)
        hash_names(self._data, self._at, self._length, found)
        return found

    def element(self, row: int) -> Element:
        """Return one element."""
        return next(self.elements(np.array([row])))

    def elements(self, rows: Ints | None = None) -> Iterator[Element]:
        """Yield elements, all of them by default."""
        names, file = self._ends_named, self.file
        rows = np.arange(len(self)) if rows is None else rows
        for first in range(0, len(rows), _CHUNK):
            some = rows[first:first + _CHUNK]
            columns = (
                self.letters[some].tobytes().decode("ascii"), self.names(some),
                self.ends[some].tolist(), self.values[some].tolist(), self.lines[some].tolist(),
            )
            for kind, name, (a, b), value, line in zip(*columns, strict=True):
                yield element_of(kind, name, (names[a], names[b]), value, (file, line))

    def __iter__(self) -> Iterator[Element]:
        return self.elements()

    def of(self, kinds: str) -> Ints:
        """Return the places of the elements of some kinds, letters."""
        if kinds not in self._of:
            self._of[kinds] = np.flatnonzero(np.isin(self.letters, [ord(kind) for kind in kinds]))
        return self._of[kinds]


def hashes_of(names: Sequence[str]) -> NDArray[np.uint64]:
    """Return what `PlainElements.hashes` would have for names of ASCII."""
    from .kernels_plain import hash_names  # noqa: PLC0415 - slow to import

    length = np.array([len(name) for name in names], np.uint16)
    at = (np.cumsum(length, dtype=np.int64) - length).astype(np.int32)
    found = np.empty(len(names), np.uint64)
    hash_names(np.frombuffer("".join(names).encode("ascii") + b" ", np.uint8).copy(), at, length,
               found)
    return found


def _power(count: int) -> int:
    return 1 << max(4, int(count).bit_length())


def _joined(data: Bytes, at: Ints, length: Ints, *, lower: bool) -> list[str]:
    from .kernels_plain import join_names  # noqa: PLC0415 - slow to import

    out = np.empty(int(length.sum(dtype=np.int64)) + len(at), np.uint8)
    join_names(data, at, length, out, lower=lower)
    return out.tobytes().decode("ascii").split("\n")[:-1]


def pieces(text: str, file: str, first: int) -> Iterator[tuple[str, int] | PlainElements]:
    """Part a deck's text into runs of plain elements and the texts between them.

    Yields
    ------
    (str, int) or PlainElements
        A text and the number of its first line, or a run.
    """
    loaded = f"{__package__}.kernels_plain" in sys.modules
    least = LEAST_TEXT // 10 if loaded else LEAST_TEXT
    if len(text) < least or text.count("\n") < least // 60:
        yield text, first
        return
    try:
        data = np.frombuffer(text.encode("utf-8") + b"\n", np.uint8)[:-1].copy()
    except UnicodeEncodeError:  # half a sign
        yield text, first
        return
    found = _runs(data, file, first)
    if not found:
        yield text, first
        return
    at, line = 0, first
    for run, (begin, end), behind in found:
        if begin > at:
            yield data[at:begin].tobytes().decode("utf-8"), line
        yield run
        at, line = end, behind
    if at < len(data):
        yield data[at:].tobytes().decode("utf-8"), line


def _runs(
    data: Any, file: str, first: int
) -> list[tuple[PlainElements, tuple[int, int], int]]:
    from .kernels_plain import classes, scan  # noqa: PLC0415 - slow to import

    most = int(np.count_nonzero(data == ord("\n"))) + 1
    letters, rough = np.empty(most, np.uint8), np.empty(most, np.uint8)
    name_at, name_length = np.empty(most, np.int32), np.empty(most, np.uint16)
    ends, values = np.empty((most, 2), np.int32), np.empty(most)
    lines = np.empty(most, np.int32)
    table = np.full(_power(4 * most), -1, np.int32)
    node_at, node_length = np.empty(2 * most, np.int32), np.empty(2 * most, np.uint16)
    bounds = np.empty((most // _LEAST_RUN + 1, 6), np.int64)
    count, nodes, runs = scan(
        data, first, _LEAST_RUN, classes(), np.array([10.0**k for k in range(23)]),
        np.frombuffer(b".control", np.uint8).copy(), letters, name_at, name_length, ends, values,
        rough, lines, table, node_at, node_length, bounds, np.empty(2),
    )
    del table
    for row in np.flatnonzero(rough[:count]).tolist():
        at = int(values[row])
        number = plain_number(data[at:at + int(rough[row])].tobytes().decode("ascii"))
        if not number:  # to be read, or refused, by the general way
            return []
        values[row] = number
    names = [*_joined(data, node_at[:nodes], node_length[:nodes], lower=True), "0"]
    found = []
    for a, b, begin, end, line, behind in bounds[:runs].tolist():
        columns = tuple(
            np.array(part[a:b]) for part in (letters, name_at, name_length, ends, values, lines)
        )
        run = PlainElements(data, (begin, end), file, line, columns, names)
        found.append((run, (begin, end), behind))
    return found
