"""Products with kept matrices, as an operator of graphs whose weights are fixed.

The operator `effective` gives graphs a copy of the matrix in every pass, as they may overwrite what
an operator gives; this one gives the product alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .operators import OPTIONS, Stored, bias_of, given, stored

__all__ = ["compiled", "multiplied"]


def compiled() -> bool:
    """Whether torch is tracing a graph, outside of its function transforms."""
    if not hasattr(torch.library, "custom_op") or not torch.compiler.is_compiling():
        return False
    return not torch._C._are_functorch_transforms_active()  # noqa: SLF001


def multiplied(matrix: Stored, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x (..., inputs) times the effective weights, bias included; no gradient in these."""
    result: Tensor = torch.ops.crossbarsim.multiply(x, weight, given(bias, weight), matrix.number)
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


def _define() -> None:
    """Make the operator known to torch (2.4 or later)."""
    make = getattr(torch.library, "custom_op", None)
    if make is None:
        return
    multiply = make("crossbarsim::multiply", _multiply, **OPTIONS)
    multiply.register_fake(_multiply_shape)
    multiply.register_autograd(_multiply_backward, setup_context=_multiply_saved)
    vjp = make("crossbarsim::multiply_vjp", _multiply_vjp, **OPTIONS)
    vjp.register_fake(_multiply_vjp_shape)


_define()
