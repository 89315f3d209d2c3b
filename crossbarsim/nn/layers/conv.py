"""Convolutions on crossbars: kernels unrolled along the word lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd

from ...core.errors import ParameterError
from ..chip.compiled.reading import Windows
from ..chip.products import convolved
from .base import Matrix, as_operator, effective
from .grouped import Grouped
from .unfold import row_chunks, windows

__all__ = ["CrossbarConv1d", "CrossbarConv2d", "CrossbarConv3d"]

_DIGITAL: dict[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class _Convolution(Grouped, _ConvNd):
    """The convolutions in one to three dimensions.

    Channels and kernel elements lie along the word lines, output channels along the bit lines;
    groups have crossbars of their own, or share them as blocks along a diagonal
    (`CrossbarConfig.grouping`). Every place of the kernel is one input vector; the inputs are
    unfolded piece by piece, so that memory stays bounded.
    """

    def _matrices(self) -> Iterator[Matrix]:
        grouped = self.weight.reshape(self.groups, len(self.weight) // self.groups, -1)
        packs = self._packed(grouped)
        yield "crossbars", packs.flatten(0, 1), self.bias, len(packs)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Return the output, (B, out_channels, *size), or without B as the input."""
        x, axes = input, len(self.kernel_size)
        if x.ndim not in (axes + 1, axes + 2) or x.shape[-axes - 1] != self.in_channels:
            size = ", ".join("DHW"[-axes:] if axes > 1 else "L")
            raise ParameterError(
                f"the input must have shape (B, {self.in_channels}, {size}) or "
                f"({self.in_channels}, {size}); got {tuple(x.shape)}"
            )
        if x.ndim == axes + 1:
            return self.forward(x.unsqueeze(0)).squeeze(0)
        ((_, weight, bias, groups),) = self._matrices()
        if self.crossbars.prefers_matrix(x.shape[0] * self._places(x), weight, bias):
            if as_operator(x, weight, bias):
                self.crossbars.check_inputs(x)
                around: tuple[int, ...] = (0,) * axes
                if self.padding_mode != "zeros" or isinstance(self.padding, str):
                    x = self._padded(x)
                else:
                    around = tuple(self.padding)
                return convolved(
                    self.crossbars, x, weight, bias, self.kernel_size, self.stride, around,
                    self.dilation, groups,
                )
            kernels, offset = effective(self.crossbars, x, weight, bias)
            if groups == self.groups:
                y: Tensor = self._conv_forward(x, kernels.reshape(self.weight.shape), offset)
                return y
            packs = kernels.reshape(len(kernels), -1, *self.kernel_size)
            z: Tensor = _DIGITAL[axes](
                self._padded(x), packs, offset, self.stride, 0, self.dilation, groups
            )
            return z
        zeros = self.padding_mode == "zeros"
        with self.crossbars.held():  # programmed once, whichever way they are read
            own = self._windows(x)
            # zeros come around the images in the compiled pass
            read: Tensor | None = self.crossbars.windows(
                _three(x if zeros else self._padded(x)), own, weight, bias
            )
            if read is not None:
                return read.reshape(*read.shape[:2], *own.places[3 - axes :])
            view = windows(self._padded(x), self.kernel_size, self.stride, self.dilation)
            rows = [self.crossbars(part, weight, bias) for part in row_chunks(view, axes, groups)]
        shape = (x.shape[0], *view.shape[1 : 1 + axes], self.out_channels)
        return torch.cat(rows).reshape(shape).movedim(-1, 1)

    def _padded(self, x: Tensor) -> Tensor:
        return F.pad(
            x, self._reversed_padding_repeated_twice,
            mode="constant" if self.padding_mode == "zeros" else self.padding_mode,
        )

    def _windows(self, x: Tensor) -> Windows:
        """Return the windows of an input, in three dimensions, and its zeros around."""
        def triple(values: Sequence[int], fill: int = 1) -> tuple[int, int, int]:
            first, second, third = (*[fill] * (3 - len(values)), *values)
            return first, second, third

        around = self._reversed_padding_repeated_twice[::-1]
        places = [
            (n + around[2 * axis] + around[2 * axis + 1] - d * (k - 1) - 1) // s + 1
            for axis, (n, k, s, d) in enumerate(
                zip(x.shape[2:], self.kernel_size, self.stride, self.dilation, strict=True))
        ]
        nothing = self.padding_mode != "zeros"
        after, before = ([0] * len(places) if nothing else around[k::2] for k in (0, 1))
        return Windows(
            triple(self.kernel_size), triple(self.stride), triple(self.dilation), triple(places),
            triple(before, 0), triple(after, 0),
        )

    def _places(self, x: Tensor) -> int:
        """Return at how many places the kernel is applied to one sample."""
        padding = self._reversed_padding_repeated_twice[::-1]
        count = 1
        for axis, (n, k, s, d) in enumerate(
            zip(x.shape[2:], self.kernel_size, self.stride, self.dilation, strict=True)
        ):
            room = n + padding[2 * axis] + padding[2 * axis + 1] - d * (k - 1)
            if room < 1:
                raise ParameterError(
                    f"the padded input is smaller than the kernel along axis {axis}: got "
                    f"{tuple(x.shape[2:])} for kernels of {self.kernel_size}"
                )
            count *= (room - 1) // s + 1
        return count


def _three(x: Tensor) -> Tensor:
    """Return images (B, C, *size) as (B, C, D, H, W)."""
    return x.reshape(*x.shape[:2], *[1] * (5 - x.ndim), *x.shape[2:])


class CrossbarConv1d(_Convolution, nn.Conv1d):
    """A one-dimensional convolution on crossbars.

    Takes every option of `torch.nn.Conv1d`; parameters as there, and as in `CrossbarLinear`.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarConv1d
    >>> layer = CrossbarConv1d(2, 3, 3, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(1, 2, 8)).shape)
    (1, 3, 6)
    """


class CrossbarConv2d(_Convolution, nn.Conv2d):
    """A two-dimensional convolution on crossbars: kernels unrolled along the word lines.

    Takes every option of `torch.nn.Conv2d`; parameters as there, and as in `CrossbarLinear`.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarConv2d
    >>> layer = CrossbarConv2d(1, 4, 3, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(1, 1, 8, 8)).shape)
    (1, 4, 6, 6)
    """


class CrossbarConv3d(_Convolution, nn.Conv3d):
    """A three-dimensional convolution on crossbars.

    Takes every option of `torch.nn.Conv3d`; parameters as there, and as in `CrossbarLinear`.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarConv3d
    >>> layer = CrossbarConv3d(1, 2, 3, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(1, 1, 5, 5, 5)).shape)
    (1, 2, 3, 3, 3)
    """
