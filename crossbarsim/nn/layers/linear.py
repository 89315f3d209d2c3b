"""The linear layer on crossbars."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from ...core.errors import ParameterError
from .base import CrossbarLayer, Matrix, product

__all__ = ["CrossbarLinear"]


class CrossbarLinear(CrossbarLayer, nn.Linear):
    """A linear layer on crossbars: inputs along the word lines, outputs along the bit lines.

    Parameters
    ----------
    in_features, out_features, bias, dtype
        As in `torch.nn.Linear`.
    config : CrossbarConfig, optional
    chip : str
        Name of the layer's device variation.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarLinear
    >>> layer = CrossbarLinear(6, 4, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(2, 6)).shape)
    (2, 4)
    """

    def _matrices(self) -> Iterator[Matrix]:
        yield "crossbars", self.weight, self.bias, 1

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output, (..., out_features), for x (..., in_features)."""
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ParameterError(
                f"the input's last axis must be {self.in_features}; got shape {tuple(x.shape)}"
            )
        return product(self.crossbars, x, self.weight, self.bias)
