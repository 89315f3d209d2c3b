"""One weight on one or several cells: parts of a sum, each a level between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Digits", "signed_parts", "spread_levels"]

Signed = Literal["differential", "offset", "single"]


@dataclass(frozen=True)
class Digits:
    """Cells of a weight in base ``2**bits_per_cell``, the least digit first.

    A weight of `bits` bits, sign included, is one of the ``2**bits - 1`` multiples of
    ``1 / (2**(bits - 1) - 1)`` in [-1, 1].

    Parameters
    ----------
    bits : int or None
        None: one cell with a continuous level.
    bits_per_cell : int
    signed : {"differential", "offset", "single"}
        "differential" stores magnitudes of ``bits - 1`` bits, the others offset binary.
    """

    bits: int | None
    bits_per_cell: int
    signed: Signed

    @property
    def largest(self) -> int:
        """The integer that stands for the weight 1."""
        return 1 if self.bits is None else 2 ** (self.bits - 1) - 1

    @property
    def top(self) -> int:
        """The largest integer that the cells can hold."""
        if self.bits is None:
            return 1
        return self.largest if self.signed == "differential" else 2**self.bits - 1

    @property
    def zero(self) -> float:
        """The stored value, in [0, 1], of the weight 0."""
        if self.signed == "differential":
            return 0.0
        return 0.5 if self.bits is None else 2 ** (self.bits - 1) / self.top

    @property
    def gain(self) -> float:
        """Weight per stored value."""
        if self.signed == "differential":
            return 1.0
        return 2.0 if self.bits is None else self.top / self.largest

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of every digit; the highest may have fewer than the others."""
        if self.bits is None:
            return (0,)
        left = self.bits - 1 if self.signed == "differential" else self.bits
        full, rest = divmod(left, self.bits_per_cell)
        return (self.bits_per_cell,) * full + ((rest,) if rest else ())

    @property
    def weights(self) -> tuple[float, ...]:
        """Stored value per level of every digit's cell."""
        if self.bits is None:
            return (1.0,)
        return tuple(
            (2**width - 1) * 2 ** (self.bits_per_cell * k) / self.top
            for k, width in enumerate(self.widths)
        )

    def levels(self, value: Tensor) -> list[Tensor]:
        """Return the level in [0, 1] of every digit's cell for stored values in [0, 1].

        Rounding is straight-through: the digits share the gradient by their weight, so that the
        stored value's gradient is that of the continuous one.
        """
        if self.bits is None:
            return [value]
        with torch.no_grad():
            integer = torch.round(value * self.top).clamp(0, self.top).to(torch.int64)
        weights = self.weights
        norm = sum(w * w for w in weights)
        moved = value - value.detach() if value.requires_grad else None
        result = []
        for k, (width, weight) in enumerate(zip(self.widths, weights, strict=True)):
            digit = (integer >> (self.bits_per_cell * k)) & (2**width - 1)
            level = digit.to(value.dtype) / (2**width - 1)
            result.append(level if moved is None else level + moved * (weight / norm))
        return result


def signed_parts(level: Tensor, digits: Digits) -> list[Tensor]:
    """Return the stored values, in [0, 1], of signed levels in [-1, 1].

    Positive and negative part for a differential pair, else one shifted value.
    """
    if digits.signed == "differential":
        positive = level.clamp(min=0)
        # not a second clamp: at 0 both would pass the gradient on, which doubles it
        return [positive, positive - level]
    return [digits.zero + level / digits.gain]


def spread_levels(level: Tensor, cells: int, fill: Literal["equal", "spread"]) -> list[Tensor]:
    """Return the levels of `cells` parallel cells whose mean is `level`.

    "equal": all alike. "spread": one cell after the other is filled.
    """
    if cells == 1 or fill == "equal":
        return [level] * cells
    # differences, so that the gradient goes to one cell where one is just full
    filled = [torch.zeros_like(level), *((level * cells).clamp(max=k + 1) for k in range(cells))]
    return [upper - lower for lower, upper in pairwise(filled)]
