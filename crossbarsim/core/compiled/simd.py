"""Eight doubles at a time inside kernels.

LLVM's loop vectoriser gives up on recurrences and on loops over many arrays (it must first prove
that they do not overlap), which is what the crossbar kernels are made of. These few functions,
for use inside compiled kernels only, say what is meant: `load(array, k)` reads the elements k..k+7
of a C-contiguous array counted flat, `store` writes them, the others compute. LLVM maps eight
lanes to whatever the processor has (one AVX-512, two AVX or four SSE/NEON registers).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numba.core.cgutils
import numba.core.types
from llvmlite import ir
from numba.extending import intrinsic as _untyped_intrinsic
from numba.extending import models, register_model

__all__ = ["WIDTH", "Vec", "add", "div", "exceeds", "fma", "larger", "load", "magnitude", "most",
           "mul", "splat", "store", "sub", "total", "transpose"]

WIDTH = 8
# numba's own annotations are partial
cgutils: Any = numba.core.cgutils
types: Any = numba.core.types
Vec = Any  # a vector of eight doubles, inside kernels only

_LLVM = ir.VectorType(ir.DoubleType(), WIDTH)
_INT = ir.IntType(32)


def _intrinsic(function: Callable[..., Any]) -> Any:
    return _untyped_intrinsic(function)


class _VecType(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name="crossbarsim_vec8")


_vec = _VecType()


@cast("Callable[[type], type]", register_model(_VecType))
class _VecModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        init: Any = super().__init__
        init(manager, fe_type, _LLVM)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _LLVM.as_pointer())


def _lane(k: int) -> Any:
    return ir.Constant(_INT, k)


def _shuffle(builder: Any, a: Any, b: Any, mask: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INT, WIDTH), mask))


def _call(builder: Any, name: str, *args: Any) -> Any:
    kind = ir.FunctionType(_LLVM, [_LLVM] * len(args))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), list(args))


@_intrinsic
def load(_typing: Any, array: Any, index: int) -> Any:
    """Return elements index..index+7 of a C-contiguous array, counted flat."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(
            _pointer(context, builder, signature.args[0], args[0], args[1]), align=8
        )

    return _vec(array, types.intp), generate


@_intrinsic
def store(_typing: Any, array: Any, index: int, value: Vec) -> Any:
    """Write `value` to the elements index..index+7 of a C-contiguous array, counted flat."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store(args[2], pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _vec), generate


@_intrinsic
def splat(_typing: Any, value: float) -> Any:
    """Return `value` in all lanes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        undefined = ir.Constant(_LLVM, ir.Undefined)
        return _shuffle(builder, builder.insert_element(undefined, args[0], _lane(0)), undefined,
                        [0] * WIDTH)

    return _vec(types.float64), generate


def _binary(operation: str) -> Any:
    def typed(_typing: Any, a: Vec, b: Vec) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return getattr(builder, operation)(args[0], args[1], flags=("contract",))

        return _vec(_vec, _vec), generate

    return _intrinsic(typed)


add, sub, mul, div = _binary("fadd"), _binary("fsub"), _binary("fmul"), _binary("fdiv")


@_intrinsic
def fma(_typing: Any, a: Vec, b: Vec, c: Vec) -> Any:
    """Return a b + c, fused where the processor can."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _call(builder, "llvm.fmuladd.v8f64", *args)

    return _vec(_vec, _vec, _vec), generate


@_intrinsic
def magnitude(_typing: Any, a: Vec) -> Any:
    """Return |a| lane by lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _call(builder, "llvm.fabs.v8f64", args[0])

    return _vec(_vec), generate


@_intrinsic
def larger(_typing: Any, a: Vec, b: Vec) -> Any:
    """Return the larger of a and b lane by lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _call(builder, "llvm.maxnum.v8f64", *args)

    return _vec(_vec, _vec), generate


@_intrinsic
def exceeds(_typing: Any, a: Vec, b: Vec) -> Any:
    """Return whether a > b in any lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        mask = builder.fcmp_ordered(">", args[0], args[1])
        bits = builder.bitcast(mask, ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(WIDTH), 0))

    return types.boolean(_vec, _vec), generate


@_intrinsic
def total(_typing: Any, a: Vec) -> Any:
    """Return the sum of the lanes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        parts = [builder.extract_element(args[0], _lane(k)) for k in range(WIDTH)]
        while len(parts) > 1:
            parts = [builder.fadd(x, y) for x, y in zip(parts[::2], parts[1::2], strict=True)]
        return parts[0]

    return types.float64(_vec), generate


@_intrinsic
def most(_typing: Any, a: Vec) -> Any:
    """Return the largest lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        best = builder.extract_element(args[0], _lane(0))
        for k in range(1, WIDTH):
            other = builder.extract_element(args[0], _lane(k))
            best = builder.select(builder.fcmp_ordered(">", other, best), other, best)
        return best

    return types.float64(_vec), generate


@_intrinsic
def transpose(
    _typing: Any, source: Any, at: int, stride: int, target: Any, to: int, target_stride: int
) -> Any:
    """Copy an 8x8 block transposed: rows at `at`, `at + stride`, ... of `source` become columns.

    Row k of the transposed block is written to ``to + k * target_stride`` of `target`.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows = []
        for k in range(WIDTH):
            offset = builder.mul(args[2], ir.Constant(args[2].type, k))
            pointer = _pointer(context, builder, signature.args[0], args[0],
                               builder.add(args[1], offset))
            rows.append(builder.load(pointer, align=8))
        for step in (1, 2, 4):  # exchange off-diagonal blocks of growing size
            for k in range(WIDTH):
                if k & step:
                    continue
                a, b = rows[k], rows[k + step]
                low = [m if not m & step else WIDTH + m - step for m in range(WIDTH)]
                high = [m + step if not m & step else WIDTH + m for m in range(WIDTH)]
                rows[k] = _shuffle(builder, a, b, low)
                rows[k + step] = _shuffle(builder, a, b, high)
        for k in range(WIDTH):
            offset = builder.mul(args[5], ir.Constant(args[5].type, k))
            pointer = _pointer(context, builder, signature.args[3], args[3],
                               builder.add(args[4], offset))
            builder.store(rows[k], pointer, align=8)
        return context.get_dummy_value()

    ints = (types.intp, types.intp)
    return types.void(source, *ints, target, *ints), generate
