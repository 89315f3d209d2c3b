"""Arrays and tiles as the programmer leaves them and the read-out takes them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...core.draws import Place
from ...periphery.dac import DACErrors
from ...periphery.periphery import Readout
from ..born import BornNetwork

__all__ = ["ProgrammedArray", "ProgrammedTile"]


@dataclass(frozen=True, eq=False)
class ProgrammedArray:
    """One physical array, ready to be read.

    Attributes
    ----------
    place : Place
    matrix : (N, M) tensor or None
        Effective matrix, siemens, by inputs: of opposed pairs the difference of two rows; None:
        every vector is solved.
    cells : (rows, N) tensor or None
        Conductances, siemens, where vectors are solved.
    load : (N,) tensor or None
        Sum of every column's conductances, siemens, for the amplifiers.
    readout : Readout or None
    drivers : DACErrors or None
    noise_matrix : (N, rows) tensor or None
        Matrix through which cells' noise is read, siemens; None: reads are quiet.
    noisy_cells : (rows, N) tensor or None
        Conductances of the cells, siemens, where they are noisy.
    born : BornNetwork or None
        What gives the currents of `cells` to first order.
    """

    place: Place
    matrix: Tensor | None
    cells: Tensor | None
    load: Tensor | None
    readout: Readout | None = None
    drivers: DACErrors | None = None
    noise_matrix: Tensor | None = None
    noisy_cells: Tensor | None = None
    born: BornNetwork | None = None


@dataclass(frozen=True, eq=False)
class ProgrammedTile:
    """The arrays of one tile; `scale` (1, outputs) is the weight of the level 1."""

    group: int
    rows: slice
    columns: slice
    arrays: tuple[ProgrammedArray, ...]
    scale: Tensor
