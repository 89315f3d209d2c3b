"""One weight matrix on a chip: levels, orders of the lines, and its arrays ready to be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ..netlists.errors import ParameterError
from .chip import Block, Chip
from .config import CrossbarConfig
from .mapping import line_order, tiles, weight_scale
from .nonlinear import linearised_matrices
from .reading import ProgrammedArray, ProgrammedTile
from .reduce import reduce_arrays
from .wiring import Wiring

__all__ = ["Mode", "Orders", "Programmer"]

Mode = Literal["matrix", "cells", "surrogate"]
# Cells that are programmed and solved together, unless a gradient needs all at once.
_CELLS_AT_ONCE = 2**21


@dataclass(frozen=True, eq=False)
class Orders:
    """Which input and which output lies on every line, (groups, n) int64; None: as they come."""

    rows: Tensor | None = None
    columns: Tensor | None = None

    def arrange(self, whole: Tensor) -> Tensor:
        """Return matrices (groups, outputs, lines) in the chip's order."""
        if self.columns is not None:
            whole = whole.gather(1, self.columns.unsqueeze(2).expand_as(whole))
        if self.rows is not None:
            whole = whole.gather(2, self.rows.unsqueeze(1).expand_as(whole))
        return whole

    def restore(self, whole: Tensor) -> Tensor:
        """Return matrices (groups, outputs, lines) in the layer's order."""
        if self.rows is not None:
            whole = whole.gather(2, self.rows.argsort(dim=1).unsqueeze(1).expand_as(whole))
        if self.columns is not None:
            whole = whole.gather(1, self.columns.argsort(dim=1).unsqueeze(2).expand_as(whole))
        return whole

    def arrange_inputs(self, u: Tensor) -> Tensor:
        """Return inputs (B, groups, lines) in the chip's order."""
        return u if self.rows is None else u.gather(2, self.rows.expand_as(u))

    def restore_outputs(self, y: Tensor) -> Tensor:
        """Return outputs (B, groups, outputs) in the layer's order."""
        if self.columns is None:
            return y
        return y.gather(2, self.columns.argsort(dim=1).expand_as(y))


class Programmer:
    """Programs matrices (groups, outputs, lines) into the arrays of a chip.

    Parameters
    ----------
    config : CrossbarConfig
    chip : Chip
    groups, outputs, lines : int
    """

    def __init__(
        self, config: CrossbarConfig, chip: Chip, groups: int, outputs: int, lines: int
    ) -> None:
        self.config, self.chip = config, chip
        self.groups, self.outputs, self.lines = groups, outputs, lines

    def blocks(self) -> Iterator[Block]:
        """Yield the tiles of all groups."""
        height, width = self.config.tile_shape[0], self.config.weights_per_tile
        for group in range(self.groups):
            for tile in tiles(self.lines, self.outputs, height, width):
                yield Block(group, tile)

    def choose_orders(self, whole: Tensor) -> Orders:
        """Return the orders that the configuration asks for, for matrices in the layer's order."""
        choice, ends = self.config.reorder, self.config.line_ends
        load = whole.detach().abs()
        rows = columns = None
        if choice in ("rows", "both"):
            rows = torch.stack([
                line_order(one, self.config.tile_shape[0],
                           near_first=ends["bit_top"], near_last=ends["bit_bottom"])
                for one in load.sum(dim=1)
            ])
        if choice in ("columns", "both"):
            columns = torch.stack([
                line_order(one, self.config.weights_per_tile,
                           near_first=ends["word_left"], near_last=ends["word_right"])
                for one in load.sum(dim=2)
            ])
        return Orders(rows, columns)

    def levels(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Return levels (groups, lines, outputs) in [-1, 1], and scales (groups, 1, outputs)."""
        scale = torch.stack([
            weight_scale(one, self.config.scaling, self.config.clip_percentile).T
            .expand(1, self.outputs) for one in whole
        ])
        return (whole.transpose(1, 2) / scale).clamp(-1, 1), scale

    def of(self, levels: Tensor, block: Block) -> Tensor:
        """Return the levels of one tile, (rows, outputs)."""
        return levels[block.group, block.tile.rows, block.tile.columns]

    # -- matrices ----------------------------------------------------------------------------

    def matrices(self, levels: Tensor, wiring: Wiring) -> Iterator[tuple[Block, list[Tensor]]]:
        """Yield every tile and its arrays' effective matrices (N, M), siemens."""
        dtype = getattr(torch, self.config.precision)
        count = len(self.chip.layout.arrays)
        for chunk in self._chunks(levels.requires_grad):
            found = iter(reduce_arrays(
                [self.of(levels, block) for block in chunk], _Program(self.chip, chunk), wiring,
                dtype,
            ))
            for block in chunk:
                yield block, [next(found) for _ in range(count)]

    def _chunks(self, tracked: bool) -> Iterator[Sequence[Block]]:
        chunk: list[Block] = []
        cells = 0
        for block in self.blocks():
            chunk.append(block)
            rows, columns = self.chip.shape(block)
            cells += rows * columns * len(self.chip.layout.arrays)
            if cells >= _CELLS_AT_ONCE and not tracked:
                yield chunk
                chunk, cells = [], 0
        if chunk:
            yield chunk

    def effective(self, levels: Tensor, scale: Tensor, wiring: Wiring) -> Tensor:
        """Return the effective weights, (groups, outputs, lines), in the chip's order."""
        config, layout = self.config, self.chip.layout
        baseline = layout.baseline(config.g_on, config.g_off)
        lines: dict[tuple[int, int], list[Tensor]] = {}
        for block, matrices in self.matrices(levels, wiring):
            decoded = layout.decode([layout.channels(m.T) for m in matrices]) - baseline
            factor = scale[block.group, :, block.tile.columns] / config.span
            line = lines.setdefault((block.group, block.tile.index[0]), [])
            line.append(decoded * factor.to(decoded.dtype))
        groups: list[list[Tensor]] = [[] for _ in range(self.groups)]
        for (group, _), line in lines.items():
            groups[group].append(torch.cat(line, dim=1))
        return torch.stack([torch.cat(rows, dim=0).T for rows in groups])

    # -- arrays to be read -------------------------------------------------------------------

    def tiles(
        self, levels: Tensor, scale: Tensor, mode: Mode, *, signed_inputs: bool,
        needs_load: bool, samples: Tensor | None = None,
    ) -> list[ProgrammedTile]:
        """Return all tiles, ready to be read.

        Parameters
        ----------
        levels, scale
            From `levels`.
        mode : {"matrix", "cells", "surrogate"}
            Reduce every array, keep its cells, or linearise them at `samples`.
        signed_inputs, needs_load : bool
            As in `Reading`.
        samples : (S, groups, lines) tensor, volt
            Typical voltages, for "surrogate".
        """
        result = []
        for block, matrices, cells in self._arrays(levels, mode, samples):
            arrays = []
            shape = self.chip.shape(block)
            for k, name in enumerate(self.chip.layout.arrays):
                place = self.chip.place(block, name)
                matrix = matrices[k] if matrices else None
                conductance = cells[k] if cells else None
                load = None
                if needs_load:
                    load = matrix.sum(1) if matrix is not None else cells[k].sum(0)
                periphery = self.config.periphery
                arrays.append(ProgrammedArray(
                    place, matrix, conductance, None if load is None else load.detach(),
                    readout=None if periphery is None else periphery.fabricate(
                        place, shape[1], encoding=self.config.input_encoding,
                        signed_inputs=signed_inputs,
                    ),
                    drivers=None if periphery is None else periphery.drivers(place, shape[0]),
                ))
            result.append(ProgrammedTile(
                block.group, block.tile.rows, block.tile.columns, tuple(arrays),
                scale[block.group, :, block.tile.columns],
            ))
        return result

    def _arrays(
        self, levels: Tensor, mode: Mode, samples: Tensor | None
    ) -> Iterator[tuple[Block, list[Tensor], list[Tensor]]]:
        """Yield every tile with its arrays' matrices or cells; the other list is empty."""
        wiring = self.config.wiring
        if mode == "matrix":
            for block, matrices in self.matrices(levels, wiring):
                yield block, matrices, []
            return
        for block in self.blocks():
            cells = self.chip.program(block, self.of(levels, block))
            if mode == "cells":
                yield block, [], cells
                continue
            if samples is None:
                raise ParameterError(
                    f'{self.chip.name!r}: `path` "surrogate" linearises at typical inputs: '
                    "call calibrate(model, loader) first"
                )
            at = samples[:, block.group, block.tile.rows]
            effects: Any = self.config.nonidealities
            matrices = linearised_matrices(
                cells, effects.iv, [at] * len(cells), **wiring.options
            )
            dtype = getattr(torch, self.config.precision)
            yield block, [m.to(dtype) for m in matrices], []


@dataclass(frozen=True, eq=False)
class _Program:
    """Levels of several tiles to the conductances of all of their arrays."""

    chip: Chip
    blocks: Sequence[Block]

    def __call__(self, levels: Sequence[Tensor]) -> list[Tensor]:
        return self.chip.program_all(self.blocks, levels)
