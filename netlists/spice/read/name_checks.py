"""Names that a deck uses must exist."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ....core.errors import NetlistError
from ...analyses import Analysis, Command, Place, Sweep
from ...circuit import GROUND, Circuit
from ...crossbar_element import has_inside
from ...elements import KINDS, Element
from ..expressions.expression import Expression
from .subcircuit_tree import did_you_mean

__all__ = ["asked", "changed_names", "check_names", "opened"]


def _refuse(where: Place, message: str) -> NetlistError:
    file, line = where or (None, None)
    return NetlistError(message, file=file, line=line)


def _expressions(element: Element) -> Iterator[Expression]:
    if isinstance(element.value, Expression):
        yield element.value
    for _, value in element.parameters:
        if isinstance(value, Expression):
            yield value


def check_names(circuit: Circuit, places: Mapping[tuple[str, str], tuple[str, int]]) -> None:
    """Refuse controlling sources, nodes, inductors and outputs that are not in the circuit.

    `places` says where ``.ic`` and ``.nodeset`` name a node.
    """
    nodes = {*circuit.nodes, GROUND}
    for element in circuit.singles():
        label = element.name
        for name, current in element.controls():
            _current(circuit, name, element.where, label, current)
        for expression in _expressions(element):
            for probe in expression.sources:
                if probe[0] == "v":
                    _voltage(nodes, probe, element.where, label)
        if element.kind == "K":
            for key in ("l1", "l2"):
                name = str(element.get(key))
                if name not in circuit or circuit[name].kind != "L":
                    known = [e.name.lower() for e in circuit if e.kind == "L"]
                    raise _refuse(element.where, f"{label}: there is no inductor `{name}`"
                                  f"{did_you_mean(name, known)}")
    for kind, values in ((".ic", circuit.initial), (".nodeset", circuit.nodeset)):
        for node in values:
            if node not in nodes and not _in_module(circuit, node):
                raise _refuse(places.get((kind, node)), f"{kind}: there is no node `{node}`"
                              f"{did_you_mean(node, nodes)}")
    _outputs(circuit, nodes)
    _analyses(circuit, nodes)


def _words(commands: Sequence[Command]) -> Iterator[str]:
    """Yield what commands change, with their bodies."""
    for command in commands:
        if command.name.startswith("alter"):
            yield from command.arguments
        yield from (w for w in command.arguments if w.startswith("@"))
        yield from _words((*command.body, *command.otherwise))


def changed_names(circuit: Circuit) -> Iterator[str]:
    """Yield the elements, lower case, to which sweeps or commands give other values."""
    for analysis in circuit.analyses:
        yield from (sweep.target for sweep in _sweeps(analysis))
    for word in _words(circuit.commands):
        yield from re.split(r"[@\s=\[\]]+", word.lower())


def opened(circuit: Circuit) -> Circuit:
    """Return the circuit with those crossbars written out whose insides are referred to.

    Voltages of inner nodes as outputs do not count: these are known anyway.
    """
    if not circuit.arrays:
        return circuit
    names = [*circuit.initial, *circuit.nodeset, *_words(circuit.commands)]
    for element in circuit:
        names += [n for x in _expressions(element) for p in x.sources for n in p[1:]]
        names += [element.control] if element.kind != "X" else []
        names += element.nodes
    for _, _, expression in asked(circuit):
        names += [
            p[1] for p in expression.sources
            if p[0] != "v" and not has_inside(circuit.arrays, *p[:2])
        ]
    for analysis in circuit.analyses:
        names += getattr(analysis, "output", ())[1:]
        names += [sweep.target for sweep in _sweeps(analysis)]
    text = "\n".join(names).lower()
    kept = {name for name in circuit.arrays if f"{name}." not in text}
    return circuit.expanded(keep=kept) if len(kept) < len(circuit.arrays) else circuit


def _in_module(circuit: Circuit, node: str) -> bool:
    """Return whether a node, ``n1#mid``, is one inside of a compiled module."""
    name, _, inner = node.partition("#")
    if not inner or name not in circuit:
        return False
    card = circuit.models.get(circuit[name].model.lower())
    module = getattr(card, "module", None)
    return module is not None and inner in {n.name.lower() for n in module.nodes}


def _voltage(nodes: set[str], probe: tuple[str, ...], where: Place, label: str) -> None:
    for node in probe[1:]:
        if node not in nodes:
            raise _refuse(where, f"{label}: there is no node `{node}`{did_you_mean(node, nodes)}")


def _current(
    circuit: Circuit, name: str, where: Place, label: str, current: str = "i"
) -> None:
    """Refuse what is no current of an element."""
    if name not in circuit:
        known = [e.name.lower() for e in circuit if e.kind not in "KX"]
        raise _refuse(where, f"{label}: there is no element `{name}`{did_you_mean(name, known)}")
    element = circuit[name]
    if element.terminal(current) is not None or (element.has_branch and current == "i"):
        return
    there = [n for n in KINDS[element.kind].currents if element.terminal(n) is not None]
    if not there:
        raise _refuse(where, f"{label}: a {KINDS[element.kind].title} has no current that could "
                      "control anything; put a 0 V source in series")
    shown = ", ".join(f"@{name}[{n}]" for n in there)
    what = f"i({name})" if current == "i" else f"@{name}[{current}]"
    raise _refuse(where, f"{label}: `{what}` is no current that could control anything; there "
                  f"are {shown}")


def _branch(circuit: Circuit, name: str, where: Place, label: str) -> None:
    if name in circuit and circuit[name].has_branch:
        return
    known = [e.name.lower() for e in circuit if e.has_branch]
    if name in circuit:
        raise _refuse(where, f"{label}: the current of `{name}` cannot be its output; put a 0 V "
                      "source in series")
    raise _refuse(where, f"{label}: there is no voltage source `{name}`{did_you_mean(name, known)}")


def asked(circuit: Circuit) -> list[tuple[str, Place, Expression]]:
    """Return all expressions of outputs."""
    found: list[tuple[str, Place, Expression]] = []
    for save in circuit.saves:
        found += [(f".{save.kind}", save.where, output) for output in save.outputs]
    for measure in circuit.measures:
        events = [event for event in (measure.trig, measure.targ) if event is not None]
        parts = [measure.expression, *(e.expression for e in events), *(e.level for e in events)]
        found += [(".measure", measure.where, part) for part in parts if part is not None]
    for analysis in circuit.analyses:
        outputs = getattr(analysis, "outputs", ())
        found += [(_label(analysis), analysis.where, output) for output in outputs]
    return found


def _label(analysis: Analysis) -> str:
    return f".{type(analysis).__name__.lower()}"


def _sweeps(analysis: Analysis) -> Sequence[Sweep]:
    one = getattr(analysis, "sweep", None)
    return getattr(analysis, "sweeps", ()) if one is None else (one,)


def _outputs(circuit: Circuit, nodes: set[str]) -> None:
    for label, where, expression in asked(circuit):
        for probe in expression.sources:
            if probe[0] == "v":
                _voltage(nodes, tuple(
                    n for n in probe
                    if not has_inside(circuit.arrays, "v", n) and not _in_module(circuit, n)
                ), where, label)
            elif probe[1] not in circuit and not has_inside(circuit.arrays, *probe[:2]):
                raise _refuse(where, f"{label}: there is no element `{probe[1]}`"
                              f"{did_you_mean(probe[1], [e.name.lower() for e in circuit])}")


def _analyses(circuit: Circuit, nodes: set[str]) -> None:
    for analysis in circuit.analyses:
        label = _label(analysis)
        output: tuple[str, ...] = getattr(analysis, "output", ())
        source: str = getattr(analysis, "source", "")
        if output:
            if output[0] == "v":
                _voltage(nodes, output, analysis.where, label)
            else:
                _branch(circuit, output[1], analysis.where, label)
        if source:
            _source(circuit, source, analysis.where, label)
        for sweep in _sweeps(analysis):
            _swept(circuit, sweep, analysis.where, label)


def _source(circuit: Circuit, name: str, where: Place, label: str) -> None:
    if name not in circuit or circuit[name].kind not in "VI":
        known = [e.name.lower() for e in circuit if e.kind in "VI"]
        raise _refuse(where, f"{label}: there is no source `{name}`{did_you_mean(name, known)}")


def _swept(circuit: Circuit, sweep: Sweep, where: Place, label: str) -> None:
    if sweep.kind == "source":
        _source(circuit, sweep.target, where, label)
    elif sweep.kind in ("resistor", "element") and sweep.target not in circuit:
        known = [e.name.lower() for e in circuit]
        raise _refuse(where, f"{label}: there is no element `{sweep.target}`"
                      f"{did_you_mean(sweep.target, known)}")
