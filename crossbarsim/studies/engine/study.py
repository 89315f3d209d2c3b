"""A study of anything: axes over settings, seeds, measures, on one core or on many machines."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.environment import environment
from ...core.errors import ParameterError
from ...core.locks import FolderLock
from ...core.processes import LocalWorkers
from ...core.progress import Progress, metered
from ...core.settings import Settings, checks_arguments, closest, field_names, plain, with_fields
from ...core.validation import count as whole
from ...core.validation import shown
from ..results import DONE, FAILED, MISSING, STOPPED, StudyResult, Variable, dataset_of
from ..results.dataset import SEED, STATUS
from .arrays import ArrayStore
from .drive import Executor, drive, worker_count
from .identity import identity
from .plan import StudyPlan
from .points import Points, checked_seeds
from .records import Record
from .shards import RECORD, checked_shard, merge_shards, shard_folder
from .waiting import Found, Rule, Waiting
from .worker import NoNumberError, Payload, pinned

__all__ = ["Study"]

_CHECKED = 1000  # values of an axis that are tried before the study starts


@dataclass(eq=False)
class _Measures:
    """How a point is measured: the settings with its axes in them, then every measure."""

    measures: Mapping[str, Callable[..., Any]]
    config: Any
    context: Any
    taken: frozenset[str]

    def __call__(self, point: tuple[dict[str, Any], dict[str, Any]]) -> Mapping[str, Any]:
        changes, free = point
        positional: list[Any] = []
        config = with_fields(self.config, changes) if changes else self.config
        if isinstance(config, dict):
            free = {**config, **free}
        elif config is not None:
            positional.append(config)
        if self.context is not None:
            positional.append(self.context)
        found: dict[str, Any] = {}
        for name, measure in self.measures.items():
            value = measure(*positional, **free)
            if isinstance(value, Mapping):
                alone = len(self.measures) == 1
                found |= {k if alone else f"{name}_{k}": v for k, v in value.items()}
            else:
                found[name] = value
        twice = self.taken & set(found)
        if twice:
            raise NoNumberError(f"a measure is called {min(twice)!r}, as an axis is: rename it")
        return found


@checks_arguments
class Study:
    """Points over named axes, each measured once, recorded, and resumed.

    Parameters
    ----------
    measure : function, or several
        ``measure(config, context, **others)`` returns a number, or numbers and arrays by name.
        What is not given is left out: without `config` there is none. A mapping of names to
        functions, or a sequence of functions, measures several things at each point.
    axes : mapping of str to values, or an axis
        Name -> values, `Axis`, `Zipped`, `Listed` or `Sampled`, of which the grid is made; or one
        of these alone. Names are dotted names of fields of `config`, such as ``"wires.word"``,
        or arguments of `measure`.
    config : record of settings, or mapping of names to such, optional
        At every point a copy of it has the values of the axes. Records by name reach `measure`
        as arguments, and axes begin with the name.
    seeds : int or sequence of int, optional
        Chips per point, the innermost dimension: the field ``seed`` of `config`, or the argument
        ``seed`` of `measure`.
    context : object, optional
        What all points share, such as data; sent to each worker once.
    stop : function, optional
        Ends hopeless branches: it is called with a tuple of mappings, what every point of the
        branch so far sets and what was measured there, and returns whether to leave out the rest.
    along : str, optional
        The axis along which branches go; default: the last one.
    units : mapping of str to str, optional
        Of measures and axes.
    threads : int or None
        Of every worker, and of this process where there is none; default 1. The same number gives
        the same result, bit by bit, on any number of workers. None: all CPUs.
    name : str
        On tables and pictures.

    Raises
    ------
    ParameterError
        An axis that names no field, with the nearest name; a value that its record refuses.

    Notes
    -----
    A measure may have a method ``shares(sets)``, which returns a hashable of what a point sets:
    points of which it is the same are measured one after the other by one worker, which then need
    not make again what they share.

    Examples
    --------
    >>> from crossbarsim import Crossbar, Solver, Wires
    >>> from crossbarsim.studies import Study
    >>> import numpy as np
    >>> def drop(wires, size):
    ...     xbar = Crossbar(np.full((size, size), 1e-4), wires)
    ...     currents = Solver().solve(xbar, np.full(size, 0.2)).currents
    ...     return {"loss": 1 - currents.min() / (size * 0.2e-4)}
    >>> study = Study(drop, {"wires.word": [0.0, 1.0], "size": [8, 32]},
    ...               config={"wires": Wires(word=1.0, bit=1.0)})
    >>> study.run().dataset.loss.values.round(4).tolist()
    [[0.0025, 0.0343], [0.0061, 0.0815]]
    """

    def __init__(
        self, measure: Any, axes: Any, *, config: Any = None, seeds: Any = None,
        context: Any = None, stop: Callable[..., Any] | None = None, along: str | None = None,
        units: Mapping[str, str] | None = None, threads: int | None = 1, name: str = "",
    ) -> None:
        self.name, self.threads = name, threads
        if threads is not None:
            whole("threads", threads)
        self.config: Any = dict(config) if isinstance(config, Mapping) else config
        self._check_config()
        self.context = context
        self.measures = _named_measures(measure)
        self.points = Points(axes, checked_seeds(seeds))
        self.units = dict(units or {})
        self.stop: Rule | None = stop
        self.along = self._branch_axis(along)
        self._free = self._free_names()
        self._check_values()

    # -- checks ------------------------------------------------------------------------------

    def _check_config(self) -> None:
        each = self.config.values() if isinstance(self.config, dict) else [self.config]
        for one in each:
            if one is not None and not (isinstance(one, Settings) or hasattr(
                type(one), "__dataclass_fields__")):
                raise ParameterError(
                    f"`config` must be a record of settings, or several by name; got {shown(one)}")

    def _branch_axis(self, along: str | None) -> str:
        names = [d.name for d in self.points.dimensions if d.name != SEED]
        if along is None:
            return names[-1]
        if self.stop is None:
            raise ParameterError("`along` is for the rule `stop`, which is not given")
        if along not in names:
            raise ParameterError(f"`along`: there is no axis {along!r}{closest(along, names)}")
        return along

    def _free_names(self) -> set[str]:
        """Return the names of axes that are arguments of the measures; raise for those of none."""
        fields = set() if self.config is None else set(field_names(self.config))
        takes = [_takes(m, self._positional) for m in self.measures.values()]
        free = set()
        for name in self.points.fields:
            if name in fields or "." in name:
                continue
            if all(open_ended or name in names for names, open_ended in takes):
                free.add(name)
        wanted = [n for n in self.points.fields if n not in free]
        known = sorted({n for names, _ in takes for n in names} - {SEED})
        for name in wanted:
            if self.config is None or not self.config:
                raise ParameterError(f"axis {name!r} is no argument of the measure"
                                     f"{closest(name, known)}")
            first = self.points.sets(0)[name]
            try:
                with_fields(self.config, {name: first})
            except ParameterError as error:
                near = closest(name, known)
                more = near if str(error).startswith("no field") and "did you mean" in near else ""
                raise ParameterError(f"axis {name!r}: {error}{more}") from None
        if self.points.seeds is not None and "seed" not in self._settable:
            if not all(open_ended or SEED in names for names, open_ended in takes):
                raise ParameterError("`seeds`: neither `config` nor the measure has a `seed`")
            free.add(SEED)
        return free

    @property
    def _positional(self) -> int:
        """How many arguments of a measure are given by their place."""
        own = self.config is not None and not isinstance(self.config, dict)
        return own + (self.context is not None)

    @property
    def _settable(self) -> set[str]:
        if self.config is None or isinstance(self.config, dict):
            return set()
        return set(field_names(self.config))

    def _check_values(self) -> None:
        """Try every value of every axis, the others at their first, before anything is measured."""
        first: dict[str, Any] = {}
        for rows in self.points.rows:
            first |= rows[0]
        for dimension, rows in zip(self.points.dimensions, self.points.rows, strict=True):
            for row in rows[:_CHECKED]:
                changes = {n: v for n, v in {**first, **row}.items() if n not in self._free}
                if not changes or set(row) <= self._free:
                    continue
                try:
                    with_fields(self.config, changes)
                except ParameterError as error:
                    told = ", ".join(f"{n} = {shown(v, 40)}" for n, v in row.items())
                    raise ParameterError(f"axis {dimension.name!r}, {told}: {error}") from None

    # -- running -----------------------------------------------------------------------------

    def packed(self, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a worker needs of a point: fields to change, and other arguments."""
        sets = self.points.sets(number)
        return ({n: v for n, v in sets.items() if n not in self._free},
                {n: v for n, v in sets.items() if n in self._free})

    def record_context(self) -> dict[str, Any]:
        """Return all that the points' values depend on, beside what each sets.

        Raises
        ------
        ParameterError
            A measure, or a part of the context, that cannot be pickled.
        """
        return {
            "measures": {n: identity(m, f"measure {n}") for n, m in self.measures.items()},
            "config": plain(self.config), "context": identity(self.context),
            "threads": self.threads,
        }

    def _about(self) -> dict[str, Any]:
        """Return what the result says of the study, also where that cannot be recorded."""
        try:
            told = self.record_context()
        except ParameterError:
            told = {"measures": {n: shown(m) for n, m in self.measures.items()},
                    "config": plain(self.config), "context": shown(self.context),
                    "threads": self.threads}
        return {"name": self.name, **told, "environment": environment()}

    def run(
        self, out: str | Path | None = None, *, executor: Any = None, workers: int | None = None,
        shard: Any = None, retry: bool = False, limit: int | None = None,
        progress: Progress = None,
    ) -> StudyResult:
        """Measure all points that are not recorded yet.

        Parameters
        ----------
        out : path, optional
            Folder of the record, made where missing: a study that was interrupted goes on there,
            and ends in the same result, bit by bit. The files of the result are written by
            `StudyResult.save`.
        executor : optional
            Whatever has the `submit` of `concurrent.futures`: a process pool, `LocalWorkers`, a
            `dask.distributed.Client`, the executors of Ray and mpi4py. Default: this process.
        workers : int, optional
            Processes of this machine, in place of an executor.
        shard : (int, int), optional
            Part k of n, counted from 1, recorded in a folder of its own in `out`: see `merge`.
        retry : bool
            Measure points again that raised an error.
        limit : int, optional
            Most points to measure now.
        progress : Progress
            Over all workers, with the time that is left.

        Returns
        -------
        StudyResult
            Points that raised an error are NaN, see `StudyResult.failures`.

        Raises
        ------
        ParameterError
            `out` holds points of another study, or another run writes there; a measure that gave
            no number.
        BackendUnavailable
            The executor takes no more points.
        """
        if workers is not None and executor is not None:
            raise ParameterError("give `workers` or `executor`, not both")
        part = checked_shard(shard)
        if part is not None and out is None:
            raise ParameterError("a shard needs a folder `out`, from which it is merged")
        if limit is not None:
            whole("limit", limit, low=0)
        folder = None if out is None else Path(out)
        if folder is not None and part is not None:
            folder = shard_folder(folder, part)
        with ExitStack() as stack:
            if workers is not None:
                whole("workers", workers, high=4096)
                executor = stack.enter_context(LocalWorkers(workers))
            if folder is not None:
                stack.enter_context(FolderLock(folder))
            return self._run(folder, part, executor, progress, retry=retry, limit=limit)

    def _run(
        self, folder: Path | None, part: tuple[int, int] | None, executor: Executor | None,
        progress: Progress, *, retry: bool, limit: int | None,
    ) -> StudyResult:
        points, found, store = self.points, Found(), ArrayStore(folder)
        units = self._units(part)
        numbers = [n for unit in units for n in unit]
        with ExitStack() as stack:
            meter = stack.enter_context(metered(progress))
            record = None
            if folder is not None:
                record = stack.enter_context(Record(folder / RECORD, self.record_context()))
                found.take_up(points, numbers, record, store, errors=not retry)
            meter.begin("points", len(numbers), sum(n in found for n in numbers))
            waiting = Waiting(
                points, found, record, store, meter, self.packed, self._note,
                None if executor is None else worker_count(executor) or 8,
            )
            if self.stop is not None:
                waiting.in_branches(units, self.stop)
            else:
                waiting.in_groups(units)
            work = self._work()
            with pinned(self.threads) if executor is None else nullcontext():
                drive(_Limited(waiting, limit), work, executor, self.threads)
        return self._result(found)

    def _units(self, part: tuple[int, int] | None) -> list[list[int]]:
        """Return the points in groups or branches, of a shard only its own."""
        if self.stop is not None:
            units = self.points.branches(self.along)
        else:
            several = list(self.measures.values())
            shares = getattr(several[0], "shares", None) if len(several) == 1 else None
            units = self.points.groups(list(self.points.order()), shares)
        return units if part is None else units[part[0] - 1::part[1]]

    def _note(self, number: int, values: Mapping[str, Any]) -> str:
        sets = ", ".join(f"{n.rpartition('.')[2]} {shown(v, 20)}"
                         for n, v in self.points.sets(number).items())
        name, value = next(iter(values.items()), ("", ""))
        told = f"{value:.4g}" if isinstance(value, float) else shown(value, 20)
        return f"{sets}: {name} {told}"

    def merge(self, out: str | Path) -> StudyResult:
        """Join the records of all shards in `out`; return the result as far as it is there.

        Parameters
        ----------
        out : path
            As of `run`.

        Raises
        ------
        ParameterError
            There are no shards, or one is of another study or still being written.
        """
        folder = Path(out)
        with FolderLock(folder):
            merge_shards(folder, self.record_context())
            return self.collect(folder)

    def collect(self, out: str | Path) -> StudyResult:
        """Return the result as far as it is recorded in `out`; nothing is measured."""
        return self.run(out, limit=0)

    def plan(self, out: str | Path | None = None) -> StudyPlan:
        """Return how much there is to do, as far as the points recorded in `out` tell.

        Parameters
        ----------
        out : path, optional
        """
        found = Found()
        if out is not None and (Path(out) / RECORD).is_file():
            with Record(Path(out) / RECORD, self.record_context()) as record:
                found.take_up(self.points, range(len(self.points)), record,
                              ArrayStore(Path(out)), errors=True)
        return StudyPlan(
            {d.name: len(d) for d in self.points.dimensions}, len(self._units(None)),
            len(found.values), len(found.errors), tuple(found.seconds.values()),
            len(Payload.of(self._work(), self.threads).content),
        )

    def _work(self) -> _Measures:
        names = {n for d in self.points.dimensions for n in (d.name, *d.coordinates)}
        return _Measures(self.measures, self.config, self.context, frozenset({*names, STATUS}))

    # -- result ------------------------------------------------------------------------------

    def _result(self, found: Found) -> StudyResult:
        count = len(self.points)
        status = np.full(count, MISSING, dtype=np.int8)
        seconds = np.full(count, np.nan)
        values: dict[str, dict[int, Any]] = {}
        # in the points' order, whatever order they came in
        for number in sorted(found.values):
            status[number] = DONE
            for name, value in found.values[number].items():
                values.setdefault(name, {})[number] = value
        status[list(found.errors)] = FAILED
        status[list(found.stopped)] = STOPPED
        for number, took in found.seconds.items():
            seconds[number] = took
        failures = [{**self.points.key(n), "message": found.errors[n]}
                    for n in sorted(found.errors)]
        dimensions = [
            type(d)(d.name, d.coordinates, {**{n: u for n, u in self.units.items()
                                               if n in d.coordinates}, **d.units})
            for d in self.points.dimensions
        ]
        dataset = dataset_of(
            dimensions, status, dict(sorted(values.items(), key=lambda v: min(v[1]))),
            {name: Variable(self.units.get(name, "")) for name in values},
            {"title": self.name, "study": self._about(), "failures": failures},
        )
        return StudyResult(dataset, seconds.reshape(self.points.shape))


class _Limited:
    """A queue of which no more than so many points are taken."""

    def __init__(self, waiting: Waiting, limit: int | None) -> None:
        self.waiting, self.left = waiting, limit

    def take(self, most: int) -> list[tuple[int, Any]]:
        """Return points as long as there may be more."""
        if self.left is None:
            return self.waiting.take(most)
        if not self.left:
            return []
        points = self.waiting.take(1)
        self.left -= len(points)
        return points

    def finish(self, outcomes: Sequence[Any]) -> None:
        """Record outcomes."""
        self.waiting.finish(outcomes)


def _named_measures(measure: Any) -> dict[str, Callable[..., Any]]:
    """Return the measures by name."""
    if isinstance(measure, Mapping):
        found = {str(k): v for k, v in measure.items()}
    elif isinstance(measure, (list, tuple)):
        found = {_name_of(m): m for m in measure}
        if len(found) < len(measure):
            raise ParameterError("two of the measures have the same name: give them by name")
    else:
        found = {_name_of(measure): measure}
    wrong = [m for m in found.values() if not callable(m)]
    if not found or wrong:
        raise ParameterError(f"`measure` must be a function, or functions by name; got "
                             f"{shown(wrong[0] if wrong else measure)}")
    return found


def _name_of(measure: Any) -> str:
    name = getattr(measure, "__name__", "value")
    return "value" if name == "<lambda>" else str(name)


def _takes(measure: Callable[..., Any], positional: int) -> tuple[set[str], bool]:
    """Return the names of a measure's arguments after the first few, and whether it takes any."""
    try:
        known = list(inspect.signature(measure).parameters.values())
    except (TypeError, ValueError):  # of a compiled function
        return set(), True
    open_ended = any(p.kind is p.VAR_KEYWORD for p in known)
    named = [p for p in known if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return {p.name for p in named[positional:]}, open_ended
