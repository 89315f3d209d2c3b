"""What is on the word lines: images driven, unfolded and given the errors of every driver."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....core.compiled.jit import inlined, leaf, strict

__all__ = ["SLACK", "drive_images", "drive_lines", "emit_block", "fill_lines", "runs_of"]

U = np.uint64
_1, _2, _3, _4, _5, _6, _7, _8 = U(1), U(2), U(3), U(4), U(5), U(6), U(7), U(8)
SLACK = 8  # numbers behind what is read or written, as runs are copied in pieces


@strict
def drive_images(
    images: Any, before: Any, scale: Any, low: Any, step: Any, volts: Any, out: Any
) -> None:
    """Fill out with the voltages that ideal converters give for padded images over `scale`.

    Both are (B, C, D, H, W), `before` what out has more than images in front of its last three
    axes; what is around them is an input of 0.
    """
    kind = images.dtype.type
    one, half = kind(1.0), kind(0.5)
    batch, channels, depth, height, width = images.shape
    deep, high, wide = out.shape[2:]
    flat, to = images.ravel(), out.ravel()
    if deep == depth and high == height and wide == width:  # one row of all
        batch, channels, depth, height, width = 1, 1, 1, 1, len(flat)
        deep, high, wide = 1, 1, width
    else:
        zero = (low + step * kind(np.int32((kind(0.0) - low) / step + half))) * volts
        for p in range(len(to)):
            to[p] = zero
    source = 0
    for image in range(batch * channels):
        for d in range(depth):
            for h in range(height):
                goal = ((image * deep + d + before[0]) * high + h + before[1]) * wide + before[2]
                row, line = flat[source : source + width], to[goal : goal + width]
                for w in range(width):
                    v = row[w] / scale
                    v = max(v, low)
                    v = min(v, one)
                    # cut off is rounded down, of numbers above 0; no NaN is made an integer, the
                    # last term keeps it
                    number = low if math.isnan(v) else v
                    code = kind(np.int32((number - low) / step + half))
                    line[w] = (low + step * code) * volts + (v - v)
                source += width


@strict
def runs_of(geometry: Any, begin: int, count: int) -> Any:
    """Return the runs of `count` places from `begin` on whose values lie side by side.

    (n, 3): where a run starts among the places, its length, where it starts in the flat images.
    `geometry` (9,) is places (3), strides (3), height, width, numbers of an image.
    """
    deeps, downs, acrosses = geometry[0], geometry[1], geometry[2]
    stride_d, stride_h, stride_w = geometry[3], geometry[4], geometry[5]
    height, width, sample = geometry[6], geometry[7], geometry[8]
    runs = np.empty((count, 3), dtype=np.int64)
    found, at = 0, 0
    while at < count:
        rest, across = divmod(begin + at, acrosses)
        rest, down = divmod(rest, downs)
        b, deep = divmod(rest, deeps)
        length = min(acrosses - across, count - at)
        source = (
            b * sample + (deep * stride_d * height + down * stride_h) * width + across * stride_w
        )
        last = found - 1
        if found and stride_w == 1 and runs[last, 2] + runs[last, 1] == source:
            runs[last, 1] += length
        else:
            runs[found, 0] = at
            runs[found, 1] = length
            runs[found, 2] = source
            found += 1
        at += length
    return runs[:found]


@leaf
def fill_lines(
    flat: Any, runs: Any, stride: int, offsets: Any, constant: Any, x: Any, places: int
) -> None:
    """Fill x, (lines, places) flat with `SLACK` behind it, with what is on the lines.

    Line i takes flat[run + offsets[i]], or the constant where its offset is below 0.
    """
    for i in range(len(offsets)):
        begin, offset = i * places, offsets[i]
        if offset < 0:
            x[begin : begin + places] = constant
            continue
        for r in range(len(runs)):
            # without a sign: no index is counted from the end, which would be asked for each
            t, length, f = U(begin + runs[r, 0]), U(runs[r, 1]), U(runs[r, 2] + offset)
            if stride != 1:
                step = U(stride)
                for _ in range(length):
                    x[t] = flat[f]
                    t += _1
                    f += step
                continue
            # eight at a time, all read before they are written; what is too much of the last
            # piece lies where the next run, or the next line, is written after
            end = t + length
            while t < end:
                v0, v1, v2, v3 = flat[f], flat[f + _1], flat[f + _2], flat[f + _3]
                v4, v5, v6, v7 = flat[f + _4], flat[f + _5], flat[f + _6], flat[f + _7]
                x[t] = v0
                x[t + _1] = v1
                x[t + _2] = v2
                x[t + _3] = v3
                x[t + _4] = v4
                x[t + _5] = v5
                x[t + _6] = v6
                x[t + _7] = v7
                f += _8
                t += _8


@inlined
def _driven(
    c: Any, level: Any, factor: Any, number: Any, lsb: Any, limited: Any, volts: Any, gain: Any,
    offset: Any, curve: Any, zero: Any, one: Any,
) -> Any:
    """Return the voltage of a code: `DriverLaw`, times the read voltage."""
    v = level[c] * gain
    if len(curve):
        v += lsb * curve[number[c]]
    v += offset
    if limited:
        v = max(v, zero)
        v = min(v, one)
    return v * factor[c] * volts


@leaf
def drive_lines(
    codes: Any, top: int, array: int, level: Any, factor: Any, number: Any, lsb: Any,
    limited: Any, volts: Any, gains: Any, offsets: Any, curves: Any, table: Any, out: Any,
) -> None:
    """Fill out (lines, places) with the voltages of codes (lines, places) by every line's driver.

    Of `DriverLaw`; gains and offsets are (all lines, arrays), curves (all lines, arrays, numbers),
    `top` the first of these lines; a table (codes,) is scratch.
    """
    kind = codes.dtype.type
    zero, one = kind(0.0), kind(1.0)
    lines, places = codes.shape
    count = len(level)
    for i in range(lines):
        line, to, curve = codes[i], out[i], curves[top + i, array]
        gain, offset = gains[top + i, array], offsets[top + i, array]
        known = count < 2 * places
        if known:
            for c in range(count):
                table[c] = _driven(
                    c, level, factor, number, lsb, limited, volts, gain, offset, curve, zero, one
                )
            _looked_up(line, table, to)
            continue
        for p in range(places):
            code = line[p]
            to[p] = (code - code) + _driven(
                np.int32(zero if math.isnan(code) else code), level, factor, number, lsb,
                limited, volts, gain, offset, curve, zero, one
            )


@leaf
def _looked_up(codes: Any, table: Any, out: Any) -> None:
    for p in range(len(codes)):
        code = codes[p]
        c = np.uint32(0 if math.isnan(code) else np.int32(code))
        out[p] = table[c] + (code - code)


@leaf
def _scaled(x: Any, factor: Any, shift: Any, out: Any) -> None:
    for p in range(len(x)):
        out[p] = x[p] * factor + shift


@leaf
def emit_block(
    values: Any, factor: Any, shift: Any, order: Any, begin: int, first: int, result: Any
) -> None:
    """Put values (outputs, places) from place `begin` on, times factors and shifted, where they go.

    Row o goes to channel first + order[o] of result (B, channels, places).
    """
    count, places = values.shape[1], result.shape[2]
    for o in range(len(values)):
        row, channel, f, s = values[o], first + order[o], factor[order[o]], shift[order[o]]
        at = 0
        while at < count:
            b, start = divmod(begin + at, places)
            length = min(places - start, count - at)
            to = result[b, channel][start : start + length]
            _scaled(row[at : at + length], f, s, to)
            at += length
