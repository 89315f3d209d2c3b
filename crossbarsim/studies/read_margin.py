"""Reading one cell of an array without transistors: sneak currents, margin and delay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..core.errors import ParameterError
from ..core.settings import checks_arguments, closest
from ..core.validation import Array
from ..core.views.brief import brief_repr
from ..core.views.shown import Shown, View
from ..devices import Device, OneSelectorOneResistor
from ..devices.compact_models.static import Ohmic
from ..netlists.crossbar.crossbar import Crossbar, Resistive, Wires
from ..netlists.crossbar.ends import Driven, End, Ends, Floating, Grounded, Sensed
from ..solvers import Solver
from .engine.records import optional_record
from .results.view import points_view

__all__ = [
    "READ_SCHEMES", "ReadMargin", "checked_sizes", "chosen_schemes", "described_wires",
    "read_ends", "read_margin", "sneak_resistance", "uniform_wires",
]

READ_SCHEMES = ("floating", "v/2", "v/3", "grounded")
"""What unselected lines do: float; V/2 both; word lines V/3 and bit lines 2V/3; 0 V both."""

_SHARES = {"v/2": (0.5, 0.5), "v/3": (1.0 / 3.0, 2.0 / 3.0)}


@dataclass(frozen=True, eq=False)
class ReadMargin(Shown):
    """Read currents of one cell in both states against the size of the array.

    Attributes
    ----------
    table : DataFrame
        Columns ``size``, ``scheme``, ``selector``, ``i_on``, ``i_off`` (ampere into the selected
        bit line with the cell in its low and high resistance), ``margin`` (i_on - i_off) / i_on,
        ``power`` (watt, reading the cell in its low resistance).
    read_voltage : float, volt
    r_on, r_off : float, ohm
    word, bit : float, ohm per segment
    pattern : str
        State of all other cells.
    """

    table: pd.DataFrame
    read_voltage: float
    r_on: float
    r_off: float
    word: float
    bit: float
    pattern: str

    __repr__ = brief_repr

    def _view(self) -> View:
        settings = {"read_voltage": self.read_voltage, "r_on": self.r_on, "r_off": self.r_off,
                    "word": self.word, "bit": self.bit, "pattern": self.pattern}
        return points_view(
            "Read margin of passive arrays", self.table, ("size", "scheme", "selector"),
            {"margin": "", "i_on": "A", "i_off": "A", "power": "W"},
            {"cell": f"{self.r_on:g} and {self.r_off:g} ohm", "wires": f"{self.word:g} ohm",
             "read voltage": f"{self.read_voltage:g} V"}, settings,
        )

    def largest(self, margin: float = 0.1) -> pd.DataFrame:
        """Return the largest size with at least `margin`, by scheme and selector; 0: none."""
        good = self.table.assign(size=self.table["size"].where(self.table["margin"] >= margin, 0))
        return good.groupby(["selector", "scheme"], sort=False)["size"].max().reset_index()


@checks_arguments
def sneak_resistance(rows: int, columns: int, resistance: float) -> float:
    """Return the resistance of all sneak paths beside one cell, ohm.

    All other cells have `resistance`, lines have none and float: N - 1 cells of the row, then
    (M - 1)(N - 1) cells, then M - 1 cells of the column, each in parallel (Zidan, Fahmy, Hussain
    and Salama, Microelectron. J. 44:176, 2013). 2x2: three cells in series.

    Examples
    --------
    >>> from crossbarsim.studies.read_margin import sneak_resistance
    >>> sneak_resistance(2, 2, 1e3)
    3000.0
    """
    if rows < 2 or columns < 2:
        return np.inf
    m, n = rows - 1, columns - 1
    return resistance * (1.0 / n + 1.0 / (m * n) + 1.0 / m)


def read_ends(scheme: str, size: int, row: int, column: int, voltage: float) -> Ends:
    """Return the ends of a read of cell (row, column): word line driven, bit line sensed."""
    if scheme == "floating":
        words: list[End] = [Floating()] * size
        bits: list[End] = [Floating()] * size
    elif scheme == "grounded":
        words, bits = [Driven(0.0)] * size, [Grounded()] * size
    else:
        word, bit = _SHARES[scheme]
        words, bits = [Driven(word * voltage)] * size, [Driven(bit * voltage)] * size
    words[row], bits[column] = Driven(voltage), Sensed()
    return Ends(word_left=words, bit_bottom=bits)


@checks_arguments
def read_margin(
    sizes: Sequence[int], *, schemes: str | Sequence[str] = READ_SCHEMES,
    selector: Device | Mapping[str, Device | None] | None = None, device: Device | None = None,
    r_on: float = 10e3, r_off: float = 1e6, wires: Wires | None = None,
    read_voltage: float = 1.0, pattern: Literal["lrs", "hrs"] = "lrs",
    solver: Solver | None = None, out: Path | None = None,
) -> ReadMargin:
    """Read the cell farthest from driver and amplifier, in both states, for every size.

    Parameters
    ----------
    sizes : sequence of int
        Of square arrays, >= 2.
    schemes : str or sequence of str
        Of ``"floating"``, ``"v/2"``, ``"v/3"``, ``"grounded"``.
    selector : Device or mapping of names to devices, optional
        In series with every cell, e.g. ``{"none": None, "exponential": ExponentialSelector()}``.
    device : Device, optional
        The cells; default: resistors.
    r_on, r_off : float
        Ohm, of a cell (of a device at its own read voltage); r_on < r_off.
    wires : Wires, optional
        Scalars; default: 1 ohm per segment.
    read_voltage : float
        Volt on the selected word line.
    pattern : {"lrs", "hrs"}
        State of all other cells: "lrs", the worst case, lets most sneak current flow.
    out : Path, optional
        Folder in which every finished point is kept, ``read_margin.jsonl``: a study that was
        interrupted goes on there.

    Raises
    ------
    ParameterError
        Also where `out` holds points of other settings, or another run writes there.

    Returns
    -------
    ReadMargin

    Examples
    --------
    >>> from crossbarsim.studies.read_margin import read_margin
    >>> read_margin([4, 16], schemes="floating").table["margin"].round(2).tolist()
    [0.43, 0.12]
    """
    chosen = chosen_schemes(schemes)
    many = selector if isinstance(selector, Mapping) else {
        "none" if selector is None else selector.name: selector
    }
    wires = uniform_wires(wires)
    _check_states(r_on, r_off)
    if pattern not in ("lrs", "hrs"):
        raise ParameterError(f'`pattern` must be "lrs" or "hrs"; got {pattern!r}')
    if not (np.isfinite(read_voltage) and read_voltage > 0):
        raise ParameterError(f"`read_voltage` must be > 0 V; got {read_voltage!r}")
    solver = solver or Solver()
    rows: list[dict[str, Any]] = []
    context = {
        "r_on": float(r_on), "r_off": float(r_off), "wires": described_wires(wires),
        "read_voltage": float(read_voltage), "pattern": pattern, "device": described(device),
        "selectors": {label: described(gate) for label, gate in many.items()},
        "solver": repr(solver),
    }

    def measure(size: int, scheme: str, gate: Device | None) -> dict[str, float]:
        ends = read_ends(scheme, size, 0, size - 1, read_voltage)
        currents, power = [], 0.0
        for r in (r_off, r_on):
            G = np.full((size, size), 1.0 / (r_on if pattern == "lrs" else r_off))
            G[0, size - 1] = 1.0 / r
            xbar = Crossbar(wires=wires, ends=ends, cells=_cells(G, device, gate))
            found = solver.solve(xbar, np.zeros(size), fields="currents")
            currents.append(float(found.currents[size - 1]))
            power = float(found.power)
        return {"i_on": currents[1], "i_off": currents[0],
                "margin": 1.0 - currents[0] / currents[1], "power": power}

    each = checked_sizes(sizes)
    with optional_record(out, "read_margin.jsonl", context) as record:
        for size in each:
            for label, gate in many.items():
                for scheme in chosen:
                    found = record.take(
                        [size, scheme, label], partial(measure, size, scheme, gate)
                    )
                    rows.append({"size": size, "scheme": scheme, "selector": label, **found})
    return ReadMargin(
        pd.DataFrame(rows), float(read_voltage), float(r_on), float(r_off), float(wires.word),
        float(wires.bit), pattern,
    )


def described(device: Device | None) -> dict[str, Any] | None:
    """Return all that makes a device what it is, as JSON values."""
    if device is None:
        return None
    parameters = {
        name: value if isinstance(value, str) else np.asarray(value).tolist()
        for name, value in device.parameters().items()
    }
    return {"model": type(device).__name__, "polarity": device.polarity,
            "read_voltage": float(device.read_voltage), **parameters}


def described_wires(wires: Wires) -> dict[str, float]:
    """Return uniform wires as JSON values."""
    return {name: float(getattr(wires, name)) for name in Wires.__slots__}


def _cells(G: Array, device: Device | None, selector: Device | None) -> Any:
    if selector is None:
        return Resistive(G) if device is None else device.array(conductance=G)
    return OneSelectorOneResistor((device or Ohmic()).array(conductance=G), selector)


def chosen_schemes(schemes: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of read schemes, or raise for one that there is not."""
    chosen = (schemes,) if isinstance(schemes, str) else tuple(schemes)
    for name in chosen:
        if name not in READ_SCHEMES:
            raise ParameterError(f"no read scheme {name!r}{closest(name, READ_SCHEMES)}")
    return chosen


def checked_sizes(sizes: Sequence[int]) -> list[int]:
    """Return the sizes of square arrays, integers >= 2, or raise."""
    found = []
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 2:
            raise ParameterError(f"`sizes` must be integers >= 2; got {size!r}")
        found.append(int(size))
    if not found:
        raise ParameterError("`sizes` is empty")
    return found


def uniform_wires(wires: Wires | None) -> Wires:
    """Return wires that suit arrays of any size, by default 1 ohm per segment, or raise."""
    wires = Wires(word=1.0, bit=1.0) if wires is None else wires
    for name in Wires.__slots__:
        if getattr(wires, name).ndim:
            raise ParameterError(
                f"`wires.{name}` must be a scalar: the arrays have different sizes"
            )
    return wires


def _check_states(r_on: float, r_off: float) -> None:
    if not (np.isfinite(r_off) and 0 < r_on < r_off):
        raise ParameterError(f"must be 0 < r_on < r_off ohm; got r_on={r_on!r}, r_off={r_off!r}")
