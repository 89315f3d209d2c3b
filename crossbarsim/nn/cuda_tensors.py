"""Crossbars of tensors where the tensors are: PyTorch and CuPy share memory through DLPack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.dlpack import from_dlpack

from ..core.validation import Array
from ..netlists.crossbar.crossbar import Crossbar
from ..solvers.crossbar.batched import ArrayBackend
from ..solvers.crossbar.batched.device_tensors import Alike

__all__ = ["currents_on_device", "matrices_on_device"]

Make: TypeAlias = Callable[[Array, Array, Array], Crossbar]


@dataclass(frozen=True)
class _Bridge:
    """Between tensors and arrays of one device."""

    backend: ArrayBackend
    make: Make  # crossbar of conductances and of the word and bit segments

    def here(self, tensor: Tensor) -> AbstractContextManager[Any]:
        """Return the context in which arrays are made on the tensor's device."""
        if not self.backend.on_device:
            return nullcontext()
        device: AbstractContextManager[Any] = self.backend.xp.cuda.Device(tensor.device.index)
        return device

    def array(self, tensor: Tensor) -> Any:
        """Return a tensor as an array of float64; of the same memory where it is one already."""
        return self.backend.xp.from_dlpack(tensor.detach().to(torch.float64).contiguous())

    def alike(self, G: Tensor, word: Tensor, bit: Tensor) -> Alike:
        """Return the crossbars G (T, M, N)."""
        wires = (r.detach().to("cpu", torch.float64).numpy() for r in (word, bit))
        return Alike(self.backend, self.array(G), self.make(np.zeros(G.shape[1:]), *wires))


def _tensor(array: Any, like: Tensor) -> Tensor:
    """Return an array of the backend as a tensor of the dtype of another."""
    tensor: Tensor = from_dlpack(array)
    return tensor.to(like.dtype)


def _wire(gradient: Array, like: Tensor) -> Tensor:
    return torch.from_numpy(np.array(gradient)).to(like).reshape(like.shape)


class _DeviceCurrents(torch.autograd.Function):
    """V (T, B, M), G (T, M, N) -> (T, B, N)."""

    @staticmethod
    def forward(
        ctx: Any, V: Tensor, G: Tensor, word: Tensor, bit: Tensor, bridge: _Bridge
    ) -> Tensor:
        ctx.bridge = bridge
        ctx.save_for_backward(V, G, word, bit)
        with bridge.here(G):
            found = bridge.alike(G, word, bit).currents(bridge.array(V))
            return from_dlpack(found).to(torch.promote_types(V.dtype, G.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        V, G, word, bit = ctx.saved_tensors
        bridge = ctx.bridge
        wires = ctx.needs_input_grad[2] or ctx.needs_input_grad[3]
        with bridge.here(G):
            by_v, by_g, by_word, by_bit = bridge.alike(G, word, bit).current_gradients(
                bridge.array(V), bridge.array(grad), wires=wires
            )
            return (_tensor(by_v, V), _tensor(by_g, G), _wire(by_word, word), _wire(by_bit, bit),
                    None)


class _DeviceMatrices(torch.autograd.Function):
    """G (T, M, N) -> (T, N, M)."""

    @staticmethod
    def forward(ctx: Any, G: Tensor, word: Tensor, bit: Tensor, bridge: _Bridge) -> Tensor:
        ctx.bridge = bridge
        ctx.save_for_backward(G, word, bit)
        with bridge.here(G):
            return _tensor(bridge.alike(G, word, bit).matrices(), G)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        G, word, bit = ctx.saved_tensors
        bridge = ctx.bridge
        wires = ctx.needs_input_grad[1] or ctx.needs_input_grad[2]
        with bridge.here(G):
            by_g, by_word, by_bit = bridge.alike(G, word, bit).matrix_gradients(
                bridge.array(grad), wires=wires
            )
            return _tensor(by_g, G), _wire(by_word, word), _wire(by_bit, bit), None


def currents_on_device(
    backend: ArrayBackend, V: Tensor, G: Tensor, word: Tensor, bit: Tensor, make: Make
) -> Tensor:
    """Return the currents (T, B, N) of crossbars G (T, M, N) for V (T, B, M)."""
    found: Tensor = _DeviceCurrents.apply(  # type: ignore[no-untyped-call]
        V, G, word, bit, _Bridge(backend, make)
    )
    return found


def matrices_on_device(
    backend: ArrayBackend, G: Sequence[Tensor], word: Tensor, bit: Tensor, make: Make
) -> list[Tensor]:
    """Return the effective matrices of crossbars of any shapes, those of one shape at once."""
    groups: dict[torch.Size, list[int]] = {}
    for k, g in enumerate(G):
        groups.setdefault(g.shape, []).append(k)
    results: dict[int, Tensor] = {}
    for places in groups.values():
        # of mixed dtypes the widest, so that they are one array
        dtype = max((G[k].dtype for k in places), key=lambda d: d.itemsize)
        stacked = torch.stack([G[k].to(dtype) for k in places])
        found: Tensor = _DeviceMatrices.apply(  # type: ignore[no-untyped-call]
            stacked, word, bit, _Bridge(backend, make)
        )
        for k, matrix in zip(places, found.unbind(0), strict=True):
            results[k] = matrix.to(G[k].dtype)
    return [results[k] for k in range(len(G))]
