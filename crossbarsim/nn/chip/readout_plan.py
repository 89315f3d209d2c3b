"""What the compiled read-out needs of programmed tiles: their signals, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.validation import Array
from ...periphery import ADC
from ...periphery.adc import ADCErrors, moved_transitions
from ...periphery.grid import Grid
from ..config import CrossbarConfig
from ..mapping import Layout
from .programmed import ProgrammedTile

__all__ = ["GroupPlan", "plan_of", "with_views"]

Indices: TypeAlias = NDArray[np.int64]

_CURRENTS = 2**17  # held at a time by every thread: they stay in its cache
_FEWEST = 16  # places of a block, however many columns there are
_NO_CURVE: Array = np.zeros((1, 0))


@dataclass(frozen=True, eq=False)
class GroupPlan:
    """What the compiled pass needs of the tiles of one group of a matrix."""

    outputs: int
    columns: int
    copies: int
    grid: Grid
    full_scale: float | None
    weights: Array
    lines: Indices
    signals: Indices
    factors: Array
    gains: Array
    offsets: Array
    tables: Array
    shifts: Array
    references: Indices
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

    table: list[tuple[int, int, int]] = []
    counts: list[float] = []
    owners: list[tuple[int, int, int]] = []
    references: list[tuple[int, int, int]] = []
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
