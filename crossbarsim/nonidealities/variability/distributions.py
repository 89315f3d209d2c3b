"""Distributions of device parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, finite_array, number
from .distribution import TINY, Distribution, Shape, keyed_uniforms
from .scipy_torch_distributions import as_distribution

__all__ = ["LogNormal", "Normal", "Truncated", "Uniform"]


@dataclass(frozen=True)
class Normal(Settings):
    """Normal distribution; `Truncated` cuts it off.

    Parameters
    ----------
    sigma : float
        Standard deviation, >= 0.
    mean : float
        Default 1, for a factor on a nominal value.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Normal
    >>> Normal(0.1).quantile(np.array([0.1587, 0.5, 0.8413])).round(3)
    array([0.9, 1. , 1.1])
    """

    sigma: float
    mean: float = 1.0

    def __post_init__(self) -> None:
        number("sigma", self.sigma, low=0.0)
        number("mean", self.mean)

    def sample(self, generator: np.random.Generator, shape: Shape) -> Array:
        """Return independent draws of that shape."""
        return self.of_normal(np.asarray(generator.standard_normal(shape)))

    def quantile(self, u: Array) -> Array:
        """Return the quantiles at probabilities u, in the shape of u."""
        return self.of_normal(ndtri(u))

    def probability(self, x: ArrayLike) -> Array:
        """Return the probability of values up to x, the distribution function."""
        values = finite_array("x", x, infinite=True)
        if self.sigma == 0:
            return np.where(values < self.mean, 0.0, 1.0)
        found: Array = ndtr((values - self.mean) / self.sigma)
        return found

    def of_normal(self, z: Array) -> Array:
        """Return mean + sigma z."""
        return self.mean + self.sigma * z


@dataclass(frozen=True)
class LogNormal(Settings):
    """Log-normal distribution.

    Parameters
    ----------
    sigma : float
        Standard deviation of the natural logarithm, >= 0.
    median : float
        > 0, default 1. The mean is median exp(sigma^2 / 2).

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import LogNormal
    >>> LogNormal(0.3).quantile(np.array([0.1587, 0.5, 0.8413])).round(3)
    array([0.741, 1.   , 1.35 ])
    """

    sigma: float
    median: float = 1.0

    def __post_init__(self) -> None:
        number("sigma", self.sigma, low=0.0)
        number("median", self.median, low=0.0, open_low=True)

    def sample(self, generator: np.random.Generator, shape: Shape) -> Array:
        """Return independent draws of that shape."""
        return self.of_normal(np.asarray(generator.standard_normal(shape)))

    def quantile(self, u: Array) -> Array:
        """Return the quantiles at probabilities u, in the shape of u."""
        return self.of_normal(ndtri(u))

    def probability(self, x: ArrayLike) -> Array:
        """Return the probability of values up to x, the distribution function."""
        with np.errstate(divide="ignore"):
            log = np.log(np.maximum(finite_array("x", x, infinite=True), 0.0) / self.median)
        if self.sigma == 0:
            return np.where(log < 0, 0.0, 1.0)
        return ndtr(log / self.sigma)

    def of_normal(self, z: Array) -> Array:
        """Return median exp(sigma z)."""
        return self.median * np.exp(self.sigma * z)


@dataclass(frozen=True)
class Uniform(Settings):
    """Uniform distribution.

    Parameters
    ----------
    low, high : float
        low < high.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Uniform
    >>> Uniform(0.8, 1.2).quantile(np.array([0.25, 0.5])).round(3)
    array([0.9, 1. ])
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        number("low", self.low)
        number("high", self.high, low=self.low, open_low=True)

    def sample(self, generator: np.random.Generator, shape: Shape) -> Array:
        """Return independent draws of that shape."""
        return self.quantile(np.asarray(generator.random(shape)))

    def quantile(self, u: Array) -> Array:
        """Return the quantiles at probabilities u, in the shape of u."""
        return self.low + (self.high - self.low) * u

    def probability(self, x: ArrayLike) -> Array:
        """Return the probability of values up to x, the distribution function."""
        share: Array = (finite_array("x", x, infinite=True) - self.low) / (self.high - self.low)
        return np.clip(share, 0.0, 1.0)

    def of_normal(self, z: Array) -> Array:
        """Return the quantiles of standard normal draws z."""
        return self.quantile(ndtr(z))


@dataclass(frozen=True)
class Truncated(Settings):
    """A distribution truncated to an interval.

    Parameters
    ----------
    distribution : Distribution, or a frozen one of SciPy, or one of torch
    low, high : float
        Limits; at least one of them finite.

    Raises
    ------
    ParameterError
        No probability between the limits; a torch distribution without ``cdf`` or ``icdf``.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Normal, Truncated
    >>> Truncated(Normal(0.5), low=0.0).quantile(np.array([0.0001, 0.5])).round(3)
    array([1.000e-03, 1.014e+00])
    """

    distribution: Any
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not self.low < self.high or (math.isinf(self.low) and math.isinf(self.high)):
            raise ParameterError(
                f"`low` and `high` must be low < high, one of them finite; got {self.low!r} and "
                f"{self.high!r}"
            )
        below, above = self._limits()
        if not above > below:
            raise ParameterError(
                f"`distribution` has no probability between {self.low:g} and {self.high:g}"
            )

    def _limits(self) -> tuple[float, float]:
        law = self.law
        below = 0.0 if math.isinf(self.low) else float(law.probability(self.low))
        above = 1.0 if math.isinf(self.high) else float(law.probability(self.high))
        return below, above

    @property
    def law(self) -> Distribution:
        """The distribution that is truncated."""
        return as_distribution(self.distribution)

    def sample(self, generator: np.random.Generator, shape: Shape) -> Array:
        """Return independent draws of that shape."""
        return self.quantile(keyed_uniforms(generator, shape))

    def quantile(self, u: Array) -> Array:
        """Return the quantiles at probabilities u, in the shape of u."""
        below, above = self._limits()
        inner = np.clip(below + u * (above - below), TINY, 1.0 - TINY)
        return np.clip(self.law.quantile(inner), self.low, self.high)

    def probability(self, x: ArrayLike) -> Array:
        """Return the probability of values up to x, the distribution function."""
        below, above = self._limits()
        return np.clip((self.law.probability(x) - below) / (above - below), 0.0, 1.0)

    def of_normal(self, z: Array) -> Array:
        """Return the quantiles of standard normal draws z."""
        return self.quantile(ndtr(z))
