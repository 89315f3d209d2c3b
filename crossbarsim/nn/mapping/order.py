"""Which line an input or output gets: the ones that carry much current near the line's end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ...core.errors import ParameterError
from ...core.views.brief import brief_repr

__all__ = ["Orders", "line_order"]


@dataclass(frozen=True, eq=False)
class Orders:
    """Which input and which output lies on every line, (groups, n) int64; None: as they come."""

    rows: Tensor | None = None
    columns: Tensor | None = None

    __repr__ = brief_repr

    @classmethod
    def of_state(
        cls, state: Mapping[str, Tensor], groups: int, lines: int, outputs: int
    ) -> Self:
        """Return the orders of a saved state.

        Raises
        ------
        ParameterError
            They are not permutations of that many lines and outputs.
        """
        for name, count in (("rows", lines), ("columns", outputs)):
            order = state.get(name)
            if order is None:
                continue
            every = torch.arange(count).expand(groups, count)
            if order.dtype != torch.int64 or order.shape != every.shape or not torch.equal(
                order.sort(dim=1).values, every
            ):
                raise ParameterError(
                    f"the saved order of {name} must have every number from 0 to {count - 1} once "
                    f"for each of {groups} group(s); it is {order.dtype} of shape "
                    f"{tuple(order.shape)}"
                )
        return cls(state.get("rows"), state.get("columns"))

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
