"""Products and convolutions with kept matrices, as operators of graphs whose weights are fixed.

The operator `effective` gives graphs a copy of the matrix in every pass, as they may overwrite what
an operator gives; these give the outputs alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional, grad

from .operators import OPTIONS, Stored, bias_of, given, stored

__all__ = ["compiled", "convolved", "multiplied"]

_CONVOLUTIONS: dict[int, Any] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_BY_INPUT: dict[int, Any] = {1: grad.conv1d_input, 2: grad.conv2d_input, 3: grad.conv3d_input}


def compiled() -> bool:
    """Whether torch is tracing a graph, outside of its function transforms."""
    if not hasattr(torch.library, "custom_op") or not torch.compiler.is_compiling():
        return False
    return not torch._C._are_functorch_transforms_active()  # noqa: SLF001


def multiplied(matrix: Stored, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x (..., inputs) times the effective weights, bias included; no gradient in these."""
    result: Tensor = torch.ops.crossbarsim.multiply(x, weight, given(bias, weight), matrix.number)
    return result


def convolved(
    matrix: Stored, x: Tensor, weight: Tensor, bias: Tensor | None, kernel: Sequence[int],
    stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int,
) -> Tensor:
    """Return images x (B, C, *size) under the effective kernels; no gradient in these."""
    result: Tensor = torch.ops.crossbarsim.convolve(
        x, weight, given(bias, weight), matrix.number, kernel, stride, padding, dilation, groups
    )
    return result


def _multiply(x: Tensor, weight: Tensor, bias: Tensor, number: int) -> Tensor:
    with torch.no_grad():
        weights, offset = stored(number).effective_in(x.dtype, weight, bias_of(bias))
        return functional.linear(x, weights, offset)


def _multiply_vjp(seeds: Tensor, weight: Tensor, bias: Tensor, number: int) -> Tensor:
    with torch.no_grad():
        return seeds @ stored(number).effective_in(seeds.dtype, weight, bias_of(bias))[0]


def _multiply_shape(x: Tensor, weight: Tensor, bias: Tensor, number: int) -> Tensor:
    del weight, bias
    return x.new_empty(*x.shape[:-1], stored(number).whole_shape[0])


def _multiply_vjp_shape(seeds: Tensor, weight: Tensor, bias: Tensor, number: int) -> Tensor:
    del bias, number
    return seeds.new_empty(*seeds.shape[:-1], weight.shape[-1])


def _multiply_saved(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    del output
    _, weight, bias, ctx.number = inputs
    ctx.save_for_backward(weight, bias)


def _multiply_backward(ctx: Any, seeds: Tensor) -> tuple[Any, ...]:
    weight, bias = ctx.saved_tensors
    by_x = torch.ops.crossbarsim.multiply_vjp(seeds.contiguous(), weight, bias, ctx.number)
    return by_x, None, None, None


def _kernels(
    dtype: torch.dtype, weight: Tensor, bias: Tensor, number: int, kernel: Sequence[int]
) -> tuple[Tensor, Tensor | None]:
    weights, offset = stored(number).effective_in(dtype, weight, bias_of(bias))
    return weights.reshape(len(weights), -1, *kernel), offset


def _convolve(
    x: Tensor, weight: Tensor, bias: Tensor, number: int, kernel: Sequence[int],
    stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int,
) -> Tensor:
    with torch.no_grad():
        kernels, offset = _kernels(x.dtype, weight, bias, number, kernel)
        y: Tensor = _CONVOLUTIONS[len(kernel)](
            x, kernels, offset, stride, padding, dilation, groups
        )
        return y.contiguous()


def _convolve_vjp(
    seeds: Tensor, weight: Tensor, bias: Tensor, size: Sequence[int], number: int,
    kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int],
    groups: int,
) -> Tensor:
    with torch.no_grad():
        kernels, _ = _kernels(seeds.dtype, weight, bias, number, kernel)
        by_x: Tensor = _BY_INPUT[len(kernel)](
            size, kernels, seeds, stride, padding, dilation, groups
        )
        return by_x.contiguous()


def _convolve_shape(
    x: Tensor, weight: Tensor, bias: Tensor, number: int, kernel: Sequence[int],
    stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int,
) -> Tensor:
    del weight, bias, groups
    places = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True)
    ]
    return x.new_empty(x.shape[0], stored(number).whole_shape[0], *places)


def _convolve_vjp_shape(
    seeds: Tensor, weight: Tensor, bias: Tensor, size: Sequence[int], number: int,
    kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int],
    groups: int,
) -> Tensor:
    del weight, bias, number, kernel, stride, padding, dilation, groups
    return seeds.new_empty(size)


def _convolve_saved(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    del output
    x, weight, bias, *ctx.rest = inputs
    ctx.size = list(x.shape)
    ctx.save_for_backward(weight, bias)


def _convolve_backward(ctx: Any, seeds: Tensor) -> tuple[Any, ...]:
    weight, bias = ctx.saved_tensors
    by_x = torch.ops.crossbarsim.convolve_vjp(
        seeds.contiguous(), weight, bias, ctx.size, *ctx.rest
    )
    return by_x, *[None] * 8


def _define() -> None:
    """Make the operators known to torch (2.4 or later)."""
    make = getattr(torch.library, "custom_op", None)
    if make is None:
        return
    multiply = make("crossbarsim::multiply", _multiply, **OPTIONS)
    multiply.register_fake(_multiply_shape)
    multiply.register_autograd(_multiply_backward, setup_context=_multiply_saved)
    vjp = make("crossbarsim::multiply_vjp", _multiply_vjp, **OPTIONS)
    vjp.register_fake(_multiply_vjp_shape)
    convolve = make("crossbarsim::convolve", _convolve, **OPTIONS)
    convolve.register_fake(_convolve_shape)
    convolve.register_autograd(_convolve_backward, setup_context=_convolve_saved)
    vjp = make("crossbarsim::convolve_vjp", _convolve_vjp, **OPTIONS)
    vjp.register_fake(_convolve_vjp_shape)


_define()
