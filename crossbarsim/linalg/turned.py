"""Arrays read the other way: driven at their sense ends, sensed at their drivers'."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.errors import ParameterError
from ..netlists.crossbar.crossbar import Wires
from ..nn import CrossbarConfig, StoredMatrix
from ..nn.chip.chip import Block, Chip
from ..nn.mapping import Orders, Tile

__all__ = ["give_arrays", "turned"]


def turned(config: CrossbarConfig) -> CrossbarConfig:
    """Return the configuration of the same arrays with bit lines for inputs.

    What stands at a line's end stays there, so that the matrix is exactly the transpose; the
    periphery is taken to be at both ends.

    Raises
    ------
    ParameterError
        Lines that are no single input's or output's, so that the other way has another meaning.
    """
    good = (
        config.scheme == "differential" and config.layout.columns(1) == 1
        and config.scaling == "layer" and config.reorder == "none" and config.ends is None
    )
    if not good:
        raise ParameterError(
            'arrays can be read both ways with scheme="differential" in arrays of their own, one '
            'column per output, scaling="layer", reorder="none" and default ends; else give '
            'CrossbarMatrix(..., transpose="arrays"), which stores the transpose as well'
        )
    w = config.wires
    wires = Wires(
        w.bit, w.word, driver=w.sense, sense=w.driver, word_capacitance=w.bit_capacitance,
        bit_capacitance=w.word_capacitance,
    )
    return config.replace(wires=wires, tile_shape=config.tile_shape[::-1])


def give_arrays(stored: StoredMatrix, source: StoredMatrix) -> None:
    """Let a matrix with a turned configuration be the arrays of `source`, read the other way."""
    chip = _TurnedChip(stored.config, stored.chip.name, source.chip)
    stored.chip = stored.programmer.chip = chip
    height, width = stored.config.tile_shape
    # the ends where lines are driven and sensed are the first and the last again
    stored.orders = Orders(_reversed(stored.inputs, height), _reversed(stored.outputs, width))


def _reversed(lines: int, tile: int) -> Tensor:
    """Return the order of lines that are reversed in each tile, (1, lines)."""
    parts = [
        torch.arange(i, min(i + tile, lines)).flip(0) for i in range(0, lines, tile)
    ]
    return torch.cat(parts)[None]


class _TurnedChip(Chip):
    """The same devices with rows for columns."""

    def __init__(self, config: CrossbarConfig, name: str, source: Chip) -> None:
        super().__init__(config, name)
        self._source = source

    def program(self, block: Block, levels: Tensor, *, disturbed: bool = True) -> list[Tensor]:
        """Return the conductances of the other's tile, turned."""
        row, column = block.tile.index
        own = Block(block.group, Tile(block.tile.columns, block.tile.rows, (column, row)))
        found = self._source.program(own, levels.flip((0, 1)).T, disturbed=disturbed)
        return [g.flip((0, 1)).T for g in found]
