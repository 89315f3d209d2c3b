"""How many processors this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["cpu_count", "limited_cpus"]

_limit: int | None = None


def cpu_count() -> int:
    """Return the number of processors that this process may use, at least 1.

    Python from 3.13 tells (and heeds ``PYTHON_CPU_COUNT``); before, the set that the process is
    bound to, which Linux alone tells; else all of the machine. Inside of `limited_cpus` its limit.

    Examples
    --------
    >>> from crossbarsim.core.cpus import cpu_count
    >>> cpu_count() >= 1
    True
    """
    if _limit is not None:
        return _limit
    count = getattr(os, "process_cpu_count", None)
    if count is not None:
        return max(1, count() or 1)
    affinity = getattr(os, "sched_getaffinity", None)
    if affinity is not None:
        return max(1, len(affinity(0)))
    return max(1, os.cpu_count() or 1)


@contextmanager
def limited_cpus(count: int | None) -> Iterator[None]:
    """Let `cpu_count` tell `count` inside, in all threads of the process; None: as before.

    Examples
    --------
    >>> from crossbarsim.core.cpus import cpu_count, limited_cpus
    >>> with limited_cpus(3):
    ...     cpu_count()
    3
    """
    global _limit  # noqa: PLW0603 - one setting per process
    before = _limit
    if count is not None:
        _limit = count
    try:
        yield
    finally:
        _limit = before
