"""Errors of the drivers, amplifiers and converters of a group, and the noise of its cells.

In the numbers that `DAC.convert`, the amplifiers' `read`, `ADC.convert` and `ReadNoise.sample`
take, in the order in which the arrays stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....core.draws import Place
from ....core.validation import Array
from ....nonidealities import ReadNoise
from ....periphery.adc import ADCErrors, moved_transitions
from ....periphery.dac import DACErrors
from ....periphery.grid import Grid
from ....periphery.stages import Operation, stages
from ...mapping import Layout
from ..programmed import ProgrammedArray, ProgrammedTile

__all__ = [
    "ConverterErrors", "Indices", "Keys", "Rows", "amplifier_operands", "cell_noise", "draws",
    "driver_errors", "keys", "lookup",
]

_EDGE = 0.5 + 2.0**-6  # of an LSB around a code; what 16 bits round off in single precision fits in

Indices: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]
Rows: TypeAlias = Sequence[Sequence[ProgrammedTile]]  # row of tiles by row of tiles


def _arrays(row: Sequence[ProgrammedTile]) -> list[ProgrammedArray]:
    return [array for tile in row for array in tile.arrays]


def keys(rows: Rows, effect: str, phase: int | None = None) -> Keys:
    """Return the keys of an effect's draws, (rows of tiles, arrays) uint64.

    With a phase of the periphery, as `chip.readout` names its places.
    """
    def key(place: Place) -> int:
        if phase is not None:
            name = f"{place.array} phase {phase}"
            place = Place(place.seed, place.layer, name, place.tile)
        return place.key(effect)

    return np.array([[key(a.place) for a in _arrays(row)] for row in rows], dtype=np.uint64)


def driver_errors(rows: Rows, like: Tensor) -> tuple[Array, Array, Array] | None:
    """Return gains 1 + e (lines, arrays), offsets, in LSB, and curves (lines, arrays, numbers).

    None where no driver has an error; no numbers where there is no curve.
    """
    every = [[a.drivers or DACErrors() for a in _arrays(row)] for row in rows]
    if all(errors.rows is None for row in every for errors in row):
        return None
    counts = [row[0].rows.stop - row[0].rows.start for row in rows]
    numbers = max(
        (e.curve.shape[1] for row in every for e in row if e.curve is not None), default=0
    )

    def together(name: str, default: float, *shape: int) -> Tensor:
        return torch.from_numpy(np.concatenate([
            np.stack([
                np.full((count, *shape), default) if getattr(e, name) is None else getattr(e, name)
                for e in row
            ], axis=1) for count, row in zip(counts, every, strict=True)
        ])).to(like.dtype)

    gains, offsets = 1.0 + together("gain", 0.0), together("offset", 0.0)
    curves = together("curve", 0.0, numbers)
    return gains.numpy(), offsets.numpy(), curves.numpy()


def amplifier_operands(rows: Rows, sense: Any, like: Tensor) -> tuple[Indices, Array]:
    """Return the operations of all amplifiers, and (tiles, operations, 2, columns) operands."""
    operations: list[int] = []
    found = []
    for row in rows:
        parts = []
        for array in _arrays(row):
            if array.matrix is None or array.readout is None:
                raise AssertionError("read by matrices, by its own read-out")
            columns = len(array.matrix)
            steps = stages(
                sense, array.readout.amplifiers, array.load, like.new_zeros(1, columns)
            )
            operations = [int(step.operation) for step in steps]
            parts.append(np.array([
                [torch.as_tensor(v, dtype=like.dtype).expand(columns).numpy()
                 for v in (step.first, step.second)] for step in steps
            ]).reshape(len(steps), 2, columns))
        found.append(np.concatenate(parts, axis=2))
    return np.array(operations, dtype=np.int64), np.array(found).astype(like.numpy().dtype)


def draws(operations: Indices) -> bool:
    """Whether amplifiers draw for every read."""
    return int(Operation.NOISE) in operations


def cell_noise(
    rows: Rows, noise: ReadNoise, temperature: float, layout: Layout
) -> tuple[Array | None, Array]:
    """Return what squared voltages make of the noise's variance, as the matrices lie, and white.

    The former None where only white noise is there; the latter (tiles, columns).
    """
    weights, white = [], []
    for row in rows:
        base = []
        for array in _arrays(row):
            if array.noise_matrix is None or array.noisy_cells is None:
                raise AssertionError("only called with noise")
            cells = array.noisy_cells.to(array.noise_matrix)
            own, squares = noise.linear_variance(array.noise_matrix, cells, temperature)
            base.append(own.numpy())
            if squares is not None:
                weights.append(layout.squares_by_input(squares).numpy().ravel())
        white.append(np.concatenate(base))
    return (np.concatenate(weights) if weights else None), np.array(white)


def lookup(curve: Array) -> tuple[Array, Array, Indices]:
    """Return how the codes of ADCs with curves (adcs, transitions) are found without a search.

    Their moved transitions behind -inf and before inf (adcs, transitions + n); how many of them lie
    below the LSB around every ideal code, (adcs, codes) uint32; how many lie in one at most.
    """
    adcs, transitions = curve.shape
    moved = moved_transitions(curve)
    first = (1.0 + (transitions + 4.0) * np.arange(adcs))[:, None] + np.arange(transitions + 1)
    before = transitions * np.arange(adcs)[:, None]
    below, within = (
        np.clip(np.searchsorted(moved.ravel(), first + edge, side="right") - before, 0, transitions)
        for edge in (-_EDGE, _EDGE)
    )
    most = (within - below).max(axis=1)
    table = np.full((adcs, transitions + 3 + max(4, int(most.max()))), np.inf)
    table[:, 0], table[:, 1 : transitions + 1] = -np.inf, moved
    return table, below.astype(np.uint32), most


@dataclass(frozen=True)
class _Owner:
    """A converter: the tile in its row, the array of the tile, and the converter's number there."""

    tile: int
    array: int
    number: int


class ConverterErrors:
    """The errors of the converters of rows of tiles, in the numbers that `ADC.convert` takes."""

    def __init__(self, rows: Rows, owners: Sequence[tuple[int, int, int]], grid: Grid) -> None:
        self.owners, self.grid = [_Owner(*owner) for owner in owners], grid
        self.adcs = [[self._of(row[o.tile], o.array) for o in self.owners] for row in rows]

    @staticmethod
    def _of(tile: ProgrammedTile, array: int) -> ADCErrors:
        readout = tile.arrays[array].readout
        return ADCErrors() if readout is None or readout.adcs is None else readout.adcs

    def _each(self, name: str, default: float, like: Tensor) -> Tensor:
        """Return one error of every converter (rows of tiles, converters), as `constant` does."""
        return torch.as_tensor(np.array([
            [
                default if getattr(errors, name) is None else getattr(errors, name)[owner.number]
                for errors, owner in zip(row, self.owners, strict=True)
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

    def curves(self) -> tuple[Array, Array, Indices, Indices]:
        """Return tables, bases, most and numbers (rows of tiles, converters, ...): see `lookup`.

        The last are codes by the number of transitions below, none where they are the same.
        """
        found = {id(e): e for row in self.adcs for e in row if e.curve is not None}
        shape = len(self.adcs), len(self.owners)
        if not found:
            none = np.zeros((*shape, 0))
            return (none, none.astype(np.uint32), np.zeros(shape, np.int64),
                    none.astype(np.int64))
        known = {key: lookup(e.curve) for key, e in found.items() if e.curve is not None}

        def every(parts: dict[int, Any], fill: Any) -> Any:
            """Return the parts of all converters, those of some arrays as long as the longest."""
            longest = max(part.shape[1] for part in parts.values())
            padded = {
                key: np.pad(part, ((0, 0), (0, longest - part.shape[1])), constant_values=fill)
                for key, part in parts.items()
            }
            return np.array([
                [padded[id(e)][o.number] for e, o in zip(row, self.owners, strict=True)]
                for row in self.adcs
            ])

        numbers = {key: e.codes for key, e in found.items() if e.codes is not None}
        return (
            every({key: table for key, (table, _, _) in known.items()}, np.inf),
            every({key: base for key, (_, base, _) in known.items()}, 0),
            every({key: most[:, None] for key, (_, _, most) in known.items()}, 0)[:, :, 0],
            every(numbers, 0) if numbers else np.zeros((*shape, 0), np.int64),
        )

    def shifts(self) -> Array:
        """Return what positions are moved by before they are looked up, (rows, converters)."""
        return np.array([
            [
                1.0 + (4.0 + (0 if e.curve is None else e.curve.shape[1])) * owner.number
                for e, owner in zip(row, self.owners, strict=True)
            ] for row in self.adcs
        ])
