"""Where a solution leads: the polynomial through its last points, continued.

From there Newton's iteration of the next step begins. Formulas of order k are extrapolated by a
polynomial of degree k, whose error is of the order of the step's own (Nagel, SPICE2, UCB/ERL M520,
1975, section 4.4).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.validation import Array

__all__ = ["along_line", "extrapolate"]


def along_line(now: Array, before: Array, ratio: float) -> Array:
    """Return where the line from `before` through `now` leads.

    Parameters
    ----------
    now, before : (...)
        Values at the last point and at the one before.
    ratio : float
        Time from the last point on, over the time between the two.

    Examples
    --------
    >>> along_line(np.array([2.0]), np.array([1.0]), 0.5)
    array([2.5])
    """
    return now + ratio * (now - before)


def extrapolate(times: Sequence[float], points: Sequence[Array], h: float, degree: int) -> Array:
    """Return the polynomial through the last points, `h` seconds after the last of them.

    Parameters
    ----------
    times, points : sequences of float, second, and of (n,)
        The last point first; at least ``degree + 1`` of them.
    h : float, second
    degree : int
        Of the polynomial; 0 returns a copy of the last point.

    Examples
    --------
    >>> times = [3.0, 2.0, 1.0]
    >>> extrapolate(times, [np.array([t**2]) for t in times], 1.0, degree=2)
    array([16.])
    """
    last = points[0]
    if degree == 0:
        return last.copy()
    t0, t1 = times[0], times[1]
    if degree == 1:
        return along_line(last, points[1], h / (t0 - t1))
    if degree == 2:  # every step of a circuit comes here: no loop
        t2 = times[2]
        t = t0 + h
        a = (t - t1) * (t - t2) / ((t0 - t1) * (t0 - t2))
        b = (t - t0) * (t - t2) / ((t1 - t0) * (t1 - t2))
        c = (t - t0) * (t - t1) / ((t2 - t0) * (t2 - t1))
        return a * last + b * points[1] + c * points[2]
    back = h + t0 - np.array([times[k] for k in range(degree + 1)])
    found = np.zeros_like(last)
    for k, here in enumerate(back):
        others = np.delete(back, k)
        found += np.prod(others / (others - here)) * points[k]
    return found
