"""Options that hold several values, and files of arrays."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import ParameterError

if TYPE_CHECKING:
    from ..core.validation import Array

__all__ = ["array_file", "given", "integers", "numbers", "save_table_of", "shapes", "siemens"]


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given; of the others the defaults of what is called count."""
    return {name: value for name, value in options.items() if value is not None}


def siemens(ohm: float) -> float:
    """Return the conductance of a resistance; of none that there is 0, which is refused by name."""
    return 1 / ohm if ohm > 0 else 0.0


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
    if any(not math.isfinite(value) or value != int(value) for value in found):
        raise ParameterError(f"`{name}` must be integers; got {' '.join(texts)}")
    return tuple(int(value) for value in found)


def array_file(path: str | Path) -> Array:
    """Return the array of a ``.npy`` file, or of a ``.csv`` or ``.txt`` table of numbers.

    Tables have two dimensions. Their numbers stand between commas, semicolons or blanks; what
    follows a # and a first line of names are passed over.

    Raises
    ------
    ParameterError
        The file is not there or holds something else.
    """
    import numpy as np

    if Path(path).suffix.lower() in (".csv", ".txt", ".tsv", ".dat"):
        return _table_file(Path(path))
    try:
        found = np.load(path, allow_pickle=False)
    except OSError as error:
        raise ParameterError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # NumPy and zipfile have errors of their own for damaged bytes
        raise ParameterError(
            f"{path}: expected a NumPy .npy file of numbers, or a table that ends in .csv"
        ) from error
    if not isinstance(found, np.ndarray):
        found.close()  # Windows cannot replace a file that is open
        raise ParameterError(f"{path}: expected a NumPy .npy file of numbers; it is a .npz file")
    if found.dtype.kind not in "fiub":
        raise ParameterError(f"{path}: expected real numbers; it holds {found.dtype}")
    return found


def _table_file(path: Path) -> Array:
    import numpy as np

    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ParameterError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ParameterError(f"{path}: is no text in UTF-8") from error
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0]
        if ";" in text and "," in text:
            raise ParameterError(
                f"{path}, line {number}: has both , and ;: numbers have a decimal point here, and "
                "one of the two between them"
            )
        words = text.replace(";", ",").replace(",", " , ").split()
        cells = [w for w in words if w != ","]
        if not cells:
            continue
        if "," in words and len(cells) != words.count(",") + 1:
            raise ParameterError(f"{path}, line {number}: a number is missing: {line.strip()!r}")
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError:
            if not rows and not any(_is_number(cell) for cell in cells):
                continue  # names of columns
            raise ParameterError(
                f"{path}, line {number}: expected numbers; got {line.strip()!r:.60}"
            ) from None
        if len(rows[-1]) != len(rows[0]):
            raise ParameterError(
                f"{path}, line {number}: has {len(rows[-1])} numbers, the lines above "
                f"{len(rows[0])}"
            )
    if not rows:
        raise ParameterError(f"{path}: holds no numbers")
    return np.array(rows)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def save_table_of(path: Path, array: Array) -> None:
    """Write an array of one or two dimensions as comma-separated values of full precision."""
    import csv

    import numpy as np

    from ..core.files import new_text_file

    with new_text_file(path) as stream:
        csv.writer(stream, lineterminator="\n").writerows(
            [repr(float(value)) for value in row] for row in np.atleast_2d(array)
        )
