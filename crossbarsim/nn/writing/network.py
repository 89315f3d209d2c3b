"""All arrays of a network written by pulses, one after the other or side by side."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ...core.draws import Place
from ...core.environment import differences, package_version
from ...core.errors import CrossbarSimError, NetlistError, ParameterError
from ...core.files import write_text
from ...core.locks import FolderLock
from ...core.processes import LocalWorkers
from ...core.progress import Progress, ProgressMeter, metered
from ...core.settings import checks_arguments, closest
from ...core.validation import Array, count, number
from ...devices import Device, DeviceArray
from ...netlists.crossbar.crossbar import Crossbar
from ...netlists.crossbar.ends import Ends
from ...nonidealities import NonIdealities, Variability
from ...nonidealities.variability.variability import as_variabilities
from ...programming import Scheme, program, set_sign
from ...programming.ladder_search import SHAPES, find_ladders
from ...programming.relaxation import check_relaxation
from ...programming.runs import described
from ...programming.schemes import scheme_of
from ...programming.writing import check_ends
from ..calibrate import stored_names
from ..chip.matrix import StoredMatrix
from ..layers import CrossbarLayer
from ..mapping.written import Written
from .arrays import ArrayRecord, Job, Plan, fresh_cells, saved_record, write_array
from .result import WriteResult

__all__ = ["forget_written", "program_network"]

_MOST_LOST = 3  # times that the processes may be lost in a row
_SAMPLES = 8  # targets of the search for pulses
_OWN = ("xbar", "targets", "scheme", "tolerance", "pulses", "checkpoint", "progress", "solver",
        "ladders", "seed")
_TASK = "writing"


@checks_arguments
def program_network(
    model: nn.Module, cell: Device | DeviceArray, *, scheme: str | Scheme | None = None,
    tolerance: float = 0.05, pulses: Literal["transient", "relaxation"] = "transient",
    variability: Variability | tuple[Variability, ...] = (), initial: float | None = None,
    options: Mapping[str, Any] | None = None, out: str | Path | None = None,
    workers: int | None = None, strict: bool = False, progress: Progress = None,
) -> WriteResult:
    """Write all arrays of a converted network by pulses and verifying reads.

    Every array of the chip becomes an array of devices with the network's wires and is programmed
    by `crossbarsim.programming.program` to the conductances that its weights ask for: half-selected
    cells, wires and the devices' noise take part. The network then computes with what the pulses
    left: its accuracy is that of the written chip, its ``state_dict`` carries it, and gradients go
    straight through. Conductances of `load_conductances` are forgotten; those that are loaded
    later, as measured, count instead of what was written, until ``load_conductances(model, None)``.
    Ageing, noise and converters of the configuration act on top of what was written; faulty
    cells (`Faults`) are taken as found by a test before, and get no pulses.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network; changed in place, once all arrays are written.
    cell : Device or DeviceArray
        A compact model, for bare cells; or cells of any shape of the kind, such as
        ``OneTransistorOneResistor(VTEAM().array(shape=(1, 1)), EKV(), gate_voltage=2.0)``.
    scheme : {"v/2", "v/3", "floating", "1t1r"} or Scheme, optional
        As for `program`.
    tolerance : float
        Relative to the target.
    pulses : {"transient", "relaxation"}
        As for `program`: the second is several times faster, for bare devices.
    variability : Variability, or several
        Of the model's parameters, from cell to cell; drawn by the chip's seed.
    initial : float, optional
        Siemens, of all cells before; default: the configuration's g_off.
    options : mapping, optional
        More arguments of `program`, such as v_start, width, passes or criterion. The pulses that it
        leaves open are searched for once, for all arrays.
    out : path, optional
        Folder in which arrays are kept that are done, and checkpoints of those at work. Where an
        earlier run with the same arguments was killed, this one goes on, to the same result, bit
        by bit.
    workers : int, optional
        Processes; default: none but this one. The result is the same. A script that uses them
        must start its work under ``if __name__ == "__main__":``.
    strict : bool
        Raise where an array cannot be written at all, or cells are out of tolerance at the end;
        default: count them in the result.
    progress : Progress
        Counts arrays.

    Returns
    -------
    WriteResult

    Raises
    ------
    ParameterError
        No crossbar layers; a configuration with its own model of writing or of cells' ranges;
        cells, scheme or options that do not fit; a folder of another run.
    ConvergenceError, CrossbarSimError
        With `strict`; or worker processes were lost several times in a row.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim import Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.nn import CrossbarConfig, convert
    >>> from crossbarsim.nn.writing import program_network
    >>> _ = torch.manual_seed(0)
    >>> config = CrossbarConfig(g_on=1e-4, g_off=1e-5, wires=Wires(1.0, 1.0))
    >>> chip = convert(nn.Sequential(nn.Linear(3, 2)), config)
    >>> device = VTEAM.preset("magic", v_off=1.0)
    >>> pulses = {"v_start": 1.55, "v_step": 0.05, "v_max": 2.2, "width": 10e-9}
    >>> written = program_network(chip, device, options=pulses, pulses="relaxation")
    >>> written.cells, written.failed, bool(written.energy > 0.0)
    (12, 0, True)
    """
    plan, names = _plan(model, cell, scheme, tolerance, pulses, variability, initial, options,
                        strict=strict)
    if workers is not None:
        count("workers", workers)
    held = _weights(model)
    written: dict[str, dict[Place, Written]] = {name: {} for name in names}
    records: list[ArrayRecord] = []

    def take(job: Job, level: Tensor, found: tuple[ArrayRecord, Array]) -> None:
        records.append(found[0])
        written[job.layer][job.place] = Written.to(level, torch.from_numpy(found[1]))

    folder = None if out is None else Path(out)
    total = sum(len(list(m.blocks())) * len(m.chip.layout.arrays) for m in names.values())
    jobs = _jobs(names, held)
    with metered(progress) as meter:
        meter.begin(_TASK, total)
        if folder is None:
            _run(plan, jobs, None, workers, take, meter)
        else:
            with FolderLock(folder):
                _same_run(folder / "network.json", plan, _jobs(names, held))
                _run(plan, jobs, folder, workers, take, meter)
    records.sort(key=lambda one: one.number)
    result = WriteResult(
        tuple(records), tolerance=plan.tolerance, scheme=plan.options["scheme"].name,
        pulses_by=pulses, workers=workers or 1, folder=folder,
    )
    if strict and result.failed:
        raise CrossbarSimError(f"{result.failed} of {result.cells} cells are out of tolerance: "
                               f"{result.worst_layer}; strict=False counts them")
    for name, matrix in names.items():
        matrix.take_written(written[name])
    return result


@checks_arguments
def forget_written(model: nn.Module) -> None:
    """Let a network have the conductances again that its configuration says, not those of pulses.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network; changed in place.

    Raises
    ------
    ParameterError
        No crossbar layers.

    Examples
    --------
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, convert
    >>> from crossbarsim.nn.writing import forget_written
    >>> forget_written(convert(nn.Sequential(nn.Linear(3, 2)), CrossbarConfig()))
    """
    for matrix in stored_names(model).values():
        matrix.take_written({})


# -- what is asked for -----------------------------------------------------------------------------


def _plan(
    model: nn.Module, cell: Any, scheme: Any, tolerance: float, pulses: str, variability: Any,
    initial: float | None, options: Mapping[str, Any] | None, *, strict: bool,
) -> tuple[Plan, dict[str, StoredMatrix]]:
    """Check all arguments; find pulses where none are given."""
    if not isinstance(model, nn.Module):
        raise ParameterError(f"`model` must be a torch module; got {type(model).__name__}")
    names = stored_names(model)
    configs = [matrix.config for matrix in names.values()]
    config = configs[0]
    for name, matrix in names.items():
        _check_config(name, matrix)
    if not isinstance(cell, (Device, DeviceArray)):
        raise ParameterError(
            f"`cell` must be a compact model, or cells such as VTEAM().array(shape=(1, 1)); got "
            f"{cell!r:.60}"
        )
    device: Any = cell if isinstance(cell, Device) else cell.device
    set_sign(device)
    tolerance = number("tolerance", tolerance, low=0.0, high=1.0, open_low=True)
    own = dict(options or {})
    known = [n for n in inspect.signature(program).parameters if n not in _OWN]
    for name in own:
        if name not in known:
            raise ParameterError(f"`options`: {name!r} is no argument of program that can be given "
                                 f"here{closest(name, known)}")
    before = number("initial", config.g_off if initial is None else initial, low=0.0, unit="S")
    ends = config.ends or Ends()
    plan = Plan(cell, as_variabilities(variability), config.wiring.wires, ends, before, tolerance,
                {}, strict)
    low = min(c.g_off for c in configs)
    goal = np.geomspace(max(low, 1e-3 * config.g_on), max(c.g_on for c in configs), _SAMPLES)
    typical = Plan(cell, (), plan.wires, ends, before, tolerance, {}, strict)
    place = Place(config.seed, "search for pulses")
    trial = Crossbar(cells=fresh_cells(typical, (1, _SAMPLES), place), wires=plan.wires, ends=ends)
    check_ends(trial)
    chosen = scheme_of(trial, scheme)
    if pulses == "relaxation":
        check_relaxation(trial)
    own_cells: Any = trial.cells
    least, most = (float(np.max(g)) for g in own_cells.device.conductance_range())
    inside = np.clip(goal, least * (1 + 1e-6), most * (1 - 1e-6))[None]
    shaping = {name: own.pop(name) for name in SHAPES if name in own}
    ladders = find_ladders(trial, inside, tolerance, chosen, {**own, **shaping})
    plan.options.update(own, scheme=chosen, pulses=pulses, ladders=ladders)
    return plan, names


def _check_config(name: str, matrix: StoredMatrix) -> None:
    config = matrix.config
    effects = config.nonidealities or NonIdealities()
    if effects.write is not None:
        raise ParameterError(
            f"{name!r}: `nonidealities.write` is another model of writing: leave it out"
        )
    if effects.variability or config.r_on_sigma or config.r_off_sigma:
        raise ParameterError(
            f"{name!r}: the configuration varies the cells' g_on and g_off; devices that are "
            "written vary by their parameters: leave it out, and give `variability`"
        )


def _weights(model: nn.Module) -> dict[int, tuple[Tensor, Tensor | None]]:
    """Return weight and bias of every stored matrix, by its identity."""
    return {
        id(matrix): (weight, bias) for module in model.modules()
        if isinstance(module, CrossbarLayer) for matrix, weight, bias in module.stored_matrices()
    }


def _jobs(
    names: Mapping[str, StoredMatrix], held: Mapping[int, tuple[Tensor, Tensor | None]]
) -> Iterator[tuple[Job, Tensor]]:
    """Yield all arrays, with the levels of their cells."""
    numbered = 0
    for name, matrix in names.items():
        config, effects = matrix.config, matrix.config.nonidealities or NonIdealities()
        for place, level in matrix.to_write(*held[id(matrix)]):
            shape = (level.shape[0], level.shape[1])
            goal, stuck = config.g_off + level * config.span, None
            if config.nonidealities is not None:
                fab = matrix.chip.fabricated(place, shape)
                stuck = fab.stuck
                if effects.states is not None:
                    goal = effects.states.apply(goal, fab)
            yield Job(numbered, name, place, goal.numpy(), stuck), level
            numbered += 1


def _same_run(path: Path, plan: Plan, jobs: Iterator[tuple[Job, Tensor]]) -> None:
    """Write down what a folder's run is of, or refuse a folder of another one."""
    digest = hashlib.sha256()
    for job, _ in jobs:
        digest.update(f"{job.number} {job.layer} {job.place}".encode())
        digest.update(np.ascontiguousarray(job.targets).tobytes())
        digest.update(b"" if job.stuck is None else np.ascontiguousarray(job.stuck).tobytes())
    array = Crossbar(
        cells=fresh_cells(Plan(plan.cell, (), plan.wires, plan.ends, plan.initial, plan.tolerance,
                               {}, plan.strict), (1, 1), Place(0, "one cell")),
        wires=plan.wires, ends=plan.ends,
    )
    settings = {"tolerance": plan.tolerance, "initial": plan.initial,
                "variability": [repr(one) for one in plan.variability], **plan.options}
    now = json.loads(json.dumps({
        "version": package_version("crossbarsim"), "targets": digest.hexdigest(),
        **described(settings, array),
    }))
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise NetlistError(f"is damaged ({error}): choose another folder", file=str(path)) \
                from error
        if found != now:
            raise ParameterError(
                f"{path.parent} holds another network, or one written with other settings "
                f"({differences(found, now)}): go on with those, or choose another folder"
            )
        return
    write_text(path, json.dumps(now, indent=1) + "\n")


# -- the run ---------------------------------------------------------------------------------------

Take = Callable[[Job, Tensor, tuple[ArrayRecord, Array]], None]


def _run(
    plan: Plan, jobs: Iterator[tuple[Job, Tensor]], folder: Path | None, workers: int | None,
    take: Take, meter: ProgressMeter,
) -> None:
    """Write the arrays that are not done yet."""

    def left() -> Iterator[tuple[Job, Tensor]]:
        for job, level in jobs:
            found = None if folder is None else saved_record(folder, job)
            if found is None:
                yield job, level
            else:
                take(job, level, found)
                meter.advance(_TASK)

    where = None if folder is None else str(folder)
    if workers is None:
        for job, level in left():
            take(job, level, write_array(plan, job, where))
            meter.advance(_TASK, job.layer)
        return
    with LocalWorkers(workers) as pool:
        _drive(pool, plan, left(), where, take, meter)


def _drive(
    pool: LocalWorkers, plan: Plan, left: Iterator[tuple[Job, Tensor]], where: str | None,
    take: Take, meter: ProgressMeter,
) -> None:
    """Keep the processes at work; only arrays at work and their turn are held."""
    flying: dict[Future[Any], tuple[Job, Tensor]] = {}
    again: list[tuple[Job, Tensor]] = []
    lost = 0
    while True:
        while len(flying) < pool.count:
            one = again.pop() if again else next(left, None)
            if one is None:
                break
            try:
                flying[pool.submit(write_array, plan, one[0], where)] = one
            except BrokenProcessPool:
                again.append(one)
                break
        if not flying and not again:
            return
        done = wait(flying, return_when=FIRST_COMPLETED).done if flying else set()
        broken = not done
        for future in done:
            job, level = flying.pop(future)
            try:
                found = future.result()
            except BrokenProcessPool:
                again.append((job, level))
                broken = True
                continue
            take(job, level, found)
            meter.advance(_TASK, job.layer)
            lost = 0
        if broken:
            lost += 1
            again += flying.values()
            flying.clear()
            if lost > _MOST_LOST:
                raise CrossbarSimError(
                    f"worker processes were lost {lost} times in a row, perhaps for want of memory:"
                    " give fewer `workers`; with `out` the same call goes on"
                )
            pool.revive()


