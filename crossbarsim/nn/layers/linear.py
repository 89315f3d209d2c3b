"""The linear layer on crossbars."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...netlists.errors import ParameterError
from ..config import CrossbarConfig
from .base import CrossbarLayer

__all__ = ["CrossbarLinear"]


class CrossbarLinear(CrossbarLayer, nn.Linear):
    """A linear layer on crossbars.

    Parameters
    ----------
    in_features, out_features, bias, dtype
        As in `torch.nn.Linear`.
    config : CrossbarConfig, optional
    chip : str
        Name of the layer's device variation.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *,
        config: CrossbarConfig | None = None, chip: str = "", dtype: torch.dtype | None = None,
    ) -> None:
        nn.Linear.__init__(self, in_features, out_features, bias, dtype=dtype)
        self._setup(config, chip)

    @classmethod
    def from_digital(
        cls, layer: nn.Linear, config: CrossbarConfig, chip: str = ""
    ) -> CrossbarLinear:
        """Return a crossbar layer with the parameters of `layer`."""
        new = cls(layer.in_features, layer.out_features, layer.bias is not None, config=config,
                  chip=chip, dtype=layer.weight.dtype)
        new.weight, new.bias = layer.weight, layer.bias
        new.train(layer.training)
        return new

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output, (..., out_features)."""
        if x.shape[-1] != self.in_features:
            raise ParameterError(
                f"the input's last axis must be {self.in_features}; got shape {tuple(x.shape)}"
            )
        vectors = x.numel() // max(x.shape[-1], 1)
        if self.crossbars.prefers_matrix(vectors, self.weight, self.bias):
            weights, bias = self.crossbars.effective(self.weight, self.bias)
            return F.linear(x, weights.to(x.dtype), None if bias is None else bias.to(x.dtype))
        y: Tensor = self.crossbars(x.reshape(-1, 1, self.in_features), self.weight, self.bias)
        return y.reshape(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Describe the layer in its network's print-out."""
        describe: Any = super().extra_repr
        return f"{describe()}, tiles={self.config.tile_shape}"
