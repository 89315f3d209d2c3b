"""The result of programming an array."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core.validation import Array
from ..core.views.optional import dataframe
from ..core.views.shown import Shown, View
from ..netlists.crossbar.crossbar import Crossbar
from .views import program_view

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ProgramResult"]


@dataclass(eq=False)
class ProgramResult(Shown):
    """An array after programming, and what it cost.

    Attributes
    ----------
    crossbar : Crossbar
        In its new state; ``program(result.crossbar, targets)`` continues from it.
    targets : (M, N) siemens
    initial, measured : (M, N) siemens
        By reads of the whole array before and after: the target times the read current over the
        current of a cell at its target without wires.
    conductance : (M, N) siemens
        Of the devices themselves, at their read voltage.
    tolerance : (M, N)
        Relative.
    set_pulses, reset_pulses : (M, N) int
        Pulses for which each cell was selected.
    disturb : (M, N) siemens
        Sum of the changes, with their sign, while other cells were written.
    disturbed : list of (i, j)
        Cells whose `disturb` is more than the threshold.
    unconverged : list of (i, j)
        Cells that are out of tolerance at the end, by the criterion.
    reasons : dict
        By cell (i, j): why it was given up.
    energy, read_energy : float
        Joule, delivered by all sources.
    time : float
        Second, of all pulses and reads.
    writes, reads : int
        Pulses of the array and reads of a row.
    history : list of (row, measured (N,))
        Every verifying read, in order.
    scheme, algorithm, operation : str
    criterion : {"read", "cell"}
        What `unconverged` and `success` go by.
    success : bool
        Whether the run was completed and every cell is within tolerance by the criterion;
        `message` says more, also of the other criterion.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import program
    >>> device = VTEAM.preset("magic", v_off=1.0)
    >>> xbar = Crossbar(cells=device.array(np.full((2, 2), 5e-6)), wires=Wires(2.0, 2.0))
    >>> result = program(xbar, [[1e-5, 5e-5], [2e-4, 2e-5]], tolerance=0.05)
    >>> result.success, bool(abs(result.relative_error).max() < 0.05), result.unconverged
    (True, True, [])
    >>> bool(abs(result.relative_cell_error).max() < 0.06)  # of the cells themselves
    True
    >>> result.pulses.shape, result.crossbar.conductance.shape
    ((2, 2), (2, 2))
    """

    crossbar: Crossbar
    targets: Array
    initial: Array
    measured: Array
    conductance: Array
    tolerance: Array
    set_pulses: NDArray[np.int64]
    reset_pulses: NDArray[np.int64]
    disturb: Array
    disturbed: list[tuple[int, int]]
    unconverged: list[tuple[int, int]]
    energy: float
    read_energy: float
    time: float
    writes: int
    reads: int
    scheme: str
    algorithm: str
    operation: str = "program"
    success: bool = True
    message: str = ""
    history: list[tuple[int, Array]] = field(default_factory=list)
    criterion: str = "read"
    reasons: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def pulses(self) -> NDArray[np.int64]:
        """Pulses per cell, (M, N)."""
        return self.set_pulses + self.reset_pulses

    @property
    def error(self) -> Array:
        """Measured less target conductance, (M, N) siemens."""
        return self.measured - self.targets

    @property
    def relative_error(self) -> Array:
        """`error` over target, (M, N)."""
        return self.error / self.targets

    @property
    def cell_error(self) -> Array:
        """The cells' own less target conductance, (M, N) siemens."""
        return self.conductance - self.targets

    @property
    def relative_cell_error(self) -> Array:
        """`cell_error` over target, (M, N)."""
        return self.cell_error / self.targets

    def __repr__(self) -> str:
        rows, columns = self.targets.shape
        return (
            f"ProgramResult({rows}x{columns}, {self.scheme!r}, writes={self.writes}, "
            f"unconverged={len(self.unconverged)}, disturbed={len(self.disturbed)}, "
            f"energy={self.energy:.3g} J, time={self.time:.3g} s, success={self.success})"
        )

    def _view(self) -> View:
        return program_view(self)

    def summary(self) -> dict[str, Any]:
        """Return the main figures, as JSON holds them."""
        relative = self.relative_error
        return {
            "operation": self.operation, "criterion": self.criterion,
            "scheme": self.scheme, "algorithm": self.algorithm,
            "rows": self.targets.shape[0], "columns": self.targets.shape[1],
            "success": self.success, "message": self.message,
            "writes": self.writes, "reads": self.reads,
            "pulses_per_cell_mean": float(self.pulses.mean()),
            "pulses_per_cell_max": int(self.pulses.max()),
            "energy_joule": self.energy, "read_energy_joule": self.read_energy,
            "time_second": self.time,
            "error_rms_siemens": float(np.sqrt(np.mean(self.error**2))),
            "relative_error_mean": float(relative.mean()),
            "relative_error_std": float(relative.std()),
            "relative_error_worst": float(np.abs(relative).max()),
            "cell_error_rms_siemens": float(np.sqrt(np.mean(self.cell_error**2))),
            "relative_cell_error_worst": float(np.abs(self.relative_cell_error).max()),
            "unconverged": [list(cell) for cell in self.unconverged],
            "disturbed": [list(cell) for cell in self.disturbed],
        }

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per cell as a pandas DataFrame.

        Raises
        ------
        BackendUnavailable
            Pandas is not installed.
        """
        i, j = np.indices(self.targets.shape)
        away = np.zeros(self.targets.shape, dtype=bool)
        moved = away.copy()
        for mask, cells in ((away, self.unconverged), (moved, self.disturbed)):
            for cell in cells:
                mask[cell] = True
        columns: dict[str, Any] = {
            "row": i, "column": j, "target": self.targets, "initial": self.initial,
            "measured": self.measured, "conductance": self.conductance, "error": self.error,
            "cell_error": self.cell_error,
            "set_pulses": self.set_pulses, "reset_pulses": self.reset_pulses,
            "disturb": self.disturb, "converged": ~away, "disturbed": moved,
        }
        return dataframe({name: np.ravel(value) for name, value in columns.items()})
