"""The picture of a device that is reset step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from ...core.files import save_figure
from ...core.views.figures import style
from ...devices.plots import plot_iv
from ..gradual_reset import GradualReset
from .figures import COLOURS, new_figure

__all__ = ["plot_gradual_reset", "save_gradual_reset"]


def plot_gradual_reset(result: GradualReset, *, figure: Figure | None = None) -> Figure:
    """Draw the I-V loop, the sweeps, the resistance after each, and the distributions' overlap.

    Parameters
    ----------
    result : GradualReset
    figure : Figure, optional
        To draw into; default: a new one.

    Returns
    -------
    Figure
    """
    if figure is None:
        figure = new_figure(9.6, 7.4)
    axes: Any = figure.subplots(2, 2)
    plot_iv(result.loop, ax=axes[0, 0])
    frequency = 1.0 / (result.loop.time[-1] - result.loop.time[0])
    axes[0, 0].set_title(f"I-V loop at {frequency / 1e6:.3g} MHz", fontsize=10)
    _sweeps(result, axes[0, 1])
    _resistances(result, axes[1, 0])
    _distributions(result, axes[1, 1])
    figure.suptitle(f"Gradual RESET of {type(result.device).__name__}", fontsize=11)
    return figure


def _sweeps(result: GradualReset, ax: Axes) -> None:
    count = len(result.table) - 1
    for k in range(count):
        part = slice(k * result.points, (k + 1) * result.points + 1)
        ax.plot(
            result.sweeps.voltage[part], 1e3 * result.sweeps.current[part], linewidth=1.4,
            color=colormaps["viridis"](0.9 * k / max(count - 1, 1)),
            label=f"{result.table['amplitude'][k + 1]:.2f} V" if k in (0, count - 1) else None,
        )
    ax.set_xlabel("Voltage (V)")
    ax.set_ylabel("Current (mA)")
    ax.set_title(f"{count} double sweeps of rising amplitude", fontsize=10)
    ax.legend(frameon=False, fontsize=9)
    style(ax)


def _resistances(result: GradualReset, ax: Axes) -> None:
    table = result.table
    values = table["resistance"]
    factor, unit = (1e3, "kohm") if values.max() >= 1e4 else (1.0, "ohm")
    ax.plot(table["sweep"], values / factor, color=COLOURS[0], marker="o", linewidth=1.2)
    if values.max() > 100 * values.min():
        ax.set_yscale("log")
    ax.set_xticks(table["sweep"])
    ax.set_xlabel("Sweep")
    ax.set_ylabel(f"Resistance after it ({unit})")
    ax.set_title(f"{len(table)} states", fontsize=10)
    style(ax)


def _distributions(result: GradualReset, ax: Axes) -> None:
    on, s_on, off, s_off = result.normal
    every = np.concatenate([result.r_on, result.r_off])
    edges = np.linspace(every.min(), every.max(), 41)
    x = np.linspace(edges[0], edges[-1], 400)
    curves = []
    for values, mean, sigma, colour, name in (
        (result.r_on, on, s_on, COLOURS[0], "$R_{on}$"),
        (result.r_off, off, s_off, COLOURS[1], "$R_{off}$"),
    ):
        ax.hist(values, bins=edges.tolist(), density=True, color=colour, alpha=0.35)
        if sigma > 0:
            curves.append(norm.pdf(x, mean, sigma))
            ax.plot(x, curves[-1], color=colour, linewidth=1.6,
                    label=f"{name}: {mean:g} ± {sigma:g} ohm")
    if len(curves) == 2:
        ax.fill_between(x, np.minimum(*curves), facecolor="none", edgecolor="0.25", hatch="////",
                        linewidth=0.0, label="overlap")
    ax.set_xlabel("Resistance (ohm)")
    ax.set_ylabel("Density (1/ohm)")
    ax.set_title(f"$R_{{on}}$ above another's $R_{{off}}$: {100 * result.overlap():.1f} %",
                 fontsize=10)
    if curves:  # no spread has no curve
        ax.legend(frameon=False, fontsize=9)
    style(ax)


def save_gradual_reset(result: GradualReset, path: Path) -> Path:
    """Write the picture of `plot_gradual_reset` to `path` and return it."""
    return save_figure(plot_gradual_reset(result), path, dpi=110)
