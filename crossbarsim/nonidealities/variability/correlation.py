"""Spatial correlation of the cells' deviations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, number

__all__ = ["Correlation"]


@dataclass(frozen=True)
class Correlation(Settings):
    """Spatial correlation of the deviations of an array's cells.

    The deviation is a sum of a smooth part, a gradient across the array, and the cells' own; their
    shares of the variance add up to 1. The smooth part's correlation between cells at the distance
    d is exactly exp(-(d / length)^2) and its variance 1 at every cell. The gradient is linear over
    rows and columns; its mean over the array is 0 and its variance, the mean over the array, is
    exactly its share (an array of a single cell has none).

    Parameters
    ----------
    length : float
        Distance, in cells, at which the correlation is 1/e; > 0.
    smooth : float
        Share of the smooth part, default 1 less `gradient`.
    gradient : float
        Share of the gradient, default 0.
    angle : float, optional
        Radian, direction in which the gradient rises: 0 from row to row, pi / 2 from column to
        column; its slope is then the same in every array. None: a random direction and slope in
        every array.

    Raises
    ------
    ParameterError
        Shares that are negative or more than 1 together.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Correlation, NonIdealities, Normal, Place, Variability
    >>> smooth = Variability("r_on", Normal(0.1), correlation=Correlation(length=2.0))
    >>> effects = NonIdealities(variability=smooth)
    >>> G = effects.chip(np.ones((64, 64)), Place(7), g_on=1e-4, g_off=1e-6)
    >>> for rows in (1, 2):  # the correlation of cells that many rows apart
    ...     print(round(float(np.corrcoef(G[:-rows].ravel(), G[rows:].ravel())[0, 1]), 1))
    0.8
    0.4
    """

    length: float = 1.0
    smooth: float | None = None
    gradient: float = 0.0
    angle: float | None = None

    def __post_init__(self) -> None:
        number("length", self.length, low=0.0, open_low=True, unit="cells")
        number("gradient", self.gradient, low=0.0, high=1.0)
        if self.smooth is None:
            object.__setattr__(self, "smooth", 1.0 - self.gradient)
        number("smooth", self.smooth, low=0.0, high=1.0)
        if self._shares[2] < -1e-12:
            raise ParameterError(
                f"`smooth` and `gradient` are shares of one variance, at most 1 together; got "
                f"{self.smooth:g} and {self.gradient:g}"
            )
        if self.angle is not None:
            number("angle", self.angle, unit="radian")

    @property
    def _shares(self) -> tuple[float, float, float]:
        smooth = float(self.smooth or 0.0)
        return smooth, self.gradient, 1.0 - smooth - self.gradient

    def deviations(
        self, shared: np.random.Generator, own: np.random.Generator, shape: tuple[int, int]
    ) -> Array:
        """Return standard normal deviations (M, N).

        The correlated parts are drawn from `shared`, the cells' own from `own`.
        """
        smooth, gradient, rest = self._shares
        total = np.zeros(shape)
        slopes = shared.standard_normal(2)
        if smooth > 0:
            white = shared.standard_normal(shape)
            rows, columns = (_factor(n, self.length) for n in shape)
            total += math.sqrt(smooth) * (rows @ white @ columns.T)
        if gradient > 0:
            total += math.sqrt(gradient) * self._gradient(slopes, shape)
        if rest > 1e-12:
            total += math.sqrt(rest) * own.standard_normal(shape)
        return total

    def _gradient(self, slopes: Array, shape: tuple[int, int]) -> Array:
        x, y = (np.arange(n) - 0.5 * (n - 1) for n in shape)
        variances = np.mean(x * x), np.mean(y * y)
        if self.angle is None:
            # independent slopes of the same scale: every direction is as likely
            scale = math.sqrt(sum(variances)) or 1.0
            a, b = slopes / scale
        else:
            a, b = math.cos(self.angle), math.sin(self.angle)
            scale = math.sqrt(a * a * variances[0] + b * b * variances[1]) or 1.0
            a, b = a / scale, b / scale
        return np.asarray(a * x[:, None] + b * y[None, :])


@lru_cache(maxsize=64)
def _factor(count: int, length: float) -> Array:
    """Return F (n, n) with F F^T = exp(-(d / length)^2) along one axis, its rows of length 1.

    The correlation of a plane is the product of both axes', so that one factor per axis does it.
    """
    d = np.arange(count)
    covariance = np.exp(-(((d[:, None] - d[None, :]) / length) ** 2))
    values, vectors = np.linalg.eigh(covariance)
    factor = vectors * np.sqrt(np.clip(values, 0.0, None))
    factor /= np.linalg.norm(factor, axis=1, keepdims=True)
    factor.setflags(write=False)
    return np.asarray(factor)
