"""Errors and cost of one weight matrix, for a report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from ...netlists.crossbar.crossbar import Wires
from ...periphery import LayerCost, Periphery, Technology, clipped, layer_cost
from ..wiring import Wiring
from .array_power import DriveStatistics
from .matrix import StoredMatrix

__all__ = ["Inspection", "inspecting", "weight_errors"]

_SAMPLES = 4


def weight_errors(
    crossbars: StoredMatrix, weight: Tensor, bias: Tensor | None
) -> tuple[float, float, float, float]:
    """Return sums of squares: of the weights' error, of the weights, of the drop, without drop."""
    wanted = weight.detach().reshape(crossbars.groups * crossbars.outputs, -1).to(torch.float64)
    found = crossbars.realised(weight, bias).to(torch.float64)
    without = crossbars.realised(weight, bias, Wiring(Wires())).to(torch.float64)
    wrong, drop = found - wanted, found - without
    return tuple(float(x.square().sum()) for x in (wrong, wanted, drop, without))  # type: ignore[return-value]


class Inspection:
    """What one matrix does with the inputs of a digital pass."""

    def __init__(self) -> None:
        self.vectors = 0
        self.wrong = self.power = 0.0
        self.square = 0.0
        self.inputs = self.clipped = 0
        self.drive = DriveStatistics()
        self.surrogate: tuple[float, float] | None = None

    def __call__(
        self, crossbars: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Compare the crossbars' outputs with the digital ones, and pass on the latter."""
        digital = crossbars.digital(x, weight, bias)
        found = crossbars.outputs_of(x, weight, bias).to(torch.float64)
        self.wrong += float((found - digital.to(torch.float64)).square().sum())
        self.power += float(digital.to(torch.float64).square().sum())
        self.vectors += len(x)
        u = x.to(torch.float64) / self._reach(crossbars, x)
        self.inputs += u.numel()
        self.clipped += clipped(u, signed=crossbars.ranges.signed is not False)
        u = u.clamp(-1, 1)
        self.square += float(u.square().mean()) * len(x)
        if len(x):
            self.drive.add(crossbars, u)
            if self.surrogate is None and crossbars.config.path in ("born", "surrogate"):
                few = x[torch.linspace(0, len(x) - 1, min(len(x), _SAMPLES)).round().long()]
                exact = crossbars.read(few, weight, bias, exact=True)
                miss = crossbars.read(few, weight, bias) - exact
                self.surrogate = (float(miss.square().sum()), float(exact.square().sum()))
        return digital

    @staticmethod
    def _reach(crossbars: StoredMatrix, x: Tensor) -> float:
        known = crossbars.input_range
        return float(x.abs().max().clamp(min=1e-300)) if known is None else known

    def cost(
        self, crossbars: StoredMatrix, weight: Tensor, bias: Tensor | None, batch: int,
        technology: Technology | None,
    ) -> LayerCost:
        """Return what the matrix costs per entry of the batch."""
        config, layout = crossbars.config, crossbars.chip.layout
        periphery = config.periphery or Periphery()
        blocks = list(crossbars.blocks())
        shapes = [crossbars.chip.shape(block) for block in blocks for _ in layout.arrays]
        inputs = [rows // layout.rows_per_input for rows, _ in shapes]
        signals = [
            n for block in blocks
            for n in layout.signals(block.tile.shape[1], periphery.subtraction)
        ]
        vectors = max(1, round(self.vectors / max(batch, 1)))
        power, error = self.drive.power(crossbars, weight, bias)
        cost = layer_cost(
            periphery, shapes, signals=signals, inputs=inputs,
            macs=vectors * weight.numel() // crossbars.packed,
            array_power=power, technology=technology,
            encoding=config.input_encoding, signed_inputs=crossbars.ranges.signed is not False,
            vectors=vectors, read_voltage=config.read_voltage,
            activity=min(1.0, self.square / max(self.vectors, 1)),
        )
        return replace(cost, array_error=cost.energy.array * error / power if power else 0.0)


@contextmanager
def inspecting(model: nn.Module) -> Iterator[dict[StoredMatrix, Inspection]]:
    """Inspect all matrices of a model inside; its outputs are those of the digital network."""
    found = {m: Inspection() for m in model.modules() if isinstance(m, StoredMatrix)}
    try:
        for crossbars, inspection in found.items():
            crossbars.observer = inspection
        yield found
    finally:
        for crossbars in found:
            crossbars.observer = None
