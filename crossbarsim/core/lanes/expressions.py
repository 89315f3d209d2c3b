"""Formulas of vectors, written with Python's operators, as LLVM's instructions.

A formula is a function of expressions. `defined` makes it a function of the module that it is used
in, so that its code is there once, however often it is called. The arithmetic is IEEE 754's, never
fused but by `fma`, so that errors can be computed by formulas that a fused one would spoil.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

__all__ = ["BITS", "DOUBLES", "LANES", "MASKS", "E", "call", "defined", "exact", "fma", "number",
           "polynomial", "words"]

LANES = 16
DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
BITS = ir.VectorType(ir.IntType(64), LANES)
MASKS = ir.VectorType(ir.IntType(1), LANES)


class E:
    """A vector in the code that is being written: of doubles, 64-bit integers or truth values."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def _with(self, other: E | float) -> Any:
        if isinstance(other, E):
            return other.value
        return ir.Constant(self.value.type, [other] * LANES)

    def _make(self, name: str, a: Any, b: Any) -> E:
        return E(self.builder, getattr(self.builder, name)(a, b))

    def _arithmetic(self, other: E | float, real: str, whole: str) -> E:
        name = whole if self.value.type == BITS else real
        return self._make(name, self.value, self._with(other))

    def __add__(self, other: E | float) -> E:
        return self._arithmetic(other, "fadd", "add")

    def __radd__(self, other: float) -> E:
        return self + other

    def __sub__(self, other: E | float) -> E:
        return self._arithmetic(other, "fsub", "sub")

    def __rsub__(self, other: float) -> E:
        return E(self.builder, self._with(other)) - self

    def __mul__(self, other: E | float) -> E:
        return self._arithmetic(other, "fmul", "mul")

    def __rmul__(self, other: float) -> E:
        return self * other

    def __truediv__(self, other: E | float) -> E:
        return self._make("fdiv", self.value, self._with(other))

    def __rtruediv__(self, other: float) -> E:
        return E(self.builder, self._with(other)) / self

    def __neg__(self) -> E:
        return E(self.builder, self.builder.fneg(self.value))

    def __lshift__(self, by: int) -> E:
        return self._make("shl", self.value, self._with(by))

    def __rshift__(self, by: int) -> E:
        return self._make("lshr", self.value, self._with(by))

    def __and__(self, other: E | int) -> E:
        return self._make("and_", self.value, self._with(other))

    def __or__(self, other: E | int) -> E:
        return self._make("or_", self.value, self._with(other))

    def __xor__(self, other: E | int) -> E:
        return self._make("xor", self.value, self._with(other))

    def __invert__(self) -> E:
        return self ^ 1

    def _compare(self, sign: str, other: E | float) -> E:
        return E(self.builder, self.builder.fcmp_ordered(sign, self.value, self._with(other)))

    def __lt__(self, other: E | float) -> E:
        return self._compare("<", other)

    def __le__(self, other: E | float) -> E:
        return self._compare("<=", other)

    def __gt__(self, other: E | float) -> E:
        return self._compare(">", other)

    def __ge__(self, other: E | float) -> E:
        return self._compare(">=", other)

    def __eq__(self, other: E | float) -> E:  # type: ignore[override]
        return self._compare("==", other)

    def choose(self, a: E | float, b: E | float) -> E:
        """Return a where this mask is true, else b."""
        x, y = (
            one.value if isinstance(one, E) else ir.Constant(DOUBLES, [one] * LANES)
            for one in (a, b)
        )
        return E(self.builder, self.builder.select(self.value, x, y))

    def bits(self) -> E:
        """Return the doubles' bits as integers."""
        return E(self.builder, self.builder.bitcast(self.value, BITS))

    def doubles(self) -> E:
        """Return the doubles that have these bits."""
        return E(self.builder, self.builder.bitcast(self.value, DOUBLES))


def number(near: E, value: float) -> E:
    """Return a number in all lanes."""
    return E(near.builder, ir.Constant(DOUBLES, [value] * LANES))


def words(near: E, value: int) -> E:
    """Return an integer in all lanes."""
    return E(near.builder, ir.Constant(BITS, [value] * LANES))


def call(name: str, *operands: E) -> E:
    """Return LLVM's own function `name` of doubles."""
    builder = operands[0].builder
    kind = ir.FunctionType(DOUBLES, [DOUBLES] * len(operands))
    title = f"llvm.{name}.v{LANES}f64"
    function = builder.module.globals.get(title)
    if function is None:
        function = ir.Function(builder.module, kind, title)
    return E(builder, builder.call(function, [one.value for one in operands]))


def fma(a: E, b: E | float, c: E | float) -> E:
    """Return a b + c, fused where the processor can."""
    return call("fmuladd", a, *(one if isinstance(one, E) else number(a, one) for one in (b, c)))


def exact(a: E, b: E, c: E) -> E:
    """Return a b + c, rounded once."""
    return call("fma", a, b, c)


def polynomial(z: E, coefficients: tuple[float, ...]) -> E:
    """Return sum c[k] z^k, by halves: the processor computes them side by side."""
    parts: list[E | float] = list(coefficients)
    while len(parts) > 1:
        pairs: list[E | float] = [
            fma(z, parts[k + 1], parts[k]) for k in range(0, len(parts) - 1, 2)
        ]
        if len(parts) % 2:
            pairs.append(parts[-1])
        parts = pairs
        z = z * z
    last = parts[0]
    return last if isinstance(last, E) else number(z, last)


def defined(name: str, formula: Callable[..., E], *operands: E) -> E:
    """Return a formula of doubles, the code of which is a function of the module."""
    builder = operands[0].builder
    title = f"crossbarsim.{name}.{LANES}"
    function = builder.module.globals.get(title)
    if function is None:
        kind = ir.FunctionType(DOUBLES, [DOUBLES] * len(operands))
        function = ir.Function(builder.module, kind, title)
        function.linkage = "linkonce_odr"
        for attribute in ("nounwind", "readnone"):
            function.attributes.add(attribute)
        own = ir.IRBuilder(function.append_basic_block())
        own.ret(formula(*(E(own, argument) for argument in function.args)).value)
    return E(builder, builder.call(function, [one.value for one in operands]))
