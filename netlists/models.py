"""Model cards made in Python, and what an element may say beside its model: all checked."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from ..core.errors import ParameterError
from ..core.units import spice_number
from .device_protocol import model as device_model
from .elements import Model, Value
from .osdi.values import instance_values
from .spice.cards import CANONICAL, CARDS, Foundry, card, levels_of

__all__ = ["find_model", "make_model", "own_parameters"]


def _plain(name: str) -> str:
    """Return a parameter's name: Python's own words have an underscore behind them."""
    return name.lower().removesuffix("_")


def _near(name: str, known: Collection[str]) -> str:
    """Return the end of a sentence about an unknown name; empty where nothing is known."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(sorted(known))}" if known else ""


def make_model(
    name: str, kind: str, level: int | str, parameters: Mapping[str, Any]
) -> Model:
    """Return a model card; see `Circuit.model`."""
    found: dict[str, float | str] = {}
    if kind in CARDS:
        try:
            table = card(kind, level)
        except KeyError:
            raise ParameterError(
                f"`level` of {kind} must be one of {levels_of(kind)}; got {level!r}"
            ) from None
        for given, value in parameters.items():
            plain = table.aliases.get(_plain(given), _plain(given))
            if plain not in table.parameters:
                raise ParameterError(
                    f"a {table.title} has no parameter {given!r}{_near(plain, table.parameters)}"
                )
            text = isinstance(table, Foundry) and plain in table.texts
            found[plain] = str(value) if text else spice_number(given, value)
        module = table.module if isinstance(table, Foundry) else None
        return Model(name, CANONICAL.get(kind, kind), level, found, module=module)
    own = dict(parameters)
    preset = own.pop("preset", None)
    device = device_model(kind)
    # made only to check them
    _ = device(**own) if preset is None else device.preset(preset, **own)
    found = {n: v if isinstance(v, str) else spice_number(n, v) for n, v in own.items()}
    if preset is not None:
        found["preset"] = str(preset)
    return Model(name, kind, 1, found)


def find_model(
    models: Mapping[str, Model], element: str, name: str, kinds: Collection[str]
) -> Model:
    """Return the model `name` of an element that takes `kinds`; with none of them memristors."""
    key = name.lower()
    found = models.get(key)
    if found is None:
        raise ParameterError(f"{element}: the circuit has no model {name!r}"
                             f"{_near(key, models)}; add it first, with `model`")
    if found.kind not in kinds and not (not kinds and found.kind not in CARDS):
        raise ParameterError(f"{element}: the model {name!r} is of kind {found.kind}")
    return found


def own_parameters(
    element: str, letter: str, model: Model, parameters: Mapping[str, Any]
) -> tuple[tuple[str, Value | str], ...]:
    """Return what an element says beside its model, such as ``area=2``."""
    allowed: tuple[str, ...]
    if model.module is not None and model.kind not in CARDS:
        own = {_plain(name): value for name, value in parameters.items()}
        return tuple(instance_values(model.module, own, whose=element).items())
    if model.kind in CARDS:
        allowed = card(model.kind, model.level).instance
        allowed += ("off",) if letter in "DQJM" and "off" not in allowed else ()
    else:
        device = device_model(model.kind)()
        names = (*device.state_names, *device.parameters())
        allowed = (*(str(n).lower() for n in names), "conductance", "m")
    values: list[tuple[str, Value | str]] = []
    for given, value in parameters.items():
        plain = _plain(given)
        if plain not in allowed:
            raise ParameterError(f"{element} has no parameter {given!r}{_near(plain, allowed)}")
        values.append((plain, 1.0 if value is True else spice_number(given, value)))
    return tuple(values)
