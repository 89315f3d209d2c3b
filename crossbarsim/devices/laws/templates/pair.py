"""Template: device and access element in series, the device's one state solved along with them."""

from __future__ import annotations

from typing import Any

from ....core.compiled.jit import leaf


def scalar_laws(v: float, x: float, p: Any) -> Any:
    """Stand for the device's laws as six numbers."""


def through_plain(a: float, b: float, gate: float, q: Any) -> Any:
    """Stand for an access element without states: (i, di/dv_a, -di/dv_b) from its first node."""


# -- template --
PAIRED = True


@leaf
def pair(u, w, gate, sign, flip, guess, step, p, q, start, low, high, x, tol):
    """Solve inner node and state together by a few plain Newton steps from a good guess.

    `tol`: where the relative moves that are left may be taken along the tangents. Returns what
    `branch` of `access` does, the state and its derivative by the device's voltage between them;
    not good where that took too long: `branch` is safeguarded, but evaluates each many times.
    """
    bottom, top = (u, w) if u < w else (w, u)
    m = min(max(guess, bottom), top)
    still = tol * (high - low)
    rounding = 1e-15 * (max(abs(bottom), abs(top), abs(gate)) + 0.1)
    for n in range(7):
        v = sign * (m - w) if flip else sign * (u - m)
        i, g_d, i_x, f, f_v, f_x = scalar_laws(v, x, p)
        miss, slope = x - start - step * f, 1.0 - step * f_x
        if (x <= low and miss > 0.0) or (x >= high and miss < 0.0):
            change, by_v = 0.0, 0.0  # pushed against the bound
        elif slope > 0.0:
            change, by_v = -miss / slope, step * f_v / slope
        else:
            break
        i = sign * (i + i_x * change)
        g_d += i_x * by_v
        if flip:
            i_a, g_a, g_b = through_plain(u, m, gate, q)
            excess, total = i - i_a, g_d + g_b
        else:
            i_a, g_a, g_b = through_plain(m, w, gate, q)
            excess, total = i_a - i, g_a + g_d
        if not total > 0.0:
            break
        new = m - excess / total
        new = min(max(new, bottom), top)
        change += by_v * sign * ((new - m) if flip else (m - new))
        left = abs(change)
        x = min(max(x + change, low), high)
        m = new
        if left <= still and abs(excess) <= tol * (abs(i_a) + abs(i)) + rounding * total:
            if flip:
                return ((i_a * g_d + i * g_b) / total, g_a * g_d / total, g_d * g_b / total, m,
                        g_a / total, g_d / total, x, by_v, True)
            return ((i_a * g_d + i * g_a) / total, g_d * g_a / total, g_d * g_b / total, m,
                    g_d / total, g_b / total, x, by_v, True)
        if n > 2 and left > 0.1 * (high - low):
            break
    return 0.0, 0.0, 0.0, m, 0.0, 0.0, x, 0.0, False
