"""Lines that are read once and written out for every instance of their subcircuit.

A line is read in a `_Blank`, an instance without a place: its ports and inner nodes have marked
names, and it notes the parameters that are asked for. Wherever these have the same values, the line
means the same elements, under other names. A number that is nothing but a parameter, ``ic={x0}``,
may differ, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from sys import intern
from typing import Any, NamedTuple

from ....core.errors import CrossbarSimError
from ....core.units import plain_number
from ...elements import Element, Value
from ..expressions.expression import Expression
from .lines import Line
from .scope import Scope
from .subcircuit_tree import Choice

__all__ = ["Templates", "plain_element"]

_OWN, _PORT = "\x00", "\x01"  # no deck has them: marks of inner nodes and of ports
_LONGEST = 6  # variants of a line
_FREE = "RCL"  # kinds whose numbers have no bounds but their sign
_OPEN = ("v", "i", "ic", "tc1", "tc2")  # parameters of which nothing else is computed
_PLAIN = re.compile(r"([rcRC]\w[\w.]*)[ \t]+([\w.]+)[ \t]+([\w.]+)[ \t]+([\d.][\w.+-]*)")
_FIELDS = {"control": "", "wave": None, "parameters": (), "model": ""}

Read = Callable[[Line, Scope], "list[Element] | None"]


class _UnfitError(Exception):
    """A line has to be read in every instance."""


class _Computed(NamedTuple):
    """A value of a line: the expression, and the parameters that it asked for."""

    text: str
    line: Line
    names: dict[str, float | None]
    value: Value


class _Blank(Scope):
    """An instance of a subcircuit in no place."""

    def __init__(self, real: Scope) -> None:  # pylint: disable=super-init-not-called
        self.__dict__.update(real.__dict__)
        self.prefix = _OWN
        self.nodes = {port: _PORT + port for port in real.block.ports}
        self.asked: dict[str, float | None] = {}
        self.taken: dict[str, list[float]] = {}  # numbers that are parameters, as given on
        self.texts_of: dict[int, _Computed] = {}  # values that are computed anew, by their ids
        self.computing: dict[str, float | None] | None = None

    def parameter(self, name: str) -> float | None:
        value = super().parameter(name)
        (self.asked if self.computing is None else self.computing)[name] = value
        return value

    def value_of(self, text: str, line: Line) -> Value:
        if self.computing is not None or self._bare(text) is not None:
            return super().value_of(text, line)
        names: dict[str, float | None] = {}
        self.computing = names
        try:
            value = super().value_of(text, line)
        finally:
            self.computing = None
        if isinstance(value, float):
            value = float.fromhex(value.hex())  # an object of its own
        self.texts_of[id(value)] = _Computed(text, line, names, value)
        return value

    def _bare(self, text: str) -> str | None:
        name = text.strip().lower()
        return name if name.isidentifier() else None

    def draw(self, kind: str, line: Line) -> float:  # noqa: ARG002 - as of `Scope`
        raise _UnfitError  # every instance has its own

    def find_model(self, name: str) -> tuple[Scope, Line] | None:
        found = super().find_model(name)
        if found is not None and found[0].outer is not None:
            raise _UnfitError  # a card inside of a subcircuit is another one in every instance
        return found

    def _named(self, text: str) -> float | None:
        name = text.strip().lower()
        value = super().parameter(name) if name.isidentifier() else None
        if value is None:
            return super()._named(text)
        given = float.fromhex(value.hex())  # an object of its own, known again wherever it gets
        self.taken.setdefault(name, []).append(given)
        return given


class _Variant:
    """A line's elements for certain values of parameters."""

    def __init__(self, blank: _Blank, elements: Sequence[Element]) -> None:
        self.multiplier = blank.multiplier
        self.elements = elements
        free: dict[int, str] = {}
        for name, numbers in blank.taken.items():
            free |= {id(number): name for number in numbers}
        seen: dict[int, int] = {}
        for e in elements:
            for number in _open_values(e):
                if id(number) in free and e.kind in _FREE:
                    seen[id(number)] = seen.get(id(number), 0) + 1
        self.free: dict[int, str] = {}
        asked = dict(blank.asked)
        self.computed = self._open(blank, asked)
        for name, numbers in blank.taken.items():
            if all(seen.get(id(number)) == 1 for number in numbers) and numbers[0] != 0.0:
                self.free |= {id(number): name for number in numbers}
            else:
                asked[name] = numbers[0]
        self.signs = {name: blank.taken[name][0] > 0.0 for name in self.free.values()}
        self.asked = tuple((name, value) for name, value in asked.items())
        self.kept = blank.taken  # their ids are in use

    def _open(self, blank: _Blank, asked: dict[str, float | None]) -> dict[int, _Computed]:
        """Return the values that are computed anew in every instance; others' names are asked."""
        count: dict[int, int] = {}
        for e in self.elements:
            for value in _open_values(e):
                if isinstance(value, Expression) or (
                    isinstance(value, float) and value != 0.0 and e.kind in _FREE
                ):
                    count[id(value)] = count.get(id(value), 0) + 1
        found = {}
        for key, one in blank.texts_of.items():
            if one.names and count.get(key) == 1:
                found[key] = one
            else:
                asked.update(one.names)
        return found

    def anew(self, one: _Computed, scope: Scope) -> Value:
        """Return a value in another instance, like the one here in all that decides how it is read.

        Raises
        ------
        _UnfitError
            It is another kind of value, or of another sign.
        """
        made = scope.value_of(one.text, one.line)
        same = type(made) is type(one.value)
        if isinstance(made, float) and isinstance(one.value, float):
            same = made != 0.0 and math.isfinite(made) and (made > 0.0) == (one.value > 0.0)
        elif same and isinstance(made, Expression) and isinstance(one.value, Expression):
            same = made.fixed == one.value.fixed and (made.constant is None) == (
                one.value.constant is None
            )
        if not same:
            raise _UnfitError
        return made

    def holds(self, scope: Scope) -> bool:
        """Whether parameters are alike in another instance."""
        if scope.multiplier != self.multiplier:
            return False
        for name, value in self.asked:
            there = scope.parameter(name)
            if there != value or (there == 0.0 and value == 0.0 and (
                math.copysign(1.0, there) != math.copysign(1.0, value)
            )):
                return False
        for name, positive in self.signs.items():
            there = scope.parameter(name)
            if there is None or there == 0.0 or (there > 0.0) != positive:
                return False
        return True

    def written(self, scope: Scope) -> list[Element]:
        """Return the elements in another instance."""
        prefix, nodes, free = scope.prefix, scope.nodes, self.free

        def named(text: str) -> str:
            first = text[:1]
            if first == _OWN:
                return prefix + text[1:]
            return nodes[text[1:]] if first == _PORT else text

        computed = self.computed

        def value_of(value: Any) -> Any:
            if computed and id(value) in computed:
                return self.anew(computed[id(value)], scope)
            if isinstance(value, Expression):
                return _renamed(value, named)
            if isinstance(value, str):
                return named(value)
            name = free.get(id(value))
            return value if name is None else scope.parameter(name)

        found = []
        for e in self.elements:
            made: Element = object.__new__(Element)
            fields = made.__dict__
            fields.update(e.__dict__)
            fields["name"] = named(e.name)
            fields["nodes"] = tuple([named(n) for n in e.nodes])
            if e.control:
                fields["control"] = named(e.control)
            if type(e.value) is not float or free or computed:
                fields["value"] = value_of(e.value)
            if e.parameters:
                fields["parameters"] = tuple([(k, value_of(v)) for k, v in e.parameters])
            found.append(made)
        return found


def _open_values(e: Element) -> list[Any]:
    """Return the values of an element on which no other depends."""
    return [e.value, *(v for name, v in e.parameters if name in _OPEN)]


def _renamed(expression: Expression, named: Callable[[str], str]) -> Expression:
    """Return the expression with other names of what it reads."""
    if not expression.sources:
        return expression
    return expression.with_probes({
        p: (p[0], *[named(n) for n in p[1:]]) for p in expression.sources
    })


def _marked(elements: Sequence[Element]) -> bool:
    """Whether marks are at the beginnings of names only, where they are found again."""
    for e in elements:
        texts = [e.name, *e.nodes, e.control, e.model]
        for value in (e.value, *(v for _, v in e.parameters)):
            if isinstance(value, Expression):
                texts += [n for p in value.sources for n in p[1:]]
                if any(n[:1] in (_OWN, _PORT) for n in value.names):
                    return False
            elif isinstance(value, str):
                texts.append(value)
            elif not isinstance(value, float):
                return False
        if any(mark in t[1:] for t in texts for mark in (_OWN, _PORT)) or e.model[:1] == _OWN:
            return False
    return True


class Templates:
    """What is known of the lines of subcircuits.

    Parameters
    ----------
    read : callable
        Reads a line in a scope; None where it is no element's.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._seen: dict[tuple[int, ...], dict[int, list[_Variant] | None] | None] = {}

    def of(self, scope: Scope) -> dict[int, list[_Variant] | None] | None:
        """Return what is known of the lines of an instance, from its second on."""
        if scope.outer is None:
            return None
        inside = [s for s in scope.chain() if s.outer is not None]
        key = tuple(id(s.block) for s in inside)
        if key not in self._seen:
            choices = any(isinstance(part, Choice) for s in inside for part in s.block.body)
            self._seen[key] = None if choices else {}
            return None
        return self._seen[key]

    def elements(
        self, known: dict[int, list[_Variant] | None], k: int, line: Line, scope: Scope
    ) -> list[Element] | None:
        """Return the elements of the k-th line of an instance, or None: it has to be read."""
        variants = known.setdefault(k, [])
        if variants is None:
            return None
        for variant in variants:
            if variant.holds(scope):
                try:
                    return variant.written(scope)
                except (_UnfitError, CrossbarSimError):  # the latter with the instance's own names
                    return None
        if len(variants) >= _LONGEST:
            known[k] = None
            return None
        made = self._variant(line, scope)
        if made is None:
            known[k] = None
            return None
        variants.append(made)
        try:
            return made.written(scope)
        except (_UnfitError, CrossbarSimError):
            return None

    def _variant(self, line: Line, scope: Scope) -> _Variant | None:
        blank = _Blank(scope)
        try:
            elements = self._read(line, blank)
        except (_UnfitError, CrossbarSimError):  # to be told with the instance's own names
            return None
        if elements is None or not _marked(elements):
            return None
        return _Variant(blank, elements)


def plain_element(line: Line, scope: Scope) -> Element | None:
    """Return a resistor or capacitor of a plain number, or None: the line has to be read.

    Such lines are most of large networks.
    """
    match = _PLAIN.fullmatch(line.text)
    if match is None or scope.multiplier != 1.0:
        return None
    name, positive, negative, number = match.groups()
    value = plain_number(number)
    if value is None or value == 0.0:
        return None
    made: Element = object.__new__(Element)  # there may be millions
    full = f"{scope.prefix}{name.lower()}" if scope.prefix else name
    made.__dict__.update(
        _FIELDS, kind=name[0].upper(), name=full,
        nodes=(intern(scope.node(positive)), intern(scope.node(negative))), value=value,
        where=line.where,
    )
    return made
