"""Mean electrical power of a matrix's arrays over everything that drives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.draws import Place
from ...netlists.crossbar.crossbar import Crossbar
from ...solvers import Solver
from ..wiring import Wiring
from .matrix import StoredMatrix
from .readout import drives

__all__ = ["DriveStatistics"]

_SAMPLES = 8
_VECTORS = 4096  # at a time: their voltages in all phases are in memory


class DriveStatistics:
    """Mean squares of the voltages of every word line, and a few input vectors.

    Between grounded bit lines without resistance, linear cells take ``sum v^2 G``, which the mean
    squares give exactly. What wires, amplifiers and curved cells change is estimated without bias
    from vectors that are drawn in proportion to the sum of their squared voltages; up to as many
    vectors as are drawn are all taken.
    """

    def __init__(self) -> None:
        self.vectors = 0
        self.square: Tensor | None = None  # (groups, lines), sum over vectors, mean over phases
        self.weight = 0.0
        self.first: list[Tensor] = []
        self.samples: list[Tensor] = []
        self._random = Place(0, "array power").generator("samples")

    def add(self, crossbars: StoredMatrix, u: Tensor) -> None:
        """Take input vectors (B, groups, inputs) over their range."""
        for chunk in torch.split(u, _VECTORS):
            lines = crossbars.on_lines(chunk)
            squares = torch.zeros_like(lines)
            for v, share in _phases(crossbars, lines):
                squares += share * v.square()
            total = squares.sum(dim=0)
            self.square = total if self.square is None else self.square + total
            self.vectors += len(chunk)
            self.first += list(lines[: _SAMPLES - len(self.first)])
            self._draw(lines, squares.sum(dim=(1, 2)).numpy())

    def _draw(self, lines: Tensor, weights: np.ndarray[Any, Any]) -> None:
        """Replace each sample with the probability that the new vectors have of all so far."""
        new = float(weights.sum())
        self.weight += new
        if new == 0.0:
            return
        drawn = self._random.choice(len(lines), _SAMPLES, p=weights / new)
        if not self.samples:
            self.samples = [lines[k] for k in drawn]
            return
        for k in np.flatnonzero(self._random.random(_SAMPLES) < new / self.weight):
            self.samples[k] = lines[drawn[k]]

    def power(
        self, crossbars: StoredMatrix, weight: Tensor, bias: Tensor | None
    ) -> tuple[float, float]:
        """Return the mean power of all arrays over vectors and phases, and its standard error."""
        if self.square is None or self.weight == 0.0:
            return 0.0, 0.0
        config, wiring = crossbars.config, crossbars.config.wiring
        every = self.vectors <= _SAMPLES
        lines = torch.stack(self.first if every else self.samples)
        phases = _phases(crossbars, lines)
        shares = torch.tensor([share for _, share in phases], dtype=torch.float64)
        volts = torch.stack([v.expand_as(lines) for v, _ in phases]).to(torch.float64)
        unit = config.read_voltage
        exact, rest = 0.0, torch.zeros(len(lines), dtype=torch.float64)
        solver, layout = Solver(), crossbars.chip.layout
        for block, cells in crossbars.arrays(weight, bias):
            mine = layout.on_rows(volts[:, :, block.group, block.tile.rows])
            square = self.square[block.group, block.tile.rows].to(torch.float64) / self.vectors
            square = square.repeat_interleave(layout.rows_per_input)
            for g in cells:
                rows = g.detach().to(torch.float64).sum(dim=1) * unit**2
                exact += float(square @ rows)
                if config.linear and wiring.ideal:
                    continue
                solved = solver.solve(
                    _crossbar(g, config, wiring), (mine.flatten(0, 1) * unit).numpy(),
                    fields="currents",
                )
                found = torch.as_tensor(solved.power).reshape(len(phases), -1)
                rest += shares @ (found - mine.square() @ rows)
        if every:
            return exact + float(rest.mean()), 0.0
        own = (shares[:, None] * volts.square().sum(dim=(2, 3))).sum(dim=0)
        each = self.weight / self.vectors * rest / own
        return exact + float(each.mean()), float(each.std()) / len(each) ** 0.5


def _phases(crossbars: StoredMatrix, lines: Tensor) -> list[tuple[Tensor, float]]:
    """Return voltages (B or 1, groups, lines) over the read voltage with their shares of time."""
    driven = drives(
        lines.flatten(1), crossbars.config, signed=crossbars.ranges.signed is not False
    )
    return [(v.reshape(-1, *lines.shape[1:]), share) for v, share in driven]


def _crossbar(G: Tensor, config: Any, wiring: Wiring) -> Crossbar:
    if config.linear:
        return wiring.crossbar(G)
    cells = config.nonidealities.iv.cells(G.detach().numpy())
    return Crossbar(cells=cells, wires=wiring.wires, ends=wiring.ends)
