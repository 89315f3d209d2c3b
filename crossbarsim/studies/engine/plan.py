"""How much a study has to do, and how long that may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from statistics import fmean

__all__ = ["StudyPlan", "bytes_text", "time_text"]


@dataclass(frozen=True)
class StudyPlan:
    """What a study has to do.

    Attributes
    ----------
    axes : mapping of str to int
        Dimension -> its length.
    groups : int
        Groups of points that share what is costly, such as a chip.
    done, failed : int
        Points that are recorded.
    seconds : tuple of float
        What recorded points took.
    bytes_sent : int
        What is sent to every worker once, byte.
    """

    axes: Mapping[str, int]
    groups: int
    done: int
    failed: int
    seconds: tuple[float, ...]
    bytes_sent: int

    @property
    def points(self) -> int:
        """How many points there are."""
        return prod(self.axes.values())

    @property
    def left(self) -> int:
        """How many are not recorded yet."""
        return self.points - self.done - self.failed

    def time_left(self, workers: int = 1) -> float | None:
        """Return what the points that are left may take, second; None: none is recorded yet.

        Parameters
        ----------
        workers : int
        """
        if not self.seconds:
            return None
        return fmean(self.seconds) * self.left / max(1, min(workers, self.left))

    def __str__(self) -> str:
        """Return the plan, a line for each thing."""
        axes = " x ".join(f"{name} ({size})" for name, size in self.axes.items())
        lines = [f"{self.points} points: {axes}",
                 (f"{self.groups} groups that share what is costly, {self.done} points done, "
                  f"{self.failed} failed, {self.left} left")]
        left = self.time_left()
        lines.append(
            "time: not known before the first point" if left is None else
            f"time: {time_text(fmean(self.seconds))} a point, {time_text(left)} for the rest on "
            f"one worker, {time_text(self.time_left(8) or 0.0)} on 8"
        )
        lines.append(f"data and network: {bytes_text(self.bytes_sent)} for every worker")
        return "\n".join(lines)


def time_text(seconds: float) -> str:
    """Return a time as people read it.

    Examples
    --------
    >>> from crossbarsim.studies.engine.plan import time_text
    >>> time_text(0.0123), time_text(75), time_text(9000)
    ('12.3 ms', '1 min 15 s', '2 h 30 min')
    """
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def bytes_text(count: float) -> str:
    """Return a size as people read it.

    Examples
    --------
    >>> from crossbarsim.studies.engine.plan import bytes_text
    >>> bytes_text(512), bytes_text(12.3e6)
    ('512 B', '12 MB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            digits = ".2g" if count < 10 * size else ".0f"
            return f"{count / size:{digits}} {unit}"
    return f"{count:.0f} B"
