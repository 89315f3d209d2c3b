"""What LTspice's and QSPICE's .raw files have otherwise than ngspice's.

LTspice writes its headers in UTF-16; its numbers are float32 but for the first column (float64),
except of small signals (complex128) and with ``.options numdgt`` above 6 (flag ``double``). With
the flag ``fastaccess`` columns come one after another. Times of compressed curves carry a sign that
means nothing. All steps of ``.step`` are one table, each begins again at the first abscissa; their
values are in the ``.log`` beside it. QSPICE's numbers are float64, also the frequencies of complex
tables. Compared with files that LTspice 17 and 24 and QSPICE wrote.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.errors import NetlistError
from .plots import RawPlot, Vector

__all__ = ["FLAGS", "Dialect", "header_in_utf8", "split_steps", "step_values"]

FLAGS = {
    "real", "complex", "padded", "unpadded", "forward", "log", "linear", "stepped", "double",
    "fastaccess", "compressed",
}
_BINARY = re.compile(rb"B\0i\0n\0a\0r\0y\0:\0(?:\r\0)?\n\0")


@dataclass(frozen=True)
class Dialect:
    """How the numbers of one plot are laid out.

    Attributes
    ----------
    first, others : numpy.dtype
        Of the first column and of the others.
    by_column : bool
        Columns come one after another instead of points.
    """

    first: np.dtype[np.generic]
    others: np.dtype[np.generic]
    by_column: bool = False

    @classmethod
    def of(cls, command: str, flags: list[str], utf16: bool) -> Dialect | None:
        """Return the layout of another simulator than ngspice, or None.

        Parameters
        ----------
        command : str
            The line ``Command:``, which names the simulator.
        flags : list of str
        utf16 : bool
            Whether the header was in UTF-16, as only LTspice has it.
        """
        single, double, both = (np.dtype(kind) for kind in ("<f4", "<f8", "<c16"))
        columns, complex_ = "fastaccess" in flags, "complex" in flags
        if "qspice" in command.lower():
            return cls(double, both if complex_ else double, columns)
        if not utf16 and "ltspice" not in command.lower():
            return None
        if complex_:
            return cls(both, both, columns)
        return cls(double, double if "double" in flags else single, columns)

    def size(self, width: int, points: int) -> int:
        """Return the bytes of a table of so many columns."""
        return points * (self.first.itemsize + (width - 1) * self.others.itemsize)

    def columns(self, data: bytes, width: int, points: int) -> list[Vector]:
        """Return the columns of a table, in double precision."""
        kinds = [self.first, *[self.others] * (width - 1)]
        if self.by_column:
            found: list[NDArray[np.generic]] = []
            at = 0
            for kind in kinds:
                found.append(np.frombuffer(data, kind, points, at))
                at += points * kind.itemsize
        else:
            record = np.dtype([(f"c{k}", kind) for k, kind in enumerate(kinds)])
            table = np.frombuffer(data, record, points)
            found = [table[f"c{k}"] for k in range(width)]
        return [c.astype(complex if c.dtype.kind == "c" else float) for c in found]


def header_in_utf8(data: bytes) -> tuple[bytes, int]:
    """Return a file with its header in UTF-8 instead of UTF-16, and by how much that is shorter.

    Numbers in binary stay as they are; text is converted whole.

    Raises
    ------
    UnicodeDecodeError
        The header is no UTF-16.
    """
    mark = _BINARY.search(data)
    end = len(data) if mark is None else mark.end()
    header = data[:end].decode("utf-16-le").removeprefix("\ufeff").encode()
    return header + data[end:], end - len(header)


def step_values(file: Path) -> list[str]:
    """Return the values of every step, ``"r1=1000, vin=1"``, from the .log beside a file.

    Empty where there is no such log.
    """
    try:
        data = file.with_suffix(".log").read_bytes()
    except OSError:
        return []
    text = data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-8", "replace")
    lines = re.findall(r"^\.step +(\S.*?)\s*$", text, re.MULTILINE | re.IGNORECASE)
    return [", ".join(line.split()) for line in lines]


def split_steps(
    plot: RawPlot, values: Sequence[str], file: str | None = None
) -> list[RawPlot]:
    """Return LTspice's table of all steps as a plot for each.

    Parameters
    ----------
    plot : RawPlot
        Each step begins at the first abscissa again; a table of operating points stays whole, the
        stepped values are its first columns.
    values : sequence of str
        Of the steps: as many as there are steps, they are added to the titles.
    file : str, optional
        Named in the error.

    Raises
    ------
    NetlistError
        The abscissa is empty or begins with NaN, so that there is nothing to tell steps by.
    """
    if "operating point" in plot.name.lower():
        return [plot]
    scale = plot.scale
    starts = np.flatnonzero(scale == scale[:1])
    if not len(starts):
        raise NetlistError(
            "steps cannot be told apart: their abscissa begins with no number", file=file
        )
    known = len(values) == len(starts)
    found = []
    for k, (start, stop) in enumerate(zip(starts, [*starts[1:], len(scale)], strict=True)):
        which = values[k] if known else f"step {k + 1} of {len(starts)}"
        cut = tuple(v[start:stop] for v in plot.vectors)
        found.append(replace(plot, vectors=cut, title=f"{plot.title} ({which})"))
    return found
