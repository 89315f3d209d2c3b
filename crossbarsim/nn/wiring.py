"""What the arrays of a chip are wired to, and their solution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..core.validation import Array
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..netlists.crossbar.ends import Driven, Ends, Floating, Sensed, VirtualGround
from ..solvers import Solver
from .functional import crossbar_currents

__all__ = ["Wiring"]


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

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of `crossbar_currents` and its like."""
        return {
            "word": float(self.wires.word), "bit": float(self.wires.bit),
            "driver": float(self.wires.driver), "sense": float(self.wires.sense),
            "ends": self.ends, "solver": self.solver,
        }

    def currents(self, V: Tensor, G: Tensor) -> Tensor:
        """Return the currents (B, N) of one array at voltages (B, M), differentiable."""
        return V @ G if self.ideal else crossbar_currents(V, G, **self.options)
