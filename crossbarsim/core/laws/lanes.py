"""Functions of scalars, as laws are written or made, for whole vectors of devices.

Every number becomes a vector with a lane for each device (`crossbarsim.core.lanes`). A branch that
lanes take differently is computed for all and chosen from, and left out where no lane takes it; one
that depends on a choice, which is the same for all devices, stays a branch.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Collection, Iterable

from .text import SIGNS

__all__ = ["HEAD", "NotForLanes", "lane_source"]

HEAD = """from crossbarsim.core.lanes.arcs import asin
from crossbarsim.core.lanes.exponentials import cosh, exp, expm1, sinh, tanh
from crossbarsim.core.lanes.logarithms import log, log1p, power
from crossbarsim.core.lanes.vectors import (
    LANES, absolute, acos, add, anywhere, asinh, atan, both, ceil, cos, div, either, eq, erf,
    every, everywhere, floor, ge, gt, larger, le, lt, mul, ne, neg, negate, nowhere, sin, smaller,
    splat, sqrt, sub, tan, vload, vstore, where,
)
"""
_FUNCTIONS = {
    "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
    "cosh", "tanh", "asinh", "erf", "floor", "ceil",
}
_COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
_OPERATIONS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("add", "+"), ast.Sub: ("sub", "-"), ast.Mult: ("mul", "*"), ast.Div: ("div", "/"),
}
_HELPER = re.compile(r"\w*[fg]\d+_")  # functions that laws call: all their arguments are scalars
_LARGEST = 16  # exponent that is written as products


_TAKEN = {*re.findall(r"\b[a-zA-Z]\w*\b", re.sub(r"from \S+ import", "", HEAD)), "at", "PARAMETERS"}


class NotForLanes(Exception):
    """A function does what vectors cannot, such as loops."""


def lane_source(
    functions: Iterable[str], words: Collection[int] = (), scalar: Collection[str] = (),
    inverse: dict[int, int] | None = None,
) -> str:
    """Return source of the same functions, of vectors, in the same order.

    ``p[k]``, ``x[k]``, ``out[k]`` and ``f[k]`` are vectors k of arrays; an argument ``at`` behind
    `p` tells where in `p` a device's parameters begin. Parameters in `words` are choices, the
    same for all lanes. Functions that are there already and return one vector are in `scalar`.
    With `inverse`, quotients by a parameter k are products with its reciprocal, the vector
    ``PARAMETERS + inverse[k]`` of `p`; those not there yet are added, counted on.

    Raises
    ------
    NotForLanes
        A function has loops or calls what is not known here.
    """
    single = set(scalar)
    text = []
    for source in functions:
        node = ast.parse(source).body[0]
        if not isinstance(node, ast.FunctionDef):
            raise NotForLanes(source[:40])
        _rename(node)
        writer = _Writer(node, frozenset(words), single, inverse)
        text.append(writer.function())
        if writer.single:
            single.add(node.name)
    return "\n\n".join(text)


def _rename(node: ast.FunctionDef) -> None:
    """Give other names to variables that are called as functions of vectors are."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in _TAKEN:
            part.id += "_own"
        elif isinstance(part, ast.arg) and part.arg in _TAKEN:
            part.arg += "_own"


def _returns(body: list[ast.stmt]) -> bool:
    return any(isinstance(part, ast.Return) for node in body for part in ast.walk(node))


def _leaves(body: list[ast.stmt]) -> bool:
    """Return whether every way through ends in a return."""
    last = body[-1] if body else None
    if isinstance(last, ast.Return):
        return True
    return isinstance(last, ast.If) and _leaves(last.body) and _leaves(last.orelse)


def _one_exit(body: list[ast.stmt]) -> list[ast.stmt]:
    """Move what follows a branch that returns into the branches that do not."""
    for k, node in enumerate(body):
        if isinstance(node, ast.Return):
            return body[:k + 1]
        if isinstance(node, ast.If) and _returns([node]):
            sides = [
                _one_exit(side if _leaves(side) else [*side, *body[k + 1:]])
                for side in (node.body, node.orelse)
            ]
            return [*body[:k], ast.If(node.test, *sides)]
    return body


def _divides(node: ast.stmt) -> ast.BinOp | None:
    """Return the quotient that a statement assigns."""
    value = node.value if isinstance(node, ast.Assign) else None
    return value if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div) else None


def _one_division(body: list[ast.stmt]) -> list[ast.stmt]:
    """Write a / b behind 1 / b as a product: derivatives of quotients divide twice otherwise."""
    made: list[ast.stmt] = []
    for one in body:
        node = one
        if isinstance(node, ast.If):
            node = ast.If(node.test, _one_division(node.body), _one_division(node.orelse))
        whole = _divides(node)
        if whole is not None and ast.unparse(whole.left) == "1.0":
            over = ast.unparse(whole.right)
            for k in range(len(made) - 1, -1, -1):
                older = _divides(made[k])
                if older is not None and ast.unparse(older.right) == over and \
                        isinstance(node, ast.Assign):
                    made.insert(k, node)
                    inverse = ast.parse(ast.unparse(node.targets[0]), mode="eval").body
                    older.op, older.right = ast.Mult(), inverse
                    break
                if isinstance(made[k], ast.If) or over in ast.unparse(made[k]).split(" = ")[0]:
                    made.append(node)
                    break
            else:
                made.append(node)
            continue
        made.append(node)
    return made


class _Writer:
    """Writes one function."""

    def __init__(
        self, node: ast.FunctionDef, words: frozenset[int], single: set[str],
        inverse: dict[int, int] | None,
    ) -> None:
        self.node, self.words, self.known, self.inverse = node, words, single, inverse
        self.lines: list[str] = []
        self.depth, self.mask, self.count = 1, "", 0
        self.single, self.values = False, 0  # of what it returns
        self.body = _one_exit(_one_division(node.body))
        self.arguments = [a.arg for a in node.args.args]
        self.arrays = set() if _HELPER.match(node.name) else {
            part.value.id for part in ast.walk(node)
            if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name)
        } & {*self.arguments} | {"p"}
        self.merged = self._shared()
        self.kinds: dict[str, str] = {}  # of variables that are no vectors

    def function(self) -> str:
        arguments = ", ".join(
            "p, at" if a == "p" and a in self.arrays else a for a in self.arguments
        )
        self._block(self.body)
        first = [f"    {name} = splat(0.0)" for name in sorted(self.merged - {*self.arguments})]
        if self.values:
            names = [f"r{k}_" for k in range(self.values)]
            first += [f"    {name} = splat(0.0)" for name in names if name not in self.merged]
            whole = names[0] if self.single else f"({', '.join(names)},)"
            self.lines.append(f"    return {whole}")
        return "\n".join([f"def {self.node.name}({arguments}):", *first, *self.lines])

    def _shared(self) -> set[str]:
        """Return the variables that more than one branch sets, or that live on behind theirs."""
        homes: dict[str, list[tuple[int, ...]]] = {}
        reads: dict[str, list[tuple[int, ...]]] = {}

        def visit(body: list[ast.stmt], home: tuple[int, ...]) -> None:
            for k, node in enumerate(body):
                if isinstance(node, ast.If):
                    note(node.test, home)
                    visit(node.body, (*home, k, 0))
                    visit(node.orelse, (*home, k, 1))
                else:
                    note(node, home)

        def note(node: ast.AST, home: tuple[int, ...]) -> None:
            for part in ast.walk(node):
                if isinstance(part, ast.Name):
                    to = homes if isinstance(part.ctx, ast.Store) else reads
                    to.setdefault(part.id, []).append(home)
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                reads.setdefault(node.target.id, []).append(home)

        visit(self.body, ())
        return {
            name for name, places in homes.items()
            if len(places) > 1 or name in self.arguments
            or any(r[:len(places[0])] != places[0] for r in reads.get(name, []))
        }

    # -- statements ----------------------------------------------------------------------------

    def _emit(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def _name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}_l"

    def _new(self, text: str, letter: str = "w") -> str:
        name = self._name(letter)
        self._emit(f"{name} = {text}")
        return name

    def _block(self, body: list[ast.stmt]) -> None:
        for node in body:
            self._statement(node)
        if not body:
            self._emit("pass")

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            self._assign(node.targets[0], node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._assign(node.target, node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            old = ast.Name(node.target.id, ast.Load())
            self._assign(node.target, ast.BinOp(old, node.op, node.value))
        elif isinstance(node, ast.If):
            self._if(node)
        elif isinstance(node, ast.Return) and node.value is not None:
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            self.single = not isinstance(node.value, ast.Tuple)
            self.values = len(parts)
            for k, part in enumerate(parts):
                self._store(f"r{k}_", self._vector(part))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self._emit(self._call(node.value)[0])
        elif isinstance(node, ast.Pass):
            self._emit("pass")
        else:
            raise NotForLanes(ast.unparse(node))

    def _store(self, name: str, text: str) -> None:
        self._emit(f"{name} = {f'where({self.mask}, {text}, {name})' if self.mask else text}")

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            if self.mask:
                raise NotForLanes(ast.unparse(target))
            place = f"{target.value.id}, {ast.unparse(target.slice)}"
            self._emit(f"vstore({place}, {self._vector(value)})")
            return
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            fresh = [self._new(self._vector(v)) for v in value.elts]
            for one, text in zip(target.elts, fresh, strict=True):
                self._named(one, text)
            return
        text, kind = self._expression(value)
        plain = isinstance(target, ast.Name) and target.id not in self.merged
        if kind in ("tuple", "mask", "flag") and plain:
            self.kinds[ast.unparse(target)] = kind
            self._emit(f"{ast.unparse(target)} = {text}")
            return
        self._named(target, self._as_vector(text, kind))

    def _named(self, target: ast.expr, text: str) -> None:
        if not isinstance(target, ast.Name):
            raise NotForLanes(ast.unparse(target))
        if target.id in self.merged:
            self._store(target.id, text)
        else:
            self._emit(f"{target.id} = {text}")

    def _if(self, node: ast.If) -> None:
        test, kind = self._expression(node.test)
        if kind == "flag":
            self._emit(f"if {test}:")
            self._inside(node.body, self.mask)
            if node.orelse:
                self._emit("else:")
                self._inside(node.orelse, self.mask)
            return
        mask = self._new(test, "m")
        for side, own in ((node.body, mask), (node.orelse, f"negate({mask})")):
            if side:
                taken = f"both({self.mask}, {own})" if self.mask else own
                taken = taken if taken == mask else self._new(taken, "m")
                self._emit(f"if anywhere({taken}):")
                self._inside(side, taken)

    def _inside(self, body: list[ast.stmt], mask: str) -> None:
        before, self.mask = self.mask, mask
        self.depth += 1
        self._block(body)
        self.depth -= 1
        self.mask = before

    # -- expressions: text and kind, "lanes", "number", "mask", "flag" or "tuple" -----------------

    def _vector(self, node: ast.expr) -> str:
        return self._as_vector(*self._expression(node))

    def _as_vector(self, text: str, kind: str) -> str:
        if kind == "lanes":
            return text
        if kind == "number":
            return f"splat({text})"
        raise NotForLanes(text)

    def _as_mask(self, text: str, kind: str) -> str:
        return f"everywhere({text})" if kind == "flag" else text

    def _expression(self, node: ast.expr) -> tuple[str, str]:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            if isinstance(node.value, bool):
                return repr(node.value), "flag"
            return repr(float(node.value)), "number"
        if isinstance(node, ast.Name):
            return node.id, self.kinds.get(node.id, "lanes")
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            return self._element(node.value.id, node.slice)
        if isinstance(node, ast.Subscript):
            text, kind = self._expression(node.value)
            if kind == "tuple":
                return f"{self._new(text)}[{ast.unparse(node.slice)}]", "lanes"
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "math":
            return repr(float(getattr(math, node.attr))), "number"
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.BoolOp):
            return self._logic(node)
        if isinstance(node, ast.IfExp):
            return self._choose(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        raise NotForLanes(ast.unparse(node))

    def _element(self, name: str, index: ast.expr) -> tuple[str, str]:
        place = ast.unparse(index)
        if name == "p" and place.isdigit() and int(place) in self.words:
            return f"p[(at + {place}) * LANES]", "number"
        if name in self.arrays:
            return f"vload({name}, {f'at + {place}' if name == 'p' else place})", "lanes"
        if self.kinds.get(name) == "tuple":
            return f"{name}[{place}]", "lanes"
        raise NotForLanes(f"{name}[{place}]")

    def _unary(self, node: ast.UnaryOp) -> tuple[str, str]:
        text, kind = self._expression(node.operand)
        if isinstance(node.op, ast.Not):
            return (f"(not {text})", kind) if kind == "flag" else (f"negate({text})", kind)
        if isinstance(node.op, ast.UAdd):
            return text, kind
        if isinstance(node.op, ast.USub) and kind in ("lanes", "number"):
            return (f"(-{text})", kind) if kind == "number" else (f"neg({text})", kind)
        raise NotForLanes(ast.unparse(node))

    def _binary(self, node: ast.BinOp) -> tuple[str, str]:
        if isinstance(node.op, ast.Pow):
            return self._power(node)
        a, kind_a = self._expression(node.left)
        if isinstance(node.op, ast.Div) and (place := self._reciprocal(node.right)):
            return f"mul({a}, {place})" if a != "1.0" else place, "lanes"
        b, kind_b = self._expression(node.right)
        if type(node.op) not in _OPERATIONS or {kind_a, kind_b} - {"lanes", "number"}:
            raise NotForLanes(ast.unparse(node))
        name, sign = _OPERATIONS[type(node.op)]
        if kind_a == kind_b == "number":
            return f"({a} {sign} {b})", "number"
        return f"{name}({a}, {b})", "lanes"

    def _reciprocal(self, node: ast.expr) -> str:
        """Return the vector of a parameter's reciprocal, "" where this is something else."""
        if self.inverse is None or not isinstance(node, ast.Subscript):
            return ""
        place = ast.unparse(node.slice)
        if ast.unparse(node.value) != "p" or "p" not in self.arrays or not place.isdigit():
            return ""
        row = self.inverse.setdefault(int(place), max(self.inverse.values(), default=-1) + 1)
        return f"vload(p, at + PARAMETERS + {row})"

    def _power(self, node: ast.BinOp) -> tuple[str, str]:
        a, kind = self._expression(node.left)
        b, kind_b = self._expression(node.right)
        if kind == kind_b == "number":
            return f"({a} ** {b})", "number"
        if kind == "lanes" and kind_b == "number" and "p[" not in b:
            exponent = float(eval(b, {"__builtins__": {}}))  # noqa: S307 - our own numbers
            if exponent == 0.5:
                return f"sqrt({a})", "lanes"
            if exponent == 0.25:
                return f"sqrt(sqrt({a}))", "lanes"
            if exponent.is_integer() and 1.0 <= exponent <= _LARGEST:
                return self._product(a, int(exponent)), "lanes"
        return f"power({a}, {b})", "lanes"

    def _product(self, base: str, exponent: int) -> str:
        square, result = self._new(base), ""
        while exponent:
            if exponent % 2:
                result = f"mul({result}, {square})" if result else square
            exponent //= 2
            if exponent:
                square = self._new(f"mul({square}, {square})")
        return result

    def _compare(self, node: ast.Compare) -> tuple[str, str]:
        parts = [self._expression(e) for e in (node.left, *node.comparators)]
        signs = [SIGNS.get(type(op), "") for op in node.ops]
        if "" in signs or {kind for _, kind in parts} - {"lanes", "number"}:
            raise NotForLanes(ast.unparse(node))
        if all(kind == "number" for _, kind in parts):
            rest = "".join(f" {s} {a}" for s, (a, _) in zip(signs, parts[1:], strict=True))
            return f"({parts[0][0]}{rest})", "flag"
        masks = [
            f"{_COMPARISONS[s]}({a}, {b})"
            for s, (a, _), (b, _) in zip(signs, parts[:-1], parts[1:], strict=True)
        ]
        return self._joined(masks, "both"), "mask"

    def _joined(self, masks: list[str], word: str) -> str:
        whole = masks[0]
        for mask in masks[1:]:
            whole = f"{word}({whole}, {mask})"
        return whole

    def _logic(self, node: ast.BoolOp) -> tuple[str, str]:
        parts = [self._expression(e) for e in node.values]
        conjunction = isinstance(node.op, ast.And)
        if {kind for _, kind in parts} - {"flag", "mask"}:
            raise NotForLanes(ast.unparse(node))
        if all(kind == "flag" for _, kind in parts):
            word = " and " if conjunction else " or "
            return f"({word.join(text for text, _ in parts)})", "flag"
        masks = [self._as_mask(*part) for part in parts]
        return self._joined(masks, "both" if conjunction else "either"), "mask"

    def _choose(self, node: ast.IfExp) -> tuple[str, str]:
        test, kind = self._expression(node.test)
        cheap = [
            not any(isinstance(p, ast.Call) or (isinstance(p, ast.BinOp) and
                                                isinstance(p.op, ast.Pow)) for p in ast.walk(side))
            for side in (node.body, node.orelse)
        ]
        if kind != "flag" and all(cheap):
            a, b = (self._expression(side)[0] for side in (node.body, node.orelse))
            return f"where({test}, {a}, {b})", "lanes"
        result = self._name("c")
        if kind == "flag":
            for word, side in ((f"if {test}:", node.body), ("else:", node.orelse)):
                self._emit(word)
                self._arm(result, side, "", self.mask)
            return result, "lanes"
        mask = self._new(test, "m")
        self._emit(f"{result} = splat(0.0)")
        for own, side, plain in ((mask, node.body, cheap[0]),
                                 (f"negate({mask})", node.orelse, cheap[1])):
            taken = f"both({self.mask}, {own})" if self.mask else own
            taken = taken if taken == mask else self._new(taken, "m")
            if plain:
                self._emit(f"{result} = where({taken}, {self._vector(side)}, {result})")
                continue
            self._emit(f"if anywhere({taken}):")
            self._arm(result, side, taken, taken)
        return result, "lanes"

    def _arm(self, result: str, side: ast.expr, taken: str, mask: str) -> None:
        before, self.mask = self.mask, mask
        self.depth += 1
        text = self._vector(side)
        self._emit(f"{result} = {f'where({taken}, {text}, {result})' if taken else text}")
        self.depth -= 1
        self.mask = before

    def _call(self, node: ast.Call) -> tuple[str, str]:
        if node.keywords:
            raise NotForLanes(ast.unparse(node))
        name = ast.unparse(node.func)
        given = [(a.id, "array") if isinstance(a, ast.Name) and a.id in self.arrays
                 else self._expression(a) for a in node.args]
        owner, _, short = name.rpartition(".")
        kinds = {kind for _, kind in given}
        texts = [text for text, _ in given]
        if owner in ("math", "np") or name in ("abs", "min", "max", "pow", "float"):
            if kinds - {"lanes", "number"}:
                raise NotForLanes(ast.unparse(node))
            return self._known(node, short, texts, kinds)
        if owner:
            raise NotForLanes(name)
        parts = [
            "p, at" if kind == "array" and text == "p" else
            text if kind == "array" else self._as_vector(text, kind) for text, kind in given
        ]
        whole = f"{name}({', '.join(parts)})"
        return whole, "lanes" if name in self.known else "tuple"

    def _known(
        self, node: ast.Call, short: str, texts: list[str], kinds: set[str]
    ) -> tuple[str, str]:
        if short == "pow":
            return self._power(ast.BinOp(node.args[0], ast.Pow(), node.args[1]))
        if kinds == {"number"}:
            return f"{ast.unparse(node.func)}({', '.join(texts)})", "number"
        if short == "float":
            return texts[0], "lanes"
        if short in ("abs", "fabs"):
            return f"absolute({texts[0]})", "lanes"
        if short in ("min", "max", "minimum", "maximum") and len(texts) == 2:
            word = "smaller" if short.startswith("min") else "larger"
            return f"{word}({texts[0]}, {texts[1]})", "lanes"
        if short in _FUNCTIONS and len(texts) == 1:
            return f"{short}({texts[0]})", "lanes"
        raise NotForLanes(ast.unparse(node))
