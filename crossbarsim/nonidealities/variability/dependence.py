"""Quantities that depend on the conductance of a cell."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ...core.array_api import Values, clip, interpolate, namespace
from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import finite_array, number

__all__ = [
    "Dependence", "Logarithm", "Piecewise", "Polynomial", "Saturation", "Table", "check_dependence",
    "evaluate",
]

Dependence: TypeAlias = float | Callable[[Values], Values]
"""A number, or a function of the conductance over the largest, shaped like it."""


@dataclass(frozen=True)
class Polynomial(Settings):
    """The polynomial c_0 + c_1 x + c_2 x^2 + ..., limited to `low` and `high`.

    Parameters
    ----------
    coefficients : sequence of float
        c_0 first.
    low, high : float
        Limits of the value.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Polynomial, WriteNoise
    >>> sigma = Polynomial((0.01, 0.05, -0.04))
    >>> sigma(np.array([0.0, 0.5, 1.0])).round(3)
    array([0.01 , 0.025, 0.02 ])
    >>> noise = WriteNoise(sigma, of="maximum")  # of the largest conductance, by G / g_max
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
        """Return the value at x, in the shape of x, an array or a tensor."""
        value = 0.0 * x + self.coefficients[-1]
        for c in self.coefficients[-2::-1]:
            value = value * x + c
        return _limited(value, self.low, self.high)


@dataclass(frozen=True)
class Logarithm(Settings):
    """The logarithmic law a + b ln(x), limited to `low` and `high`.

    Parameters
    ----------
    a, b : float
    low, high : float
        Limits of the value; x is taken as at least 1e-6.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import ConductanceDrift, Logarithm
    >>> nu = Logarithm(0.0244, -0.0155, low=0.049, high=0.1)
    >>> nu(np.array([0.01, 0.1, 1.0])).round(3)
    array([0.096, 0.06 , 0.049])
    >>> drift = ConductanceDrift(time=3600.0, nu=nu)
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
        """Return the value at x, in the shape of x, an array or a tensor."""
        value = self.a + self.b * namespace(x).log(clip(x, 1e-6))
        return _limited(value, self.low, self.high)


@dataclass(frozen=True)
class Saturation(Settings):
    """The saturating law size (1 - exp(-x / scale)).

    Parameters
    ----------
    size : float
    scale : float
        > 0.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Saturation, WriteNoise
    >>> sigma = Saturation(0.02, 0.2)
    >>> sigma(np.array([0.0, 0.2, 1.0])).round(3)
    array([0.   , 0.013, 0.02 ])
    >>> noise = WriteNoise(sigma)
    """

    size: float
    scale: float

    def __post_init__(self) -> None:
        number("size", self.size)
        number("scale", self.scale, low=0.0, open_low=True)

    def __call__(self, x: Values) -> Values:
        """Return the value at x, in the shape of x, an array or a tensor."""
        return self.size * (1.0 - namespace(x).exp(-x / self.scale))


@dataclass(frozen=True)
class Piecewise(Settings):
    """One law below a conductance, another from there on.

    Parameters
    ----------
    limit : float
        Where the second begins.
    below, above : float or callable
        As any of these laws.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Logarithm, Piecewise, WriteNoise
    >>> sigma = Piecewise(0.1, below=Logarithm(0.0, -0.01), above=0.02)
    >>> sigma(np.array([0.05, 0.5])).round(3)
    array([0.03, 0.02])
    >>> noise = WriteNoise(sigma)
    """

    limit: float
    below: Dependence
    above: Dependence

    def __post_init__(self) -> None:
        number("limit", self.limit)
        check_dependence("below", self.below)
        check_dependence("above", self.above)

    def __call__(self, x: Values) -> Values:
        """Return the value at x, in the shape of x, an array or a tensor."""
        below, above = (evaluate(law, x) + 0.0 * x for law in (self.below, self.above))
        return namespace(x).where(x < self.limit, below, above)


@dataclass(frozen=True)
class Table(Settings):
    """Measured values, interpolated linearly, constant beyond the first and last point.

    Parameters
    ----------
    x, values : sequence of float
        x increasing, two points or more.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Table, WriteNoise
    >>> sigma = Table((0.0, 0.5, 1.0), (0.01, 0.03, 0.02))
    >>> sigma(np.array([0.25, 2.0])).round(3)
    array([0.02, 0.02])
    >>> noise = WriteNoise(sigma)
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
        """Return the value at x, in the shape of x, an array or a tensor."""
        return interpolate(x, self.x, self.values)


def _check_limits(low: float, high: float) -> None:
    if not low <= high:
        raise ParameterError(f"`low` must be <= `high`; got {low!r} and {high!r}")


def _limited(value: Values, low: float, high: float) -> Values:
    return clip(value, low if low > -math.inf else None, high if high < math.inf else None)


def check_dependence(name: str, given: Dependence, *, low: float = -math.inf) -> None:
    """Raise a `ParameterError` unless `given` is a number >= low or callable."""
    if not callable(given):
        number(name, given, low=low)


def evaluate(given: Dependence, x: Values) -> Values:
    """Return the quantity at x: `given` itself where it is a number."""
    return given(x) if callable(given) else given
