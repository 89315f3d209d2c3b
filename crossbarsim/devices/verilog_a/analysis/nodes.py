"""Which nodes a module has: its two terminals, ground, and those inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..algebra.calculus import derivative
from ..algebra.terms import Term, Terms
from ..language.tokens import Place, refusal
from ..language.tree import Module, Tree

__all__ = ["Branch", "Nodes", "trees"]

GROUND = ""


@dataclass(frozen=True)
class Branch:
    """A branch between two nodes; the ground is the node ``""``."""

    first: str
    second: str
    name: str = ""

    def __str__(self) -> str:
        return self.name or (f"{self.first},{self.second}" if self.second else self.first)


def trees(module: Module) -> Iterator[Tree]:
    """Return every expression and statement of the analog block."""
    stack = list(module.body)
    while stack:
        tree = stack.pop()
        yield tree
        stack += tree.parts


class Nodes:
    """Names of nodes to potentials and branches.

    A potential is given against the ground or against the negative terminal, whichever of both the
    module uses for the node; `common` is what a device of two terminals does not know, the
    negative terminal's potential against the ground.
    """

    def __init__(self, terms: Terms, module: Module) -> None:
        self.terms, self.module = terms, module
        self.voltage = terms.symbol("v")
        self.common = terms.symbol("common")
        self.functions: dict[str, str] = {"potential": "potential", "flow": "flow"}
        for d in module.disciplines.values():
            if d.potential:
                self.functions[d.potential] = "potential"
            if d.flow:
                self.functions[d.flow] = "flow"
        for name in module.functions:
            self.functions.pop(name, None)
        self.positive = self.negative = "?"
        self.positive, self.negative = self._terminals()
        self.absolute: set[str] = set()  # nodes whose potential is used against the ground
        named = {  # what is differentiated by is not used itself
            id(t.parts[1]) for t in trees(module) if t.kind == "call" and t.value == "ddx"
            and len(t.parts) == 2
        }
        for tree in trees(module):
            if tree.kind == "call" and tree.value in self.functions and id(tree) not in named:
                branch = self.branch(tree)[0]
                if branch is not None and GROUND in (branch.first, branch.second):
                    self.absolute |= {branch.first, branch.second}

    def _terminals(self) -> tuple[str, str]:
        module = self.module
        ports = [p for p in module.ports if module.nets.get(p, "electrical") in (
            "electrical", "voltage", "current"
        ) and p not in module.grounds]
        if len(ports) < 2:
            raise refusal(module.place, f"module `{module.name}` has {len(ports)} electrical ports;"
                                        " a device has two terminals")
        for tree in reversed(list(trees(module))):
            if tree.kind == "contribute" and self.functions.get(tree.parts[0].value):
                branch = self.branch(tree.parts[0])[0]
                if branch is not None and {branch.first, branch.second} <= set(ports):
                    pair = sorted((branch.first, branch.second), key=ports.index)
                    return pair[0], pair[1]
        return ports[0], ports[1]

    def node(self, tree: Tree) -> str:
        """Return a node's name; ground is ``""``."""
        if tree.kind != "name":
            raise refusal(tree.place, "expected the name of a node or branch")
        name = str(tree.value)
        if name in self.module.grounds:
            return GROUND
        if name not in self.module.nets:
            raise refusal(tree.place, f"there is no node or branch `{name}`")
        return name

    def branch(self, tree: Tree) -> tuple[Branch | None, float]:
        """Return the branch of an access function and the sign with which it is meant.

        None where both ends are one node.
        """
        given = tree.parts
        if not 1 <= len(given) <= 2 or any(p.kind == "port" for p in given):
            raise refusal(tree.place, f"`{tree.value}` takes one or two nodes, or a branch")
        first = given[0]
        if len(given) == 1 and first.kind == "name" and first.value in self.module.branches:
            a, b = self.module.branches[first.value]
            ends = [self.node(Tree("name", tree.place, (), n)) for n in (a, b) if n is not None]
            return Branch(ends[0], ends[1] if len(ends) > 1 else GROUND, str(first.value)), 1.0
        ends = [self.node(part) for part in given]
        a, b = ends[0], ends[1] if len(ends) > 1 else GROUND
        if a == b:
            return None, 1.0
        return (Branch(a, b), 1.0) if self._before(a, b) else (Branch(b, a), -1.0)

    def _before(self, a: str, b: str) -> bool:
        """Return whether a branch between two nodes is counted from the first to the second."""
        ends = {self.positive: -1, self.negative: 1, GROUND: 2}
        return (ends.get(a, 0), a) < (ends.get(b, 0), b)

    def inner(self, name: str) -> Term:
        """Return the symbol of a node inside."""
        return self.terms.symbol("node", name)

    def potential(self, name: str) -> Term:
        """Return the potential of a node."""
        if name == GROUND:
            return self.terms.zero
        if name == self.negative:
            return self.common
        if name == self.positive:
            return self.terms.add(self.common, self.voltage)
        if name in self.absolute:
            return self.inner(name)
        return self.terms.add(self.common, self.inner(name))

    def across(self, branch: Branch | None) -> Term:
        """Return the voltage of a branch."""
        if branch is None:
            return self.terms.zero
        return self.terms.sub(self.potential(branch.first), self.potential(branch.second))

    def slope(self, tree: Tree, number: Callable[[Tree], Term]) -> Term:
        """Return ``ddx(expression, V(node))`` or ``ddx(expression, I(branch))``.

        All other potentials and flows are held.
        """
        parts = tree.parts
        access = self.functions.get(str(parts[1].value)) if len(parts) == 2 else None
        if access is None or parts[1].kind != "call":
            raise refusal(tree.place, "`ddx` takes an expression, and the potential of a node or "
                                      "the flow of a branch: ddx(..., V(node))")
        root = number(parts[0])
        if any(s.value[0] == "ddt" for s in root.symbols):
            raise refusal(tree.place, "`ddx` of what `ddt` makes: write the derivative as a rate")
        branch, sign = self.branch(parts[1])
        if branch is None:
            return self.terms.zero
        if access == "flow":
            found = derivative(self.terms, root, self.terms.symbol("flow", branch))
            return found if sign > 0.0 else self.terms.neg(found)
        if branch.second:
            raise refusal(tree.place, f"`ddx` takes the potential of one node, not that between "
                                      f"two, `{branch.first}` and `{branch.second}`")
        return self.by_potential(root, branch.first)

    def by_potential(self, root: Term, name: str) -> Term:
        """Return the derivative of a term by the potential of a node, those of others held."""
        t = self.terms
        if name == self.positive:
            return derivative(t, root, self.voltage)
        if name != self.negative:
            return derivative(t, root, self.inner(name))
        found = derivative(t, root, self.common)
        for symbol in sorted(root.symbols, key=lambda s: s.number):
            kind, node = symbol.value
            if symbol is self.voltage or (kind == "node" and node not in self.absolute):
                found = t.sub(found, derivative(t, root, symbol))
        return found

    def place_of(self, name: str) -> Place:
        """Return where a node is first used."""
        for tree in sorted(trees(self.module), key=lambda t: t.place.line):
            if tree.kind == "name" and tree.value == name:
                return tree.place
        return self.module.place
