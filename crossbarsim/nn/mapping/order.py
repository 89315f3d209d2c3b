"""Which line an input or output gets: the ones that carry much current near the line's end."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["line_order"]


def line_order(load: Tensor, tile: int, *, near_first: bool, near_last: bool) -> Tensor:
    """Return which input (or output) lies on every line, (n,) int64.

    The loads are dealt to the tiles in turn, so that none carries all heavy lines (the drop along
    a line grows with the square of the currents that share it); within a tile the heaviest lies
    nearest to the connected end.

    Parameters
    ----------
    load : (n,) tensor
        How much current every input or output stands for, in any unit.
    tile : int
        Lines per tile.
    near_first, near_last : bool
        Which ends of the *crossing* lines are connected: the driver at the first column or the
        last, the sense node at the last row.
    """
    count = len(load)
    heavy = iter(
        torch.argsort(load.detach().to(torch.float64), descending=True, stable=True).tolist()
    )
    sizes = [min(tile, count - start) for start in range(0, count, tile)]
    dealt: list[list[int]] = [[] for _ in sizes]
    for rank in range(max(sizes)):
        for mine, size in zip(dealt, sizes, strict=True):
            if rank < size:
                mine.append(next(heavy))
    order = torch.empty(count, dtype=torch.int64)
    start = 0
    for mine, size in zip(dealt, sizes, strict=True):
        places = sorted(range(size), key=lambda k: _distance(k, size, near_first, near_last))
        order[torch.tensor(places) + start] = torch.tensor(mine)
        start += size
    return order


def _distance(k: int, size: int, near_first: bool, near_last: bool) -> int:
    ends = [*([k] if near_first else ()), *([size - 1 - k] if near_last else ())]
    return min(ends) if ends else k
