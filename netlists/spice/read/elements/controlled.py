"""Controlled and behavioural sources."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

from .....core.errors import NetlistError
from .....core.units import plain_number
from ....elements import Element, Value
from ...expressions.expression import Expression
from ...expressions.tape import Tape
from ..element_line import CardLine
from ..lines import Line
from ..model_cards import Models
from ..scope import Scope
from ..tokens import unquoted

__all__ = ["plain_behavioural", "read_behavioural", "read_by_current", "read_by_voltage"]

_REFUSED = ("freq", "laplace", "chebyshev", "delay", "poly2")
_PLAIN = re.compile(
    r"""([bB]\w[\w.]*)[ \t]+([\w.]+)[ \t]+([\w.]+)[ \t]+([IViv])[ \t]*=[ \t]*([^={}'"][^{}'"]*)"""
)
_ASSIGNED = re.compile(r"(?<![<>=!])=(?!=)")
LARGEST = 20  # controlling quantities of POLY


def _expression(value: Value) -> Expression:
    return value if isinstance(value, Expression) else Expression.number(value)


def read_by_voltage(card: CardLine) -> list[Element]:
    """Read E and G: ``c d gain``, ``POLY(n) ...``, ``VALUE={...}``, ``TABLE {...} = (x, y)``."""
    nodes = card.nodes(2)
    word = card.peek()
    value: Value
    if word in _REFUSED:
        way = {
            "laplace": "; write the transfer function as a network, or with `ddt` and `idt`",
            "delay": "; drive an ideal line (T) that ends in its impedance",
        }.get(word, "")
        raise card.error(
            f"{word.upper()} is not supported; there are a gain, POLY, VALUE, TABLE{way}"
        )
    if word == "poly" and not card.names_value:
        probes = _poly_order(card)
        controls = [("v", card.node(), card.node()) for _ in range(probes)]
        card.skip()
        value = _polynomial(card, controls)
    elif word == "table":
        value = _table(card)
    elif word in ("value", "vol", "cur") or (word in ("v", "i") and card.names_value):
        if (word == "vol" and card.kind != "E") or (word == "cur" and card.kind != "G"):
            raise card.error(f"`{word}` is for {'E' if word == 'vol' else 'G'}")
        card.take()
        card.sign("=")
        value = card.value("an expression")
    elif card.names_value:
        card.pairs(("value", "poly", "table"))
        raise card.error("a gain, POLY, VALUE or TABLE is expected")
    else:
        control = card.nodes(2)
        gain = card.value("the gain")
        if isinstance(gain, Expression):
            tape = Tape()
            root = tape.call("*", tape.splice(gain.steps), tape.probe(("v", *control)))
            value = Expression.of(tape.finish(root))
        else:
            factor = _copies(card)
            return [card.element((*nodes, *control), gain * factor)]
    factor = _copies(card)
    if factor != 1.0:
        value = value * factor if isinstance(value, float) else value.times(factor)
    return [card.element(nodes, _expression(value))]


def _copies(card: CardLine) -> float:
    """Read what is left, ``m=``, and return by how much a current counts."""
    found = card.pairs(("m",) if card.kind in "GF" else ())
    own = card.plain("m", found.get("m", 1.0))
    return own * card.scope.multiplier if card.kind in "GF" else 1.0


def read_by_current(card: CardLine) -> list[Element]:
    """Read F and H: ``source gain``, or ``POLY(n) sources coefficients``, or ``VALUE={...}``."""
    nodes = card.nodes(2)
    if card.peek() == "poly" and not card.names_value:
        count = _poly_order(card)
        controls = [
            ("i", card.scope.element(card.word("a voltage source"))) for _ in range(count)
        ]
        card.skip()
        value: Value = _polynomial(card, controls)
        factor = _copies(card)
        expression = card.scope.of_one_copy(_expression(value))
        return [card.element(nodes, expression.times(factor) if factor != 1.0 else expression)]
    if card.peek() == "value":
        card.take()
        card.sign("=")
        expression = _expression(card.value("an expression"))
        factor = _copies(card)
        return [card.element(nodes, expression.times(factor) if factor != 1.0 else expression)]
    control = card.scope.element(card.word("the controlling voltage source"))
    gain = card.value("the gain")
    factor = _copies(card) * card.scope.share
    if isinstance(gain, Expression):
        tape = Tape()
        root = tape.call("*", tape.splice(gain.steps), tape.probe(("i", control)))
        expression = Expression.of(tape.finish(root))
        return [card.element(nodes, expression.times(factor) if factor != 1.0 else expression)]
    return [card.element(nodes, gain * factor, control=control)]


def _poly_order(card: CardLine) -> int:
    card.take()
    card.skip()
    count = card.number("the order of POLY")
    card.skip()
    if count != int(count) or not 1 <= count <= LARGEST:
        raise card.error(f"POLY needs a whole number of quantities from 1 to {LARGEST}")
    return int(count)


def _polynomial(card: CardLine, controls: Sequence[tuple[str, ...]]) -> Value:
    """Read coefficients: 1, x1, x2, ..., x1 x1, x1 x2, ..., as in SPICE2."""
    coefficients: list[float] = []
    while not card.done and not card.names_value:
        if card.peek() == "ic":
            break
        coefficients.append(card.number("a coefficient"))
        card.skip()
    if not coefficients:
        raise card.error("POLY needs coefficients")
    tape = Tape()
    x = [tape.probe(probe) for probe in controls]
    total = tape.number(0.0)
    terms = itertools.chain.from_iterable(
        itertools.combinations_with_replacement(range(len(x)), order)
        for order in range(len(coefficients) + 1)
    )
    for coefficient, term in zip(coefficients, terms, strict=False):
        if coefficient == 0.0:
            continue
        product = tape.number(coefficient)
        for k in term:
            product = tape.call("*", product, x[k])
        total = product if tape.steps[total] == ("number", 0.0) else tape.call(
            "+", total, product
        )
    return Expression.of(tape.finish(total))


def _table(card: CardLine) -> Expression:
    """Read ``TABLE {expression} = (x, y) (x, y) ...``; constant beyond its ends."""
    card.take()
    card.sign("=")
    argument = _expression(card.value("the argument of TABLE"))
    card.sign("=")
    numbers: list[float] = []
    while True:
        card.skip()
        if card.done or card.names_value:
            break
        numbers.append(card.number("a value of TABLE"))
    if len(numbers) < 2 or len(numbers) % 2:
        raise card.error("TABLE takes pairs (x, y)")
    xs = numbers[::2]
    if any(b <= a for a, b in itertools.pairwise(xs)):
        raise card.error("the abscissas of TABLE must increase")
    tape = Tape()
    if len(numbers) == 2:
        return Expression.number(numbers[1])
    root = tape.call("table", tape.splice(argument.steps), *(tape.number(v) for v in numbers))
    return Expression.of(tape.finish(root))


def read_behavioural(card: CardLine, models: Models) -> list[Element]:
    """Read ``B1 a b V={...}`` or ``I={...}``; the braces may be left out.

    ``tc1``, ``tc2`` (with ``temper`` less the nominal temperature) and ``m`` are multiplied in.
    """
    nodes = card.nodes(2)
    texts: dict[str, str] = {}
    while not card.done:
        name = card.peek()
        if not card.names_value or name not in ("v", "i", "tc1", "tc2", "m", "temp", "dtemp"):
            raise card.error("`V = expression` or `I = expression` is expected, perhaps with tc1, "
                             f"tc2, m; not `{card.token.text}`")
        if name in texts:
            raise card.error(f"`{name}` is given twice")
        card.at += 2
        texts[name] = _until_next(card)
    if ("v" in texts) == ("i" in texts):
        raise card.error("either `V = expression` or `I = expression` is expected")
    for name in ("temp", "dtemp"):
        if name in texts:
            raise card.error(f"a behavioural source has no `{name}` here")
    which = "v" if "v" in texts else "i"
    expression = _expression(card.value_of(texts.pop(which)))
    numbers = {n: card.number_of(t, f"`{n}`") for n, t in texts.items()}
    if numbers.get("tc1") or numbers.get("tc2"):
        warm = Expression(f"1 + {numbers.get('tc1', 0.0)!r}*(temper - {card.scope.nominal!r}) + "
                          f"{numbers.get('tc2', 0.0)!r}*(temper - {card.scope.nominal!r})**2")
        expression = expression.times(warm)
    # ngspice 39 forgets behavioural sources when it makes several copies of a subcircuit
    copies = 1.0 if card.scope.ngspice else card.scope.multiplier
    if which == "v" and "m" in numbers:
        models.circuit.notes.append(f"{card.line.file}:{card.line.number}: {card.name}: `m` has no "
                                    "effect: voltages side by side are as one")
    factor = numbers.get("m", 1.0) * copies
    if which == "i" and factor != 1.0:
        expression = expression.times(factor)
    found: dict[str, Any] = {which: expression}
    return [card.element(nodes, 0.0, found)]


def plain_behavioural(line: Line, scope: Scope) -> Element | None:
    """Return a source ``B1 a b I=...`` of nothing but an expression, or None: read its words.

    Flat decks of memristors and transistors have thousands.
    """
    match = _PLAIN.fullmatch(line.text)
    if match is None or scope.multiplier != 1.0 or _ASSIGNED.search(match[5]):
        return None
    name, positive, negative, which, text = match.groups()
    try:
        value = scope.value_of(text, line) if plain_number(text) is None else None
    except NetlistError:  # to be told with the element's name
        return None
    if value is None:
        return None
    full = f"{scope.prefix}{name.lower()}" if scope.prefix else name
    return Element(
        "B", full, (scope.node(positive), scope.node(negative)), 0.0,
        parameters=((which.lower(), _expression(value)),), where=line.where,
    )


def _until_next(card: CardLine) -> str:
    """Return the text up to ``tc1 =`` and the like, or the end of the line."""
    start = card.token.start
    while not card.done:
        card.at += 1
        if card.names_value and card.peek() in ("tc1", "tc2", "m", "temp", "dtemp", "v", "i"):
            following = card.tokens[card.at + 2]
            equality = following.kind == "sign" and following.text == "="
            if not equality:
                break
    text = unquoted(card.line.text[start : card.token.start].strip())
    if not text:
        raise card.error("an expression is expected")
    return text
