"""Defects that come in clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...core.settings import Settings
from ...core.validation import Array, number

__all__ = ["FaultCluster"]

_REACH = 4.0  # radii to which a cluster extends


@dataclass(frozen=True)
class FaultCluster(Settings):
    """Clusters of faults: a Poisson cluster (Neyman-Scott) process on the cells.

    Centres are a Poisson process over the array and its surroundings; each has a Poisson number of
    hits, spread around it by a normal distribution, and all of one kind. Their density is such
    that the share of faulty cells is exactly that of independent faults. Neyman and Scott, J. R.
    Stat. Soc. B 20:1 (1958); that defects of chips cluster: Stapper, Armstrong and Saji, Proc.
    IEEE 71:453 (1983).

    Parameters
    ----------
    size : float
        Mean hits of a cluster, > 0; default 10. Hits on the same cell count once.
    radius : float
        Cells, standard deviation along rows and along columns, > 0; default 1.5.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> from crossbarsim.nonidealities import FaultCluster, Faults, Place
    >>> faults = Faults(stuck_off=0.02, cluster=FaultCluster(size=20.0, radius=2.0))
    >>> drawn = faults.draw(Place(7), (256, 256))
    >>> round(float((drawn.kinds != 0).mean()), 3)  # 0.02 on the average of many arrays
    0.026
    """

    size: float = 10.0
    radius: float = 1.5

    def __post_init__(self) -> None:
        number("size", self.size, low=0.0, open_low=True)
        number("radius", self.radius, low=0.0, open_low=True, unit="cells")

    def draw(
        self, generator: np.random.Generator, shape: tuple[int, int], rates: Array
    ) -> NDArray[np.int8]:
        """Draw faults: 0, or 1 + the index of the fault, at every cell (M, N).

        `rates` (K,) are the shares of cells with each of the faults.
        """
        kinds = np.zeros(shape, dtype=np.int8)
        total = float(rates.sum())
        if total <= 0:
            return kinds
        line = _line(self.radius)
        reach = len(line) // 2
        # P(a cell stays whole) = exp(-density sum_x (1 - exp(-size k(x)))), k over all centres
        hit = float(np.sum(-np.expm1(-self.size * np.outer(line, line))))
        density = -math.log1p(-min(total, 1.0 - 1e-12)) / hit
        rows, columns = shape[0] + 2 * reach, shape[1] + 2 * reach
        centres = int(generator.poisson(density * rows * columns))
        place = generator.integers(0, rows, centres), generator.integers(0, columns, centres)
        kind = generator.choice(len(rates), size=centres, p=rates / total)
        hits = generator.poisson(self.size, centres)
        parent = np.repeat(np.arange(centres), hits)
        i, j = (
            axis[parent] + generator.choice(len(line), size=len(parent), p=line) - 2 * reach
            for axis in place
        )
        inside = (i >= 0) & (i < shape[0]) & (j >= 0) & (j < shape[1])
        i, j, parent = i[inside], j[inside], parent[inside]
        # of several clusters the first has it: the last one written
        kinds[i[::-1], j[::-1]] = kind[parent[::-1]] + 1
        return kinds


@lru_cache(maxsize=16)
def _line(radius: float) -> Array:
    """Return the normal distribution over offsets of whole cells, (2 reach + 1,)."""
    reach = math.ceil(_REACH * radius)
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / radius) ** 2)
    return np.asarray(weight / weight.sum())
