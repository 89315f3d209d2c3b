"""Lines by themselves: unloaded profiles, end currents, and Kirchhoff's law at every node.

Voltages are kept as deviations from each line's unloaded profile (its source voltage, or the
linear profile between two sources): the current in a segment of 1e-6 ohm is then a difference of
small numbers, exact to rounding, where the voltages themselves would lose ten digits.
"""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import lean
from .....core.compiled.simd import (
    WIDTH,
    add,
    div,
    exceeds,
    fma,
    larger,
    load,
    magnitude,
    most,
    mul,
    splat,
    store,
    sub,
    total,
)
from .....core.validation import Array

__all__ = [
    "EPS", "check_bit", "check_row", "check_word", "line_ends", "profile", "wire_flow",
]

EPS = 1e-15  # a few units of rounding, as back-substitution leaves them
LARGEST = 1e300


@lean
def profile(r: Array, va: float, vb: float, out: Array) -> float:
    """Fill `out` (n,) with the unloaded voltages of a line; return the current from a to b.

    r (n+1,) holds the segments, its outer entries the resistances to the sources at va and vb.
    """
    n = len(out)
    a_on, b_on = r[0] < np.inf, r[n] < np.inf
    if not (a_on and b_on) or va == vb:
        value = va if a_on else (vb if b_on else 0.0)
        for k in range(n):
            out[k] = value
        return 0.0
    total = 0.0
    for k in range(n + 1):
        total += r[k]
    if total == np.inf:  # a broken line: each piece at its own source, pieces between at 0
        value = va
        for k in range(n):
            if k > 0 and r[k] == np.inf:
                value = 0.0
            out[k] = value
        k = n - 1
        while k >= 0:
            out[k] = vb
            if r[k] == np.inf:
                break
            k -= 1
        return 0.0
    flow = (va - vb) / total
    before = 0.0
    for k in range(n):
        before += r[k]
        share = before / total
        out[k] = va * (1.0 - share) + vb * share
    return flow


@lean
def line_ends(
    c: Array, r: Array, first: float, last: float, flow: float, gap: float
) -> tuple[float, float]:
    """Return the currents into the ends a and b of a line.

    c (n,): currents into the line from its cells; r (n+1,); `first`, `last`: deviations of the
    outer nodes; `flow`: unloaded current from a to b; `gap` = va - vb. An end of 0 ohm gets its
    current from Kirchhoff's law along the line.
    """
    n = len(c)
    a_on, b_on = r[0] < np.inf, r[n] < np.inf
    a = first / r[0] - flow if a_on and r[0] > 0.0 else 0.0
    b = last / r[n] + flow if b_on and r[n] > 0.0 else 0.0
    a_pinned, b_pinned = a_on and r[0] == 0.0, b_on and r[n] == 0.0
    if not (a_pinned or b_pinned):
        return a, b
    stop, start = n, 0  # pieces at either end, up to the breaks
    for k in range(1, n):
        if r[k] == np.inf:
            stop = min(stop, k)
            start = k
    joined = stop == n and a_on and b_on
    if not joined:
        if a_pinned:
            a = 0.0
            for k in range(stop):
                a += c[k]
        if b_pinned:
            b = 0.0
            for k in range(start, n):
                b += c[k]
        return a, b
    total, through, resistance = 0.0, 0.0, r[0]
    for k in range(n):
        total += c[k]
        through += r[k + 1] * total
        resistance += r[k + 1]
    if a_pinned and not b_pinned:
        return total - b, b
    if b_pinned and not a_pinned:
        return a, total - a
    if resistance == 0.0:
        return 0.5 * total, 0.5 * total
    along = (gap - through) / resistance
    return -along, along + total


@lean
def wire_flow(v: Array, r: Array, flow: float, level: float, out: Array, unit: Array) -> bool:
    """Fill `out` (n+1,) with the current in every segment of a line of deviations v (n,).

    `unit` (n+1,) gets the rounding unit of each current, for voltages known to eps (|v| + level).
    Returns whether any segment has 0 ohm; the entries there mean nothing.
    """
    n = len(v)
    one, shift, eps, base = splat(1.0), splat(flow), splat(EPS), splat(level)
    k = 1
    finite = splat(0.0)
    while k + WIDTH <= n:
        inverse = div(one, load(r, k))
        a, b = load(v, k - 1), load(v, k)
        store(out, k, fma(sub(a, b), inverse, shift))
        size = mul(eps, add(add(magnitude(a), magnitude(b)), base))
        store(unit, k, mul(size, inverse))
        finite = larger(finite, inverse)
        k += WIDTH
    zero: bool = exceeds(finite, splat(LARGEST)) or r[0] == 0.0 or r[n] == 0.0
    while k < n:
        inverse = 1.0 / r[k]
        out[k] = (v[k - 1] - v[k]) * inverse + flow
        unit[k] = EPS * (abs(v[k - 1]) + abs(v[k]) + level) * inverse
        zero = zero or r[k] == 0.0
        k += 1
    out[0] = -v[0] / r[0] + flow
    out[n] = v[n - 1] / r[n] + flow
    unit[0] = EPS * (abs(v[0]) + level) / r[0]
    unit[n] = EPS * (abs(v[n - 1]) + level) / r[n]
    return zero


@lean
def check_row(
    c: Array, sign: float, before: Array, after: Array, shift: int, unit_before: Array,
    unit_after: Array, grain: Array, least: float, res: Array,
) -> tuple[float, float, float]:
    """Kirchhoff's law at n nodes without merged neighbours.

    Node k gets before[k] and loses after[k + shift] through the wires, with their rounding units,
    and `sign` c[k] through its cell; fills `res` (n,). `grain` (n,): what rounding the voltages
    themselves, not only their deviations, makes of c. Returns the largest violation, less what
    rounding explains, over the largest branch current at its node (`least` where that is less);
    the sum of violations; and the sum of their rounding units, without `grain`.
    """
    n = len(c)
    worst, k = 0.0, 0
    eps, factor, bound, low = splat(EPS), splat(sign), splat(0.0), splat(least)
    sums, noises = splat(0.0), splat(0.0)
    while k + WIDTH <= n:
        a, b, cell = load(before, k), load(after, k + shift), load(c, k)
        left = fma(factor, cell, sub(a, b))
        store(res, k, left)
        big = larger(larger(magnitude(a), magnitude(b)), magnitude(cell))
        rounding = fma(eps, big, add(load(unit_before, k), load(unit_after, k + shift)))
        miss = magnitude(left)
        sums = add(sums, miss)
        noises = add(noises, rounding)
        over = sub(sub(miss, rounding), load(grain, k))
        big = larger(big, low)
        if exceeds(over, mul(bound, big)):  # rare: spares a division per node
            bound = splat(most(larger(bound, div(over, big))))
        k += WIDTH
    worst, miss_sum, noise = most(bound), total(sums), total(noises)
    while k < n:
        res[k] = before[k] - after[k + shift] + sign * c[k]
        large = max(max(abs(before[k]), abs(after[k + shift])), abs(c[k]))
        unit = unit_before[k] + unit_after[k + shift] + EPS * large
        miss_sum += abs(res[k])
        noise += unit
        worst = max(worst, (abs(res[k]) - unit - grain[k]) / max(large, least))
        k += 1
    return worst, miss_sum, noise


@lean
def check_word(
    c: Array, r: Array, f: Array, unit: Array, grain: Array, zero: bool, least: float,
    res: Array,
) -> tuple[float, float, float]:
    """Kirchhoff's law along a word line whose cells draw c, as `check_row`.

    A cluster of merged nodes reports at its last node, a cluster pinned to a source nothing.
    """
    n = len(c)
    worst, total_miss, noise = 0.0, 0.0, 0.0
    if not zero:
        return check_row(c, -1.0, f, f, 1, unit, unit, grain, least, res)
    have, big, rounding, coarse, pinned = 0.0, 0.0, 0.0, 0.0, False
    for k in range(n):
        if k == 0 or r[k] > 0.0:
            pinned = k == 0 and r[0] == 0.0
            have = 0.0 if pinned else f[k]
            rounding, coarse = 0.0 if pinned else unit[k], 0.0
            big = abs(have)
        have -= c[k]
        big = max(big, abs(c[k]))
        rounding += EPS * abs(c[k])
        coarse += grain[k]
        res[k] = 0.0
        if r[k + 1] > 0.0 and not pinned:
            miss = have - f[k + 1]
            big = max(big, abs(f[k + 1]))
            rounding += unit[k + 1]
            res[k] = miss
            total_miss += abs(miss)
            noise += rounding
            worst = max(worst, (abs(miss) - rounding - coarse) / max(big, least))
    return worst, total_miss, noise


@lean
def check_bit(
    c: Array, above: Array, below: Array, unit_above: Array, unit_below: Array, grain: Array,
    r_above: Array, r_below: Array, first: bool, carried: Array, least: float, res: Array,
) -> tuple[float, float, float]:
    """Kirchhoff's law at one row of bit nodes, some merged, into which the cells feed c.

    `above`, `below` (N,): currents downwards in the segments over and under the row, with their
    rounding units; `grain` as in `check_row`; `carried` (5, N) takes clusters from row to row.
    """
    worst, total_miss, noise = 0.0, 0.0, 0.0
    have, big, rounding, pinned, coarse = carried[0], carried[1], carried[2], carried[3], carried[4]
    for j in range(len(c)):
        if first or r_above[j] > 0.0:
            pinned[j] = 1.0 if first and r_above[j] == 0.0 else 0.0
            have[j] = 0.0 if pinned[j] > 0.0 else above[j]
            rounding[j] = 0.0 if pinned[j] > 0.0 else unit_above[j]
            big[j], coarse[j] = abs(have[j]), 0.0
        have[j] += c[j]
        big[j] = max(big[j], abs(c[j]))
        rounding[j] += EPS * abs(c[j])
        coarse[j] += grain[j]
        res[j] = 0.0
        if r_below[j] > 0.0 and pinned[j] == 0.0:
            miss = have[j] - below[j]
            unit = rounding[j] + unit_below[j]
            res[j] = miss
            total_miss += abs(miss)
            noise += unit
            over = abs(miss) - unit - coarse[j]
            worst = max(worst, over / max(max(big[j], abs(below[j])), least))
    return worst, total_miss, noise
