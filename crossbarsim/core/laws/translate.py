"""Laws that bring their own derivatives, or need none, as text that numba compiles."""

from __future__ import annotations

import ast
import builtins
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ParameterError
from .text import Source, tree_of

__all__ = ["translate"]

_ALLOWED = {"abs", "bool", "float", "int", "len", "max", "min", "pow", "range", "round", "sum"}


def translate(
    function: Callable[..., Any], name: str, source: Source, *, states: Sequence[str] = (),
    parameters: Mapping[str, int] | None = None, choices: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """Add to `source` a function `name` that does what `function` does; return its arguments.

    States and parameters become scalars and entries of an array as in `differentiate`; a law
    returns a tuple, also of one value. Loops and NumPy's functions stay as they are.
    """
    node, title = tree_of(function)
    law = parameters is not None
    arguments: list[str] = []
    for argument in node.args.args:
        if argument.arg == "x" and law:
            arguments += [f"x_{state}" for state in states]
        elif argument.arg != "p" or not law:
            arguments.append(argument.arg)
    writer = _Translator(function, title, source, states, parameters, choices or {})
    first = 1 if ast.get_docstring(node) is not None else 0
    body = [writer.visit(part) for part in node.body[first:]]
    head = ", ".join([*arguments, "p"] if law else arguments)
    text = "\n".join(ast.unparse(ast.fix_missing_locations(part)) for part in body)
    lines = [line for line in text.splitlines() if line.strip()]
    source.functions[name] = "\n".join([f"def {name}({head}):", *(f"    {k}" for k in lines)])
    return arguments


class _Translator(ast.NodeTransformer):
    """Replaces what the compiled module does not know."""

    def __init__(
        self, function: Callable[..., Any], title: str, source: Source, states: Sequence[str],
        parameters: Mapping[str, int] | None, choices: Mapping[str, Sequence[str]],
    ) -> None:
        self.names = inspect.getclosurevars(function)
        self.local = set(function.__code__.co_varnames)
        self.title, self.source = title, source
        self.law = parameters is not None
        self.states, self.parameters, self.choices = states, parameters or {}, choices

    def refusal(self, node: ast.AST, what: str) -> ParameterError:
        line = getattr(node, "lineno", 0)
        return ParameterError(f"{self.title}, line {line}: {what} cannot be compiled")

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is None:
            raise self.refusal(node, "`return` without a value")
        value = self.visit(node.value)
        if self.law and not isinstance(value, ast.Tuple):
            value = ast.Tuple([value], ast.Load())
        return ast.copy_location(ast.Return(value), node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        left, right = node.left, node.comparators[0]
        if (
            isinstance(left, ast.Attribute) and isinstance(left.value, ast.Name)
            and left.value.id == "p" and left.attr in self.choices
        ):
            names = self.choices[left.attr]
            value = getattr(right, "value", None)
            if value not in names:
                raise self.refusal(node, f"{value!r}, none of {', '.join(map(repr, names))},")
            node.comparators[0] = ast.Constant(float(names.index(value)))
            node.left = self.visit(left)
            return node
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if self.law and owner in ("p", "x"):
            known = self.parameters if owner == "p" else self.states
            if node.attr not in known:
                raise self.refusal(node, f"`{owner}.{node.attr}` (there are: {', '.join(known)})")
            if owner == "x":
                return ast.copy_location(ast.Name(f"x_{node.attr}", ast.Load()), node)
            index = ast.Constant(self.parameters[node.attr])
            return ast.copy_location(
                ast.Subscript(ast.Name("p", ast.Load()), index, ast.Load()), node
            )
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        name = node.id
        if name in self.local or not isinstance(node.ctx, ast.Load):
            return node
        known = self.names.nonlocals.get(name, self.names.globals.get(name))
        if isinstance(known, (int, float)):
            return ast.copy_location(ast.Constant(known), node)
        if known is math or known is np:
            return ast.copy_location(ast.Name("math" if known is math else "np", ast.Load()), node)
        if inspect.isfunction(known):
            return ast.copy_location(ast.Name(self._own(known), ast.Load()), node)
        if known is None and name in _ALLOWED and hasattr(builtins, name):
            return node
        short = getattr(known, "__name__", "")
        if known is not None and getattr(math, short, None) is known:
            return ast.copy_location(ast.parse(f"math.{short}", mode="eval").body, node)
        raise self.refusal(node, f"the name `{name}`")

    def _own(self, function: Callable[..., Any]) -> str:
        key = (function, False)
        if key not in self.source.seen:
            name = f"{self.source.prefix}g{len(self.source.seen)}_{function.__name__}"
            self.source.seen[key] = name
            translate(function, name, self.source)
        return self.source.seen[key]
