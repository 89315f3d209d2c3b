"""Parameters of a module as parameters of a class: defaults, ranges, units, names."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .algebra.calculus import evaluate
from .algebra.terms import Term
from .analysis.execution import Pass
from .language.description import range_text
from .language.tokens import refusal
from .language.tree import Module, Parameter
from .model import Condition, VerilogADevice, VerilogAParameter

__all__ = ["Declared", "declared_parameters"]

_TAKEN = {*dir(VerilogADevice), "choices", "polarity", "read_voltage", "preset", "self"}


@dataclass
class Declared:
    """What a class needs of its module's parameters."""

    parameters: dict[str, VerilogAParameter] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # in the file -> of the class
    spelling: dict[str, str] = field(default_factory=dict)  # other names -> of the class
    dependent: dict[str, Term] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    descriptions: dict[str, str] = field(default_factory=dict)
    defaults_in_file: dict[str, Any] = field(default_factory=dict)


def declared_parameters(
    module: Module, steady: Pass, first: Pass, fixed: Mapping[str, float | str]
) -> Declared:
    """Return the parameters of a module.

    Raises
    ------
    VerilogAError
        A default that is no number, or out of its own range.
    """
    found = Declared()
    conditions: list[Condition] = []
    for parameter in module.parameters.values():
        if parameter.local or parameter.name in fixed:
            continue
        name = _own_name(parameter.name, found.parameters)
        found.names[parameter.name] = name
        if name != parameter.name:
            found.spelling[parameter.name] = name
        if parameter.kind == "string":
            found.parameters[name] = _word(parameter, steady, first)
            found.defaults_in_file[parameter.name] = found.parameters[name].default
        else:
            _number(parameter, name, steady, found, conditions)
        text = parameter.attributes.get("desc", parameter.attributes.get("info", ""))
        if text:
            found.descriptions[name] = text
    for alias, name in module.aliases.items():
        if name in found.names:
            found.spelling[alias] = found.names[name]
    if steady.warm or first.warm:
        name = str(steady.temperature().value)
        found.names[name] = name
        found.parameters[name] = VerilogAParameter(
            300.15, "K", 0.0, open=True, description="ambient temperature, $temperature"
        )
        found.descriptions[name] = "ambient temperature, $temperature"
        found.defaults_in_file[name] = 300.15
    found.conditions = tuple(conditions)
    return found


def _own_name(name: str, taken: Mapping[str, Any]) -> str:
    own = re.sub(r"\W", "_", name)
    if own.startswith("_") or own[0].isdigit():
        own = f"p{own}"
    while own in _TAKEN or keyword.iskeyword(own) or own in taken:
        own += "_"
    return own


def _word(parameter: Parameter, steady: Pass, first: Pass) -> VerilogAParameter:
    if parameter.default.kind != "text":
        raise refusal(parameter.place, f"the default of the text `{parameter.name}` must be one")
    default = str(parameter.default.value)
    words = [w for limit in parameter.limits if not limit.exclude for w in limit.words]
    if not words:  # those that the file knows
        words = [default, *steady.words.get(parameter.name, ()),
                 *first.words.get(parameter.name, ())]
    if default not in words:
        raise refusal(parameter.place, f"`{parameter.name}`: the default {default!r} is none of "
                                       f"{', '.join(map(repr, words))}")
    return VerilogAParameter(default, choices=tuple(dict.fromkeys(words)))


def _number(
    parameter: Parameter, name: str, steady: Pass, found: Declared, conditions: list[Condition]
) -> None:
    term = steady.converted(steady.value(parameter.default), parameter.kind)[0]
    if not term.fixed:
        raise refusal(parameter.place, f"the default of `{parameter.name}` depends on more than "
                                       "parameters")
    later = [t for t in term.free if t.value not in found.names]
    if later:
        raise refusal(parameter.place, f"the default of `{parameter.name}` depends on "
                                       f"`{later[0].value}`, which is declared later")
    default = float(evaluate(term, found.defaults_in_file))
    found.defaults_in_file[parameter.name] = default
    if not math.isfinite(default):
        raise refusal(parameter.place, f"the default of `{parameter.name}` is {default}")
    if term.free:
        found.dependent[name] = term
    t = steady.terms
    own = t.parameter(parameter.name)
    low, high = -math.inf, math.inf
    low_open = high_open = False
    excluded: list[float] = []
    for limit in parameter.limits:
        if limit.words or limit.low is None or limit.high is None:
            raise refusal(parameter.place, f"`{parameter.name}`: words are no range of a number")
        ends = [steady.number(limit.low), steady.number(limit.high)]
        if not all(e.fixed for e in ends):
            raise refusal(parameter.place, f"the range of `{parameter.name}` depends on more than "
                                           "parameters")
        known = [float(e.value) if e.op == "number" else None for e in ends]
        text = range_text(limit)
        single = limit.exclude and limit.low is limit.high
        if single and known[0] is not None:
            excluded.append(known[0])
        elif not limit.exclude and None not in known:
            if known[0] is not None and known[0] > low:
                low, low_open = known[0], limit.low_open
            if known[1] is not None and known[1] < high:
                high, high_open = known[1], limit.high_open
        else:
            above = t.compare(">" if limit.low_open else ">=", own, ends[0])
            under = t.compare("<" if limit.high_open else "<=", own, ends[1])
            holds = t.both(above, under)
            conditions.append(Condition(
                name, t.opposite(holds) if limit.exclude else holds,
                f"not {text}" if limit.exclude else text))
    sides = [o for o, end in ((low_open, low), (high_open, high)) if math.isfinite(end)]
    both = bool(sides) and all(sides)
    if not both:  # an open end beside a closed one: the next number
        low = math.nextafter(low, math.inf) if low_open and math.isfinite(low) else low
        high = math.nextafter(high, -math.inf) if high_open and math.isfinite(high) else high
    made = VerilogAParameter(
        default, parameter.attributes.get("units", parameter.attributes.get("unit", "")),
        low, high, both, (), parameter.kind == "integer", tuple(excluded),
        parameter.attributes.get("desc", parameter.attributes.get("info", "")),
    )
    try:
        made.read(parameter.name, default)
    except ValueError as error:
        raise refusal(parameter.place, f"the default is out of the range: {error}; give a value, "
                      f"fixed={{{parameter.name!r}: ...}}") from None
    found.parameters[name] = made
