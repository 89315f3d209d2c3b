"""All lines of an array: lift, end currents, Kirchhoff's law."""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import kernel
from .....core.validation import Array
from .single_line import check_word, line_ends, profile, wire_flow

__all__ = ["lift_family", "measure_lines"]


@kernel
def lift_family(r: Array, va: Array, vb: Array, base: Array, flow: Array) -> None:
    """Fill the unloaded voltages base (L, n) and currents flow (L,) of lines r (L, n+1)."""
    for k in range(len(flow)):
        flow[k] = profile(r[k], va[k], vb[k], base[k])


@kernel
def take_line(x: Array, k: int, down: bool, out: Array) -> None:
    """Copy line k of (M, N) values, a row or a column."""
    for i in range(len(out)):
        out[i] = x[i, k] if down else x[k, i]


@kernel
def family_ends(
    cells: Array, sign: float, r: Array, v: Array, down: bool, flow: Array, va: Array, vb: Array,
    a: Array, b: Array,
) -> float:
    """Fill the currents into the ends of lines that run down or across; the largest of them."""
    n = r.shape[1] - 1
    into, line = np.empty(n), np.empty(n)
    largest = 0.0
    for k in range(len(flow)):
        take_line(cells, k, down, into)
        take_line(v, k, down, line)
        for i in range(n):
            into[i] *= sign
        a[k], b[k] = line_ends(into, r[k], line[0], line[n - 1], flow[k], va[k] - vb[k])
        largest = max(largest, max(abs(a[k]), abs(b[k])))
        if not (np.isfinite(a[k]) and np.isfinite(b[k])):
            largest = np.inf
    return largest


@kernel
def check_family(
    cells: Array, sign: float, r: Array, v: Array, down: bool, flow: Array, grain: Array,
    least: float, res: Array,
) -> tuple[float, float, float]:
    """Fill what Kirchhoff's law misses, res (M, N), where cells draw `sign` `cells`."""
    n = r.shape[1] - 1
    worst, total, noise = 0.0, 0.0, 0.0
    out, line, miss = np.empty(n), np.empty(n), np.empty(n)
    f, unit, coarse = np.empty(n + 1), np.empty(n + 1), np.zeros(n)
    for k in range(len(flow)):
        take_line(cells, k, down, out)
        take_line(v, k, down, line)
        for i in range(n):
            out[i] *= sign
        if grain.shape == res.shape:
            take_line(grain, k, down, coarse)
        zero = wire_flow(line, r[k], flow[k], 0.0, f, unit)
        x, y, z = check_word(out, r[k], f, unit, coarse, zero, least, miss)
        worst, total, noise = max(worst, x), total + y, noise + z
        for i in range(n):
            if down:
                res[i, k] = miss[i]
            else:
                res[k, i] = miss[i]
    return worst, total, noise


@kernel
def measure_lines(
    out: Array, into: Array, u: Array, w: Array, word_r: Array, bit_r: Array, parallel: bool,
    flow_w: Array, flow_b: Array, vl: Array, vr: Array, vt: Array, vb: Array, grain: Array,
    scale: float, least: float, left: Array, right: Array, top: Array, bottom: Array, res_u: Array,
    res_w: Array,
) -> tuple[float, float, float, float]:
    """Fill end currents and Kirchhoff's residuals; return worst, total, noise, largest.

    out, into (M, N): drawn from the word nodes, fed into the bit nodes; word_r, bit_r with lines
    as rows; nodes that carry less than `least` of the largest current are measured against that.
    grain (M, N), or a row of zeros for none: see `check_row`.
    """
    largest = max(
        family_ends(out, -1.0, word_r, u, parallel, flow_w, vl, vr, left, right),
        family_ends(into, 1.0, bit_r, w, True, flow_b, vt, vb, top, bottom),
    )
    largest = max(largest, scale)
    floor = least * largest + 1e-300
    a, b, c = check_family(out, 1.0, word_r, u, parallel, flow_w, grain, floor, res_u)
    d, e, f = check_family(into, -1.0, bit_r, w, True, flow_b, grain, floor, res_w)
    return max(a, d), b + e, c + f, largest
