"""Eight numbers at a time inside kernels, doubles or floats.

LLVM's loop vectoriser gives up on recurrences and on loops over many arrays (it must first prove
that they do not overlap), which is what the crossbar kernels are made of. These few functions,
for use inside compiled kernels only, say what is meant: `load(array, k)` reads the elements k..k+7
of a C-contiguous array counted flat, `store` writes them, the others compute. LLVM maps eight
lanes to whatever the processor has (one AVX-512, two AVX or four SSE/NEON registers). Arrays of
float32 give vectors of floats, which do not mix with those of doubles.
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
           "mul", "splat", "splat_like", "store", "sub", "total", "transpose"]

WIDTH = 8
# numba's own annotations are partial
cgutils: Any = numba.core.cgutils
types: Any = numba.core.types
Vec = Any  # a vector of eight numbers, inside kernels only

_INT = ir.IntType(32)


def _intrinsic(function: Callable[..., Any]) -> Any:
    return _untyped_intrinsic(function)


class _VecType(types.Type):  # type: ignore[misc]
    """Eight numbers of `bits` bits."""

    def __init__(self, bits: int) -> None:
        super().__init__(name=f"crossbarsim_vec8f{bits}")
        self.bits = bits
        self.llvm = ir.VectorType(ir.DoubleType() if bits == 64 else ir.FloatType(), WIDTH)


_vecs = {bits: _VecType(bits) for bits in (32, 64)}


def _of(array: Any) -> _VecType:
    """Return the type of the vectors that an array is made of."""
    return _vecs[array.dtype.bitwidth]


def _as_double(builder: Any, value: Any) -> Any:
    wide = ir.DoubleType()
    return value if value.type == wide else builder.fpext(value, wide)


@cast("Callable[[type], type]", register_model(_VecType))
class _VecModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        init: Any = super().__init__
        init(manager, fe_type, fe_type.llvm)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _of(kind).llvm.as_pointer())


def _lane(k: int) -> Any:
    return ir.Constant(_INT, k)


def _shuffle(builder: Any, a: Any, b: Any, mask: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INT, WIDTH), mask))


def _call(builder: Any, name: str, vec: _VecType, *args: Any) -> Any:
    kind = ir.FunctionType(vec.llvm, [vec.llvm] * len(args))
    whole = f"llvm.{name}.v8f{vec.bits}"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, whole), list(args))


@_intrinsic
def load(_typing: Any, array: Any, index: int) -> Any:
    """Return elements index..index+7 of a C-contiguous array, counted flat."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(
            _pointer(context, builder, signature.args[0], args[0], args[1]),
            align=signature.return_type.bits // 8,
        )

    return _of(array)(array, types.intp), generate


@_intrinsic
def store(_typing: Any, array: Any, index: int, value: Vec) -> Any:
    """Write `value` to the elements index..index+7 of a C-contiguous array, counted flat."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store(args[2], pointer, align=signature.args[2].bits // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _of(array)), generate


def _spread(builder: Any, vec: _VecType, value: Any) -> Any:
    undefined = ir.Constant(vec.llvm, ir.Undefined)
    return _shuffle(
        builder, builder.insert_element(undefined, value, _lane(0)), undefined, [0] * WIDTH
    )


@_intrinsic
def splat(_typing: Any, value: float) -> Any:
    """Return `value` in all lanes, doubles."""

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _spread(builder, signature.return_type, args[0])

    return _vecs[64](types.float64), generate


@_intrinsic
def splat_like(_typing: Any, array: Any, value: float) -> Any:
    """Return `value` in all lanes, of the numbers that `array` is made of."""

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vec, number = signature.return_type, args[1]
        if vec.bits == 32:
            number = builder.fptrunc(number, ir.FloatType())
        return _spread(builder, vec, number)

    return _of(array)(array, types.float64), generate


def _binary(operation: str) -> Any:
    def typed(_typing: Any, a: Vec, b: Vec) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return getattr(builder, operation)(args[0], args[1], flags=("contract",))

        return a(a, b), generate

    return _intrinsic(typed)


add, sub, mul, div = _binary("fadd"), _binary("fsub"), _binary("fmul"), _binary("fdiv")


@_intrinsic
def fma(_typing: Any, a: Vec, b: Vec, c: Vec) -> Any:
    """Return a b + c, fused where the processor can."""

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "fmuladd", signature.return_type, *args)

    return a(a, b, c), generate


@_intrinsic
def magnitude(_typing: Any, a: Vec) -> Any:
    """Return |a| lane by lane."""

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "fabs", signature.return_type, args[0])

    return a(a), generate


@_intrinsic
def larger(_typing: Any, a: Vec, b: Vec) -> Any:
    """Return the larger of a and b lane by lane."""

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "maxnum", signature.return_type, *args)

    return a(a, b), generate


@_intrinsic
def exceeds(_typing: Any, a: Vec, b: Vec) -> Any:
    """Return whether a > b in any lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        mask = builder.fcmp_ordered(">", args[0], args[1])
        bits = builder.bitcast(mask, ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(WIDTH), 0))

    return types.boolean(a, b), generate


@_intrinsic
def total(_typing: Any, a: Vec) -> Any:
    """Return the sum of the lanes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        parts = [builder.extract_element(args[0], _lane(k)) for k in range(WIDTH)]
        while len(parts) > 1:
            parts = [builder.fadd(x, y) for x, y in zip(parts[::2], parts[1::2], strict=True)]
        return _as_double(builder, parts[0])

    return types.float64(a), generate


@_intrinsic
def most(_typing: Any, a: Vec) -> Any:
    """Return the largest lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        best = builder.extract_element(args[0], _lane(0))
        for k in range(1, WIDTH):
            other = builder.extract_element(args[0], _lane(k))
            best = builder.select(builder.fcmp_ordered(">", other, best), other, best)
        return _as_double(builder, best)

    return types.float64(a), generate


@_intrinsic
def transpose(
    _typing: Any, source: Any, at: int, stride: int, target: Any, to: int, target_stride: int
) -> Any:
    """Copy an 8x8 block transposed: rows at `at`, `at + stride`, ... of `source` become columns.

    Row k of the transposed block is written to ``to + k * target_stride`` of `target`.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows = []
        size = signature.args[0].dtype.bitwidth // 8
        for k in range(WIDTH):
            offset = builder.mul(args[2], ir.Constant(args[2].type, k))
            pointer = _pointer(context, builder, signature.args[0], args[0],
                               builder.add(args[1], offset))
            rows.append(builder.load(pointer, align=size))
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
            builder.store(rows[k], pointer, align=size)
        return context.get_dummy_value()

    ints = (types.intp, types.intp)
    return types.void(source, *ints, target, *ints), generate
