"""Times that steps must meet: where the slope of a source jumps, and the end.

They are asked for part by part, so that a run costs what it steps through, however many there are.

Two policies stay. Circuits leave out a corner that follows another one at once, as ngspice does
(``minbreak``): decks have such corners, and the circuit's charges smooth them. Arrays refuse
corners that cannot be told apart: a cell without a capacitor would miss the pulse between them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ...core.errors import ParameterError
from ...core.validation import Array
from ...netlists.sources.corners import Corners

__all__ = ["MOST_AT_ONCE", "corner_parts", "distinct_corners", "merged_corners"]

_SAME = 4e-16  # of the run: corners that coincide but for rounding
_CLOSE = 1e-13  # of the run: the smallest time between corners
MOST_AT_ONCE = 16_384  # corners of a source
_LEAST_AT_ONCE, _TOGETHER = 1024, 262_144  # of a source of many, and of all


def corner_parts(waves: Sequence[Corners], stop: float) -> Iterator[Array]:
    """Yield the corners after 0 and up to `stop` seconds of all `waves`, increasing, in parts.

    Examples
    --------
    >>> from crossbarsim.netlists.sources.corners import corners_among
    >>> list(corner_parts([corners_among(np.array([3.0, 12.0, 1.0]))], 10.0))
    [array([1., 3.])]
    """
    most = max(min(_TOGETHER // max(len(waves), 1), MOST_AT_ONCE), _LEAST_AT_ONCE)
    known = np.zeros(len(waves))  # up to where; inf: all
    held, horizon = np.zeros(0), 0.0
    while horizon < math.inf:
        found = [held]
        for k in np.flatnonzero(known <= horizon).tolist():
            times = waves[k](float(known[k]), most)
            whole = len(times) < most or times[-1] > stop
            known[k] = math.inf if whole else times[-1]
            found.append(times[(times > 0.0) & (times <= stop)])
        held = np.unique(np.concatenate(found))
        horizon = float(known.min(initial=math.inf))
        told = int(np.searchsorted(held, horizon, side="right"))
        yield held[:told]
        held = held[told:]


def merged_corners(parts: Iterable[Array], stop: float, least: float) -> Iterator[float]:
    """Yield the corners of a run, its end last, each more than `least` after the one before.

    Parameters
    ----------
    parts : arrays of second
        Increasing, within each and from one to the next.
    stop, least : float, second

    Examples
    --------
    >>> list(merged_corners([np.array([1.0, 1.05, 3.0]), np.array([9.95, 12.0])], 10.0, least=0.1))
    [1.0, 3.0, 10.0]
    """
    last = -math.inf
    for part in parts:
        times = part[(part > 0.1 * least) & (part < stop)]
        for time in times.tolist():
            if time - last > least:
                last = time
                if time < stop - least:
                    yield time
    yield stop


def distinct_corners(parts: Iterable[Array], stop: float) -> Iterator[float]:
    """Yield the corners of a run, its end last, those that coincide but for rounding once.

    Parameters
    ----------
    parts : arrays of second
        Increasing, within each and from one to the next.
    stop : float, second

    Raises
    ------
    ParameterError
        Corners too close to be told apart by times in float64.

    Examples
    --------
    >>> list(distinct_corners([np.array([0.0, 1.0, 3.0]), np.array([10.0])], stop=10.0))
    [1.0, 3.0, 10.0]
    """
    last = 0.0
    inside = (part[(part > 0.0) & (stop - part > _SAME * stop)] for part in parts)
    for part in itertools.chain(inside, [np.array([stop])]):
        for time in part.tolist():
            gap, before, last = time - last, last, time
            if gap <= _SAME * stop:
                continue
            if gap < _CLOSE * stop:
                raise ParameterError(
                    f"the sources' corners at {before:.6g} s and {time:.6g} s cannot be told apart "
                    f"in a run of {stop:g} s: lengthen the pulse or split the run"
                )
            yield time
