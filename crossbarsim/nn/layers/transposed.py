"""Transposed convolutions on crossbars: products first, sums of overlapping outputs after."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvTransposeNd

from ...core.errors import ParameterError
from ..chip.operators import traced
from .base import Matrix, effective
from .grouped import Grouped
from .unfold import CHUNK, overlap_add

__all__ = ["CrossbarConvTranspose1d", "CrossbarConvTranspose2d", "CrossbarConvTranspose3d"]

_DIGITAL = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


class _Transposed(Grouped, _ConvTransposeNd):
    """The transposed convolutions in one to three dimensions.

    The padding-free design that Fan et al. describe (RED: a ReRAM-based deconvolution accelerator,
    DATE 2019): the channels of one input place are one vector, output channels and kernel
    elements lie along the bit lines, and what overlaps is summed after read-out. No zeros are
    inserted, so no word line is driven for nothing. As an output place gets as many contributions
    as kernel elements reach it, a bias cannot be a word line: it is added digitally.
    """

    def _check(self) -> None:
        if self.bias is not None and self.config.bias == "chip":
            raise ParameterError(
                f"{type(self).__name__}: the bias of a transposed convolution cannot be stored "
                'on chip (its outputs are summed after read-out); override it with {"bias": '
                '"digital"}'
            )

    def _matrices(self) -> Iterator[Matrix]:
        # (in, out / groups, *kernel): (groups, outputs and kernel, inputs), still a view
        grouped = self.weight.reshape(self.groups, self.in_channels // self.groups, -1)
        packs = self._packed(grouped.transpose(1, 2))
        yield "crossbars", packs, None, len(packs)

    def forward(
        self, input: Tensor, output_size: Sequence[int] | None = None,  # noqa: A002 - torch's
    ) -> Tensor:
        """Return the output, (B, out_channels, *size), or without B as the input."""
        x, axes = input, len(self.kernel_size)
        if x.ndim not in (axes + 1, axes + 2) or x.shape[-axes - 1] != self.in_channels:
            raise ParameterError(
                f"the input must have shape (B, {self.in_channels}, and {axes} sizes), or "
                f"without B; got {tuple(x.shape)}"
            )
        if self.padding_mode != "zeros":
            raise ParameterError('a transposed convolution has `padding_mode` "zeros" only')
        padding: Any = self.padding
        extra: Any = self._output_padding(
            x, None if output_size is None else list(output_size), list(self.stride),
            list(padding), list(self.kernel_size), axes, list(self.dilation),
        )
        if x.ndim == axes + 1:
            return self._batch(x.unsqueeze(0), extra).squeeze(0)
        return self._batch(x, extra)

    def _batch(self, x: Tensor, extra: Sequence[int]) -> Tensor:
        ((_, weight, _, groups),) = self._matrices()
        places = x.shape[2:]
        if self.crossbars.prefers_matrix(x.shape[0] * math.prod(places), weight):
            flat, _ = effective(self.crossbars, x, weight)
            kernels = flat.reshape(weight.shape).transpose(1, 2).reshape(
                len(self.weight), -1, *self.kernel_size
            )
            padding: Any = self.padding
            y: Tensor = _DIGITAL[len(places)](
                x, kernels, self.bias, self.stride, padding, extra, groups, self.dilation
            )
            return y
        size = [
            (n - 1) * s - 2 * p + d * (k - 1) + e + 1
            for n, s, p, d, k, e in zip(
                places, self.stride, self.padding, self.dilation, self.kernel_size, extra,
                strict=True,
            )
        ]
        taps = self.weight.shape[1:].numel() * self.groups * math.prod(places)  # of one sample
        step = max(CHUNK // max(taps, 1), 1)
        with self.crossbars.held():
            y = self._products(x, weight, size) if traced() else torch.cat([
                self._products(x[b : b + step], weight, size)
                for b in range(0, max(x.shape[0], 1), step)
            ])
        return y if self.bias is None else y + self.bias.reshape(-1, *(1,) * len(places))

    def _products(self, x: Tensor, weight: Tensor, size: Sequence[int]) -> Tensor:
        places = x.shape[2:]
        rows = x.movedim(1, -1).reshape(-1, len(weight), weight.shape[-1])
        found: Tensor = self.crossbars(rows, weight)
        taps = found.reshape(x.shape[0], *places, self.out_channels, *self.kernel_size)
        axes = len(places)
        taps = taps.permute(0, *range(1 + axes, 2 + 2 * axes), *range(1, 1 + axes))
        return overlap_add(taps, self.stride, self.dilation, self.padding, size)  # type: ignore[arg-type]  # numbers


class CrossbarConvTranspose1d(_Transposed, nn.ConvTranspose1d):
    """A one-dimensional transposed convolution on crossbars.

    Takes every option of `torch.nn.ConvTranspose1d`; a bias is digital.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarConvTranspose1d
    >>> layer = CrossbarConvTranspose1d(2, 3, 3, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(1, 2, 6)).shape)
    (1, 3, 8)
    """


class CrossbarConvTranspose2d(_Transposed, nn.ConvTranspose2d):
    """A two-dimensional transposed convolution on crossbars.

    Takes every option of `torch.nn.ConvTranspose2d`; a bias is digital.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarConvTranspose2d
    >>> layer = CrossbarConvTranspose2d(2, 1, 3, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(1, 2, 4, 4)).shape)
    (1, 1, 6, 6)
    """


class CrossbarConvTranspose3d(_Transposed, nn.ConvTranspose3d):
    """A three-dimensional transposed convolution on crossbars.

    Takes every option of `torch.nn.ConvTranspose3d`; a bias is digital.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarConvTranspose3d
    >>> layer = CrossbarConvTranspose3d(1, 1, 2, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(1, 1, 3, 3, 3)).shape)
    (1, 1, 4, 4, 4)
    """
