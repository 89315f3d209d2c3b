"""Template: a cell of a device in series with a transistor or a selector."""

from __future__ import annotations

from typing import Any

from ...solvers.structured.jit import kernel


def stage(*args: Any) -> Any:
    """Stand for the kernel of `stage`."""


def through(*args: Any) -> Any:
    """Stand for the access element: (i, di/dv_a, -di/dv_b) from its first to its second node."""


# -- template --
@kernel
def branch(u, w, gate, sign, flip, guess, start, step, lo, hi, p, q, state, out, A, b):
    """Device and access element share an inner node, found by a safeguarded Newton iteration.

    The node's excess current rises with its voltage, between those of word and bit node. The
    current is taken from the element whose voltage is better known.
    """
    low, high = min(u, w), max(u, w)
    m = min(max(guess, low), high)
    good = True
    for n in range(120):
        if flip:  # word - access - m - device - bit
            i_a, g_a, g_b = through(u, m, gate, q)
            i_d, g_d, fine = stage(sign * (m - w), start, step, lo, hi, p, state, out, A, b)
            i_d *= sign
            excess, slope = i_d - i_a, g_d + g_b
        else:  # word - device - m - access - bit
            i_a, g_a, g_b = through(m, w, gate, q)
            i_d, g_d, fine = stage(sign * (u - m), start, step, lo, hi, p, state, out, A, b)
            i_d *= sign
            excess, slope = i_a - i_d, g_a + g_d
        good = fine
        if excess > 0.0:
            high = m
        else:
            low = m
        if abs(excess) <= 4e-16 * (abs(i_a) + abs(i_d)) or excess == 0.0:
            break
        new = m - excess / slope if slope > 0.0 else 0.5 * (low + high)
        if not (low < new < high) or (n > 12 and n % 3 == 0):
            new = 0.5 * (low + high)
        if new in (low, high, m):
            break
        m = new
    current = i_a if (g_b if flip else g_a) < g_d else i_d
    total = g_d + (g_b if flip else g_a)
    if not total > 0.0:
        return current, 0.0, 0.0, m, good
    if flip:
        return current, g_a * g_d / total, g_d * g_b / total, m, good
    return current, g_d * g_a / total, g_d * g_b / total, m, good
