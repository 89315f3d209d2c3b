"""Sources in time, as `netlists.sources` and `netlists.spice_sources` define them."""

from __future__ import annotations

import math

from ....core.compiled.jit import leaf
from ....core.validation import Array
from ..system.element_group import Ints

__all__ = ["EXPONENTIAL", "LEVEL", "PULSE", "PWL", "SINE", "drive"]

LEVEL, PULSE, SINE, PWL, EXPONENTIAL = range(5)


@leaf
def _pulse(t: float, p: Array, k: int) -> float:
    """Return a pulse: v1, v2, delay, rise, width, fall, period (or inf), count (or inf)."""
    low, high, rise, width, fall = p[k], p[k + 1], p[k + 3], p[k + 4], p[k + 5]
    period = p[k + 6]
    s = t - p[k + 2]
    if period < math.inf and s > 0.0:
        n = math.floor(s / period)
        if (n + 1.0) * period <= s:
            n += 1.0
        s -= min(n, p[k + 7] - 1.0) * period
    if s <= 0.0:
        return float(low)
    if s < rise:
        return float(low + (high - low) * s / rise)
    s -= rise + width
    if s <= 0.0:
        return float(high)
    return float(high + (low - high) * min(s / fall, 1.0))


@leaf
def _sine(t: float, p: Array, k: int) -> float:
    """Return a sine: offset, amplitude, frequency, delay, damping, phase in radian."""
    s = t - p[k + 3]
    if s <= 0.0:
        return float(p[k] + p[k + 1] * math.sin(p[k + 5]))
    wave = math.sin(2.0 * math.pi * p[k + 2] * s + p[k + 5]) * math.exp(-p[k + 4] * s)
    return float(p[k] + p[k + 1] * wave)


@leaf
def _lines(t: float, p: Array, k: int) -> float:
    """Return points joined by lines: count, delay, repeat from (or NaN), times, values."""
    count = int(p[k])
    times, values = k + 3, k + 3 + count
    s, last = t - p[k + 1], p[times + count - 1]
    if count == 1:
        return float(p[values])
    first = p[k + 2]
    if not math.isnan(first) and s >= last:
        s = first + (s - last) % (last - first)
    if s > last:
        return float(p[values + count - 1])
    low, high = 0, count  # a step's time still has the value before it
    while low < high:
        middle = (low + high) // 2
        if p[times + middle] < s:
            low = middle + 1
        else:
            high = middle
    j = min(max(low, 1), count - 1)
    width = p[times + j] - p[times + j - 1]
    share = (s - p[times + j - 1]) / (width if width > 0.0 else 1.0)
    share = min(max(share, 0.0), 1.0)
    before = p[values + j - 1]
    return float(before + (p[values + j] - before) * share)


@leaf
def _exponential(t: float, p: Array, k: int) -> float:
    """Return an exponential: v1, v2, and delay and time constant of rise and fall."""
    span, value = p[k + 1] - p[k], p[k]
    if t > p[k + 2]:
        value -= span * math.expm1(-(t - p[k + 2]) / p[k + 3])
    if t > p[k + 4]:
        value += span * math.expm1(-(t - p[k + 4]) / p[k + 5])
    return float(value)


@leaf
def drive(t: float, table: Ints, p: Array, factor: Array, slots: Ints, out: Array) -> None:
    """Fill out (n + 1,) with what sources put into f at the time t.

    Parameters
    ----------
    t : float, second
    table : (3 E,)
        Kind, where its parameters begin in `p`, rows: 1 or 2.
    p : (..,)
    factor : (E,)
        Of its value in its first row; the second has the opposite.
    slots : (2 E,)
        Rows of f; n: ground.
    """
    n = out.shape[0] - 1
    for i in range(n + 1):
        out[i] = 0.0
    for e in range(table.shape[0] // 3):
        kind, k = table[3 * e], table[3 * e + 1]
        if kind == LEVEL:
            value = p[k]
        elif kind == PULSE:
            value = _pulse(t, p, k)
        elif kind == SINE:
            value = _sine(t, p, k)
        elif kind == PWL:
            value = _lines(t, p, k)
        else:
            value = _exponential(t, p, k)
        value *= factor[e]
        out[slots[2 * e]] += value
        if table[3 * e + 2] == 2:
            out[slots[2 * e + 1]] -= value
    out[n] = 0.0
