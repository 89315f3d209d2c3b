"""Ideal lines: the waves that arrive, those that leave, and the corners in them; see `ideal`."""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import leaf
from .....core.validation import Array
from ...system.element_group import Ints
from ...system.kernels_blocks import (
    ACCEPT,
    EVALUATE,
    NEXT,
    ROOM,
    TURN,
    integers,
    rows_of_doubles,
    table_of_integers,
    vector,
)
from .ports import CORNER

__all__ = ["DYNAMIC", "EDGE", "GIVEN", "LENGTH", "F", "G", "run"]

# a block: whether in a transient, elements, room for points and for corners; then addresses
DYNAMIC, ELEMENTS, POINTS, PLACES = range(4)
AT, OWN, IMPEDANCE, DELAY, TIMES, WAVES, CORNER_TIMES, COUNTS, F, G = range(4, 14)
_ROUNDING = 1e-12  # of a wave: what it rises by less does not rise
# `counts`: points kept, whether slopes may jump here, whether the waves at the start are given,
# corners on their way
LENGTH, EDGE, GIVEN, CORNERS = range(4)


@leaf
def _incoming(time: float, end: int, e: int, block: Ints) -> float:
    """Return the wave that arrives at an end of an element."""
    many, length = block[ELEMENTS], integers(block[COUNTS], 4)[LENGTH]
    times, waves = vector(block[TIMES], length), vector(block[WAVES], 2 * many * length)
    place = end * many + e
    if length < 2:
        return float(waves[place]) if length == 1 else 0.0
    then = time - vector(block[DELAY], many)[e]
    low, high = 1, length - 1  # of the first point that is not before
    while low < high:
        middle = (low + high) // 2
        if times[middle] < then:
            low = middle + 1
        else:
            high = middle
    share = (then - times[low - 1]) / (times[low] - times[low - 1])
    share = 0.0 if share < 0.0 else min(share, 1.0)
    row = 2 * many
    return float((1.0 - share) * waves[(low - 1) * row + place] + share * waves[low * row + place])


@leaf
def _evaluate(time: float, block: Ints, x: Array) -> None:
    """Fill the rows of both ends."""
    many = block[ELEMENTS]
    at, own = table_of_integers(block[AT], 4, many), table_of_integers(block[OWN], 2, many)
    impedance = vector(block[IMPEDANCE], many)
    f, g = rows_of_doubles(block[F], 2, many), rows_of_doubles(block[G], 12, many)
    for e in range(many):
        v1, v2 = x[at[0, e]] - x[at[1, e]], x[at[2, e]] - x[at[3, e]]
        i1, i2 = x[own[0, e]], x[own[1, e]]
        for k in range(12):
            g[k, e] = 0.0
        g[0, e], g[1, e] = 1.0, -1.0
        if block[DYNAMIC] == 0:
            f[0, e], f[1, e] = v1 - v2, i1 + i2
            g[2, e], g[3, e] = -1.0, 1.0
            g[10, e] = g[11, e] = 1.0
            continue
        z = impedance[e]
        f[0, e] = v1 - z * i1 - _incoming(time, 0, e, block)
        f[1, e] = v2 - z * i2 - _incoming(time, 1, e, block)
        g[4, e] = -z
        g[8, e], g[9, e], g[11, e] = 1.0, -1.0, -z


@leaf
def _put(place: int, block: Ints, x: Array) -> None:
    """Put the waves that leave towards end 1 and end 2 among those kept."""
    many = block[ELEMENTS]
    at, own = table_of_integers(block[AT], 4, many), table_of_integers(block[OWN], 2, many)
    z, waves = vector(block[IMPEDANCE], many), vector(block[WAVES], 2 * many * block[POINTS])
    for e in range(many):
        first = 2 * many * place + e
        waves[first] = x[at[2, e]] - x[at[3, e]] + z[e] * x[own[1, e]]
        waves[first + many] = x[at[0, e]] - x[at[1, e]] + z[e] * x[own[0, e]]


@leaf
def _slope(last: int, k: int, row: int, times: Array, waves: Array) -> float:
    """Return the slope of a wave before a point."""
    rise = waves[last * row + k] - waves[(last - 1) * row + k]
    return float(rise / (times[last] - times[last - 1]))


@leaf
def _note_corners(block: Ints) -> None:
    """Where the slope of a wave jumped, a corner will arrive."""
    many, counts = block[ELEMENTS], integers(block[COUNTS], 4)
    n, row = counts[LENGTH], 2 * many
    times, waves = vector(block[TIMES], n), vector(block[WAVES], row * n)
    corners, delay = vector(block[CORNER_TIMES], block[PLACES]), vector(block[DELAY], many)
    for e in range(many):
        jumps = False
        for k in range(e, row, many):
            here = _slope(n - 1, k, row, times, waves)
            before = _slope(n - 2, k, row, times, waves) if n > 2 else 0.0
            least = _ROUNDING * abs(waves[(n - 1) * row + k]) / (times[n - 1] - times[n - 2])
            if abs(here - before) > CORNER * max(abs(before), abs(here)) + least:
                jumps = True
        if jumps:
            time, k = times[n - 2] + delay[e], counts[CORNERS]
            while k > 0 and corners[k - 1] > time:
                corners[k] = corners[k - 1]
                k -= 1
            corners[k] = time
            counts[CORNERS] += 1


@leaf
def _accept(time: float, block: Ints, x: Array) -> float:
    """Keep the outgoing waves; return `ROOM` where there is none for another point."""
    counts, times = integers(block[COUNTS], 4), vector(block[TIMES], block[POINTS])
    n = counts[LENGTH]
    if n > 0 and time <= times[n - 1]:
        if n == 1 and time <= 0.0 and counts[GIVEN] == 0:
            _put(0, block, x)
        return 0.0
    times[n] = time
    _put(n, block, x)
    counts[LENGTH] = n + 1
    if counts[EDGE] == 1 and n > 0:
        counts[EDGE] = 0
        _note_corners(block)
    full = n + 2 > block[POINTS] or counts[CORNERS] + block[ELEMENTS] > block[PLACES]
    return ROOM if full else 0.0


@leaf
def run(what: int, time: float, block: Ints, _numbers: Array, x: Array) -> float:
    """Do what is asked of ideal lines, see `kernels_blocks`."""
    if what == EVALUATE:
        _evaluate(time, block, x)
    elif what == ACCEPT:
        return _accept(time, block, x) if block[DYNAMIC] == 1 else 0.0
    elif what == TURN:
        integers(block[COUNTS], 4)[EDGE] = 1
    elif what == NEXT:
        counts = integers(block[COUNTS], 4)
        corners = vector(block[CORNER_TIMES], block[PLACES])
        passed = 0
        while passed < counts[CORNERS] and corners[passed] <= time:
            passed += 1
        counts[CORNERS] -= passed
        for k in range(counts[CORNERS]):
            corners[k] = corners[k + passed]
        return float(corners[0]) if counts[CORNERS] > 0 else np.inf
    return 0.0
