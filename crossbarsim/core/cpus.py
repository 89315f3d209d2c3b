"""How many processors this process may use."""

from __future__ import annotations

import os

__all__ = ["cpu_count"]


def cpu_count() -> int:
    """Return the number of processors that this process may use, at least 1.

    Python from 3.13 tells (and heeds ``PYTHON_CPU_COUNT``); before, the set that the process is
    bound to, which Linux alone tells; else all of the machine.

    Examples
    --------
    >>> from crossbarsim.core.cpus import cpu_count
    >>> cpu_count() >= 1
    True
    """
    count = getattr(os, "process_cpu_count", None)
    if count is not None:
        return max(1, count() or 1)
    affinity = getattr(os, "sched_getaffinity", None)
    if affinity is not None:
        return max(1, len(affinity(0)))
    return max(1, os.cpu_count() or 1)
