"""The result of a crossbar solve, with its own evidence."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import NetlistError, ParameterError
from ..core.files import save_arrays
from ..core.npz import field, open_npz
from ..core.validation import Array
from ..core.views.brief import brief
from ..core.views.optional import dataframe, dataset
from ..core.views.page import Page
from ..core.views.shown import Shown, View
from ..netlists.crossbar.crossbar import Crossbar
from ..netlists.crossbar.ends import END_NAMES
from .crossbar.problem import RawSolution, check_input
from .crossbar.views import Solves, gradients_view, solution_view, solved_over

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Gradients", "Solution"]

_FORMAT = 1


class Solution(Shown):
    """The result of `Solver.solve`: node voltages and end currents of a crossbar.

    A leading batch axis B is there exactly when V had one. Fields that were not kept raise
    `ParameterError`.

    Attributes
    ----------
    crossbar, V
        What was solved; V (M,) or (B, M) volt.
    currents : (N,) or (B, N)
        Ampere into the bit lines' bottom ends.
    end_currents : dict
        Ampere into every end: ``"word_left"``, ``"word_right"`` (..., M), ``"bit_top"``,
        ``"bit_bottom"`` (..., N). Where two ends of one line are joined by exactly 0 ohm, they
        share the line's current equally.
    residual : float
        Largest violation of Kirchhoff's current law at a node, beyond what rounding the node
        voltages to double precision explains, over the largest branch current at that node (or
        over a millionth of the largest end current, where that is more: a dangling node carries
        none); worst over the batch, at least 2.2e-16. Where only currents are kept and the direct
        method is used, of a sample of eight input vectors.
    iterations : int
        Of the iterative method, worst over the batch; 0 for a direct one.
    method : str
        What computed it.
    gate : (M, N) or (B, M, N) volt, or None
        Gate voltages, where cells have transistors.
    converged : bool
        Whether the residual is at most 1e-8, or 100 `rtol` where that is more (1e-6 of the array
        backends' direct method). False only with ``Solver(on_failure="return")``.

    Examples
    --------
    >>> from crossbarsim import Crossbar, Solver, Wires
    >>> xbar = Crossbar([[1e-4, 2e-4]], Wires(word=10.0, bit=10.0))
    >>> sol = Solver().solve(xbar, [0.1])
    >>> (1e6 * sol.currents).round(3)  # microampere
    array([ 9.96 , 19.861])
    >>> sol.word_voltages.round(4), bool(sol.residual < 1e-9)  # volt
    (array([[0.0997, 0.0995]]), True)
    """

    def __init__(
        self, crossbar: Crossbar, V: Array, raw: RawSolution, solver: Solves | None = None
    ) -> None:
        self.crossbar = crossbar
        self._solver = solver
        self.V = V
        self._raw = raw
        self.end_currents: dict[str, Array] = {
            name: self._shaped(array)
            for name, array in zip(END_NAMES, raw.end_currents, strict=True)
        }
        self.currents: Array = self.end_currents["bit_bottom"]
        self.residual = raw.residual
        self.iterations = raw.iterations
        self.method = raw.method
        self.converged = raw.converged
        self.gate = raw.gate

    def __repr__(self) -> str:
        return (
            f"Solution({self.crossbar!r}, method={self.method!r}, iterations={self.iterations}, "
            f"residual={self.residual:.1e}, converged={self.converged})"
        )

    def _shaped(self, array: Array) -> Array:
        return array[0] if self.V.ndim == 1 else array

    def _field(self, array: Array | None, name: str) -> Array:
        if array is None:
            raise ParameterError(
                f'`{name}` was not kept: solve with fields="all" instead of fields="currents"'
            )
        return self._shaped(array)

    @property
    def word_voltages(self) -> Array:
        """Voltage of the word-line nodes, (M, N) or (B, M, N) volt."""
        return self._field(self._raw.word, "word_voltages")

    @property
    def bit_voltages(self) -> Array:
        """Voltage of the bit-line nodes, (M, N) or (B, M, N) volt."""
        return self._field(self._raw.bit, "bit_voltages")

    @property
    def cell_voltages(self) -> Array:
        """Voltage across every cell, word minus bit, (M, N) or (B, M, N) volt."""
        word = self._field(self._raw.word, "cell_voltages")
        return np.subtract(word, self.bit_voltages)

    @cached_property
    def cell_currents(self) -> Array:
        """Current through every cell, positive from word to bit, (M, N) or (B, M, N) ampere."""
        if self.crossbar.linear:
            return self.crossbar.conductance * self.cell_voltages
        return self._field(self._raw.cell_currents, "cell_currents")

    @property
    def outputs(self) -> Array:
        """Output voltage of the sense amplifiers at the bottom, shaped like `currents`, volt.

        NaN where the end has no amplifier with a voltage output (virtual ground, others).
        """
        return self.currents * self.crossbar.line_ends["bit_bottom"].transresistance

    @cached_property
    def power(self) -> float | Array:
        """Power delivered by all sources, watt: float or (B,)."""
        total = np.zeros(self.V.shape[:-1])
        for name, end in self.crossbar.line_ends.items():
            current = self.end_currents[name]
            volts = np.where(end.connected, end.voltage, 0.0)
            if name.startswith("word"):
                volts = np.where(np.isnan(volts), self.V, volts)
            total -= (volts * current).sum(axis=-1)
        return float(total) if total.ndim == 0 else total

    # -- to look at ----------------------------------------------------------------------------

    @property
    def has_maps(self) -> bool:
        """Whether the voltages of the nodes were kept."""
        return self._raw.word is not None and self._raw.bit is not None

    def _view(self) -> View:
        return solution_view(self)

    def explore(
        self, ohms: ArrayLike | None = None, *, other: str | None = None,
        values: ArrayLike | None = None, solver: Solves | None = None,
    ) -> Page:
        """Solve the array again for other wires; return a page with sliders over them.

        Maps of the cells' voltages and currents with sections through the cell under the cursor,
        and the currents into the sensed ends. Of many input vectors the first eight are shown.

        Parameters
        ----------
        ohms : (K,) array, optional
            Ohm per segment of both families of lines; default: 24 values from 0.1 to 20 ohm and
            the array's own. Where the two differ, or segments do, factors on all of them, 0.1 to
            10 by default.
        other : {"driver", "sense", "voltage"}, optional
            A second slider: ohm in series with the drivers or with the sensed ends, or a factor on
            the inputs.
        values : (L,) array, optional
            Its positions.
        solver : Solver, optional
            Default: the one that solved it. A solution that was loaded needs one; without it the
            page has no slider of wires.

        Returns
        -------
        Page
            ``.save("tile.html")`` writes it; in a notebook it is shown. Positions at which the
            solver does not converge are gaps, and counted.

        Raises
        ------
        ParameterError
            Negative or no `ohms`; `other` without `values`; either of a loaded solution without
            `solver`.
        """
        solver = self._solver if solver is None else solver
        if solver is None and ohms is None and other is None:
            view = self._view()  # of a solution that was loaded: as it is
            return Page(view.title, view.panels, view.facts, view.settings)
        frames, first = solved_over(self, solver, ohms, other, values)
        view = solution_view(self, frames, first, solver)
        return Page(view.title, view.panels, view.facts, view.settings)

    def to_xarray(self) -> xr.Dataset:
        """Return voltages, currents and conductances as an `xarray.Dataset` with labels and units.

        Maps over ("row", "column"), currents over "word_line" and "bit_line", both over "input"
        first where V had a batch; maps only where they were kept.

        Raises
        ------
        BackendUnavailable
            Xarray is not installed.
        """
        lead = () if self.V.ndim == 1 else ("input",)

        def entry(values: Array, unit: str, *axes: str) -> Any:
            return ((*lead, *axes), values, {"units": unit})

        # in the parallel layout both families run along the columns
        word = "word_line"
        found = {
            "V": entry(self.V, "V", word), "currents": entry(self.currents, "A", "bit_line"),
            "conductance": (("row", "column"), self.crossbar.conductance, {"units": "S"}),
        }
        for name, current in self.end_currents.items():
            line = word if name.startswith("word") else "bit_line"
            found[f"{name}_current"] = entry(current, "A", line)
        if self.has_maps:
            for name, unit in (("word_voltages", "V"), ("bit_voltages", "V"),
                               ("cell_voltages", "V"), ("cell_currents", "A")):
                found[name] = entry(getattr(self, name), unit, "row", "column")
        attributes = {"method": self.method, "residual": self.residual,
                      "iterations": self.iterations, "converged": int(self.converged)}
        return dataset(found, None, attributes)

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per cell, and per input vector where V had a batch.

        Columns: "row", "column", "conductance" (siemens), "word_voltage", "bit_voltage",
        "cell_voltage" (volt), "cell_current" (ampere); "input" before them.

        Raises
        ------
        BackendUnavailable
            Pandas is not installed.
        ParameterError
            The voltages of the nodes were not kept.
        """
        maps = {
            "word_voltage": self.word_voltages, "bit_voltage": self.bit_voltages,
            "cell_voltage": self.cell_voltages, "cell_current": self.cell_currents,
        }
        places = np.indices(self.word_voltages.shape)
        shape = places[0].shape
        columns = {} if self.V.ndim == 1 else {"input": places[0]}
        columns |= {"row": places[-2], "column": places[-1],
                    "conductance": np.broadcast_to(self.crossbar.conductance, shape), **maps}
        return dataframe({name: np.ravel(value) for name, value in columns.items()})

    def save(self, path: str | Path) -> None:
        """Write the solution and its crossbar to `path`, a versioned ``.npz``.

        Raises
        ------
        ParameterError
            Cells that cannot be saved.
        """
        meta = {
            "format": _FORMAT, "residual": self.residual, "iterations": self.iterations,
            "method": self.method, "converged": self.converged,
        }
        arrays = dict(zip(END_NAMES, self._raw.end_currents, strict=True))
        if self._raw.word is not None and self._raw.bit is not None:
            arrays |= {"word_voltages": self._raw.word, "bit_voltages": self._raw.bit}
        for name in ("cell_currents", "gate"):
            value = getattr(self._raw, name)
            if value is not None:
                arrays[f"solution_{name}"] = value
        save_arrays(
            path, solution=np.array(json.dumps(meta)), V=self.V, **arrays,
            **self.crossbar.to_arrays(),
        )

    @classmethod
    def load(cls, path: str | Path) -> Solution:
        """Read what `save` wrote.

        Raises
        ------
        NetlistError
            The file is not such a file, damaged, or of another version.
        OSError
            As `open`.
        """
        with open_npz(path, "Solution") as data:
            meta = json.loads(str(data["solution"]))
            if meta.pop("format", None) != _FORMAT:
                raise NetlistError("is of another format version")
            xbar = Crossbar.from_arrays(data)
            (m, n), V = xbar.shape, data["V"]
            words = n if xbar.layout == "parallel" else m
            inputs = check_input(xbar, field(data, "V", V.shape))
            batch = inputs.shape[0] if inputs.ndim == 2 else 1
            left, right, top, bottom = (
                field(data, name, (batch, words if name.startswith("word") else n))
                for name in END_NAMES
            )
            word, bit, cell_currents = (
                field(data, name, (batch, m, n)) if name in data else None
                for name in ("word_voltages", "bit_voltages", "solution_cell_currents")
            )
            if (word is None) != (bit is None):
                raise NetlistError("has node voltages of one side alone")
            gate = data.get("solution_gate")
            if gate is not None:
                gate = field(data, "solution_gate", (*gate.shape[:-2], m, n))
            raw = RawSolution(
                word=word, bit=bit, end_currents=(left, right, top, bottom),
                residual=float(meta.pop("residual")), iterations=int(meta.pop("iterations")),
                method=str(meta.pop("method")),
                gave_up=meta.pop("converged") is not True, bound=np.inf,
                cell_currents=cell_currents, gate=gate, **meta,
            )
            return cls(xbar, V, raw)


class Gradients(Shown):
    """The result of `Solver.vjp`: gradients of a scalar loss of the currents.

    Attributes
    ----------
    V : like V, loss per volt
    conductance : (M, N), loss per siemens, summed over the batch
    word, bit : like `Wires.word` and `Wires.bit`, loss per ohm, summed over the batch; finite
        also at 0 ohm (there the derivative from above)
    state, gate : (S, M, N) and (M, N), or None
        Of arrays of devices: loss per unit of every state, and per volt of every gate, summed
        over the batch. `conductance` is then with respect to the conductance at the read voltage,
        which the device's main state determines.

    Examples
    --------
    >>> from crossbarsim import Crossbar, Solver
    >>> sol = Solver().solve(Crossbar([[1e-4], [3e-4]]), [0.1, 0.2])
    >>> gradients = Solver().vjp(sol, [1.0])  # of the current itself
    >>> gradients.V.round(9), gradients.conductance.round(9)  # siemens, volt
    (array([0.0001, 0.0003]), array([[0.1],
           [0.2]]))
    """

    __slots__ = ("V", "bit", "conductance", "gate", "state", "word")

    def __init__(
        self, V: Array, conductance: Array, word: Array, bit: Array, state: Array | None = None,
        gate: Array | None = None,
    ) -> None:
        self.V = V
        self.conductance = conductance
        self.word = word
        self.bit = bit
        self.state = state
        self.gate = gate

    def __repr__(self) -> str:
        m, n = self.conductance.shape
        return f"Gradients({m}x{n}, V={brief(self.V)}, conductance={brief(self.conductance)})"

    def _view(self) -> View:
        return gradients_view(self)
