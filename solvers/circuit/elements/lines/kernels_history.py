"""Sums of a lossy line's answers over all earlier points."""

from __future__ import annotations

import math

from .....core.compiled.jit import inlined, strict
from .....core.validation import Array

__all__ = ["convolve", "look"]

_LOG2 = 1.0 / math.log(2.0)


@inlined
def _place(t: float, low: float, density: float, count: int, weights: Array) -> int:
    """Return the first of six neighbours of a time in the tables, and fill their weights."""
    u = (math.log(t) * _LOG2 - low) * density
    first = math.floor(u) - 2
    first = max(0, min(first, count - 6))
    x = u - first
    for i in range(6):
        weight = 1.0
        for j in range(6):
            if j != i:
                weight *= (x - j) / (i - j)
        weights[i] = weight
    return first


@strict
def look(t: float, low: float, density: float, table: Array, weights: Array) -> float:
    """Return the answer `t` > 0 seconds after a ramp begins, from the first of the tables."""
    first = _place(t, low, density, table.shape[0], weights)
    total = 0.0
    for i in range(6):
        total += weights[i] * table[first + i]
    return total * t


@strict
def convolve(
    time: float, times: Array, kinks: Array, count: int, delay: float, low: float, density: float,
    tables: Array, weights: Array, out: Array,
) -> None:
    """Add what `count` changes of slope at earlier times make at `time`.

    Parameters
    ----------
    times : (K,)
    kinks : (K, 4, E)
        Changes of the slopes of v1, i1, v2, i2.
    low, density : float
        Of the tables, see `Responses`.
    tables : (3, N)
    weights : (6,)
        Room to work in.
    out : (6, E)
        Y v1, Y v2, Y exp(-lambda) v1, ... v2, exp(-lambda) i1, ... i2: set.
    """
    out[:] = 0.0
    size = tables.shape[1]
    for k in range(count):
        since = time - times[k]
        if since > 0.0:
            first = _place(since, low, density, size, weights)
            near = 0.0
            for i in range(6):
                near += weights[i] * tables[0, first + i]
            near *= since
            for e in range(out.shape[1]):
                out[0, e] += near * kinks[k, 0, e]
                out[1, e] += near * kinks[k, 2, e]
        since -= delay
        if since > 0.0:
            first = _place(since, low, density, size, weights)
            far = wave = 0.0
            for i in range(6):
                far += weights[i] * tables[1, first + i]
                wave += weights[i] * tables[2, first + i]
            far *= since
            wave *= since
            for e in range(out.shape[1]):
                out[2, e] += far * kinks[k, 0, e]
                out[3, e] += far * kinks[k, 2, e]
                out[4, e] += wave * kinks[k, 1, e]
                out[5, e] += wave * kinks[k, 3, e]
