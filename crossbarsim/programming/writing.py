"""One write, a transient of the whole array under pulses; and the read that verifies it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.draws import Seed
from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..core.validation import Array
from ..netlists.crossbar.crossbar import Crossbar
from ..netlists.crossbar.ends import Driven, End, Ends, Floating, Grounded, Sensed
from ..solvers import Solver
from ..solvers.crossbar.transient import TransientResult
from .polarity import set_sign
from .pulses import PulseTrain
from .schemes import Lines, Operation, Scheme, scheme_of

__all__ = ["check_ends", "drive_lines", "read_rows", "write", "write_ends"]

_OPERATIONS = ("set", "reset", "form")


def check_ends(xbar: Crossbar) -> None:
    """Raise a `ParameterError` for ends that cannot both read and write."""
    columns = xbar.shape[1]
    for name in ("word_left", "word_right"):
        for k, end in enumerate(xbar.ends.per_line(name, xbar.inputs)):
            if not (isinstance(end, Floating) or (isinstance(end, Driven) and end.voltage is None)):
                raise ParameterError(
                    f"`ends.{name}`, line {k}: to be programmed, word lines must be Driven() or "
                    f"Floating(); got {end!r}"
                )
    for k, end in enumerate(xbar.ends.per_line("bit_bottom", columns)):
        if not isinstance(end, Sensed):
            raise ParameterError(
                f"`ends.bit_bottom`, line {k}: to be verified, bit lines must be Sensed(); "
                f"got {end!r}"
            )


def write_ends(xbar: Crossbar, lines: Lines) -> dict[str, list[End]]:
    """Return ends by name in which write drivers take the place of the sense amplifiers."""
    found: dict[str, list[End]] = {}
    for name in ("word_left", "word_right", "bit_top", "bit_bottom"):
        word = name.startswith("word")
        volts = lines.word if word else lines.bit
        ends: list[End] = []
        for k, end in enumerate(xbar.ends.per_line(name, xbar.line_count(name))):
            if isinstance(end, Floating) or np.isnan(volts[k]):
                ends.append(Floating())
            elif word:
                ends.append(end)
            else:
                behind = 0.0 if isinstance(end, Sensed) else end.resistance
                ends.append(Driven(voltage=0.0, resistance=behind))
        found[name] = ends
    return found


@checks_arguments
def drive_lines(
    xbar: Crossbar, lines: Lines, pulse: PulseTrain, *, probes: Sequence[Any] = (),
    seed: Seed = None, rtol: float = 1e-4,
    max_step: float | None = None, solver: Solver | None = None
) -> TransientResult:
    """Apply one pulse, or a train of them, to all lines of an array.

    Parameters
    ----------
    xbar : Crossbar
    lines : Lines
        Voltages at the top of the pulses.
    pulse : PulseTrain
    probes, seed, rtol
        As for `Solver.transient`.
    max_step : float, optional
        Second; default: a twentieth of a pulse.
    solver : Solver, optional

    Returns
    -------
    TransientResult
        Its ``crossbar`` has the ends of `xbar` and the new states.

    Raises
    ------
    ParameterError
        Lines that float while bit lines are driven to other voltages than 0 V.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import HalfVoltage, PulseTrain, drive_lines
    >>> device = VTEAM.preset("magic")
    >>> xbar = Crossbar(cells=device.array(np.full((3, 3), 5e-6)), wires=Wires(2.0, 2.0))
    >>> lines = HalfVoltage().lines(xbar, 1, np.array([True, True, False]), -1.8, "set")
    >>> found = drive_lines(xbar, lines, PulseTrain(10e-9))
    >>> (found.crossbar.conductance > 1e-5).astype(int)
    array([[0, 0, 0],
           [1, 1, 0],
           [0, 0, 0]])
    """
    t, share = pulse.table()
    word = np.outer(share, np.nan_to_num(lines.word))
    bit = np.outer(share, np.nan_to_num(lines.bit))
    array = Crossbar(
        wires=xbar.wires, ends=Ends(**write_ends(xbar, lines)), cells=xbar.cells, layout=xbar.layout
    )
    waveforms: Any = (t, word)
    if bit.any():
        if np.isnan(lines.word).any() or np.isnan(lines.bit).any():
            raise ParameterError("lines may float only where driven bit lines are at 0 V")
        waveforms = {
            name: (t, word if name.startswith("word") else bit)
            for name, end in array.line_ends.items() if end.kind != "open"
        }
    gate = None
    if lines.gate is not None:
        gate = (np.array([0.0, t[-1]]), np.tile(lines.gate, (2, 1)))
    found = (solver or Solver()).transient(
        array, waveforms, float(t[-1]), gate=gate, probes=probes, seed=seed, rtol=rtol,
        # the error control watches states; a current that is curved in them needs some steps too
        max_step=max_step or 0.05 * pulse.duration / pulse.count,
    )
    found.crossbar = xbar.with_cells(found.crossbar.cells)
    return found


@checks_arguments
def write(
    xbar: Crossbar, row: int, columns: ArrayLike, voltage: float, pulse: PulseTrain | float, *,
    operation: Operation = "set", scheme: str | Scheme | None = None, probes: Sequence[Any] = (),
    seed: Seed = None, rtol: float = 1e-4,
    max_step: float | None = None, solver: Solver | None = None
) -> TransientResult:
    """SET, RESET or FORM cells of one row, in a transient of the whole array.

    Parameters
    ----------
    xbar : Crossbar
    row : int
    columns : sequence of int, or (N,) bool
        The cells to write.
    voltage : float
        Volt over the selected cells, >= 0; its sign follows from the operation and the model.
    pulse : PulseTrain or float
        A float is the width of one pulse, second.
    operation : {"set", "reset", "form"}
    scheme : {"v/2", "v/3", "floating", "1t1r"} or Scheme, optional
        Default: "1t1r" for cells with transistors, else "v/2".
    probes, seed, rtol
        As for `Solver.transient`.
    max_step : float, optional
        Second; default: a twentieth of a pulse.

    Returns
    -------
    TransientResult
        With ``crossbar``, the array afterwards, and ``energy``, joule.

    Raises
    ------
    ParameterError
        Cells that are no devices, a row or columns out of range, or a scheme that does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import write
    >>> cells = VTEAM.preset("magic").array(conductance=np.full((4, 4), 5e-6))
    >>> after = write(Crossbar(cells=cells, wires=Wires(2.0, 2.0)), 1, [2], 1.8, 10e-9).crossbar
    >>> bool(after.conductance[1, 2] > 1e-5), bool(after.conductance[0, 0] < 1e-5)
    (True, True)
    """
    cells: Any = xbar.cells
    if not hasattr(cells, "device"):
        raise ParameterError(
            f"the cells must be devices, such as VTEAM().array(...); got {type(cells).__name__}"
        )
    if operation not in _OPERATIONS:
        raise ParameterError(f"`operation` must be one of {_OPERATIONS}; got {operation!r}")
    if isinstance(row, bool) or row not in range(xbar.shape[0]):
        raise ParameterError(f"`row` must be 0 to {xbar.shape[0] - 1}; got {row!r}")
    if not (np.isfinite(voltage) and voltage >= 0):
        raise ParameterError(f"`voltage` must be finite and >= 0 V; got {voltage!r}")
    chosen = scheme_of(xbar, scheme)
    check_ends(xbar)
    mask = column_mask(xbar, columns)
    train = pulse if isinstance(pulse, PulseTrain) else PulseTrain(pulse)
    sign = set_sign(cells.device) * (-1 if operation == "reset" else 1)
    lines = chosen.lines(xbar, row, mask, sign * voltage, operation)
    return drive_lines(xbar, lines, train, probes=probes, seed=seed, rtol=rtol,
                       max_step=max_step, solver=solver)


def column_mask(xbar: Crossbar, columns: ArrayLike) -> NDArray[np.bool_]:
    """Return the chosen columns as (N,) bool.

    Raises
    ------
    ParameterError
        Columns that do not exist, or none at all.
    """
    chosen = np.asarray(columns)
    count = xbar.shape[1]
    if chosen.dtype == bool and chosen.shape == (count,):
        mask = chosen
    else:
        mask = np.zeros(count, dtype=bool)
        if chosen.dtype.kind not in "iu" or chosen.ndim > 1 or not (
            (chosen >= 0) & (chosen < count)
        ).all():
            raise ParameterError(
                f"`columns` must be numbers from 0 to {count - 1} or ({count},) bool; "
                f"got {columns!r:.60}"
            )
        mask[chosen] = True
    if not mask.any():
        raise ParameterError("`columns` selects no cell")
    return mask


def read_rows(
    xbar: Crossbar, rows: list[int], voltage: float, scheme: Scheme,
    solver: Solver | None = None,
) -> tuple[Array, float]:
    """Read rows one after the other, all other word lines at 0 V and all bit lines sensed.

    In the parallel layout all word lines are driven, and the gates select the row.

    Returns
    -------
    currents : (len(rows), N) ampere
    power : float
        Watt, summed over the rows.
    """
    solver = solver or Solver()
    parallel = xbar.layout == "parallel"  # then gates alone select the row
    V = voltage * (np.ones((len(rows), xbar.inputs)) if parallel else np.eye(xbar.inputs)[rows])
    gates = [scheme.read_gate(xbar, row) for row in rows]
    if all(gate is None for gate in gates):
        found = [solver.solve(xbar, V, fields="currents")]
    else:
        found = [
            solver.solve(xbar, v[None], gate_voltage=g, fields="currents")
            for v, g in zip(V, gates, strict=True)
        ]
    tops = [isinstance(end, (Sensed, Grounded)) for end in
            xbar.ends.per_line("bit_top", xbar.shape[1])]
    currents = np.concatenate([
        s.currents + np.where(tops, s.end_currents["bit_top"], 0.0) for s in found
    ])
    return currents, float(sum(np.sum(s.power) for s in found))
