"""Expressions that are alike are parsed once: those that differ in numbers and in what they read.

A text such as ``1e-3*v(a, b)`` is taken apart into its shape, ``q#0 *v(q#0)``, and what stood
there. What the shape means depends on the functions and names of the subcircuit in which it stands,
and is the same in all its instances.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ....core.errors import NetlistError
from ..expressions.expression import Expression
from ..expressions.grammar import number_of
from ..expressions.tape import Probe, Step

__all__ = ["Shape", "Shapes", "Taken"]

_MARK = "q#"  # no name of a deck has it
_PART = re.compile(
    r"((?<![a-z0-9_.#$\u00b5])(?:[vi]\s*\([^()]*\)"
    r"|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-z\u00b5]*))"
)
# quantities whose names are no expressions, either
_OTHER = re.compile(r"@|#|(?<![a-z0-9_.#$])(?:v(?:m|p|r|i|db)|i(?:m|p|r|i|db|[bcdegs])|p)\s*\(")
_UNFIT = re.compile(r"[\s(={}]")
_KEPT = 200  # of one shape with its numbers
_LONGEST = 20_000  # signs
_Parse = Callable[[str], "tuple[Step, ...]"]


class Shape:
    """An expression with marks in place of its numbers and probes."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.expression = Expression.of(steps)
        self._ready: dict[tuple[object, ...], Expression] = {}

    def with_values(
        self, values: Mapping[str, float | Expression], probes: Mapping[Probe, Probe]
    ) -> Expression:
        """Return the expression with values of names, and others in place of its probes."""
        if not self.expression.sources:
            return self.expression.substitute(values) if values else self.expression
        key = tuple(v.hex() if isinstance(v, float) else v for v in values.values())
        made = self._ready.get(key)
        if made is None:
            made = self.expression.substitute(values) if values else self.expression
            if len(self._ready) < _KEPT:
                self._ready[key] = made
        sources = made.sources
        names = {p: probes[p] for p in sources}
        return made.with_probes(names) if sources else made


class Taken(NamedTuple):
    """A shape and what stood in the text."""

    shape: Shape
    numbers: dict[str, float]
    probes: dict[Probe, Probe]


class Shapes:
    """What is known of a deck's expressions."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Shape | None] = {}

    def of(self, text: str, place: tuple[object, ...], parse: _Parse) -> Taken | None:
        """Return the shape of a text, or None: it has to be parsed by itself.

        Parameters
        ----------
        text : str
        place : tuple
            What its meaning depends on, besides the numbers and probes.
        parse : callable
            Text -> steps.
        """
        if len(text) > _LONGEST:
            return None
        lower = text.lower()
        if _OTHER.search(lower):
            return None
        parts = _PART.split(lower)
        numbers: dict[str, float] = {}
        probes: dict[Probe, Probe] = {}
        marks: dict[Probe, str] = {}
        seen: dict[str, str] = {}
        for k in range(1, len(parts), 2):
            part = parts[k]
            if part[-1] != ")":
                mark = f"{_MARK}{len(numbers)}"
                numbers[mark] = number_of(part)
                parts[k] = f" {mark} "
                continue
            if part not in seen:
                probe = _probe(part)
                if probe is None:
                    return None
                if probe not in marks:
                    name = f"{_MARK}{len(marks)}"
                    marks[probe] = f"{probe[0]}({name})"
                    probes[(probe[0], name, "0") if probe[0] == "v" else ("i", name)] = probe
                seen[part] = marks[probe]
            parts[k] = seen[part]
        shape = "".join(parts)
        key = (shape, *place)
        if key not in self._known:
            try:
                self._known[key] = Shape(parse(shape))
            except NetlistError:  # to be told with the text as it is
                self._known[key] = None
        found = self._known[key]
        return None if found is None else Taken(found, numbers, probes)


def _probe(text: str) -> Probe | None:
    """Return what ``v(a, b)`` or ``i(a)`` reads, as the grammar has it, None where it is wrong."""
    kind, inner = text[0], text[text.index("(") + 1:-1]
    parts = [part.strip(" \t'\"") for part in inner.split(",")]
    if not all(parts) or len(parts) > (2 if kind == "v" else 1) or any(
        _UNFIT.search(part) for part in parts
    ):
        return None
    if kind == "i":
        return ("i", parts[0])
    return ("v", parts[0], parts[1] if len(parts) == 2 else "0")

