"""Times at which sources in time have corners: told part by part, so that no run holds them all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...core.errors import ParameterError
from ...core.validation import Array

__all__ = ["MOST_FOLLOWED", "Corners", "corners_among", "corners_within", "eighths", "turns"]

Corners = Callable[[float, int], Array]  # (after, most): those after, `most` or more, or all

_MOST_HELD = 20_000_000  # corners in memory
MOST_FOLLOWED = 1_000_000_000  # corners of a run: days of steps


def corners_within(count: float, most: int = _MOST_HELD) -> int:
    """Return a number of corners, or raise a `ParameterError` where it is above `most`."""
    if not count <= most:
        raise ParameterError(
            f"a source has {count:.3g} corners in the run, each a time step at least; at most "
            f"{most:,} are followed: lengthen its period or shorten the run"
        )
    return int(count)


def corners_among(times: Array) -> Corners:
    """Return what tells the corners that `times` (K,), in any order, holds."""
    times = np.sort(times)

    def corners(after: float, most: int) -> Array:
        first = int(np.searchsorted(times, after, side="right"))
        return np.asarray(times[first:first + most])

    return corners


def turns(after: float, stop: float, most: int) -> Array:
    """Return the numbers, as floats, of turns that lie between two places, each counted in turns.

    The first is a turn or two before `after`, 0 at least; `most` and six more at most, one at
    least.
    """
    first = int(min(max(after - 2.0, 0.0), 2.0**53))
    last = min(first + most + 6, max(int(min(max(np.ceil(stop), 0.0) + 2.0, 2.0**53)), first + 1))
    return np.arange(first, last, dtype=np.float64)


def eighths(frequency: float, delay: float, after: float, t_stop: float, most: int) -> Array:
    """Return the eighth parts of every period after `after`, as `LazySource.corners`."""
    rate = 8 * frequency
    corners_within(max(t_stop - delay, 0.0) * rate, MOST_FOLLOWED)
    times = delay + turns((after - delay) * rate, (t_stop - delay) * rate, most) / rate
    return np.asarray(times[times > after])
