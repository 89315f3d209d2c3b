"""Many arrays of devices through the same waveforms: in lockstep on an array backend.

All arrays take the steps of the one that needs the shortest, so that every Newton step solves all
of them at once. On the CPU each array takes its own steps instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from .....core.errors import ConvergenceError, ParameterError
from .....core.validation import Array
from .....netlists.crossbar.cells import Cells
from .....netlists.crossbar.crossbar import Crossbar, Resistive
from .....netlists.crossbar.waveforms import LineWaves, Waveforms
from ....transient_result import Probe, TransientResult
from ...problem import make_problem
from ...static_cells import array_cells
from ...transient import Run, check_transient
from ...waveforms import Drive
from ..array_backend import ArrayBackend
from ..problems import same_lines
from .cell_array_batch import StackedNetwork
from .static import BatchCells, check_lines, under

__all__ = ["can_run_together", "check_together", "run_together"]


class _Together(Run):
    """One run of the arrays below each other."""

    def __init__(
        self, xbars: Sequence[Crossbar], backend: ArrayBackend, drive: Drive, cells: Cells,
        probes: Sequence[Probe], rtol: float, max_step: float | None, threads: int,
        progress: Callable[[float], None] | None,
    ) -> None:
        first, count = xbars[0], len(xbars)
        whole = Crossbar(cells=cells, wires=first.wires, ends=first.ends)
        super().__init__(
            whole, cells, _repeated(drive, count), probes, None, rtol, max_step,
            progress, "structured", threads,
        )
        problem = make_problem(first, np.zeros((1, first.inputs)))
        self.network = StackedNetwork(problem, count, cells, backend, threads)


def _repeated(drive: Drive, count: int) -> Drive:
    def ends(now: float) -> tuple[Array, Array, Array, Array]:
        left, right, top, bottom = (np.tile(end, count) for end in drive.ends(now))
        return left, right, top, bottom

    def gates(now: float) -> Array | None:
        volts = drive.gates(now)
        return None if volts is None else np.tile(volts, count)

    return replace(drive, ends=ends, gates=gates)


def run_together(
    xbars: Sequence[Crossbar], backend: ArrayBackend, waveforms: Waveforms,
    t_stop: float | None, *, gate: LineWaves | None, probes: Sequence[Probe], rtol: float,
    max_step: float | None, threads: int, progress: Callable[[float], None] | None = None,
) -> list[TransientResult]:
    """Integrate arrays in lockstep, see `CrossbarSolver.transient_many`.

    Raises
    ------
    ParameterError
        Arrays that cannot run together, with what sets them apart.
    """
    first = xbars[0]
    check_together(xbars)
    drive = check_transient(first, waveforms, t_stop, gate, probes, rtol, max_step)
    cells = cast("BatchCells", array_cells(first))
    if len(xbars) > 1:
        cells = cells.stacked([array_cells(xbar) for xbar in xbars[1:]])
    if getattr(cells, "gate_along", "rows") == "columns" and drive.gates(0.0) is not None:
        raise ParameterError("gates driven along columns run one array at a time: on the CPU")
    if backend.on_device:
        cells = cells.on(backend)
    whole: list[Probe] = [probe for probe in probes if isinstance(probe, str)]
    whole += [name for name, _ in (p for p in probes if not isinstance(p, str))]
    run = _Together(
        xbars, backend, drive, cells, list(dict.fromkeys(whole)), rtol, max_step, threads,
        progress,
    )
    try:
        return _split(xbars, probes, run.result())
    except ConvergenceError as error:
        partial = error.partial
        raise ConvergenceError(
            under(error, first.shape[0], "array"),
            _split(xbars, probes, partial) if isinstance(partial, TransientResult) else None,
        ) from error


def can_run_together(xbars: Sequence[Crossbar]) -> bool:
    """Whether arrays can run in lockstep; `check_together` says why not."""
    try:
        check_together(xbars)
        first = cast("BatchCells", array_cells(xbars[0]))
        first.stacked([array_cells(xbar) for xbar in xbars[1:]])
    except ParameterError:
        return False
    return True


def check_together(xbars: Sequence[Crossbar]) -> None:
    """Refuse arrays that cannot run in lockstep.

    Raises
    ------
    ParameterError
        Says what sets them apart.
    """
    first = xbars[0]
    for k, xbar in enumerate(xbars):
        if not isinstance(xbar, Crossbar) or isinstance(xbar.cells, Resistive):
            raise ParameterError(f"xbars[{k}] must be a Crossbar with cells that are devices")
        if not same_lines(first, xbar):
            raise ParameterError(
                f"xbars[{k}] has another shape, other wires or other ends than xbars[0]: arrays "
                "that run together share them"
            )
        if xbar.cells.stochastic:
            raise ParameterError("stochastic devices run one array at a time: on the CPU")
    for name in ("word", "bit", "driver", "sense"):
        if getattr(first.wires, name).ndim:
            raise ParameterError(f"`wires.{name}` must be a scalar for arrays that run together")
    for name, end in first.line_ends.items():
        if end.uniform is None:
            raise ParameterError(f"`ends.{name}` must be alike for arrays that run together")
    check_lines(first, make_problem(first, np.zeros((1, first.inputs))))


def _split(
    xbars: Sequence[Crossbar], probes: Sequence[Probe], result: TransientResult
) -> list[TransientResult]:
    """Return each array's part."""
    count, (M, _) = len(xbars), xbars[0].shape
    state = array_cells(result.crossbar).state
    found = []
    for k, xbar in enumerate(xbars):
        rows = slice(k * M, (k + 1) * M)
        kept: dict[Probe, Array] = {}
        for probe in probes:
            name, cell = (probe, None) if isinstance(probe, str) else probe
            values = result.probes[name][..., rows, :]
            kept[probe] = values if cell is None else values[..., cell[0], cell[1]]
        ends = {
            name: np.ascontiguousarray(np.split(current, count, axis=1)[k])
            for name, current in result.end_currents.items()
        }
        energy = {name: np.split(e, count)[k] for name, e in result.end_energy.items()}
        found.append(replace(
            result, currents=ends["bit_bottom"], end_currents=ends, end_energy=energy,
            energy=float(sum(e.sum() for e in energy.values())), probes=kept,
            crossbar=xbar.with_cells(array_cells(xbar).with_state(state[:, rows])),
        ))
    return found
