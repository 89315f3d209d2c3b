"""Arrays of a chip to effective matrices, without keeping the conductances for the gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..wiring import Wiring

__all__ = ["reduce_arrays"]

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
