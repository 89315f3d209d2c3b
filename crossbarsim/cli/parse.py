"""Options that hold several values, and files of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import ParameterError

if TYPE_CHECKING:
    from ..core.validation import Array

__all__ = ["array_file", "integers", "numbers", "shapes"]


def numbers(texts: list[str], name: str) -> tuple[float, ...]:
    """Return the numbers of an option that may be repeated or hold several after commas."""
    try:
        return tuple(float(part) for text in texts for part in text.split(","))
    except ValueError:
        raise ParameterError(f"`{name}` must be numbers; got {' '.join(texts)}") from None


def shapes(texts: list[str]) -> tuple[tuple[int, int], ...]:
    """Return the tile shapes of `--tile`, such as 128x128,64x64."""
    found = []
    for text in (part for given in texts for part in given.split(",")):
        rows, mark, columns = text.lower().partition("x")
        if not (mark and rows.isdecimal() and columns.isdecimal()):
            raise ParameterError(f"`--tile` must look like 128x128; got {text}")
        found.append((int(rows), int(columns)))
    return tuple(found)


def integers(texts: list[str], name: str) -> tuple[int, ...]:
    """Return the integers of an option, as `numbers`."""
    found = numbers(texts, name)
    if any(value != int(value) for value in found):
        raise ParameterError(f"`{name}` must be integers; got {' '.join(texts)}")
    return tuple(int(value) for value in found)


def array_file(path: str | Path) -> Array:
    """Return the array of a ``.npy`` file."""
    import numpy as np

    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ParameterError(f"{path}: expected a NumPy .npy file of numbers; {error}") from error
    if not isinstance(found, np.ndarray):
        found.close()  # Windows cannot replace a file that is open
        raise ParameterError(f"{path}: expected a NumPy .npy file of numbers; it is a .npz file")
    return found
