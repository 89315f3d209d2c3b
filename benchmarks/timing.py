"""Best-of timing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

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
