"""Laws as Python source: every term once, in the innermost block that all of its uses share."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping, Sequence

from .calculus import below
from .terms import Term, TooLarge

__all__ = ["law_text"]

_DEEP = 12  # operations in one another before one gets a name
_LONG = 4_000  # characters of a condition
_NESTED = 60  # conditions in one another
_LARGEST = "1.7976931348623157e308"


def law_text(
    name: str, arguments: Sequence[str], roots: Sequence[Term], names: Mapping[Term, str]
) -> str:
    """Return the source of a function that returns `roots`.

    Parameters
    ----------
    name, arguments
        Of the function.
    roots : sequence of Term
        What it returns: a number, or a tuple where there are several.
    names : mapping
        How symbols and parameters are written.

    Raises
    ------
    TooLarge
        More than a law can have.
    """
    return _Writer(names).function(name, arguments, roots)


class _Block:
    def __init__(self, parent: _Block | None) -> None:
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.items: list[Term | _Group] = []


class _Group:
    """An ``if`` and the terms that it decides."""

    def __init__(self, block: _Block, test: Term) -> None:
        self.test, self.block = test, block
        self.then, self.other = _Block(block), _Block(block)
        self.terms: list[Term] = []


def _common(a: _Block, b: _Block) -> _Block:
    while a is not b:
        if a.depth >= b.depth:
            a = a.parent or a
        else:
            b = b.parent or b
    return a


class _Writer:
    def __init__(self, names: Mapping[Term, str]) -> None:
        self.names = names
        self.top = _Block(None)
        self.home: dict[Term, _Block] = {}
        self.group_of: dict[Term, _Group] = {}
        self.uses: dict[Term, int] = {}
        self.variables: dict[Term, str] = {}
        self.texts: dict[Term, tuple[str, int]] = {}
        self.lines: list[str] = []
        self.count = 0

    def function(self, name: str, arguments: Sequence[str], roots: Sequence[Term]) -> str:
        self.place(roots)
        self.lines = [f"def {name}({', '.join(arguments)}):"]
        self.write(self.top, 1)
        values = ", ".join(self.text(root) for root in roots)
        self.lines.append(f"    return {values}")
        return "\n".join(self.lines) + "\n"

    # -- where every term is computed --------------------------------------------------------------

    def place(self, roots: Sequence[Term]) -> None:
        where: dict[Term, _Block] = {}
        groups: dict[tuple[_Block, Term, int], _Group] = {}

        def use(term: Term, block: _Block) -> None:
            self.uses[term] = self.uses.get(term, 0) + 1
            where[term] = _common(where[term], block) if term in where else block

        for root in roots:
            use(root, self.top)
        every = below(*roots)
        for term in reversed(every):
            block = self.home[term] = where[term]
            if term.op != "if":
                for part in term.args:
                    use(part, block)
                continue
            # terms of one level do not depend on one another: one `if` decides them all
            key = (block, term.args[0], term.level)
            if key not in groups:
                groups[key] = _Group(block, term.args[0])
                use(term.args[0], block)
            group = self.group_of[term] = groups[key]
            group.terms.append(term)
            use(term.args[1], group.then)
            use(term.args[2], group.other)
        done: set[_Group] = set()
        for term in every:
            if term.op == "if":
                group = self.group_of[term]
                if group not in done:
                    done.add(group)
                    group.block.items.append(group)
            elif term.args and not term.boolean:
                self.home[term].items.append(term)

    def write(self, block: _Block, depth: int) -> None:
        """Write the items of a block, each after those that it needs."""
        if depth > _NESTED:
            raise TooLarge
        state: dict[Term | _Group, int] = {}
        order: list[Term | _Group] = []
        stack: list[tuple[Term | _Group, bool]] = [(item, False) for item in reversed(block.items)]
        while stack:
            item, ready = stack.pop()
            if ready:
                order.append(item)
                state[item] = 2
            elif item not in state:
                state[item] = 1
                stack.append((item, True))
                stack += [(n, False) for n in self.needs(item, block) if n not in state]
        for item in order:
            if isinstance(item, _Group):
                self.decide(item, depth)
            elif self.uses[item] > 1 or self.deep(item) > _DEEP:
                self.name(item, self.text(item), depth)

    def needs(self, item: Term | _Group, block: _Block) -> list[Term | _Group]:
        """Return the items of a block that one of them needs."""
        found: list[Term | _Group] = []
        if isinstance(item, _Group):
            roots = [item.test, *(part for t in item.terms for part in t.args)]
        else:
            roots = list(item.args)
        seen: set[Term] = set()
        while roots:
            term = roots.pop()
            if term in seen or not term.args:
                continue
            seen.add(term)
            if self.home[term] is block and not term.boolean:
                found.append(self.group_of[term] if term.op == "if" else term)
            elif self.home[term].depth >= block.depth or term.boolean:
                roots += term.args
        return found

    def decide(self, group: _Group, depth: int) -> None:
        """Write an ``if``."""
        indent = "    " * depth
        chosen = {term: self.fresh(term) for term in group.terms}
        for word, block, side in ((f"if {self.text(group.test)}:", group.then, 1),
                                  ("else:", group.other, 2)):
            self.lines.append(indent + word)
            self.write(block, depth + 1)
            for term, name in chosen.items():
                self.lines.append(f"{indent}    {name} = {self.text(term.args[side])}")
        for term, name in chosen.items():
            self.variables[term] = name

    def fresh(self, term: Term) -> str:
        """Return a new variable."""
        stem = re.sub(r"\W", "_", term.hint) or "t"
        if not stem[0].isalpha() or keyword.iskeyword(stem):
            stem = f"t{stem}"
        self.count += 1
        return f"{stem}_{self.count}"

    def name(self, term: Term, text: str, depth: int) -> None:
        """Write an assignment."""
        name = self.fresh(term)
        self.lines.append(f"{'    ' * depth}{name} = {text}")
        self.variables[term] = name

    # -- text --------------------------------------------------------------------------------------

    def deep(self, term: Term) -> int:
        """Return how many operations are in one another."""
        self.text(term)
        return self.texts[term][1] if term in self.texts else 0

    def text(self, term: Term) -> str:
        """Return a term as an expression of what has a name."""
        stack = [term]
        while stack:
            now = stack[-1]
            if now in self.variables or now in self.texts or not now.args:
                stack.pop()
                continue
            missing = [a for a in now.args
                       if a.args and a not in self.variables and a not in self.texts]
            if missing:
                stack += missing
                continue
            stack.pop()
            parts = [self.short(a) for a in now.args]
            text = self.operation(now, parts)
            if now.boolean and len(text) > _LONG:
                raise TooLarge
            deep = 1 + max((self.texts[a][1] for a in now.args
                            if a in self.texts and a not in self.variables), default=0)
            self.texts[now] = (text, deep)
        return self.short(term)

    def short(self, term: Term) -> str:
        if term in self.variables:
            return self.variables[term]
        if term.op == "number":
            return _number(term.value)
        if term.op == "truth":
            return "0.0 < 1.0" if term.value else "1.0 < 0.0"
        if term.op in ("symbol", "parameter"):
            return self.names[term]
        if term.op == "is":
            return f"{self.names[term]} == {term.value[1]!r}"
        return self.texts[term][0]

    @staticmethod
    def operation(term: Term, parts: list[str]) -> str:
        if term.op == "call":
            return _TEXT[term.op](term, parts)
        plain = [a.op == "call" or not a.args or re.fullmatch(r"\w+", part)
                 for a, part in zip(term.args, parts, strict=True)]
        return _TEXT[term.op](term, [
            part if good and part[0] != "-" else f"({part})"
            for good, part in zip(plain, parts, strict=True)
        ])


def _number(value: float) -> str:
    if value in (float("inf"), float("-inf")):
        return _LARGEST if value > 0 else f"-{_LARGEST}"
    return repr(value)


def _infix(sign: str) -> Callable[[Term, list[str]], str]:
    return lambda term, parts: f"{parts[0]} {sign} {parts[1]}"  # noqa: ARG005


def _call(term: Term, parts: list[str]) -> str:
    owner = "" if term.value in ("abs", "min", "max") else "math."
    return f"{owner}{term.value}({', '.join(parts)})"


_TEXT: dict[str, Callable[[Term, list[str]], str]] = {
    **{sign: _infix(sign)
       for sign in ("+", "-", "*", "/", "**", "<", "<=", "==", "!=", "and", "or")},
    "neg": lambda term, parts: f"-{parts[0]}",  # noqa: ARG005
    "not": lambda term, parts: f"not {parts[0]}",  # noqa: ARG005
    "call": _call,
}
