"""Arrays of a chip to effective matrices, without keeping the conductances for the gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..netlists._check import Array
from ..netlists.crossbar import Crossbar, Wires
from ..netlists.ends import Driven, Ends, Floating, Sensed, VirtualGround
from ..solvers import Solver
from .functional import crossbar_currents

__all__ = ["Wiring", "reduce_arrays"]

Program: TypeAlias = Callable[[Sequence[Tensor]], list[Tensor]]


@dataclass(frozen=True)
class Wiring:
    """Wires and ends of all arrays, and who solves them."""

    wires: Wires
    ends: Ends | None = None
    solver: Solver | None = None

    @property
    def ideal(self) -> bool:
        """Whether every cell sees its driver and a virtual ground."""
        resistances = (self.wires.word, self.wires.bit, self.wires.driver, self.wires.sense)
        if any(float(r) != 0 for r in resistances):
            return False
        ends = self.ends or Ends()
        return (
            isinstance(ends.word_left, Driven) and ends.word_left.resistance == 0
            and isinstance(ends.word_right, Floating) and isinstance(ends.bit_top, Floating)
            and isinstance(ends.bit_bottom, Sensed)
            and isinstance(ends.bit_bottom.amplifier, VirtualGround)
        )

    def crossbar(self, G: Tensor) -> Crossbar:
        """Return the crossbar of conductances (M, N)."""
        return Crossbar(G.detach().numpy(), self.wires, self.ends)

    def matrices(self, cells: Sequence[Tensor]) -> list[Array]:
        """Return the effective matrix (N, M), siemens, of every array."""
        if self.ideal:
            return [g.detach().numpy().T for g in cells]
        return (self.solver or Solver()).effective_matrices([self.crossbar(g) for g in cells])

    def pull_back(self, cells: Sequence[Tensor], grads: Sequence[Tensor]) -> list[Tensor]:
        """Return the gradient by every array's cells from that by its effective matrix."""
        if self.ideal:
            return [grad.to(torch.float64).T for grad in grads]
        results = (self.solver or Solver()).matrix_vjp(
            [self.crossbar(g) for g in cells],
            [grad.to(torch.float64).numpy() for grad in grads], wires=False,
        )
        return [torch.from_numpy(r.conductance) for r in results]

    def currents(self, V: Tensor, G: Tensor) -> Tensor:
        """Return the currents (B, N) of one array at voltages (B, M), differentiable."""
        if self.ideal:
            return V @ G
        return crossbar_currents(
            V, G, float(self.wires.word), float(self.wires.bit), solver=self.solver,
            ends=self.ends, driver=float(self.wires.driver), sense=float(self.wires.sense),
        )


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
        by_levels = torch.autograd.grad(cells, leaves, by_cells, allow_unused=True)
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
