"""The points that wait: taken by the driver, recorded when they come back."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.progress import ProgressMeter
from ...core.views.log import LOGGER
from .arrays import ArrayStore
from .points import Points
from .records import Record
from .worker import Outcome

__all__ = ["Found", "Waiting"]

Rule = Callable[[Sequence[Mapping[str, Any]]], Any]
"""Of the values of a branch so far, those of every point with what the point sets: end it?"""


@dataclass
class Found:
    """What is known of every point."""

    values: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)

    def take_up(
        self, points: Points, numbers: Iterable[int], record: Record, store: ArrayStore, *,
        errors: bool,
    ) -> None:
        """Take what is recorded already; with `errors` the points that raised one, too."""
        for number in numbers:
            key = points.key(number)
            kept = record.get(key)
            values = None if kept is None else store.get(kept)
            error = record.error(key)
            if values is not None:
                self.values[number] = values
            elif error is not None and errors:
                self.errors[number] = error
            else:
                continue
            seconds = record.seconds(key)
            if not math.isnan(seconds):
                self.seconds[number] = seconds

    def __contains__(self, number: int) -> bool:
        return number in self.values or number in self.errors


class Waiting:
    """A queue of points, in groups that share what is costly or in branches that may end early.

    Parameters
    ----------
    points : Points
    found : Found
        What is known; grows.
    record : Record or None
    store : ArrayStore
    meter : ProgressMeter
    packed : callable
        Number of a point -> what goes to its worker.
    workers : int or None
        None: points are taken one by one.
    note : callable
        Number and values of a point -> a line on it.
    """

    def __init__(
        self, points: Points, found: Found, record: Record | None, store: ArrayStore,
        meter: ProgressMeter, packed: Callable[[int], Any], note: Callable[[int, Any], str],
        workers: int | None,
    ) -> None:
        self.points, self.found, self.record, self.store = points, found, record, store
        self.meter, self.packed, self.note, self.workers = meter, packed, note, workers
        self._groups: deque[deque[int]] = deque()
        self._splits = 1
        self._branches: dict[int, list[int]] = {}
        self._rule: Rule | None = None
        self._ready: deque[int] = deque()

    def in_groups(self, groups: Sequence[Sequence[int]]) -> None:
        """Let groups wait, without the points that are known."""
        left = [deque(n for n in group if n not in self.found) for group in groups]
        self._groups = deque(group for group in left if group)
        # more workers than groups: the groups are cut, and each part shares by itself
        self._splits = max(1, -(-2 * (self.workers or 1) // max(1, len(self._groups))))
        self._sizes = {id(g): max(1, len(g) // self._splits) for g in self._groups}

    def in_branches(self, branches: Sequence[Sequence[int]], rule: Rule) -> None:
        """Let the first unknown point of every branch wait; what follows depends on the rule."""
        self._rule = rule
        for branch in branches:
            self._advance(list(branch))

    def _advance(self, branch: list[int]) -> None:
        """Let the next point of a branch wait, or end the branch."""
        seen: list[Mapping[str, Any]] = []
        for k, number in enumerate(branch):
            if number not in self.found:
                self._branches[number] = branch
                self._ready.append(number)
                return
            if number in self.found.values:
                seen.append({**self.points.sets(number), **self.found.values[number]})
                if self._rule is not None and self._rule(tuple(seen)):
                    self.found.stopped.update(branch[k + 1:])
                    for _ in branch[k + 1:]:
                        self.meter.advance("points", "left out by the rule")
                    return

    # -- for the driver ----------------------------------------------------------------------

    def take(self, most: int) -> list[tuple[int, Any]]:
        """Return at most so many points; those of a group that share go together."""
        numbers: list[int] = []
        if self._rule is not None:
            while self._ready and len(numbers) < most:
                numbers.append(self._ready.popleft())
        elif self._groups:
            group = self._groups[0]
            shared = self._sizes.get(id(group), 1)
            many = most if self.workers is None else max(most, shared)
            while len(numbers) < many and self._groups:
                group = self._groups[0]
                numbers.append(group.popleft())
                if not group:
                    self._groups.popleft()
                    if self.workers is not None and shared > 1:
                        break
        return [(number, self.packed(number)) for number in numbers]

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Record what came of points, in one go."""
        entries = []
        for one in outcomes:
            key = self.points.key(one.number)
            entry: dict[str, Any] = {"key": key, "values": {}}
            if one.measured is None:
                entry["error"] = one.error
            elif self.record is not None:
                entry["values"] = self.store.put(key, one.measured)
            if one.seconds is not None:
                entry["seconds"] = one.seconds
                self.found.seconds[one.number] = one.seconds
            entries.append(entry)
        if self.record is not None:
            self.record.add_many(entries)
        for one in outcomes:
            if one.measured is None:
                self.found.errors[one.number] = one.error or ""
                note = f"failed: {one.error}"
                LOGGER.warning("point %d failed: %s: %s", one.number,
                               self.points.key(one.number), one.error)
            else:
                self.found.values[one.number] = one.measured
                note = self.note(one.number, one.measured)
            self.meter.advance("points", note)
            if self._rule is not None:
                self._advance(self._branches.pop(one.number))
