"""Arrays as fabricated: the range of every cell, and the faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.array_api import Values, like, namespace
from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.validation import Array
from ..core.views.brief import brief_repr
from .faults.faults import Faults
from .variability.variability import Keyed, redraw

__all__ = ["PARAMETERS", "Fabricated", "fabricate"]

PARAMETERS = ("r_on", "r_off", "g_on", "g_off")


@dataclass(frozen=True, eq=False)
class Fabricated:
    """One physical array as fabricated, before it is programmed.

    Attributes
    ----------
    shape : (int, int)
    g_on, g_off : (M, N) array or float
        Siemens: the conductance of every cell at level 1 and at level 0.
    stuck : (M, N) array or None
        Siemens of the faulty cells, which programming does not change; NaN for all others.
    kinds : (M, N) array of int or None
        `Fault` of every cell.
    open_rows, open_columns : (M,), (N,) array of bool or None
        Lines that are dead: all cells on them are open.
    resampled : int
        Cells whose R_on met or exceeded R_off (or was not positive) and that were drawn again.
    nominal : (float, float)
        Siemens, the network's g_on and g_off.

    Examples
    --------
    >>> from crossbarsim.nonidealities import Faults, LogNormal, NonIdealities, Place, Variability
    >>> effects = NonIdealities(
    ...     variability=Variability("r_on", LogNormal(0.1)), faults=Faults(stuck_off=0.02),
    ... )
    >>> fab = effects.fabricate(Place(7), (64, 64), g_on=1e-4, g_off=1e-6)
    >>> fab.g_on.shape, int((fab.kinds != 0).sum())
    ((64, 64), 73)
    """

    shape: tuple[int, int]
    g_on: Array | float
    g_off: Array | float
    stuck: Array | None = None
    kinds: NDArray[np.int8] | None = None
    open_rows: NDArray[np.bool_] | None = None
    open_columns: NDArray[np.bool_] | None = None
    resampled: int = 0
    nominal: tuple[float, float] = (1e-4, 1e-6)

    __repr__ = brief_repr

    def with_faults(self, G: Values) -> Values:
        """Return the conductances `G` (M, N) siemens, with those of the faulty cells put in."""
        if self.stuck is None:
            return G
        xp = namespace(G)
        mask = np.isnan(self.stuck)
        if xp is np:
            return np.where(mask, G, self.stuck)
        free = xp.as_tensor(mask, device=G.device)
        return xp.where(free, G, like(np.where(mask, 0.0, self.stuck), G))

    def level(self, G: Values) -> Values:
        """Return the levels (M, N) of conductances: 0 at the cell's g_off, 1 at its g_on."""
        on, off = like(self.g_on, G), like(self.g_off, G)
        return (G - off) / (on - off)


def fabricate(
    place: Place, shape: tuple[int, int], g_on: float, g_off: float, variations: Keyed,
    faults: Faults | None,
) -> Fabricated:
    """Return an array as fabricated; see `NonIdealities.fabricate`."""
    on: Any
    off: Any
    on, off, resampled = g_on, g_off, 0
    if variations:
        if g_off == 0 and any(one.parameter in ("r_off", "g_off") for _, one in variations):
            raise ParameterError(
                "`g_off` must be > 0 where r_off or g_off varies: an open cell does not vary"
            )
        on, off, resampled = _vary(place, shape, g_on, g_off, variations)
    stuck = kinds = rows = columns = None
    if faults is not None and faults.any:
        found = faults.draw(place, shape)
        kinds, rows, columns = found.kinds, found.open_rows, found.open_columns
        stuck = faults.conductance(kinds, on, off)
    return Fabricated(shape, on, off, stuck, kinds, rows, columns, resampled, (g_on, g_off))


def _vary(
    place: Place, shape: tuple[int, int], g_on: float, g_off: float, variations: Keyed
) -> tuple[Any, Any, int]:
    """Return g_on, g_off and how many cells were drawn again."""
    # R and G of one state are the same thing: the factors on R divide the conductance
    nominal: dict[str, Any] = {"r_on": 1.0 / g_on, "g_on": 1.0}
    if g_off > 0:
        nominal |= {"r_off": 1.0 / g_off, "g_off": 1.0}
    for _, one in variations:
        if one.parameter.startswith("g") and one.kind != "relative":
            nominal[one.parameter] = g_on if one.parameter == "g_on" else g_off
            nominal["r" + one.parameter[1:]] = 1.0
    for state in ("on", "off"):
        kinds = {
            one.parameter: {v.kind for _, v in variations if v.parameter == one.parameter}
            for _, one in variations if one.parameter.endswith(f"_{state}")
        }
        if len(kinds) == 2 and all(k != {"relative"} for k in kinds.values()):
            raise ParameterError(
                f"`variability` of both r_{state} and g_{state} must be relative for one of them"
            )

    def conductance(values: Mapping[str, Values], state: str) -> Values:
        if f"r_{state}" not in values:
            return 0.0
        with np.errstate(divide="ignore"):
            return values[f"g_{state}"] / values[f"r_{state}"]

    def valid(values: Mapping[str, Values]) -> Values:
        on, off = conductance(values, "on"), conductance(values, "off")
        positive = (np.asarray(values["r_on"]) > 0) & (np.asarray(values["g_on"]) > 0)
        if "r_off" in values:
            positive = positive & (np.asarray(values["r_off"]) > 0)
        floor = off >= 0 if g_off == 0 else off > 0
        return positive & floor & (off < on) & np.isfinite(on)

    values, count = redraw(
        nominal, variations, place, shape, valid, "0 < R_on < R_off"
    )
    return conductance(values, "on"), conductance(values, "off"), count
