"""What threads inside kernels need to wait for each other, for use inside compiled kernels only.

Reads and additions are sequentially consistent, hence also acquire and release: on processors
that reorder memory accesses (ARM, POWER, RISC-V), what one thread wrote before `advance` is seen
by another once `current` has shown it the new count. Everything else may be plain memory.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numba.core.cgutils
import numba.core.types
from llvmlite import binding, ir
from numba.extending import intrinsic as _untyped_intrinsic

__all__ = ["advance", "current", "give_way"]

# numba's own annotations are partial
cgutils: Any = numba.core.cgutils
types: Any = numba.core.types


def _provide_yield() -> None:
    """Let kernels find ``sched_yield`` on Windows, whose C library has none."""
    if sys.platform == "win32":
        switch = ctypes.WinDLL("kernel32").SwitchToThread
        binding.add_symbol("sched_yield", ctypes.cast(switch, ctypes.c_void_p).value)


_provide_yield()


def _intrinsic(function: Callable[..., Any]) -> Any:
    return _untyped_intrinsic(function)


def _address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


@_intrinsic
def advance(_typing: Any, counters: Any, index: int) -> Any:
    """Add 1 to ``counters[index]`` (int64); what was written before is seen by who reads it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _address(context, builder, signature.args[0], args[0], args[1])
        one = ir.Constant(ir.IntType(64), 1)
        builder.atomic_rmw("add", place, one, "seq_cst")
        return context.get_dummy_value()

    return types.void(counters, types.intp), generate


@_intrinsic
def current(_typing: Any, counters: Any, index: int) -> Any:
    """Return ``counters[index]`` (int64), read from memory."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _address(context, builder, signature.args[0], args[0], args[1])
        return builder.load_atomic(place, "seq_cst", 8)

    return types.int64(counters, types.intp), generate


@_intrinsic
def give_way(_typing: Any) -> Any:
    """Let another thread have the processor, where one waits."""

    def generate(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate
