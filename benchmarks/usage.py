"""Memory and CPU time of processes, as the system tells them."""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Any

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None  # type: ignore[assignment]

__all__ = ["children_seconds", "peak_memory"]


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of Windows."""

    _fields_ = (
        ("cb", ctypes.c_uint32), ("page_faults", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in (
            "peak", "working_set", "peak_paged", "paged", "peak_non_paged", "non_paged",
            "page_file", "peak_page_file",
        )),
    )


def _windows_peak() -> int:
    kernel32: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    ask = kernel32.K32GetProcessMemoryInfo
    ask.argtypes = (ctypes.c_void_p, ctypes.POINTER(_Counters), ctypes.c_uint32)
    counters = _Counters(cb=ctypes.sizeof(_Counters))
    if not ask(kernel32.GetCurrentProcess(), ctypes.byref(counters), counters.cb):
        raise OSError(ctypes.get_last_error(), "GetProcessMemoryInfo")  # type: ignore[attr-defined]
    return int(counters.peak)


def peak_memory() -> int:
    """Return the most bytes this process has held in memory."""
    if resource is None:
        return _windows_peak()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # macOS counts bytes, others KiB


def children_seconds() -> float:
    """Return the CPU time of processes that have ended; elapsed time where it is not told."""
    if resource is None:
        return time.perf_counter()
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
