"""One run of program-and-verify: the loop over passes, rows and pulses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.draws import keyed_seed
from ..core.validation import Array
from ..netlists.crossbar.crossbar import Crossbar
from ..solvers import Solver
from .ladder import Ladder, Rungs
from .polarity import set_sign
from .result import ProgramResult
from .schemes import Gated, Operation, Scheme
from .writing import drive_lines, read_rows

__all__ = ["Recipe", "Run"]

Mask = NDArray[np.bool_]

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


class Run:
    """One run of program-and-verify, which `result` carries out."""

    def __init__(
        self, xbar: Crossbar, targets: Array, recipe: Recipe,
        progress: Callable[[float], None] | None, solver: Solver | None,
    ) -> None:
        self.xbar, self.targets, self.recipe = xbar, targets, recipe
        self.progress, self.solver = progress, solver
        self.sign = set_sign(self._cells.device)
        self.target_currents = self._target_currents()
        self.counts = {d: np.zeros(xbar.shape, dtype=np.int64) for d in (1, -1)}
        self.disturb = np.zeros(xbar.shape)
        self.energy = self.read_energy = self.time = 0.0
        self.writes = self.reads = 0
        self.history: list[tuple[int, Array]] = []
        self.stopped = ""

    @property
    def _cells(self) -> Any:
        return self.xbar.cells

    def _target_currents(self) -> Array:
        """Return the current of every cell at its target and without wires, (M, N) ampere."""
        cells = self._cells
        r = self.recipe
        state = np.array(cells.state)
        # states of an access element, if any, come after those of the device
        state[: len(cells.device.states)] = cells.device.state_from_conductance(self.targets)
        there = cells.with_state(state)
        gate = cells.gates()
        if isinstance(r.scheme, Gated):
            gate = np.full(self.xbar.shape, r.scheme.on(self.xbar, "read"))
        u = np.full(self.xbar.shape, r.read_voltage)
        found: Array = there.evaluate(
            u, np.zeros_like(u), gate, base=state, step=0.0, state=state, inner=0.5 * u
        ).current
        return found

    # -- reads and writes ----------------------------------------------------------------------

    def _read(self, rows: list[int], *, keep: bool = False) -> Array:
        """Return the measured conductance of rows, (len(rows), N) siemens."""
        r = self.recipe
        currents, power = read_rows(self.xbar, rows, r.read_voltage, r.scheme, self.solver)
        self.reads += len(rows)
        self.time += len(rows) * r.read_time
        self.read_energy += power * r.read_time
        measured: Array = self.targets[rows] * currents / self.target_currents[rows]
        if keep:
            self.history += [(i, m.copy()) for i, m in zip(rows, measured, strict=True)]
        return measured

    def _write(self, row: int, direction: int, level: float, columns: Mask) -> bool:
        """Pulse cells of a row; return whether the pulse came to its end."""
        r = self.recipe
        operation: Operation = "reset" if direction < 0 else "set"
        if r.operation == "form":
            operation = "form"
        volts, pulse = r.ladders[direction].at(level)
        lines = r.scheme.lines(self.xbar, row, columns, self.sign * direction * volts, operation)
        key = keyed_seed(r.seed, row, self.writes)
        before = self._cells.conductance
        found = drive_lines(
            self.xbar, lines, pulse, seed=int(key.generate_state(1)[0]), rtol=r.rtol,
            solver=self.solver,
        )
        self.xbar = found.crossbar
        change = self._cells.conductance - before
        change[row, columns] = 0.0
        self.disturb += change
        self.counts[direction][row, columns] += 1
        self.writes += 1
        self.energy += found.energy
        self.time += float(found.time[-1])
        if not found.success:
            self.stopped = f"interrupted in row {row}: {found.message}"
        return bool(found.success)

    # -- the loop ------------------------------------------------------------------------------

    def _out_of_tolerance(self, measured: Array, rows: Any) -> Mask:
        """Return which cells are out of tolerance, bool."""
        error = measured / self.targets[rows] - 1.0
        tolerance = self.recipe.tolerance[rows]
        if self.recipe.operation == "form":
            return np.asarray(error < 0.0)
        return np.asarray(np.abs(error) > tolerance)

    def _row(self, row: int) -> bool:
        """Program one row; return False where it was interrupted."""
        r = self.recipe
        rungs = Rungs(self.xbar.shape[1], {d: ladder.top for d, ladder in r.ladders.items()})
        done = np.zeros(self.xbar.shape[1], dtype=np.int64)
        while True:
            measured = self._read([row], keep=True)[0]
            # sneak currents may outweigh that of a cell that hardly conducts
            ratio = np.maximum(measured / self.targets[row], 1e-9)
            rungs.update(ratio, r.tolerance[row])
            pending = self._out_of_tolerance(measured, row)
            pending &= (done < r.max_pulses) & (rungs.still < _PATIENCE)
            if not pending.any():
                return True
            for direction, level, columns in rungs.groups(ratio, pending):
                done += columns
                if not self._write(row, direction, level, columns):
                    return False

    def _passes(self) -> None:
        rows = self.xbar.shape[0]
        for k in range(self.recipe.passes):
            every = self._out_of_tolerance(self._read(list(range(rows))), slice(None))
            if not every.any():
                return
            for row in range(rows):
                if not self._row(row):
                    return
                if self.progress is not None:
                    self.progress((k * rows + row + 1) / (self.recipe.passes * rows))

    def result(self) -> ProgramResult:
        """Program the array and return the result."""
        initial = self._read(list(range(self.xbar.shape[0])))
        try:
            self._passes()
        except KeyboardInterrupt:
            self.stopped = "interrupted between two pulses"
        measured = self._read(list(range(self.xbar.shape[0])))
        if self.progress is not None and not self.stopped:
            self.progress(1.0)
        r = self.recipe
        away = _cells(self._out_of_tolerance(measured, slice(None)))
        moved = _cells(np.abs(self.disturb) > r.disturb_threshold * self.targets)
        message = self.stopped or (
            f"all {self.targets.size} cells are within tolerance" if not away else
            f"{len(away)} of {self.targets.size} cells are not within tolerance"
        )
        return ProgramResult(
            crossbar=self.xbar, targets=self.targets, initial=initial, measured=measured,
            conductance=self._cells.conductance, tolerance=r.tolerance,
            set_pulses=self.counts[1], reset_pulses=self.counts[-1], disturb=self.disturb,
            disturbed=moved, unconverged=away, energy=self.energy, read_energy=self.read_energy,
            time=self.time, writes=self.writes, reads=self.reads, scheme=r.scheme.name,
            algorithm=r.algorithm, operation=r.operation, success=not (away or self.stopped),
            message=message, history=self.history,
        )


def _cells(mask: Mask) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in np.argwhere(mask)]
