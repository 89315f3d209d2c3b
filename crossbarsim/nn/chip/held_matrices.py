"""Effective matrices that follow the conductances to first order between exact reductions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ...core.draws import Place

__all__ = ["HeldMatrices"]

_AROUND = 9  # cells along each line


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
