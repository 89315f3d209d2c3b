"""Weights to conductances on tiles, and effective matrices back to weights.

A weight matrix (out, in) is laid on arrays of at most `tile_shape`: inputs along the word lines,
outputs along the bit lines. Everything is differentiable in the weights (their scale is taken as
a constant).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .config import CrossbarConfig
from .variability import relative_deviation

__all__ = ["Tile", "arrays", "assemble", "decode", "tiles", "weight_scale"]


@dataclass(frozen=True)
class Tile:
    """A block of a weight matrix: inputs `rows`, outputs `columns`, place `index` in the grid."""

    rows: slice
    columns: slice
    index: tuple[int, int]


def tiles(inputs: int, outputs: int, config: CrossbarConfig) -> Iterator[Tile]:
    """Yield the tiles of an (outputs, inputs) weight matrix, row of tiles by row of tiles."""
    height, width = config.tile_shape[0], config.weights_per_tile
    for a, i in enumerate(range(0, inputs, height)):
        for b, j in enumerate(range(0, outputs, width)):
            yield Tile(
                slice(i, min(i + height, inputs)), slice(j, min(j + width, outputs)), (a, b)
            )


def weight_scale(weight: Tensor, config: CrossbarConfig) -> Tensor:
    """Return the weight magnitude that is stored as g_on: (1, 1), or (out, 1) per column."""
    magnitude = weight.detach().abs().to(torch.float64)
    if config.scaling == "column":
        largest = magnitude.amax(dim=1, keepdim=True)
    else:
        largest = magnitude.amax().reshape(1, 1)
    return torch.where(largest > 0, largest, torch.ones_like(largest))


def _conductance(
    level: Tensor, config: CrossbarConfig, layer: str, array: str, index: tuple[int, int]
) -> Tensor:
    """Return siemens for levels in [0, 1], each cell between its own g_off and g_on."""
    if config.r_on_sigma == 0 and config.r_off_sigma == 0:
        return config.g_off + level * (config.g_on - config.g_off)
    shape = (level.shape[0], level.shape[1])
    on, off = (
        torch.from_numpy(g / relative_deviation(
            sigma, shape, seed=config.seed, layer=layer, array=array, tile=index, effect=effect
        ))
        for g, sigma, effect in (
            (config.g_on, config.r_on_sigma, "r_on"), (config.g_off, config.r_off_sigma, "r_off")
        )
    )
    off = torch.minimum(off, on)
    return off + level * (on - off)


def arrays(
    level: Tensor, config: CrossbarConfig, layer: str, index: tuple[int, int]
) -> list[Tensor]:
    """Return the conductances, (rows, columns) siemens, of the arrays that hold one tile.

    level (rows, outputs) in [-1, 1]: weights over their scale, transposed. One array, or two
    (positive, negative) for a differential pair in separate arrays.
    """
    if config.scheme == "offset":
        reference = level.new_full((level.shape[0], 1), 0.5)
        whole = torch.cat([0.5 + 0.5 * level, reference], dim=1)
        return [_conductance(whole, config, layer, "offset", index)]
    positive, negative = level.clamp(min=0), (-level).clamp(min=0)
    if config.pairing == "interleaved":
        both = torch.stack([positive, negative], dim=2).flatten(1)
        return [_conductance(both, config, layer, "interleaved", index)]
    return [
        _conductance(positive, config, layer, "positive", index),
        _conductance(negative, config, layer, "negative", index),
    ]


def decode(parts: Sequence[Tensor], config: CrossbarConfig) -> Tensor:
    """Subtract as the read-out does: arrays' outputs (..., columns) -> (..., outputs), siemens.

    A weight of the scale's magnitude gives g_on - g_off (half of it in the offset scheme).
    """
    if config.scheme == "offset":
        return parts[0][..., :-1] - parts[0][..., -1:]
    if config.pairing == "interleaved":
        return parts[0][..., 0::2] - parts[0][..., 1::2]
    return parts[0] - parts[1]


def unit_conductance(config: CrossbarConfig) -> float:
    """Return the decoded conductance of a weight as large as the scale, siemens."""
    span = config.g_on - config.g_off
    return span / 2 if config.scheme == "offset" else span


def assemble(
    blocks: Sequence[Tensor], grid: Sequence[Tile], inputs: int, outputs: int
) -> Tensor:
    """Put decoded blocks (rows, outputs of the tile) together to (outputs, inputs)."""
    lines: dict[int, list[Tensor]] = {}
    for tile, block in zip(grid, blocks, strict=True):
        lines.setdefault(tile.index[0], []).append(block)
    whole = torch.cat([torch.cat(line, dim=1) for line in lines.values()], dim=0)
    return whole.T.reshape(outputs, inputs)
