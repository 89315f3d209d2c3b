"""How a study tells its progress: a protocol, silence as the default, and bars for a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

__all__ = ["ProgressMeter", "RichProgress", "Silent"]


class ProgressMeter(Protocol):
    """What a study calls while it works."""

    def begin(self, task: str, total: int, done: int = 0) -> None:
        """Start a task of `total` steps, `done` of which are done already."""

    def advance(self, task: str, note: str = "") -> None:
        """Count one more step of `task`; `note` says what came out."""


class Silent:
    """Shows nothing."""

    def begin(self, task: str, total: int, done: int = 0) -> None:
        """Ignore the start."""

    def advance(self, task: str, note: str = "") -> None:
        """Ignore the step."""


class RichProgress:
    """Progress bars on a terminal; a context manager.

    Parameters
    ----------
    console : rich.console.Console, optional
    """

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), TextColumn("{task.fields[note]}"), console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begin(self, task: str, total: int, done: int = 0) -> None:
        """Show a bar for `task`."""
        self._tasks[task] = self._progress.add_task(task, total=total, completed=done, note="")

    def advance(self, task: str, note: str = "") -> None:
        """Move the bar of `task` by one step."""
        self._progress.update(self._tasks[task], advance=1, note=note)
