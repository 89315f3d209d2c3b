"""What an array did in time, with labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import ParameterError
from ..core.validation import Array
from ..core.views.brief import brief_repr
from ..core.views.optional import dataframe, dataset
from ..core.views.shown import Shown, View
from ..netlists.crossbar.crossbar import Crossbar
from .crossbar.transient_view import transient_view

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Probe", "ProbeName", "TransientResult"]

ProbeName = Literal[
    "state", "conductance", "cell_voltages", "cell_currents", "word_voltages", "bit_voltages"
]
Probe = ProbeName | tuple[ProbeName, tuple[int, int]]
"""What a transient of an array keeps at every step: of all cells, or of the cell (i, j)."""

_UNITS = {
    "conductance": "S", "cell_voltages": "V", "cell_currents": "A", "word_voltages": "V",
    "bit_voltages": "V",
}


def _unit(unit: str) -> dict[str, str]:
    return {"units": unit}


@dataclass(eq=False)
class TransientResult(Shown):
    """The result of the transient of an array.

    ``result["state"]``, ``result["conductance", (0, 1)]`` are the probes; what `probes` did not ask
    for raises `ParameterError`.

    Attributes
    ----------
    time : (T,) second
        Every accepted step, breakpoints of the sources among them.
    currents : (T, N) ampere
        Into the bit lines' bottom ends.
    end_currents : dict
        Ampere into every end, (T, M) or (T, N), by ``"word_left"``, ``"bit_bottom"``, ...
    end_energy : dict
        Joule that each line's source has delivered, (M,) or (N,), by the same names.
    energy : float
        Joule delivered by all sources.
    probes : dict
        What was asked for, each with the time axis first: states (T, S, M, N), others (T, M, N) in
        siemens, volt or ampere; of one cell without M, N.
    crossbar : Crossbar
        The array as it is at the end.
    steps, rejected, newton : int
        Steps taken and refused, Newton steps in all.
    jumps : int
        Steps at the resolution of time, across a switching too fast to follow.
    residual : float
        Largest violation of Kirchhoff's law of any step.
    success : bool
        False where the run was interrupted; `message` says where.
    method : str
        Of the linear steps; then, where compiled transistors were read from tables, how those did.

    Examples
    --------
    >>> from crossbarsim import Crossbar, Solver
    >>> from crossbarsim.devices import VTEAM
    >>> xbar = Crossbar(cells=VTEAM.preset("magic").array(conductance=[[1e-3]]))
    >>> run = Solver().transient(xbar, ([0.0, 1e-9], [[0.1], [0.1]]), probes=["cell_voltages"])
    >>> run["cell_voltages"][-1].round(6), f"{run.energy:.3e}"  # volt, joule
    (array([[0.1]]), '1.000e-14')
    """

    time: Array
    currents: Array
    end_currents: dict[str, Array]
    end_energy: dict[str, Array]
    energy: float
    probes: dict[Probe, Array]
    crossbar: Crossbar
    steps: int
    rejected: int
    newton: int
    residual: float
    jumps: int = 0
    success: bool = True
    message: str = ""
    method: str = ""

    __repr__ = brief_repr

    def __getitem__(self, probe: Probe) -> Array:
        if probe not in self.probes:
            kept = ", ".join(map(repr, self.probes)) or "nothing"
            raise ParameterError(f"{probe!r} was not kept; `probes` asked for {kept}")
        return self.probes[probe]

    def _view(self) -> View:
        cells: Any = self.crossbar.cells
        own = getattr(getattr(cells, "device", None), "states", ())
        return transient_view(self, _UNITS, [(one.name, one.unit) for one in own])

    def to_xarray(self) -> xr.Dataset:
        """Return currents, end currents and probes as an `xarray.Dataset` with labels and units.

        Raises
        ------
        BackendUnavailable
            Xarray is not installed.
        """
        names = getattr(getattr(self.crossbar.cells, "device", None), "state_names", ())
        found: dict[str, Any] = {"currents": (("time", "bit_line"), self.currents, _unit("A"))}
        for name, current in self.end_currents.items():
            line = "word_line" if name.startswith("word") else "bit_line"
            found[f"{name}_current"] = (("time", line), current, _unit("A"))
        for probe, values in self.probes.items():
            name, cell = (probe, None) if isinstance(probe, str) else probe
            inner = () if cell else ("row", "column")
            own = ("state_name",) if name == "state" else ()
            label = name if cell is None else f"{name}_{cell[0]}_{cell[1]}"
            found[label] = (("time", *own, *inner), values, _unit(_UNITS.get(name, "")))
        coordinates: dict[str, Any] = {"time": ("time", self.time, _unit("s"))}
        if any("state_name" in entry[0] for entry in found.values()):
            count = len(self.crossbar.cells.state)  # type: ignore[union-attr]
            extra = [f"access_{k}" for k in range(count - len(names))]
            coordinates["state_name"] = [*names, *extra]
        return dataset(found, coordinates, {"energy": self.energy})

    def to_dataframe(self) -> pd.DataFrame:
        """Return the currents into the bit lines' bottom ends as a `pandas.DataFrame` over time.

        Raises
        ------
        BackendUnavailable
            Pandas is not installed.
        """
        columns = {f"bit_line_{j}": self.currents[:, j] for j in range(self.currents.shape[1])}
        return dataframe(columns, {"time": self.time})
