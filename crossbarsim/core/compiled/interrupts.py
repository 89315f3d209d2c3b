"""Ctrl-C where C code calls back: put off until that is over."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["put_off", "was_interrupted"]


@contextmanager
def put_off() -> Iterator[None]:
    """Let an interrupt of the block take effect at its end.

    Callbacks of ctypes swallow a `KeyboardInterrupt`, and C code that calls Python may turn it into
    a `SystemError`. For blocks of milliseconds; beyond the main thread it does nothing, since
    interrupts reach that one alone.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    try:
        signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    except ValueError:  # the main thread of a subinterpreter
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            before(*came[0])


def was_interrupted(error: BaseException | None) -> bool:
    """Return whether an interrupt stands behind an error: Python wraps some into others.

    Examples
    --------
    >>> from crossbarsim.core.compiled.interrupts import was_interrupted
    >>> error = SystemError("a result with an exception set")
    >>> error.__cause__ = KeyboardInterrupt()
    >>> was_interrupted(error), was_interrupted(ValueError())
    (True, False)
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
