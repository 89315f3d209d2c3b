"""Compiled read-out: unfold, multiply, convert and accumulate, a block of places at a time.

Blocks are stored with their places along the last axis: a converter then works through one row
with one set of errors, and what comes out is a piece of an output channel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core.compiled.jit import strict

__all__ = ["drive", "read_block", "unfold_block"]


@strict
def drive(x: Any, scale: Any, low: Any, step: Any, volts: Any, out: Any) -> None:
    """Fill out with the voltages that ideal converters give for inputs x, flat both."""
    relative = np.empty_like(x)
    for p in range(len(x)):
        relative[p] = x[p] / scale
        out[p] = 0
    _convert_row(relative, low, step, x.dtype.type(1.0), volts, out)


@strict
def unfold_block(
    images: Any, first_channel: int, channels: int, kernel: Any, stride: Any, dilation: Any,
    places: Any, begin: int, out: Any,
) -> None:
    """Fill out (channels * kernel elements, places) with the windows from place `begin` on.

    `images` is (B, C, D, H, W); kernel, stride, dilation and places are triples.
    """
    count = out.shape[1]
    _, _, _, height, width = images.shape
    flat = images.ravel()
    volume = images.shape[2] * height * width
    sample = images.shape[1] * volume
    # runs of places that lie in one row of the image
    runs = np.empty((count, 3), dtype=np.int64)  # where it starts in `out`, length, in `images`
    found, at = 0, 0
    while at < count:
        rest, across = divmod(begin + at, places[2])
        rest, down = divmod(rest, places[1])
        b, deep = divmod(rest, places[0])
        length = min(places[2] - across, count - at)
        runs[found, 0] = at
        runs[found, 1] = length
        runs[found, 2] = (
            b * sample + (deep * stride[0] * height + down * stride[1]) * width
            + across * stride[2]
        )
        found += 1
        at += length
    step, row = stride[2], 0
    for c in range(first_channel, first_channel + channels):
        for i in range(kernel[0]):
            for j in range(kernel[1]):
                for k in range(kernel[2]):
                    offset = c * volume + (
                        i * dilation[0] * height + j * dilation[1]
                    ) * width + k * dilation[2]
                    line = out[row]
                    for r in range(found):
                        start, source = runs[r, 0], runs[r, 2] + offset
                        if step == 1:
                            for p in range(runs[r, 1]):
                                line[start + p] = flat[source + p]
                        else:
                            for p in range(runs[r, 1]):
                                line[start + p] = flat[source + p * step]
                    row += 1


@strict
def _convert_row(x: Any, low: Any, step: Any, full_scale: Any, factor: Any, out: Any) -> None:
    """Add factor times the values of the codes of relative signals x."""
    kind = x.dtype.type
    one, half = kind(1.0), kind(0.5)
    for p in range(len(x)):
        v = x[p]
        v = max(v, low)
        v = min(v, one)
        # cut off is rounded down, of numbers above 0; no NaN is made an integer, the last term
        # keeps it
        number = low if math.isnan(v) else v
        code = kind(np.int32((number - low) / step + half))
        out[p] += factor * (full_scale * (low + step * code)) + (v - v)


@strict
def _convert_curve(
    x: Any, low: Any, step: Any, full_scale: Any, factor: Any, table: Any, shift: float, out: Any
) -> None:
    """As `_convert_row`, with the transitions `table` of one converter, moved by `shift`."""
    one, half, kind = x.dtype.type(1.0), x.dtype.type(0.5), x.dtype.type
    last = len(table)
    for p in range(len(x)):
        v = x[p]
        if v < low:
            v = low
        if v > one:
            v = one
        position = (v - low) / step
        if math.isnan(position):
            out[p] += position
            continue
        where = np.float64(position) + shift
        code = min(max(int(np.floor(position + half)), 0), last)
        while code < last and table[code] <= where:
            code += 1
        while code > 0 and table[code - 1] > where:
            code -= 1
        out[p] += factor * (full_scale * (low + step * kind(code)))


@strict
def read_block(
    x: Any, weights: Any, lines: Any, signals: Any, copies: int, factors: Any, gains: Any,
    offsets: Any, tables: Any, shifts: Any, references: Any, scales: Any, low: Any, step: Any,
    full_scale: Any, currents: Any, out: Any,
) -> None:
    """Add what all tiles give for a block of inputs to out (outputs + references, places).

    Parameters
    ----------
    x : (lines, places) array
        Voltages of the lines.
    weights : flat array
        Of every row of tiles in turn its matrices, (columns, rows), siemens.
    lines : (tiles + 1,) array
        Where the rows of tiles begin and end.
    signals : (S, 4) array
        Of every converter's signal: its first column, the first column that is subtracted or -1,
        the output it goes to, its converter's number among `tables`.
    copies : int
        Columns that add up to one signal.
    factors, gains, offsets : (tiles, S) arrays
        Gains and offsets of the converters, relative to full scale; what a value counts.
    tables, shifts : (tiles, converters, transitions), (converters,) arrays
        Transitions of converters, all moved by a shift; without transitions ideal ones.
    references : (R, 3) array
        Of every row of `out` that is to be subtracted: itself, from which output on, to which.
    scales : (tiles, outputs) array
        What a reference counts to every output.
    currents : (columns, places) array
        Scratch.
    """
    places = x.shape[1]
    columns = currents.shape[0]
    relative = np.empty(places, dtype=x.dtype)
    spent = 0
    for t in range(len(lines) - 1):
        rows = lines[t + 1] - lines[t]
        matrix = weights[spent : spent + columns * rows].reshape(columns, rows)
        spent += columns * rows
        np.dot(matrix, x[lines[t] : lines[t + 1]], currents)
        for s in range(len(signals)):
            first, minus, output, converter = signals[s]
            for p in range(places):
                relative[p] = currents[first, p]
            for c in range(1, copies):
                for p in range(places):
                    relative[p] += currents[first + c, p]
            if minus >= 0:
                if copies == 1:
                    for p in range(places):
                        relative[p] -= currents[minus, p]
                else:
                    for p in range(places):
                        other = currents[minus, p]
                        for c in range(1, copies):
                            other += currents[minus + c, p]
                        relative[p] -= other
            gain, offset = gains[t, s], offsets[t, s]
            for p in range(places):
                relative[p] = relative[p] / full_scale * gain + offset
            if tables.shape[2]:
                _convert_curve(
                    relative, low, step, full_scale, factors[t, s], tables[t, converter],
                    shifts[converter], out[output],
                )
            else:
                _convert_row(relative, low, step, full_scale, factors[t, s], out[output])
        for k in range(len(references)):
            row, begin, end = references[k]
            for o in range(begin, end):
                for p in range(places):
                    out[o, p] -= scales[t, o] * out[row, p]
            out[row] = 0
