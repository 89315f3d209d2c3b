"""What pulses have left on an array."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ...core.errors import ParameterError
from ...core.views.brief import brief_repr

__all__ = ["Written"]


@dataclass(frozen=True, eq=False)
class Written:
    """The conductances of an array after it was written.

    Attributes
    ----------
    conductance : (M, N) float64 tensor
        Siemens.
    levels : int
        Fingerprint of the levels that it was written to.
    """

    conductance: Tensor
    levels: int

    __repr__ = brief_repr

    @classmethod
    def to(cls, level: Tensor, conductance: Tensor) -> Self:
        """Return the array that was written to levels (M, N)."""
        return cls(conductance, _fingerprint(level))

    def of(self, level: Tensor, name: str, ideal: Tensor) -> Tensor:
        """Return the conductances for levels; the gradient is that of `ideal`, straight through.

        Raises
        ------
        ParameterError
            It was written to other levels.
        """
        if _fingerprint(level) != self.levels:
            raise ParameterError(
                f"{name!r}: the weights, or their scale, are no longer those that were written: "
                "write the network again, or take the pulses away with forget_written(model)"
            )
        if not ideal.requires_grad:
            return self.conductance.to(ideal.dtype)
        return ideal + (self.conductance.to(ideal.dtype) - ideal).detach()


def _fingerprint(level: Tensor) -> int:
    data = level.detach().to("cpu", torch.float64).contiguous().numpy()
    return int.from_bytes(hashlib.sha256(data.tobytes()).digest()[:8], "little", signed=True)
