"""Compiled read-out: drive, multiply, add noise, amplify, convert and accumulate a block of places.

Blocks are stored with their places along the last axis: an amplifier or a converter then works
through one row with one set of errors, and what comes out is a piece of an output channel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....core.compiled.jit import leaf, strict
from ....core.lanes.kernels_normals import draw_normals
from .kernels_lines import SLACK, drive_lines, fill_lines, runs_of

__all__ = ["read_block"]

_1, _2, _3, _4 = np.uint32(1), np.uint32(2), np.uint32(3), np.uint32(4)
_TINY = 1e-36  # ampere squared, as in `ReadNoise.sample`
_MULTIPLY, _ADD, _DIVIDE, _NOISE = 0, 1, 2, 4  # of `periphery.stages.Operation`


@leaf
def _convert_row(
    x: Any, scale: Any, gain: Any, offset: Any, low: Any, step: Any, full_scale: Any, factor: Any,
    out: Any,
) -> None:
    """Add factor times the values of the codes of signals x / scale * gain + offset."""
    kind = x.dtype.type
    one, half = kind(1.0), kind(0.5)
    for p in range(len(x)):
        v = x[p] / scale * gain + offset
        v = max(v, low)
        v = min(v, one)
        # cut off is rounded down, of numbers above 0; no NaN is made an integer, the last term
        # keeps it
        number = low if math.isnan(v) else v
        code = kind(np.int32((number - low) / step + half))
        out[p] += factor * (full_scale * (low + step * code)) + (v - v)


@leaf
def _convert_curve(
    x: Any, low: Any, step: Any, full_scale: Any, factor: Any, table: Any, base: Any, most: int,
    numbers: Any, shift: float, out: Any,
) -> None:
    """As `_convert_row` of relative signals, with the transitions of one converter.

    `table` are they, moved by `shift`, behind -inf and before inf; base (codes,) how many of them
    are below the LSB around every ideal code, `most` how many are in one at most; numbers what the
    code is by the number of transitions below, or empty.
    """
    kind = x.dtype.type
    one, half = kind(1.0), kind(0.5)
    for p in range(len(x)):
        v = x[p]
        v = max(v, low)
        v = min(v, one)
        position = ((low if math.isnan(v) else v) - low) / step
        where = np.float64(position) + shift
        first = base[np.uint32(np.int32(position + half))]
        # without branches, which nothing could foretell
        above = np.int32(table[first + _1] <= where) + np.int32(table[first + _2] <= where)
        if most > 2:
            above += np.int32(table[first + _3] <= where) + np.int32(table[first + _4] <= where)
        for k in range(5, most + 1):
            above += np.int32(table[np.int64(first) + k] <= where)
        code = np.int32(np.int32(first) + np.int32(above))
        if len(numbers):
            code = np.int32(numbers[code])
        out[p] += factor * (full_scale * (low + step * kind(code))) + (v - v)


# One row each: in the body of longer loops the compiler makes no vectors of them.


@leaf
def _copy(x: Any, out: Any) -> None:
    for p in range(len(out)):
        out[p] = x[p]


@leaf
def _plus(x: Any, out: Any) -> None:
    for p in range(len(out)):
        out[p] += x[p]


@leaf
def _minus(x: Any, out: Any) -> None:
    for p in range(len(out)):
        out[p] -= x[p]


@leaf
def _difference(x: Any, y: Any, out: Any) -> None:
    for p in range(len(out)):
        out[p] = x[p] - y[p]


@leaf
def _plus_times(factor: Any, x: Any, out: Any) -> None:
    kind = out.dtype.type
    for p in range(len(out)):
        out[p] += factor * kind(x[p])


@leaf
def _relative(x: Any, scale: Any, gain: Any, offset: Any, out: Any) -> None:
    for p in range(len(out)):
        out[p] = x[p] / scale * gain + offset


@leaf
def _stage(what: int, one: Any, two: Any, line: Any) -> None:
    """Do one of `periphery.stages.Operation` but noise."""
    places = len(line)
    if what == _MULTIPLY:
        for p in range(places):
            line[p] *= one
    elif what == _ADD:
        for p in range(places):
            line[p] += one
    elif what == _DIVIDE:
        for p in range(places):
            line[p] /= one
    else:
        for p in range(places):
            v = line[p]
            v = max(v, one)
            v = min(v, two)
            line[p] = v


@leaf
def _spread(base: Any, power: Any, drawn: Any, line: Any) -> None:
    """Add normal numbers of variances base + power + tiny."""
    kind = line.dtype.type
    tiny = kind(_TINY)
    for p in range(len(line)):
        line[p] += np.sqrt(base + power[p] + tiny) * kind(drawn[p])


@leaf
def _cell_noise(
    currents: Any, variance: Any, white: Any, keys: Any, first: Any, bounds: Any, words: Any,
    normals: Any,
) -> None:
    """Add the noise of the cells of a row of tiles, of variance + white + tiny."""
    kind = currents.dtype.type
    for a in range(len(bounds) - 1):
        for n in range(bounds[a], bounds[a + 1]):
            j = (n - bounds[a]) % 4
            if j == 0:
                draw_normals(keys[a], first, (n - bounds[a]) // 4, words, normals)
            if len(variance):
                _spread(white[n], variance[n], normals[j], currents[n])
            else:
                _plus_times(kind(np.sqrt(white[n] + kind(_TINY))), normals[j], currents[n])


@leaf
def _amplify(
    currents: Any, operations: Any, operands: Any, keys: Any, first: Any, bounds: Any, words: Any,
    normals: Any,
) -> None:
    """Do to every column what its amplifier does: `periphery.stages`, operands (n, 2, columns)."""
    for a in range(len(bounds) - 1):
        for n in range(bounds[a], bounds[a + 1]):
            line, j = currents[n], (n - bounds[a]) % 4
            for k in range(len(operations)):
                what, one, two = operations[k], operands[k, 0, n], operands[k, 1, n]
                if what != _NOISE:
                    _stage(what, one, two, line)
                    continue
                if j == 0:
                    draw_normals(keys[a], first, (n - bounds[a]) // 4, words, normals)
                _plus_times(one, normals[j], line)


@leaf
def _signal(
    currents: Any, first: int, minus: int, copies: int, spare: Any, out: Any
) -> None:
    """Fill out with the sum of `copies` columns, less that of those from `minus` on, if >= 0."""
    if copies == 1:
        _difference(currents[first], currents[minus], out)
        return
    _copy(currents[first], out)
    for c in range(1, copies):
        _plus(currents[first + c], out)
    if minus >= 0:
        _copy(currents[minus], spare)
        for c in range(1, copies):
            _plus(currents[minus + c], spare)
        _minus(spare, out)


@leaf
def _convert(
    t: int, currents: Any, signals: Any, copies: int, factors: Any, gains: Any, offsets: Any,
    tables: Any, bases: Any, most: Any, numbers: Any, shifts: Any, low: Any, step: Any,
    full_scale: Any, converts: bool, sigma: Any, keys: Any, first: Any, relative: Any, spare: Any,
    words: Any, normals: Any, out: Any,
) -> None:
    """Convert all signals of row t of the tiles, and add their values to out."""
    kind = currents.dtype.type
    one, zero = kind(1.0), kind(0.0)
    curved = tables.shape[2] > 0
    for s in range(len(signals)):
        column, minus = signals[s, 0], signals[s, 1]
        output, converter = signals[s, 2], signals[s, 3]
        plain = copies == 1 and minus < 0
        row = currents[column] if plain else relative
        if not plain:
            _signal(currents, column, minus, copies, spare, relative)
        line, factor, gain, offset = out[output], factors[t, s], gains[t, s], offsets[t, s]
        if not converts:
            _plus_times(factor, row, line)
            continue
        if not curved and sigma == zero:
            _convert_row(row, full_scale, gain, offset, low, step, full_scale, factor, line)
            continue
        _relative(row, full_scale, gain, offset, relative)
        if sigma > zero:
            array, number = signals[s, 4], signals[s, 5]
            if number % 4 == 0:
                draw_normals(keys[t, array], first, number // 4, words, normals)
            _plus_times(sigma, normals[number % 4], relative)
        if curved:
            _convert_curve(
                relative, low, step, full_scale, factor, tables[t, converter],
                bases[t, converter], most[t, converter], numbers[t, converter],
                shifts[t, converter], line,
            )
        else:
            _convert_row(relative, one, one, zero, low, step, full_scale, factor, line)


@leaf
def _sums(block: Any, nominal: Any, out: Any) -> None:
    """Fill out (places,) with what is on all lines, volts, or codes of `nominal` volts."""
    out[:] = 0
    for i in range(len(block)):
        line = block[i]
        if not len(nominal):
            _plus(line, out)
            continue
        for p in range(len(out)):
            code = line[p]
            out[p] += nominal[int(0 if math.isnan(code) else code)] + (code - code)


@leaf
def _correct(
    t: int, references: Any, scales: Any, baselines: Any, sums: Any, out: Any
) -> None:
    """Take off what references and a baseline count."""
    for k in range(len(references)):
        reference = out[references[k, 0]]
        for o in range(references[k, 1], references[k, 2]):
            _plus_times(-scales[t, o], reference, out[o])
        reference[:] = 0
    for o in range(baselines.shape[1]):
        _plus_times(-baselines[t, o], sums, out[o])


@strict
def read_block(
    flat: Any, geometry: Any, line_offsets: Any, constant: Any, begin: int,
    lines: Any, bounds: Any, weights: Any,
    level: Any, factor: Any, number: Any, lsb: Any, limited: bool, volts: Any, nominal: Any,
    driver_gains: Any, driver_offsets: Any, driver_curves: Any,
    noise_weights: Any, white: Any, noise_keys: Any,
    operations: Any, operands: Any, amplifier_keys: Any,
    signals: Any, copies: int, factors: Any, gains: Any, offsets: Any, tables: Any, bases: Any,
    most: Any, numbers: Any, shifts: Any, low: Any, step: Any, full_scale: Any, converts: bool,
    sigma: Any, converter_keys: Any,
    references: Any, scales: Any, baselines: Any, first: Any, room: Any, words: Any, normals: Any,
    out: Any,
) -> None:
    """Add what all tiles give for a block of places to out (outputs + references, places).

    Parameters
    ----------
    flat, geometry, line_offsets, constant : array, (9,) and (lines,) int64, float
        Images and `SLACK` numbers, in volts or codes; as in `runs_of`; where the lines' values
        are in it, -1 for the constant.
    begin : int
        First place.
    lines, bounds : (tiles + 1,), (arrays + 1,)
        Where the rows of tiles, and in them the columns of the arrays, begin and end.
    weights : flat array
        Of every row of tiles in turn its matrices, (columns, rows), siemens.
    level, factor, number, lsb, limited, volts
        As in `drive_lines`; no levels where the images are in volts.
    nominal : (codes,) array
        What codes stand for, volt.
    driver_gains, driver_offsets, driver_curves : (lines, arrays), the last (lines, arrays, numbers)
    noise_weights, white, noise_keys : flat, (tiles, columns), (tiles, arrays)
        As weights, from squared volts to the variance of the noise of cells, or empty; ampere^2
        that are always there, empty where cells are quiet.
    operations, operands, amplifier_keys : (n,), (tiles, n, 2, columns), (tiles, arrays)
    signals : (S, 6) int64
        Of every converter's signal its first column, the first that is subtracted or -1, the
        output it goes to, its converter's number among `tables`, its array, its number there.
    copies : int
        Columns that add up to a signal.
    factors, gains, offsets : (tiles, S)
        What a value counts; relative gain and offset of its converter.
    tables, bases, most, numbers, shifts
        As in `_convert_curve`: (tiles, converters, transitions + n), (tiles, converters, codes),
        (tiles, converters), (tiles, converters, transitions + 1), (tiles, converters); no
        transitions where converters are ideal.
    low, step, full_scale, converts, sigma, converter_keys
        Of converters, where there are any; their noise relative to full scale.
    references : (R, 3) int64
        Of every row of `out` that is to be subtracted itself, from which output on, to which.
    scales, baselines : (tiles, outputs)
        What a reference counts to each; what a volt on any line counts too much, or empty.
    first : uint64
        Number of the first read.
    room, words, normals : flat, (4, places) uint32 and float32
        Scratch; the latter of no places where nothing is drawn.
    out : (outputs + references, places)
    """
    places, columns, arrays = out.shape[1], bounds[-1], len(bounds) - 1
    coded, squared = len(level) > 0, len(noise_weights) > 0
    height = 0
    for t in range(len(lines) - 1):
        height = max(height, lines[t + 1] - lines[t])
    at = columns * places
    currents = room[:at].reshape(columns, places)
    relative, sums = room[at : at + places], room[at + places : at + 2 * places]
    spare = room[at + 2 * places : at + 3 * places]
    at += 3 * places
    table = room[at : at + len(level)]
    at += len(level)
    x = room[at : at + height * places + SLACK]
    at += height * places + SLACK
    size = height * places if coded else 0
    driven = room[at : at + size]
    at += size
    size = height * places if squared else 0
    squares = room[at : at + size]
    at += size
    size = columns if squared else 0
    variance = room[at : at + size * places].reshape(size, places)
    runs = runs_of(geometry, begin, places)
    spent = 0
    for t in range(len(lines) - 1):
        top, rows = lines[t], lines[t + 1] - lines[t]
        fill_lines(
            flat, runs, geometry[5], line_offsets[top : top + rows], constant, x, places
        )
        block = x[: rows * places].reshape(rows, places)
        if len(baselines):
            _sums(block, nominal, sums)
        pieces = arrays if coded else 1
        for a in range(pieces):
            begins, ends = (bounds[a], bounds[a + 1]) if coded else (bounds[0], bounds[-1])
            own = block
            if coded:
                own = driven[: rows * places].reshape(rows, places)
                drive_lines(
                    block, top, a, level, factor, number, lsb, limited, volts, driver_gains,
                    driver_offsets, driver_curves, table, own,
                )
            matrix = weights[spent + begins * rows : spent + ends * rows]
            np.dot(matrix.reshape(ends - begins, rows), own, currents[begins:ends])
            if squared:
                square = squares[: rows * places].reshape(rows, places)
                _square(own, square)
                matrix = noise_weights[spent + begins * rows : spent + ends * rows]
                np.dot(matrix.reshape(ends - begins, rows), square, variance[begins:ends])
        spent += columns * rows
        if len(white):
            _cell_noise(
                currents, variance, white[t], noise_keys[t], first, bounds, words, normals
            )
        if len(operations):
            _amplify(
                currents, operations, operands[t], amplifier_keys[t], first, bounds, words, normals
            )
        _convert(
            t, currents, signals, copies, factors, gains, offsets, tables, bases, most, numbers,
            shifts, low, step, full_scale, converts, sigma, converter_keys, first, relative,
            spare, words, normals, out,
        )
        _correct(t, references, scales, baselines, sums, out)


@leaf
def _square(x: Any, out: Any) -> None:
    for i in range(len(x)):
        _squared(x[i], out[i])


@leaf
def _squared(x: Any, out: Any) -> None:
    for p in range(len(x)):
        out[p] = x[p] * x[p]
