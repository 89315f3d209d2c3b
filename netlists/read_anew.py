"""A circuit of a deck that is read anew: for another temperature, or another card's parameter.

Numbers that were computed when it was read then follow; what was changed since stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..core.errors import ParameterError
from .circuit import Circuit
from .elements import Element, Model
from .spice.cards import card as table

__all__ = ["at_temperature", "with_card"]

_PASSIVE = ("r", "c", "l")
_COLLECTIONS = ("initial", "nodeset", "measures", "saves", "parameters")


def at_temperature(circuit: Circuit, kelvin: float) -> Circuit:
    """Return the circuit at a temperature, kelvin.

    Where the deck computes numbers with ``temper`` (in parameters, cards, elements, conditions) it
    is read anew for that temperature. What was changed since it was read stays as it is.

    Raises
    ------
    NetlistError
        A deck that cannot be read at this temperature.
    """
    deck = circuit.deck
    read: Circuit | None = None if deck is None else deck.as_read
    if read is None or read.temperature == kelvin:
        if circuit.temperature == kelvin:
            return circuit
        made = circuit.copy()
        made.temperature = kelvin
        return made
    fresh: Circuit = replace(deck, temperature=kelvin, as_read=None).circuit()
    return _renewed(circuit, read, fresh)


def with_card(circuit: Circuit, model: str, parameter: str, value: float) -> Circuit:
    """Return the circuit with another value of a model card's parameter.

    Elements whose values the reader takes from the card (resistors, capacitors, inductors) are
    read anew where there is a deck.

    Raises
    ------
    ParameterError
        There is no such card.
    """
    if model not in circuit.models:
        raise ParameterError(f"the circuit has no model {model!r}")
    card = circuit.models[model]
    made = circuit.copy()
    if card.kind in _PASSIVE and circuit.deck is not None:
        known = table(card.kind)
        name = known.aliases.get(parameter, parameter)
        if name not in known.parameters:
            raise ParameterError(f"a {known.title} has no parameter {parameter!r}")
        deck = replace(circuit.deck, temperature=circuit.temperature, as_read=None)
        then = replace(deck, cards={**deck.cards, (model, name): value})
        made = _renewed(circuit, deck.circuit(), then.circuit())
        parameter, card = name, made.models[model]
    made.models[model] = replace(card, parameters={**card.parameters, parameter: value})
    return made


def _renewed(circuit: Circuit, read: Circuit, fresh: Circuit) -> Circuit:
    """Return the circuit with what is `fresh` in place of what is still as it was `read`."""
    made = circuit.without_elements()
    made.temperature = fresh.temperature
    for element in circuit:
        new = _element(element, _named(read, element.name), _named(fresh, element.name))
        if new is not None:
            made.add(new)
    for element in fresh:  # those that a condition has only now
        if element.name not in made and element.name not in read:
            made.add(element)
    for name, block in fresh.arrays.items():
        if name not in made.arrays or made.arrays[name] is read.arrays.get(name):
            made.arrays[name] = block
    for name, card in fresh.models.items():
        known = name in made.models and name in read.models
        made.models[name] = (
            _card(made.models[name], read.models[name], card) if known else card
        )
    for name in _COLLECTIONS:
        if getattr(circuit, name) == getattr(read, name):
            setattr(made, name, getattr(fresh, name))
    made.deck = replace(circuit.deck, cards=fresh.deck.cards, as_read=fresh.deck.as_read)
    return made


def _named(circuit: Circuit, name: str) -> Element | None:
    return circuit[name] if name in circuit else None  # noqa: SIM401 - it has no `get`


def _element(now: Element, read: Element | None, fresh: Element | None) -> Element | None:
    """Return an element of which `read` was made at the old and `fresh` at the new temperature."""
    if now is read or now == read:
        return fresh
    if read is None or fresh is None or (fresh.kind, fresh.nodes) != (now.kind, now.nodes):
        return now
    parameters = _merged(*(dict(e.parameters) for e in (now, read, fresh)))
    value = fresh.value if now.value == read.value else now.value
    wave = fresh.wave if now.wave == read.wave else now.wave
    return replace(now, value=value, wave=wave, parameters=tuple(parameters.items()))


def _card(now: Model, read: Model, fresh: Model) -> Model:
    if now is read:
        return fresh
    return replace(now, parameters=_merged(now.parameters, read.parameters, fresh.parameters))


def _merged(
    now: Mapping[str, Any], read: Mapping[str, Any], fresh: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values of `fresh`, but those that were changed since `read`."""
    return {
        key: fresh[key] if key in fresh and key in read and read[key] == value else value
        for key, value in now.items()
    }
