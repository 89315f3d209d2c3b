"""The blocks that a weight matrix is cut into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Tile", "even_parts", "tiles"]


@dataclass(frozen=True)
class Tile:
    """A block of a weight matrix: inputs `rows`, outputs `columns`, place `index` in the grid."""

    rows: slice
    columns: slice
    index: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Inputs and outputs of the block."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def even_parts(count: int, most: int) -> int:
    """Return the length of parts of `count`, as few as with `most` each, but of one length."""
    return -(-count // -(-count // most))


def tiles(inputs: int, outputs: int, height: int, width: int) -> Iterator[Tile]:
    """Yield the tiles of an (outputs, inputs) weight matrix, row of tiles by row of tiles.

    Parameters
    ----------
    inputs, outputs : int
    height, width : int
        Inputs and outputs that one tile carries at most.
    """
    for a, i in enumerate(range(0, inputs, height)):
        for b, j in enumerate(range(0, outputs, width)):
            yield Tile(
                slice(i, min(i + height, inputs)), slice(j, min(j + width, outputs)), (a, b)
            )
