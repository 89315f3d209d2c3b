"""The crossbar as a parametric netlist: geometry, wires, line ends and cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import NetlistError, ParameterError
from ...core.files import save_arrays
from ...core.npz import open_npz
from ...core.settings import checks_arguments
from ...core.validation import Array
from ...core.views.panels import Field, HeatMap
from ...core.views.shown import View, notebook
from ..circuit import Circuit
from .cells import Cells, Resistive, StoredCells, read_cells
from .ends import END_NAMES, EndArrays, Ends, end_arrays
from .ends_json import ends_from_json, ends_to_json
from .expansion import expand_crossbar
from .waveforms import LineWaves, Waveforms
from .wires import Wires

__all__ = ["Crossbar", "Resistive", "Wires"]

_FORMAT = 1


class Crossbar:
    """A crossbar of M word lines (rows) and N bit lines (columns).

    Parameters
    ----------
    conductance : (M, N) array
        Siemens, rows = word lines; short for ``cells=Resistive(conductance)``.
    wires : Wires
        Line resistances; the default has none.
    ends : Ends
        What the ends of the lines are tied to; the default drives the word lines from the left
        and senses the bit lines at the bottom with virtual grounds.
    cells : Resistive or array of devices
        The cells, instead of `conductance`: ``VTEAM().array(conductance=G)``,
        ``OneSelectorOneResistor(...)``, ``OneTransistorOneResistor(...)``.
    layout : {"crosspoint", "parallel"}
        In "parallel" both families of lines run along the columns, as the bit and source lines of
        a standard 1T1R macro: N two-rail ladders of M cells. V then has one value per column, the
        "left" end of a word line is above row 0 and the "right" one below row M-1; ``Wires.word``
        is (M, N), ``[i, j]`` leading to row i, or (M+1, N) with the segment beyond the last row.

    Raises
    ------
    ParameterError
        Wrong shape, NaN or infinite conductance, negative values.

    Notes
    -----
    A float64, C-contiguous `conductance` is not copied: do not change it in place afterwards.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Solver, Wires
    >>> xbar = Crossbar(conductance=np.full((2, 3), 1e-5), wires=Wires(word=1.0, bit=1.0))
    >>> Solver().solve(xbar, [0.1, 0.2]).currents.shape
    (3,)
    """

    @checks_arguments
    def __init__(
        self,
        conductance: ArrayLike | None = None,
        wires: Wires | None = None,
        ends: Ends | None = None,
        *,
        cells: Resistive | Cells | None = None,
        layout: Literal["crosspoint", "parallel"] = "crosspoint",
    ) -> None:
        if layout not in ("crosspoint", "parallel"):
            raise ParameterError(f'`layout` must be "crosspoint" or "parallel"; got {layout!r}')
        if (conductance is None) == (cells is None):
            raise ParameterError("give either `conductance` or `cells`")
        if cells is None:
            cells = Resistive(np.asarray(conductance))
        if not (isinstance(cells, Resistive) or hasattr(cells, "evaluate")):
            raise ParameterError(
                "`cells` must be Resistive(...), an array of devices such as "
                "VTEAM().array(conductance=G), OneSelectorOneResistor(...) or "
                f"OneTransistorOneResistor(...); got {type(cells).__name__}"
            )
        if wires is not None and not isinstance(wires, Wires):
            raise ParameterError(f"`wires` must be Wires(...); got {type(wires).__name__}")
        if ends is not None and not isinstance(ends, Ends):
            raise ParameterError(f"`ends` must be Ends(...); got {type(ends).__name__}")
        self.cells: Resistive | Cells = cells
        self.layout = layout
        self.wires = wires if wires is not None else Wires()
        self.ends = ends if ends is not None else Ends()
        shape = cells.conductance.shape if isinstance(cells, Resistive) else cells.shape
        self.shape: tuple[int, int] = (int(shape[0]), int(shape[1]))
        self._check_shapes()

    @property
    def conductance(self) -> Array:
        """Cell conductances, (M, N) siemens; those of devices at their read voltage."""
        return self.cells.conductance

    @property
    def linear(self) -> bool:
        """Whether all cells are plain resistors."""
        return isinstance(self.cells, Resistive)

    def with_cells(self, cells: Resistive | Cells) -> Crossbar:
        """Return the same lines with other cells."""
        return Crossbar(wires=self.wires, ends=self.ends, cells=cells, layout=self.layout)

    def __repr__(self) -> str:
        rows, columns = self.shape
        layout = "" if self.layout == "crosspoint" else ", layout='parallel'"
        return f"Crossbar({rows}x{columns}, {self.wires!r}{layout})"

    def _repr_html_(self) -> str:
        rows, columns = self.shape
        cells = type(self.cells).__name__
        facts = {"cells": f"{rows} x {columns}, {cells}", "wires": repr(self.wires),
                 "layout": self.layout}
        panel = HeatMap("Cells", [Field("conductance", "S", self.conductance)])
        return notebook(View(f"Crossbar of {rows} x {columns}", facts, [panel]))

    @property
    def inputs(self) -> int:
        """Number of word lines, and so of the entries of V: M, or N in the parallel layout."""
        return self.shape[1 if self.layout == "parallel" else 0]

    def line_count(self, end: str) -> int:
        """Return the number of lines with the end `end`, such as ``"word_left"``."""
        return self.inputs if end.startswith("word") else self.shape[1]

    def _check_shapes(self) -> None:
        rows, columns = self.shape
        allowed = {
            "word": ((rows, columns), (rows, columns + 1) if self.layout == "crosspoint"
                     else (rows + 1, columns)),
            "bit": ((rows, columns), (rows + 1, columns)),
            "driver": ((self.inputs,),),
            "sense": ((columns,),),
            "word_capacitance": (self.shape,), "bit_capacitance": (self.shape,),
        }
        for name, shapes in allowed.items():
            array = getattr(self.wires, name)
            if array.ndim and array.shape not in shapes:
                expected = " or ".join(map(str, shapes))
                raise ParameterError(
                    f"`wires.{name}` must be a scalar or have shape {expected} "
                    f"for a {rows}x{columns} crossbar; got {array.shape}"
                )
        for name in END_NAMES:
            value = getattr(self.ends, name)
            count = self.line_count(name)
            if isinstance(value, tuple) and len(value) != count:
                raise ParameterError(f"`ends.{name}` has {len(value)} ends for {count} lines")

    @property
    def word_segments(self) -> Array:
        """Word-line segments, (M, N+1) ohm: ``[i, j]`` leads to crosspoint j, ``[i, N]`` away.

        In the parallel layout (M+1, N): ``[i, j]`` leads to row i, ``[M, j]`` away.
        """
        return self.wires.word_segments(self.shape, self.layout)

    @property
    def bit_segments(self) -> Array:
        """Bit-line segments, (M+1, N) ohm: ``[i, j]`` leads to row i, ``[M, j]`` to the sense."""
        return self.wires.bit_segments(self.shape)

    @cached_property
    def line_ends(self) -> dict[str, EndArrays]:
        """The four ends as arrays, keyed by ``"word_left"`` etc."""
        word, bit = self.wires.word, self.wires.bit
        segments = self.word_segments.T if self.layout == "parallel" else self.word_segments
        outer = {
            "word_left": word if word.ndim == 0 else segments[:, 0],
            "word_right": word if word.ndim == 0 else segments[:, -1],
            "bit_top": bit if bit.ndim == 0 else self.bit_segments[0],
            "bit_bottom": bit if bit.ndim == 0 else self.bit_segments[-1],
        }
        result = {}
        for name in END_NAMES:
            word_line = name.startswith("word")
            arrays = end_arrays(
                self.ends, name, self.line_count(name), outer[name],
                self.wires.driver_of(name), self.wires.sense_of(name),
            )
            tied = arrays.kind in ("input", "mixed")
            if not word_line and tied and bool((np.isnan(arrays.voltage) & arrays.connected).any()):
                raise ParameterError(
                    f"`ends.{name}`: a driven bit line needs its own voltage, Driven(voltage=...): "
                    "the entries of V belong to the word lines"
                )
            result[name] = arrays
        return result

    @checks_arguments
    def to_circuit(
        self, V: ArrayLike | None = None, *, gate_voltage: ArrayLike | None = None,
        waveforms: Waveforms | None = None, gate: LineWaves | None = None,
        t_stop: float | None = None, max_step: float = 0.0,
    ) -> Circuit:
        """Expand to a flat `Circuit`, whose `Circuit.to_spice` is a deck for ngspice.

        Crosspoints are ``wl{i}_{j}`` and ``bl{i}_{j}``, from 0; nodes joined by exactly 0 ohm are
        one node with the others' names as aliases. Sources are named after their line and end
        (``V_wl3_left``), sense amplifiers ``V_bl2_bottom`` (virtual ground: its current is the
        output), ``R_bl2_bottom_load`` or ``E_bl2_bottom``. Open cells are left out. Devices become
        the subcircuits ``X_cell3_2``; with `waveforms` the share of its range at which state ``x``
        is, 0 to 1, is ``v(x_cell3_2.s_x)``. Gates are driven by ``V_gate3``.

        Parameters
        ----------
        V : (M,) array, volt
            Static input: the states of devices are frozen.
        gate_voltage : float or array, volt, optional
            Instead of the cells' own.
        waveforms, gate, t_stop
            Instead of V, for a transient, as for `Solver.transient`.
        max_step : float
            Largest step of the transient, second; 0 leaves it to SPICE.

        Returns
        -------
        Circuit

        Raises
        ------
        ParameterError
            Inputs that do not fit, cells that cannot be written out.

        Examples
        --------
        >>> from crossbarsim import Crossbar, Simulator, Wires
        >>> circuit = Crossbar([[1e-4]], Wires(word=10.0, bit=10.0)).to_circuit([0.1])
        >>> circuit.nodes
        ('wl0_0', 'bl0_0', 'wl0_left_end', 'bl0_bottom_end')
        >>> round(1e6 * Simulator().operating_point(circuit)["i(v_bl0_bottom)"], 3)  # microampere
        9.98
        """
        return expand_crossbar(
            self, V, gate_voltage=gate_voltage, waveforms=waveforms, gate=gate, t_stop=t_stop,
            max_step=max_step,
        )

    def to_arrays(self) -> dict[str, Any]:
        """Return all that defines the crossbar as named arrays, for an ``.npz`` file.

        Raises
        ------
        ParameterError
            Cells that cannot be saved.
        """
        header = json.dumps({
            "format": _FORMAT, "ends": ends_to_json(self.ends), "layout": self.layout
        })
        wires = {f"wires_{name}": getattr(self.wires, name) for name in Wires.__slots__}
        if isinstance(self.cells, Resistive):
            cells: dict[str, Any] = {"conductance": self.conductance}
        elif isinstance(self.cells, StoredCells):
            cells = self.cells.to_arrays()
        else:
            raise ParameterError(f"{type(self.cells).__name__} cannot be saved: no to_arrays")
        return {"crossbar": np.array(header), **cells, **wires}

    @classmethod
    def from_arrays(cls, data: Mapping[str, Any]) -> Crossbar:
        """Make the crossbar that `to_arrays` described.

        Raises
        ------
        NetlistError
            Another format version.
        KeyError
            An array is missing.
        """
        header = json.loads(str(data["crossbar"]))
        if not isinstance(header, dict) or "format" not in header:
            raise NetlistError("holds no crossbar")
        if header["format"] != _FORMAT:
            raise NetlistError(
                f"holds a crossbar of format {header.get('format')}; this version reads {_FORMAT}"
            )
        wires = Wires(**{name: data[f"wires_{name}"] for name in Wires.__slots__})
        cells = read_cells(data) if "cells" in data else Resistive(data["conductance"])
        return cls(
            wires=wires, ends=ends_from_json(header["ends"]), cells=cells,
            layout=header.get("layout", "crosspoint"),
        )

    def save(self, path: str | Path) -> None:
        """Write everything to `path`, a versioned ``.npz`` that never holds pickled objects.

        Raises
        ------
        ParameterError
            Cells that cannot be saved.
        """
        save_arrays(path, **self.to_arrays())

    @classmethod
    def load(cls, path: str | Path) -> Crossbar:
        """Read what `save` wrote.

        Raises
        ------
        NetlistError
            The file is not such a file, damaged, or of another version.
        OSError
            As `open`.
        """
        with open_npz(path, "Crossbar") as data:
            return cls.from_arrays(data)
