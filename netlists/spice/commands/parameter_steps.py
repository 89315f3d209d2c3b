"""The circuits of ``.step``: one for every value."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from ....core.errors import NetlistError, ParameterError
from ...analyses import Step, Sweep
from ...circuit import Circuit
from ...elements import Element

__all__ = ["altered", "step_circuits"]


def step_circuits(circuit: Circuit) -> Iterator[tuple[dict[str, float], Circuit]]:
    """Yield the values and the circuit of every combination of the deck's ``.step``.

    The first ``.step`` is the outermost. The circuits have no `Step` any more.

    Raises
    ------
    NetlistError
        A parameter is stepped in a circuit that was not read from a deck.
    """
    steps = [a for a in circuit.analyses if isinstance(a, Step)]
    axes = [step.sweep.points.values for step in steps]
    for values in itertools.product(*axes):
        setting = {
            _label(step.sweep): float(value) for step, value in zip(steps, values, strict=True)
        }
        yield setting, altered(circuit, [
            (step.sweep, float(value)) for step, value in zip(steps, values, strict=True)
        ])


def _label(sweep: Sweep) -> str:
    return f"{sweep.target}[{sweep.parameter}]" if sweep.parameter else sweep.target


def altered(circuit: Circuit, changes: list[tuple[Sweep, float]]) -> Circuit:
    """Return the circuit with other values, without its ``.step``.

    Parameters
    ----------
    circuit : Circuit
    changes : list of (Sweep, float)
        Parameters of the deck, values of elements or their parameters, of models, the temperature
        in degree Celsius.
    """
    parameters = {s.target: v for s, v in changes if s.kind == "parameter"}
    if parameters:
        if circuit.deck is None:
            raise NetlistError("parameters can be stepped in circuits read from decks only")
        made: Circuit = circuit.deck.circuit(**parameters)
    else:
        made = circuit.copy()
    made.analyses = [a for a in made.analyses if not isinstance(a, Step)]
    for sweep, value in changes:
        if sweep.kind == "parameter":
            continue
        if sweep.kind == "temperature":
            if value <= -273.15:
                raise ParameterError(f"{value:g} degree Celsius is below absolute zero")
            made.temperature = value + 273.15
        elif sweep.kind == "model":
            model = made.models[sweep.target]
            changed = {**model.parameters, sweep.parameter: value}
            made.models[sweep.target] = replace(model, parameters=changed)
        else:
            made.replace(_changed(made[sweep.target], sweep.parameter, value))
    return made


def _changed(element: Element, parameter: str, value: float) -> Element:
    if parameter:
        kept = tuple(pair for pair in element.parameters if pair[0] != parameter)
        return replace(element, parameters=(*kept, (parameter, value)))
    if element.kind == "R" and value == 0:
        raise ParameterError(f"{element.name}: a resistance of 0 ohm")
    # a source in time that is swept is held
    return replace(element, value=value, wave=None)
