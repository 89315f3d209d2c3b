"""Reading linear arrays with ideal amplifiers and converters in one compiled pass.

The same currents, codes and values as `readout` gives, without gradients: one product for a row of
tiles, all of its columns and both signs side by side, and one pass that converts, weighs and adds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ...core.compiled.threads import one_blas_thread, spread
from ...core.validation import Array
from ...periphery import ADC, Phase
from ...periphery.adc import ADCErrors, moved_transitions
from ...periphery.grid import Grid
from ..config import CrossbarConfig
from ..mapping import Layout, Orders
from .programmed import ProgrammedTile
from .readout import Reading, encoded

__all__ = ["GroupPlan", "Windows", "plan_of", "read_vectors", "read_windows", "with_views"]

Fill: TypeAlias = Callable[[slice], Array]

_CURRENTS = 2**17  # held at a time by every thread: they stay in its cache
_FEWEST = 16  # places of a block, however many columns there are
_NO_CURVE: Array = np.zeros((1, 0))
_ALONE = 2**22  # multiplications that one thread does before another has started


@dataclass(frozen=True)
class Windows:
    """The windows of a convolution over padded images (B, C, D, H, W), as triples."""

    kernel: tuple[int, int, int]
    stride: tuple[int, int, int]
    dilation: tuple[int, int, int]
    places: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class GroupPlan:
    """What the compiled pass needs of the tiles of one group of a matrix."""

    outputs: int
    columns: int
    copies: int
    grid: Grid
    full_scale: float | None
    weights: Array
    lines: Array
    signals: Array
    factors: Array
    gains: Array
    offsets: Array
    tables: Array
    shifts: Array
    references: Array
    scales: Array
    baselines: Array | None  # (tiles, outputs): what a volt on any line counts too much

    def read(self, x: Array, weight: float, full_scale: float, out: Array) -> None:
        """Add the values of a phase of voltages x (lines, places) to out (outputs, places)."""
        from .kernels_readout import read_block  # noqa: PLC0415 - numba

        kind = x.dtype.type
        whole = np.zeros((self.outputs + len(self.references), x.shape[1]), x.dtype)
        read_block(
            x, self.weights, self.lines, self.signals, self.copies, self.factors, self.gains,
            self.offsets, self.tables, self.shifts, self.references, self.scales,
            kind(self.grid.low), kind(self.grid.step), kind(self.full_scale or full_scale),
            np.empty((self.columns, x.shape[1]), x.dtype), whole,
        )
        values = whole[: self.outputs]
        if self.baselines is not None:
            for t, baseline in enumerate(self.baselines):
                driven = x[self.lines[t] : self.lines[t + 1]].sum(axis=0)
                values -= baseline[:, None] * driven
        out += kind(weight) * values

    def blocks(self, places: int, image: int | None = None) -> Iterator[slice]:
        """Yield the pieces in which so many places are read: of an image, or whole images."""
        step = max(_FEWEST, _CURRENTS // self.columns)
        span = places if image is None else image
        span *= max(1, step // span)
        for start in range(0, places, span):
            stop = min(start + span, places)
            for begin in range(start, stop, step):
                yield slice(begin, min(begin + step, stop))


def plan_of(
    tiles: Sequence[ProgrammedTile], config: CrossbarConfig
) -> list[GroupPlan] | None:
    """Return the plan of every group, or None where something needs the general read-out.

    That is: a gradient, vectors to be solved, noise, amplifiers with errors of their own, drivers
    with errors, no ADC.
    """
    periphery = config.periphery
    if periphery is None or periphery.adc is None or not config.linear:
        return None
    adc = periphery.adc
    if adc.noise or not periphery.sense.exact or periphery.sense.amplifier is None:
        return None
    for tile in tiles:
        for array in tile.arrays:
            if (
                array.matrix is None or array.matrix.requires_grad or array.readout is None
                or array.noise_matrix is not None
                or (array.drivers is not None and array.drivers.rows is not None)
            ):
                return None
    groups: dict[int, list[ProgrammedTile]] = {}
    for tile in tiles:
        groups.setdefault(tile.group, []).append(tile)
    return [_plan(groups[k], config, adc) for k in sorted(groups)]


def with_views(
    tiles: Sequence[ProgrammedTile], plans: Sequence[GroupPlan]
) -> list[ProgrammedTile]:
    """Return the tiles with matrices that are views of the plans', so that they are held once."""
    matrices: dict[int, Iterator[Tensor]] = {}
    ordered = sorted(tiles, key=lambda t: (t.group, t.rows.start, t.columns.start))
    for group, plan in zip(sorted({t.group for t in tiles}), plans, strict=True):
        shapes = [
            array.matrix.shape for tile in ordered if tile.group == group
            for array in tile.arrays if array.matrix is not None
        ]
        whole = torch.from_numpy(plan.weights)
        pieces = torch.split(whole, [shape.numel() for shape in shapes])
        matrices[group] = iter([p.view(s) for p, s in zip(pieces, shapes, strict=True)])
    found = {
        id(tile): replace(tile, arrays=tuple(
            replace(array, matrix=next(matrices[tile.group])) for array in tile.arrays
        )) for tile in ordered
    }
    return [found[id(tile)] for tile in tiles]


def read_vectors(plans: Sequence[GroupPlan], u: Tensor, reading: Reading) -> Tensor:
    """Return outputs (B, groups, outputs) over the input range of inputs u (B, groups, lines)."""
    result = np.zeros((len(plans), plans[0].outputs, len(u)), _type(u))
    for plan, own, out in zip(plans, u.unbind(1), result, strict=True):
        for phase, volts in _volts(encoded(own, reading), reading):
            x = volts.T
            if x.shape[1] != len(u):  # the same for all inputs
                once = np.zeros((plan.outputs, 1), out.dtype)
                plan.read(np.ascontiguousarray(x), phase.weight, _range(reading), once)
                out += once
                continue
            def emit(block: slice, values: Array, out: Array = out) -> None:
                out[:, block] += values

            blocks = plan.blocks(len(u))
            _each_block(plan, [(phase.weight, _columns(x))], blocks, emit, reading)
    return torch.from_numpy(result).permute(2, 0, 1)


def _columns(x: Array) -> Fill:
    return lambda block: np.ascontiguousarray(x[:, block])


def read_windows(
    plans: Sequence[GroupPlan], images: Tensor, scale: float, windows: Windows, bias: bool,
    orders: Orders, correction: tuple[Array, Array], reading: Reading,
) -> Tensor:
    """Return corrected outputs (B, groups * outputs, places) in the layer's order.

    Parameters
    ----------
    plans : sequence of GroupPlan
    images : (B, C, D, H, W) tensor
        Padded.
    scale : float
        Of the inputs.
    windows : Windows
    bias : bool
        Whether one more line is driven by `scale`.
    orders : Orders
    correction : two (groups * outputs,) arrays
        Every output's factor, and what is added.
    reading : Reading
        Of an encoding without constant phases.
    """
    from .kernels_readout import unfold_block  # noqa: PLC0415 - numba

    places, count = math.prod(windows.places), len(images)
    channels = images.shape[1] // len(plans)
    lines = channels * math.prod(windows.kernel)
    tops = _driven(torch.full((1, 1), scale, dtype=images.dtype), scale, reading)
    phases = [
        (weight, volts.reshape(images.shape), float(top[0, 0]))
        for (weight, volts), (_, top) in zip(
            _driven(images.reshape(1, -1), scale, reading), tops, strict=True
        )
    ]
    kernel, stride, dilation, size = (
        np.array(v, dtype=np.int64)
        for v in (windows.kernel, windows.stride, windows.dilation, windows.places)
    )
    result = np.empty((count, len(plans) * plans[0].outputs, places), _type(images))

    def fill(pixels: Array, top: float, group: int) -> Fill:
        def filled(block: slice) -> Array:
            x = np.empty((lines + bias, block.stop - block.start), pixels.dtype)
            unfold_block(
                pixels, group * channels, channels, kernel, stride, dilation, size, block.start, x
            )
            x[lines:] = top
            return x if orders.rows is None else x[orders.rows[group].numpy()]
        return filled

    for group, plan in enumerate(plans):
        own = slice(group * plan.outputs, (group + 1) * plan.outputs)
        factor, shift = (c[own, None].astype(result.dtype) for c in correction)
        order = None if orders.columns is None else orders.columns[group].argsort().numpy()

        def emit(
            block: slice, values: Array, own: slice = own, factor: Array = factor,
            shift: Array = shift, order: Any = order,
        ) -> None:
            if order is not None:
                values = values[order]
            values *= factor
            values += shift
            first, start = divmod(block.start, places)
            if block.stop - block.start <= places - start:  # within an image
                result[first, own, start : start + values.shape[1]] = values
            else:  # whole images
                whole = values.reshape(len(values), -1, places).swapaxes(0, 1)
                result[first : first + len(whole), own] = whole

        _each_block(
            plan, [(weight, fill(pixels, top, group)) for weight, pixels, top in phases],
            plan.blocks(count * places, places), emit, reading,
        )
    return torch.from_numpy(result)


def _driven(x: Tensor, scale: float, reading: Reading) -> list[tuple[float, Array]]:
    """Return the weight and the voltages of every phase of inputs (1, n), not over their range."""
    periphery, config = reading.periphery, reading.config
    if config.input_encoding != "bipolar" or periphery.dac is None:
        return [(p.weight, v) for p, v in _volts(encoded(x / scale, reading), reading)]
    from .kernels_readout import drive  # noqa: PLC0415 - numba

    kind, grid = _type(x), Grid(periphery.dac.bits, reading.signed_inputs)
    out = np.empty(tuple(x.shape), kind)
    drive(
        x.contiguous().numpy().ravel(), kind(scale), kind(grid.low), kind(grid.step),
        kind(config.read_voltage), out.ravel(),
    )
    return [(1.0, out)]


def _type(x: Tensor) -> Any:
    return np.float64 if x.dtype == torch.float64 else np.float32


def _volts(phases: Sequence[Phase], reading: Reading) -> list[tuple[Phase, Array]]:
    """Return every phase with its voltages, as the general read-out multiplies them."""
    found = []
    for phase in phases:
        mean: Any = sum(drive.share * drive.u for drive in phase.drives)
        found.append((phase, (mean * reading.config.read_voltage).numpy()))
    return found


def _range(reading: Reading) -> float:
    """Return the calibrated range; 1 where the ADC has its own, which then counts."""
    return 1.0 if reading.full_scale is None else reading.full_scale


def _each_block(
    plan: GroupPlan, phases: Sequence[tuple[float, Fill]], blocks: Iterable[slice],
    emit: Callable[[slice, Array], None], reading: Reading,
) -> None:
    """Read all blocks of places, on as many threads as torch has."""
    pieces = list(blocks)

    def work(k: int) -> None:
        block = pieces[k]
        values = np.zeros((plan.outputs, block.stop - block.start), plan.weights.dtype)
        for weight, filled in phases:
            plan.read(filled(block), weight, _range(reading), values)
        emit(block, values)

    if plan.columns * int(plan.lines[-1]) * pieces[-1].stop < _ALONE:
        for k in range(len(pieces)):
            work(k)
        return
    with one_blas_thread():
        spread(work, len(pieces), torch.get_num_threads())


@dataclass(frozen=True)
class _Signal:
    """One signal of a tile: columns of its arrays, where its value goes and what it counts."""

    first: int
    minus: int
    output: int  # -1: to the reference of the tile's outputs
    count: float
    array: int
    number: int  # among the signals that are converted at its array


def _signals(layout: Layout, outputs: int, subtraction: str) -> list[_Signal]:
    """Return the signals of a tile of so many outputs, in the order of `Layout.channels`."""
    width, copies = layout.columns(outputs), layout.copies
    heads = [planes[::copies] for planes in layout.arrays.values()]
    gains = [w * layout.digits.gain / copies for w in layout.digits.weights]

    def column(array: int, output: int, head: int) -> int:
        return array * width + (output * len(heads[array]) + head) * copies

    found = []
    if subtraction == "digital":
        for a, planes in enumerate(heads):
            number = 0
            for o in [*range(outputs), *([-1] if layout.reference_columns else [])]:
                for k, plane in enumerate(planes):
                    count = (-1.0 if plane.sign else 1.0) * gains[plane.digit]
                    first = column(a, outputs if o < 0 else o, k)
                    found.append(_Signal(first, -1, o, count, a, number))
                    number += 1
        return found
    where = {(p.sign, p.digit): (a, k) for a, own in enumerate(heads) for k, p in enumerate(own)}
    for home in layout.homes:
        digits = list(dict.fromkeys(p.digit for p in heads[home] if not p.sign))
        for o in range(outputs):
            for number, digit in enumerate(digits, start=o * len(digits)):
                a, k = where[0, digit]
                minus = -1
                if layout.reference_columns:
                    minus = column(a, outputs, k)
                elif (1, digit) in where:
                    other, side = where[1, digit]
                    minus = column(other, o, side)
                found.append(
                    _Signal(column(a, o, k), minus, o, gains[digit], home, number)
                )
    return found


def _plan(tiles: Sequence[ProgrammedTile], config: CrossbarConfig, adc: ADC) -> GroupPlan:
    """Return the plan of the tiles of one group."""
    layout, periphery = config.layout, config.periphery
    subtraction = "digital" if periphery is None else periphery.subtraction
    rows: dict[int, list[ProgrammedTile]] = {}
    for tile in sorted(tiles, key=lambda t: (t.rows.start, t.columns.start)):
        rows.setdefault(tile.rows.start, []).append(tile)
    first = next(iter(rows.values()))
    outputs = first[-1].columns.stop
    unit = config.read_voltage * config.span
    weights = torch.cat([
        array.matrix.flatten() for row in rows.values() for tile in row for array in tile.arrays
        if array.matrix is not None
    ])
    kind = weights.numpy().dtype
    readout = first[0].arrays[0].readout
    grid = Grid(adc.bits, readout is not None and readout.signed)

    table, counts, owners, references = [], [], [], []
    base = 0
    for k, tile in enumerate(first):
        own = tile.columns.stop - tile.columns.start
        reference = outputs + len(references)
        signals = _signals(layout, own, subtraction)
        for s in signals:
            target = reference if s.output < 0 else tile.columns.start + s.output
            table.append((base + s.first, s.minus if s.minus < 0 else base + s.minus, target))
            counts.append(s.count)
            owners.append((k, s.array, s.number // adc.columns))
        if any(s.output < 0 for s in signals):
            references.append((reference, tile.columns.start, tile.columns.stop))
        base += layout.columns(own) * len(layout.arrays)
    converters = {owner: n for n, owner in enumerate(dict.fromkeys(owners))}
    signals_of = np.array(
        [(*entry, converters[o]) for entry, o in zip(table, owners, strict=True)], dtype=np.int64
    )

    scales = np.stack([
        torch.cat([t.scale.reshape(-1) for t in row]).double().numpy() / unit
        for row in rows.values()
    ])
    errors = _Errors(list(rows.values()), list(converters), grid)
    each = signals_of[:, 3]
    every = np.concatenate([scales, np.ones((len(scales), len(references)))], axis=1)
    baselines = None
    if layout.offset:
        # in levels, which the voltages on the lines are to be divided by
        too_much = layout.baseline(config.g_on, config.g_off) / config.span
        baselines = (scales * unit * too_much / config.read_voltage).astype(kind)
    return GroupPlan(
        outputs, base, layout.copies, grid, adc.full_scale, weights.numpy(),
        np.array([*rows, next(reversed(rows.values()))[0].rows.stop]), signals_of,
        (np.array(counts) * every[:, signals_of[:, 2]]).astype(kind),
        errors.gains(weights)[:, each], errors.offsets(weights)[:, each], errors.tables(),
        errors.shifts(), np.array(references, dtype=np.int64).reshape(-1, 3),
        scales.astype(kind), baselines,
    )


class _Errors:
    """The errors of the converters of rows of tiles, in the numbers that `ADC.convert` takes."""

    def __init__(
        self, rows: Sequence[Sequence[ProgrammedTile]], owners: Sequence[tuple[int, int, int]],
        grid: Grid,
    ) -> None:
        self.owners, self.grid = owners, grid
        self.adcs = [
            [self._of(row[tile], array) for tile, array, _ in owners] for row in rows
        ]

    @staticmethod
    def _of(tile: ProgrammedTile, array: int) -> ADCErrors:
        readout = tile.arrays[array].readout
        return ADCErrors() if readout is None or readout.adcs is None else readout.adcs

    def _each(self, name: str, default: float, like: Tensor) -> Tensor:
        """Return one error of every converter (rows of tiles, converters), as `constant` does."""
        return torch.as_tensor(np.array([
            [
                default if getattr(errors, name) is None else getattr(errors, name)[number]
                for errors, (_, _, number) in zip(row, self.owners, strict=True)
            ] for row in self.adcs
        ]), dtype=like.dtype)

    def gains(self, like: Tensor) -> Array:
        """Return the gains."""
        result: Array = (1.0 + self._each("gain", 0.0, like)).numpy()
        return result

    def offsets(self, like: Tensor) -> Array:
        """Return the offsets, relative to full scale."""
        result: Array = (self.grid.step * self._each("offset", 0.0, like)).numpy()
        return result

    def tables(self) -> Array:
        """Return the transitions of every converter, moved by its shift; of none if ideal."""
        rows = []
        for row in self.adcs:
            moved: dict[int, Array] = {}  # of the converters of an array
            for errors in row:
                if errors.curve is not None and id(errors) not in moved:
                    moved[id(errors)] = moved_transitions(errors.curve)
            rows.append([
                moved.get(id(errors), _NO_CURVE)[number] if moved else _NO_CURVE[0]
                for errors, (_, _, number) in zip(row, self.owners, strict=True)
            ])
        return np.array(rows)

    def shifts(self) -> Array:
        """Return what a position is moved by before it is looked up, for every converter."""
        stride = self.grid.codes - 1 + 4.0
        return np.array([1.0 + stride * number for _, _, number in self.owners])
