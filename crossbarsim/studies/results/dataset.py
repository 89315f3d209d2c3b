"""Points to an `xarray.Dataset`: dimensions with their coordinates, measures with their units."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from ...core.settings import plain
from ...core.validation import as_float

__all__ = [
    "DONE", "FAILED", "MISSING", "SEED", "STATUS", "STOPPED", "Dimension", "Variable",
    "coordinate", "dataset_of", "label", "unit_of",
]

STATUS, SEED = "status", "seed"
DONE, FAILED, STOPPED, MISSING = range(4)
"""Of a point: measured; raised an error; left out by the rule that ends branches; not yet there."""

_UNITS = {
    "accuracy": "1", "agreement": "1", "area": "m^2", "bit": "ohm", "bit_capacitance": "F",
    "current": "A", "driver": "ohm", "driver_resistance": "ohm", "energy": "J", "frequency": "Hz",
    "full_scale": "A", "g_off": "S", "g_on": "S", "given_at": "K", "latency": "s",
    "output_error": "1", "power": "W", "r_off": "ohm", "r_off_sigma": "1", "r_on": "ohm",
    "r_on_sigma": "1", "read_voltage": "V", "resistance": "ohm", "sense": "ohm", "stuck_off": "1",
    "stuck_on": "1", "temperature": "K", "time": "s", "voltage": "V", "word": "ohm",
    "word_capacitance": "F",
}


def unit_of(name: str) -> str:
    """Return the unit of a field or measure by the last part of its name; empty: not known.

    Examples
    --------
    >>> from crossbarsim.studies.results.dataset import unit_of
    >>> unit_of("wires.word"), unit_of("tile_shape")
    ('ohm', '')
    """
    return _UNITS.get(name.rpartition(".")[2], "")


def label(value: Any) -> str:
    """Return how an axis calls a value that is no number.

    Examples
    --------
    >>> from crossbarsim.studies.results.dataset import label
    >>> label((128, 64)), label(None), label(0.5)
    ('128x64', 'none', '0.5')
    """
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    real = as_float(value)
    if real is not None:
        return f"{value:d}" if isinstance(value, (int, np.integer)) else f"{real:g}"
    if isinstance(value, (tuple, list)) and value and all(as_float(v) is not None for v in value):
        return "x".join(f"{v:g}" for v in value)
    told = plain(value)
    if isinstance(told, dict):
        kind = told.pop("type", type(value).__name__)
        inner = ", ".join(f"{k}={json.dumps(v)}" for k, v in told.items() if v is not None)
        return f"{kind}({inner})"
    return told if isinstance(told, str) else json.dumps(told)


def coordinate(values: Sequence[Any]) -> Any:
    """Return the values of an axis as an array: numbers as they are, others by their labels.

    Labels that two values share get a number.
    """
    if all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values) and all(
        abs(int(v)) < 2**53 for v in values
    ):
        return np.array([int(v) for v in values], dtype=np.int64)
    reals = [as_float(v) for v in values]
    if all(r is not None for r in reals) and all(isinstance(v, (float, np.floating)) or
                                                 abs(int(v)) < 2**53 for v in values):
        return np.array(reals, dtype=np.float64)
    names = [label(v) for v in values]
    many = {n for n in names if names.count(n) > 1} if len(set(names)) < len(names) else set()
    keys = [json.dumps(plain(v), sort_keys=True) for v in values] if many else []
    seen: dict[str, dict[str, int]] = {}
    told = []
    for k, name in enumerate(names):
        if name in many:
            which = seen.setdefault(name, {})
            number = which.setdefault(keys[k], len(which) + 1)
            told.append(name if number == 1 else f"{name} #{number}")
        else:
            told.append(name)
    return np.array(told, dtype=np.str_)


@dataclass(frozen=True)
class Dimension:
    """One dimension of a study: its name, and what varies along it.

    Parameters
    ----------
    name : str
    coordinates : mapping of str to sequence
        Field -> its value at every place along the dimension.
    units : mapping of str to str
        Of the fields, where they are known.
    """

    name: str
    coordinates: Mapping[str, Sequence[Any]]
    units: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.coordinates.values())))


@dataclass
class Variable:
    """What one measure gave, by place: numbers, or arrays of one shape.

    Parameters
    ----------
    unit : str
    dims : tuple of str
        Of arrays, their own axes; made up where they are not given.
    """

    unit: str = ""
    dims: tuple[str, ...] = ()


def dataset_of(
    dimensions: Sequence[Dimension], status: Any, values: Mapping[str, Mapping[int, Any]],
    variables: Mapping[str, Variable], attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Return the dataset of a study.

    Parameters
    ----------
    dimensions : sequence of Dimension
        The points are their product, the last one fastest.
    status : array of int8
        Of every point, flat.
    values : mapping
        Measure -> number of the point -> number or array. Arrays of several shapes are filled up
        with NaN.
    variables : mapping of str to Variable
        What is known of the measures.
    attributes : mapping
        Of the dataset; all but strings and numbers are written as JSON.
    """
    names = tuple(d.name for d in dimensions)
    shape = tuple(len(d) for d in dimensions)
    coordinates: dict[str, Any] = {}
    for one in dimensions:
        for name, along in one.coordinates.items():
            unit = one.units.get(name) or unit_of(name)
            attrs = {"long_name": name.replace("_", " "), **({"units": unit} if unit else {})}
            coordinates[name] = xr.Variable((one.name,), coordinate(along), attrs)
    found: dict[str, Any] = {}
    for name, by_place in values.items():
        about = variables.get(name, Variable())
        unit = about.unit or unit_of(name)
        attrs = {"long_name": name.replace("_", " "), **({"units": unit} if unit else {})}
        array, extra = _filled(shape, by_place)
        dims = about.dims if len(about.dims) == extra else tuple(
            f"{name}_{k}" for k in range(extra))
        found[name] = xr.Variable((*names, *dims), array, attrs)
    found[STATUS] = xr.Variable(names, np.asarray(status, dtype=np.int8).reshape(shape), {
        "long_name": "status of the point", "flag_values": [DONE, FAILED, STOPPED, MISSING],
        "flag_meanings": "done failed stopped missing",
    })
    told = {
        key: value if isinstance(value, (str, int, float)) else json.dumps(value)
        for key, value in attributes.items()
    }
    return xr.Dataset(found, coordinates, told)


def _filled(shape: tuple[int, ...], by_place: Mapping[int, Any]) -> tuple[Any, int]:
    """Return an array of all places, NaN where there is nothing, and how many axes are its own."""
    count = int(np.prod(shape, dtype=np.int64))
    arrays = {k: np.asarray(v) for k, v in by_place.items()}
    extra = max((a.ndim for a in arrays.values()), default=0)
    inner = tuple(
        max((a.shape[k] if a.ndim == extra else 1) for a in arrays.values()) for k in range(extra)
    )
    whole = np.full((count, *inner), np.nan)
    for k, array in arrays.items():
        own = array.reshape(array.shape if array.ndim == extra else (1,) * extra + array.shape)
        index: Any = (k, *(slice(n) for n in own.shape))
        whole[index] = own
    return whole.reshape(*shape, *inner), extra
