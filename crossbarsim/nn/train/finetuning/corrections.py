"""What calibration found as parameters: gains, offsets, and the ranges of inputs and converters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ...chip.matrix import StoredMatrix

__all__ = ["TrainedRanges", "gathered"]


class TrainedRanges:
    """The corrections and ranges of one weight matrix while they are trained.

    Ranges are trained as their logarithms: they stay positive, and a rate means the same for all.
    Through the converters' rounding, whose gradient is straight-through, that of a range is what
    saturates against the error of rounding, as in Esser et al., "Learned step size quantization",
    ICLR 2020.

    Parameters
    ----------
    stored : StoredMatrix
        With the gain and offset of a calibration.
    digital_bias : bool
        Whether the layer has a bias beside the arrays: then that is trained, not the offset.
    """

    def __init__(self, stored: StoredMatrix, *, digital_bias: bool) -> None:
        self.stored = stored
        ranges, periphery = stored.ranges, stored.config.periphery
        self.correction: dict[str, Tensor] = {}
        self.logarithms: dict[str, Tensor] = {}
        if ranges.gain is not None:
            self.correction["gain"] = ranges.gain.clone().requires_grad_()
        if ranges.offset is not None and not digital_bias:
            self.correction["offset"] = ranges.offset.clone().requires_grad_()
        # where neither converters nor noise count, the range of the inputs changes nothing; a bias
        # on the chip is stored as its share
        if not stored.config.exact_reads and not stored.on_chip_bias:
            self._logarithm("input_range", stored.config.input_range)
        if periphery is not None and periphery.needs_calibration:
            self._logarithm("full_scale", None)

    def _logarithm(self, name: str, given: float | None) -> None:
        value = getattr(self.stored.ranges, name)
        if given is None and value is not None:
            at = torch.tensor(float(value), dtype=torch.float64).log()
            self.logarithms[name] = at.requires_grad_()

    def apply(self) -> None:
        """Give the matrix its corrections and ranges as functions of the parameters."""
        self.stored.ranges = self.stored.ranges.replace(
            **self.correction, **{name: at.exp() for name, at in self.logarithms.items()}
        )

    def fix(self) -> None:
        """Give the matrix the values; what is kept is then exactly what a saved state brings."""
        with torch.no_grad():
            values = {name: float(at.exp()) for name, at in self.logarithms.items()}
            for name, value in values.items():
                self.logarithms[name].fill_(torch.tensor(value, dtype=torch.float64).log())
        fixed = {name: value.detach().clone() for name, value in self.correction.items()}
        self.stored.ranges = self.stored.ranges.replace(**fixed, **values)

    def follow(self) -> None:
        """Take the values that the matrix has."""
        with torch.no_grad():
            for name, value in self.correction.items():
                value.copy_(getattr(self.stored.ranges, name))
            for name, at in self.logarithms.items():
                at.fill_(torch.tensor(float(getattr(self.stored.ranges, name)),
                                      dtype=torch.float64).log())


def gathered(
    trained: Mapping[str, TrainedRanges], kind: str
) -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters of a kind, "correction" or "logarithms", with their names."""
    for name, one in trained.items():
        for key, value in getattr(one, kind).items():
            yield f"{name}.{key}", value
