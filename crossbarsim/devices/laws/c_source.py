"""The Python that numba compiles for devices, as C: the same laws and integrator for CUDA.

The subset is what laws and templates are written in: scalars, arrays by index, tuples of scalars,
loops and conditions. A function that returns a tuple fills an array that its caller gives. What is
not in the subset is refused by name and line.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence

from .c_types import C_TYPES, Array, Kinds, Unit, named

__all__ = ["Function", "functions_of"]

_MATH = frozenset({
    "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
    "cosh", "tanh", "asinh", "erf", "fabs", "floor", "ceil",
})
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "/", ast.Mod: "%",
    ast.BitXor: "^", ast.BitAnd: "&", ast.LShift: "<<", ast.RShift: ">>", ast.Lt: "<",
    ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}


def functions_of(unit: Unit, source: str) -> str:
    """Return the C text of all functions in Python source, each after those it calls."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            unit.nodes[node.name] = node
    done: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in done:
            return
        node = unit.nodes[name]
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and (
                part.func.id in unit.nodes and part.func.id != name
            ):
                visit(part.func.id)
        done[name] = Function(unit, node).text()

    for name in unit.nodes:
        visit(name)
    return "\n\n".join(done.values())


class Function(Kinds):
    """Translates one function."""

    def __init__(self, unit: Unit, node: ast.FunctionDef) -> None:
        self.stores: list[str] = []  # variables that are arrays of their own
        self.lines: list[str] = []
        self.count = 0
        self.depth = 1
        super().__init__(unit, node)

    def text(self) -> str:
        """Return the function in C."""
        self.block(self.node.body)
        return "\n".join([self.unit.head(self.node.name), "{", *self.declarations(), *self.lines,
                          "}"])

    def declarations(self) -> list[str]:
        """Return the declarations of all variables."""
        lines = []
        for variable, kind in sorted(self.kinds.items()):
            if variable in self.arguments or variable in self.unit.constants:
                continue
            name = named(variable)
            if not isinstance(kind, Array):
                lines.append(f"    {C_TYPES[kind]} {name} = 0;")
            elif f"{name}_store" in self.stores:
                size = " * ".join(kind.dims)
                lines.append(f"    double {name}_store[{size} + 1];")
                lines.append(f"    double *{name} = {name}_store;")
            elif any(d == "0" or not d.isdigit() for d in kind.dims):
                lines.append(f"    double *{name} = 0;")
            else:
                lines.append(f"    {C_TYPES[kind.kind]} {name}[{kind.dims[0]}];")
        return lines

    def emit(self, text: str) -> None:
        """Write a line."""
        self.lines.append("    " * self.depth + text)

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Write statements."""
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        """Write one statement."""
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            self._assign(node.targets[0], node.value)
        elif isinstance(node, ast.AugAssign):
            self._put(node.target, self.expression(ast.BinOp(node.target, node.op, node.value)))
        elif isinstance(node, ast.If):
            self.emit(f"if ({self.expression(node.test)}) {{")
            self._inside(node.body)
            if node.orelse:
                self.emit("} else {")
                self._inside(node.orelse)
            self.emit("}")
        elif isinstance(node, ast.While):
            before = len(self.lines)
            test = self.expression(node.test)
            if len(self.lines) > before:
                self.refuse(node, "a loop whose condition calls a function of several values")
            self.emit(f"while ({test}) {{")
            self._inside(node.body)
            self.emit("}")
        elif isinstance(node, ast.For):
            self._loop(node)
        elif isinstance(node, ast.Return):
            self.give(node)
        elif isinstance(node, (ast.Break, ast.Continue)):
            self.emit(f"{type(node).__name__.lower()};")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self.emit(f"{self._call(node.value)};")
        elif not (isinstance(node, ast.Pass) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        )):
            self.refuse(node)

    def _inside(self, body: Sequence[ast.stmt]) -> None:
        self.depth += 1
        self.block(body)
        self.depth -= 1

    def _loop(self, node: ast.For) -> None:
        if not (isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func) == "range"
                and isinstance(node.target, ast.Name)):
            self.refuse(node, "a loop over anything but a range")
            return
        bounds = [self.expression(a) for a in node.iter.args]
        start, stop = (bounds[0], bounds[1]) if len(bounds) > 1 else ("0", bounds[0])
        down = len(bounds) == 3
        if down and ast.unparse(node.iter.args[2]) != "-1":
            self.refuse(node, "a step other than -1")
        name = self._fresh()
        # the variable keeps its last value after the loop, as in Python
        self.emit(f"for (long long {name} = {start}; {name} {'>' if down else '<'} {stop}; "
                  f"{'--' if down else '++'}{name}) {{")
        self.emit(f"    {named(node.target.id)} = {name};")
        self._inside(node.body)
        self.emit("}")

    def give(self, node: ast.Return) -> None:
        """Write a return."""
        if node.value is None:
            self.emit("return;")
        elif isinstance(node.value, ast.Tuple):
            for k, part in enumerate(node.value.elts):
                self.emit(f"result[{k}] = {self.expression(part)};")
            self.emit("return;")
        elif isinstance(node.value, ast.Call) and self.unit.results[self.node.name][1]:
            self.emit(f"{self._call(node.value, into='result')};")
            self.emit("return;")
        else:
            self.emit(f"return {self.expression(node.value)};")

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple):
            self._unpack(target, value)
            return
        kind = self.kind(value)
        if isinstance(value, ast.Call) and isinstance(target, ast.Name):
            name = ast.unparse(value.func)
            if name in ("np.empty", "np.zeros") and isinstance(kind, Array):
                self.stores.append(f"{named(target.id)}_store")
                if name == "np.zeros":
                    size = " * ".join(kind.dims)
                    entry = f"{named(target.id)}[q] = 0.0;"
                    self.emit(f"for (long long q = 0; q < {size}; ++q) {entry}")
                return
            if self.unit.results.get(name, ("", 0))[1]:
                self.emit(f"{self._call(value, into=named(target.id))};")
                return
        self._put(target, self.expression(value))

    def _unpack(self, target: ast.Tuple, value: ast.expr) -> None:
        if isinstance(value, ast.IfExp):
            test = self._fresh()
            self.emit(f"int {test} = {self.expression(value.test)};")
            self.emit(f"if ({test}) {{")
            self.depth += 1
            self._unpack(target, value.body)
            self.depth -= 1
            self.emit("} else {")
            self.depth += 1
            self._unpack(target, value.orelse)
            self.depth -= 1
            self.emit("}")
            return
        if isinstance(value, ast.Tuple):
            if any(isinstance(v, ast.Call) and ast.unparse(v.func) in ("np.empty", "np.zeros")
                   for v in value.elts):
                for one, part in zip(target.elts, value.elts, strict=True):
                    self._assign(one, part)
                return
            names = []
            for part in value.elts:
                kind = self.kind(part)
                name = self._fresh()
                of = "double *" if isinstance(kind, Array) else C_TYPES[str(kind or "double")]
                self.emit(f"{of} {name} = {self.expression(part)};")
                names.append(name)
        elif isinstance(value, ast.Attribute) and value.attr == "shape":
            kind = self.kind(value.value)
            if not isinstance(kind, Array):
                self.refuse(value)
                return
            names = list(kind.dims)
        elif isinstance(value, ast.Call):
            whole = self.expression(value)
            names = [f"{whole}[{k}]" for k in range(len(target.elts))]
        else:
            self.refuse(value)
            return
        for one, name in zip(target.elts, names, strict=True):
            self._put(one, name)

    def _put(self, target: ast.expr, text: str) -> None:
        if not isinstance(target, (ast.Name, ast.Subscript)):
            self.refuse(target)
        if isinstance(target, ast.Name) and target.id in self.unit.constants:
            return  # known beforehand
        self.emit(f"{self.expression(target)} = {text};")

    # -- expressions ---------------------------------------------------------------------------

    def _fresh(self) -> str:
        self.count += 1
        return f"u{self.count}_"

    def expression(self, node: ast.expr) -> str:
        """Return an expression in C; what must come before it is written."""
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return _number(node.value)
        if isinstance(node, ast.Name):
            return self.unit.constants[node.id][0] if node.id in self.unit.constants else (
                named(node.id)
            )
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            known = {"np.pi": math.pi, "math.pi": math.pi, "math.e": math.e, "math.inf": math.inf,
                     "np.inf": math.inf}
            return _number(known[text]) if text in known else str(self.refuse(node))
        if isinstance(node, ast.Subscript):
            return self._entry(node)
        if isinstance(node, ast.UnaryOp):
            sign = "!" if isinstance(node.op, ast.Not) else (
                "-" if isinstance(node.op, ast.USub) else "+"
            )
            return f"({sign}{self.expression(node.operand)})"
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if isinstance(node, ast.BoolOp):
            word = " && " if isinstance(node.op, ast.And) else " || "
            return "(" + word.join(self.expression(part) for part in node.values) + ")"
        if isinstance(node, ast.Compare):
            if isinstance(node.ops[0], ast.In) and isinstance(node.comparators[0], ast.Tuple):
                one = self.expression(node.left)
                many = [self.expression(part) for part in node.comparators[0].elts]
                return "(" + " || ".join(f"{one} == {other}" for other in many) + ")"
            sides = [self.expression(part) for part in (node.left, *node.comparators)]
            if any(type(op) not in _OPERATORS for op in node.ops):
                self.refuse(node)
            tests = [f"{a} {_OPERATORS[type(op)]} {b}"
                     for a, op, b in zip(sides, node.ops, sides[1:], strict=False)]
            return "(" + " && ".join(tests) + ")"
        if isinstance(node, ast.IfExp):
            return (f"({self.expression(node.test)} ? {self.expression(node.body)} : "
                    f"{self.expression(node.orelse)})")
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            count = self.unit.results.get(name, ("", 0))
            if count[1]:
                kept = self._fresh()
                self.emit(f"{C_TYPES[count[0]]} {kept}[{count[1]}];")
                self.emit(f"{self._call(node, into=kept)};")
                return kept
            return self._call(node)
        return str(self.refuse(node))

    def _binary(self, node: ast.BinOp) -> str:
        a, b = self.expression(node.left), self.expression(node.right)
        if isinstance(node.op, ast.Pow):
            if isinstance(node.right, ast.Constant) and node.right.value == 2 and (
                isinstance(node.left, (ast.Name, ast.Subscript))
            ):
                return f"({a} * {a})"
            return f"pow((double)({a}), (double)({b}))"
        if type(node.op) not in _OPERATORS:
            self.refuse(node)
        if isinstance(node.op, ast.Div):
            return f"((double)({a}) / {b})"
        return f"({a} {_OPERATORS[type(node.op)]} {b})"

    def _entry(self, node: ast.Subscript) -> str:
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            kind = self.kind(node.value.value)
            if isinstance(kind, Array) and isinstance(node.slice, ast.Constant):
                return kind.dims[int(str(node.slice.value))]
            self.refuse(node)
        kind = self.kind(node.value)
        if not isinstance(kind, Array):
            return str(self.refuse(node))
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        index = ""
        for at, dim in zip(parts, kind.dims, strict=False):
            index = f"({index}) * ({dim}) + {self.expression(at)}" if index else self.expression(at)
        for dim in kind.dims[len(parts):]:
            index = f"({index}) * ({dim})"
        base = self.expression(node.value)
        return f"{base}[{index}]" if len(parts) == len(kind.dims) else f"({base} + {index})"

    def _call(self, node: ast.Call, into: str = "") -> str:
        name = ast.unparse(node.func)
        if name == "len":
            kind = self.kind(node.args[0])
            return kind.dims[0] if isinstance(kind, Array) else str(self.refuse(node))
        given = [self.expression(a) for a in node.args]
        owner, _, short = name.rpartition(".")
        if owner in ("math", "np") and short in _MATH:
            return f"{short}({', '.join(given)})"
        if name in ("min", "max"):
            whole = all(self.kind(a) in ("int", "bool") for a in node.args)
            text = given[0]
            for other in given[1:]:
                text = f"{'whole' if whole else 'real'}_{name}({text}, {other})"
            return text
        if name == "abs":
            return f"{'llabs' if self.kind(node.args[0]) == 'int' else 'fabs'}({given[0]})"
        if name == "math.pow":
            return f"pow({given[0]}, {given[1]})"
        if name in ("int", "float", "np.uint64"):
            kind = {"int": "int", "float": "double", "np.uint64": "word"}[name]
            return f"(({C_TYPES[kind]})({given[0]}))"
        if name in self.unit.results:
            return f"{named(name)}({', '.join([*given, *([into] if into else [])])})"
        return str(self.refuse(node, f"`{name}`"))


def _number(value: float) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return f"{value}ull" if value > 2**31 else str(value)
    if math.isinf(value):
        return "INFINITY" if value > 0 else "(-INFINITY)"
    return repr(value)
