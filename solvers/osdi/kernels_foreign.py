"""Calls of foreign functions by address, for use inside compiled kernels only.

Addresses are arguments (int64), so that a kernel is compiled once for all libraries. Nothing is
checked: a wrong address ends the process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba.core.types
from llvmlite import ir
from numba.extending import intrinsic as _untyped_intrinsic

__all__ = [
    "call_pp",
    "call_pp_d",
    "call_pp_u32_u32",
    "call_ppdp",
    "call_ppp",
    "call_ppp_d_u32_pp",
    "call_pppp",
    "call_pppp_u32",
    "load_double",
    "load_int",
    "store_double",
    "store_int",
]

# numba's own annotations are partial
types: Any = numba.core.types
_WORD, _REAL, _INT = ir.IntType(64), ir.DoubleType(), ir.IntType(32)
_ADDRESS = ir.IntType(8).as_pointer()
_KINDS = {"p": (types.int64, _ADDRESS), "d": (types.float64, _REAL), "u": (types.int64, _INT),
          "v": (types.void, ir.VoidType())}


def _passed(builder: Any, kind: str, value: Any) -> Any:
    if kind == "p":
        return builder.inttoptr(value, _ADDRESS)
    return builder.trunc(value, _INT) if kind == "u" else value


def _caller(result: str, kinds: str) -> Any:
    """Return a function of an address and arguments: p address, d double, u uint32, v nothing."""

    def calls(_typing: Any, _function: Any, *given: Any) -> Any:
        del given

        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            kind = ir.FunctionType(_KINDS[result][1], [_KINDS[k][1] for k in kinds])
            function = builder.inttoptr(args[0], kind.as_pointer())
            passed = [_passed(builder, k, a) for k, a in zip(kinds, args[1:], strict=True)]
            got = builder.call(function, passed)
            if result == "v":
                return context.get_dummy_value()
            return builder.ptrtoint(got, _WORD) if result == "p" else builder.zext(got, _WORD)

        return _KINDS[result][0](types.int64, *(_KINDS[k][0] for k in kinds)), generate

    return calls


def _intrinsic(function: Callable[..., Any]) -> Any:
    return _untyped_intrinsic(function)


@_intrinsic
def call_pp(typing: Any, function: int, a: int, b: int) -> Any:
    """Call ``void f(void *, void *)``."""
    return _caller("v", "pp")(typing, function, a, b)


@_intrinsic
def call_pp_d(typing: Any, function: int, a: int, b: int, c: float) -> Any:
    """Call ``void f(void *, void *, double)``."""
    return _caller("v", "ppd")(typing, function, a, b, c)


@_intrinsic
def call_ppp(typing: Any, function: int, a: int, b: int, c: int) -> Any:
    """Call ``void f(void *, void *, void *)``."""
    return _caller("v", "ppp")(typing, function, a, b, c)


@_intrinsic
def call_ppdp(typing: Any, function: int, a: int, b: int, c: float, d: int) -> Any:
    """Call ``void f(void *, void *, double, void *)``."""
    return _caller("v", "ppdp")(typing, function, a, b, c, d)


@_intrinsic
def call_pppp(typing: Any, function: int, a: int, b: int, c: int, d: int) -> Any:
    """Call ``void f(void *, void *, void *, void *)``."""
    return _caller("v", "pppp")(typing, function, a, b, c, d)


@_intrinsic
def call_pppp_u32(typing: Any, function: int, a: int, b: int, c: int, d: int) -> Any:
    """Call ``uint32_t f(void *, void *, void *, void *)``."""
    return _caller("u", "pppp")(typing, function, a, b, c, d)


@_intrinsic
def call_pp_u32_u32(typing: Any, function: int, a: int, b: int, c: int, d: int) -> Any:
    """Call ``void *f(void *, void *, uint32_t, uint32_t)``."""
    return _caller("p", "ppuu")(typing, function, a, b, c, d)


@_intrinsic
def call_ppp_d_u32_pp(
    typing: Any, function: int, a: int, b: int, c: int, d: float, e: int, f: int, g: int
) -> Any:
    """Call ``void f(void *, void *, void *, double, uint32_t, void *, void *)``."""
    return _caller("v", "pppdupp")(typing, function, a, b, c, d, e, f, g)


@_intrinsic
def load_double(_typing: Any, _address: int) -> Any:
    """Return the float64 at an address."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], _REAL.as_pointer()))

    return types.float64(types.int64), generate


@_intrinsic
def load_int(_typing: Any, _address: int) -> Any:
    """Return the int32 at an address."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.sext(builder.load(builder.inttoptr(args[0], _INT.as_pointer())), _WORD)

    return types.int64(types.int64), generate


@_intrinsic
def store_double(_typing: Any, _address: int, _value: float) -> Any:
    """Put a float64 at an address."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], _REAL.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.float64), generate


@_intrinsic
def store_int(_typing: Any, _address: int, _value: int) -> Any:
    """Put an int32 at an address."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(builder.trunc(args[1], _INT), builder.inttoptr(args[0], _INT.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate
