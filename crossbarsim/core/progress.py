"""How long runs tell what is done: one protocol, silence as the default, bars for a terminal.

Whatever takes `progress` takes a `Progress`: True shows bars on the terminal, a function is called
with the share of the task at hand that is done (0 to 1), a `ProgressMeter` hears of tasks and
steps; False or None shows nothing. Runs that know steps use `metered`, those that know a share of
the whole use `shared`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from .errors import ParameterError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Progress", "ProgressMeter", "RichProgress", "Silent", "metered", "share_of", "shared"]

_STEPS = 100  # of a task that is told as a share


@runtime_checkable
class ProgressMeter(Protocol):
    """What a run calls while it works, from the thread that started it or from another."""

    def begin(self, task: str, total: int, done: int = 0) -> None:
        """Start a task of `total` steps, `done` of which are done already."""

    def advance(self, task: str, note: str = "") -> None:
        """Count one more step of `task`; `note` says what came out."""


Progress = bool | Callable[[float], None] | ProgressMeter | None
"""True: bars on the terminal; a function of the share done, 0 to 1; a `ProgressMeter`."""


class Silent:
    """A `ProgressMeter` that shows nothing."""

    def begin(self, task: str, total: int, done: int = 0) -> None:
        """Ignore the start."""

    def advance(self, task: str, note: str = "") -> None:
        """Ignore the step."""


class RichProgress:
    """Bars on a terminal, one per task: a `ProgressMeter` and a context manager.

    Parameters
    ----------
    console : rich.console.Console, optional
        Default: standard output.
    transient : bool
        Whether the bars disappear at the end.
    """

    def __init__(self, console: Console | None = None, *, transient: bool = False) -> None:
        from rich.progress import (  # noqa: PLC0415 - slow to import, needed where bars are shown
            BarColumn,
            Progress,
            TaskID,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description:<8}"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[count]}"), TimeElapsedColumn(), TextColumn("left"),
            TimeRemainingColumn(), TextColumn("{task.fields[note]}"), console=console,
            transient=transient,
        )
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def _count(self, task: str) -> str:
        done, total = self._counts[task]
        return "" if total == _STEPS else f"{done}/{total}"

    def begin(self, task: str, total: int, done: int = 0) -> None:
        """Show a bar for `task`; one of that name that is there begins anew."""
        self._counts[task] = done, total
        if task in self._tasks:
            self._progress.reset(
                self._tasks[task], total=total, completed=done, note="", count=self._count(task)
            )
            return
        self._tasks[task] = self._progress.add_task(
            task, total=total, completed=done, note="", count=self._count(task)
        )

    def advance(self, task: str, note: str = "") -> None:
        """Move the bar of `task` by one step."""
        done, total = self._counts[task]
        self._counts[task] = done + 1, total
        self._progress.update(self._tasks[task], advance=1, note=note, count=self._count(task))


class _Shares:
    """Calls a function with the share of the task at hand that is done."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell = tell
        self._done: dict[str, tuple[int, int]] = {}

    def begin(self, task: str, total: int, done: int = 0) -> None:
        self._done[task] = done, total
        self._tell(done / total if total else 1.0)

    def advance(self, task: str, note: str = "") -> None:
        del note
        done, total = self._done[task]
        self._done[task] = done + 1, total
        self._tell((done + 1) / total if total else 1.0)


@contextmanager
def metered(progress: Progress) -> Iterator[ProgressMeter]:
    """Yield the meter that `progress` asks for.

    Raises
    ------
    ParameterError
        It is no `Progress`.
    """
    if progress is None or progress is False:
        yield Silent()
    elif progress is True:
        with RichProgress() as bars:
            yield bars
    elif isinstance(progress, ProgressMeter):
        yield progress
    elif callable(progress):
        yield _Shares(progress)
    else:
        raise ParameterError(
            "`progress` must be True, False, a function of the share that is done, or a "
            f"ProgressMeter; got {progress!r:.60}"
        )


@contextmanager
def shared(task: str, progress: Progress) -> Iterator[Callable[[float], None] | None]:
    """Yield what a run calls with the share of it that is done, 0 to 1; None: nobody listens.

    Raises
    ------
    ParameterError
        It is no `Progress`.
    """
    if progress is None or progress is False:
        yield None
    elif callable(progress) and not isinstance(progress, ProgressMeter):
        yield progress
    else:
        with metered(progress) as meter:
            yield share_of(task, meter)


def share_of(task: str, meter: ProgressMeter) -> Callable[[float], None]:
    """Begin a task of 100 steps; return what takes its meter to a share of them."""
    meter.begin(task, _STEPS)
    done = 0

    def tell(share: float) -> None:
        nonlocal done
        while done < min(int(_STEPS * share + 1e-9), _STEPS):
            done += 1
            meter.advance(task)

    return tell
