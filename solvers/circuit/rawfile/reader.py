""".raw files of ngspice, LTspice and their like: several plots, binary or text, real or complex.

A file is one plot after another, each a header of lines and then its numbers, point after point.
Written here from the files that ngspice 39 writes, and checked in both directions; what LTspice and
QSPICE have otherwise is in `dialects`.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import NetlistError
from .dialects import FLAGS, Dialect, header_in_utf8, split_steps, step_values
from .plots import RawPlot, RawVariable, Vector
from .writer import write_raw

__all__ = ["RawPlot", "RawVariable", "read_raw", "write_raw"]

_MOST = 1 << 40  # numbers of one plot: more is a broken header


class _Reader:
    def __init__(self, data: bytes, file: str, utf16: bool, shift: int) -> None:
        self.data, self.file, self.utf16, self.shift = data, file, utf16, shift
        self.at = 0
        self.line = 0

    def error(self, what: str) -> NetlistError:
        place = f"byte {self.at + self.shift}, line {self.line} of its headers and text"
        return NetlistError(f"{what} ({place})", file=self.file)

    def next(self) -> str | None:
        """Return the next line, or None at the end."""
        if self.at >= len(self.data):
            return None
        end = self.data.find(b"\n", self.at)
        end = len(self.data) if end < 0 else end
        text = self.data[self.at:end]
        self.at, self.line = end + 1, self.line + 1
        return text.decode("utf-8", "replace").rstrip("\r")

    def plot(self) -> RawPlot | None:
        """Read one plot."""
        found: dict[str, str] = {}
        many: dict[str, list[str]] = {"option": [], "command": []}
        variables: tuple[RawVariable, ...] | None = None
        while True:
            line = self.next()
            if line is None:
                if not found:
                    return None
                raise self.error("the file ends in the header of a plot")
            if not line.strip():
                continue
            key, colon, value = line.partition(":")
            name = " ".join(key.lower().split())
            if line.startswith("."):  # QSPICE's parameters and aliases
                many["option"].append(line.strip())
                continue
            if not colon:
                raise self.error(f"not a line of a raw file's header: {line[:60]!r}")
            if name == "variables":
                variables = self._variables(found, value.strip())
            elif name in ("binary", "values"):
                if variables is None:
                    raise self.error("the numbers come before the line `Variables:`")
                return self._made(found, many, variables, binary=name == "binary")
            elif name in many:
                many[name].append(value.strip())
            else:
                found[name] = value.strip()

    def _count(self, found: dict[str, str], name: str) -> int:
        text = found.get(name, "")
        if not text.isdecimal():
            raise self.error(f"`{name}` must be a whole number; got {text!r}")
        return int(text)

    def _variables(self, found: dict[str, str], first: str) -> tuple[RawVariable, ...]:
        made = []
        for k in range(self._count(found, "no. variables")):
            line = first if k == 0 and first else self.next()
            words = (line or "").split()
            if len(words) < 3 or not words[0].isdecimal():
                raise self.error(f"variable {k} should be `index name type`; got {line!r}")
            pairs = (w.partition("=") for w in words[3:])
            made.append(RawVariable(words[1], words[2], {a: c for a, _, c in pairs}))
        return tuple(made)

    def _made(
        self, found: dict[str, str], many: dict[str, list[str]],
        variables: tuple[RawVariable, ...], *, binary: bool,
    ) -> RawPlot:
        flags = found.get("flags", "real").lower()
        words = flags.split()
        for word in words:
            if word not in FLAGS:
                raise self.error(f"the flag {word!r} is not known; {', '.join(sorted(FLAGS))} are")
        points, complex_ = self._count(found, "no. points"), "complex" in words
        if points * max(len(variables), 1) > _MOST:
            raise self.error(f"{points} points of {len(variables)} variables cannot be")
        lengths = [self._length(v, points) for v in variables]
        present = lengths if "unpadded" in words else [points] * len(variables)
        dialect = Dialect.of(" ".join(many["command"]), words, self.utf16)
        if dialect is not None and binary:
            columns = self._foreign(dialect, len(variables), points)
        else:
            read = self._binary if binary else self._text
            columns = read(present, points, complex_)
        vectors = tuple(c[:n] for c, n in zip(columns, lengths, strict=True))
        if dialect is not None and variables and variables[0].kind == "time":
            vectors = (np.abs(vectors[0]), *vectors[1:])  # LTspice's sign of compressed points
        sizes = found.get("dimensions", "").replace("][", ",").strip("[] ").split(",")
        dimensions = tuple(int(d) for d in sizes if d.strip().isdecimal())
        if dimensions and int(np.prod(dimensions)) != points:
            dimensions = ()
        return RawPlot(
            found.get("title", ""), found.get("plotname", ""), variables, vectors,
            found.get("date", ""), flags, dimensions, tuple(many["option"]),
            tuple(many["command"]),
        )

    def _length(self, variable: RawVariable, points: int) -> int:
        text = variable.attributes.get("dims", "").replace("][", ",").strip("[]")
        if not text:
            return points
        parts = text.split(",")
        if not all(p.isdecimal() for p in parts):
            raise self.error(f"{variable.name}: its dimensions {text!r} are not whole numbers")
        length = int(np.prod([int(p) for p in parts]))
        if length > points:
            raise self.error(f"{variable.name} has {length} points, the plot {points}")
        return length

    def _binary(self, present: list[int], points: int, complex_: bool) -> list[Vector]:
        kind = np.dtype("<c16" if complex_ else "<f8")
        total = sum(present)
        stop = self.at + total * kind.itemsize
        if stop > len(self.data):
            raise self.error(
                f"the file ends after {(len(self.data) - self.at) // kind.itemsize} of {total} "
                "numbers"
            )
        flat = np.frombuffer(self.data, kind, total, self.at)
        self.at = stop
        if self.data[stop:stop + 1] == b"\n":  # some writers end a plot with a line
            self.at += 1
        return _columns(flat.astype(kind.newbyteorder("=")), present, points)

    def _foreign(self, dialect: Dialect, width: int, points: int) -> list[Vector]:
        if not width:
            return []
        size = dialect.size(width, points)
        have = len(self.data) - self.at
        if size > have:
            raise self.error(f"the file ends after {have} of {size} bytes of numbers")
        columns = dialect.columns(self.data[self.at:self.at + size], width, points)
        self.at += size
        if not self.data[self.at:].strip(b"\0"):  # LTspice leaves what it had reserved
            self.at = len(self.data)
        return columns

    def _text(self, present: list[int], points: int, complex_: bool) -> list[Vector]:
        table = self._table(present, points, complex_)
        return self._lines(present, points, complex_) if table is None else table

    def _table(self, present: list[int], points: int, complex_: bool) -> list[Vector] | None:
        """Read all numbers at once; None where they are not as most writers have them."""
        if any(n != points for n in present):
            return None
        end = self.data.find(b"\nTitle:", self.at)
        end = len(self.data) if end < 0 else end + 1
        text = self.data[self.at:end]
        if complex_:
            text = text.replace(b",", b" ")
        width = 1 + len(present) * (2 if complex_ else 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            try:
                found = np.fromstring(text, sep=" ")
            except (DeprecationWarning, ValueError):  # something that is no number
                return None
        if found.size != points * width:
            return None
        rows = found.reshape(points, width)
        if not np.array_equal(rows[:, 0], np.arange(points)):
            return None
        self.line += self.data.count(b"\n", self.at, end)
        self.at = end
        numbers = np.ascontiguousarray(rows[:, 1:])
        return _columns(numbers.view(complex) if complex_ else numbers, present, points)

    def _lines(self, present: list[int], points: int, complex_: bool) -> list[Vector]:
        """Read line by line, and say what is wrong where."""
        kind = complex if complex_ else float
        found = np.empty(sum(present), dtype=kind)
        k = 0
        for point in range(points):
            fresh = True
            for length in present:
                if point >= length:
                    continue
                words = self._words()
                if fresh:
                    if not words[0].isdecimal():
                        raise self.error(f"point {point}: its number is expected, got {words[0]!r}")
                    words = words[1:] or self._words()
                    fresh = False
                try:
                    parts = [float(w) for w in "".join(words).split(",")]
                except ValueError:
                    raise self.error(f"point {point}: {' '.join(words)!r} is no number") from None
                if len(parts) > 2 or (len(parts) == 2 and not complex_):
                    raise self.error(f"point {point}: {' '.join(words)!r} is not one number")
                found[k] = complex(*parts) if complex_ else parts[0]
                k += 1
        return _columns(found, present, points)

    def _words(self) -> list[str]:
        while True:
            line = self.next()
            if line is None:
                raise self.error("the file ends within the values")
            words = line.split()
            if words:
                return words


def _columns(flat: Any, present: list[int], points: int) -> list[Vector]:
    """Return the columns of numbers that come point by point; short columns end early."""
    width = len(present)
    if all(n == points for n in present):
        return [flat.reshape(points, width)[:, k].copy() for k in range(width)]
    lengths = np.array(present)
    here = np.arange(points)[:, None] < lengths  # (points, width)
    places = np.cumsum(here.ravel()).reshape(here.shape) - 1
    return [flat[places[:n, k]] for k, n in enumerate(present)]


def read_raw(path: str | Path | bytes) -> list[RawPlot]:
    r"""Return all plots of a .raw file, in the file's order.

    Parameters
    ----------
    path : path, or the bytes of a file
        Of ngspice, Xyce, LTspice (UTF-16 headers, single precision, fast access, steps) or QSPICE;
        binary or text.

    Returns
    -------
    list of RawPlot
        ``plot["v(out)"]`` is a vector (T,), real or complex, in the file's units. Of LTspice's
        ``.step`` a plot for every step, with the step's values in its title where the ``.log`` is
        beside the file.

    Raises
    ------
    NetlistError
        Not such a file, or it ends early; says at which byte and line.

    Examples
    --------
    >>> from crossbarsim import read_raw
    >>> (plot,) = read_raw(
    ...     b"Title: rc\nPlotname: Transient Analysis\nFlags: real\nNo. Variables: 2\n"
    ...     b"No. Points: 2\nVariables:\n0 time time\n1 v(out) voltage\n"
    ...     b"Values:\n0 0.0\n0.5\n1 1e-3\n0.7\n")
    >>> plot["time"], plot["v(out)"]
    (array([0.   , 0.001]), array([0.5, 0.7]))
    """
    if isinstance(path, bytes):
        data, name = path, "<bytes>"
    else:
        name = str(path)
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise NetlistError(f"cannot be read: {error.strerror}", file=name) from error
    utf16, shift = data[1:2] == b"\0" or data[:2] == b"\xff\xfe", 0
    if utf16:
        try:
            data, shift = header_in_utf8(data)
        except UnicodeDecodeError as error:
            raise NetlistError(
                f"is not the UTF-16 that LTspice writes ({error.reason} at byte {error.start})",
                file=name) from None
    reader = _Reader(data, name, utf16, shift)
    plots = []
    while (plot := reader.plot()) is not None:
        if "stepped" in plot.flags.split() and plot.vectors:
            values = [] if isinstance(path, bytes) else step_values(Path(path))
            plots += split_steps(plot, values, name)
        else:
            plots.append(plot)
    if not plots:
        raise NetlistError("has no plot", file=name)
    return plots
