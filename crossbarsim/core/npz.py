"""Reading our ``.npz`` files with errors that say what is wrong with them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .errors import NetlistError

__all__ = ["open_npz"]


@contextmanager
def open_npz(path: str | Path, what: str) -> Iterator[Any]:
    """Open `path`; anything that shows it is not a saved `what` becomes a `NetlistError`."""
    try:
        with np.load(path, allow_pickle=False) as data:
            yield data
    except (KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise NetlistError(f"is not a saved {what} ({error})", file=str(path)) from error
