"""What the compiled read-out needs of programmed tiles: their signals, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....core.compiled.workspace import scratch
from ....core.validation import Array
from ....nonidealities import ReadNoise
from ....periphery import ADC, Periphery
from ....periphery.grid import Grid
from ....periphery.stages import DriverLaw, driver_laws
from ...config import CrossbarConfig
from ...mapping import Layout
from ..programmed import ProgrammedTile
from .errors import (
    ConverterErrors,
    Indices,
    Keys,
    Rows,
    amplifier_operands,
    cell_noise,
    draws,
    driver_errors,
    keys,
)

__all__ = ["GroupPlan", "plan_of", "with_views"]

_BYTES = 2**19  # of currents held at a time by every thread: they stay in its cache
_FEWEST = 16  # places of a block, however many columns there are


@dataclass(eq=False)
class GroupPlan:
    """What the compiled pass needs of the tiles of one group of a matrix.

    Attributes
    ----------
    outputs, columns, arrays : int
        Of the group; all columns and arrays of a row of tiles.
    lines, bounds : int64 arrays
        Where the rows of tiles, and in them the columns of the arrays, begin and end.
    weights : flat array
        Of every row of tiles in turn its matrices, (columns, rows), siemens.
    laws : list of DriverLaw or None
        Of every phase, where drivers have errors: they are given codes then.
    noisy : bool
        Whether reads differ from each other.
    """

    outputs: int
    columns: int
    lines: Indices
    bounds: Indices
    weights: Array
    laws: list[DriverLaw] | None
    noisy: bool
    _rows: Rows
    _volts: float
    _drivers: tuple[Array, Array, Array]
    _nominal: list[Array]
    _noise: tuple[Array, Array]
    _amplifiers: tuple[Indices, Array]
    _converters: tuple[Any, ...]
    _adc: ADC | None
    _corrections: tuple[Indices, Array, Array]
    _arguments: dict[tuple[int, float], tuple[tuple[Any, ...], tuple[Any, ...]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        self._height = int(np.diff(self.lines).max())

    def read(
        self, source: tuple[Any, ...], begin: int, count: int, phase: int, full_scale: float,
        first: int, out: Array,
    ) -> None:
        """Add the values of one phase at `count` places to out (outputs, places).

        Parameters
        ----------
        source : tuple
            flat, geometry, line_offsets, constant of `read_block`; codes where there are `laws`.
        begin, count : int
            Places.
        phase : int
        full_scale : float
            Of the converters, ampere, where they have none of their own.
        first : int
            Number of the read at the first place.
        out : (outputs, places) array
        """
        from .kernels_readout import read_block  # noqa: PLC0415 - numba

        kind, extra = self.weights.dtype, len(self._corrections[0])
        before, after = self._of_phase(phase, full_scale)
        room = scratch("read-out block", -(-self._room(phase, count) * kind.itemsize // 8))
        drawn = count if self.noisy else 0
        whole = np.zeros((self.outputs + extra, count), kind) if extra else out
        run: Any = read_block
        run(
            *source, begin, *before, *after, np.uint64(first), room.view(kind),
            np.empty((4, drawn), np.uint32), np.empty((4, drawn), np.float32), whole,
        )
        if extra:
            out += whole[: self.outputs]

    def _of_phase(self, phase: int, full_scale: float) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return what `read_block` takes that is the same for all blocks."""
        known = self._arguments.get((phase, full_scale))
        if known is not None:
            return known
        kind = self.weights.dtype.type
        none = np.zeros(0, kind)
        law: tuple[Any, ...] = (
            none, none, np.zeros(0, np.int64), kind(0), False, kind(0), none
        )
        gains, offsets, curves = self._drivers
        if self.laws is not None:
            own = self.laws[phase]
            level, factor = np.asarray(own.level), np.asarray(own.factor)
            number = np.zeros(len(level), np.int64)
            if own.number is None:
                curves = curves[:, :, :0].copy()
            else:
                number = np.asarray(own.number).astype(np.int64)
            law = (level, factor, number, kind(own.lsb), own.limited, kind(self._volts),
                   self._nominal[phase])
        cells, amplifiers, converters = self._phase_keys(phase)
        grid: Grid = self._converters[-1]
        sigma, adc = 0.0, self._adc
        if adc is not None:
            full_scale = adc.full_scale or full_scale
            unit = float(grid.step) if adc.noise_unit == "lsb" else 1.0 / full_scale
            sigma = adc.noise * unit
        found = (
            (self.lines, self.bounds, self.weights, *law, gains, offsets, curves),
            (*self._noise, cells, *self._amplifiers, amplifiers, *self._converters[:-1],
             kind(grid.low), kind(grid.step), kind(full_scale), adc is not None, kind(sigma),
             converters, *self._corrections),
        )
        self._arguments[phase, full_scale] = found
        return found

    def _room(self, phase: int, count: int) -> int:
        """Return how many numbers `read_block` needs for so many places."""
        codes = 0 if self.laws is None else len(self.laws[phase].level)
        squared = len(self._noise[0]) > 0
        lines = self._height * (1 + (codes > 0) + squared)
        return int(count * (self.columns * (1 + squared) + 3 + lines) + codes + 8)

    def _phase_keys(self, phase: int) -> tuple[Keys, Keys, Keys]:
        """Return the keys of the draws of cells, amplifiers and converters in a phase."""
        none = np.zeros((0, 0), np.uint64)
        return (
            keys(self._rows, f"read noise {phase}") if len(self._noise[1]) else none,
            keys(self._rows, "amplifier noise", phase) if draws(self._amplifiers[0]) else none,
            keys(self._rows, "adc noise", phase) if self._adc and self._adc.noise else none,
        )

    def blocks(self, places: int) -> Iterator[slice]:
        """Yield the pieces in which so many places are read."""
        width = self.columns * (2 if len(self._noise[1]) else 1) * self.weights.itemsize
        step = max(_FEWEST, _BYTES // width)
        step = -(-places // max(1, -(-places // step)))  # of about one length
        for start in range(0, places, step):
            yield slice(start, min(start + step, places))


def plan_of(
    tiles: Sequence[ProgrammedTile], config: CrossbarConfig, *, signed: bool
) -> list[GroupPlan] | None:
    """Return the plan of every group, or None where something needs the general read-out.

    That is: a gradient, vectors to be solved, shot or telegraph noise.
    """
    if not config.linear:
        return None
    noise = None if config.nonidealities is None else config.nonidealities.noise
    if noise is not None and not (isinstance(noise, ReadNoise) and noise.linear_in_squares):
        return None
    if any(
        array.matrix is None or array.matrix.requires_grad
        for tile in tiles for array in tile.arrays
    ):
        return None
    groups: dict[int, list[ProgrammedTile]] = {}
    for tile in tiles:
        groups.setdefault(tile.group, []).append(tile)
    return [_plan(groups[k], config, signed=signed) for k in sorted(groups)]


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


def _plan(
    tiles: Sequence[ProgrammedTile], config: CrossbarConfig, *, signed: bool
) -> GroupPlan:
    """Return the plan of the tiles of one group."""
    layout, around = config.layout, config.periphery or Periphery()
    sorted_rows: dict[int, list[ProgrammedTile]] = {}
    for tile in sorted(tiles, key=lambda t: (t.rows.start, t.columns.start)):
        sorted_rows.setdefault(tile.rows.start, []).append(tile)
    rows = list(sorted_rows.values())
    first = rows[0]
    outputs = first[-1].columns.stop
    unit = config.read_voltage * config.span
    weights = torch.cat([
        array.matrix.flatten() for row in rows for tile in row for array in tile.arrays
        if array.matrix is not None
    ])
    kind = weights.numpy().dtype
    adc = around.adc or ADC()
    readout = first[0].arrays[0].readout
    grid = Grid(adc.bits, readout is not None and readout.signed)

    table: list[tuple[int, int, int, int, int]] = []
    counts: list[float] = []
    owners: list[tuple[int, int, int]] = []
    references: list[tuple[int, int, int]] = []
    base, per_tile, bounds = 0, len(layout.arrays), [0]
    for k, tile in enumerate(first):
        own = tile.columns.stop - tile.columns.start
        reference = outputs + len(references)
        signals = _signals(layout, own, around.subtraction)
        for s in signals:
            target = reference if s.output < 0 else tile.columns.start + s.output
            minus = s.minus if s.minus < 0 else base + s.minus
            table.append((base + s.first, minus, target, k * per_tile + s.array, s.number))
            counts.append(s.count)
            owners.append((k, s.array, s.number // adc.columns))
        if any(s.output < 0 for s in signals):
            references.append((reference, tile.columns.start, tile.columns.stop))
        for _ in layout.arrays:
            base += layout.columns(own)
            bounds.append(base)
    converters = {owner: n for n, owner in enumerate(dict.fromkeys(owners))}
    signals_of = np.array([
        (*entry[:3], converters[o], *entry[3:]) for entry, o in zip(table, owners, strict=True)
    ], dtype=np.int64)

    scales = np.stack([
        torch.cat([t.scale.reshape(-1) for t in row]).double().numpy() / unit for row in rows
    ])
    errors = ConverterErrors(rows, list(converters), grid)
    each = signals_of[:, 3]
    every = np.concatenate([scales, np.ones((len(scales), len(references)))], axis=1)
    baselines = np.zeros((0, 0), kind)
    if layout.offset:
        # in levels, which the voltages on the lines are to be divided by
        too_much = layout.baseline(config.g_on, config.g_off) / config.span
        baselines = (scales * unit * too_much / config.read_voltage).astype(kind)
    lines = np.array([*sorted_rows, rows[-1][0].rows.stop])

    laws, nominal, drivers = _drivers(rows, config, weights, signed=signed)
    amplifiers: tuple[Indices, Array] = (
        np.zeros(0, np.int64), np.zeros((len(rows), 0, 2, base), kind)
    )
    if not around.sense.exact:
        amplifiers = amplifier_operands(rows, around.sense, weights)
    noise = np.zeros(0, kind), np.zeros((0, 0), kind)
    effects = config.nonidealities
    if effects is not None and isinstance(effects.noise, ReadNoise):
        squares, white = cell_noise(rows, effects.noise, effects.temperature, layout)
        noise = (noise[0] if squares is None else squares), white
    noisy = bool(len(noise[1]) or draws(amplifiers[0]) or (around.adc and around.adc.noise))
    return GroupPlan(
        outputs, base, lines, np.array(bounds), weights.numpy(), laws, noisy, rows,
        config.read_voltage, drivers, nominal, noise, amplifiers,
        (signals_of, layout.copies, (np.array(counts) * every[:, signals_of[:, 2]]).astype(kind),
         errors.gains(weights)[:, each], errors.offsets(weights)[:, each],
         *errors.curves(), errors.shifts(), grid),
        around.adc,
        (np.array(references, dtype=np.int64).reshape(-1, 3), scales.astype(kind), baselines),
    )


def _drivers(
    rows: Rows, config: CrossbarConfig, like: Tensor, *, signed: bool
) -> tuple[list[DriverLaw] | None, list[Array], tuple[Array, Array, Array]]:
    """Return the laws of drivers with errors, their nominal voltages, and the errors."""
    kind = like.numpy().dtype
    none = np.zeros((0, 0), kind), np.zeros((0, 0), kind), np.zeros((0, 0, 0), kind)
    errors = driver_errors(rows, like)
    if errors is None or config.periphery is None or config.periphery.dac is None:
        return None, [], none
    dac = config.periphery.dac
    laws = driver_laws(config.input_encoding, dac, like, signed=signed)
    nominal = [
        np.asarray(law.level * law.factor * config.read_voltage) for law in laws
    ]
    gains, offsets, curves = errors
    return laws, nominal, (gains, kind.type(laws[0].lsb) * offsets, curves)
