"""One line that says that kernels are being compiled: on a terminal, or in the log."""

from __future__ import annotations

import sys
import time

from ..views.log import LOGGER, listened

__all__ = ["LOGGER", "begin", "end"]

_PAUSE = 2.0  # seconds without compiling after which it is said again
_last = -_PAUSE


def begin(module: str, folder: str | None) -> None:
    """Say that kernels of `module` are compiled, unless that was just said."""
    if time.monotonic() - _last < _PAUSE:
        return
    what = ".".join(module.removeprefix("crossbarsim.").split(".")[:2])
    if what.startswith("_crossbarsim_"):
        what = "the laws of a device"
    kept = f"once: they are kept in {folder}" if folder else "in this process only"
    text = f"compiling kernels ({what}) for this machine; this happens {kept}"
    if sys.stderr is not None and sys.stderr.isatty() and not listened():
        sys.stderr.write(f"crossbarsim: {text}\n")
        sys.stderr.flush()
    else:
        LOGGER.info("%s", text)
    end()


def end() -> None:
    """Note that a kernel has been compiled."""
    global _last  # noqa: PLW0603 - one line per process
    _last = time.monotonic()
