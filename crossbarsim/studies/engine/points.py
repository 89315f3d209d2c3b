"""The points of a study: which there are, what each sets, in which order they are measured."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from ...core.errors import ParameterError
from ...core.settings import plain
from ...core.validation import shown
from ..results.dataset import SEED, Dimension
from .axes import dimensions_of

__all__ = ["Points", "checked_seeds"]

_MOST_SEEDS = 10**8


def checked_seeds(seeds: Any) -> tuple[int, ...] | None:
    """Return the seeds of chips: so many from 0 on, or those given; None: nothing is drawn."""
    if seeds is None:
        return None
    given: Any = seeds
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        given = range(seeds) if seeds < _MOST_SEEDS else ()
    try:
        found = tuple(given)
    except TypeError:
        found = ()
    good = all(isinstance(s, int) and not isinstance(s, bool) and s >= 0 for s in found)
    if not found or not good or len(set(found)) < len(found):
        raise ParameterError(
            "`seeds` must be a number of chips >= 1, or different integers >= 0; got "
            f"{shown(seeds)}"
        )
    return found


@dataclass(frozen=True, eq=False)
class Points:
    """The product of all dimensions; a point is its number, the last dimension fastest.

    Parameters
    ----------
    axes : mapping or axis
        As of `dimensions_of`.
    seeds : tuple of int, optional
    """

    axes: Any
    seeds: tuple[int, ...] | None = None

    @cached_property
    def _own(self) -> list[tuple[Dimension, list[dict[str, Any]]]]:
        return dimensions_of(self.axes)

    @cached_property
    def dimensions(self) -> list[Dimension]:
        """The dimensions, that of the seeds last."""
        found = [dimension for dimension, _ in self._own]
        return found if self.seeds is None else [*found, Dimension(SEED, {SEED: self.seeds})]

    @cached_property
    def rows(self) -> list[list[dict[str, Any]]]:
        """What every place of every dimension sets."""
        found = [rows for _, rows in self._own]
        return found if self.seeds is None else [*found, [{SEED: s} for s in self.seeds]]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the dimensions."""
        return tuple(len(rows) for rows in self.rows)

    def __len__(self) -> int:
        return prod(self.shape)

    @property
    def fields(self) -> list[str]:
        """The names that points set, without the seed."""
        return [name for _, rows in self._own for name in rows[0]]

    def place(self, number: int) -> tuple[int, ...]:
        """Return where a point is along every dimension."""
        place = []
        for size in reversed(self.shape):
            number, k = divmod(number, size)
            place.append(k)
        return tuple(reversed(place))

    def sets(self, number: int) -> dict[str, Any]:
        """Return what a point sets, the seed among it."""
        found: dict[str, Any] = {}
        for rows, k in zip(self.rows, self.place(number), strict=True):
            found |= rows[k]
        return found

    def key(self, number: int) -> dict[str, Any]:
        """Return what names a point in a record, whatever other points there are."""
        told = self._told
        found: dict[str, Any] = {}
        for rows, k in zip(told, self.place(number), strict=True):
            found |= rows[k]
        return dict(sorted(found.items()))

    @cached_property
    def _told(self) -> list[list[dict[str, Any]]]:
        return [[{n: plain(v) for n, v in row.items()} for row in rows] for rows in self.rows]

    def order(self) -> Iterator[int]:
        """Yield all points, those of the first seed first, so that a picture forms early."""
        last = 1 if self.seeds is None else len(self.seeds)
        for seed in range(last):
            yield from range(seed, len(self), last)

    # -- what goes together ------------------------------------------------------------------

    def groups(
        self, numbers: Sequence[int], shares: Callable[[Mapping[str, Any]], Hashable] | None
    ) -> list[list[int]]:
        """Return points in groups of those that share what is costly, in their order."""
        if shares is None:
            return [[number] for number in numbers]
        found: dict[Hashable, list[int]] = {}
        for number in numbers:
            found.setdefault(shares(self.sets(number)), []).append(number)
        return list(found.values())

    def branches(self, along: str) -> list[list[int]]:
        """Return points in branches: what differs along one dimension alone, in its order."""
        names = [d.name for d in self.dimensions]
        axis = names.index(along)
        stride = prod(self.shape[axis + 1:])
        first = [n for n in self.order() if self.place(n)[axis] == 0]
        return [[n + k * stride for k in range(self.shape[axis])] for n in first]
