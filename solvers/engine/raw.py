"""ngspice's .raw files: several plots, binary or text, real or complex.

A file is one plot after another, each a header of lines and then its numbers, point after point.
Written here from the files that ngspice 39 writes, and checked in both directions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...netlists.errors import BackendUnavailable, NetlistError, ParameterError

__all__ = ["RawPlot", "RawVariable", "read_raw", "write_raw"]

Vector = NDArray[np.float64] | NDArray[np.complex128]
_MOST = 1 << 40  # numbers of one plot: more is a broken header


@dataclass(frozen=True)
class RawVariable:
    """One column of a plot.

    Attributes
    ----------
    name : str
        Such as ``"v(out)"``, ``"i(v1)"``, ``"time"``, ``"frequency"``.
    kind : str
        ``"time"``, ``"frequency"``, ``"voltage"``, ``"current"``, ``"notype"``, ...
    attributes : dict
        What else the line says: ``grid``, ``min``, ``max``, ``dims`` ...
    """

    name: str
    kind: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class RawPlot:
    """The results of one analysis.

    ``plot["v(out)"]`` is a vector, real or complex as the file says; `scale` is the abscissa.

    Attributes
    ----------
    title, name : str
        Of the deck, and of the analysis (``"Transient Analysis"``).
    variables : tuple of RawVariable
        The first is the abscissa (except of an operating point).
    vectors : tuple of (T,) arrays
        In the same order, float or complex; shorter than the others where the file says so.
    date, flags : str
    dimensions : tuple of int
        Of nested sweeps, the outermost first; empty where there is one.
    options, commands : tuple of str
        As in the file.
    """

    title: str
    name: str
    variables: tuple[RawVariable, ...]
    vectors: tuple[Vector, ...]
    date: str = ""
    flags: str = "real"
    dimensions: tuple[int, ...] = ()
    options: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all vectors."""
        return tuple(v.name for v in self.variables)

    @property
    def complex(self) -> bool:
        """Whether the vectors are complex."""
        return any(np.iscomplexobj(v) for v in self.vectors)

    @property
    def scale(self) -> NDArray[np.float64]:
        """The first vector; of a frequency the real part, the other one is not defined."""
        first: NDArray[np.float64] = np.ascontiguousarray(np.real(self.vectors[0]))
        return first

    def __len__(self) -> int:
        return max((len(v) for v in self.vectors), default=0)

    def __getitem__(self, name: str) -> Vector:
        key = name.strip().lower().replace(" ", "")
        for variable, vector in zip(self.variables, self.vectors, strict=True):
            if variable.name.lower() == key:
                return self.scale if vector is self.vectors[0] else vector
        raise ParameterError(
            f"the plot {self.name!r} has no vector {name!r}; it has {', '.join(self.names)}"
        )

    def __contains__(self, name: str) -> bool:
        return name.strip().lower().replace(" ", "") in (n.lower() for n in self.names)

    def __repr__(self) -> str:
        return f"RawPlot({self.name!r}, {len(self.variables)} vectors of {len(self)})"

    def to_dict(self) -> dict[str, Vector]:
        """Return all vectors by name."""
        return {name: self[name] for name in self.names}

    def to_dataframe(self) -> Any:
        """Return a `pandas.DataFrame` over the abscissa."""
        try:
            import pandas as pd  # noqa: PLC0415 - optional
        except ModuleNotFoundError as error:
            raise BackendUnavailable("pandas is missing: install crossbarsim[studies]") from error
        return pd.DataFrame(
            {name: self[name] for name in self.names[1:]}, pd.Index(self.scale, name=self.names[0])
        )


# -- reading ---------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, data: bytes, file: str) -> None:
        self.data, self.file = data, file
        self.at = 0
        self.line = 0

    def error(self, what: str) -> NetlistError:
        place = f"byte {self.at}, line {self.line} of its headers and text"
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
            if word not in ("real", "complex", "padded", "unpadded"):
                raise self.error(f"the flag {word!r} is not known; real, complex, (un)padded are")
        points, complex_ = self._count(found, "no. points"), "complex" in words
        if points * max(len(variables), 1) > _MOST:
            raise self.error(f"{points} points of {len(variables)} variables cannot be")
        lengths = [self._length(v, points) for v in variables]
        present = lengths if "unpadded" in words else [points] * len(variables)
        read = self._binary if binary else self._text
        columns = read(present, points, complex_)
        vectors = tuple(c[:n] for c, n in zip(columns, lengths, strict=True))
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

    def _text(self, present: list[int], points: int, complex_: bool) -> list[Vector]:
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
    """Return all plots of a .raw file, in the file's order.

    Parameters
    ----------
    path : path, or the bytes of a file

    Raises
    ------
    NetlistError
        Not such a file, or it ends early; says at which byte and line. Files of LTspice (UTF-16,
        single precision) are refused.
    """
    if isinstance(path, bytes):
        data, name = path, "<bytes>"
    else:
        name = str(path)
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise NetlistError(f"cannot be read: {error.strerror}", file=name) from error
    if data[1:2] == b"\0":
        raise NetlistError("is in UTF-16, as LTspice writes; ngspice's raw files are read",
                           file=name)
    reader = _Reader(data, name)
    plots = []
    while (plot := reader.plot()) is not None:
        plots.append(plot)
    if not plots:
        raise NetlistError("has no plot", file=name)
    return plots


# -- writing ---------------------------------------------------------------------------------------


def write_raw(
    path: str | Path, plots: RawPlot | Iterable[RawPlot], *, binary: bool = True,
    padded: bool = True,
) -> None:
    """Write plots so that ngspice's ``load`` reads them.

    Parameters
    ----------
    path : path
    plots : RawPlot, or several
    binary : bool
        Else text of 17 digits, which is as exact.
    padded : bool
        Whether vectors that are shorter than others are filled up with 0.
    """
    some: Sequence[RawPlot] = [plots] if isinstance(plots, RawPlot) else list(plots)
    if not some:
        raise ParameterError("`plots` must have at least one plot")
    with Path(path).open("wb") as stream:
        stream.writelines(_written(plot, binary=binary, padded=padded) for plot in some)


def _written(plot: RawPlot, *, binary: bool, padded: bool) -> bytes:
    if len(plot.variables) != len(plot.vectors):
        raise ParameterError(
            f"{plot.name}: {len(plot.variables)} variables and {len(plot.vectors)} vectors"
        )
    points, complex_ = len(plot), plot.complex
    now = datetime.now().astimezone().strftime("%a %b %d %H:%M:%S  %Y")
    lines = [
        f"Title: {_line(plot.title)}", f"Date: {_line(plot.date) or now}",
        f"Plotname: {_line(plot.name)}",
        f"Flags: {'complex' if complex_ else 'real'}{'' if padded else ' unpadded'}",
        f"No. Variables: {len(plot.variables)}", f"No. Points: {points}",
    ]
    if len(plot.dimensions) > 1:
        lines.append(f"Dimensions: {','.join(map(str, plot.dimensions))}")
    lines += [f"Command: {_line(c)}" for c in plot.commands]
    lines += [f"Option: {_line(o)}" for o in plot.options]
    lines.append("Variables:")
    for k, (variable, vector) in enumerate(zip(plot.variables, plot.vectors, strict=True)):
        if not variable.name or any(c.isspace() for c in variable.name + variable.kind):
            raise ParameterError(f"a vector's name must be one word; got {variable.name!r}")
        attributes = {a: c for a, c in variable.attributes.items() if a != "dims"}
        if len(vector) != points:
            attributes["dims"] = str(len(vector))
        more = "".join(f" {a}={c}" for a, c in attributes.items())
        lines.append(f"\t{k}\t{variable.name}\t{variable.kind}{more}")
    kind = np.dtype("<c16" if complex_ else "<f8")
    table = np.zeros((points, len(plot.vectors)), dtype=kind)
    here = np.ones(table.shape, dtype=bool)
    for k, vector in enumerate(plot.vectors):
        table[:len(vector), k] = vector
        here[len(vector):, k] = padded
    if binary:
        head = "\n".join([*lines, "Binary:", ""]).encode()
        return head + (table if here.all() else table[here]).tobytes()
    text = ["\n".join([*lines, "Values:"])]
    for point in range(points):
        values = [_number(v) for v in table[point, here[point]]]
        text.append(f" {point}\t" + "\n\t".join(values) + "\n")
    return "\n".join([*text, ""]).encode()


def _number(value: Any) -> str:
    if np.iscomplexobj(value):
        return f"{value.real:.16e},{value.imag:.16e}"
    return f"{value:.16e}"


def _line(text: str) -> str:
    return " ".join(text.split("\n"))
