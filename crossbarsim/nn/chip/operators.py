"""Crossbars as operators: what torch's graphs and function transforms see of a stored matrix.

Eager passes do not come here. Where torch traces (`torch.compile`, `torch.export`) or transforms
(`torch.func`), a stored matrix is two operators with a shape, a gradient and a rule for batches;
inside of them is what eager passes do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, Protocol
from weakref import WeakValueDictionary, finalize

import torch
from torch import Tensor

from ...core.errors import CrossbarSimError

__all__ = [
    "OPTIONS", "Stored", "bias_of", "given", "numbered", "outputs", "stored", "traced",
    "whole_weights",
]

# noise is drawn and devices are counted: no graph may drop or share an operator
OPTIONS: dict[str, Any] = {"mutates_args": (), "tags": (torch.Tag.nondeterministic_seeded,)}


class Stored(Protocol):
    """What the operators ask of a stored matrix."""

    number: int
    reads: int

    @property
    def whole_shape(self) -> tuple[int, int]:
        """Outputs of all groups, and lines."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Type of the effective weights."""
        ...

    def whole(self, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return the effective weights (outputs, lines)."""
        ...

    def outputs_of(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return the outputs (B, outputs) for every input vector."""
        ...

    def effective_in(
        self, dtype: torch.dtype, weight: Tensor, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the effective weights and bias, corrected, in a type."""
        ...


_numbers = count(1)
_matrices: WeakValueDictionary[int, Stored] = WeakValueDictionary()
# by number: weight and bias of the last pass that wants a gradient, and its graph
_passes: dict[int, tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]] = {}


def numbered(matrix: Any) -> int:
    """Return a number by which operators find a matrix again, for as long as it lives."""
    number = next(_numbers)
    _matrices[number] = matrix
    finalize(matrix, _passes.pop, number, None)
    return number


def traced() -> bool:
    """Whether torch is tracing or transforming what runs."""
    if torch.compiler.is_compiling():
        return True
    return torch._C._are_functorch_transforms_active()  # noqa: SLF001


def whole_weights(matrix: Stored, weight: Tensor, bias: Tensor | None, *, keep: bool) -> Tensor:
    """Return the effective weights (outputs, lines) as an operator; `keep`: for a gradient."""
    result: Tensor = _run("effective", Effective)(weight, given(bias, weight), matrix.number, keep)
    return result


def outputs(matrix: Stored, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the outputs (B, outputs) of a read of every input vector as an operator."""
    result: Tensor = _run("read", Read)(x, weight, given(bias, weight), matrix.number)[0]
    return result


def _run(name: str, function: type[torch.autograd.Function]) -> Any:
    """Return an operator, or what stands for it in `torch.func`.

    Its transforms know functions, but no gradients of operators.
    """
    if not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active():  # noqa: SLF001
        return partial(_apply, function)
    return getattr(torch.ops.crossbarsim, name)


def _apply(function: type[torch.autograd.Function], *arguments: Any) -> Any:
    return function.apply(*arguments)  # type: ignore[no-untyped-call]  # torch's


def given(bias: Tensor | None, like: Tensor) -> Tensor:
    """Return a tensor for a bias: operators take no None."""
    return like.new_empty(0) if bias is None else bias


def bias_of(bias: Tensor) -> Tensor | None:
    """Return the bias that `given` got."""
    return bias if bias.numel() else None


def stored(number: int) -> Stored:
    """Return the matrix of a number, or raise."""
    found = _matrices.get(number)
    if found is None:
        raise CrossbarSimError(
            "a compiled or exported graph asks for crossbars that are gone: it runs as long as "
            "the network that it was made of lives, in the same process"
        )
    return found


@contextmanager
def _with_gradients() -> Iterator[None]:
    """Follow gradients inside of an operator, where torch has switched that off."""
    keys = torch._C.DispatchKey  # noqa: SLF001
    switch = torch._C._SetExcludeDispatchKeyGuard  # noqa: SLF001
    with (
        torch._C._DisableFuncTorch(),  # noqa: SLF001 - the transform is outside
        switch(keys.AutogradFunctionality, False), switch(keys.ADInplaceOrView, False),
        torch.inference_mode(mode=False), torch.enable_grad(),
    ):
        yield


def _gradients(
    results: Tensor, seeds: Tensor, leaves: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    found = torch.autograd.grad(results, leaves, seeds.to(results.dtype), allow_unused=True)
    return tuple(
        leaf.new_zeros(leaf.shape) if g is None else _own(g.to(leaf.dtype))
        for leaf, g in zip(leaves, found, strict=True)
    )


def _own(tensor: Tensor) -> Tensor:
    """Return a copy as operators must give one: laid out as its shape says, shared with none."""
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def _leaves(*tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(t.detach().clone().requires_grad_() for t in tensors)


# -- effective weights -----------------------------------------------------------------------------


def _effective(weight: Tensor, bias: Tensor, number: int, keep: bool) -> Tensor:
    if not keep:
        with torch.no_grad():
            return _own(stored(number).whole(weight.detach(), bias_of(bias.detach())))
    graph = _followed(weight, bias, number)
    _passes[number] = (weight.detach().clone(), bias.detach().clone()), graph
    return _own(graph[2])


def _followed(weight: Tensor, bias: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
    with _with_gradients():
        leaf, own = _leaves(weight, bias)
        return leaf, own, stored(number).whole(leaf, bias_of(own))


def _effective_vjp(
    seeds: Tensor, weight: Tensor, bias: Tensor, number: int
) -> tuple[Tensor, Tensor]:
    kept = _passes.pop(number, None)  # of other weights where passes overlap: then once more
    if kept is None or not all(map(torch.equal, kept[0], (weight, bias))):
        graph = _followed(weight, bias, number)
    else:
        graph = kept[1]
    with _with_gradients():
        by_weight, by_bias = _gradients(graph[2], seeds, graph[:2])
    return by_weight, by_bias


def _effective_shape(weight: Tensor, bias: Tensor, number: int, keep: bool) -> Tensor:
    del bias, keep
    matrix = stored(number)
    return weight.new_empty(matrix.whole_shape, dtype=matrix.dtype)


def _effective_vjp_shape(
    seeds: Tensor, weight: Tensor, bias: Tensor, number: int
) -> tuple[Tensor, Tensor]:
    del seeds, number
    return weight.new_empty(weight.shape), bias.new_empty(bias.shape)


def _effective_saved(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    del output
    weight, bias, ctx.number, _ = inputs
    ctx.save_for_backward(weight, bias)


def _effective_backward(ctx: Any, seeds: Tensor) -> tuple[Any, ...]:
    weight, bias = ctx.saved_tensors
    return (
        *_run("effective_vjp", EffectiveVjp)(seeds.contiguous(), weight, bias, ctx.number),
        None, None,
    )


def _effective_batched(
    info: Any, dims: tuple[Any, ...], weight: Tensor, bias: Tensor, number: int, keep: bool
) -> tuple[Tensor, int]:
    weights, biases = (
        _unbatched(t, dim, info.batch_size) for t, dim in ((weight, dims[0]), (bias, dims[1]))
    )
    return torch.stack([
        _apply(Effective, w, b, number, keep) for w, b in zip(weights, biases, strict=True)
    ]), 0


def _effective_vjp_batched(
    info: Any, dims: tuple[Any, ...], seeds: Tensor, weight: Tensor, bias: Tensor, number: int
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    return _one_by_one(
        info, dims, (seeds, weight, bias),
        lambda *one: _apply(EffectiveVjp, *one, number),
    )


# -- reads -----------------------------------------------------------------------------------------


def _read(x: Tensor, weight: Tensor, bias: Tensor, number: int) -> tuple[Tensor, Tensor]:
    matrix = stored(number)
    first = torch.tensor(matrix.reads, dtype=torch.int64)
    with torch.no_grad():
        y = matrix.outputs_of(x.detach(), weight.detach(), bias_of(bias.detach()))
    return _own(y), first


def _read_vjp(
    seeds: Tensor, x: Tensor, weight: Tensor, bias: Tensor, first: Tensor, number: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Read once more, with the noise of the first time, and follow the gradient."""
    matrix = stored(number)
    after, matrix.reads = matrix.reads, int(first)
    try:
        with _with_gradients():
            leaves = _leaves(x, weight, bias)
            y = matrix.outputs_of(leaves[0], leaves[1], bias_of(leaves[2]))
            by_x, by_weight, by_bias = _gradients(y, seeds, leaves)
    finally:
        matrix.reads = after
    return by_x, by_weight, by_bias


def _read_shape(x: Tensor, weight: Tensor, bias: Tensor, number: int) -> tuple[Tensor, Tensor]:
    del weight, bias
    outputs = stored(number).whole_shape[0]
    return x.new_empty(x.shape[0], outputs), x.new_empty((), dtype=torch.int64, device="cpu")


def _read_vjp_shape(
    seeds: Tensor, x: Tensor, weight: Tensor, bias: Tensor, first: Tensor, number: int
) -> tuple[Tensor, Tensor, Tensor]:
    del seeds, first, number
    return tuple(t.new_empty(t.shape) for t in (x, weight, bias))  # type: ignore[return-value]


def _read_saved(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, weight, bias, ctx.number = inputs
    ctx.save_for_backward(x, weight, bias, output[1])


def _read_backward(ctx: Any, seeds: Tensor, _: Any) -> tuple[Any, ...]:
    return (*_run("read_vjp", ReadVjp)(seeds.contiguous(), *ctx.saved_tensors, ctx.number), None)


def _read_batched(
    info: Any, dims: tuple[Any, ...], x: Tensor, weight: Tensor, bias: Tensor, number: int
) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
    if dims[1] is None and dims[2] is None:  # one chip: the batch is one of inputs
        first = x.movedim(dims[0], 0)
        y, start = _apply(Read, first.flatten(0, 1), weight, bias, number)
        return (y.unflatten(0, first.shape[:2]), start.expand(info.batch_size)), (0, 0)
    found, where = _one_by_one(
        info, dims, (x, weight, bias), lambda *one: _apply(Read, *one, number)
    )
    return found, where  # type: ignore[return-value]


def _read_vjp_batched(
    info: Any, dims: tuple[Any, ...], seeds: Tensor, x: Tensor, weight: Tensor, bias: Tensor,
    first: Tensor, number: int,
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    return _one_by_one(
        info, dims, (seeds, x, weight, bias, first),
        lambda *one: _apply(ReadVjp, *one, number),
    )


# -- batches of a function transform ---------------------------------------------------------------


def _unbatched(tensor: Tensor, dim: int | None, size: int) -> tuple[Tensor, ...]:
    return (tensor,) * size if dim is None else tensor.unbind(dim)


def _one_by_one(
    info: Any, dims: tuple[Any, ...], tensors: tuple[Tensor, ...], run: Any
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    each = zip(*(
        _unbatched(t, d, info.batch_size) for t, d in zip(tensors, dims, strict=False)
    ), strict=True)
    results = [run(*one) for one in each]
    stacked = tuple(torch.stack(parts) for parts in zip(*results, strict=True))
    return stacked, (0,) * len(stacked)


def _once(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    del ctx, inputs, output


def _no_more(ctx: Any, *seeds: Tensor) -> tuple[Any, ...]:
    del ctx, seeds
    raise CrossbarSimError("crossbars have first derivatives only")


class Effective(torch.autograd.Function):
    """`effective` of function transforms."""

    forward = staticmethod(_effective)
    setup_context = staticmethod(_effective_saved)
    backward = staticmethod(_effective_backward)
    vmap = staticmethod(_effective_batched)


class EffectiveVjp(torch.autograd.Function):
    """`effective_vjp` of function transforms."""

    forward = staticmethod(_effective_vjp)
    setup_context = staticmethod(_once)
    backward = staticmethod(_no_more)
    vmap = staticmethod(_effective_vjp_batched)


class Read(torch.autograd.Function):
    """`read` of function transforms."""

    forward = staticmethod(_read)
    setup_context = staticmethod(_read_saved)
    backward = staticmethod(_read_backward)
    vmap = staticmethod(_read_batched)


class ReadVjp(torch.autograd.Function):
    """`read_vjp` of function transforms."""

    forward = staticmethod(_read_vjp)
    setup_context = staticmethod(_once)
    backward = staticmethod(_no_more)
    vmap = staticmethod(_read_vjp_batched)


def _define() -> None:
    """Make the operators known to torch (2.4 or later; before, graphs break at crossbars)."""
    make = getattr(torch.library, "custom_op", None)
    if make is None:
        return
    effective = make("crossbarsim::effective", _effective, **OPTIONS)
    effective.register_fake(_effective_shape)
    effective.register_autograd(_effective_backward, setup_context=_effective_saved)
    effective.register_vmap(_effective_batched)
    vjp = make("crossbarsim::effective_vjp", _effective_vjp, **OPTIONS)
    vjp.register_fake(_effective_vjp_shape)
    vjp.register_vmap(_effective_vjp_batched)
    read = make("crossbarsim::read", _read, **OPTIONS)
    read.register_fake(_read_shape)
    read.register_autograd(_read_backward, setup_context=_read_saved)
    read.register_vmap(_read_batched)
    vjp = make("crossbarsim::read_vjp", _read_vjp, **OPTIONS)
    vjp.register_fake(_read_vjp_shape)
    vjp.register_vmap(_read_vjp_batched)


_define()
