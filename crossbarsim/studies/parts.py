"""Studies of a few costly parts: each is simulated once, recorded, and taken up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from ..core.errors import CrossbarSimError, ParameterError
from ..core.locks import FolderLock
from ..core.processes import LocalWorkers
from ..core.validation import count as whole
from ..devices import Device, Trace
from .engine.arrays import ArrayStore
from .engine.drive import Executor, drive
from .engine.records import Record
from .engine.worker import Outcome, checked_values

__all__ = ["Parts", "trace_of", "trace_values"]

Part = Callable[[], Mapping[str, Any]]
_METHODS = ("scalar", "lockstep", "gpu")
_ARRAYS = ("time", "voltage", "current", "state")


class Parts:
    """Measures parts by name, here or by workers, and keeps what they gave in a folder.

    Parameters
    ----------
    out : path or None
        Folder of the record; None: nothing is kept. It stays empty until a part is finished.
    name : str
        Of the record's file.
    context : mapping
        JSON: all that the parts depend on.
    executor, workers
        As of `Study.run`.

    Raises
    ------
    ParameterError
        `out` holds parts of other settings, or another run writes there.
    """

    def __init__(
        self, out: str | Path | None, name: str, context: Mapping[str, Any], *,
        executor: Executor | None = None, workers: int | None = None,
    ) -> None:
        if workers is not None and executor is not None:
            raise ParameterError("give `workers` or `executor`, not both")
        if workers is not None:
            whole("workers", workers, high=4096)
        self._folder = None if out is None else Path(out)
        self._name, self._context, self._workers = name, dict(context), workers
        self._executor = executor
        self._store = ArrayStore(self._folder)
        self._stack = ExitStack()
        self._opened: Record | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self._folder is not None:
                stack.enter_context(FolderLock(self._folder))
                if (self._folder / self._name).exists():
                    self._open(stack)
            if self._workers is not None:
                self._executor = stack.enter_context(LocalWorkers(self._workers))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _open(self, stack: ExitStack) -> None:
        if self._folder is not None:
            self._opened = stack.enter_context(Record(self._folder / self._name, self._context))

    def measure(self, parts: Mapping[str, Part]) -> dict[str, Mapping[str, Any]]:
        """Return what every part gave; those that are recorded are not measured again.

        Parameters
        ----------
        parts : mapping of str to function
            Without arguments; returns numbers and arrays by name.
        """
        found: dict[str, Mapping[str, Any]] = {}
        for name in parts:
            kept = None if self._opened is None else self._opened.get([name])
            values = None if kept is None else self._store.get(kept)
            if values is not None:
                found[name] = values
        missing = [name for name in parts if name not in found]
        if self._executor is None:
            for name in missing:
                found[name] = self._keep(name, checked_values(parts[name]()), None)
        else:
            drive(_Queue(missing, found, self._keep), _Work(dict(parts)), self._executor, None)
        return {name: found[name] for name in parts}

    def _keep(
        self, name: str, values: Mapping[str, Any], seconds: float | None
    ) -> Mapping[str, Any]:
        if self._folder is not None:
            if self._opened is None:
                self._open(self._stack)
            if self._opened is not None:
                self._opened.add([name], self._store.put([name], values), seconds=seconds)
        return values


@dataclass(eq=False)
class _Work:
    """Measures a part by its name."""

    parts: Mapping[str, Part]

    def __call__(self, point: str) -> Mapping[str, Any]:
        return self.parts[point]()


class _Queue:
    """The parts that wait for a worker."""

    def __init__(
        self, names: Sequence[str], found: dict[str, Mapping[str, Any]],
        keep: Callable[[str, Mapping[str, Any], float | None], Mapping[str, Any]],
    ) -> None:
        self.names, self.found, self.keep = list(names), found, keep
        self._next = 0

    def take(self, most: int) -> list[tuple[int, Any]]:
        """Return the next part."""
        del most
        self._next += 1
        return [(k, self.names[k]) for k in [self._next - 1] if k < len(self.names)]

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Keep what came back; an error of one part ends the study."""
        for one in outcomes:
            if one.measured is not None:
                name = self.names[one.number]
                self.found[name] = self.keep(name, one.measured, one.seconds)
        for one in outcomes:
            if one.measured is None:
                raise CrossbarSimError(f"{self.names[one.number]}: {one.error}")


def trace_values(trace: Trace) -> dict[str, Any]:
    """Return a trace, all times of it, as numbers and arrays by name."""
    return {**{name: np.asarray(getattr(trace, name)) for name in _ARRAYS}, "steps": trace.steps,
            "rejected": trace.rejected, "method": _METHODS.index(trace.method)}


def trace_of(device: Device, values: Mapping[str, Any]) -> Trace:
    """Return the trace that `trace_values` told of."""
    arrays = {name: values[name] for name in _ARRAYS}
    return Trace(device, **arrays, steps=int(values["steps"]), rejected=int(values["rejected"]),
                 method=_METHODS[int(values["method"])])
