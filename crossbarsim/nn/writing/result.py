"""What writing a network took, and what failed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from ...core.errors import ParameterError
from ...core.validation import count
from ...core.views.numbers import readable
from ...core.views.optional import dataframe
from ...core.views.panels import Table
from ...core.views.shown import Shown, View
from ..calibrate import stored_names
from .arrays import ArrayRecord

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Extrapolation", "WriteResult"]

_ARRAYS = 400  # rows of the table of arrays


@dataclass(frozen=True, kw_only=True)
class Extrapolation:
    """What writing another network would take, by the cost per cell of one that was written.

    Attributes
    ----------
    cells : int
    energy, read_energy : float
        Joule.
    time : float
        Second, one array after the other.
    writes, failed : float
        Pulses of arrays; cells out of tolerance.
    cpu_seconds : float
        Of this computer, on one core.
    """

    cells: int
    energy: float
    read_energy: float
    time: float
    writes: float
    failed: float
    cpu_seconds: float


@dataclass(frozen=True, eq=False)
class WriteResult(Shown):
    """A network after it was written by pulses, in numbers.

    Attributes
    ----------
    arrays : tuple of ArrayRecord
        In the order of the layers and their tiles.
    tolerance : float
    scheme, pulses_by : str
    workers : int
    folder : Path or None
        Where every array's conductances, reads and pulses by cell are kept, ``arrays/*.npz``.
    """

    arrays: tuple[ArrayRecord, ...]
    tolerance: float
    scheme: str
    pulses_by: str
    workers: int = 1
    folder: Path | None = None

    def _sum(self, name: str) -> Any:
        values = [getattr(one, name) for one in self.arrays]
        return math.fsum(values) if isinstance(values[0], float) else sum(values)

    @property
    def cells(self) -> int:
        """Cells of all arrays."""
        return int(self._sum("cells"))

    @property
    def failed(self) -> int:
        """Cells out of tolerance: not converged, out of reach of the device, or faulty."""
        return int(self._sum("failed"))

    @property
    def energy(self) -> float:
        """Joule, of all pulses."""
        return float(self._sum("energy"))

    @property
    def read_energy(self) -> float:
        """Joule, of all verifying reads."""
        return float(self._sum("read_energy"))

    @property
    def time(self) -> float:
        """Second, one array after the other; `longest` where all are written at once."""
        return float(self._sum("time"))

    @property
    def longest(self) -> float:
        """Second, of the array that took longest."""
        return max(one.time for one in self.arrays)

    @property
    def writes(self) -> int:
        """Pulses of arrays, each on one or more cells of a row."""
        return int(self._sum("writes"))

    @property
    def reads(self) -> int:
        """Verifying reads of rows."""
        return int(self._sum("reads"))

    @property
    def pulses(self) -> int:
        """Pulses of cells."""
        return int(self._sum("pulses"))

    @property
    def cpu_seconds(self) -> float:
        """Seconds of computing, summed over the processes."""
        return float(self._sum("cpu_seconds"))

    @property
    def rms_error(self) -> float:
        """Root of the mean square of all cells' own relative errors."""
        return math.sqrt(self._sum("squares") / self.cells)

    def layers(self) -> list[dict[str, Any]]:
        """Return the sums of every layer, in order: a mapping by name for each."""
        found: dict[str, list[ArrayRecord]] = {}
        for one in self.arrays:
            found.setdefault(one.layer, []).append(one)
        return [_summed(name, records) for name, records in found.items()]

    @property
    def worst_layer(self) -> str:
        """The layer with the largest share of failed cells, in words."""
        worst = max(self.layers(), key=lambda one: one["failed"] / one["cells"])
        parts = ", ".join(
            f"{worst[name]} {said}" for name, said in (
                ("unconverged", "not converged"), ("out_of_reach", "out of the device's range"),
                ("stuck", "faulty"),
            ) if worst[name]
        )
        texts = sorted({one.message for one in self.arrays
                        if one.layer == worst["layer"] and one.message})
        more = f"; {texts[0]}" if texts else ""
        return f"most of {worst['layer']!r}, {worst['failed']} of {worst['cells']} ({parts}){more}"

    def extrapolate(self, to: nn.Module | int) -> Extrapolation:
        """Return what another network would take at this one's cost per cell.

        Energy and pulses of a cell depend on the arrays' shape and the weights, computing on their
        shape most of all: write a part with tiles of the same shape.

        Parameters
        ----------
        to : torch.nn.Module or int
            A converted network, or its number of cells.

        Raises
        ------
        ParameterError
            No converted network, or fewer cells than one.
        """
        if isinstance(to, nn.Module):
            cells = sum(
                rows * columns * len(matrix.chip.layout.arrays)
                for matrix in stored_names(to).values()
                for rows, columns in map(matrix.chip.shape, matrix.blocks())
            )
        elif isinstance(to, int) and not isinstance(to, bool):
            cells = count("to", to)
        else:
            raise ParameterError(
                f"`to` must be a converted network or a number of cells; got {to!r:.60}"
            )
        share = cells / self.cells
        return Extrapolation(
            cells=cells, energy=self.energy * share, read_energy=self.read_energy * share,
            time=self.time * share, writes=self.writes * share, failed=self.failed * share,
            cpu_seconds=self.cpu_seconds * share,
        )

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per array as a pandas DataFrame.

        Raises
        ------
        BackendUnavailable
            Pandas is not installed.
        """
        return dataframe([
            {**vars(one), "cells": one.cells, "failed": one.failed} for one in self.arrays
        ])

    def __repr__(self) -> str:
        return (
            f"WriteResult({len(self.arrays)} arrays, {self.cells:,} cells, {self.scheme!r}, "
            f"failed={self.failed}, energy={self.energy:.3g} J, time={self.time:.3g} s)"
        )

    def _view(self) -> View:
        layers = self.layers()
        facts = {
            "cells within tolerance": f"{self.cells - self.failed:,} of {self.cells:,}",
            "arrays": len(self.arrays), "pulses per cell": f"{self.pulses / self.cells:.1f}",
            "energy of writing": readable(self.energy, "J"),
            "energy of reading": readable(self.read_energy, "J"),
            "time, arrays one by one": readable(self.time, "s"),
            "time, all at once": readable(self.longest, "s"),
            "error of the cells' own, rms": f"{100 * self.rms_error:.2f} %",
            "computing": readable(self.cpu_seconds, "s"),
        }
        columns = [
            ("layer", ""), ("failed", "%"), ("not converged", ""), ("out of reach", ""),
            ("faulty", ""), ("pulses per cell", ""), ("energy", "J"), ("time", "s"), ("cells", ""),
        ]
        rows = [[
            one["layer"], one["failed"] / one["cells"], one["unconverged"], one["out_of_reach"],
            one["stuck"], one["pulses"] / one["cells"], one["energy"], one["time"], one["cells"],
        ] for one in layers]
        worst = sorted(self.arrays, key=lambda one: one.failed / one.cells, reverse=True)[:_ARRAYS]
        arrays = Table("Arrays", [
            ("array", ""), ("failed", "%"), ("energy", "J"), ("time", "s"), ("message", ""),
        ], [[
            f"{one.layer} {one.array} {one.tile}", one.failed / one.cells, one.energy, one.time,
            one.message,
        ] for one in worst])
        settings = {"scheme": self.scheme, "tolerance": self.tolerance,
                    "pulses": self.pulses_by, "workers": self.workers}
        return View("A network written by pulses", facts, [
            Table("Layers", columns, rows, bars=("failed", "pulses per cell", "energy")), arrays,
        ], settings)


def _summed(name: str, records: list[ArrayRecord]) -> dict[str, Any]:
    result: dict[str, Any] = {"layer": name, "arrays": len(records)}
    for key in ("cells", "failed", "unconverged", "out_of_reach", "stuck", "disturbed", "pulses",
                "writes", "reads"):
        result[key] = sum(getattr(one, key) for one in records)
    for key in ("energy", "read_energy", "time", "cpu_seconds"):
        result[key] = math.fsum(getattr(one, key) for one in records)
    result["worst"] = max(one.worst for one in records)
    return result
