"""How long a read takes: RC delay of the lines against the size of the array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import ConvergenceError, ParameterError
from ..core.settings import checks_arguments
from ..core.validation import Array
from ..core.views.brief import brief_repr
from ..core.views.shown import Shown, View
from ..devices.compact_models.static import Ohmic
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..netlists.crossbar.ends import Driven, Ends, Floating
from ..solvers import Solver
from .engine.records import optional_record
from .read_margin import (
    checked_sizes,
    chosen_schemes,
    described_wires,
    read_ends,
    uniform_wires,
)
from .results.view import points_view

__all__ = ["ReadDelay", "elmore", "read_delay", "settling_time"]

_RISE = 1e-3  # of the Elmore delay


@dataclass(frozen=True, eq=False)
class ReadDelay(Shown):
    """Settling time of the sensed current against the size of the array.

    Attributes
    ----------
    table : DataFrame
        Columns ``size``, ``delay`` (second), ``elmore`` (second, of word and bit line alone),
        ``current`` (ampere, static).
    settle : float
        Relative deviation from the static current that counts as settled.
    waves : list of (t, i)
        Second and ampere, one per size.
    wires : Wires
    resistance : float
        Ohm of every cell.
    """

    table: pd.DataFrame
    settle: float
    waves: list[tuple[Array, Array]]
    wires: Wires
    resistance: float

    __repr__ = brief_repr

    def _view(self) -> View:
        settings = {"resistance": self.resistance, "settle": self.settle,
                    "wires": repr(self.wires)}
        return points_view(
            "Read delay of passive arrays", self.table, ("size",),
            {"delay": "s", "elmore": "s", "current": "A"},
            {"cells": f"{self.resistance:g} ohm", "settled within": f"{self.settle:g}"}, settings,
        )


def elmore(size: int, wires: Wires, sense: float = 0.0) -> float:
    """Return the Elmore delay from the driver to the far end of a word line and down a bit line.

    Lines alone, without cells (Elmore, J. Appl. Phys. 19:55, 1948): each capacitance times the
    resistance between it and the driver, or the amplifier.
    """
    r, c = float(wires.word), float(wires.word_capacitance)
    up = np.arange(1, size + 1)
    word = float((float(wires.driver) + r * up).sum() * c)
    r, c = float(wires.bit), float(wires.bit_capacitance)
    return word + float((float(wires.sense) + sense + r * up).sum() * c)


def settling_time(t: Array, values: Array, final: float, settle: float) -> float | None:
    """Return the time after which `values` stay within `settle` of `final`; None: they do not.

    Linear between the points.
    """
    away = np.abs(values - final) > settle * abs(final)
    if away[-1]:
        return None
    if not away.any():
        return float(t[0])
    k = int(np.flatnonzero(away)[-1])
    edge = final + np.sign(values[k] - final) * settle * abs(final)
    share = (edge - values[k]) / (values[k + 1] - values[k])
    return float(t[k] + share * (t[k + 1] - t[k]))


@checks_arguments
def read_delay(
    sizes: Sequence[int], *, resistance: float = 10e3, wires: Wires | None = None,
    cell_capacitance: float = 0.0, read_voltage: float = 0.1, scheme: str = "grounded",
    settle: float = 0.01, rtol: float = 1e-4, solver: Solver | None = None,
    out: Path | None = None,
) -> ReadDelay:
    """Step the first word line and wait for the current of the farthest cell.

    The cell at the far end of the word line and of the bit line is read, all cells have the same
    resistance.

    Parameters
    ----------
    sizes : sequence of int
    resistance : float
        Ohm of every cell.
    wires : Wires, optional
        Scalars; default: 1 ohm and 0.2 fF per segment.
    cell_capacitance : float
        Farad, across every cell.
    read_voltage : float
        Volt.
    scheme : str
        As for `read_margin`; biased lines are at their voltages before the step.
    settle : float
        Relative to the static current.
    rtol : float
        Of the transient.
    out : Path, optional
        Folder in which every finished size is kept, ``read_delay.jsonl``: a study that was
        interrupted goes on there.

    Returns
    -------
    ReadDelay
        The delay counts from the start of a step whose rise is a thousandth of the Elmore delay.

    Examples
    --------
    >>> from crossbarsim.studies.read_delay import read_delay
    >>> found = read_delay([4, 8])
    >>> bool((found.table["delay"] > 0).all())
    True
    """
    [scheme] = chosen_schemes(scheme)
    wires = uniform_wires(
        wires or Wires(1.0, 1.0, word_capacitance=0.2e-15, bit_capacitance=0.2e-15)
    )
    if not 1e-6 <= settle < 1:
        raise ParameterError(f"`settle` must be >= 1e-6 and < 1; got {settle!r}")
    if not (np.isfinite(resistance) and resistance > 0):
        raise ParameterError(f"`resistance` must be > 0 ohm; got {resistance!r}")
    if not (float(wires.word_capacitance) > 0 or float(wires.bit_capacitance) > 0):
        raise ParameterError("`wires` have no capacitance, so there is no delay; give "
                             "`word_capacitance` or `bit_capacitance`")
    if not elmore(2, wires) > 0:
        raise ParameterError("`wires` have no resistance, so there is no delay")
    solver = solver or Solver()
    rows: list[dict[str, Any]] = []
    waves = []
    context = {
        "resistance": float(resistance), "wires": described_wires(wires),
        "cell_capacitance": float(cell_capacitance), "read_voltage": float(read_voltage),
        "scheme": scheme, "settle": float(settle), "rtol": float(rtol), "solver": repr(solver),
    }

    def measure(size: int) -> dict[str, Any]:
        G = np.full((size, size), 1.0 / resistance)
        xbar = Crossbar(
            wires=wires, ends=read_ends(scheme, size, 0, size - 1, read_voltage),
            cells=Ohmic().array(conductance=G, capacitance=cell_capacitance),
        )
        t, i, final = _step(xbar, read_voltage, settle, rtol, solver)
        return {"delay": settling_time(t, i, final, settle), "current": final,
                "time": t.tolist(), "wave": i.tolist()}

    each = checked_sizes(sizes)
    with optional_record(out, "read_delay.jsonl", context) as record:
        for size in each:
            found = record.take([size], partial(measure, size))
            rows.append({"size": size, "delay": found["delay"], "elmore": elmore(size, wires),
                         "current": found["current"]})
            waves.append((np.array(found["time"]), np.array(found["wave"])))
    return ReadDelay(pd.DataFrame(rows), settle, waves, wires, float(resistance))


def _step(
    xbar: Crossbar, voltage: float, settle: float, rtol: float, solver: Solver
) -> tuple[Array, Array, float]:
    """Return times, the sensed current and its static value; long enough to settle."""
    size = xbar.shape[0]
    final = float(solver.solve(xbar, np.zeros(size), fields="currents").currents[-1])
    static = xbar.line_ends["word_left"]
    rest = np.where(static.connected, static.voltage, 0.0)
    scale = elmore(size, xbar.wires)
    stop = 6.0 * scale
    # every word line takes its voltage from the waveforms, which hold all but the first still
    lines = [Driven() if on else Floating() for on in static.connected]
    driven = Crossbar(
        wires=xbar.wires, cells=xbar.cells,
        ends=Ends(word_left=lines, bit_bottom=xbar.ends.bit_bottom),
    )
    for _ in range(12):
        times = np.array([0.0, _RISE * scale, stop])
        words = np.tile(rest, (3, 1))
        words[:, 0] = 0.0, voltage, voltage
        found = solver.transient(driven, (times, words), rtol=rtol, max_step=stop / 60)
        wave = found.currents[:, -1]
        if settling_time(found.time, wave, final, 0.5 * settle) is not None:
            return found.time, wave, final
        stop *= 2.0
    raise ConvergenceError(
        f"the read current of a {size}x{size} array did not settle within {stop:g} s"
    )
