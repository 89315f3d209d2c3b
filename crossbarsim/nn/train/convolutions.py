"""Convolutions trained in place: kernels unrolled along the word lines."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...core.validation import count
from ..layers.unfold import windows
from .layer import InSituLayer, checked_count
from .settings import InSituConfig

__all__ = ["InSituConv1d", "InSituConv2d"]


class _Convolution(InSituLayer):
    """A convolution over some axes; every place of the kernel is one vector on the word lines."""

    axes: int

    @checks_arguments
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | Sequence[int],
        config: InSituConfig, *, stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0, dilation: int | Sequence[int] = 1, bias: bool = True,
        name: str = "",
    ) -> None:
        super().__init__()
        checked_count(in_channels=in_channels, out_channels=out_channels)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = self._each("kernel_size", kernel_size, 1)
        self.stride = self._each("stride", stride, 1)
        self.padding = self._each("padding", padding, 0)
        self.dilation = self._each("dilation", dilation, 1)
        inputs = in_channels * math.prod(self.kernel_size)
        self._setup(inputs, out_channels, config, bias=bias, name=name)

    def _each(self, name: str, value: int | Sequence[int], low: int) -> tuple[int, ...]:
        if not isinstance(value, (tuple, list)):
            return (count(name, value, low=low),) * self.axes
        if len(value) != self.axes:
            raise ParameterError(f"`{name}` must be one integer or {self.axes}; got {value!r:.60}")
        return tuple(count(name, one, low=low) for one in value)

    @property
    def weight(self) -> Tensor:
        """Weights without wires, (out_channels, in_channels, *kernel), float64."""
        inputs = self._inputs
        return self._weights()[:inputs].mT.reshape(-1, self.in_channels, *self.kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, (B, out_channels, *size), or without B as the input.

        Raises
        ------
        ParameterError
            Inputs of the wrong shape, smaller than the kernel, or larger than the configuration's
            `largest_input`.
        """
        axes = self.axes
        if x.ndim not in (axes + 1, axes + 2) or x.shape[-axes - 1] != self.in_channels:
            size = "L" if axes == 1 else "H, W"
            raise ParameterError(
                f"the input must have shape (B, {self.in_channels}, {size}) or "
                f"({self.in_channels}, {size}); got {tuple(x.shape)}"
            )
        if x.ndim == axes + 1:
            return self.forward(x.unsqueeze(0)).squeeze(0)
        padded = F.pad(x, [p for p in reversed(self.padding) for _ in range(2)])
        for n, k, d in zip(padded.shape[2:], self.kernel_size, self.dilation, strict=True):
            if n < d * (k - 1) + 1:
                raise ParameterError(
                    f"the padded input, {tuple(padded.shape[2:])}, is smaller than the kernel, "
                    f"{self.kernel_size}"
                )
        view = windows(padded, self.kernel_size, self.stride, self.dilation)
        y = self._product(view.reshape(-1, self._inputs)).to(x.dtype)
        return y.reshape(*view.shape[: 1 + axes], self.out_channels).movedim(-1, 1)

    def extra_repr(self) -> str:
        """Describe the layer in its network's print-out."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, {self.config.device!r:.40}"
        )


class InSituConv1d(_Convolution):
    """A one-dimensional convolution trained in place; parameters as of `InSituConv2d`."""

    axes = 1


class InSituConv2d(_Convolution):
    """A two-dimensional convolution whose weights are the states of devices, two per weight.

    Channels and kernel elements lie along the word lines, output channels along the bit lines, as
    in `crossbarsim.nn.CrossbarConv2d`; every place of the kernel is one read, and one of the
    outer products that an update adds up. Otherwise as `InSituLinear`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or (int, int)
    config : InSituConfig
    stride, padding, dilation : int or (int, int)
        Zeros around, as in torch.
    bias : bool
        One more word line, driven at the read voltage.
    name : str
        Of the layer, so that several of one seed have different devices.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn.train import (
    ...     GradientPulses, InSituConfig, InSituConv2d, PulseResponse, in_situ_update)
    >>> device = PulseResponse.neurosim(1e-6, 1e-5, 64, a_up=0.5, a_down=0.5)
    >>> layer = InSituConv2d(1, 2, 3, InSituConfig(device=device), padding=1)
    >>> x = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8)
    >>> y = layer(x)
    >>> tuple(y.shape), tuple(layer.weight.shape)
    ((1, 2, 8, 8), (2, 1, 3, 3))
    >>> y.square().mean().backward()
    >>> in_situ_update(layer, GradientPulses(0.5)).devices > 0
    True
    """

    axes = 2
