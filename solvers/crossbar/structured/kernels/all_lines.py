"""All lines of an array: lift, end currents, Kirchhoff's law.

Of lines either way (`measure_lines`), and of a crosspoint array row by row in lanes
(`measure_rows`). `solve.check_kcl` does the same for resistors and stays beside it: it forms the
cells' currents in the same pass over memory, of which the check is made, and measures deviations
from a level. What all find at a row they find by the same functions, those of `single_line`.
"""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import kernel
from .....core.compiled.simd import WIDTH, add, div, fma, load, magnitude, mul, splat, store, sub
from .....core.validation import Array
from .single_line import (
    EPS,
    check_bit,
    check_row,
    check_word,
    line_ends,
    profile,
    wire_flow,
)

__all__ = ["lift_family", "measure_lines", "measure_rows"]


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


@kernel
def _ends(
    out: Array, into: Array, u: Array, w: Array, word_r: Array, bit_r: Array, flow_w: Array,
    flow_b: Array, vl: Array, vr: Array, vt: Array, vb: Array, left: Array, right: Array,
    top: Array, bottom: Array,
) -> float:
    """Fill the currents into the four ends; return the largest, infinite where one is."""
    M, N = out.shape
    c = np.zeros(max(M, N))
    largest = 0.0
    for i in range(M):
        if word_r[i, 0] == 0.0 or word_r[i, N] == 0.0:
            for j in range(N):
                c[j] = -out[i, j]
        left[i], right[i] = line_ends(
            c[:N], word_r[i], u[i, 0], u[i, N - 1], flow_w[i], vl[i] - vr[i]
        )
        largest = max(largest, max(abs(left[i]), abs(right[i])))
        if not (np.isfinite(left[i]) and np.isfinite(right[i])):
            largest = np.inf
    for j in range(N):
        if bit_r[0, j] == 0.0 or bit_r[M, j] == 0.0:
            for i in range(M):
                c[i] = into[i, j]
            top[j], bottom[j] = line_ends(
                c[:M], bit_r[:, j], w[0, j], w[M - 1, j], flow_b[j], vt[j] - vb[j]
            )
        else:
            top[j] = w[0, j] / bit_r[0, j] - flow_b[j]
            bottom[j] = w[M - 1, j] / bit_r[M, j] + flow_b[j]
        largest = max(largest, max(abs(top[j]), abs(bottom[j])))
        if not (np.isfinite(top[j]) and np.isfinite(bottom[j])):
            largest = np.inf
    return largest


@kernel
def measure_rows(
    out: Array, into: Array, u: Array, w: Array, word_r: Array, bit_r: Array, merged: bool,
    flow_w: Array, flow_b: Array, vl: Array, vr: Array, vt: Array, vb: Array, grain: Array,
    scale: float, least: float, left: Array, right: Array, top: Array, bottom: Array, res_u: Array,
    res_w: Array,
) -> tuple[float, float, float, float]:
    """Fill end currents and Kirchhoff's residuals; return worst, total, noise, largest.

    Arguments as of `measure_lines`, but bit_r (M+1, N) and all (M, N) contiguous; `merged`: some
    segment of a bit line has 0 ohm.
    """
    M, N = out.shape
    largest = max(scale, _ends(
        out, into, u, w, word_r, bit_r, flow_w, flow_b, vl, vr, vt, vb, left, right, top, bottom
    ))
    floor = least * largest + 1e-300
    worst, total, noise = 0.0, 0.0, 0.0
    f, unit = np.empty(N + 1), np.empty(N + 1)
    flows, units, carried = np.empty((2, N)), np.empty((2, N)), np.zeros((5, N))
    for j in range(N):
        flows[0, j] = flow_b[j] - w[0, j] / bit_r[0, j]
        units[0, j] = EPS * abs(w[0, j]) / bit_r[0, j]
    full = N - N % WIDTH
    one, eps = splat(1.0), splat(EPS)
    for i in range(M):
        start = i * N
        above, below, unit_above, unit_below = (
            flows[i % 2], flows[(i + 1) % 2], units[i % 2], units[(i + 1) % 2]
        )
        nxt = start + N if i + 1 < M else start
        on = 1.0 if i + 1 < M else 0.0  # beyond the last row is the source, deviation 0
        wide = splat(on)
        for j in range(0, full, WIDTH):
            at = start + j
            here, there = load(w, at), mul(wide, load(w, nxt + j))
            inverse = div(one, load(bit_r, at + N))
            store(below, j, fma(sub(here, there), inverse, load(flow_b, j)))
            size = mul(eps, add(magnitude(here), magnitude(there)))
            store(unit_below, j, mul(size, inverse))
        for j in range(full, N):
            inverse = 1.0 / bit_r[i + 1, j]
            there = on * w[min(i + 1, M - 1), j]
            below[j] = flow_b[j] + (w[i, j] - there) * inverse
            unit_below[j] = EPS * (abs(w[i, j]) + abs(there)) * inverse
        coarse = grain[min(i, len(grain) - 1)]
        zero = wire_flow(u[i], word_r[i], flow_w[i], 0.0, f, unit)
        x, y, z = check_word(out[i], word_r[i], f, unit, coarse, zero, floor, res_u[i])
        worst, total, noise = max(worst, x), total + y, noise + z
        if merged:
            x, y, z = check_bit(
                into[i], above, below, unit_above, unit_below, coarse, bit_r[i], bit_r[i + 1],
                i == 0, carried, floor, res_w[i],
            )
        else:
            x, y, z = check_row(
                into[i], 1.0, above, below, 0, unit_above, unit_below, coarse, floor, res_w[i]
            )
        worst, total, noise = max(worst, x), total + y, noise + z
    return worst, total, noise, largest
