"""Where compiled libraries are kept, and what is known of others."""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Return the folder of compiled libraries, made.

    ``CROSSBARSIM_CACHE``, or the user's cache (``XDG_CACHE_HOME`` or ``~/.cache``).

    Raises
    ------
    OSError
        It cannot be made, or the user has no home.
    """
    chosen = os.environ.get("CROSSBARSIM_CACHE")
    if chosen:
        base = Path(chosen)
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "crossbarsim"
    folder = base / "verilog-a"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:  # a user of whom the system knows no more than a number
        raise OSError(errno.ENOENT, str(error), "~/.cache") from None
