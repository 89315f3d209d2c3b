"""Resistors, capacitors, inductors, coupled inductors, switches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....elements import Element, Model, Value
from ...cards import card as model_card
from ...expressions.expression import Expression
from ..element_line import CardLine
from ..model_cards import Models

__all__ = ["read_coupling", "read_passive", "read_switch", "with_parasitics"]

MOST_COUPLED = 500  # each with each: pairs grow with the square
_UNITS = {"R": "resistance", "C": "capacitance", "L": "inductance"}
_KINDS = {"R": "r", "C": "c", "L": "l"}
# LTspice's: what belongs to an element, and what only describes a part
_PARASITIC = {"R": (), "C": ("rser", "lser", "rpar", "cpar"), "L": ("rser", "rpar", "cpar")}
_ABOUT = ("tol", "pwr", "v", "irms", "ipk", "mfg", "pn", "type", "mtbf")
_VALUES = {"R": "r", "C": "cap", "L": "ind"}


def read_passive(card: CardLine, models: Models) -> list[Element]:
    """Read ``R1 a b [value] [model] name=value ...``, C and L alike."""
    kind, what = card.kind, _UNITS[card.kind]
    table = model_card(_KINDS[kind])
    nodes = card.nodes(2)
    value: Value | None = None
    model: Model | None = None
    for _ in range(2):
        card.skip()
        if card.done or card.names_value or card.peek() in ("noisy", "noise"):
            break
        word = card.peek()
        named = model is None and word and not card.starts_number() and models.known(
            word, card.scope
        )
        if named:
            model = models.find(card, card.word("a model"), (_KINDS[kind],))
        elif value is None:
            value = card.value(f"the {what}")
        else:
            break
    more = _PARASITIC[kind]
    found = card.pairs((*table.instance, *more, *_ABOUT), texts=_ABOUT)
    ignored = [name for name in _ABOUT if found.pop(name, None) is not None]
    if ignored:
        models.circuit.notes.append(
            f"{card.line.file}:{card.line.number}: {card.name}: {', '.join(ignored)} have no effect"
        )
    parasitic = {name: card.plain(name, found.pop(name)) for name in more if name in found}
    coefficients = found.pop("tc", None)
    if coefficients is not None:
        given = coefficients if isinstance(coefficients, list) else [coefficients]
        if len(given) > 2:
            raise card.error("`tc` takes one or two values")
        for key, number in zip(("tc1", "tc2"), given, strict=False):
            found.setdefault(key, number)
    for key in {what, kind.lower()} & {*found}:
        if value is not None:
            raise card.error(f"the {what} is given twice")
        value = found.pop(key)
    for key in ("noisy", "noise"):
        if key in found:
            raise card.error(f"`{key}`: the noise of one element cannot be switched off")
    if kind == "C" and "q" in found:
        if value is not None:
            raise card.error("the capacitance and the charge are both given")
        value = 0.0
    if value is None:
        value = _from_model(card, model, found)
    scale = found.pop("scale", None)
    if scale is not None:
        factor = card.plain("scale", scale)
        if "ac" in found:
            found["ac"] = card.plain("ac", found["ac"]) * factor
        value = value * factor if isinstance(value, float) else Expression(
            f"({value.text})*{factor!r}"
        )
    if kind == "R" and value == 0.0:
        least = models.circuit.options.get("resmin", 1e-3 if card.scope.ngspice else 0.0)
        value = float(least)
    if kind == "L" and value == 0.0:
        raise card.error("an inductance of 0 H: use one node, or a 0 V source")
    if "ac" in found and isinstance(value, Expression):
        raise card.error("`ac` is for resistances that are numbers")
    if found.get("ac") == 0.0:
        raise card.error("`ac` must not be 0 ohm")
    if "ac" in found and value == 0.0:
        raise card.error("0 ohm joins its nodes, and cannot have another resistance for small "
                         "signals; give it 1m")
    if model is None or not model.get("kf"):  # with it they are the area of flicker noise
        for key in ("l", "w"):
            found.pop(key, None)
    if model is not None:
        for key in ("tc1", "tc2", "tce", "tnom"):
            if key in model.parameters:
                found.setdefault(key, model.parameters[key])
    for key in found:
        if key != "q":
            found[key] = card.plain(key, found[key])
    if "q" in found and not isinstance(found["q"], Expression):
        found["q"] = Expression.number(card.plain("q", found["q"]))
    card.multiplied(found)
    return with_parasitics(card, nodes, parasitic, found, lambda ends: card.element(
        ends, value, found, model=model.name if model else ""
    ))


def with_parasitics(
    card: CardLine, nodes: tuple[str, ...], parasitic: dict[str, float], found: dict[str, Any],
    element: Callable[[tuple[str, ...]], Element],
) -> list[Element]:
    """Return an element with what LTspice writes at it: rser, lser in series, rpar, cpar beside."""
    made: list[Element] = []
    local = card.name.rsplit(".", 1)[-1].lower()
    a, b = nodes

    def add(kind: str, what: str, ends: tuple[str, str]) -> None:
        value = parasitic[what]
        if value < 0 or (value == 0 and what == "rpar"):
            raise card.error(f"`{what}` must be > 0; got {value:g}")
        if value:
            name = f"{card.scope.prefix}{kind.lower()}{local}_{what}"
            kept = tuple((k, v) for k, v in found.items() if k == "m")
            made.append(Element(kind, name, ends, value, parameters=kept, where=card.line.where))

    for kind, what in (("R", "rser"), ("L", "lser")):
        if parasitic.get(what):
            inner = f"{card.scope.prefix}{local}#{what}"
            add(kind, what, (inner, b))
            b = inner
    for kind, what in (("R", "rpar"), ("C", "cpar")):
        if what in parasitic:
            add(kind, what, (nodes[0], nodes[1]))
    return [element((a, b)), *made]


def _from_model(card: CardLine, model: Model | None, found: dict[str, Any]) -> float:
    """Return the value from the model: its own, or from the geometry."""
    what = _UNITS[card.kind]
    if model is None:
        raise card.error(f"the {what} is missing")
    own = model.get(_VALUES[card.kind])
    sheet = model.get("rsh") if card.kind == "R" else None
    if own is not None and not sheet:  # a sheet resistance counts first, as in SPICE
        return float(own)
    defaults = model_card(_KINDS[card.kind]).defaults

    def get(name: str) -> float:
        return float(model.get(name, defaults.get(name, 0.0)))

    width = card.plain("w", found.get("w", get("defw"))) if card.kind != "L" else 0.0
    if card.kind == "R":
        long = card.plain("l", found.get("l", get("l")))
        inner = width - 2.0 * get("narrow")
        if sheet is None or inner <= 0:
            raise card.error(f"neither the element nor its model {model.name} gives a resistance "
                             "(`r`, or `rsh` with `l` and `w`)")
        return float(sheet) * (long - 2.0 * get("short")) / inner
    if card.kind == "C":
        long = card.plain("l", found.get("l", get("defl")))
        if "cj" in model.parameters or "cjsw" in model.parameters:
            w, h = width - get("narrow"), long - get("short")
            return get("cj") * w * h + get("cjsw") * 2.0 * (w + h)
    raise card.error(f"neither the element nor its model {model.name} gives a value")


def read_coupling(card: CardLine) -> list[Element]:
    """Read ``K1 L1 L2 [L3 ...] coefficient``: one element for every pair."""
    names: list[str] = []
    while True:
        card.skip()
        if card.peek()[:1] != "l" or card.names_value:
            break
        names.append(card.scope.element(card.word("an inductor")))
    if len(names) > MOST_COUPLED:
        raise card.error(f"more than {MOST_COUPLED} inductors in one coupling")
    if len(names) < 2 or len(set(names)) < len(names):
        raise card.error("two or more different inductors are expected")
    value = card.number("the coefficient of coupling")
    if not -1.0 <= value <= 1.0:
        raise card.error(f"the coefficient of coupling must be from -1 to 1; got {value:g}")
    card.skip()
    if not card.done:
        raise card.error(f"`{card.token.text}` is not expected")
    pairs = [(a, b) for k, a in enumerate(names) for b in names[k + 1 :]]
    own, found = card.name, []
    for a, b in pairs:
        card.name = own if len(pairs) == 1 else f"{own}_{a.split('.')[-1]}_{b.split('.')[-1]}"
        found.append(card.element((), value, {"l1": a, "l2": b}))
    return found


def read_switch(card: CardLine, models: Models) -> list[Element]:
    """Read ``S1 a b c d model [on|off]`` or ``W1 a b source model [on|off]``."""
    by_voltage = card.kind == "S"
    nodes = card.nodes(4 if by_voltage else 2)
    control = "" if by_voltage else card.scope.element(card.word("the controlling source"))
    if not by_voltage and card.scope.share != 1.0:
        raise card.error("a switch by current inside of several copies (`m=`), whose current is "
                         "that of all: write the copies out")
    model = models.find(card, card.word("a model"), ("sw" if by_voltage else "csw",))
    found = card.pairs(("m",), ("on", "off"))
    if "on" in found and "off" in found:
        raise card.error("`on` or `off` is expected")
    found = {name: card.plain(name, value) for name, value in found.items()}
    card.multiplied(found)
    return [card.element(nodes, 0.0, found, control=control, model=model.name)]
