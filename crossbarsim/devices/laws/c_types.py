"""Types for the C text of Python functions: kinds of variables, arguments and results."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ...core.errors import ParameterError

__all__ = ["C_TYPES", "Array", "Kind", "Kinds", "Unit", "named"]

C_TYPES = {"double": "double", "int": "long long", "bool": "int", "word": "unsigned long long"}
_ORDER = ("bool", "int", "word", "double")
_RESERVED = frozenset({
    "new", "delete", "this", "class", "template", "default", "register", "short", "long", "float",
    "double", "char", "signed", "auto", "static", "union", "switch", "case", "operator", "const",
    "private", "public", "inline", "true", "false", "typename", "export", "using", "near", "far",
    "explicit", "friend", "virtual", "and", "or", "not", "xor", "bool", "try", "catch", "throw",
    "struct", "enum", "mutable", "namespace", "typedef", "goto", "protected", "int", "void",
})


@dataclass(frozen=True)
class Array:
    """An array of doubles with dimensions that are C expressions, or a tuple of `kind`."""

    dims: tuple[str, ...]
    kind: str = "double"


Kind = str | Array


@dataclass
class Unit:
    """A translation unit: what its functions take and return.

    Parameters
    ----------
    shapes : mapping
        (function, argument) to the dimensions of arrays; arguments not in it are doubles.
    scalars : mapping
        (function, argument) to the kind of scalars that are not doubles.
    constants : mapping
        Name to (value in C, kind) of global names.
    """

    shapes: Mapping[tuple[str, str], tuple[str, ...]]
    scalars: Mapping[tuple[str, str], str] = field(default_factory=dict)
    constants: Mapping[str, tuple[str, Kind]] = field(default_factory=dict)
    nodes: dict[str, ast.FunctionDef] = field(default_factory=dict)
    results: dict[str, tuple[str, int]] = field(default_factory=dict)  # kind, count (0: scalar)

    def arguments(self, name: str) -> dict[str, Kind]:
        """Return the kinds of a function's arguments."""
        found: dict[str, Kind] = {}
        node = self.nodes[name]
        indexed = {
            part.value.id for part in ast.walk(node)
            if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name)
        }
        for argument in node.args.args:
            key = (name, argument.arg)
            if key in self.shapes:
                found[argument.arg] = Array(self.shapes[key])
            elif argument.arg == "p" or argument.arg in indexed:
                found[argument.arg] = Array(("0",))
            else:
                found[argument.arg] = self.scalars.get(key, "double")
        return found

    def head(self, name: str) -> str:
        """Return a function's C head."""
        kind, count = self.results[name]
        parts = []
        for argument, of in self.arguments(name).items():
            parts.append(f"double *{named(argument)}" if isinstance(of, Array)
                         else f"{C_TYPES[of]} {named(argument)}")
        if count:
            parts.append(f"{C_TYPES[kind]} *result")
        value = C_TYPES[kind] if kind != "none" and not count else "void"
        return f"__device__ static {value} {named(name)}({', '.join(parts)})"


class Kinds:
    """Finds out the kinds of a function's variables."""

    def __init__(self, unit: Unit, node: ast.FunctionDef) -> None:
        self.unit, self.node = unit, node
        self.arguments = unit.arguments(node.name)
        self.kinds: dict[str, Kind] = dict(self.arguments)
        self._infer()
        unit.results[node.name] = self._result()

    def refuse(self, node: ast.AST, what: str = "") -> NoReturn:
        """Raise a `ParameterError` for what has no form in C, with function and line."""
        text = what or f"`{ast.unparse(node)}`"
        raise ParameterError(
            f"{self.node.name}, line {getattr(node, 'lineno', 0)}: {text} cannot be written in C"
        )

    def expression(self, node: ast.expr) -> str:
        """Return an expression in C."""
        raise NotImplementedError

    def _infer(self) -> None:
        before: Any = None
        while before != self.kinds:
            before = dict(self.kinds)
            for part in ast.walk(self.node):
                if isinstance(part, ast.Assign):
                    for target in part.targets:
                        self._learn(target, part.value)
                elif isinstance(part, ast.AugAssign):
                    self._learn(part.target, ast.BinOp(part.target, part.op, part.value))
                elif isinstance(part, ast.For) and isinstance(part.target, ast.Name):
                    self.kinds[part.target.id] = "int"

    def _learn(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple):
            if isinstance(value, ast.Tuple):
                for one, other in zip(target.elts, value.elts, strict=True):
                    self._learn(one, other)
                return
            if isinstance(value, ast.IfExp):
                self._learn(target, value.body)
                self._learn(target, value.orelse)
                return
            shape = isinstance(value, ast.Attribute) and value.attr == "shape"
            kind = Array((), "int") if shape else self.kind(value)
            for one in target.elts:
                if isinstance(one, ast.Name) and isinstance(kind, Array):
                    self._join(one.id, kind.kind)
        elif isinstance(target, ast.Name):
            kind = self.kind(value)
            if kind is not None:
                self._join(target.id, kind)

    def _join(self, name: str, kind: Kind) -> None:
        known = self.kinds.get(name)
        if known is None or isinstance(kind, Array) or isinstance(known, Array):
            if isinstance(known, Array) and not isinstance(kind, Array):
                return  # refused where it is written
            self.kinds[name] = kind if known is None or isinstance(kind, Array) else known
        else:
            self.kinds[name] = max(known, kind, key=_ORDER.index)

    def kind(self, node: ast.expr) -> Kind | None:
        """Return the kind of an expression; None where it is not known yet."""
        if isinstance(node, ast.Constant):
            return {bool: "bool", int: "int"}.get(type(node.value), "double")
        if isinstance(node, ast.Name):
            if node.id in self.unit.constants:
                return self.unit.constants[node.id][1]
            return self.kinds.get(node.id)
        if isinstance(node, ast.Subscript):
            return self._part(node)
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, (ast.Div, ast.Pow)):
                return "double"
            sides = [k for k in (self.kind(node.left), self.kind(node.right)) if k is not None]
            plain = [k for k in sides if isinstance(k, str)]
            return max([*plain, "int"], key=_ORDER.index) if plain else None
        if isinstance(node, ast.UnaryOp):
            return "bool" if isinstance(node.op, ast.Not) else self.kind(node.operand)
        if isinstance(node, (ast.Compare, ast.BoolOp)):
            return "bool"
        if isinstance(node, ast.IfExp):
            sides = [k for k in (self.kind(node.body), self.kind(node.orelse)) if k is not None]
            if any(isinstance(k, Array) for k in sides):
                return sides[0]
            return max((str(k) for k in sides), key=_ORDER.index) if sides else None
        if isinstance(node, ast.Call):
            return self._kind_of_call(node)
        return "double"

    def _part(self, node: ast.Subscript) -> Kind | None:
        if isinstance(node.value, ast.Attribute):
            return "int"  # a shape's entry
        kind = self.kind(node.value)
        if not isinstance(kind, Array):
            return None
        used = len(node.slice.elts) if isinstance(node.slice, ast.Tuple) else 1
        return kind.kind if used == len(kind.dims) else Array(kind.dims[used:], kind.kind)

    def _kind_of_call(self, node: ast.Call) -> Kind | None:
        name = ast.unparse(node.func)
        if name in ("len", "int"):
            return "int"
        if name == "np.uint64":
            return "word"
        if name in ("np.empty", "np.zeros"):
            size = node.args[0]
            dims = size.elts if isinstance(size, ast.Tuple) else [size]
            return Array(tuple(f"({self.expression(d)})" for d in dims))
        if name in ("min", "max", "abs"):
            kinds = [self.kind(a) for a in node.args]
            return max((str(k) for k in kinds if k is not None), key=_ORDER.index, default=None)
        if name in self.unit.results:
            kind, count = self.unit.results[name]
            return Array((str(count),), kind) if count else kind
        return "double"

    def _result(self) -> tuple[str, int]:
        values = [part.value for part in ast.walk(self.node)
                  if isinstance(part, ast.Return) and part.value is not None]
        for value in values:
            if isinstance(value, ast.Tuple):
                kinds = [str(self.kind(e)) for e in value.elts]
                return "word" if "word" in kinds else "double", len(value.elts)
        return (str(self.kind(values[0])), 0) if values else ("none", 0)


def named(name: str) -> str:
    """Return a name that C++ has no other use for."""
    return f"{name}_" if name in _RESERVED else name
