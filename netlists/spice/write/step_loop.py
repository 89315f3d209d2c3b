"""``.step`` as the commands of a control block, and how names and long lines are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ....core.errors import NetlistError
from ...analyses import Step
from ...circuit import Circuit
from ...elements import Element
from ..commands.parameter_steps import step_circuits
from ..expressions.text import write_number

__all__ = ["flat_name", "step_commands", "wrapped"]

_WIDTH = 110


def flat_name(kind: str, name: str) -> str:
    """Return an element's name in a flat deck: ``r.x1.r2`` of ``x1.r2``, as ngspice has it."""
    inside = "." in name or name[:1].upper() != kind
    return f"{kind.lower()}.{name}" if inside else name


def step_commands(
    circuit: Circuit, refuse: Callable[[Element, str], NetlistError]
) -> Iterator[str]:
    """Yield the commands that run all of ``.step``: every change is set anew for each."""
    runs = list(step_circuits(circuit))
    names = [(e.kind, e.name, e.nodes, e.model) for e in circuit]
    touched: set[str] = set()
    models: set[str] = set()
    for _, other in runs:
        if [(e.kind, e.name, e.nodes, e.model) for e in other] != names:
            file, line = next(a.where for a in circuit.analyses if isinstance(a, Step)) or (
                None, None
            )
            raise NetlistError(
                ".step changes which elements there are: ngspice has no command for that; write "
                "the circuits of `step_circuits` one by one", file=file, line=line,
            )
        for a, b in zip(circuit, other, strict=True):
            if (a.value, a.parameters, a.wave) != (b.value, b.parameters, b.wave):
                touched.add(b.name.lower())
                if not _numbers(a, b):
                    raise refuse(b, "`.step` of more than numbers (write the circuits of "
                                    "`step_circuits` one by one)")
        models |= {key for key, model in other.models.items()
                   if model.parameters != circuit.models[key].parameters}
    for values, other in runs:
        yield f"echo step {' '.join(f'{k} {v!r}' for k, v in values.items())}"
        if len({run.temperature for _, run in runs}) > 1:
            yield f"set temp = {other.temperature - 273.15:.15g}"
        for e in other:
            if e.name.lower() in touched:
                name = flat_name(e.kind, e.name).lower()
                if isinstance(e.value, float) and e.kind in "RCLVIEGFH":
                    yield f"alter {name} = {write_number(e.value)}"
                for key, value in e.parameters:
                    if isinstance(value, float) and e.kind not in "VI":
                        yield f"alter {name} {key} = {write_number(value)}"
        for key in sorted(models):
            for name, value in other.models[key].parameters.items():
                if isinstance(value, float):
                    yield f"altermod {key} {name} = {write_number(value)}"
        yield "run"


def _numbers(a: Element, b: Element) -> bool:
    """Return whether two elements differ in numbers only."""
    if a.wave != b.wave or [k for k, _ in a.parameters] != [k for k, _ in b.parameters]:
        return False
    pairs = [(a.value, b.value), *((v, b.get(k)) for k, v in a.parameters)]
    return all(x == y or (isinstance(x, float) and isinstance(y, float)) for x, y in pairs)


def wrapped(line: str) -> str:
    """Continue long lines with ``+``; what has several lines stays."""
    if len(line) <= _WIDTH or "\n" in line:
        return line
    lines = [""]
    for word in line.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) > _WIDTH and lines[-1] != "+":
            lines.append("+")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join(lines)
