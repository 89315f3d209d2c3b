"""Results kept for as long as the weights that they were computed from stay the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Kept"]


@dataclass(frozen=True, eq=False)
class Kept:
    """Something computed from weights, and copies of the weights.

    Attributes
    ----------
    weight : Tensor
    bias : Tensor or None
    what : tuple
        What else the value depends on.
    value : object
    """

    weight: Tensor
    bias: Tensor | None
    what: tuple[Any, ...]
    value: Any

    @classmethod
    def of(
        cls, weight: Tensor, bias: Tensor | None, what: tuple[Any, ...], value: Any
    ) -> Kept:
        """Return a value with copies of the weights."""
        copy = None if bias is None else bias.detach().clone()
        return cls(weight.detach().clone(), copy, what, value)

    def holds(self, weight: Tensor, bias: Tensor | None, what: tuple[Any, ...]) -> bool:
        """Whether nothing has changed, by value: any way of writing to a weight is noticed."""
        alike = len(self.what) == len(what) and all(
            a is b or (not isinstance(a, Tensor) and not isinstance(b, Tensor) and a == b)
            for a, b in zip(self.what, what, strict=True)
        )
        if not alike or (self.bias is None) != (bias is None):
            return False
        return _same(self.weight, weight) and (
            self.bias is None or bias is None or _same(self.bias, bias)
        )


def _same(kept: Tensor, now: Tensor) -> bool:
    return kept.dtype == now.dtype and torch.equal(kept, now.detach())
