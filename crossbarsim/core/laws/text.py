"""What the differentiation of laws is written with: its tables, and the text it reads and makes."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import ParameterError

__all__ = [
    "ATOM", "BUILTINS", "SIGNS", "SLOPES", "Source", "sum_of", "terms_of", "times", "tree_of",
]

# Partial derivatives of the functions of `math`; {v} the value, {a} and {b} the arguments.
SLOPES = {
    "exp": "{v}", "expm1": "{v} + 1.0", "log": "1.0 / {a}", "log1p": "1.0 / (1.0 + {a})",
    "sqrt": "0.5 / {v}", "sin": "math.cos({a})", "cos": "-math.sin({a})",
    "tan": "1.0 + {v} * {v}", "asin": "1.0 / math.sqrt(1.0 - {a} * {a})",
    "acos": "-1.0 / math.sqrt(1.0 - {a} * {a})", "atan": "1.0 / (1.0 + {a} * {a})",
    "sinh": "math.sqrt(1.0 + {v} * {v})", "cosh": "math.sinh({a})", "tanh": "1.0 - {v} * {v}",
    "asinh": "1.0 / math.sqrt({a} * {a} + 1.0)", "erf": "1.1283791670955126 * math.exp(-{a} * {a})",
    "fabs": "(1.0 if {a} > 0.0 else (-1.0 if {a} < 0.0 else 0.0))", "floor": "0.0", "ceil": "0.0",
}
ATOM = re.compile(r"[A-Za-z_]\w*|\d[\d.]*(e[+-]?\d+)?")  # of expressions: a name or a number
BUILTINS = {"abs", "min", "max"}
SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}


@dataclass
class Source:
    """Generated functions, in order, by name."""

    prefix: str = ""  # of helpers, where laws of several models share a module
    functions: dict[str, str] = field(default_factory=dict)
    seen: dict[Any, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return everything as a module body."""
        return "\n\n".join(self.functions.values())


def tree_of(function: Callable[..., Any]) -> tuple[ast.FunctionDef, str]:
    """Return the syntax tree of a function, with the lines of its file, and its name."""
    name = getattr(function, "__qualname__", repr(function))
    text = getattr(function, "source_text", None)  # of laws that are in no file
    try:
        lines, first = ([text], 1) if text else inspect.getsourcelines(function)
    except (OSError, TypeError):
        raise ParameterError(
            f"the source of {name} cannot be read: write the law in a file, not at a prompt"
        ) from None
    node = ast.parse(textwrap.dedent("".join(lines))).body[0]
    ast.increment_lineno(node, first - 1)
    if not isinstance(node, ast.FunctionDef):
        raise ParameterError(f"{name} must be a function made by `def`")
    return node, name


def sum_of(a: str | None, b: str | None, sign: str) -> str:
    """Return the text of a + b or a - b; None is zero."""
    if a is None:
        return f"{'-' if sign == '-' else ''}({b})"
    return a if b is None else f"{a} {sign} {b}"


def terms_of(*pairs: tuple[str | None, str]) -> str:
    """Return the text of the sum of products, without those whose first factor is zero."""
    return " + ".join(times(d, factor) for d, factor in pairs if d is not None)


def times(d: str, factor: str) -> str:
    """Return the text of the product of a derivative and a factor."""
    return factor if d == "1.0" else f"{d} * {factor}"
