"""Convolutions as products, in N dimensions: windows of an input, sums of what overlaps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from ..chip.operators import traced

__all__ = ["CHUNK", "overlap_add", "row_chunks", "windows"]

CHUNK = 1 << 23  # numbers that an unfolded piece may have: 64 MB in float64


def windows(
    x: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Tensor:
    """Return every window under a kernel, as a view of `x`: no memory.

    Parameters
    ----------
    x : (B, C, *size) tensor
        Padded already, not smaller than the kernel.
    kernel, stride, dilation : N integers

    Returns
    -------
    (B, *places, C, *kernel) tensor
    """
    view = x
    for axis, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True), start=2):
        span = d * (k - 1) + 1
        view = view.unfold(axis, span, s)[..., ::d]
    return view.movedim(1, 1 + len(kernel))


def row_chunks(
    view: Tensor, places: int, groups: int, limit: int = CHUNK
) -> Iterator[Tensor]:
    """Yield the windows as rows (n, groups, inputs of a group), at most about `limit` numbers each.

    Parameters
    ----------
    view : (B, *places, C, *kernel) tensor
    places : int
        Number of the axes of places, >= 1.
    groups, limit : int
    """
    inputs = view.shape[1 + places :].numel() // groups
    if traced():  # a graph takes any number of samples, at once
        yield view.reshape(-1, groups, inputs)
        return
    sample = max(view.shape[1:].numel(), 1)
    if sample <= limit:
        step = max(limit // sample, 1)
        for b in range(0, max(view.shape[0], 1), step):  # an empty batch is one empty piece
            yield view[b : b + step].reshape(-1, groups, inputs)
        return
    step = max(limit * view.shape[1] // sample, 1)
    for b, o in itertools.product(range(view.shape[0]), range(0, view.shape[1], step)):
        yield view[b, o : o + step].reshape(-1, groups, inputs)


def overlap_add(
    taps: Tensor, stride: Sequence[int], dilation: Sequence[int], begin: Sequence[int],
    size: Sequence[int],
) -> Tensor:
    """Return the sums of what every input place contributes to a transposed convolution.

    Parameters
    ----------
    taps : (B, C, *kernel, *places) tensor
        Place p's contribution through kernel element k lands at ``p * stride + k * dilation``.
    stride, dilation : N integers
    begin, size : N integers
        The part of the plane that is the output; beyond the last contribution it is 0.

    Returns
    -------
    (B, C, *size) tensor
    """
    count = len(stride)
    kernel, places = taps.shape[2 : 2 + count], taps.shape[2 + count :]
    extent = [
        max((n - 1) * s + d * (k - 1) + 1, b + length)
        for n, s, d, k, b, length in zip(
            places, stride, dilation, kernel, begin, size, strict=True
        )
    ]
    plane = taps.new_zeros(*taps.shape[:2], *extent)
    for element in itertools.product(*map(range, kernel)):
        where: tuple[Any, ...] = tuple(
            slice(e * d, e * d + (n - 1) * s + 1, s)
            for e, d, n, s in zip(element, dilation, places, stride, strict=True)
        )
        given: tuple[Any, ...] = (slice(None), slice(None), *element)
        plane[(..., *where)] += taps[given]
    part: tuple[Any, ...] = tuple(slice(b, b + n) for b, n in zip(begin, size, strict=True))
    return plane[(..., *part)]
