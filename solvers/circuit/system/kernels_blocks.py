# ruff: noqa: ARG001 - numba reads the arguments of its intrinsics
"""Calls between compiled kernels by address, and arrays at addresses, in blocks of integers.

A group that compiled loops evaluate says so by a `Block` (of `element_group`): a kernel of (what is
asked, time, block, numbers, x), and the block, sizes and addresses of the group's own arrays, which
the group keeps alive. So the loop is compiled once for all kinds of groups. Nothing checks an
address.
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

__all__ = ["ABRUPT", "ACCEPT", "EVALUATE", "NEXT", "REFUSE", "REWIND", "ROOM", "TURN",
           "address_of", "ask", "ask_all", "booleans", "call_law", "columns_of_doubles", "integers",
           "least_within", "place_of", "rows_of_doubles", "table_of_integers", "vector"]

# numba's own annotations are partial
types: Any = numba.core.types
_WORD = ir.IntType(64)
# what is asked of a group, as the methods of `ElementGroup`. Answers: of EVALUATE 1 where something
# was limited; of ACCEPT 1 where something jumped and, added to that, `ROOM` where the group needs
# more room before the next point; of ABRUPT 1 where a rate jumped; of REFUSE when the step should
# end, 0 to agree; of NEXT the next breakpoint. TURN is `corner`
EVALUATE, ACCEPT, REWIND, ABRUPT, REFUSE, NEXT, TURN = range(7)
ROOM = 2.0


def _intrinsic(function: Callable[..., Any]) -> Any:
    return _untyped_intrinsic(function)


def _signature() -> tuple[Any, ...]:
    ints, floats = types.Array(types.int64, 1, "C"), types.Array(types.float64, 1, "C")
    return types.int64, types.float64, ints, floats, floats


def _law_signature() -> tuple[Any, ...]:
    floats = types.Array(types.float64, 1, "C")
    return types.float64, floats, floats, floats


def address_of(kernel: Any, *, law: bool = False) -> int:
    """Return where a kernel of a group, or a law, begins, compiled before if need be."""
    arguments = _law_signature() if law else _signature()
    kernel.compile(arguments)
    found = kernel.overloads[arguments]
    return int(found.library.get_pointer_to_function(found.fndesc.llvm_func_name))


def place_of(array: Any) -> int:
    """Return the address of an array's first number."""
    return int(array.__array_interface__["data"][0])


def _caller(result: Any, kinds: Any) -> Any:
    """Return signature and code of a call of a kernel by its address, the first argument."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        convention = context.call_conv
        kind = convention.get_function_type(result, kinds)
        function = builder.inttoptr(args[0], kind.as_pointer())
        _, found = convention.call_function(builder, function, result, kinds, args[1:])
        return found

    return result(types.int64, *kinds), generate


@_intrinsic
def ask(
    _typing: Any, function: int, what: int, time: float, block: Any, numbers: Any, x: Any
) -> Any:
    """Call the kernel of a group at an address."""
    return _caller(types.float64, (types.int64, types.float64, block, numbers, x))


@_intrinsic
def call_law(_typing: Any, function: int, v: float, x: Any, p: Any, out: Any) -> Any:
    """Call the law of a device at an address; its answer means nothing."""
    return _caller(types.float64, (types.float64, x, p, out))


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
    what: int, time: float, kernels: Ints, blocks: Ints, block_ends: Ints, numbers: Array,
    number_ends: Ints, x: Array,
) -> float:
    """Ask all groups the same; return the largest answer, 0 at least."""
    found = 0.0
    for k in range(kernels.shape[0]):
        answer = ask(
            kernels[k], what, time, blocks[block_ends[k]:block_ends[k + 1]],
            numbers[number_ends[k]:number_ends[k + 1]], x,
        )
        found = max(found, answer)
    return found


@leaf
def least_within(
    what: int, time: float, asked: Ints, kernels: Ints, blocks: Ints, block_ends: Ints,
    numbers: Array, number_ends: Ints, x: Array, low: float, high: float,
) -> float:
    """Ask those groups; return the least answer between two numbers, 0 where none is."""
    found = high
    for k in range(kernels.shape[0]):
        if asked[k] == 1:
            answer = ask(
                kernels[k], what, time, blocks[block_ends[k]:block_ends[k + 1]],
                numbers[number_ends[k]:number_ends[k + 1]], x,
            )
            if low < answer < found:
                found = answer
    return found if found < high else 0.0
