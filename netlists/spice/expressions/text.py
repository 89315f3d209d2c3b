"""Expressions written out as text, for ourselves and for ngspice."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ....core.errors import NetlistError
from .tape import Step

__all__ = ["DEEPEST", "LONGEST_TEXT", "write_number", "write_steps"]

LONGEST_TEXT = 1_000_000  # characters
DEEPEST = 100  # nested parentheses and calls
_BINDING = {
    "?": 1, "||": 2, "&&": 3, "==": 4, "!=": 4, "<": 5, "<=": 5, ">": 5, ">=": 5, "+": 6, "-": 6,
    "*": 7, "/": 7, "ngspice/": 7, "%": 7, "\\": 7, "neg": 8, "not": 8, "**": 9, "ngspice**": 9,
}
_ATOM = 10
_MARK = "\x00"


def write_number(value: float) -> str:
    """Return the shortest text that is the same number."""
    return repr(float(value))


def write_steps(steps: Sequence[Step], dialect: str = "") -> str:
    """Return the text of an expression."""
    # texts of operands stand as marks until the end: long sums would be copied again and again
    texts: list[list[str]] = []
    bindings: list[int] = []
    lengths: list[int] = []
    for step in steps:
        if step[0] == "number":
            if not math.isfinite(step[1]):
                raise NetlistError(f"an expression contains {step[1]!r}, which no deck can have")
            text, binding = write_number(step[1]), _ATOM if step[1] >= 0 else 8
        elif step[0] == "name":
            text, binding = step[1], _ATOM
        elif step[0] == "probe":
            text, binding = _probe(step[1]), _ATOM
        else:
            given = [(f"{_MARK}{j}{_MARK}", bindings[j], steps[j]) for j in step[2]]
            text, binding = _call(step[1], given, dialect)
        parts = text.split(_MARK) if step[0] == "call" else [text]
        length = sum(
            lengths[int(part)] if n % 2 else len(part) for n, part in enumerate(parts)
        )
        if length > LONGEST_TEXT:
            raise NetlistError(
                f"an expression is longer than {LONGEST_TEXT} characters when written out"
            )
        texts.append(parts)
        bindings.append(binding)
        lengths.append(length)
    written: list[str] = []
    waiting: list[str | int] = [len(steps) - 1]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            written.append(part)
            continue
        parts = texts[part]
        waiting.extend(
            int(parts[n]) if n % 2 else parts[n] for n in reversed(range(len(parts)))
        )
    whole = "".join(written)
    depth = deepest = 0
    for c in whole:
        depth += {"(": 1, ")": -1}.get(c, 0)
        deepest = max(depth, deepest)
    if deepest >= DEEPEST:
        raise NetlistError(f"an expression has {deepest} nested parentheses when written out, "
                           f"more than the {DEEPEST - 1} that can be read")
    return whole


def _probe(probe: tuple[str, ...]) -> str:
    if probe[0] == "@":
        return f"@{probe[1]}[{probe[2]}]"
    parts = probe[1:2] if probe[0] == "v" and probe[2] == "0" else probe[1:]
    return f"{probe[0]}({','.join(parts)})"


def _call(
    operator: str, given: Sequence[tuple[str, int, Step]], dialect: str
) -> tuple[str, int]:
    binding = _BINDING.get(operator, _ATOM)
    parts = [text for text, _, _ in given]

    def enclosed(k: int, least: int) -> str:
        return f"({parts[k]})" if given[k][1] < least else parts[k]

    if dialect == "ngspice":
        special = _ngspice(operator, parts, given)
        if special is not None:
            return special, _ATOM
    if operator == "?":
        return f"{enclosed(0, 2)} ? {enclosed(1, 2)} : {enclosed(2, 1)}", binding
    if operator in ("neg", "not"):
        return f"{'-' if operator == 'neg' else '!'}{enclosed(0, 8)}", binding
    if operator in ("**", "ngspice**"):
        return f"{enclosed(0, _ATOM)}**{enclosed(1, _ATOM)}", binding
    if operator in _BINDING:
        sign = operator.removeprefix("ngspice")
        space = " " if binding <= 6 else ""
        return f"{enclosed(0, binding)}{space}{sign}{space}{enclosed(1, binding + 1)}", binding
    return f"{operator}({', '.join(parts)})", _ATOM


def _ngspice(
    operator: str, parts: Sequence[str], given: Sequence[tuple[str, int, Step]]
) -> str | None:
    """Return what means the same in ngspice's B sources where our text does not."""
    if operator == "**":
        exponent = given[1][2]
        if exponent[0] == "number" and exponent[1] % 2 == 1:  # there the base counts as positive
            return f"pwr({parts[0]}, {parts[1]})"
        return f"pow({parts[0]}, {parts[1]})"
    if operator in ("%", "\\"):
        whole = f"sgn({parts[0]}/({parts[1]}))*floor(abs({parts[0]}/({parts[1]})))"
        return f"({whole})" if operator == "\\" else f"(({parts[0]})-({parts[1]})*{whole})"
    if operator == "table":  # constant beyond its ends
        low, high = parts[1], parts[-2]
        return f"pwl(min(max({parts[0]}, {low}), {high}), {', '.join(parts[1:])})"
    if operator == "int":
        return f"(sgn({parts[0]})*floor(abs({parts[0]})))"
    if operator == "hypot":
        return f"sqrt(({parts[0]})*({parts[0]}) + ({parts[1]})*({parts[1]}))"
    if operator == "atan2":
        y, x = parts
        return (f"({x} > 0 ? atan(({y})/({x})) : ({x} < 0 ? atan(({y})/({x})) + "
                f"({y} >= 0 ? {math.pi!r} : {-math.pi!r}) : sgn({y})*{math.pi / 2!r}))")
    return None
