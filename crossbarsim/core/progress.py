"""A bar on the terminal for long runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(
    title: str, wanted: bool | Callable[[float], None]
) -> Iterator[Callable[[float], None] | None]:
    """Yield what a run calls with the share that is done: a bar's, the caller's own, or None."""
    if not isinstance(wanted, bool):
        yield wanted
        return
    if not wanted:
        yield None
        return
    from rich.progress import Progress  # noqa: PLC0415 - only where a bar is shown

    with Progress() as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda share: progress.update(task, completed=share)
