"""The linear layer that keeps its weight as (inputs, outputs): GPT-2's `Conv1D`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from ...core.errors import ParameterError
from .base import CrossbarLayer, Matrix, product

__all__ = ["CrossbarTransposedLinear"]


class CrossbarTransposedLinear(CrossbarLayer, nn.Module):
    """A linear layer on crossbars whose weight lies as (in_features, out_features).

    Takes the place of what Hugging Face's GPT-2 calls `Conv1D`, known by its name and attributes.

    Attributes
    ----------
    weight : (nx, nf) parameter
    bias : (nf,) parameter
    nf : int
        Outputs.
    """

    weight: Tensor
    bias: Tensor
    nf: int

    @staticmethod
    def stands_for(module: Any) -> bool:
        """Whether a module is such a layer, by name and attributes."""
        if type(module).__name__ != "Conv1D" or not isinstance(module, nn.Module):
            return False
        own = dict(module.named_parameters(recurse=False))
        outputs = getattr(module, "nf", None)
        return (
            set(own) == {"weight", "bias"} and own["weight"].ndim == 2
            and own["weight"].shape[1] == outputs and tuple(own["bias"].shape) == (outputs,)
        )

    def _matrices(self) -> Iterator[Matrix]:
        yield "crossbars", self.weight.T, self.bias, 1

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output, (..., nf), for x (..., nx)."""
        if x.ndim == 0 or x.shape[-1] != self.weight.shape[0]:
            raise ParameterError(
                f"the input's last axis must be {self.weight.shape[0]}; got shape {tuple(x.shape)}"
            )
        return product(self.crossbars, x, self.weight.T, self.bias)
