"""Arrays of whole lines: no segment of 0 ohm, none broken, every line tied at one end or both.

What is special elsewhere is not compiled here: conductances of the segments are known beforehand,
and the linear steps of an inexact Newton iteration, which need a few digits only, take single
precision, at half the memory and twice the numbers per instruction.
"""

from __future__ import annotations

from .....core.compiled.jit import inlined, lean
from .....core.compiled.simd import (
    WIDTH,
    Vec,
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
    splat_like,
    store,
    sub,
    total,
    transpose,
)
from .....core.validation import Array
from ..kernels.chains import LANES
from ..kernels.single_line import EPS

__all__ = ["factor_even", "measure_even", "shifted"]


@inlined
def _node_miss(
    a: Vec, b: Vec, d: Vec, y: Vec, z: Vec, flow: Vec, cell: Vec
) -> tuple[Vec, Vec, Vec, Vec]:
    """Return what nodes b between a and d miss, its size, its rounding, and the largest current.

    Segments of y and z siemens; `cell`: what they are to give away; `flow`: unloaded current.
    """
    into, out = fma(sub(a, b), y, flow), fma(sub(b, d), z, flow)
    miss = sub(sub(into, out), cell)
    size = magnitude(b)
    unit = fma(add(magnitude(a), size), y, mul(add(size, magnitude(d)), z))
    big = larger(larger(magnitude(into), magnitude(out)), magnitude(cell))
    return miss, magnitude(miss), mul(splat(EPS), add(unit, big)), big


@lean
def measure_even(
    c: Array, u: Array, w: Array, word_y: Array, bit_y: Array, flow_w: Array, flow_b: Array,
    least: float, left: Array, right: Array, top: Array, bottom: Array, res_u: Array, res_w: Array,
    line: Array,
) -> tuple[float, float, float, float]:
    """Do what `measure_rows` does; word_y (M, N+1), bit_y (M+1, N) siemens; line (>= N+2) scratch.

    Cells draw c (M, N) from the word nodes and feed it into the bit nodes.
    """
    M, N = c.shape
    largest = 0.0
    for i in range(M):
        left[i] = u[i, 0] * word_y[i, 0] - flow_w[i]
        right[i] = u[i, N - 1] * word_y[i, N] + flow_w[i]
        largest = max(largest, max(abs(left[i]), abs(right[i])))
        if not abs(left[i]) + abs(right[i]) < 1e300:
            return 0.0, 1e300, 0.0, 1e300
    for j in range(N):
        top[j] = w[0, j] * bit_y[0, j] - flow_b[j]
        bottom[j] = w[M - 1, j] * bit_y[M, j] + flow_b[j]
        largest = max(largest, max(abs(top[j]), abs(bottom[j])))
        if not abs(top[j]) + abs(bottom[j]) < 1e300:
            return 0.0, 1e300, 0.0, 1e300
    floor = least * largest + 1e-300
    full = N - N % WIDTH
    zero, low = splat(0.0), splat(floor)
    sums, noises, bound = zero, zero, zero
    worst, miss_sum, noise = 0.0, 0.0, 0.0
    line[0] = 0.0
    line[N + 1] = 0.0
    for i in range(M):
        ui = u[i]
        for j in range(N):
            line[j + 1] = ui[j]
        at, along = i * N, i * (N + 1)
        above, below = (at - N if i else at), (at + N if i + 1 < M else at)
        on_above, on_below = splat(1.0 if i else 0.0), splat(1.0 if i + 1 < M else 0.0)
        flow = splat(flow_w[i])
        for j in range(0, full, WIDTH):
            cell = load(c, at + j)
            a, b, d = load(line, j), load(line, j + 1), load(line, j + 2)
            y, z = load(word_y, along + j), load(word_y, along + j + 1)
            short, miss, rounding, big = _node_miss(a, b, d, y, z, flow, cell)
            store(res_u, at + j, short)
            sums = add(sums, miss)
            noises = add(noises, rounding)
            over = sub(miss, rounding)
            big = larger(big, low)
            if exceeds(over, mul(bound, big)):  # rare: spares a division per node
                bound = splat(most(larger(bound, div(over, big))))
            a, b = mul(on_above, load(w, above + j)), load(w, at + j)
            d = mul(on_below, load(w, below + j))
            y, z = load(bit_y, at + j), load(bit_y, at + N + j)
            short, miss, rounding, big = _node_miss(
                a, b, d, y, z, load(flow_b, j), sub(zero, cell)
            )
            store(res_w, at + j, short)
            sums = add(sums, miss)
            noises = add(noises, rounding)
            over = sub(miss, rounding)
            big = larger(big, low)
            if exceeds(over, mul(bound, big)):
                bound = splat(most(larger(bound, div(over, big))))
        for j in range(full, N):
            for family in range(2):
                if family == 0:
                    p, x, n = line[j], line[j + 1], line[j + 2]
                    y_in, y_out, f, sign = word_y[i, j], word_y[i, j + 1], flow_w[i], -1.0
                else:
                    p, x = w[max(i - 1, 0), j] if i else 0.0, w[i, j]
                    n = w[min(i + 1, M - 1), j] if i + 1 < M else 0.0
                    y_in, y_out, f, sign = bit_y[i, j], bit_y[i + 1, j], flow_b[j], 1.0
                g_in, g_out = (p - x) * y_in + f, (x - n) * y_out + f
                lost = g_in - g_out + sign * c[i, j]
                large = max(max(abs(g_in), abs(g_out)), abs(c[i, j]))
                grain = EPS * (
                    (abs(p) + abs(x)) * y_in + (abs(x) + abs(n)) * y_out + large
                )
                miss_sum += abs(lost)
                noise += grain
                worst = max(worst, (abs(lost) - grain) / max(large, floor))
                if family == 0:
                    res_u[i, j] = lost
                else:
                    res_w[i, j] = lost
    return (
        max(worst, most(bound)), miss_sum + total(sums), noise + total(noises), largest
    )


@lean
def factor_even(
    G: Array, bit_r: Array, word_r: Array, t: Array, q: Array, tw: Array, qw: Array, s: Array,
    rows: Array, carry: Array,
) -> None:
    """Factor both families of chains, as `factor_bit` and `factor_word`.

    bit_r (M+1, N); word_r (blocks, N+1, LANES) packed, 1 ohm where there is no line; s (N,), rows
    and carry are scratch.
    """
    M, N = G.shape
    full = N - N % WIDTH
    one = splat_like(G, 1.0)
    for j in range(N):
        s[j] = 1.0 / bit_r[0, j]
    for i in range(M - 1):
        at = i * N
        for j in range(0, full, WIDTH):
            r = load(bit_r, at + N + j)
            slack = add(load(s, j), load(G, at + j))
            inverse = div(one, fma(slack, r, one))
            store(s, j, mul(slack, inverse))
            store(t, at + j, inverse)
            store(q, at + j, mul(r, inverse))
        for j in range(full, N):
            sum_ = s[j] + G[i, j]
            part = 1.0 / (1.0 + sum_ * bit_r[i + 1, j])
            s[j] = sum_ * part
            t[i, j] = part
            q[i, j] = bit_r[i + 1, j] * part
    for j in range(N):
        t[M - 1, j] = 0.0
        q[M - 1, j] = 1.0 / (s[j] + G[M - 1, j] + 1.0 / bit_r[M, j])
    stride = rows.shape[1]
    for b in range(tw.shape[0]):
        i0 = b * LANES
        for k in range(LANES):
            if i0 + k < M:
                for j in range(N):
                    rows[k, j] = G[i0 + k, j]
            else:
                for j in range(N):
                    rows[k, j] = 0.0
        for j in range(0, N, WIDTH):
            transpose(rows, j, stride, carry, j * LANES, LANES)
            transpose(rows, j + WIDTH * stride, stride, carry, j * LANES + WIDTH, LANES)
        first, at = b * (N + 1) * LANES, b * N * LANES
        x, y = div(one, load(word_r, first)), div(one, load(word_r, first + WIDTH))
        for j in range(N - 1):
            here, there, after = j * LANES, at + j * LANES, first + (j + 1) * LANES
            r, r_2 = load(word_r, after), load(word_r, after + WIDTH)
            x, y = add(x, load(carry, here)), add(y, load(carry, here + WIDTH))
            inverse, inverse_2 = div(one, fma(x, r, one)), div(one, fma(y, r_2, one))
            x, y = mul(x, inverse), mul(y, inverse_2)
            store(tw, there, inverse)
            store(tw, there + WIDTH, inverse_2)
            store(qw, there, mul(r, inverse))
            store(qw, there + WIDTH, mul(r_2, inverse_2))
        here, there, after = (N - 1) * LANES, at + (N - 1) * LANES, first + N * LANES
        x = add(add(x, load(carry, here)), div(one, load(word_r, after)))
        y = add(add(y, load(carry, here + WIDTH)), div(one, load(word_r, after + WIDTH)))
        store(qw, there, div(one, x))
        store(qw, there + WIDTH, div(one, y))
        store(tw, there, splat_like(tw, 0.0))
        store(tw, there + WIDTH, splat_like(tw, 0.0))


@lean
def shifted(target: Array, also: Array, step: Array, scale: float) -> None:
    """Add `scale` times a step (M, N) of single precision to two arrays."""
    M, N = target.shape
    for i in range(M):
        a, b, x = target[i], also[i], step[i]
        for j in range(N):
            change = scale * x[j]
            a[j] += change
            b[j] += change
