"""Weights to cells of tiles, and what the columns carry back to weights.

A weight matrix (outputs, inputs) is laid on arrays of at most `tile_shape`: inputs along the word
lines, outputs along the bit lines. `scale` brings weights to [-1, 1], `tiles` cuts the matrix,
`packing` puts groups together, `cells` makes one or several cells of a weight, `layout` places
them on arrays and takes their columns back to the weight, `order` says which line an input or
output gets. Everything is differentiable in the weights (their scale is taken as a constant).
"""

from .layout import Layout, Plane
from .order import Orders, line_order
from .packing import block_diagonal, groups_per_array
from .scale import weight_scale
from .tiles import Tile, even_parts, tiles

__all__ = [
    "Layout", "Orders", "Plane", "Tile", "block_diagonal", "even_parts", "groups_per_array",
    "line_order", "tiles", "weight_scale",
]
