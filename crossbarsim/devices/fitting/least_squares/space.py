"""The space in which a fit searches: an axis for each free parameter, with range and scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from ....core.errors import ParameterError
from ....core.settings import closest
from ....core.validation import Array, finite_array
from ...base import Device
from ...parameters import Parameter
from ..measured.sweeps import MeasuredSweep

__all__ = ["Axis", "Free", "axes_of", "to_values"]

Free: TypeAlias = Sequence[str] | Mapping[str, tuple[float, float] | None]

_FACTORS = {"eV": 3.0, "": 10.0, "m": 10.0, "K": 3.0, "1/V": 30.0, "A": 1e3, "V": 30.0}
_RATE, _USUAL = 1e4, 100.0
_WIDE = 20.0  # ranges over more than this factor are searched by the logarithm


@dataclass(frozen=True)
class Axis:
    """A free parameter: its range, and whether it is searched by its logarithm.

    The coordinate u is ln|value| on a logarithmic scale, else the value over `unit`.
    """

    name: str
    low: float
    high: float
    start: float
    scale: Literal["log", "linear"]
    unit: float = 1.0
    symbol: str = ""  # of the parameter's unit

    @property
    def sign(self) -> float:
        """Of the values: a range on a logarithmic scale has one."""
        return -1.0 if self.scale == "log" and self.high <= 0 else 1.0

    def coordinate(self, value: float) -> float:
        """Return u of a value."""
        return math.log(abs(value)) if self.scale == "log" else value / self.unit

    def value(self, u: float) -> float:
        """Return the value of u."""
        found = self.sign * math.exp(u) if self.scale == "log" else u * self.unit
        return float(min(max(found, self.low), self.high))

    def slope(self, value: float) -> float:
        """Return d(value)/du."""
        return value if self.scale == "log" else self.unit

    @property
    def bounds(self) -> tuple[float, float]:
        """Range of u."""
        a, b = self.coordinate(self.low), self.coordinate(self.high)
        return min(a, b), max(a, b)


def to_values(axes: Sequence[Axis], u: Array) -> dict[str, float]:
    """Return the parameters at the point u."""
    return {axis.name: axis.value(float(x)) for axis, x in zip(axes, u, strict=True)}


def axes_of(device: Device, free: Free, sweeps: Sequence[MeasuredSweep]) -> tuple[Axis, ...]:
    """Return the axes of free parameters, in the order in which the model declares them.

    Raises
    ------
    ParameterError
        No parameter, one that the model does not have, a word, an empty range, or one that needs
        a range because neither its value nor its unit gives one.
    """
    declared = device._declared  # noqa: SLF001 - the model's declaration
    title = type(device).__name__
    if not isinstance(free, (Mapping, list, tuple)) or not free:
        raise ParameterError(f"`free` must name parameters of {title}; got {free!r}")
    for name in free:
        if not isinstance(name, str) or name not in declared:
            raise ParameterError(
                f"`free`: {title} has no parameter `{name}`{closest(str(name), declared)}"
            )
        if declared[name].choices:
            raise ParameterError(
                f"`{name}` is a word: compare fits with `fixed={{'{name}': ...}}` instead"
            )
    if len(set(free)) < len(free):
        raise ParameterError(f"`free` names a parameter twice: {', '.join(free)}")
    given: Mapping[str, Any] = free if isinstance(free, Mapping) else {}
    return tuple(
        _axis(title, name, p, float(getattr(device, name)), given.get(name), sweeps)
        for name, p in declared.items() if name in free
    )


def _axis(
    title: str, name: str, declared: Parameter, start: float, given: Any,
    sweeps: Sequence[MeasuredSweep],
) -> Axis:
    if given is None:
        low, high = _usual(title, name, declared, start, sweeps)
    else:
        ends = finite_array(f"free[{name!r}]", given)
        if ends.shape != (2,) or not ends[0] < ends[1]:
            raise ParameterError(f"`free[{name!r}]` must be (low, high), low < high; got {given!r}")
        low, high = map(float, ends)
        beyond = low < declared.low or high > declared.high
        if beyond and low < declared.high and high > declared.low:  # not as a whole, see below
            raise ParameterError(
                f"`free[{name!r}]`: the range, {low:g} to {high:g} {declared.unit}, reaches beyond "
                f"the parameter's limits, {declared.low:g} to {declared.high:g} {declared.unit}: "
                "end it there"
            )
        if declared.open and (low == declared.low or high == declared.high):
            word, end = ("begins", low) if low == declared.low else ("ends", high)
            raise ParameterError(
                f"`free[{name!r}]`: the range {word} at {end:g} {declared.unit}, which `{name}` "
                f"itself cannot be; let it {word[:-1]} {'above' if word == 'begins' else 'below'}"
            )
    inner_low, inner_high = declared.low, declared.high
    if declared.open:  # values of the end itself are refused
        inner_low += 1e-300 + 1e-12 * abs(inner_low)
        inner_high -= 1e-12 * abs(inner_high) if math.isfinite(inner_high) else 0.0
    low, high = max(low, inner_low), min(high, inner_high)
    if not low < high:
        raise ParameterError(
            f"`free[{name!r}]`: the range is outside of the parameter's limits, "
            f"{declared.low:g} to {declared.high:g} {declared.unit}"
        )
    logarithmic = low * high > 0 and max(abs(low), abs(high)) > _WIDE * min(abs(low), abs(high))
    # on a scale of its own, numbers of all parameters are alike
    unit = 1.0 if logarithmic else max(abs(low), abs(high))
    start = min(max(start, low), high)
    return Axis(
        name, low, high, start, "log" if logarithmic else "linear", unit, declared.unit
    )


def _usual(
    title: str, name: str, declared: Parameter, start: float, sweeps: Sequence[MeasuredSweep]
) -> tuple[float, float]:
    """Return the range of a parameter for which none is given."""
    low, high, unit = declared.low, declared.high, declared.unit
    if math.isfinite(low) and math.isfinite(high) and low * high <= 0 and not declared.open:
        return low, high  # a share
    sign = 1.0 if low >= 0 else (-1.0 if high <= 0 else 0.0)
    if unit == "V" and sign:
        top = max(float(np.max(sign * s.v)) for s in sweeps)
        if top <= 0:
            top = max(float(np.max(np.abs(s.v))) for s in sweeps)
        ends = [0.02 * top, 1.2 * top]
    elif unit == "ohm" and sign:
        ends = _resistances(sweeps)
    elif start == 0:
        raise ParameterError(
            f"{title}: `{name}` is 0 {unit}: say between which values it is to be searched, "
            f"`free={{'{name}': (low, high), ...}}`"
        )
    else:
        rate = unit.endswith("/s") or "/(" in unit
        factor = _RATE if rate else _FACTORS.get(unit, _USUAL)
        if not sign:
            size = 3.0 * abs(start)
            return start - size, start + size
        ends = [abs(start) / factor, abs(start) * factor]
    if unit != "ohm" and start != 0:  # what the model has is searched, too
        ends = [min(ends[0], abs(start) / 1.5), max(ends[1], abs(start) * 1.5)]
    return (ends[0], ends[1]) if sign > 0 else (-ends[1], -ends[0])


def _resistances(sweeps: Sequence[MeasuredSweep]) -> list[float]:
    """Return a tenth of the smallest and ten times the largest resistance measured."""
    found = []
    for s in sweeps:
        good = (np.abs(s.v) > 0.05 * np.abs(s.v).max()) & (s.v * s.i > 0)
        found.append(s.v[good] / s.i[good])
    every = np.concatenate(found)
    if not every.size:
        return [1.0, 1e12]
    return [0.1 * float(np.quantile(every, 0.01)), 10.0 * float(np.quantile(every, 0.99))]
