"""Vectors of sixteen doubles, their masks, and what kernels do with them.

For use inside compiled kernels only. LLVM maps the lanes to whatever the processor has: two AVX-512
registers, four of AVX, eight of SSE or NEON. Where an operand may be a number, it is taken in all
lanes. Arithmetic may be fused where the processor can; comparisons are those of IEEE 754.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numba.core.types
from llvmlite import ir
from numba.extending import intrinsic as _untyped_intrinsic
from numba.extending import models, register_model

from .expressions import DOUBLES, LANES, MASKS, E, call

__all__ = [
    "LANES", "Lanes", "Mask", "absolute", "acos", "add", "anywhere", "asinh", "atan", "both",
    "ceil", "cos", "count", "div", "either", "eq", "erf", "every", "everywhere", "expressions",
    "first", "floor", "ge", "gt", "intrinsic", "lane_types", "larger", "le", "lt", "mul", "ne",
    "neg", "negate", "nowhere", "of_one", "of_two", "sin", "smaller", "splat", "sqrt", "sub",
    "tan", "types", "vget", "vload", "vput", "vstore", "where",
]

# numba's own annotations are partial
types: Any = numba.core.types
Lanes = Any  # a vector of doubles, inside kernels only
Mask = Any  # a vector of truth values, inside kernels only


def intrinsic(function: Callable[..., Any]) -> Any:
    """Make a function that kernels call of one that writes its code."""
    return _untyped_intrinsic(function)


class _LanesType(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name=f"crossbarsim_lanes{LANES}")


class _MaskType(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name=f"crossbarsim_mask{LANES}")


_lanes, _mask = _LanesType(), _MaskType()


@cast("Callable[[type], type]", register_model(_LanesType))
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        init: Any = super().__init__
        init(manager, fe_type, DOUBLES)


@cast("Callable[[type], type]", register_model(_MaskType))
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        init: Any = super().__init__
        init(manager, fe_type, MASKS)


def lane_types() -> tuple[Any, Any]:
    """Return numba's types of vectors and masks."""
    return _lanes, _mask


def typed(result: Any, *operands: Any) -> Any:
    """Return the signature of an operation on vectors and numbers; numbers become float64."""
    return result(*(one if one is _lanes else types.float64 for one in operands))


def expressions(builder: Any, signature: Any, args: Any) -> list[E]:
    """Return operands as expressions, numbers in all lanes."""
    return [
        E(builder, value) if kind is _lanes else spread(builder, value)
        for kind, value in zip(signature.args, args, strict=True)
    ]


def spread(builder: Any, value: Any) -> E:
    """Return a number in all lanes."""
    undefined = ir.Constant(DOUBLES, ir.Undefined)
    index = ir.Constant(ir.IntType(32), 0)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    one = builder.insert_element(undefined, value, index)
    return E(builder, builder.shuffle_vector(one, undefined, zeros))


def _pointer(context: Any, builder: Any, kind: Any, array: Any, row: Any, step: int = LANES) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    at = builder.mul(row, ir.Constant(row.type, step))
    return builder.bitcast(builder.gep(data, [at]), DOUBLES.as_pointer())


@intrinsic
def vload(_typing: Any, array: Any, row: int) -> Any:
    """Return row `row` of a C-contiguous array, counted in rows of LANES elements."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(
            _pointer(context, builder, signature.args[0], args[0], args[1]), align=8
        )

    return _lanes(array, types.intp), generate


@intrinsic
def vstore(_typing: Any, array: Any, row: int, value: Lanes) -> Any:
    """Write a row of LANES elements."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store(args[2], pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), generate


@intrinsic
def vget(_typing: Any, array: Any, index: int) -> Any:
    """Return LANES elements of a C-contiguous array from `index` on, counted flat."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(
            _pointer(context, builder, signature.args[0], args[0], args[1], 1), align=8
        )

    return _lanes(array, types.intp), generate


@intrinsic
def vput(_typing: Any, array: Any, index: int, value: Lanes) -> Any:
    """Write LANES elements from `index` on, counted flat."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1], 1)
        builder.store(args[2], pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), generate


@intrinsic
def splat(_typing: Any, value: float) -> Any:
    """Return a number in all lanes."""

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return expressions(builder, signature, args)[0].value

    return typed(_lanes, value), generate


def _arithmetic(operation: str) -> Any:
    def declare(_typing: Any, a: Lanes, b: Lanes) -> Any:
        def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, y = expressions(builder, signature, args)
            return getattr(builder, operation)(x.value, y.value, flags=("contract",))

        return typed(_lanes, a, b), generate

    return intrinsic(declare)


add, sub, mul, div = (_arithmetic(name) for name in ("fadd", "fsub", "fmul", "fdiv"))


def _compared(sign: str, *, ordered: bool = True) -> Any:
    def declare(_typing: Any, a: Lanes, b: Lanes) -> Any:
        def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, y = expressions(builder, signature, args)
            compare = builder.fcmp_ordered if ordered else builder.fcmp_unordered
            return compare(sign, x.value, y.value)

        return typed(_mask, a, b), generate

    return intrinsic(declare)


lt, le, gt, ge, eq = (_compared(sign) for sign in ("<", "<=", ">", ">=", "=="))
ne = _compared("!=", ordered=False)


def _logic(operation: str) -> Any:
    def declare(_typing: Any, a: Mask, b: Mask) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return getattr(builder, operation)(*args)

        return _mask(_mask, _mask), generate

    return intrinsic(declare)


both, either = _logic("and_"), _logic("or_")


@intrinsic
def negate(_typing: Any, a: Mask) -> Any:
    """Return where `a` is not true."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.xor(args[0], ir.Constant(MASKS, [1] * LANES))

    return _mask(_mask), generate


@intrinsic
def nowhere(_typing: Any) -> Any:
    """Return a mask that is true in no lane."""

    def generate(_context: Any, _builder: Any, _signature: Any, _args: Any) -> Any:
        return ir.Constant(MASKS, [0] * LANES)

    return _mask(), generate


def _bits(builder: Any, mask: Any) -> Any:
    return builder.bitcast(mask, ir.IntType(LANES))


@intrinsic
def anywhere(_typing: Any, a: Mask) -> Any:
    """Return whether any lane is true."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.icmp_unsigned("!=", _bits(builder, args[0]), ir.IntType(LANES)(0))

    return types.boolean(_mask), generate


@intrinsic
def every(_typing: Any, a: Mask) -> Any:
    """Return whether all lanes are true."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.icmp_unsigned("==", _bits(builder, args[0]), ir.IntType(LANES)(-1))

    return types.boolean(_mask), generate


@intrinsic
def count(_typing: Any, a: Mask) -> Any:
    """Return how many lanes are true."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        bits = builder.zext(_bits(builder, args[0]), ir.IntType(64))
        return builder.ctpop(bits)

    return types.int64(_mask), generate


@intrinsic
def first(_typing: Any, a: Mask) -> Any:
    """Return the first lane that is true; of none, 64."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        bits = builder.zext(_bits(builder, args[0]), ir.IntType(64))
        return builder.cttz(bits, ir.IntType(1)(0))

    return types.int64(_mask), generate


@intrinsic
def where(_typing: Any, mask: Mask, a: Lanes, b: Lanes) -> Any:
    """Return a where the mask is true, else b."""

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y = (
            E(builder, value) if kind is _lanes else spread(builder, value)
            for kind, value in zip(signature.args[1:], args[1:], strict=True)
        )
        return builder.select(args[0], x.value, y.value)

    return _lanes(_mask, *typed(_lanes, a, b).args), generate


@intrinsic
def everywhere(_typing: Any, flag: bool) -> Any:
    """Return a mask with `flag` in all lanes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        bit = builder.icmp_unsigned("!=", args[0], args[0].type(0))
        whole = builder.sext(bit, ir.IntType(LANES))
        return builder.bitcast(whole, MASKS)

    return _mask(types.boolean), generate


def one_by_one(function: Callable[[float], float]) -> Any:
    """Return the kernel's function that calls a function of `math` lane by lane."""

    def declare(_typing: Any, a: Lanes) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = expressions(builder, signature, args)[0].value
            kind = types.float64(types.float64)
            typing = context.typing_context
            target = typing.resolve_value_type(function)
            target.get_call_type(typing, kind.args, {})
            call_one = context.get_function(target, kind)
            for k in range(LANES):
                at = ir.Constant(ir.IntType(32), k)
                found = call_one(builder, (builder.extract_element(value, at),))
                value = builder.insert_element(value, found, at)
            return value

        return typed(_lanes, a), generate

    return intrinsic(declare)


def of_one(formula: Callable[[E], E]) -> Any:
    """Return the kernel's function of a formula of one vector."""

    def declare(_typing: Any, a: Lanes) -> Any:
        def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return formula(*expressions(builder, signature, args)).value

        return typed(_lanes, a), generate

    return intrinsic(declare)


def _negative(a: E) -> E:
    return -a


def _absolute(a: E) -> E:
    return call("fabs", a)


def _root(a: E) -> E:
    return call("sqrt", a)


def _floor(a: E) -> E:
    return call("floor", a)


def _ceil(a: E) -> E:
    return call("ceil", a)


sin, cos, tan = one_by_one(math.sin), one_by_one(math.cos), one_by_one(math.tan)
acos, atan = one_by_one(math.acos), one_by_one(math.atan)
asinh, erf = one_by_one(math.asinh), one_by_one(math.erf)
neg, absolute, sqrt = of_one(_negative), of_one(_absolute), of_one(_root)
floor, ceil = of_one(_floor), of_one(_ceil)


def of_two(formula: Callable[[E, E], E]) -> Any:
    """Return the kernel's function of a formula of two vectors."""

    def declare(_typing: Any, a: Lanes, b: Lanes) -> Any:
        def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return formula(*expressions(builder, signature, args)).value

        return typed(_lanes, a, b), generate

    return intrinsic(declare)


def _smaller(a: E, b: E) -> E:
    return (b < a).choose(b, a)


def _larger(a: E, b: E) -> E:
    return (b > a).choose(b, a)


smaller, larger = of_two(_smaller), of_two(_larger)
