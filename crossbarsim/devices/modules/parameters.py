"""A module's parameters as those of a device: read, checked by name, given back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.settings import closest
from ...core.validation import Array, finite_array
from ...netlists.osdi import Module, load_osdi, load_verilog_a
from ..parameters import Parameter

__all__ = [
    "declared", "every", "kelvin", "open_module", "plain", "read_parameters", "shape_of", "shown",
    "spread",
]

_KELVIN = 300.15
TAKEN = ("path", "module", "states", "temperature", "polarity", "read_voltage")


def open_module(path: str | Path, module: str | None) -> Module:
    """Return a module of a library (``.osdi``) or of a Verilog-A source, which is compiled."""
    library = load_osdi(path) if str(path).lower().endswith(".osdi") else load_verilog_a(path)
    return library.module(module)


def declared(module: Module) -> dict[str, Parameter]:
    """Return the numbers among a module's parameters, by the names under which they are given."""
    own = {"temperature": Parameter(_KELVIN, "K", 0.0, open=True)}
    return own | {
        _given_as(p.name): Parameter(np.nan if p.default is None else float(p.default), p.units)
        for p in module.parameters if p.type != "string" and not p.name.startswith("$")
        and not p.length
    }


def _given_as(name: str) -> str:
    return f"{name}_" if name.lower() in TAKEN else name


def read_parameters(
    module: Module, given: Mapping[str, Any], whose: str
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return numbers and words by the names that the module has for them.

    Raises
    ------
    ParameterError
        An unknown name, or a value of another kind than the module's.
    """
    values: dict[str, Array] = {}
    words: dict[str, str] = {}
    known = {name.lower(): p for p in module.parameters for name in (p.name, *p.aliases)}
    known |= {f"{name}_": p for name, p in known.items() if name in TAKEN}
    for name, value in given.items():
        record = known.get(name.lower())
        if record is None:
            raise ParameterError(
                f"{whose} has no parameter `{name}`{closest(name.lower(), known)}"
            )
        own = _given_as(record.name)
        if own in values or own in words:
            raise ParameterError(f"{whose}: `{name}` and another name of it are both given")
        if record.length:
            raise ParameterError(f"{whose}: `{name}` is an array, which cells do not take")
        if record.type == "string":
            if not isinstance(value, str):
                raise ParameterError(f"{whose}: `{name}` is a word; got {value!r}")
            words[own] = value
            continue
        array = finite_array(name, value)
        if not array.size:
            raise ParameterError(f"`{name}` must be a number, or one for each device; got none")
        if record.type == "integer" and np.any(array != np.round(array)):
            raise ParameterError(f"{whose}: `{name}` is a whole number; got {value!r:.60}")
        values[own] = array
    return values, words


def kelvin(temperature: ArrayLike) -> Array:
    """Return temperatures, kelvin, or raise a `ParameterError`."""
    found = finite_array("temperature", temperature)
    if np.any(found <= 0.0):
        raise ParameterError(f"`temperature` must be > 0 K; got {float(np.min(found)):g}")
    return found


def shape_of(values: Mapping[str, Array], whose: str) -> tuple[int, ...]:
    """Return the common shape of all values."""
    try:
        return np.broadcast_shapes(*(v.shape for v in values.values()))
    except ValueError:
        shapes = ", ".join(f"{n} {v.shape}" for n, v in values.items() if v.ndim)
        raise ParameterError(f"{whose}: parameters of different shapes: {shapes}") from None


def spread(values: Mapping[str, Array], shape: tuple[int, ...]) -> dict[str, Array]:
    """Return values by the module's own names, arrays in one shape, the temperature as "$"."""
    found = {}
    for name, value in values.items():
        own = name[:-1] if name.endswith("_") and name[:-1].lower() in TAKEN else name
        own = "$" if name == "temperature" else own
        found[own] = np.broadcast_to(value, shape) if value.ndim else value
    return found


def plain(values: Mapping[str, Array]) -> dict[str, Any]:
    """Return values as they were given: numbers, or arrays of one per device."""
    return {n: v if v.ndim else float(v) for n, v in values.items()}


def every(
    known: Mapping[str, Parameter], values: Mapping[str, Array], words: Mapping[str, str]
) -> dict[str, Any]:
    """Return every parameter by name: what was given, else its default.

    Those whose defaults depend on others are not a number where they are not given.
    """
    return {**{n: p.default for n, p in known.items()}, **plain(values), **words}


def shown(values: Mapping[str, Array]) -> list[str]:
    """Return the arguments of a `repr`."""
    return [
        f"{name}={value.tolist()!r:.60}" for name, value in values.items()
        if name != "temperature" or np.any(value != _KELVIN)
    ]
