"""The protocol of distributions of real numbers."""

from __future__ import annotations

from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from ...core.validation import Array

__all__ = ["TINY", "Distribution", "Shape", "keyed_uniforms"]

Shape: TypeAlias = tuple[int, ...]
TINY = 2.0**-54  # half of the smallest step of a drawn uniform number: quantiles stay finite


@runtime_checkable
class Distribution(Protocol):
    """A distribution of real numbers.

    Besides those here, any frozen distribution of SciPy (``scipy.stats.gamma(20, scale=0.05)``)
    and any of torch (``torch.distributions.Gamma(20.0, 20.0)``) is taken where a distribution is
    asked for.

    Examples
    --------
    >>> from scipy import stats
    >>> from crossbarsim.nonidealities import Distribution, LogNormal, Variability
    >>> isinstance(LogNormal(0.3), Distribution)
    True
    >>> variation = Variability("r_off", stats.gamma(20, scale=0.05))
    """

    def sample(self, generator: np.random.Generator, shape: Shape) -> Array:
        """Return independent draws of that shape."""
        ...

    def quantile(self, u: Array) -> Array:
        """Return the quantiles at probabilities u, 0 < u < 1, in the shape of u."""
        ...

    def probability(self, x: ArrayLike) -> Array:
        """Return the probability of values up to x, the distribution function."""
        ...

    def of_normal(self, z: Array) -> Array:
        """Return the quantiles of standard normal draws z: the same ranks, in the shape of z."""
        ...


def keyed_uniforms(generator: np.random.Generator, shape: Shape) -> Array:
    """Return uniform draws in the open interval (0, 1)."""
    return np.maximum(generator.random(shape), TINY)
