"""Pictures of a study: curves with bands over the seeds, maps over two axes, Pareto fronts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.validation import Array
from ...devices.plots import panels
from .front import front

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Curve", "curves_figure", "map_figure", "pareto_figure"]

# Okabe and Ito's colours, told apart by readers with any colour vision; marks differ as well.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKS = ("o", "s", "^", "D", "v", "P")
_LEGEND_OUTSIDE = 7  # curves from which on the legend would hide some


@dataclass(frozen=True)
class Curve:
    """One line: `mean` and `std` (NaN: no band) at `x`, which are numbers or words."""

    name: str
    x: Any
    mean: Array
    std: Array


def curves_figure(
    curves: Sequence[Curve], *, x_label: str, y_label: str, hue: str, percent: bool, log: bool
) -> Figure:
    """Return a figure of curves, each with a band of one standard deviation to both sides."""
    figure, (ax,) = panels(1, width=6.4, height=4.2)
    factor = 100.0 if percent else 1.0
    for k, curve in enumerate(curves):
        colour, mark = _COLOURS[k % len(_COLOURS)], _MARKS[k % len(_MARKS)]
        words = np.asarray(curve.x).dtype.kind not in "if"
        x = np.arange(len(curve.x)) if words else np.asarray(curve.x, dtype=float)
        order = np.arange(len(x)) if words else np.argsort(x, kind="stable")
        mean, std = factor * curve.mean[order], factor * curve.std[order]
        ax.plot(x[order], mean, color=colour, marker=mark, markersize=4, lw=1.4,
                label=curve.name or None)
        if not np.isnan(std).all():
            ax.fill_between(x[order], mean - std, mean + std, color=colour, alpha=0.18, lw=0)
        if words:
            ax.set_xticks(x, [str(v) for v in curve.x])
    if log:
        ax.set_xscale("log")
    ax.set(xlabel=x_label, ylabel=y_label)
    if any(curve.name for curve in curves):
        outside = len(curves) >= _LEGEND_OUTSIDE
        ax.legend(title=hue, fontsize="small", title_fontsize="small", **(
            {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if outside else {"loc": "best"}))
    _tidy(ax)
    return figure


def map_figure(
    table: Array, *, x: Any, y: Any, x_label: str, y_label: str, z_label: str, percent: bool
) -> Figure:
    """Return a figure of a map (len(y), len(x)), its numbers written into the cells."""
    figure, (ax,) = panels(1, width=1.6 + 0.75 * max(4, len(x)), height=1.6 + 0.5 * max(4, len(y)))
    shown = 100.0 * table if percent else table
    image = ax.imshow(np.ma.masked_invalid(shown), origin="lower", aspect="auto", cmap="viridis")
    ax.set_xticks(range(len(x)), [_tick(v) for v in x])
    ax.set_yticks(range(len(y)), [_tick(v) for v in y])
    ax.set(xlabel=x_label, ylabel=y_label)
    figure.colorbar(image, ax=ax, label=z_label)
    low, high = image.get_clim()
    if shown.size <= 400:
        for (i, j), value in np.ndenumerate(shown):
            if not np.isnan(value):
                dark = value < 0.5 * (low + high)
                ax.text(j, i, f"{value:.1f}" if percent else f"{value:.3g}", ha="center",
                        va="center", fontsize="x-small", color="white" if dark else "black")
    return figure


def pareto_figure(
    cost: Array, value: Array, groups: Sequence[str], *, x_label: str, y_label: str, hue: str,
    percent: bool, log: bool,
) -> Figure:
    """Return a figure of all points, those of a group in one colour, and the front as a line."""
    figure, (ax,) = panels(1, width=6.4, height=4.4)
    shown = 100.0 * value if percent else value
    names = list(dict.fromkeys(groups))
    for k, name in enumerate(names):
        mine = np.array([g == name for g in groups])
        ax.plot(cost[mine], shown[mine], _MARKS[k % len(_MARKS)], color=_COLOURS[k % len(_COLOURS)],
                markersize=5, alpha=0.75, label=name or None)
    best = front(cost, value)
    ax.step(cost[best], shown[best], where="post", color="black", lw=1.0, label="Pareto front")
    ax.plot(cost[best], shown[best], "o", mfc="none", mec="black", markersize=9)
    if log:
        ax.set_xscale("log")
    ax.set(xlabel=x_label, ylabel=y_label)
    ax.legend(title=hue if any(names) else None, fontsize="small", title_fontsize="small")
    _tidy(ax)
    return figure


def _tick(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def _tidy(ax: Axes) -> None:
    ax.grid(visible=True, alpha=0.3)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
