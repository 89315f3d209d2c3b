"""Devices that hold a finite number of conductances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from ...core.array_api import Values, clip, like, namespace, search, straight_through
from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import choice, count, finite_array
from ..fabricate import Fabricated

__all__ = ["ConductanceStates"]


@dataclass(frozen=True)
class ConductanceStates(Settings):
    """A finite number of conductance states; programming takes the nearest one.

    Every cell has its states in its own range from g_off to g_on. In torch the gradient passes
    through the rounding unchanged (straight-through).

    Parameters
    ----------
    count : int
        Number of states, >= 2.
    spacing : {"conductance", "resistance"}
        Whether conductances or resistances are equally spaced.

    Raises
    ------
    ParameterError
        Also where states are equally spaced in resistance and a cell's g_off is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.core.draws import Place
    >>> from crossbarsim.nonidealities import ConductanceStates, NonIdealities
    >>> effects = NonIdealities(states=ConductanceStates(3))
    >>> effects.chip(np.array([[0.0, 0.2, 0.3, 1.0]]), Place(0), g_on=1e-4, g_off=0.0)
    array([[0.e+00, 0.e+00, 5.e-05, 1.e-04]])
    """

    count: int
    spacing: Literal["conductance", "resistance"] = "conductance"
    values: tuple[float, ...] | None = None
    unit: Literal["siemens", "level"] = "siemens"

    def __post_init__(self) -> None:
        count("count", self.count, low=2)
        choice("spacing", self.spacing, ("conductance", "resistance"))
        choice("unit", self.unit, ("siemens", "level"))
        if self.values is not None:
            self._check_table()

    def _check_table(self) -> None:
        table = finite_array("values", self.values)
        if table.ndim != 1 or len(table) != self.count:
            raise ParameterError(
                f"`values` must be {self.count} numbers; got shape {table.shape}"
            )
        if (np.diff(table) <= 0).any() or table[0] < 0:
            raise ParameterError("`values` must rise and be >= 0")
        if self.unit == "level" and table[-1] > 1:
            raise ParameterError(f"`values` are levels, at most 1; got {table[-1]:g}")
        object.__setattr__(self, "values", tuple(float(v) for v in table))

    @classmethod
    def table(cls, values: ArrayLike, unit: Literal["siemens", "level"] = "siemens") -> Self:
        """Return states at given values.

        Parameters
        ----------
        values : (K,) array
            K >= 2 different ones in any order. Siemens: a state out of a cell's own range is moved
            to the end of the range. Levels: 0 is the cell's g_off, 1 its g_on.
        unit : {"siemens", "level"}
        """
        found = np.unique(finite_array("values", values))
        return cls(len(found), "conductance", tuple(map(float, found)), unit)

    def apply(self, G: Values, fab: Fabricated) -> Values:
        """Return the states nearest to the conductances `G` (M, N), siemens."""
        on, off = like(fab.g_on, G), like(fab.g_off, G)
        if self.values is not None:
            rounded = self._nearest(G, on, off)
        elif self.spacing == "conductance":
            step = (on - off) / (self.count - 1)
            xp = namespace(G)
            rounded = off + step * clip(xp.round((G - off) / step), 0.0, self.count - 1.0)
        else:
            rounded = self._by_resistance(G, on, off, fab)
        return straight_through(G, clip(rounded, off, on))

    def _by_resistance(self, G: Values, on: Values, off: Values, fab: Fabricated) -> Values:
        xp = namespace(G)
        if np.min(fab.g_off) <= 0:
            raise ParameterError(
                "states equally spaced in resistance need `g_off` > 0 of every cell"
            )
        r_on, r_off = 1.0 / on, 1.0 / off
        step = (r_off - r_on) / (self.count - 1)
        k = xp.floor((1.0 / clip(G, off, on) - r_on) / step * (1.0 - 1e-12))
        k = clip(k, 0.0, self.count - 2.0)
        more, less = 1.0 / (r_on + k * step), 1.0 / (r_on + (k + 1.0) * step)
        return xp.where(more - G <= G - less, more, less)

    def _nearest(self, G: Values, on: Values, off: Values) -> Values:
        table = np.asarray(self.values)
        x = G if self.unit == "siemens" else (G - off) / (on - off)
        if self.unit == "siemens":
            x = clip(x, off, on)
        k = search(0.5 * (table[1:] + table[:-1]), x)
        found = like(table, G)[k]
        if self.unit == "level":
            return off + found * (on - off)
        return found
