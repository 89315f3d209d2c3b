"""Worker processes of this machine that outlive the loss of one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Any, Self

from ..validation import count as whole

__all__ = ["LocalWorkers"]

_MOST = 4096


class LocalWorkers:
    """Processes of this machine, an executor: lost ones are replaced, and end with their driver.

    A script that uses them must start its work under ``if __name__ == "__main__":``, as each
    process imports it.

    Parameters
    ----------
    count : int
        Processes.

    Examples
    --------
    >>> from crossbarsim.studies import LocalWorkers
    >>> with LocalWorkers(2) as workers:  # doctest: +SKIP
    ...     result = study.run("results", executor=workers)
    """

    def __init__(self, count: int) -> None:
        self.count = whole("count", count, high=_MOST)
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        # spawn: a forked process would have torch's threads, but not what they wait for
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.count, mp_context=context, initializer=_begin)

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Run a call in one of the processes; return its future."""
        return self._pool.submit(call, *arguments)

    def revive(self) -> None:
        """Replace the processes after one was lost, which ends all of them."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._new()

    def shutdown(self, *, wait: bool = True) -> None:
        """End the processes."""
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:  # nobody waits for what they are at
            for process in list((getattr(self._pool, "_processes", None) or {}).values()):
                process.kill()
        self.shutdown(wait=kind is None)


def _begin() -> None:
    """Let this process end when its driver does, however that ends; Ctrl-C is the driver's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
