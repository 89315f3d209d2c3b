"""Where compiled libraries are kept, and what is known of others."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Return the folder of compiled libraries, made.

    ``CROSSBARSIM_CACHE``, or the user's cache (``XDG_CACHE_HOME`` or ``~/.cache``).

    Raises
    ------
    OSError
        It cannot be made.
    """
    chosen = os.environ.get("CROSSBARSIM_CACHE")
    base = Path(chosen) if chosen else (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crossbarsim")
    folder = base / "verilog-a"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
