"""Quantities that depend on the state of a cell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.array_api import Values, clip, interpolate, namespace
from ...core.errors import ParameterError
from ...core.validation import finite_array, number

__all__ = ["Logarithm", "Polynomial", "Table", "check_dependence", "evaluate"]


@dataclass(frozen=True)
class Polynomial:
    """c_0 + c_1 x + c_2 x^2 + ..., between `low` and `high`.

    Parameters
    ----------
    coefficients : sequence of float
        c_0 first.
    low, high : float
        Limits of the value.
    """

    coefficients: tuple[float, ...]
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        found = finite_array("coefficients", self.coefficients)
        if found.ndim != 1 or len(found) == 0:
            raise ParameterError(f"`coefficients` must be a row of numbers; got {found.shape}")
        object.__setattr__(self, "coefficients", tuple(map(float, found)))
        _check_limits(self.low, self.high)

    def __call__(self, x: Values) -> Values:
        """Return the value at x, shaped like x."""
        value = 0.0 * x + self.coefficients[-1]
        for c in self.coefficients[-2::-1]:
            value = value * x + c
        return _limited(value, self.low, self.high)


@dataclass(frozen=True)
class Logarithm:
    """a + b ln(x), between `low` and `high`.

    Parameters
    ----------
    a, b : float
    low, high : float
        Limits of the value; x is taken as at least 1e-6.
    """

    a: float
    b: float
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        number("a", self.a)
        number("b", self.b)
        _check_limits(self.low, self.high)

    def __call__(self, x: Values) -> Values:
        """Return the value at x, shaped like x."""
        value = self.a + self.b * namespace(x).log(clip(x, 1e-6))
        return _limited(value, self.low, self.high)


@dataclass(frozen=True)
class Table:
    """Measured values, linear between the points and constant outside.

    Parameters
    ----------
    x, values : sequence of float
        x rising, two points or more.
    """

    x: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        x, values = finite_array("x", self.x), finite_array("values", self.values)
        if x.ndim != 1 or x.shape != values.shape or len(x) < 2:
            raise ParameterError(
                f"`x` and `values` must be equally many numbers, at least 2; got {x.shape} and "
                f"{values.shape}"
            )
        if (np.diff(x) <= 0).any():
            raise ParameterError("`x` must rise")
        object.__setattr__(self, "x", tuple(map(float, x)))
        object.__setattr__(self, "values", tuple(map(float, values)))

    def __call__(self, x: Values) -> Values:
        """Return the value at x, shaped like x."""
        return interpolate(x, self.x, self.values)


def _check_limits(low: float, high: float) -> None:
    if not low <= high:
        raise ParameterError(f"`low` must be <= `high`; got {low!r} and {high!r}")


def _limited(value: Values, low: float, high: float) -> Values:
    return clip(value, low if low > -math.inf else None, high if high < math.inf else None)


def check_dependence(name: str, given: Any, *, low: float = -math.inf) -> None:
    """Refuse what is neither a number >= low nor callable."""
    if not callable(given):
        number(name, given, low=low)


def evaluate(given: Any, x: Values) -> Values:
    """Return the quantity at x: `given` itself where it is a number."""
    return given(x) if callable(given) else given
