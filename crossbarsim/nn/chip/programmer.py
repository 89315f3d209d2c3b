"""One weight matrix on a chip: from levels to arrays that are ready to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from ...core.errors import ParameterError
from ..born import BornNetwork, born_network
from ..config import CrossbarConfig
from ..mapping import Orders, even_parts, line_order, tiles, weight_scale
from ..nonlinear import linearised_matrices
from ..wiring import Wiring
from .chip import Block, Chip
from .effective_matrices import reduce_arrays
from .programmed import ProgrammedArray, ProgrammedTile

__all__ = ["Mode", "Programmer"]

Mode = Literal["matrix", "cells", "born", "surrogate"]
# Cells that are programmed and solved together, unless a gradient needs all at once.
_CELLS_AT_ONCE = 2**21


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
        height, width = self._tile
        for group in range(self.groups):
            for tile in tiles(self.lines, self.outputs, height, width):
                yield Block(group, tile)

    @property
    def _tile(self) -> tuple[int, int]:
        """Lines and outputs of a tile."""
        height, width = self.config.inputs_per_tile, self.config.weights_per_tile
        if self.config.tiling == "full":
            return height, width
        return even_parts(self.lines, height), even_parts(self.outputs, width)

    def tile_of_line(self, orders: Orders) -> Tensor:
        """Return the row of tiles of every line, (groups, lines), in the layer's order."""
        places = torch.arange(self.lines).expand(self.groups, -1)
        if orders.rows is not None:
            places = orders.rows.argsort(dim=1)
        return places // self._tile[0]

    def gained(
        self, tiles: Sequence[ProgrammedTile], gain: Tensor, orders: Orders
    ) -> list[ProgrammedTile]:
        """Return the tiles with the gains (rows of tiles, groups * outputs) in their scales."""
        own = gain.reshape(len(gain), self.groups, self.outputs)
        if orders.columns is not None:
            own = own.gather(2, orders.columns.expand(own.shape))
        return [
            replace(tile, scale=tile.scale * own[
                tile.rows.start // self._tile[0], tile.group, tile.columns
            ].to(tile.scale.dtype)) for tile in tiles
        ]

    def choose_orders(self, whole: Tensor) -> Orders:
        """Return the orders that the configuration asks for, for matrices in the layer's order."""
        choice, ends = self.config.reorder, self.config.line_ends
        load = whole.detach().abs()
        rows = columns = None
        if choice in ("rows", "both"):
            rows = torch.stack([
                line_order(one, self._tile[0],
                           near_first=ends["bit_top"], near_last=ends["bit_bottom"])
                for one in load.sum(dim=1)
            ])
        if choice in ("columns", "both"):
            columns = torch.stack([
                line_order(one, self._tile[1],
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

    def matrices(
        self, levels: Tensor, wiring: Wiring
    ) -> Iterator[tuple[Block, list[Tensor], list[Tensor]]]:
        """Yield every tile, its arrays' effective matrices (N, M) and cells (M, N), siemens.

        The cells are constants: the gradient runs through the matrices.
        """
        dtype = getattr(torch, self.config.precision)
        count = len(self.chip.layout.arrays)
        # with a gradient all tiles are one chunk
        held = self.chip.held if levels.requires_grad and not wiring.ideal else None
        for chunk in self._chunks(levels.requires_grad):
            program = _Program(self.chip, chunk)
            parts = [self.of(levels, block) for block in chunk]
            places = [self.chip.place(block, a) for block in chunk for a in self.chip.layout.arrays]
            if held is not None and not held.begin(places):
                program(parts)  # constants, and the draws of a disturbance
                matrices = held.follow(places, program(parts), dtype)
                cells = program.first()
            else:
                matrices = reduce_arrays(parts, program, wiring, dtype)
                cells = program.first()
                if held is not None:
                    held.reduced(places, cells, matrices)
            for k, block in enumerate(chunk):
                own = slice(k * count, (k + 1) * count)
                yield block, matrices[own], cells[own]

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

    def effective(
        self, levels: Tensor, scale: Tensor, wiring: Wiring, drift: Tensor | None = None
    ) -> Tensor:
        """Return the effective weights, (groups, outputs, lines), in the chip's order."""
        config, layout = self.config, self.chip.layout
        factors = self._factors(drift)
        baseline = layout.baseline(config.g_on, config.g_off)
        lines: dict[tuple[int, int], list[Tensor]] = {}
        for block, matrices, _ in self.matrices(levels, wiring):
            parts = [layout.channels(layout.by_input(m).T) for m in matrices]
            decoded = layout.decode(parts) - baseline
            factor = _scaled(scale, block, factors) / config.span
            line = lines.setdefault((block.group, block.tile.index[0]), [])
            line.append(decoded * factor.to(decoded.dtype))
        groups: list[list[Tensor]] = [[] for _ in range(self.groups)]
        for (group, _), line in lines.items():
            groups[group].append(torch.cat(line, dim=1))
        return torch.stack([torch.cat(rows, dim=0).T for rows in groups])

    # -- arrays to be read -------------------------------------------------------------------

    def tiles(
        self, levels: Tensor, scale: Tensor, mode: Mode, *, needs_load: bool,
        drift: Tensor | None = None, samples: Tensor | None = None,
    ) -> list[ProgrammedTile]:
        """Return all tiles, but for the amplifiers and converters of `equipped`.

        Parameters
        ----------
        levels, scale
            From `levels`.
        mode : {"matrix", "cells", "born", "surrogate"}
            Reduce every array, keep its cells, also expand their currents to first order, or
            linearise them at `samples`.
        needs_load : bool
            As in `Reading`.
        drift : (outputs of all tiles,) tensor, optional
            Factors that compensate drift.
        samples : (S, groups, lines) tensor, volt
            Typical voltages, for "born" and "surrogate".
        """
        result, factors = [], self._factors(drift)
        for block, matrices, cells in self._arrays(levels, mode, samples):
            arrays = [
                self._array(block, k, matrices[k] if matrices else None, cells[k], needs_load)
                for k in range(len(cells))
            ]
            if mode == "born":
                arrays = [replace(array, born=self._born(block, g, samples))
                          for array, g in zip(arrays, cells, strict=True)]
            result.append(ProgrammedTile(
                block.group, block.tile.rows, block.tile.columns, tuple(arrays),
                _scaled(scale, block, factors),
            ))
        return result

    def _factors(self, drift: Tensor | None) -> dict[tuple[Any, ...], Tensor]:
        """Return the factors (outputs,) of every tile; none where there are none."""
        if drift is None:
            return {}
        blocks = list(self.blocks())
        parts = torch.split(drift, [block.tile.shape[1] for block in blocks])
        return {(b.group, b.tile.index): part for b, part in zip(blocks, parts, strict=True)}

    def _array(
        self, block: Block, number: int, matrix: Tensor | None, cells: Tensor, needs_load: bool
    ) -> ProgrammedArray:
        config = self.config
        place = self.chip.place(block, list(self.chip.layout.arrays)[number])
        noise_matrix = None
        noisy = config.nonidealities is not None and config.nonidealities.noise is not None
        if noisy:
            noise_matrix = matrix
            if matrix is None:  # of the conductances at low field
                noise_matrix = torch.from_numpy(config.wiring.matrices([cells])[0])
        return ProgrammedArray(
            place, None if matrix is None else self.chip.layout.by_input(matrix),
            cells if matrix is None else None,
            cells.detach().sum(0) if needs_load else None,
            noise_matrix=noise_matrix, noisy_cells=cells.detach() if noisy else None,
        )

    def equipped(
        self, tiles: Sequence[ProgrammedTile], *, signed_inputs: bool
    ) -> list[ProgrammedTile]:
        """Return the tiles with their amplifiers and converters."""
        periphery = self.config.periphery
        if periphery is None:
            return list(tiles)
        result = []
        for tile in tiles:
            rows = tile.rows.stop - tile.rows.start
            columns = self.chip.layout.columns(tile.columns.stop - tile.columns.start)
            result.append(replace(tile, arrays=tuple(
                replace(
                    array, drivers=periphery.drivers(array.place, rows),
                    readout=periphery.fabricate(
                        array.place, columns, encoding=self.config.input_encoding,
                        signed_inputs=signed_inputs, opposed=self.chip.layout.opposed,
                    ),
                ) for array in tile.arrays
            )))
        return result

    def _arrays(
        self, levels: Tensor, mode: Mode, samples: Tensor | None
    ) -> Iterator[tuple[Block, list[Tensor], list[Tensor]]]:
        """Yield every tile with its arrays' matrices, where there are any, and cells."""
        wiring = self.config.wiring
        if mode == "matrix":
            yield from self.matrices(levels, wiring)
            return
        for block in self.blocks():
            cells = self.chip.program(block, self.of(levels, block))
            if mode in ("cells", "born"):
                yield block, [], cells
                continue
            at = self._typical(block, samples)
            effects: Any = self.config.nonidealities
            matrices = linearised_matrices(
                cells, effects.iv, [at] * len(cells), **wiring.options
            )
            dtype = getattr(torch, self.config.precision)
            yield block, [m.to(dtype) for m in matrices], cells


    def _typical(self, block: Block, samples: Tensor | None) -> Tensor:
        """Return the typical voltages of a tile's lines."""
        if samples is None:
            raise ParameterError(
                f'{self.chip.name!r}: `path` "{self.config.path}" linearises at typical inputs: '
                "call calibrate(model, loader) first"
            )
        return self.chip.layout.on_rows(samples[:, block.group, block.tile.rows])

    def _born(self, block: Block, cells: Tensor, samples: Tensor | None) -> BornNetwork:
        """Return the first-order currents of one array."""
        effects: Any = self.config.nonidealities
        return born_network(
            cells, effects.iv, self._typical(block, samples), most=self.config.read_voltage,
            **self.config.wiring.options,
        )


def _scaled(
    scale: Tensor, block: Block, factors: Mapping[tuple[Any, ...], Tensor]
) -> Tensor:
    """Return the weights (1, outputs) of the level 1 of a tile."""
    own = scale[block.group, :, block.tile.columns]
    return own * factors[block.group, block.tile.index] if factors else own


class _Program:
    """Levels of several tiles to the conductances of all of their arrays.

    The draws belong to the place, so that programming again for the gradient gives the same
    chip; of a disturbance, the conductances are kept from the first time.
    """

    def __init__(self, chip: Chip, blocks: Sequence[Block]) -> None:
        self.chip, self.blocks = chip, blocks
        self._first: list[Tensor] | None = None
        self._disturbed = chip.disturbance is not None

    def first(self) -> list[Tensor]:
        """Return the conductances of the first time, constants, and let go of them."""
        cells = self._first or []
        if not self._disturbed:
            self._first = []
        return cells

    def __call__(self, levels: Sequence[Tensor]) -> list[Tensor]:
        if self._first is None:
            self._first = [g.detach() for g in self._all(levels, disturbed=True)]
            return self._first
        again = self._all(levels, disturbed=False)
        if not self._disturbed:
            return again
        return [
            torch.where(kept > 0, g + (kept - g).detach(), kept)
            for g, kept in zip(again, self._first, strict=True)
        ]

    def _all(self, levels: Sequence[Tensor], *, disturbed: bool) -> list[Tensor]:
        return [
            g for block, level in zip(self.blocks, levels, strict=True)
            for g in self.chip.program(block, level, disturbed=disturbed)
        ]
