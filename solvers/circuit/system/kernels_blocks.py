# ruff: noqa: ARG001 - numba reads the arguments of its intrinsics
"""Calls between compiled kernels by address, and arrays at addresses, in blocks of integers.

A group that compiled loops evaluate says so by a `Block` (of `element_group`): a kernel of (what is
asked, block, numbers, x), and the block, sizes and addresses of the group's own arrays, which the
group keeps alive. So the loop is compiled once for all kinds of groups. Nothing checks an address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba.core.types
from llvmlite import ir
from numba.extending import intrinsic as _untyped_intrinsic
from numba.np.arrayobj import populate_array

from ....core.compiled.jit import leaf
from ....core.validation import Array
from .element_group import Ints

__all__ = ["ACCEPT", "EVALUATE", "REWIND", "address_of", "ask", "ask_all", "booleans",
           "columns_of_doubles",
           "integers", "place_of", "rows_of_doubles", "table_of_integers", "vector"]

# numba's own annotations are partial
types: Any = numba.core.types
_WORD = ir.IntType(64)
# what is asked of a group: 1 is the answer where something was limited, where something has jumped
EVALUATE, ACCEPT, REWIND = range(3)


def _intrinsic(function: Callable[..., Any]) -> Any:
    return _untyped_intrinsic(function)


def _signature() -> tuple[Any, ...]:
    ints, floats = types.Array(types.int64, 1, "C"), types.Array(types.float64, 1, "C")
    return types.int64, ints, floats, floats


def address_of(kernel: Any) -> int:
    """Return where a kernel of a group begins, compiled before if need be."""
    arguments = _signature()
    kernel.compile(arguments)
    found = kernel.overloads[arguments]
    return int(found.library.get_pointer_to_function(found.fndesc.llvm_func_name))


def place_of(array: Any) -> int:
    """Return the address of an array's first number."""
    return int(array.__array_interface__["data"][0])


@_intrinsic
def ask(_typing: Any, function: int, what: int, block: Any, numbers: Any, x: Any) -> Any:
    """Call the kernel of a group at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        convention, kinds = context.call_conv, signature.args[1:]
        kind = convention.get_function_type(signature.return_type, kinds)
        function = builder.inttoptr(args[0], kind.as_pointer())
        _, found = convention.call_function(
            builder, function, signature.return_type, kinds, args[1:]
        )
        return found

    return types.float64(types.int64, types.int64, block, numbers, x), generate


def _shaped(kind: Any, dimensions: int, layout: str) -> Any:
    """Return the intrinsic of an address and sizes that makes an array."""
    array_type = types.Array(kind, dimensions, layout)

    def declare(_typing: Any, _address: int, *sizes: int) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            item = context.get_data_type(kind)
            size = ir.Constant(_WORD, context.get_abi_sizeof(item))
            shape = list(args[1:])
            strides = [size] * dimensions
            if dimensions == 2:
                inner = builder.mul(size, shape[0 if layout == "F" else 1])
                strides = [size, inner] if layout == "F" else [inner, size]
            array = context.make_array(array_type)(context, builder)
            populate: Any = populate_array
            populate(
                array, data=builder.inttoptr(args[0], item.as_pointer()), shape=shape,
                strides=strides, itemsize=size, meminfo=None,
            )
            return array._getvalue()  # noqa: SLF001 - numba's structures offer nothing else

        return array_type(types.int64, *(types.int64,) * dimensions), generate

    return declare


@_intrinsic
def vector(typing: Any, address: int, size: int) -> Any:
    """Return the doubles at an address."""
    return _shaped(types.float64, 1, "C")(typing, address, size)


@_intrinsic
def integers(typing: Any, address: int, size: int) -> Any:
    """Return the 64-bit integers at an address."""
    return _shaped(types.int64, 1, "C")(typing, address, size)


@_intrinsic
def booleans(typing: Any, address: int, size: int) -> Any:
    """Return the truth values at an address."""
    return _shaped(types.boolean, 1, "C")(typing, address, size)


@_intrinsic
def table_of_integers(typing: Any, address: int, rows: int, columns: int) -> Any:
    """Return the integers at an address, row by row."""
    return _shaped(types.int64, 2, "C")(typing, address, rows, columns)


@_intrinsic
def rows_of_doubles(typing: Any, address: int, rows: int, columns: int) -> Any:
    """Return the doubles at an address, row by row."""
    return _shaped(types.float64, 2, "C")(typing, address, rows, columns)


@_intrinsic
def columns_of_doubles(typing: Any, address: int, rows: int, columns: int) -> Any:
    """Return the doubles at an address, column by column."""
    return _shaped(types.float64, 2, "F")(typing, address, rows, columns)


@leaf
def ask_all(
    what: int, kernels: Ints, blocks: Ints, block_ends: Ints, numbers: Array, number_ends: Ints,
    x: Array,
) -> float:
    """Ask all groups the same; return the largest answer, 0 at least."""
    found = 0.0
    for k in range(kernels.shape[0]):
        answer = ask(
            kernels[k], what, blocks[block_ends[k]:block_ends[k + 1]],
            numbers[number_ends[k]:number_ends[k + 1]], x,
        )
        found = max(found, answer)
    return found
