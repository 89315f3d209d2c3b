"""Which points no other point beats: the Pareto front."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.validation import Array

__all__ = ["front"]


def front(cost: Array, value: Array) -> Any:
    """Return the indices of the points that no other beats in both, by rising cost.

    A point is beaten where another costs no more and is worth no less, and one of the two is
    better. Points with NaN are never on the front; of equal points the first is.

    Parameters
    ----------
    cost : (n,) array
        The less the better.
    value : (n,) array
        The more the better.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.studies.results.front import front
    >>> front(np.array([1.0, 2.0, 3.0, 2.0]), np.array([0.5, 0.9, 0.8, 0.7])).tolist()
    [0, 1]
    """
    good = np.flatnonzero(~(np.isnan(cost) | np.isnan(value)))
    order = good[np.lexsort((-value[good], cost[good]))]
    best = np.maximum.accumulate(np.concatenate(([-np.inf], value[order])))[:-1]
    return order[value[order] > best]
