"""Times that steps must meet: where the slope of a source jumps, and the end.

Two policies stay. Circuits leave out a corner that follows another one at once, as ngspice does
(``minbreak``): decks have such corners, and the circuit's charges smooth them. Arrays refuse
corners that cannot be told apart: a cell without a capacitor would miss the pulse between them.
"""

from __future__ import annotations

import numpy as np

from ...core.errors import ParameterError
from ...core.validation import Array

__all__ = ["distinct_corners", "merged_corners"]

_SAME = 4e-16  # of the run: corners that coincide but for rounding
_CLOSE = 1e-13  # of the run: the smallest time between corners


def merged_corners(times: Array, stop: float, least: float) -> Array:
    """Return the corners of a run, its end last, each more than `least` after the one before.

    Parameters
    ----------
    times : (K,) second
        In any order, with repetitions.
    stop, least : float, second

    Examples
    --------
    >>> merged_corners(np.array([3.0, 1.0, 1.05, 9.95, 12.0]), stop=10.0, least=0.1)
    array([ 1.,  3., 10.])
    """
    times = np.unique(times[(times > 0.1 * least) & (times < stop)])
    kept: list[float] = []
    for time in times:
        if not kept or time - kept[-1] > least:
            kept.append(float(time))
    return np.array([*(time for time in kept if time < stop - least), stop])


def distinct_corners(times: Array, stop: float) -> Array:
    """Return the corners of a run, those that coincide but for rounding once.

    Parameters
    ----------
    times : (K,) second
        In any order, with repetitions; the run's end among them.
    stop : float, second

    Raises
    ------
    ParameterError
        Corners too close to be told apart by times in float64.

    Examples
    --------
    >>> distinct_corners(np.array([10.0, 0.0, 3.0, 1.0, 3.0]), stop=10.0)
    array([ 1.,  3., 10.])
    """
    breaks = np.unique(times[(times > 0) & (times <= stop)])
    gaps = np.diff(breaks, prepend=0.0)
    keep = gaps > _SAME * stop
    short = keep & (gaps < _CLOSE * stop)
    if short.any():
        k = int(np.argmax(short))
        raise ParameterError(
            f"the sources' corners at {breaks[k] - gaps[k]:.6g} s and {breaks[k]:.6g} s cannot be "
            f"told apart in a run of {stop:g} s: lengthen the pulse or split the run"
        )
    return breaks[keep] if keep.any() else breaks
