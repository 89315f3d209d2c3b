"""Template: a cell of a device in series with a transistor or a selector."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.compiled.jit import kernel, leaf


def stage(*args: Any) -> Any:
    """Stand for the kernel of `stage`."""


def evaluate(*args: Any) -> None:
    """Stand for the device's laws."""


def through(*args: Any) -> Any:
    """Stand for the access element: (i, di/dv_a, -di/dv_b, good) from its first node."""


def access_slopes(*args: Any) -> float:
    """Stand for the access element's derivatives by states and gate."""
    return 0.0


# -- template --
@leaf
def branch(
    u, w, gate, sign, flip, guess, step, p, q,
    s_d, lo_d, hi_d, x_d, out_d, A_d, b_d, s_a, lo_a, hi_a, x_a, out_a, A_a, b_a,
):
    """Device (``_d``) and access element (``_a``) share an inner node: a safeguarded Newton.

    The node's excess current rises with its voltage, between those of word and bit node. Returns
    current, di/du, -di/dw, the node's voltage m, dm/du, dm/dw and whether all converged.
    """
    low, high = min(u, w), max(u, w)
    m = min(max(guess, low), high)
    good, excess, total, i_a, i_d, g_a, g_b, g_d = True, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for n in range(120):
        if flip:  # word - access - m - device - bit
            i_a, g_a, g_b, well = through(
                u, m, gate, q, s_a, step, lo_a, hi_a, x_a, out_a, A_a, b_a
            )
            i_d, g_d, fine = stage(sign * (m - w), s_d, step, lo_d, hi_d, p, x_d, out_d, A_d, b_d)
            i_d *= sign
            excess, total = i_d - i_a, g_d + g_b
        else:  # word - device - m - access - bit
            i_a, g_a, g_b, well = through(
                m, w, gate, q, s_a, step, lo_a, hi_a, x_a, out_a, A_a, b_a
            )
            i_d, g_d, fine = stage(sign * (u - m), s_d, step, lo_d, hi_d, p, x_d, out_d, A_d, b_d)
            i_d *= sign
            excess, total = i_a - i_d, g_a + g_d
        good = fine and well
        if excess > 0.0:
            high = m
        else:
            low = m
        if abs(excess) <= 3e-6 * (abs(i_a) + abs(i_d)) and total > 0.0:
            # what is left is linear: both currents where their tangents meet
            new = min(max(m - excess / total, min(u, w)), max(u, w))
            change = sign * (new - m) if flip else sign * (m - new)
            for s in range(len(x_d)):
                x_d[s] = min(max(x_d[s] + b_d[s] * change, lo_d[s]), hi_d[s])
            m = new
            break
        new = m - excess / total if total > 0.0 else 0.5 * (low + high)
        if not (low < new < high) or (n > 12 and n % 3 == 0):
            new = 0.5 * (low + high)
        if new in (low, high, m):
            break
        m = new
    # at a jump of the current the bracket ends without a solution
    resolution = 1e-15 * total * (max(abs(u), abs(w), abs(gate)) + 0.1)
    good = good and abs(excess) <= 1e-5 * (abs(i_a) + abs(i_d)) + resolution
    g = g_b if flip else g_a
    if not total > 0.0:
        return i_d, 0.0, 0.0, m, 0.0, 0.0, good
    current = (i_a * g_d + i_d * g) / total
    if flip:
        return (current, g_a * g_d / total, g_d * g_b / total, m, g_a / total, g_d / total, good)
    return (current, g_d * g_a / total, g_d * g_b / total, m, g_d / total, g_b / total, good)


@kernel
def cell_slopes(u, w, gate, sign, flip, m, S_d, state, p, q, out, by_state):
    """Fill di/dx of device and access element in series; return di/dgate and the device's slope."""
    size = (1 + S_d) * (2 + S_d)
    x_d, x_a, none = state[:S_d], state[S_d:], np.empty(0)
    a, c = (u, m) if flip else (m, w)
    v = sign * (m - w) if flip else sign * (u - m)
    evaluate(v, x_d, p, out[:size])
    g_d = out[1]
    by_gate = access_slopes(a, c, gate, q, x_a, out[size:], by_state[S_d:])
    _, g_a, g_b, _ = through(
        a, c, gate, q, x_a, 0.0, none, none, x_a.copy(), out[size:], np.empty((0, 0)), none
    )
    g = g_b if flip else g_a
    total = g_d + g
    share_d, share_a = (g / total, g_d / total) if total > 0.0 else (0.0, 0.0)
    for s in range(S_d):
        by_state[s] = sign * out[2 + s] * share_d
    for s in range(S_d, len(state)):
        by_state[s] *= share_a
    return by_gate * share_a, share_d
