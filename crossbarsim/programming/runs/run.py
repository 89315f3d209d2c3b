"""One run of program-and-verify: the loop over passes, rows and pulses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.draws import keyed_seed
from ...core.errors import NetlistError
from ...core.validation import Array
from ...core.views.brief import brief_repr
from ...netlists.crossbar.crossbar import Crossbar
from ...solvers import Solver
from ...solvers.crossbar.transient import TransientResult
from ..ladder import Ladder, Rungs
from ..polarity import set_sign
from ..pulses import PulseTrain
from ..reading import target_currents
from ..relaxation import Relaxed, relax_pulse
from ..result import ProgramResult
from ..schemes import SCHEMES, Lines, Operation, Scheme
from ..writing import drive_lines, read_rows
from .checkpoint import Checkpoint
from .row_pulses import RowPulses
from .state import Row, State, ladders_text

__all__ = ["Recipe", "Run"]

Mask = NDArray[np.bool_]

_RESTLESS = 4  # passes of the target
_PATIENCE = 5  # strongest pulses that do not move a cell, until it is given up for this pass


@dataclass(frozen=True, eq=False)
class Recipe:
    """The checked settings of program-and-verify.

    Attributes
    ----------
    ladders : dict
        By direction, +1 (SET or FORM) and -1 (RESET).
    scheme : Scheme
    tolerance : (M, N), relative
    operation : {"program", "form"}
        "form" stops at the first read at or above the target.
    algorithm : str
    max_pulses, passes : int
    read_voltage, read_time : float
    disturb_threshold : float
    seed : SeedSequence
    rtol : float
    criterion : {"read", "cell"}
        Whether cells are judged as read through wires and access elements, or by their own
        conductance.
    pulses : {"transient", "relaxation"}
    """

    ladders: dict[int, Ladder]
    scheme: Scheme
    tolerance: Array
    operation: str
    algorithm: str
    max_pulses: int
    passes: int
    read_voltage: float
    read_time: float
    disturb_threshold: float
    seed: np.random.SeedSequence
    rtol: float
    criterion: str = "read"
    pulses: str = "transient"

    __repr__ = brief_repr


class Run:
    """One run of program-and-verify, which `result` carries out.

    Parameters
    ----------
    xbar : Crossbar
    targets : (M, N) siemens
    recipe : Recipe
    progress : callable, optional
    solver : Solver, optional
    kept : Checkpoint
        Where it goes on from, and keeps how far it has come.
    """

    def __init__(
        self, xbar: Crossbar, targets: Array, recipe: Recipe,
        progress: Callable[[float], None] | None, solver: Solver | None, kept: Checkpoint,
    ) -> None:
        self._xbar, self.targets, self.recipe = xbar, targets, recipe
        self.progress, self.solver, self.kept = progress, solver, kept
        cells: Any = xbar.cells
        self.sign = set_sign(cells.device)
        self.target_currents = target_currents(
            xbar, targets, recipe.read_voltage, recipe.scheme, readable=recipe.criterion == "read"
        )
        self.stopped = ""
        self.state = State.new(cells.state, xbar.shape)
        self._cells_now = self.state.cells  # those of `_xbar`
        if kept.found is not None:
            try:
                self.state = State.from_arrays(kept.found, self.state, recipe.ladders)
            except (NetlistError, LookupError, TypeError, ValueError) as error:
                raise kept.damaged(error) from error
        # rows in the network of the others; None where only the whole array will do
        self.rows: RowPulses | None = None
        if recipe.pulses == "relaxation" and getattr(solver, "method", "auto") != "mna":
            self.rows = RowPulses.of(self.xbar)

    @property
    def xbar(self) -> Crossbar:
        """The array as it is now."""
        if self._cells_now is not self.state.cells:
            cells: Any = self._xbar.cells
            self._xbar = self._xbar.with_cells(cells.with_state(self.state.cells))
            self._cells_now = self.state.cells
        return self._xbar

    @property
    def _cells(self) -> Any:
        return self.xbar.cells

    # -- reads and writes ----------------------------------------------------------------------

    def _read(self, rows: list[int], *, keep: bool = False) -> Array:
        """Return the measured conductance of rows, (len(rows), N) siemens."""
        r = self.recipe
        if self.rows is not None and len(rows) == 1:
            current, power = self.rows.read(rows[0], r.read_voltage)
            currents = current[None]
        else:
            array = self.xbar if self.rows is None else self.rows.resistors()
            currents, power = read_rows(array, rows, r.read_voltage, r.scheme, self.solver)
        self.state.reads += len(rows)
        self.state.time += len(rows) * r.read_time
        self.state.read_energy += power * r.read_time
        measured: Array = self.targets[rows] * currents / self.target_currents[rows]
        if keep:
            self.state.history += [(i, m.copy()) for i, m in zip(rows, measured, strict=True)]
        return measured

    def _judged(self, measured: Array, rows: list[int]) -> Array:
        """Return the conductances by which cells are judged, (len(rows), N) siemens."""
        if self.recipe.criterion == "cell":
            now = self._cells.conductance if self.rows is None else self.rows.conductance
            own: Array = now[rows]
            return own
        return measured

    def _write(
        self, row: int, direction: int, level: float, shorter: int, columns: Mask
    ) -> bool:
        """Pulse cells of a row; return whether the pulse came to its end."""
        r = self.recipe
        operation: Operation = "reset" if direction < 0 else "set"
        if r.operation == "form":
            operation = "form"
        volts, pulse = r.ladders[direction].at(level, shorter)
        # ours do not look at the cells' states
        array = self._xbar if type(r.scheme) in SCHEMES.values() else self.xbar
        lines = r.scheme.lines(array, row, columns, self.sign * direction * volts, operation)
        state = self.state
        quick = self._write_row(lines, row, columns, pulse)
        found: TransientResult | Relaxed | None = None
        if quick is not None:
            energy, duration = quick
        else:
            found = self._write_array(lines, row, columns, pulse)
            energy, duration = found.energy, float(found.time[-1])
        state.counts[direction][row, columns] += 1
        state.writes += 1
        state.energy += energy
        state.time += duration
        if found is not None and not found.success:
            self.stopped = f"interrupted in row {row}: {found.message}"
            return False
        return True

    def _write_row(
        self, lines: Lines, row: int, columns: Mask, pulse: PulseTrain
    ) -> tuple[float, float] | None:
        """Apply a pulse that only cells of the row can follow; return its energy and length.

        None where others may, or nobody knows; then nothing has happened.
        """
        if self.rows is None:
            return None
        found = self.rows.pulse(self.state.cells, lines, row, pulse, self.recipe.rtol)
        if found is None:
            return None
        states, energy = found
        before = self.rows.conductance[row].copy()
        cells = self.state.cells.copy()
        cells[:, row] = states
        self.state.cells = cells
        self.rows.take_row(row, states)
        change = self.rows.conductance[row] - before
        change[columns] = 0.0
        self.state.disturb[row] += change
        return energy, pulse.duration

    def _write_array(
        self, lines: Lines, row: int, columns: Mask, pulse: PulseTrain
    ) -> TransientResult | Relaxed:
        """Apply a pulse to the whole array."""
        r, state = self.recipe, self.state
        before = self._cells.conductance
        found: TransientResult | Relaxed
        if r.pulses == "relaxation":
            found = relax_pulse(self.xbar, lines, row, pulse, rtol=r.rtol, solver=self.solver)
        else:
            key = keyed_seed(r.seed, row, state.writes)
            found = drive_lines(
                self.xbar, lines, pulse, seed=int(key.generate_state(1)[0]), rtol=r.rtol,
                solver=self.solver,
            )
        cells: Any = found.crossbar.cells
        self._xbar = found.crossbar
        self._cells_now = state.cells = cells.state
        if self.rows is not None:
            self.rows.take(state.cells)
        change = cells.conductance - before
        change[row, columns] = 0.0
        state.disturb += change
        return found

    # -- the loop ------------------------------------------------------------------------------

    def _out_of_tolerance(self, measured: Array, rows: Any) -> Mask:
        """Return which cells are out of tolerance, bool."""
        error = measured / self.targets[rows] - 1.0
        tolerance = self.recipe.tolerance[rows]
        if self.recipe.operation == "form":
            return np.asarray(error < 0.0)
        return np.asarray(np.abs(error) > tolerance)

    def _row(self, row: int, line: Row) -> bool:
        """Program one row; return False where it was interrupted."""
        r, rungs, done = self.recipe, line.rungs, line.done
        while True:
            while line.queue:
                direction, level, shorter, columns = line.queue.pop(0)
                done += columns
                if not self._write(row, direction, level, shorter, columns):
                    return False
                self.kept.offer(self._arrays)
            measured = self._judged(self._read([row], keep=True), [row])[0]
            # sneak currents may outweigh that of a cell that hardly conducts
            ratio = np.maximum(measured / self.targets[row], 1e-9)
            rungs.update(ratio, r.tolerance[row])
            pending = self._out_of_tolerance(measured, row)
            asked = pending.copy()
            pending &= (done < r.max_pulses) & (rungs.still < _PATIENCE)
            if not pending.any():
                self._give_up(row, np.flatnonzero(asked), rungs)
                return True
            line.queue = rungs.groups(ratio, pending)

    def _give_up(self, row: int, columns: NDArray[np.intp], rungs: Rungs) -> None:
        """Note why cells were left out of tolerance."""
        for j in map(int, columns):
            if rungs.still[j] >= _PATIENCE:
                d = int(rungs.last_direction[j])
                volts, pulse = self.recipe.ladders[d].at(rungs.top[d])
                reason = (
                    f"not moved by the strongest {'SET' if d > 0 else 'RESET'} pulses "
                    f"({volts:.3g} V, {pulse.width:.3g} s)"
                )
            elif rungs.passed[j] > _RESTLESS:
                reason = "carried past the target by every pulse that moves them"
            else:
                reason = f"still on their way after {self.recipe.max_pulses} pulses"
            self.state.reasons[row, j] = reason

    def _passes(self) -> bool:
        """Program what is left; return False where that was interrupted."""
        state, r = self.state, self.recipe
        rows, columns = self.xbar.shape
        every = list(range(rows))
        while state.current_pass < r.passes:
            if state.line is None:
                measured = self._judged(self._read(every), every)
                if not self._out_of_tolerance(measured, every).any():
                    return True
            for row in range(state.row, rows):
                # what the row that was interrupted has is in its line
                line = state.line or Row(Rungs(columns, r.ladders), np.zeros(columns, np.int64))
                state.row, state.line = row, line
                if not self._row(row, line):
                    return False
                state.line = None
                if self.progress is not None:
                    self.progress((state.current_pass * rows + row + 1) / (r.passes * rows))
            state.current_pass, state.row = state.current_pass + 1, 0
        return True

    def _arrays(self) -> dict[str, Any]:
        """Return what a later run goes on from."""
        return {"ladders": np.array(ladders_text(self.recipe.ladders)), **self.state.to_arrays()}

    def result(self) -> ProgramResult:
        """Program the array and return the result."""
        rows = list(range(self.xbar.shape[0]))
        state = self.state
        if self.kept.found is None:
            state.initial = self._read(rows)
            self.kept.offer(self._arrays)
        try:
            if self._passes():
                state.current_pass, state.row = self.recipe.passes, 0
                self.kept.offer(self._arrays, now=True)
        except KeyboardInterrupt:
            self.stopped = "interrupted between two pulses"
        measured = self._read(rows)
        if self.progress is not None and not self.stopped:
            self.progress(1.0)
        r = self.recipe
        away = _cells(self._out_of_tolerance(self._judged(measured, rows), rows))
        moved = _cells(np.abs(state.disturb) > r.disturb_threshold * self.targets)
        message = self.stopped or self._message(away, measured)
        return ProgramResult(
            crossbar=self.xbar, targets=self.targets, initial=state.initial, measured=measured,
            conductance=self._cells.conductance, tolerance=r.tolerance,
            set_pulses=state.set_pulses, reset_pulses=state.reset_pulses, disturb=state.disturb,
            disturbed=moved, unconverged=away, energy=state.energy,
            read_energy=state.read_energy, time=state.time, writes=state.writes,
            reads=state.reads, scheme=r.scheme.name, algorithm=r.algorithm,
            operation=r.operation, success=not (away or self.stopped), message=message,
            history=state.history, criterion=r.criterion,
            reasons={c: state.reasons[c] for c in away if c in state.reasons},
        )

    def _message(self, away: list[tuple[int, int]], measured: Array) -> str:
        """Say how many cells are within tolerance, and what the other criterion says."""
        r, size = self.recipe, self.targets.size
        if away:
            said = f"{len(away)} of {size} cells are not within tolerance"
            counts = Counter(self.state.reasons[c] for c in away if c in self.state.reasons)
            if counts:
                said += ": " + ", ".join(f"{n} {reason}" for reason, n in counts.items())
        else:
            said = f"all {size} cells are within tolerance"
        if r.operation == "form":
            return said
        by_read = r.criterion == "read"
        other = self._cells.conductance if by_read else measured
        error = np.abs(other / self.targets - 1.0)
        beyond = error > r.tolerance
        for cell in away:
            beyond[cell] = False
        if beyond.any():
            said += (
                f"; {'by their own conductance' if by_read else 'as read through the wires'} "
                f"{np.sum(beyond)}{' more' if away else ''} are not, "
                f"by up to {100 * error[beyond].max():.1f} %"
            )
        return said


def _cells(mask: Mask) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in np.argwhere(mask)]
