"""Exact derivatives of a model's laws, by forward-mode differentiation of their source.

A law is a short Python function of scalars: assignments, ``if``, arithmetic, functions of `math`
and other such functions. It becomes source of a function that returns its values and their
partial derivatives. Parameters ``p.name`` become numbers in an array, states ``x.name`` scalars.
Whatever cannot be differentiated exactly is refused by name and line.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ParameterError
from .text import ATOM, BUILTINS, SIGNS, SLOPES, Source, sum_of, terms_of, times, tree_of

__all__ = ["Source", "differentiate"]


def differentiate(
    function: Callable[..., Any], name: str, source: Source, *, scalars: Sequence[str] = (),
    states: Sequence[str] = (), parameters: Mapping[str, int] | None = None,
    choices: Mapping[str, Sequence[str]] | None = None, by: Sequence[int] | None = None,
    column: str = "", free: Sequence[str] = (),
) -> list[str]:
    """Add to `source` a function `name` with exact derivatives; return its arguments.

    Parameters
    ----------
    function : callable
        The law. Its arguments are `scalars`, and ``x`` (states, by attribute) and ``p``
        (parameters, by attribute) where it has them.
    name : str
        Of the generated function. It takes the states one by one in place of ``x``, and returns
        value and partials, ``(f, f_a, f_b, ...)``, for every value the law returns, in one tuple.
    states, parameters, choices
        Names of states; places of parameters; names of the values of parameters that are choices.
    by : sequence of int, optional
        By which arguments to differentiate; default: by all.
    column : str
        Where parameters are a matrix: the name of its second index, the last argument.
    free : sequence of str
        Parameters by which to differentiate, too: arguments ``p_name`` of the generated function,
        in place of ``p``.
    """
    node, title = tree_of(function)
    law = parameters is not None  # else a function of scalars that a law calls
    writer = _Writer(
        function, title, source, states, parameters or {}, choices or {}, law, column, free
    )
    arguments: list[str] = []
    for argument in node.args.args:
        if argument.arg == "x" and law:
            arguments += [f"x_{state}" for state in states]
        elif argument.arg == "p" and law:
            arguments += [f"p_{name}" for name in free]
        else:
            arguments.append(argument.arg)
    if node.args.vararg or node.args.kwarg or node.args.kwonlyargs or node.args.defaults:
        writer.refuse(node, "arguments other than plain ones")
    extra = [a for a in arguments if scalars and a not in scalars and a[:2] not in ("x_", "p_")]
    if extra:
        raise ParameterError(f"{title} takes `{extra[0]}`; expected {', '.join(scalars)}, x, p")
    source.functions[name] = writer.function(node, name, arguments, by)
    return arguments


class _Writer:
    """Writes one function."""

    def __init__(
        self, function: Callable[..., Any], title: str, source: Source, states: Sequence[str],
        parameters: Mapping[str, int], choices: Mapping[str, Sequence[str]], law: bool,
        column: str, free: Sequence[str],
    ) -> None:
        self.names = inspect.getclosurevars(function)
        self.title, self.source = title, source
        self.states, self.parameters, self.choices = states, parameters, choices
        self.lines: list[str] = []
        self.reach: dict[str, set[int]] = {}  # the arguments that a variable depends on
        self.assigned: set[str] = set()
        self.directions: list[str] = []
        self.fixed: dict[str, int] = {}  # arguments that keep their value, and their directions
        self.count = 0
        self.law, self.column, self.free = law, column, free

    def refuse(self, node: ast.AST, what: str) -> Any:
        line = getattr(node, "lineno", 0)
        raise ParameterError(
            f"{self.title}, line {line}: {what} cannot be differentiated; use assignments, `if`, "
            "arithmetic and functions of `math`, or give the derivatives yourself "
            "(current_partials, rate_partials)"
        )

    def function(
        self, node: ast.FunctionDef, name: str, arguments: list[str], by: Sequence[int] | None
    ) -> str:
        self.directions = arguments if by is None else [arguments[k] for k in by]
        self.reach = {argument: {k} for k, argument in enumerate(self.directions)}
        self.assigned = set(arguments)
        body = node.body
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]
        before = -1
        while before != sum(map(len, self.reach.values())):
            before = sum(map(len, self.reach.values()))
            self._spread(body)
        more = ["p", *([self.column] if self.column else [])] if self.law else []
        self.lines = [f"def {name}({', '.join([*arguments, *more])}):"]
        changed = {part.id for part in ast.walk(node)
                   if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
        for taken in sorted(changed & {f"p_{one}" for one in self.free}):
            self.refuse(node, f"an assignment to `{taken}`, the name of the free parameter,")
        self.fixed = {argument: k for k, argument in enumerate(self.directions)
                      if argument not in changed}
        for argument in arguments:
            for k in sorted(self.reach.get(argument, ())):
                if argument not in self.fixed:
                    value = "1.0" if self.directions[k] == argument else "0.0"
                    self.lines.append(f"    {argument}__{k} = {value}")
        self._block(body, 1)
        return "\n".join(self.lines)

    # -- what depends on what -----------------------------------------------------------------

    def _spread(self, body: Sequence[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.Assign):
                if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                    self._mark(node.targets[0].id, node.value)
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                self._mark(node.target.id, node.value)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                if node.value is not None:
                    self._mark(node.target.id, node.value)
            elif isinstance(node, ast.If):
                self._spread(node.body)
                self._spread(node.orelse)

    def _mark(self, name: str, value: ast.expr) -> None:
        self.assigned.add(name)
        for part in ast.walk(value):
            source = ""
            if isinstance(part, ast.Name):
                source = part.id
            elif isinstance(part, ast.Attribute) and ast.unparse(part.value) in ("x", "p"):
                source = f"{ast.unparse(part.value)}_{part.attr}"
            if source in self.reach:
                self.reach[name] = self.reach.get(name, set()) | self.reach[source]

    # -- statements --------------------------------------------------------------------------

    def _emit(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def _block(self, body: Sequence[ast.stmt], depth: int) -> None:
        for node in body:
            self._statement(node, depth)
        if not body:
            self._emit(depth, "pass")

    def _statement(self, node: ast.stmt, depth: int) -> None:
        if isinstance(node, ast.Assign):
            if len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
                self.refuse(node, "an assignment to anything but one name")
            else:
                self._assign(node.targets[0].id, node.value, depth)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            self._assign(node.target.id, node.value, depth)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            whole = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
            self._assign(node.target.id, ast.copy_location(whole, node), depth)
        elif isinstance(node, ast.If):
            test = self._test(node.test, depth)
            self._emit(depth, f"if {test}:")
            self._block(node.body, depth + 1)
            if node.orelse:
                self._emit(depth, "else:")
                self._block(node.orelse, depth + 1)
        elif isinstance(node, ast.Return) and node.value is not None:
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            parts: list[str] = []
            for value in values:
                text, partials = self._expression(value, depth)
                parts.append(text)
                parts += [partials.get(k, "0.0") for k in range(len(self.directions))]
            self._emit(depth, f"return ({', '.join(parts)},)")
        else:
            self.refuse(node, f"`{type(node).__name__.lower()}`")

    def _assign(self, name: str, value: ast.expr, depth: int) -> None:
        if self.law and name in ("p", "x"):
            self.refuse(value, f"an assignment to `{name}`")
        text, partials = self._expression(value, depth)
        slopes = {k: partials.get(k, "0.0") for k in sorted(self.reach.get(name, ()))}
        if any(re.search(rf"\b{name}(__\d+)?\b", slope) for slope in slopes.values()):
            slopes = {k: self._new(slope, depth) for k, slope in slopes.items()}
        for k, slope in slopes.items():
            self._emit(depth, f"{name}__{k} = {slope}")
        self._emit(depth, f"{name} = {text}")

    # -- expressions: (text of an atom, {direction: text of its partial}) ------------------------

    def _name(self) -> str:
        self.count += 1
        return f"t{self.count}_"

    def _new(self, text: str, depth: int) -> str:
        name = self._name()
        self._emit(depth, f"{name} = {text}")
        return name

    def _keep(self, text: str, depth: int) -> str:
        """Return a name or number that is `text`."""
        return text if ATOM.fullmatch(text) else self._new(text, depth)

    def _expression(self, node: ast.expr, depth: int) -> tuple[str, dict[int, str]]:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return repr(float(node.value)), {}
        if isinstance(node, ast.Name):
            return self._variable(node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            text, partials = self._expression(node.operand, depth)
            if isinstance(node.op, ast.UAdd):
                return text, partials
            return f"(-{text})", {k: f"(-{d})" for k, d in partials.items()}
        if isinstance(node, ast.BinOp):
            return self._binary(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        if isinstance(node, ast.IfExp):
            return self._choose(node, depth)
        self.refuse(node, f"`{ast.unparse(node)}`")
        raise AssertionError

    def _variable(self, node: ast.Name) -> tuple[str, dict[int, str]]:
        name = node.id
        if name in self.assigned:
            return name, self._slopes(name)
        for scope in (self.names.nonlocals, self.names.globals):
            if isinstance(scope.get(name), (int, float)):
                return repr(float(scope[name])), {}
        self.refuse(node, f"the name `{name}`, which is no number,")
        raise AssertionError

    def _slopes(self, name: str) -> dict[int, str]:
        if name in self.fixed:
            return {self.fixed[name]: "1.0"}
        return {k: f"{name}__{k}" for k in sorted(self.reach.get(name, ()))}

    def _attribute(self, node: ast.Attribute) -> tuple[str, dict[int, str]]:
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if self.law and owner == "p" and node.attr in self.free:
            return f"p_{node.attr}", self._slopes(f"p_{node.attr}")
        if self.law and owner == "p" and node.attr in self.parameters:
            return self._parameter(node.attr), {}
        if self.law and owner == "x" and node.attr in self.states:
            name = f"x_{node.attr}"
            return name, self._slopes(name)
        if owner == "math" and isinstance(getattr(math, node.attr, None), float):
            return repr(getattr(math, node.attr)), {}
        known = ", ".join(self.parameters if owner == "p" else self.states)
        self.refuse(node, f"`{ast.unparse(node)}` (there are: {known})")
        raise AssertionError

    def _parameter(self, name: str) -> str:
        return f"p[{self.parameters[name]}{', ' if self.column else ''}{self.column}]"

    def _binary(self, node: ast.BinOp, depth: int) -> tuple[str, dict[int, str]]:
        a, da = self._expression(node.left, depth)
        b, db = self._expression(node.right, depth)
        every = sorted({*da, *db})
        if isinstance(node.op, (ast.Add, ast.Sub)):
            sign = "+" if isinstance(node.op, ast.Add) else "-"
            return self._keep(f"{a} {sign} {b}", depth), {
                k: self._keep(sum_of(da.get(k), db.get(k), sign), depth) for k in every
            }
        if isinstance(node.op, ast.Mult):
            return self._keep(f"{a} * {b}", depth), {
                k: self._keep(terms_of((da.get(k), b), (db.get(k), a)), depth) for k in every
            }
        if isinstance(node.op, ast.Div):
            value = self._keep(f"{a} / {b}", depth)
            result = {}
            inverse = self._keep(f"1.0 / {b}", depth) if every else ""
            for k in every:
                over = sum_of(da.get(k), times(db[k], value) if k in db else None, "-")
                result[k] = self._keep(f"({over}) * {inverse}", depth)
            return value, result
        if isinstance(node.op, ast.Pow):
            value = self._keep(f"{a} ** {b}", depth)
            if not every:
                return value, {}
            # a second power only where the first one does not tell
            lead = self._keep(
                f"({b} * {value} / {a} if {a} != 0.0 else {b} * {a} ** ({b} - 1.0))", depth
            ) if da else ""
            grow = self._keep(f"({value} * math.log({a}) if {a} > 0.0 else 0.0)", depth) \
                if db else ""
            return value, {
                k: self._keep(terms_of((da.get(k), lead), (db.get(k), grow)), depth) for k in every
            }
        self.refuse(node, f"the operator of `{ast.unparse(node)}`")
        raise AssertionError

    def _choose(self, node: ast.IfExp, depth: int) -> tuple[str, dict[int, str]]:
        name = self._name()
        test = self._test(node.test, depth)
        sides = []
        for word, branch in (("if " + test, node.body), ("else", node.orelse)):
            self._emit(depth, f"{word}:")
            text, partials = self._expression(branch, depth + 1)
            self._emit(depth + 1, f"{name} = {text}")
            sides.append((len(self.lines), partials))
        every = sorted({*sides[0][1], *sides[1][1]})
        for end, partials in reversed(sides):
            self.lines[end:end] = [
                "    " * (depth + 1) + f"{name}_{k} = {partials.get(k, '0.0')}" for k in every
            ]
        return name, {k: f"{name}_{k}" for k in every}

    def _test(self, node: ast.expr, depth: int) -> str:
        if isinstance(node, ast.BoolOp):
            word = " and " if isinstance(node.op, ast.And) else " or "
            return "(" + word.join(self._test(part, depth) for part in node.values) + ")"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"(not {self._test(node.operand, depth)})"
        if isinstance(node, ast.Compare):
            other = node.comparators[0]
            if isinstance(other, ast.Constant) and isinstance(other.value, str):
                return self._choice(node, other.value)
            if all(type(operator) in SIGNS for operator in node.ops):
                atoms = [self._expression(e, depth)[0] for e in (node.left, *node.comparators)]
                signs = [SIGNS[type(operator)] for operator in node.ops]
                rest = "".join(f" {s} {a}" for s, a in zip(signs, atoms[1:], strict=True))
                return f"({atoms[0]}{rest})"
        self.refuse(node, f"the condition `{ast.unparse(node)}`")
        raise AssertionError

    def _choice(self, node: ast.Compare, value: str) -> str:
        left, operator = node.left, node.ops[0]
        if len(node.ops) == 1 and isinstance(left, ast.Attribute) and (
            left.attr in self.choices
        ) and isinstance(operator, (ast.Eq, ast.NotEq)):
            names = self.choices[left.attr]
            if value not in names:
                self.refuse(node, f"{value!r}, none of {', '.join(map(repr, names))},")
            sign = "==" if isinstance(operator, ast.Eq) else "!="
            return f"({self._parameter(left.attr)} {sign} {float(list(names).index(value))})"
        self.refuse(node, f"the condition `{ast.unparse(node)}`")
        raise AssertionError

    def _call(self, node: ast.Call, depth: int) -> tuple[str, dict[int, str]]:
        if node.keywords:
            self.refuse(node, f"`{ast.unparse(node)}` (keyword arguments)")
        given = [self._expression(argument, depth) for argument in node.args]
        text = ast.unparse(node.func)
        short = text.rpartition(".")[2]
        known = self.names.globals.get(text, self.names.nonlocals.get(text))
        if text in BUILTINS and known is None:
            return self._builtin(node, text, given, depth)
        owner = text.rpartition(".")[0]
        from_math = owner == "math" or (known is not None and known is getattr(math, short, None))
        if from_math and short == "pow":
            whole = ast.BinOp(node.args[0], ast.Pow(), node.args[1])
            return self._binary(ast.copy_location(whole, node), depth)
        if from_math and short in SLOPES and len(given) == 1:
            (a, da), = given
            a = self._keep(a, depth)
            value = self._keep(f"math.{short}({a})", depth)
            if not da:
                return value, {}
            slope = self._keep(SLOPES[short].format(v=value, a=a), depth)
            return value, {k: self._keep(times(d, slope), depth) for k, d in da.items()}
        if inspect.isfunction(known):
            return self._own(node, known, given, depth)
        self.refuse(node, f"`{text}`")
        raise AssertionError

    def _builtin(
        self, node: ast.Call, name: str, given: list[tuple[str, dict[int, str]]], depth: int
    ) -> tuple[str, dict[int, str]]:
        if name == "abs" and len(given) == 1:
            (a, da), = given
            a = self._keep(a, depth)
            if not da:
                return self._keep(f"abs({a})", depth), {}
            slope = self._keep(SLOPES["fabs"].format(a=a), depth)
            return self._keep(f"abs({a})", depth), {
                k: self._keep(times(d, slope), depth) for k, d in da.items()
            }
        if name in ("min", "max") and len(given) == 2:
            (a, da), (b, db) = given
            a, b = self._keep(a, depth), self._keep(b, depth)
            test = self._keep(f"{a} {'<' if name == 'min' else '>'} {b}", depth)
            return self._keep(f"({a} if {test} else {b})", depth), {
                k: self._keep(f"({da.get(k, '0.0')} if {test} else {db.get(k, '0.0')})", depth)
                for k in {*da, *db}
            }
        self.refuse(node, f"`{ast.unparse(node)}`")
        raise AssertionError

    def _own(
        self, node: ast.Call, function: Callable[..., Any],
        given: list[tuple[str, dict[int, str]]], depth: int,
    ) -> tuple[str, dict[int, str]]:
        """Call another function of scalars, by the chain rule."""
        by = tuple(n for n, (_, partials) in enumerate(given) if partials)
        key = (function, by)
        if key not in self.source.seen:
            name = f"{self.source.prefix}f{len(self.source.seen)}_{function.__name__}"
            self.source.seen[key] = name
            differentiate(function, name, self.source, by=by)
        name = self.source.seen[key]
        expected = len(inspect.signature(function).parameters)
        if expected != len(given):
            self.refuse(node, f"`{ast.unparse(node)}` ({expected} arguments expected)")
        call = self._keep(f"{name}({', '.join(a for a, _ in given)})", depth)
        every = sorted({k for _, partials in given for k in partials})
        return f"{call}[0]", {
            k: self._keep(" + ".join(
                times(given[a][1][k], f"{call}[{1 + n}]") for n, a in enumerate(by)
                if k in given[a][1]
            ), depth)
            for k in every
        }
