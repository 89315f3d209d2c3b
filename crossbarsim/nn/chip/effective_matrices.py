"""Arrays of a chip to effective matrices, exactly or followed from an exact one.

The conductances are not kept for the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ...core.draws import Place
from ..wiring import Wiring

__all__ = ["HeldMatrices", "reduce_arrays"]

_AROUND = 9  # cells along each line

Program: TypeAlias = Callable[[Sequence[Tensor]], list[Tensor]]


class _Reduce(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, program: Program, wiring: Wiring, dtype: torch.dtype, *levels: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.program, ctx.wiring = program, wiring
        ctx.save_for_backward(*levels)
        return tuple(
            torch.from_numpy(w).to(dtype) for w in wiring.matrices(program(levels))
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        leaves = [level.detach().requires_grad_() for level in ctx.saved_tensors]
        with torch.enable_grad():
            # the draws belong to the place: programming again gives the same chip
            cells = ctx.program(leaves)
        by_cells = ctx.wiring.pull_back(cells, grads)
        live = [(g, by) for g, by in zip(cells, by_cells, strict=True) if g.requires_grad]
        if not live:  # every cell is stuck
            return (None,) * (3 + len(leaves))
        by_levels = torch.autograd.grad(
            [g for g, _ in live], leaves, [by for _, by in live], allow_unused=True
        )
        return (None, None, None, *by_levels)


def reduce_arrays(
    levels: Sequence[Tensor], program: Program, wiring: Wiring, dtype: torch.dtype
) -> list[Tensor]:
    """Return the effective matrices (N, M), siemens, of all arrays that `program` makes.

    Differentiable in the levels. The conductances are made again for the gradient: kept, they
    would take many times the memory of the weights.

    Parameters
    ----------
    levels : sequence of (rows, outputs) tensors
        Of several tiles.
    program : callable
        Levels of those tiles to the conductances of all of their arrays.
    wiring : Wiring
    dtype : torch.dtype
        Of the result.
    """
    return list(_Reduce.apply(program, wiring, dtype, *levels))  # type: ignore[no-untyped-call]


class HeldMatrices:
    """What the wires leave of every cell of a chip's arrays, kept for some passes.

    Between reductions the entry of the effective matrix that belongs to a cell follows it by
    W = W0 + a (G - G0), where a is the share that the wires leave of the cells around it; how its
    change moves the other entries waits for the next reduction, which tells the error, and by it
    how long the next one may wait.

    Parameters
    ----------
    every : int
        Passes from one reduction to the next, at most.
    rtol : float
        Root mean square of the error relative to that of the matrices, above which reductions come
        twice as often.

    Attributes
    ----------
    passes, reductions : int
    errors : list of float
        Relative, of the pass before each reduction from the second on: measured one pass further.
    """

    def __init__(self, every: int, rtol: float) -> None:
        self.every, self.rtol = every, rtol
        self.passes = self.reductions = 0
        self.errors: list[float] = []
        self._kept: dict[Place, tuple[Tensor, Tensor, Tensor]] = {}
        self._interval, self._left = 1, 0

    def begin(self, places: Sequence[Place]) -> bool:
        """Count a pass over these arrays, and return whether it must reduce them."""
        self.passes += 1
        self._left -= 1
        return self._left < 0 or not all(place in self._kept for place in places)

    def reduced(
        self, places: Sequence[Place], cells: Sequence[Tensor], matrices: Sequence[Tensor]
    ) -> None:
        """Take the exact matrices (N, M) of the conductances (M, N) of all arrays of a pass."""
        off = size = 0.0
        known = all(place in self._kept for place in places)
        for place, cell, matrix in zip(places, cells, matrices, strict=True):
            G, W = cell.detach(), matrix.detach().T.to(cell.dtype)
            if known:
                off += float((self._followed(place, G) - W).square().sum())
                size += float(W.square().sum())
            self._kept[place] = G.clone(), W.clone(), _share(W, G)
        self.reductions += 1
        if known:
            error = math.sqrt(off / size) if size else 0.0
            self.errors.append(error)
            if error > self.rtol:
                self._interval = max(1, self._interval // 2)
            elif error < 0.5 * self.rtol:
                self._interval = min(self.every, 2 * self._interval)
        self._left = self._interval - 1

    def follow(
        self, places: Sequence[Place], cells: Sequence[Tensor], dtype: torch.dtype
    ) -> list[Tensor]:
        """Return the matrices (N, M) of the conductances, differentiable in them."""
        return [
            self._followed(place, G).T.to(dtype) for place, G in zip(places, cells, strict=True)
        ]

    def _followed(self, place: Place, G: Tensor) -> Tensor:
        G0, W0, ratio = self._kept[place]
        return W0 + ratio * (G - G0)


def _share(W: Tensor, G: Tensor) -> Tensor:
    """Return the effective over the true conductance of the cells around each, between 0 and 1.

    Of a cell alone it would say little where it hardly conducts: its entry is then what leaks
    through the others. The wires' share changes slowly along the lines.
    """
    around = [
        functional.avg_pool2d(x[None], _AROUND, 1, _AROUND // 2, count_include_pad=False)[0]
        for x in (W, G)
    ]
    share = around[0] / around[1].clamp(min=torch.finfo(G.dtype).tiny)
    return torch.where(around[1] > 0, share, 1.0).clamp(0.0, 1.0)
