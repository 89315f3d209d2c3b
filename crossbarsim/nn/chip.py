"""The physical arrays of one weight matrix: from levels to the conductances of a chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..draws import Place
from .config import CrossbarConfig
from .mapping import Layout, Tile
from .variability import relative_deviation

__all__ = ["Block", "Chip"]


@dataclass(frozen=True)
class Block:
    """A tile of one group's matrix."""

    group: int
    tile: Tile


class Chip:
    """The arrays of one weight matrix, as its seed makes them.

    Parameters
    ----------
    config : CrossbarConfig
    name : str
        Of the matrix in its network.
    """

    def __init__(self, config: CrossbarConfig, name: str) -> None:
        self.config, self.name = config, name
        self.seed = config.seed
        self.layout: Layout = config.layout

    def place(self, block: Block, array: str) -> Place:
        """Return the place of one array of a tile."""
        return Place(self.seed, f"{self.name}/{block.group}", array, block.tile.index)

    def program(self, block: Block, levels: Tensor) -> list[Tensor]:
        """Return the conductances, (rows, columns) siemens, of every array of a tile.

        Parameters
        ----------
        block : Block
        levels : (rows, outputs) float64 tensor
            Weights over their scale, in [-1, 1]; differentiable in them.
        """
        return [
            self._conductance(cells, self.place(block, array))
            for array, cells in zip(self.layout.arrays, self.layout.levels(levels), strict=True)
        ]

    def program_all(self, blocks: Sequence[Block], levels: Sequence[Tensor]) -> list[Tensor]:
        """Return the conductances of all arrays of several tiles."""
        return [
            g for block, level in zip(blocks, levels, strict=True)
            for g in self.program(block, level)
        ]

    def _conductance(self, level: Tensor, place: Place) -> Tensor:
        config = self.config
        if config.r_on_sigma == 0 and config.r_off_sigma == 0:
            return config.g_off + level * (config.g_on - config.g_off)
        on, off = (
            torch.from_numpy(
                g / relative_deviation(sigma, (level.shape[0], level.shape[1]), place, effect)
            )
            for g, sigma, effect in (
                (config.g_on, config.r_on_sigma, "r_on"),
                (config.g_off, config.r_off_sigma, "r_off"),
            )
        )
        off = torch.minimum(off, on)
        return off + level * (on - off)
