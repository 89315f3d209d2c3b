"""All lines of one family, each a row of the arrays: lift, end currents, Kirchhoff's law."""

from __future__ import annotations

import numpy as np

from ...netlists._check import Array
from .jit import kernel
from .kernels_line import check_word, line_ends, profile, wire_flow

__all__ = ["check_family", "family_ends", "lift_family"]


@kernel
def lift_family(r: Array, va: Array, vb: Array, base: Array, flow: Array) -> None:
    """Fill the unloaded voltages base (L, n) and currents flow (L,) of lines r (L, n+1)."""
    for k in range(len(flow)):
        flow[k] = profile(r[k], va[k], vb[k], base[k])


@kernel
def family_ends(
    into: Array, r: Array, v: Array, flow: Array, va: Array, vb: Array, a: Array, b: Array
) -> None:
    """Fill the currents into the ends; `into` (L, n) from the cells, v (L, n) deviations."""
    n = v.shape[1]
    for k in range(len(flow)):
        a[k], b[k] = line_ends(into[k], r[k], v[k, 0], v[k, n - 1], flow[k], va[k] - vb[k])


@kernel
def check_family(
    out: Array, r: Array, v: Array, flow: Array, least: float, res: Array
) -> tuple[float, float, float]:
    """Fill what Kirchhoff's law misses, res (L, n), where the cells draw `out`; as `check_row`."""
    n = v.shape[1]
    worst, total, noise = 0.0, 0.0, 0.0
    f, unit = np.empty(n + 1), np.empty(n + 1)
    for k in range(len(flow)):
        zero = wire_flow(v[k], r[k], flow[k], 0.0, f, unit)
        x, y, z = check_word(out[k], r[k], f, unit, zero, least, res[k])
        worst, total, noise = max(worst, x), total + y, noise + z
    return worst, total, noise
