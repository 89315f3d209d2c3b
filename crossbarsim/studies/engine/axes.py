"""What varies in a study: grids, values side by side, lists of points, samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...core.errors import ParameterError
from ...core.settings import Settings, checks_arguments, read_plain
from ...core.validation import as_float, shown
from ...core.validation import count as whole
from ..results.dataset import Dimension, unit_of

__all__ = ["Axis", "Listed", "Sampled", "Zipped", "dimensions_of"]


@checks_arguments
@dataclass(frozen=True)
class Axis(Settings):
    """Values of one dimension of a grid; each sets the same in one field or in several.

    Parameters
    ----------
    values : sequence
        Numbers, words, tuples, or records of settings; a mapping gives each a name.
    fields : str or sequence of str, optional
        Dotted names of the fields that get the value; default: the name of the axis.
    unit : str
        Default: that of the field, where it is known.

    Examples
    --------
    >>> from crossbarsim.studies import Axis
    >>> ohm = Axis([0.0, 1.0, 5.0], fields=("wires.word", "wires.bit"), unit="ohm")
    """

    values: Any
    fields: str | Sequence[str] = ()
    unit: str = ""

    def dimension(self, name: str) -> tuple[Dimension, list[dict[str, Any]]]:
        """Return the dimension, and the fields to set at every place of it."""
        named = isinstance(self.values, Mapping)
        values = _values(name, list(self.values.values()) if named else self.values)
        fields = _fields(self.fields, name)
        shown_as = list(self.values) if named else values
        units = {name: self.unit} if self.unit else {}
        if not units and fields != (name,):
            units = _known_units(name, fields)
        return Dimension(name, {name: shown_as}, units), [dict.fromkeys(fields, v) for v in values]


@checks_arguments
@dataclass(frozen=True)
class Zipped(Settings):
    """Fields that change together: one dimension, several coordinates.

    Parameters
    ----------
    values : mapping of str to sequence
        Dotted name of a field -> its values, all of one length.

    Examples
    --------
    >>> from crossbarsim.studies import Zipped
    >>> node = Zipped({"wires.word": [1.0, 4.0], "tile_shape": [(128, 128), (64, 64)]})
    """

    values: Mapping[str, Any]

    def dimension(self, name: str) -> tuple[Dimension, list[dict[str, Any]]]:
        """Return the dimension, and the fields to set at every place of it."""
        each = {key: _values(key, v) for key, v in self.values.items()}
        if not each:
            raise ParameterError(f"axis {name!r} has no field")
        counts = {key: len(v) for key, v in each.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{key}: {n}" for key, n in counts.items())
            raise ParameterError(f"axis {name!r}: its fields have not equally many values ({told})")
        rows = [dict(zip(each, row, strict=True)) for row in zip(*each.values(), strict=True)]
        return Dimension(name, each), rows


@checks_arguments
@dataclass(frozen=True)
class Listed(Settings):
    """Points one by one: one dimension.

    Parameters
    ----------
    points : sequence of mapping
        Of every point: dotted name of a field -> value. All name the same fields.

    Examples
    --------
    >>> from crossbarsim.studies import Listed
    >>> corners = Listed([{"wires.word": 1.0, "g_on": 1e-4}, {"wires.word": 5.0, "g_on": 5e-5}])
    """

    points: Sequence[Any]

    def dimension(self, name: str) -> tuple[Dimension, list[dict[str, Any]]]:
        """Return the dimension, and the fields to set at every place of it."""
        rows = [dict(p) if isinstance(p, Mapping) else p for p in self.points]
        if not rows or not all(isinstance(r, dict) and r for r in rows):
            raise ParameterError(f"axis {name!r} must be a list of points, each a mapping of "
                                 f"fields to values; got {shown(self.points)}")
        first = set(rows[0])
        for k, row in enumerate(rows):
            if set(row) != first:
                odd = sorted(first ^ set(row))
                raise ParameterError(
                    f"axis {name!r}: point {k} and the first do not name the same fields: "
                    f"{', '.join(map(str, odd))}"
                )
        each = {key: _values(key, [row[key] for row in rows]) for key in rows[0]}
        return Dimension(name, each), [
            {key: values[k] for key, values in each.items()} for k in range(len(rows))]


@checks_arguments
@dataclass(frozen=True)
class Sampled(Settings):
    """Points drawn from ranges: one dimension.

    Parameters
    ----------
    ranges : mapping of str to (low, high) or sequence
        Dotted name of a field -> two numbers, the ends of its range; or three or more values, or
        words, of which each is drawn equally often. Integers stay integers.
    count : int
        Points; a power of two suits Sobol's sequence.
    method : {"sobol", "latin-hypercube", "random"}
        Scrambled Sobol points or a Latin hypercube (`scipy.stats.qmc`), which fill the space more
        evenly than random ones.
    seed : int
    log : sequence of str
        Fields whose logarithm is drawn evenly.

    Examples
    --------
    >>> from crossbarsim.studies import Sampled
    >>> axis = Sampled({"wires.word": (0.1, 10.0), "g_on": (1e-5, 1e-4)}, 8, log=("g_on",))
    >>> rows = axis.dimension("sample")[1]
    >>> len(rows), 0.1 <= rows[0]["wires.word"] <= 10.0
    (8, True)
    """

    ranges: Mapping[str, Any]
    count: int
    method: Literal["sobol", "latin-hypercube", "random"] = "sobol"
    seed: int = 0
    log: Sequence[str] = ()

    def dimension(self, name: str) -> tuple[Dimension, list[dict[str, Any]]]:
        """Return the dimension, and the fields to set at every place of it."""
        whole("count", self.count)
        whole("seed", self.seed, low=0)
        if not self.ranges:
            raise ParameterError(f"axis {name!r} has no range")
        for field_name in self.log:
            if field_name not in self.ranges:
                raise ParameterError(f"`log` of axis {name!r} names {field_name!r}, which has no "
                                     f"range")
        unit = self._unit_points(len(self.ranges))
        each = {
            key: _stretched(key, unit[:, k], given, log=key in self.log)
            for k, (key, given) in enumerate(self.ranges.items())
        }
        return Dimension(name, each), [
            {key: values[k] for key, values in each.items()} for k in range(self.count)]

    def _unit_points(self, dims: int) -> Any:
        """Return points (count, dims) in [0, 1)."""
        from scipy.stats import qmc  # noqa: PLC0415 - slow to import

        # by the name that every SciPy of ours takes
        rng = np.random.default_rng(self.seed)
        if self.method == "random":
            return rng.random((self.count, dims))
        if self.method == "latin-hypercube":
            return qmc.LatinHypercube(dims, seed=rng).random(self.count)
        engine = qmc.Sobol(dims, seed=rng)
        # whole powers of two are drawn, which keeps the sequence balanced and SciPy quiet
        return engine.random_base2((self.count - 1).bit_length())[: self.count]


def _stretched(name: str, unit: Any, given: Any, *, log: bool) -> list[Any]:
    """Return numbers in [0, 1) as values of a range or of a choice."""
    ends = _values(name, given)
    reals = [as_float(v) for v in ends]
    if len(ends) != 2 or None in reals:
        return [ends[int(u * len(ends))] for u in unit]
    low, high = (float(r) for r in reals if r is not None)
    if not low < high:
        raise ParameterError(f"the range of {name!r} must rise; got {shown(given)}")
    if log and low <= 0:
        raise ParameterError(f"the range of {name!r} must be above 0 for its logarithm")
    whole_numbers = all(isinstance(v, (int, np.integer)) for v in ends)
    if whole_numbers and not log:
        return [int(low + np.floor(u * (high - low + 1))) for u in unit]
    if log:
        values = [float(low * (high / low) ** u) for u in unit]
    else:
        values = [float(low + u * (high - low)) for u in unit]
    return [round(v) for v in values] if whole_numbers else values


def dimensions_of(axes: Any) -> list[tuple[Dimension, list[dict[str, Any]]]]:
    """Return the dimensions of a study, and what every place of each of them sets.

    Parameters
    ----------
    axes : mapping, or an axis
        Name -> values, `Axis`, `Zipped`, `Listed` or `Sampled`; or one of these alone. A key of
        several names, a tuple, is for values side by side, or one value for all of them.

    Raises
    ------
    ParameterError
        No axis, an empty one, two that set the same field, or a value twice.
    """
    if isinstance(axes, (Zipped, Listed)):
        axes = {"point": axes}
    elif isinstance(axes, Sampled):
        axes = {"sample": axes}
    if not isinstance(axes, Mapping) or not axes:
        raise ParameterError(
            "`axes` must be a mapping of names to values, or Zipped, Listed or Sampled; got "
            f"{shown(axes)}"
        )
    found: list[tuple[Dimension, list[dict[str, Any]]]] = []
    setters: dict[str, str] = {}
    for key, given in axes.items():
        name, axis = _named_axis(key, given)
        if not name or name in ("seed", "status"):
            raise ParameterError(f"no axis may be called {name!r}: chips are `seeds`")
        dimension, rows = axis.dimension(name)
        for one in rows[0]:
            if one in setters:
                raise ParameterError(f"{one!r} is set by the axes {setters[one]!r} and {name!r}")
            setters[one] = name
        told = [repr(sorted((k, repr(v)) for k, v in row.items())) for row in rows]
        if len(set(told)) < len(told):
            twice = next(k for k, t in enumerate(told) if t in told[:k])
            raise ParameterError(f"axis {name!r} has a value twice: {shown(rows[twice])}")
        taken = {c for other, _ in found for c in (other.name, *other.coordinates)}
        clash = taken & {dimension.name, *dimension.coordinates}
        if clash:
            raise ParameterError(f"two axes are called {min(clash)!r}")
        found.append((dimension, rows))
    return found


def _named_axis(key: Any, given: Any) -> tuple[str, Any]:
    if isinstance(key, tuple):
        names = tuple(map(str, key))
        if isinstance(given, (Axis, Zipped, Listed, Sampled)):
            raise ParameterError(f"an axis of several names, {names!r}, must have plain values")
        values = _values(", ".join(names), given)
        name = names[0]
        # one value for all fields, or one for each
        if all(isinstance(v, (tuple, list)) and len(v) == len(names) for v in values):
            each = zip(*values, strict=True)
            return ", ".join(names), Zipped(dict(zip(names, map(list, each), strict=True)))
        return name, Axis(values, fields=names)
    if isinstance(given, (Axis, Zipped, Listed, Sampled)):
        return str(key), given
    return str(key), Axis(given)


def _fields(given: str | Sequence[str], name: str) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else (name,)
    return tuple(given) or (name,)


def _known_units(name: str, fields: Sequence[str]) -> dict[str, str]:
    units = {unit_of(one) for one in fields}
    return {name: units.pop()} if len(units) == 1 and "" not in units else {}


def _values(name: str, given: Any) -> list[Any]:
    """Return the values of an axis: numbers of Python, tuples for lists."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(
        given, (Sequence, np.ndarray, range)
    ):
        raise ParameterError(f"the values of axis {name!r} must be a list; got {shown(given)}")
    values = [_plain_value(v, f"{name}[{k}]") for k, v in enumerate(given)]
    if not values:
        raise ParameterError(f"axis {name!r} has no value")
    return values


def _plain_value(value: Any, path: str) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)) or (isinstance(value, Mapping) and "type" in value):
        return read_plain(value, path)
    return value
