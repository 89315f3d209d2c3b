"""Transmission lines: T without losses, O with them, U made of lumps."""

from __future__ import annotations

from typing import Any

from .....core.errors import ParameterError
from ....elements import Element
from ....urc import urc_elements
from ...cards import card as model_card
from ..element_line import CardLine
from ..model_cards import Models
from .semiconductors import read_memristor

__all__ = ["read_line", "read_lossy_line", "read_u"]


def read_line(card: CardLine) -> list[Element]:
    """Read ``T1 a b c d z0=50 td=1n`` or ``f=1g nl=0.25``."""
    nodes = card.nodes(4)
    found = card.pairs(("z0", "zo", "td", "f", "nl", "ic", "m"))
    initial = found.pop("ic", None)
    if "zo" in found:
        found["z0"] = found.pop("zo")
    found = {name: card.plain(name, value) for name, value in found.items()}
    if found.get("z0", 0.0) <= 0:
        raise card.error("the impedance `z0` > 0 is missing")
    if "td" not in found:
        if "f" not in found:
            raise card.error("give the delay `td`, or a frequency `f` (and the length `nl`)")
        if found["f"] <= 0:
            raise card.error("`f` must be > 0")
        found["td"] = found.pop("nl", 0.25) / found.pop("f")
    found.pop("f", None)
    found.pop("nl", None)
    if found["td"] <= 0:
        raise card.error("the delay `td` must be > 0")
    card.multiplied(found)
    found["z0"] /= found.pop("m", 1.0)  # copies side by side
    _initial(card, initial, found)
    return [card.element(nodes, 0.0, found)]


def _initial(card: CardLine, initial: Any, found: dict[str, Any]) -> None:
    """Put ``ic=v1,i1,v2,i2`` among the parameters."""
    if initial is None:
        return
    given = initial if isinstance(initial, list) else [initial]
    if len(given) > 4:
        raise card.error("`ic` takes v1, i1, v2, i2")
    for key, number in zip(("icv1", "ici1", "icv2", "ici2"), given, strict=False):
        found[key] = card.plain("ic", number)


def read_lossy_line(card: CardLine, models: Models) -> list[Element]:
    """Read ``O1 a b c d model``: two ports and a card of kind ltra."""
    nodes = card.nodes(4)
    model = models.find(card, card.word("a model"), ("ltra",))
    found = card.pairs(model_card("ltra").instance)
    initial = found.pop("ic", None)
    found = {name: card.plain(name, value) for name, value in found.items()}
    card.multiplied(found)
    _initial(card, initial, found)
    return [card.element(nodes, 0.0, found, model=model.name)]


def read_u(card: CardLine, models: Models) -> list[Element]:
    """Read ``U1 a b reference model l=...``: a uniform RC line, or a memristor ``U1 a b model``.

    The line is written out as its lumps, see `crossbarsim.netlists.urc`.
    """
    if not _is_urc(card, models):
        return read_memristor(card, models)
    nodes = card.nodes(3)
    model = models.find(card, card.word("a model"), ("urc",))
    found = card.pairs(model_card("urc").instance)
    given = {name: card.plain(name, value) for name, value in found.items()}
    card.multiplied(given)
    try:
        lumps, diode = urc_elements(card.name, nodes, model, given)
    except ParameterError as error:
        raise card.error(str(error)) from None
    if diode is not None:
        models.circuit.models[diode.name] = diode
    return lumps


def _is_urc(card: CardLine, models: Models) -> bool:
    """Whether the fourth word is the model of a line: memristors have two nodes."""
    name = card.peek(3)
    place = card.scope.find_model(name) if name else None
    return place is not None and models.read(*place).kind == "urc"
