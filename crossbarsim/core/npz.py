"""Reading our ``.npz`` files with errors that say what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CrossbarSimError, NetlistError

__all__ = ["field", "open_npz"]


@contextmanager
def open_npz(path: str | Path, what: str) -> Iterator[Any]:
    """Open `path`; anything that shows it is not a saved `what` becomes a `NetlistError`.

    Parameters
    ----------
    path : path
    what : str
        What the file should hold, for the error.

    Raises
    ------
    NetlistError
        Names the file. Also for what the block raises of it.
    OSError
        The file cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from crossbarsim import Crossbar, NetlistError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "array.npz")
    ...     length = path.write_bytes(b"PK and no more")
    ...     try:
    ...         Crossbar.load(path)
    ...     except NetlistError as error:
    ...         print(str(error).startswith(str(path)))
    True
    """
    with Path(path).open("rb") as stream:
        try:
            with np.load(stream, allow_pickle=False) as data:
                yield data
        except CrossbarSimError as error:
            message = error.message if isinstance(error, NetlistError) else (
                f"is not a saved {what} ({error})"
            )
            raise NetlistError(message, file=str(path)) from error
        except (Exception, MemoryError) as error:
            # zipfile, zlib, json and NumPy each have errors of their own for damaged bytes
            text = f"{type(error).__name__}: {error}".rstrip(": ")
            raise NetlistError(f"is damaged, or not a saved {what} ({text})", file=str(path)) \
                from error


def field(data: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Any:
    """Return an array of real numbers with a certain shape, of a file.

    Raises
    ------
    NetlistError
        It is not there, or has another type or shape.
    """
    found = data[name]
    if found.dtype.kind not in "fiub" or found.shape != shape:
        raise NetlistError(
            f"`{name}` is {found.dtype} of shape {found.shape}; real numbers of shape {shape} are "
            "expected"
        )
    return found
