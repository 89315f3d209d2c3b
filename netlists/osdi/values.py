"""Parameters of models and instances as cards and elements give them: checked, and sorted."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import Any

from ...core.errors import ParameterError
from ...core.units import spice_number
from .module import Module, Parameter

__all__ = ["ELEMENT", "HIDDEN", "instance_values", "key_of", "model_values", "names_of_instance",
           "plain_names"]

HIDDEN = "allow_hidden_state"
"""What a card says that runs a module although it keeps values from one evaluation to the next."""
ELEMENT = ("m", "temp", "dtemp")
"""What every element may say besides: how many are in parallel, Celsius, a difference to it."""


def key_of(module: Module, p: Parameter) -> str:
    """Return the parameter's name as elements and cards keep it: lower case where that says all."""
    low = p.name.lower()
    return low if module.parameter(low) is p else p.name


def model_values(
    module: Module, given: Mapping[str, Any], *, whose: str = ""
) -> dict[str, float | str]:
    """Return the parameters of a model card, each a number or a text.

    Raises
    ------
    ParameterError
        The module has no such parameter, or another type of it.
    """
    found: dict[str, float | str] = {}
    for name, value in given.items():
        if name == HIDDEN:
            found[name] = float(bool(value))
            continue
        p = module.parameter(name, whose=whose)
        found[key_of(module, p)] = _value(p, value, whose)
    return found


@cache
def plain_names(module: Module) -> tuple[str, ...]:
    """Return those of `ELEMENT` that are no parameters of the module's own."""
    own = {n.lower() for p in module.parameters for n in (p.name, *p.aliases)}
    return tuple(n for n in ELEMENT if n not in own)


@cache
def names_of_instance(module: Module) -> tuple[str, ...]:
    """Return what an element may say: parameters of instances, and `plain_names`."""
    own = [n.lower() for p in module.parameters if p.kind == "instance"
           for n in (p.name, *p.aliases) if not n.startswith("$")]
    return (*own, *plain_names(module))


def instance_values(
    module: Module, given: Mapping[str, Any], *, whose: str = ""
) -> dict[str, float | str]:
    """Return the parameters that stand at an element, each a number or a text.

    Raises
    ------
    ParameterError
        As `model_values`; or it is a parameter of the model.
    """
    allowed = names_of_instance(module)
    found: dict[str, float | str] = {}
    front = f"{whose}: " if whose else ""
    for name, value in given.items():
        low = name.lower()
        if low in plain_names(module):
            found[low] = spice_number(name, value)
            continue
        if low == "$mfactor":
            found["m"] = spice_number(name, value)
            continue
        if low not in allowed:
            try:
                of_model = module.parameter(name).kind == "model"
            except ParameterError:
                of_model = False
            if of_model:
                raise ParameterError(
                    f"{front}`{name}` is a parameter of the model, not of an element: put it into "
                    "the model card")
            near = difflib.get_close_matches(low, allowed, 1)
            hint = f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(allowed)}"
            raise ParameterError(f"{front}there is no parameter `{name}`{hint}")
        p = module.parameter(name)
        found[key_of(module, p)] = _value(p, value, whose)
    if found.get("m", 1.0) <= 0 and "m" in found:  # type: ignore[operator]
        raise ParameterError(f"{front}`m` must be > 0; got {found['m']}")
    return found


def _value(p: Parameter, value: Any, whose: str) -> float | str:
    if p.type == "string":
        if not isinstance(value, str):
            front = f"{whose}: " if whose else ""
            raise ParameterError(f"{front}`{p.name}` must be a text; got {value!r}")
        return value
    return spice_number(p.name, value)
