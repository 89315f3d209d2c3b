"""Expressions of one form as the arrays that `kernels_tape.run_tapes` takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .....core.errors import NetlistError
from .....core.validation import Array
from .....netlists.spice.expressions.compilation import PRODUCTS, switch_of
from .....netlists.spice.expressions.expression import Expression
from .....netlists.spice.expressions.tape import Step
from ...system.element_group import Ints
from .kernels_operations import OPERATORS

__all__ = ["encode"]

_NAMES = {"time": 0, "temper": 1, "hertz": 2}
_TABLES = ("pwl", "table")


def encode(expressions: Sequence[Expression]) -> tuple[Ints, Ints, Array]:
    """Return (code, more, numbers) of N expressions with the same `Expression.key`.

    Raises
    ------
    NetlistError
        An operation that has no value in a circuit.
    """
    steps = [e.core for e in expressions]
    first = steps[0]
    places = [k for k, step in enumerate(first) if step[0] == "number"]
    numbers = np.array([[s[k][1] for s in steps] for k in places]).reshape(len(places), len(steps))
    known = {
        k: float(row[0]) for k, row in zip(places, numbers, strict=True)
        if (row == row[0]).all()
    }
    code, more = _coded(first, known, expressions[0])
    return code, more, np.ascontiguousarray(numbers, dtype=np.float64)


def _coded(
    steps: Sequence[Step], known: dict[int, float], expression: Expression
) -> tuple[Ints, Ints]:
    rows: list[tuple[int, int, int, int]] = []
    more: list[int] = []
    switches: set[int] = set()
    count = {"number": 0, "probe": 0}
    for k, step in enumerate(steps):
        kind, what = step[0], step[1]
        if kind in count:
            rows.append((OPERATORS[kind.upper()], count[kind], -1, -1))
            count[kind] += 1
            continue
        if kind == "name":
            rows.append((OPERATORS["NAME"], _NAMES[what], -1, -1))
            continue
        at = step[2]
        operator = OPERATORS.get(what)
        if operator is None:
            raise NetlistError(
                f"`{expression.text}`: {what} is a function of results, not of a circuit"
            )
        switch = switch_of(k, what, at, switches, known)
        if what in _TABLES:
            rows.append((operator, at[0], len(more), len(at) // 2))
            more.extend(at[1:])
        elif switch is not None:
            other = at[1] if at[0] == switch else at[0]
            rows.append((OPERATORS["SWITCHED"], switch, other, -1))
        elif what == "**" and known.get(at[1]) in PRODUCTS:
            rows.append((OPERATORS["PRODUCT"], at[0], int(known[at[1]]), -1))
        else:
            rows.append((operator, *at, *[-1] * (3 - len(at))))
    return np.array(rows, dtype=np.int64), np.array(more, dtype=np.int64)
