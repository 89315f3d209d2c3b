"""Voltages over one crossbar tile: what the wires take from the cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..core.validation import finite_array, number
from ..core.views.brief import brief_repr
from ..core.views.panels import Field, HeatMap
from ..core.views.shown import Shown, View
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..solvers.solver import Solver

__all__ = ["TileMap", "fullest_tile", "tile_map"]


@dataclass(frozen=True, eq=False)
class TileMap(Shown):
    """Node voltages of one tile with every word line driven at the read voltage.

    Parameters
    ----------
    name : str
        Which tile it is.
    ohm : float
        Resistance of one wire segment, ohm.
    read_voltage : float
        On the driven end of every word line, volt.
    word_voltages, bit_voltages : (M, N) arrays
        At the crosspoints, volt.
    """

    name: str
    ohm: float
    read_voltage: float
    word_voltages: NDArray[np.float64]
    bit_voltages: NDArray[np.float64]

    __repr__ = brief_repr

    def _view(self) -> View:
        fields = [
            Field("lost", "%", 100 * self.loss), Field("word-line voltage", "V",
                                                       self.word_voltages),
            Field("bit-line voltage", "V", self.bit_voltages),
        ]
        facts = {"wire segment": f"{self.ohm:g} ohm", "read voltage": f"{self.read_voltage:g} V",
                 "most lost": f"{100 * float(self.loss.max()):.3g} %"}
        return View(f"Voltages of {self.name}", facts, [HeatMap("Cells", fields)],
                    {"ohm": self.ohm, "read_voltage": self.read_voltage, "name": self.name})

    @property
    def loss(self) -> NDArray[np.float64]:
        """Share of the read voltage that each cell does not get, (M, N)."""
        return 1.0 - (self.word_voltages - self.bit_voltages) / self.read_voltage


def fullest_tile(
    weight: ArrayLike, tile: tuple[int, int], *, g_on: float, g_off: float
) -> NDArray[np.float64]:
    """Return the conductances of the first tile of a layer's positive array.

    Parameters
    ----------
    weight : (out, in) array
        The layer's weights; the word lines are its inputs.
    tile : (int, int)
        Word lines and bit lines of a tile; the result is smaller where the layer is.
    g_on, g_off : float
        Conductance of the layer's largest weight and of weight 0, siemens.

    Returns
    -------
    (M, N) array, siemens
    """
    w = finite_array("weight", weight)
    if w.ndim != 2 or not w.any():
        raise ParameterError(f"`weight` must be a matrix that is not all 0; got shape {w.shape}")
    first = w.T[: tile[0], : tile[1]]
    return np.asarray(g_off + (g_on - g_off) * np.maximum(first, 0.0) / np.abs(w).max())


@checks_arguments
def tile_map(
    conductance: ArrayLike, ohm: float, *, read_voltage: float = 0.2, name: str = "tile"
) -> TileMap:
    """Solve one tile with every word line at the read voltage, the largest currents it can see.

    Parameters
    ----------
    conductance : (M, N) array, siemens
    ohm : float
        Resistance of one segment of word line and of bit line.
    read_voltage : float
        Volt.
    name : str
        Which tile it is, for the picture's title.
    """
    number("read_voltage", read_voltage)
    xbar = Crossbar(conductance, Wires(word=ohm, bit=ohm))
    solution = Solver().solve(xbar, np.full(xbar.shape[0], read_voltage))
    return TileMap(name, ohm, read_voltage, solution.word_voltages, solution.bit_voltages)
