"""What there is to see of a result, with names and units; how it is drawn is told elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ..errors import ParameterError
from ..validation import Array

__all__ = ["Axis", "Curve", "Curves", "Derived", "Field", "Grid", "HeatMap", "Measure", "Panel",
           "Table", "capital", "worded"]


def capital(text: str) -> str:
    """Return a label with a capital letter first; dotted names of settings stay what they are."""
    return text if "." in text.split(" ", maxsplit=1)[0] else text[:1].upper() + text[1:]


def worded(name: str, unit: str) -> str:
    """Return a label, such as ``current (A)``."""
    return f"{name} ({unit})" if unit else name


@dataclass(frozen=True, eq=False)
class Axis:
    """An axis of points: its name, unit, and a number or a text for each of them.

    Axes of one name in several panels of a page share their slider.
    """

    name: str
    values: Any
    unit: str = ""

    def __post_init__(self) -> None:
        if len(self.values) == 0:
            raise ParameterError(f"the axis `{self.name}` has no point: there is nothing to show")

    @property
    def numbers(self) -> Array | None:
        """The values, where they are numbers."""
        found = np.asarray(self.values)
        return found.astype(float) if found.dtype.kind in "fiu" else None


@dataclass(frozen=True, eq=False)
class Field:
    """One quantity of a heat map.

    Attributes
    ----------
    name, unit : str
    values : (..., M, N) array
        With the frames' axes first; an axis of length 1 stands for all. NaN and infinite are gaps.
    diverging : bool
        Whether 0 is the middle of the colours.
    shown : bool
        Whether it can be chosen; else it only serves others.
    """

    name: str
    unit: str
    values: Array
    diverging: bool = False
    shown: bool = True


@dataclass(frozen=True, eq=False)
class Derived:
    """A quantity that follows from two others, by their names.

    Attributes
    ----------
    name, unit : str
    rule : {"difference", "product", "percent"}
        a - b, a b, or 100 (a - b) / b.
    of : (str, str)
    diverging : bool
    """

    name: str
    unit: str
    rule: str
    of: tuple[str, str]
    diverging: bool = False
    shown: bool = True

    def values(self, first: Array, second: Array) -> Array:
        """Return the quantity from its two parts."""
        with np.errstate(all="ignore"):
            if self.rule == "difference":
                return np.asarray(first - second)
            if self.rule == "product":
                return np.asarray(first * second)
            return np.asarray(100.0 * (first - second) / second)


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Quantities of the cells of an array, for every point of the frames' axes.

    Attributes
    ----------
    title : str
    fields : sequence of Field or Derived
        The first that is shown comes first.
    frames : sequence of Axis
        What the sliders choose.
    rows, columns : str
        What a row and a column is.
    play : bool
        Whether the last of the frames' axes runs by itself: an animation.
    first : int
        The frame of the last axis that is shown first, counted from the end where negative.
    places : (Axis, Axis), optional
        What rows and columns stand for, in place of their numbers.
    """

    title: str
    fields: Sequence[Field | Derived]
    frames: Sequence[Axis] = ()
    rows: str = "word line"
    columns: str = "bit line"
    play: bool = False
    first: int = 0
    places: tuple[Axis, Axis] | None = None

    def __post_init__(self) -> None:
        if not any(isinstance(one, Field) and one.values.size for one in self.fields):
            raise ParameterError(f"{self.title}: the array has no cells, there is nothing to show")

    @property
    def shape(self) -> tuple[int, int]:
        """(M, N)."""
        shapes = [one.values.shape[-2:] for one in self.fields if isinstance(one, Field)]
        return max(m for m, _ in shapes), max(n for _, n in shapes)

    @property
    def start(self) -> tuple[int, ...]:
        """The frame that is shown first."""
        found = [0] * len(self.frames)
        if found:
            found[-1] = self.first % len(self.frames[-1].values)
        return tuple(found)

    def frame(self, name: str, place: tuple[int, ...] | None = None) -> Array:
        """Return a quantity (M, N) at a frame."""
        place = self.start if place is None else place
        one = next(f for f in self.fields if f.name == name)
        if isinstance(one, Derived):
            return one.values(self.frame(one.of[0], place), self.frame(one.of[1], place))
        found = one.values
        lead = found.ndim - 2
        index = tuple(0 if found.shape[k] == 1 else place[k] for k in range(lead))
        return np.asarray(found[index])


@dataclass(frozen=True, eq=False)
class Curve:
    """A line, perhaps with a band; NaN is a gap."""

    name: str
    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Curves:
    """Lines over one abscissa.

    Attributes
    ----------
    title : str
    curves : sequence of Curve
    x, y : (name, unit)
    log_x, log_y : bool
        Where the axes begin logarithmic.
    directed : bool
        Whether the order of the points matters, as in a loop: it is marked by arrows.
    left_out : int
        Curves that are not among them.
    """

    title: str
    curves: Sequence[Curve]
    x: tuple[str, str]
    y: tuple[str, str]
    log_x: bool = False
    log_y: bool = False
    directed: bool = False
    left_out: int = 0

    def __post_init__(self) -> None:
        if not any(len(curve.x) for curve in self.curves):
            raise ParameterError(f"{self.title}: there is no point to show")


@dataclass(frozen=True, eq=False)
class Measure:
    """What was measured at every point of a grid, with the ends of its band."""

    name: str
    unit: str
    mean: Array
    low: Array | None = None
    high: Array | None = None


@dataclass(frozen=True, eq=False)
class Grid:
    """Measures over several axes, of which two at most are drawn at once.

    Attributes
    ----------
    title : str
    axes : sequence of Axis
    measures : sequence of Measure
        Each of the axes' shape.
    x : str
        Name of the axis that is drawn along; the others are curves or sliders.
    hue : str
        Name of the axis that makes the curves; empty: none.
    band : str
        What the bands are.
    """

    title: str
    axes: Sequence[Axis]
    measures: Sequence[Measure]
    x: str
    hue: str = ""
    band: str = ""

    def __post_init__(self) -> None:
        if not self.measures:
            raise ParameterError(f"{self.title}: there is no measure to show")
        shape = tuple(len(axis.values) for axis in self.axes)
        for one in self.measures:
            if one.mean.shape != shape:
                raise ParameterError(f"{one.name} has shape {one.mean.shape}, not {shape}")


@dataclass(frozen=True, eq=False)
class Table:
    """Rows that can be sorted.

    Attributes
    ----------
    title : str
    columns : sequence of (name, unit)
    rows : sequence of sequences
        Numbers, texts, booleans, or None.
    sort : str
        Name of the column by which they are sorted at first, the largest on top; empty: as they
        are.
    bars : sequence of str
        Columns that a picture of the table shows; the first column has the names.
    """

    title: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Any]]
    sort: str = ""
    bars: Sequence[str] = field(default=())


Panel: TypeAlias = HeatMap | Curves | Grid | Table
Facts: TypeAlias = Mapping[str, Any]
