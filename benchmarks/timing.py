"""Best-of timing, and the CPU time of ngspice."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from .usage import children_seconds

T = TypeVar("T")


def best_of(work: Callable[[], T], *, seconds: float = 1.0, least: int = 3) -> tuple[float, T]:
    """Return the shortest time of a call and its result, after one call to warm up.

    Calls for about `seconds`, at least `least` times; a call longer than 10 s is not repeated.
    """
    start = time.perf_counter()
    result = work()
    best = time.perf_counter() - start
    if best > 10.0:
        return best, result
    best, spent, count = float("inf"), 0.0, 0
    while count < least or (spent < seconds and count < 1000):
        start = time.perf_counter()
        result = work()
        once = time.perf_counter() - start
        best, spent, count = min(best, once), spent + once, count + 1
    return best, result


def run_ngspice(deck: Path, limit: float) -> tuple[float, subprocess.CompletedProcess[str]] | None:
    """Run ngspice on `deck`, in its folder; return CPU time and process, None past `limit` s."""
    before = children_seconds()
    try:
        done = subprocess.run(  # noqa: S603
            [shutil.which("ngspice") or "ngspice", "-b", str(deck)], cwd=deck.parent,
            capture_output=True, encoding="utf-8", errors="replace", timeout=limit, check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return children_seconds() - before, done
