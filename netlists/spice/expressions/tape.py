"""An expression as a list of steps, each with the numbers of the earlier steps that it uses.

Equal steps are kept once, so a function that uses its argument twice does not grow with every
call, and nothing that walks an expression is recursive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .functions import RULES, Operand

__all__ = ["LONGEST", "Probe", "Step", "Tape", "undefined_step", "value_of"]

Probe = tuple[str, ...]
Step = tuple[Any, ...]  # ("number", x), ("name", n), ("probe", p), ("call", operator, (i, j, ...))
LONGEST = 100_000  # steps of one expression


class Tape:
    """Collects the steps of an expression."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._known: dict[Step, int] = {}

    def _add(self, step: Step) -> int:
        # 0.0 and -0.0 are equal, but not the same number
        key = (*step, math.copysign(1.0, step[1])) if step[0] == "number" else step
        found = self._known.get(key)
        if found is None:
            if len(self.steps) >= LONGEST:
                raise OverflowError(f"an expression of more than {LONGEST} steps")
            found = self._known[key] = len(self.steps)
            self.steps.append(step)
        return found

    def number(self, value: float) -> int:
        """Add a number."""
        return self._add(("number", float(value)))

    def name(self, name: str) -> int:
        """Add a parameter, or ``time``, ``temper``, ``hertz``."""
        return self._add(("name", name))

    def probe(self, probe: Probe) -> int:
        """Add a voltage or a current of the circuit."""
        return self._add(("probe", probe))

    def call(self, operator: str, *operands: int) -> int:
        """Add an operation; of numbers alone it is done at once, where it has a finite value."""
        given = [self.steps[k] for k in operands]
        if all(step[0] == "number" for step in given) and operator in RULES:
            value = _apply(operator, [step[1] for step in given])
            if np.ndim(value) == 0 and np.isrealobj(value) and math.isfinite(value):
                return self.number(float(value))
        if operator == "?" and given[0][0] == "number":
            return operands[1 if given[0][1] else 2]
        return self._add(("call", operator, operands))

    def splice(
        self, steps: Sequence[Step], leaf: Callable[[Step], int | None] = lambda _: None
    ) -> int:
        """Add all of another expression; `leaf` may put something else for names and probes."""
        place: list[int] = []
        for step in steps:
            if step[0] == "call":
                place.append(self.call(step[1], *(place[k] for k in step[2])))
                continue
            other = leaf(step)
            place.append(self._add(step) if other is None else other)
        return place[-1]

    def finish(self, root: int) -> tuple[Step, ...]:
        """Return the steps that the step `root` needs, itself the last."""
        # depth first, so that equal expressions have equal steps
        place: dict[int, int] = {}
        steps: list[Step] = []
        waiting = [root]
        while waiting:
            k = waiting[-1]
            step = self.steps[k]
            missing = [
                j for j in step[2] if j not in place
            ] if step[0] == "call" and k not in place else []
            if missing:
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            if k not in place:
                if step[0] == "call":
                    step = ("call", step[1], tuple(place[j] for j in step[2]))
                place[k] = len(steps)
                steps.append(step)
        return tuple(steps)


def _apply(operator: str, operands: Iterable[Operand]) -> Operand:
    with np.errstate(all="ignore"):
        return RULES[operator].value(*operands)


def value_of(
    steps: Sequence[Step], names: Mapping[str, Operand], probes: Mapping[Probe, Operand]
) -> Operand:
    """Return the value of an expression; a missing name or probe is a KeyError."""
    values: list[Operand] = []
    for step in steps:
        if step[0] == "call":
            values.append(_apply(step[1], [values[k] for k in step[2]]))
        elif step[0] == "number":
            values.append(step[1])
        else:
            values.append((names if step[0] == "name" else probes)[step[1]])
    return values[-1]


def undefined_step(
    steps: Sequence[Step], names: Mapping[str, Operand], probes: Mapping[Probe, Operand]
) -> tuple[int, str] | None:
    """Return the first step without a finite value, and the reason where it is a known one."""
    values: list[Operand] = []
    for k, step in enumerate(steps):
        if step[0] == "number":
            values.append(step[1])
            continue
        if step[0] != "call":
            values.append((names if step[0] == "name" else probes)[step[1]])
            continue
        given = [values[j] for j in step[2]]
        values.append(_apply(step[1], given))
        if not np.isfinite(values[-1]) and all(np.isfinite(given)):
            return k, _reason(step[1], given)
    return None


def _reason(operator: str, given: Sequence[Operand]) -> str:
    if operator == "**" and given[0] < 0.0:
        return (': a power of a negative base with a fraction (compat="ngspice" takes '
                'abs(x)**y, compat="ltspice" the real part)')
    if operator in ("/", "%", "\\") and given[1] == 0.0:
        return ": a quotient by 0"
    return ""
