"""One array of a network written by pulses, in whichever process."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from threadpoolctl import threadpool_limits

from ...core.cpus import limited_cpus
from ...core.draws import Place
from ...core.errors import ConvergenceError, NetlistError, ParameterError
from ...core.files import save_arrays
from ...core.npz import open_npz
from ...core.validation import Array
from ...core.views.brief import brief_repr
from ...devices import Device, DeviceArray, OneSelectorOneResistor, OneTransistorOneResistor
from ...netlists.crossbar.crossbar import Crossbar, Wires
from ...netlists.crossbar.ends import Ends
from ...nonidealities.variability.device_parameters import vary
from ...programming import ProgramResult, program

__all__ = ["ArrayRecord", "Job", "Plan", "file_of", "fresh_cells", "saved_record", "write_array"]

_INSIDE = 1e-6  # of its range that a target stays away from a device's ends


@dataclass(frozen=True, eq=False)
class Plan:
    """What all arrays of a network share.

    Attributes
    ----------
    cell : Device or DeviceArray
        The model, or cells of the kind.
    variability : tuple of Variability
    wires : Wires
    ends : Ends
    initial : float
        Siemens, of all cells before.
    tolerance : float
    options : dict
        Of `program`.
    strict : bool
        Whether errors of an array are raised.
    """

    cell: Any
    variability: Any
    wires: Wires
    ends: Ends
    initial: float
    tolerance: float
    options: dict[str, Any]
    strict: bool

    __repr__ = brief_repr


@dataclass(frozen=True, eq=False)
class Job:
    """One array.

    Attributes
    ----------
    number : int
    layer : str
    place : Place
    targets : (M, N) siemens
    stuck : (M, N) siemens or None
        NaN where a cell is not stuck.
    """

    number: int
    layer: str
    place: Place
    targets: Array
    stuck: Array | None = None

    __repr__ = brief_repr


@dataclass(frozen=True, kw_only=True)
class ArrayRecord:
    """What writing one array took, in numbers.

    Attributes
    ----------
    number : int
    layer, array, tile : str
    rows, columns : int
    pulses : int
        Of all cells.
    writes, reads : int
        Pulses of the array, and reads of a row.
    energy, read_energy : float
        Joule, delivered by all sources.
    time : float
        Second, of all pulses and reads.
    unconverged, out_of_reach, stuck : int
        Cells that are out of tolerance, by the reason: pulses did not bring them there, their
        target is not in the device's range, they are faulty.
    disturbed : int
    worst : float
        Largest relative error of cells that can be written, by the criterion.
    squares : float
        Sum of the squares of all cells' own relative errors.
    cpu_seconds : float
        Of the process while it wrote the array; after an interruption, of the rest.
    message : str
    """

    number: int
    layer: str
    array: str
    tile: str
    rows: int
    columns: int
    pulses: int
    writes: int
    reads: int
    energy: float
    read_energy: float
    time: float
    unconverged: int
    out_of_reach: int
    stuck: int
    disturbed: int
    worst: float
    squares: float
    cpu_seconds: float
    message: str = ""

    @property
    def cells(self) -> int:
        """Cells of the array."""
        return self.rows * self.columns

    @property
    def failed(self) -> int:
        """Cells that are out of tolerance, for whatever reason."""
        return self.unconverged + self.out_of_reach + self.stuck

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the record of what `asdict` gave."""
        return cls(**{f.name: values[f.name] for f in fields(cls)})


def fresh_cells(plan: Plan, shape: tuple[int, int], place: Place) -> DeviceArray:
    """Return the cells (M, N) of an array before it is written."""
    kind = plan.cell
    device: Device = kind if isinstance(kind, Device) else kind.device
    if plan.variability:
        device = vary(device, shape, plan.variability, place)
    array = device.array(conductance=_inside(device, np.full(shape, plan.initial)))
    if isinstance(kind, OneTransistorOneResistor):
        return OneTransistorOneResistor(
            array, kind.transistor, gate_voltage=float(kind.gates().max()),
            gate_along=kind.gate_along, transistor_side=kind.transistor_side,
            temperature=kind.temperature, tables=kind.tables,
        )
    if isinstance(kind, OneSelectorOneResistor):
        return OneSelectorOneResistor(array, kind.selector)
    return array


def _inside(device: Device, goal: Array) -> Array:
    """Return conductances within every device's range, siemens."""
    low, high = (np.broadcast_to(g, goal.shape) for g in device.conductance_range())
    span = high - low
    return np.clip(goal, low + _INSIDE * span, high - _INSIDE * span)


def write_array(plan: Plan, job: Job, folder: str | None) -> tuple[ArrayRecord, Array]:
    """Write one array; return its record and its conductances (M, N), siemens.

    Parameters
    ----------
    plan : Plan
    job : Job
    folder : str, optional
        Where a checkpoint is kept while it is at work, and the array in the end.

    Raises
    ------
    ConvergenceError, ParameterError
        With ``plan.strict``; else the array stays as it was and its record says why.
    KeyboardInterrupt
    """
    # sums of other numbers of threads are rounded otherwise
    with limited_cpus(1), threadpool_limits(limits=1):
        start = time.process_time()
        cells: Any = fresh_cells(plan, (job.targets.shape[0], job.targets.shape[1]), job.place)
        goal = _inside(cells.device, job.targets)
        stuck = np.zeros(goal.shape, dtype=bool)
        if job.stuck is not None:
            # a march test has found them: they get no pulses, at the conductance that they have
            stuck = ~np.isnan(job.stuck)
            there = _inside(cells.device, np.where(stuck, job.stuck, goal))
            goal = np.where(stuck, there, goal)
            state = np.array(cells.state)
            own = cells.device.state_from_conductance(np.where(stuck, there, cells.conductance))
            state[: len(own)] = np.where(stuck, own, state[: len(own)])
            cells = cells.with_state(state)
        array = Crossbar(cells=cells, wires=plan.wires, ends=plan.ends)
        seed = int(job.place.generator("writing by pulses").integers(2**31))
        result, message = None, ""
        try:
            result = program(
                array, goal, tolerance=plan.tolerance, checkpoint=_checkpoint(job, folder),
                **{"seed": seed, **plan.options},
            )
        except (ConvergenceError, ParameterError) as error:
            if plan.strict or "is the checkpoint of" in str(error):
                raise
            message = f"{type(error).__name__}: {error}"
        if result is not None and "interrupted" in result.message:
            raise KeyboardInterrupt(result.message)
        conductance = np.array(cells.conductance if result is None else result.conductance)
        if job.stuck is not None:
            conductance = np.where(stuck, job.stuck, conductance)
        record = _record(plan, job, result, conductance, stuck, message,
                         time.process_time() - start)
    if folder is not None:
        _keep(job, folder, record, conductance, result)
    return record, conductance


def _record(
    plan: Plan, job: Job, result: ProgramResult | None, conductance: Array, stuck: Any,
    message: str, seconds: float,
) -> ArrayRecord:
    goal, tolerance = job.targets, plan.tolerance
    safe = np.where(goal > 0.0, goal, 1.0)
    error = np.where(goal > 0.0, conductance / safe - 1.0, np.where(conductance > 0.0, 1.0, 0.0))
    beyond = np.abs(error) > tolerance
    written = np.zeros(goal.shape, dtype=bool)  # those that were not brought to what was asked
    if result is None:
        written = beyond & ~stuck
        out = np.zeros(goal.shape, dtype=bool)
        worst = float(np.abs(error[~stuck]).max(initial=0.0))
    else:
        for cell in result.unconverged:
            written[cell] = True
        out = ~stuck & beyond & (np.abs(result.targets / safe - 1.0) > tolerance)
        written &= ~(stuck | out)
        judged = result.relative_error if result.criterion == "read" else result.relative_cell_error
        worst = float(np.abs(judged[~(stuck | out)]).max(initial=0.0))
        message = "" if result.success else result.message
    rows, columns = goal.shape
    return ArrayRecord(
        number=job.number, layer=job.layer, array=job.place.array, tile=str(job.place.tile),
        rows=rows, columns=columns,
        pulses=0 if result is None else int(result.pulses.sum()),
        writes=0 if result is None else result.writes,
        reads=0 if result is None else result.reads,
        energy=0.0 if result is None else float(result.energy),
        read_energy=0.0 if result is None else float(result.read_energy),
        time=0.0 if result is None else float(result.time),
        unconverged=int(written.sum()), out_of_reach=int(out.sum()),
        stuck=int((stuck & beyond).sum()),
        disturbed=0 if result is None else len(result.disturbed),
        worst=worst, squares=float(np.sum(error**2)), cpu_seconds=seconds, message=message,
    )


# -- what is kept ----------------------------------------------------------------------------------


def file_of(folder: str | Path, number: int) -> Path:
    """Return the file of an array that is done."""
    return Path(folder) / "arrays" / f"{number:06d}.npz"


def _checkpoint(job: Job, folder: str | None) -> Path | None:
    if folder is None:
        return None
    return Path(folder) / "arrays" / f"{job.number:06d}" / "checkpoint.npz"


def _keep(
    job: Job, folder: str, record: ArrayRecord, conductance: Array, result: ProgramResult | None
) -> None:
    """Save an array that is done; then its checkpoint is of no more use."""
    more = {} if result is None else {
        "measured": result.measured, "set_pulses": result.set_pulses,
        "reset_pulses": result.reset_pulses, "disturb": result.disturb,
    }
    save_arrays(
        file_of(folder, job.number), record=np.array(json.dumps(asdict(record))),
        conductance=conductance, targets=job.targets, **more,
    )
    kept = _checkpoint(job, folder)
    if kept is not None and kept.exists():
        kept.unlink()
        for name in (".lock",):
            (kept.parent / name).unlink(missing_ok=True)
        kept.parent.rmdir()


def saved_record(folder: str | Path, job: Job) -> tuple[ArrayRecord, Array] | None:
    """Return what `write_array` kept of an array that is done; None where it is not.

    Raises
    ------
    NetlistError
        The file is damaged.
    """
    path = file_of(folder, job.number)
    if not path.exists():
        return None
    with open_npz(path, "written array") as data:
        try:
            record = ArrayRecord.of(json.loads(str(data["record"])))
            conductance = np.asarray(data["conductance"], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            said = f"is no written array ({error}): delete it"
            raise NetlistError(said, file=str(path)) from error
    if conductance.shape != job.targets.shape:
        raise NetlistError(
            f"has {conductance.shape} cells, not {job.targets.shape}: delete it", file=str(path)
        )
    return record, conductance
