"""Laws as expressions of ngspice's behavioural sources.

The same functions that are compiled for the solver are read here, evaluated as far as parameters
are known (with NumPy, so that every cell may have its own), and what depends on voltages and states
becomes an expression of a B source. Numbers that differ from cell to cell become parameters of the
subcircuit.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..validation import Array
from .text import tree_of

__all__ = ["Value", "Writer", "number"]

Value = Array | str  # known number(s), or ngspice text
_FUNCTIONS = {
    "exp": "exp({0})", "expm1": "(2*exp(0.5*{0})*sinh(0.5*{0}))", "log": "ln({0})",
    "log1p": "ln(1+{0})", "sqrt": "sqrt({0})", "sin": "sin({0})", "cos": "cos({0})",
    "tan": "tan({0})", "asin": "asin({0})", "acos": "acos({0})", "atan": "atan({0})",
    "sinh": "sinh({0})", "cosh": "cosh({0})", "tanh": "tanh({0})", "asinh": "asinh({0})",
    "fabs": "abs({0})", "floor": "floor({0})", "ceil": "ceil({0})",
}
_RANGES = {
    "sqrt": "max({0},0)", "log": "max({0},1e-300)", "asin": "min(max({0},-1),1)",
    "acos": "min(max({0},-1),1)",
}
_LONG = 300  # characters
_SIGNS: dict[type[ast.cmpop], tuple[str, Any]] = {
    ast.Lt: ("<", np.less), ast.LtE: ("<=", np.less_equal), ast.Gt: (">", np.greater),
    ast.GtE: (">=", np.greater_equal), ast.Eq: ("==", np.equal), ast.NotEq: ("!=", np.not_equal),
}


class Writer:
    """Collects the parameters of one subcircuit and turns laws into expressions.

    Parameters
    ----------
    title : str
        Of the model, for errors.
    prefix : str
        Put before the names of nodes.
    long : int
        Characters of a value beyond which it becomes a node of its own where it is used twice.
    """

    def __init__(self, title: str, prefix: str = "", long: int = _LONG) -> None:
        self.title, self.prefix, self.long = title, prefix, long
        self.parameters: dict[str, Array] = {}
        self.conditional = 0  # depth of `if` whose condition is not known
        self._cards: list[str] = []
        self._nodes: dict[str, str] = {}

    def take_cards(self) -> list[str]:
        """Return the sources of intermediate values that laws asked for since the last call."""
        cards, self._cards = self._cards, []
        return cards

    def take_used(self, *texts: str) -> list[str]:
        """Return the same, those alone on which `texts` depend."""
        found: list[str] = []
        for card in reversed(self.take_cards()):  # later ones depend on earlier ones
            node = f"v({card.split()[1]})"
            if any(node in text for text in (*texts, *found)):
                found.append(card)
        return found[::-1]

    def shared(self, value: Value, uses: int) -> Value:
        """Return `value`, a long one as a node of its own so that it is not written `uses` times.

        Not where it is computed on a condition only: it may have no value elsewhere.
        """
        if not isinstance(value, str) or uses < 2 or len(value) <= self.long or self.conditional:
            return value
        if value not in self._nodes:
            node = self._nodes[value] = f"{self.prefix}n{len(self._nodes)}"
            self._cards.append(f"B_{node} {node} 0 V={value}")
        return f"v({self._nodes[value]})"

    def text(self, value: Value) -> str:
        """Return `value` as text; numbers that are not all alike become a parameter."""
        if isinstance(value, str):
            return value
        first = float(value.flat[0])
        if not np.all(np.isfinite(value)):
            raise ParameterError(f"{self.title}: a part of its law is not finite for ngspice")
        if np.all(value == first):
            return number(first)
        for name, known in self.parameters.items():
            if np.array_equal(known, value):
                return f"{{{name}}}"
        name = f"k{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}}}"

    def law(
        self, function: Callable[..., Any], scalars: Mapping[str, Value],
        states: Mapping[str, Value], parameters: Mapping[str, Any],
    ) -> tuple[Value, ...]:
        """Return what a law returns, for arguments that are numbers or text."""
        return _Reader(self, function, states, parameters, law=True).call(scalars)


class _Reader:
    """Evaluates one function."""

    def __init__(
        self, writer: Writer, function: Callable[..., Any], states: Mapping[str, Value],
        parameters: Mapping[str, Any], *, law: bool,
    ) -> None:
        self.node, self.title = tree_of(function)
        names = inspect.getclosurevars(function)
        self.known = {**names.globals, **names.nonlocals}
        self.writer, self.states, self.parameters, self.is_law = writer, states, parameters, law
        self.uses = Counter(
            part.id for part in ast.walk(self.node)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
        )

    def refuse(self, node: ast.AST, what: str) -> Any:
        raise ParameterError(
            f"{self.title}, line {getattr(node, 'lineno', 0)}: {what} cannot be written for ngspice"
        )

    def call(self, given: Mapping[str, Value]) -> tuple[Value, ...]:
        scope: dict[str, Value] = {}
        for argument in self.node.args.args:
            if self.is_law and argument.arg in ("x", "p"):
                continue
            if argument.arg not in given:
                self.refuse(argument, f"the argument `{argument.arg}`")
            scope[argument.arg] = self._kept(argument.arg, given[argument.arg])
        found = self._block(self.node.body, scope)
        if found is None:
            self.refuse(self.node, "a law without `return`")
        return found or ()

    def _kept(self, name: str, value: Value) -> Value:
        return self.writer.shared(value, self.uses[name])

    # -- statements --------------------------------------------------------------------------

    def _block(
        self, body: Sequence[ast.stmt], scope: dict[str, Value]
    ) -> tuple[Value, ...] | None:
        for k, node in enumerate(body):
            if isinstance(node, ast.Return) and node.value is not None:
                parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                return tuple(self._expression(part, scope) for part in parts)
            if isinstance(node, ast.If):
                found = self._branch(node, body[k + 1 :], scope)
                if found is not None:
                    return found
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                scope[name] = self._kept(name, self._expression(node.value, scope))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                if node.value is not None:
                    name = node.target.id
                    scope[name] = self._kept(name, self._expression(node.value, scope))
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                whole = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
                scope[node.target.id] = self._expression(ast.copy_location(whole, node), scope)
            elif not (isinstance(node, ast.Pass) or (
                isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            )):
                self.refuse(node, f"`{type(node).__name__.lower()}`")
        return None

    def _branch(
        self, node: ast.If, rest: Sequence[ast.stmt], scope: dict[str, Value]
    ) -> tuple[Value, ...] | None:
        test = self._test(node.test, scope)
        if isinstance(test, bool):
            return self._block(node.body if test else node.orelse, scope)
        one, two = dict(scope), dict(scope)
        self.writer.conditional += 1
        try:
            return self._sides(node, rest, test, (one, two), scope)
        finally:
            self.writer.conditional -= 1

    def _sides(
        self, node: ast.If, rest: Sequence[ast.stmt], test: str,
        scopes: tuple[dict[str, Value], dict[str, Value]], scope: dict[str, Value],
    ) -> tuple[Value, ...] | None:
        one, two = scopes
        if any(isinstance(part, ast.Return) for part in ast.walk(node)):
            yes = self._block([*node.body, *rest], one)
            no = self._block([*node.orelse, *rest], two)
            if yes is None or no is None:
                self.refuse(node, "an `if` that returns on one side only")
                return None
            return tuple(self._choose(test, a, b) for a, b in zip(yes, no, strict=True))
        self._block(node.body, one)
        self._block(node.orelse, two)
        scope.update({n: self._choose(test, one[n], two[n]) for n in one if n in two})
        return None

    def _choose(self, test: str, a: Value, b: Value) -> Value:
        one, two = self.writer.text(a), self.writer.text(b)
        return a if one == two else f"({test} ? {one} : {two})"

    # -- conditions: known, or text ------------------------------------------------------------

    def _test(self, node: ast.expr, scope: Mapping[str, Value]) -> bool | str:
        if isinstance(node, ast.BoolOp):
            return self._joined([self._test(p, scope) for p in node.values],
                                every=isinstance(node.op, ast.And))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self._test(node.operand, scope)
            return (not inner) if isinstance(inner, bool) else f"({inner} ? 0 : 1)"
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            return self._joined([
                self._compare(node, op, a, b, scope)
                for op, a, b in zip(node.ops, sides[:-1], sides[1:], strict=True)
            ], every=True)
        return bool(self.refuse(node, f"the condition `{ast.unparse(node)}`"))

    @staticmethod
    def _joined(parts: list[bool | str], *, every: bool) -> bool | str:
        if any(part is (not every) for part in parts):
            return not every
        open_ = [part for part in parts if isinstance(part, str)]
        if not open_:
            return every
        return open_[0] if len(open_) == 1 else f"({(' && ' if every else ' || ').join(open_)})"

    def _compare(
        self, node: ast.Compare, op: ast.cmpop, left: ast.expr, right: ast.expr,
        scope: Mapping[str, Value],
    ) -> bool | str:
        if isinstance(right, ast.Constant) and isinstance(right.value, str):
            if isinstance(left, ast.Attribute) and isinstance(
                self.parameters.get(left.attr), str
            ) and isinstance(op, (ast.Eq, ast.NotEq)):
                same = self.parameters[left.attr] == right.value
                return bool(same if isinstance(op, ast.Eq) else not same)
            self.refuse(node, f"the condition `{ast.unparse(node)}`")
        if type(op) not in _SIGNS:
            self.refuse(node, f"the condition `{ast.unparse(node)}`")
        sign, compare = _SIGNS[type(op)]
        a, b = self._expression(left, scope), self._expression(right, scope)
        if not isinstance(a, str) and not isinstance(b, str):
            found = compare(a, b)
            if found.all() or not found.any():
                return bool(found.all())
        return f"({self.writer.text(a)} {sign} {self.writer.text(b)})"

    # -- expressions ---------------------------------------------------------------------------

    def _expression(self, node: ast.expr, scope: Mapping[str, Value]) -> Value:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return np.array(float(node.value))
        if isinstance(node, ast.Name):
            if node.id in scope:
                return scope[node.id]
            if isinstance(self.known.get(node.id), (int, float)):
                return np.array(float(self.known[node.id]))
            self.refuse(node, f"the name `{node.id}`, which is no number,")
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            inner = self._expression(node.operand, scope)
            if isinstance(node.op, ast.UAdd):
                return inner
            return f"(-{inner})" if isinstance(inner, str) else -inner
        if isinstance(node, ast.BinOp):
            a, b = self._expression(node.left, scope), self._expression(node.right, scope)
            return self._binary(node, node.op, a, b)
        if isinstance(node, ast.IfExp):
            test = self._test(node.test, scope)
            if isinstance(test, bool):
                return self._expression(node.body if test else node.orelse, scope)
            self.writer.conditional += 1
            sides = [self._expression(part, scope) for part in (node.body, node.orelse)]
            self.writer.conditional -= 1
            return self._choose(test, *sides)
        if isinstance(node, ast.Call) and not node.keywords:
            return self._call(node, [self._expression(a, scope) for a in node.args])
        self.refuse(node, f"`{ast.unparse(node)}`")
        raise AssertionError

    def _attribute(self, node: ast.Attribute) -> Value:
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if owner == "p" and isinstance(self.parameters.get(node.attr), np.ndarray):
            return np.asarray(self.parameters[node.attr])
        if owner == "x" and node.attr in self.states:
            return self.states[node.attr]
        if owner == "math" and isinstance(getattr(math, node.attr, None), float):
            return np.array(getattr(math, node.attr))
        self.refuse(node, f"`{ast.unparse(node)}`")
        raise AssertionError

    def _binary(self, node: ast.AST, op: ast.operator, a: Value, b: Value) -> Value:
        if not isinstance(a, str) and not isinstance(b, str):
            with np.errstate(all="ignore"):
                if isinstance(op, ast.Pow):
                    return np.asarray(a**b)
                if type(op) in _ARITHMETIC:
                    return np.asarray(_ARITHMETIC[type(op)](a, b))
        elif isinstance(op, ast.Div) and not isinstance(b, str):
            # one rounding more, but ngspice adds a little to every divisor, which may be tiny
            return self._binary(node, ast.Mult(), a, np.asarray(1.0 / b))
        if isinstance(op, ast.Pow):
            return self._power(a, b)
        if type(op) not in _ARITHMETIC:
            self.refuse(node, f"the operator of `{ast.unparse(node)}`")
        for one, other, swapped in ((a, b, False), (b, a, True)):
            if isinstance(one, str):
                continue
            if isinstance(op, ast.Add) and not one.any():
                return other
            if isinstance(op, ast.Sub) and not one.any() and swapped:
                return other
            if isinstance(op, ast.Mult) and np.all(one == 1.0):
                return other
            if isinstance(op, ast.Mult) and not one.any():
                return np.array(0.0)
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(op)]
        return f"({self.writer.text(a)} {sign} {self.writer.text(b)})"

    def _power(self, a: Value, b: Value) -> Value:
        """Return a ** b: ngspice takes the base's size, so odd whole exponents keep its sign."""
        base = self.writer.text(a)
        if not isinstance(b, str) and b.size and np.all(b == b.flat[0]):
            exponent = float(b.flat[0])
            if exponent == 1.0:
                return a
            if exponent in (2.0, 3.0, 4.0) and len(base) < 80:
                return f"({'*'.join([base] * int(exponent))})"
            if exponent % 2.0 == 1.0:
                self_sign = f"pow({base}, {number(exponent - 1.0)})"
                return f"({base} * {self_sign})"
        return f"pow({base}, {self.writer.text(b)})"

    def _call(self, node: ast.Call, given: list[Value]) -> Value:
        text = ast.unparse(node.func)
        owner, _, short = text.rpartition(".")
        known = self.known.get(text)
        if known is None and text in ("abs", "min", "max"):
            return self._builtin(text, given)
        from_math = owner == "math" or (known is not None and known is getattr(math, short, None))
        if from_math and short == "pow" and len(given) == 2:
            return self._binary(node, ast.Pow(), given[0], given[1])
        if from_math and len(given) == 1:
            (a,) = given
            if not isinstance(a, str):
                return np.asarray(np.vectorize(getattr(math, short), otypes=[float])(a))
            if short in _FUNCTIONS:
                # nodes of their own leave their range while ngspice iterates
                if f"v({self.writer.prefix}n" in a:
                    a = _RANGES.get(short, "{0}").format(a)
                return _FUNCTIONS[short].format(a)
        if inspect.isfunction(known):
            reader = _Reader(self.writer, known, {}, {}, law=False)
            names = [argument.arg for argument in reader.node.args.args]
            return reader.call(dict(zip(names, given, strict=True)))[0]
        self.refuse(node, f"`{text}`")
        raise AssertionError

    def _builtin(self, name: str, given: list[Value]) -> Value:
        if not any(isinstance(value, str) for value in given):
            return np.asarray({"abs": np.abs, "min": np.minimum, "max": np.maximum}[name](*given))
        return f"{name}({', '.join(self.writer.text(value) for value in given)})"


_ARITHMETIC: dict[type[ast.operator], Any] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide,
}


def number(value: float) -> str:
    """Return all digits of a number, in brackets where it is negative."""
    text = repr(float(value)).removesuffix(".0")
    return text if value >= 0 else f"({text})"
