"""Diodes, transistors and memristors."""

from __future__ import annotations

from typing import Any

from .....core.errors import ParameterError
from .... import device_protocol
from ....elements import Element
from ...cards import Foundry
from ...cards import card as model_card
from ..element_line import CardLine
from ..model_cards import Models

__all__ = ["read_memristor", "read_semiconductor"]

_POWER = ("vdmosn", "vdmosp")
_KINDS = {
    "D": ("d",), "Q": ("npn", "pnp"), "J": ("njf", "pjf"), "M": ("nmos", "pmos", *_POWER),
}
_NODES = {"D": 2, "J": 3, "M": 3}
_WIDTH = 1e-4  # of elements that have no width or length of their own, metre, as in SPICE
# lengths and areas that the option `scale` multiplies, as in ngspice: not sa, sb, sd and sc
_SCALED = {"w": 1, "l": 1, "pd": 1, "ps": 1, "ad": 2, "as": 2}
_INITIAL = {
    "D": ("ic",), "Q": ("icvbe", "icvce"), "J": ("icvds", "icvgs"),
    "M": ("icvds", "icvgs", "icvbs"),
}


def read_semiconductor(card: CardLine, models: Models) -> list[Element]:
    """Read ``D1 a c model``, ``Q1 c b e [s] model``, ``J1 d g s model``, ``M1 d g s b model``.

    Power transistors have no bulk: ``M1 d g s model``.

    Initial voltages ``ic=...`` become ``icvbe``, ``icvce`` and the like; the option ``scale``
    multiplies the lengths of MOS transistors.
    """
    kind = card.kind
    if kind == "M" and any(token.text.lower() == "thermal" for token in card.tokens[4:]):
        raise card.error("self-heating (`thermal`) is not modelled: leave it out, with its nodes, "
                         "and give the temperature by `temp=`")
    if kind == "Q":
        nodes = card.nodes(3)
        # the fourth is the substrate unless it is the model
        ahead = card.peek(1)
        if ahead and models.known(ahead, card.scope) and not _pair(card, 1):
            nodes += (card.node("the substrate"),)
        elif not models.known(card.peek(), card.scope):
            raise _no_model(card, models)
    else:
        nodes = card.nodes(_NODES[kind])
    if kind == "M" and not _of_three(card, models):
        nodes += (card.node("the bulk"),)
        _body_tie(card, models, nodes[3])
    name = card.word("a model")
    of, level = models.level(card, name, _KINDS[kind])
    if (of in _POWER) != (kind == "M" and len(nodes) == 3):
        raise card.error(f"a transistor of the model `{name}` has drain, gate and source"
                         f"{'' if of in _POWER else ', and a bulk'}")
    table = model_card(of, level)
    found: dict[str, Any] = {}
    if not card.done and card.starts_number() and kind != "M":
        found["area"] = card.number("the area")
    given = card.pairs(table.instance, ("off",))
    if "area" in given and "area" in found:
        raise card.error("the area is given twice")
    found |= given
    initial = found.pop("ic", None)
    if initial is not None and isinstance(table, Foundry):
        raise card.error(f"a {table.title} takes no `ic`: give its nodes' voltages by `.ic`")
    if initial is not None:
        values = initial if isinstance(initial, list) else [initial]
        names = _INITIAL[kind]
        if len(values) > len(names):
            raise card.error(f"`ic` takes {', '.join(n.removeprefix('ic') or 'vd' for n in names)}")
        found |= dict(zip(names, values, strict=False))
    found = {name: card.plain(name, value) for name, value in found.items()}
    if kind == "M":
        _scale(card, models, found)
        width = found.get("w", _WIDTH) / _fingers(card, models, found)
        model = models.sized(card, name, _KINDS[kind], found.get("l", _WIDTH), width)
        if not card.scope.ngspice:
            found = {**models.sizes[model.name], **found}
    else:
        model = models.find(card, name, _KINDS[kind])
    for size in ("area", "w", "l"):
        if size in found and found[size] <= 0:
            raise card.error(f"`{size}` must be > 0; got {found[size]:g}")
    card.multiplied(found)
    return [card.element(nodes, 0.0, found, model=model.name)]


def _scale(card: CardLine, models: Models, found: dict[str, float]) -> None:
    """Multiply sizes by the option ``scale``."""
    unit = float(models.circuit.options.get("scale", 1.0))
    if unit <= 0:
        raise card.error(f"the option `scale` must be > 0; got {unit:g}")
    for name, power in _SCALED.items():
        if name in found and unit != 1.0:
            found[name] *= unit**power


def _fingers(card: CardLine, models: Models, found: dict[str, float]) -> float:
    """Return the fingers among which the width is shared when a bin is chosen."""
    count = found.get("nf", 1.0)
    if count <= 0:
        raise card.error(f"`nf` must be > 0; got {count:g}")
    usual = models.circuit.options.get("wnflag", 0.0 if card.scope.ngspice else 1.0)
    return count if found.get("wnflag", usual) else 1.0


def _body_tie(card: CardLine, models: Models, bulk: str) -> None:
    """Take a fifth terminal that ties the body to the bulk, which are one in these transistors."""
    here, ahead = card.peek(), card.peek(1)
    if not here or not ahead or models.known(here, card.scope) or _pair(card, 1):
        return
    if not models.known(ahead, card.scope):
        return
    place = card.scope.find_model(ahead)
    if place is not None:
        models.read(*place)  # a level that is not there is said first
    if card.node("the body") != bulk:
        raise card.error(f"the fifth terminal `{here}` is another node than the bulk: only SOI "
                         "transistors, which are not supported, have a body of their own")


def _pair(card: CardLine, ahead: int) -> bool:
    token = card.tokens[min(card.at + ahead + 1, len(card.tokens) - 1)]
    return token.kind == "sign" and token.text == "="


def _of_three(card: CardLine, models: Models) -> bool:
    """Whether the model of a MOS transistor is next, which is then one without a bulk."""
    here, ahead = card.peek(), card.peek(1)
    if not here or not models.known(here, card.scope):
        return False
    return not ahead or _pair(card, 1) or not models.known(ahead, card.scope)


def _no_model(card: CardLine, models: Models) -> Exception:
    try:
        models.find(card, card.word("a model"), _KINDS[card.kind])
    except Exception as error:  # noqa: BLE001 - the error is what is wanted
        return error
    return card.error("a model is expected")


def read_memristor(card: CardLine, models: Models) -> list[Element]:
    """Read ``N1 a b model [name=value ...]``.

    At the element stand states at the start by their names, or ``conductance`` (siemens) or
    ``resistance`` (ohm) at the read voltage, and parameters of its own
    in place of the card's (``r_on=50``, ``window=biolek``, ``polarity=-1``).
    """
    nodes = card.nodes(2)
    model = models.find(card, card.word("a model"), ("",))
    found_class = device_protocol.model(model.kind)
    preset = model.get("preset")
    device = found_class() if preset is None else found_class.preset(str(preset))
    states = tuple(device.state_names)
    known = {str(name).lower(): name for name in device.parameters()}
    words = [key for key, name in known.items() if isinstance(device.parameters()[name], str)]
    allowed = (*states, "conductance", "resistance", "m", "polarity", *known)
    found = {
        name: value.lower() if name in words else card.plain(name, value)
        for name, value in card.pairs([name.lower() for name in allowed], texts=words).items()
    }
    if "resistance" in found:
        if "conductance" in found or found["resistance"] <= 0:
            raise card.error("give the conductance or the resistance > 0")
        found["conductance"] = 1.0 / found.pop("resistance")
    if "conductance" in found and any(state.lower() in found for state in states):
        raise card.error("the state and the conductance are both given")
    own = {known.get(n, n): v for n, v in found.items() if n in known or n == "polarity"}
    whole = {known.get(n, n): v for n, v in model.parameters.items() if n != "preset"}
    try:
        given = {**whole, **own}
        if float(given.get("polarity", 1)) in (1.0, -1.0) and "polarity" in given:
            given["polarity"] = int(given["polarity"])
        made = device.replace(**given) if given else device
        if "conductance" in found:
            made.state_from_conductance(found["conductance"])
        _check_states(card, made, states, found)
    except ParameterError as error:
        raise card.error(str(error)) from None
    card.multiplied(found)
    return [card.element(nodes, 0.0, found, model=model.name)]


def _check_states(
    card: CardLine, device: Any, states: tuple[str, ...], found: dict[str, Any]
) -> None:
    low, high = device.bounds()
    for s, name in enumerate(states):
        value = found.get(name.lower())
        if value is not None and not float(low[s]) <= value <= float(high[s]):
            raise card.error(
                f"the state `{name}` = {value:g} must be from {float(low[s]):g} to "
                f"{float(high[s]):g}"
            )
