# ruff: noqa: ARG001 - numba reads the arguments of its intrinsics
"""Addresses inside kernels: of arrays, and what stands at them.

For use inside compiled kernels only. Nothing checks an address: whoever hands one to a kernel keeps
what is there alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba.core.types
from llvmlite import ir
from numba.extending import intrinsic as _untyped_intrinsic

__all__ = ["address", "fetch", "place"]

# numba's own annotations are partial
types: Any = numba.core.types
_WORD = ir.IntType(64)


def _intrinsic(function: Callable[..., Any]) -> Any:
    return _untyped_intrinsic(function)


@_intrinsic
def address(_typing: Any, array: Any) -> Any:
    """Return the address of the first number of an array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.ptrtoint(data, _WORD)

    return types.int64(array), generate


@_intrinsic
def fetch(_typing: Any, at: Any) -> Any:
    """Return the 64-bit integer at an address."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], _WORD.as_pointer()))

    return types.int64(types.int64), generate


@_intrinsic
def place(_typing: Any, at: Any, value: Any) -> Any:
    """Write a 64-bit integer to an address."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], _WORD.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate
