"""Convolutions on crossbars: kernels unrolled along the word lines."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from ...netlists.errors import ParameterError
from ..config import CrossbarConfig
from .base import CrossbarLayer

__all__ = ["CrossbarConv2d"]


class CrossbarConv2d(CrossbarLayer, nn.Conv2d):
    """A two-dimensional convolution on crossbars: kernels unrolled along the word lines.

    Takes every option of `torch.nn.Conv2d`; parameters as there, and as in `CrossbarLinear`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, *,
        config: CrossbarConfig | None = None, chip: str = "", **options: Any,
    ) -> None:
        nn.Conv2d.__init__(self, in_channels, out_channels, kernel_size, **options)
        self._setup(config, chip, self.groups)

    @classmethod
    def from_digital(
        cls, layer: nn.Conv2d, config: CrossbarConfig, chip: str = ""
    ) -> CrossbarConv2d:
        """Return a crossbar layer with the parameters and options of `layer`."""
        new = cls(
            layer.in_channels, layer.out_channels, layer.kernel_size, config=config, chip=chip,
            stride=layer.stride, padding=layer.padding, dilation=layer.dilation,
            groups=layer.groups, bias=layer.bias is not None, padding_mode=layer.padding_mode,
            dtype=layer.weight.dtype,
        )
        new.weight, new.bias = layer.weight, layer.bias
        new.train(layer.training)
        return new

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Return the layer's output, (B, out_channels, H, W) or (out_channels, H, W)."""
        x = input
        if x.ndim not in (3, 4) or x.shape[-3] != self.in_channels:
            raise ParameterError(
                f"the input must have shape (B, {self.in_channels}, H, W) or "
                f"({self.in_channels}, H, W); got {tuple(x.shape)}"
            )
        vectors = x.shape[-1] * x.shape[-2] * (len(x) if x.ndim == 4 else 1)
        if self.crossbars.prefers_matrix(vectors, self.weight, self.bias):
            weights, bias = self.crossbars.effective(self._flat_weight(), self.bias)
            kernels = weights.to(x.dtype).reshape(self.weight.shape)
            offset = None if bias is None else bias.to(x.dtype)
            y: Tensor = self._conv_forward(x, kernels, offset)
            return y
        return self._by_vectors(x) if x.ndim == 4 else self._by_vectors(x.unsqueeze(0)).squeeze(0)

    def _by_vectors(self, x: Tensor) -> Tensor:
        padded = F.pad(
            x, self._reversed_padding_repeated_twice,
            mode="constant" if self.padding_mode == "zeros" else self.padding_mode,
        )
        # two-tuples, as torch.nn.Conv2d stores them
        kernel, stride, dilation = self.kernel_size, self.stride, self.dilation
        patches = F.unfold(padded, kernel, dilation=dilation, stride=stride)
        batch, _, places = patches.shape
        size = [
            (n - d * (k - 1) - 1) // s + 1
            for n, k, s, d in zip(padded.shape[-2:], kernel, stride, dilation, strict=True)
        ]
        rows = patches.transpose(1, 2).reshape(batch * places, self.groups, -1)
        y: Tensor = self.crossbars(rows, self._flat_weight(), self.bias)
        return y.reshape(batch, places, -1).transpose(1, 2).reshape(batch, -1, *size)

    def extra_repr(self) -> str:
        """Describe the layer in its network's print-out."""
        describe: Any = super().extra_repr
        return f"{describe()}, tiles={self.config.tile_shape}"
