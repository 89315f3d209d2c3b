"""What of a network lies on crossbars, and on how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from .layers import CrossbarLayer
from .stored import StoredMatrix
from .support import why_digital

__all__ = ["LayerReport", "NetworkReport", "report"]


@runtime_checkable
class HasArrays(Protocol):
    """A layer that is arrays of its own, as those trained in place."""

    @property
    def array_shapes(self) -> tuple[tuple[int, int], ...]:
        """Word lines and bit lines of every array."""
        ...


@dataclass(frozen=True)
class LayerReport:
    """One layer: its name, type, and, where converted, what it takes on chip.

    `tiles` counts weight blocks, `arrays` physical arrays, `cells` those arrays' cells at their
    full shape, `used` the cells that hold weights (or their reference). `reason` says why a layer
    with weights is digital.
    """

    name: str
    kind: str
    converted: bool
    tiles: int = 0
    arrays: int = 0
    cells: int = 0
    used: int = 0
    reason: str = ""

    @property
    def utilisation(self) -> float:
        """Share of the arrays' cells that hold weights."""
        return self.used / self.cells if self.cells else 0.0


@dataclass(frozen=True)
class NetworkReport:
    """What `report` found; `str()` is a table."""

    layers: tuple[LayerReport, ...]

    @property
    def utilisation(self) -> float:
        """Share of all arrays' cells that hold weights."""
        cells = sum(layer.cells for layer in self.layers)
        return sum(layer.used for layer in self.layers) / cells if cells else 0.0

    def __str__(self) -> str:
        """Return the table, a line per layer."""
        lines = [f"{'layer':<28}{'type':<18}{'tiles':>7}{'arrays':>8}{'in use':>9}"]
        for layer in self.layers:
            if layer.converted:
                lines.append(
                    f"{layer.name:<28}{layer.kind:<18}{layer.tiles:>7}{layer.arrays:>8}"
                    f"{layer.utilisation:>9.1%}"
                )
            else:
                line = f"{layer.name:<28}{layer.kind:<18}{'digital':>7}"
                lines.append(f"{line}  {layer.reason}" if layer.reason else line)
        return "\n".join(lines)


def report(model: nn.Module) -> NetworkReport:
    """List the crossbar layers of `model`, and all that stays digital.

    Digital are modules with parameters of their own, with the reason, and modules without children.
    """
    rows = []
    for name, module in model.named_modules():
        kind = type(module).__name__
        if isinstance(module, CrossbarLayer):
            with torch.no_grad():
                stored = [
                    tile for crossbars, weight, bias in module.stored_matrices()
                    for tile in crossbars.arrays(weight, bias)
                ]
            height, width = module.config.tile_shape
            cells = [g for _, tile_cells in stored for g in tile_cells]
            rows.append(LayerReport(
                name, kind, converted=True, tiles=len(stored), arrays=len(cells),
                cells=height * width * len(cells), used=sum(g.numel() for g in cells),
            ))
        elif isinstance(module, HasArrays):
            used = sum(height * width for height, width in module.array_shapes)
            rows.append(LayerReport(
                name, kind, converted=True, tiles=1, arrays=len(module.array_shapes), cells=used,
                used=used,
            ))
        elif not isinstance(module, StoredMatrix):
            reason = why_digital(module)
            if reason or not any(True for _ in module.children()):
                rows.append(LayerReport(name, kind, converted=False, reason=reason))
    return NetworkReport(tuple(rows))
