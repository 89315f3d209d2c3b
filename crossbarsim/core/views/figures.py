"""Panels as matplotlib figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ParameterError
from ..validation import Array
from .colours import COLOURS, DASHES, MAPS, span
from .numbers import readable, with_prefix
from .optional import figure_class
from .panels import Curve, Curves, Grid, HeatMap, Panel, Table, capital, worded
from .thumbnails import curves_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["arrows", "axes_side_by_side", "draw", "figure_of", "style"]

_MOST = 12  # curves of one panel that have a legend
_BARS = 24
_PANELS = 4


def axes_side_by_side(
    count: int, *, width: float = 4.8, height: float = 3.8,
) -> tuple[Figure, list[Axes]]:
    """Return a new figure and `count` axes side by side, each `width` x `height` inches."""
    figure = figure_class()(figsize=(count * width, height), layout="constrained", dpi=150)
    return figure, [figure.add_subplot(1, count, k + 1) for k in range(count)]


def style(ax: Axes) -> None:
    """Draw a faint grid and no frame on the right and at the top."""
    if ax.get_xscale() == "linear":
        ax.locator_params(axis="x", nbins=6)  # labels with a room between them
    ax.grid(visible=True, color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def figure_of(title: str, panels: Sequence[Panel]) -> Figure:
    """Return a figure of panels, four at most, beside each other.

    Raises
    ------
    ParameterError
        There is no panel.
    BackendUnavailable
        Without matplotlib.
    """
    if not panels:
        raise ParameterError(f"{title}: there is nothing to draw")
    panels = panels[:_PANELS]
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure: Figure = figure_class()(
        figsize=(5.2 * columns, 4.0 * rows), layout="constrained", dpi=150
    )
    for k, panel in enumerate(panels):
        draw(panel, figure.add_subplot(rows, columns, k + 1))
    figure.suptitle(title, fontsize=12)
    return figure


def draw(panel: Panel, ax: Axes) -> None:
    """Draw a panel into axes, with names and units."""
    if isinstance(panel, HeatMap):
        _map(panel, ax)
    elif isinstance(panel, Table):
        _bars(panel, ax)
    elif isinstance(panel, Curves):
        _curves(panel.curves, ax, panel.x, panel.y, log_x=panel.log_x, log_y=panel.log_y,
                directed=panel.directed)
        ax.set_title(panel.title, fontsize=10)
    else:
        _grid(panel, ax)


def _map(panel: HeatMap, ax: Axes) -> None:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - an extra
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra

    one = next(f for f in panel.fields if f.shown)
    values = panel.frame(one.name)
    low, high = span(values, diverging=one.diverging)
    factor, unit = with_prefix(np.array([low, high]), one.unit)
    colours = LinearSegmentedColormap.from_list(
        one.name, list(MAPS["diverging" if one.diverging else "plain"])
    ).with_extremes(bad="0.6")
    rows, columns = values.shape
    image = ax.imshow(np.ma.masked_invalid(values / factor), cmap=colours, vmin=low / factor,
                      vmax=high / factor, interpolation="nearest",
                      aspect="equal" if 0.2 < columns / rows < 5 else "auto")
    ax.figure.colorbar(image, ax=ax, label=worded(capital(one.name), unit), shrink=0.85)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
    ax.set_xlabel(capital(panel.columns))
    ax.set_ylabel(capital(panel.rows))
    if panel.places is not None:
        down, along = ([readable(v, "") for v in axis.values] for axis in panel.places)
        ax.set_yticks(range(len(down)), down)
        ax.set_xticks(range(len(along)), along, rotation=0 if len(along) <= _MOST // 2 else 90)
    place = ", ".join(
        f"{axis.name} {readable(axis.values[k], axis.unit)}"
        for axis, k in zip(panel.frames, panel.start, strict=True)
    )
    ax.set_title(place or panel.title, fontsize=10)


def _curves(
    curves: Any, ax: Axes, x: tuple[str, str], y: tuple[str, str], *, log_x: bool = False,
    log_y: bool = False, directed: bool = False,
) -> None:
    every_x = np.concatenate([np.ravel(c.x) for c in curves]).astype(float)
    every_y = np.concatenate([np.ravel(c.y) for c in curves]).astype(float)
    across, x_unit = (1.0, x[1]) if log_x else with_prefix(every_x, x[1])
    along, y_unit = (1.0, y[1]) if log_y else with_prefix(every_y, y[1])
    for k, one in enumerate(curves):
        colour = COLOURS[k % len(COLOURS)]
        line = "--" if one.dashed else DASHES[k // len(COLOURS) % len(DASHES)]
        xs, ys = np.asarray(one.x, dtype=float) / across, np.asarray(one.y, dtype=float) / along
        # few points are not taken for a line that was measured everywhere
        mark = "o" if len(xs) <= _MOST else None
        ax.plot(xs, ys, color=colour, linestyle=line, linewidth=1.5, marker=mark, markersize=3.5,
                label=one.name)
        if one.low is not None and one.high is not None:
            ax.fill_between(xs, np.asarray(one.low, dtype=float) / along,
                            np.asarray(one.high, dtype=float) / along, color=colour, alpha=0.2,
                            linewidth=0)
        if directed and len(curves) == 1:
            arrows(ax, xs, ys)
    if log_x:
        ax.set_xscale("log")
    if log_y:
        ax.set_yscale("log")
    ax.set_xlabel(worded(capital(x[0]), x_unit))
    ax.set_ylabel(worded(capital(y[0]), y_unit))
    if 1 < len(curves) <= _MOST:
        ax.legend(frameon=False, fontsize=8)
    style(ax)


def arrows(ax: Axes, v: Array, i: Array) -> None:
    """Mark the direction of time on the last rising and falling branch of both signs."""
    span_of = np.nanmax(np.abs(v))
    for sign in (1, -1):
        for rising in (True, False):
            step = np.diff(np.abs(v))
            good = (sign * v[:-1] > 0) & ((step > 0) if rising else (step < 0))
            good &= np.isfinite(i[:-1]) & np.isfinite(i[1:])
            places = np.flatnonzero(good)
            if not len(places):
                continue
            # the last pass alone: the branch nearest to the end of the run
            last = places[places > places[-1] - max(2, len(v) // 4)]
            share = 0.5 if rising else 0.7  # apart where the branches coincide
            k = int(last[np.argmin(np.abs(np.abs(v[last]) - share * span_of))])
            ax.annotate(
                "", xy=(v[k + 1], i[k + 1]), xytext=(v[k], i[k]),
                arrowprops={"arrowstyle": "-|>", "color": COLOURS[1], "mutation_scale": 13,
                            "shrinkA": 0, "shrinkB": 0},
            )


def _grid(panel: Grid, ax: Axes) -> None:
    axis = next(a for a in panel.axes if a.name == panel.x)
    one = panel.measures[0]
    numbers = axis.numbers
    curves = [_sorted(c) for c in curves_of(panel)] if numbers is not None else curves_of(panel)
    wide = numbers is not None and len(numbers) > 2 and bool(
        numbers.min() > 0 and numbers.max() > 30 * numbers.min()
    )
    _curves(curves, ax, (axis.name, axis.unit), (one.name, one.unit), log_x=wide)
    if numbers is None:
        ax.set_xticks(range(len(axis.values)), [str(v) for v in axis.values])
    held = [a for a in panel.axes if a.name not in (panel.x, panel.hue) and len(a.values) > 1]
    place = ", ".join(f"{a.name} {readable(a.values[0], a.unit)}" for a in held)
    ax.set_title(place or panel.title, fontsize=10)


def _sorted(curve: Curve) -> Curve:
    order = np.argsort(curve.x)
    low, high = (None if v is None else np.asarray(v)[order] for v in (curve.low, curve.high))
    return Curve(curve.name, np.asarray(curve.x)[order], np.asarray(curve.y)[order], low, high)


def _bars(panel: Table, ax: Axes) -> None:
    names = [name for name, _ in panel.columns]
    chosen = [b for b in panel.bars if b in names] or [
        name for k, name in enumerate(names)
        if any(isinstance(row[k], (float, int)) for row in panel.rows)
    ][:1]
    if not chosen:
        raise ParameterError(f"{panel.title}: no column has numbers to draw")
    column = names.index(chosen[0])
    unit = panel.columns[column][1]
    rows = [row for row in panel.rows
            if row[column] is not None and np.isfinite(row[column])][:_BARS]
    values = np.array([float(row[column]) for row in rows])
    factor, unit = (0.01, "%") if unit == "%" else with_prefix(values, unit)
    ax.barh(range(len(rows)), values / factor, color=COLOURS[0])
    ax.set_yticks(range(len(rows)), [f"{row[0]!s:.28}" for row in rows], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel(worded(capital(chosen[0]), unit))
    ax.set_title(panel.title, fontsize=10)
    style(ax)
