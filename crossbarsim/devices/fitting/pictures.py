"""Pictures of fits: measured against simulated currents, residuals, what is known of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...core.validation import Array
from ..plots import COLOURS, DASHES, label, panels, style, with_prefix
from .fitted import Fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_currents", "plot_fit"]

_MOST = 6  # sweeps in colours of their own


def plot_fit(fit: Fitted) -> Figure:
    """Return the figure of `Fit.plot`."""
    figure, axes = panels(3, width=4.6, height=3.9)
    plot_currents(fit, axes[0])
    _residuals(fit, axes[1])
    _known(fit, axes[2])
    state = "" if fit.describes else " (does not describe the data)"
    figure.suptitle(f"{type(fit.device).__name__}, {fit.points:,} points{state}", fontsize=11)
    return figure


def _logarithmic(fit: Fitted) -> bool:
    """Whether measured conductances at more than a tenth of the voltage differ by over 30."""
    found = []
    for s in fit.problem.sweeps:
        large = (np.abs(s.v) > 0.1 * np.abs(s.v).max()) & (s.i != 0)
        found.append(np.abs(s.i[large] / s.v[large]))
    g = np.concatenate(found)
    return bool(g.size and np.quantile(g, 0.99) > 30.0 * np.quantile(g, 0.01))


def plot_currents(fit: Fitted, ax: Axes) -> Axes:
    """Draw measured points and the fitted curve of every sweep against the voltage.

    Parameters
    ----------
    fit : Fitted
    ax : Axes

    Returns
    -------
    Axes
    """
    sweeps = fit.problem.sweeps
    log = _logarithmic(fit)
    every = np.concatenate([s.i for s in sweeps])
    factor, unit = (1.0, "A") if log else with_prefix(every, "A")
    for k, (s, simulated) in enumerate(zip(sweeps, fit.currents, strict=True)):
        colour = COLOURS[k % len(COLOURS)] if len(sweeps) <= _MOST else COLOURS[0]
        shown = np.abs(s.v) > 1e-3 * np.abs(s.v).max() if log else np.full(len(s), True)
        name = s.name or (f"sweep {k + 1}" if len(sweeps) > 1 else "measured")
        ax.plot(
            s.v[shown], _drawn(s.i[shown], factor, log=log), linestyle="none", marker="o",
            markersize=2.6, alpha=0.45, color=colour, markeredgewidth=0,
            label=name if len(sweeps) <= _MOST else None,
        )
        ax.plot(
            s.v, np.where(shown, _drawn(simulated, factor, log=log), np.nan), color="0.1",
            linewidth=1.2, linestyle=DASHES[0], label="fitted" if k == len(sweeps) - 1 else None,
        )
    if log:
        ax.set_yscale("log")
        size = np.abs(every[every != 0])
        ax.set_ylim(0.5 * float(np.quantile(size, 0.005)), 3.0 * float(size.max()))
    ax.set_xlabel("Voltage (V)")
    ax.set_ylabel(label("|Current|" if log else "Current", unit))
    ax.legend(frameon=False, fontsize=8, loc="best", markerscale=2.0)
    style(ax)
    return ax


def _drawn(i: Array, factor: float, *, log: bool) -> Array:
    return np.abs(i) if log else i / factor


def _residuals(fit: Fitted, ax: Axes) -> None:
    """Draw the residuals in order, with the band of the noise."""
    percent = 100.0 if fit.problem.scale.shape != "linear" else 1.0
    at = 0
    for k, row in enumerate(fit.residuals):
        x = at + np.arange(len(row))
        colour = COLOURS[k % len(COLOURS)] if len(fit.residuals) <= _MOST else COLOURS[0]
        ax.plot(x, percent * row, linestyle="none", marker="o", markersize=2.2, color=colour,
                alpha=0.6, markeredgewidth=0)
        at += len(row)
    if fit.noise > 0:
        ax.axhspan(-2 * percent * fit.noise, 2 * percent * fit.noise, color="0.88", zorder=0,
                   label="2 standard deviations of the noise")
        ax.legend(frameon=False, fontsize=8, loc="upper right")
    every = np.concatenate(fit.residuals)
    top = 1.3 * percent * max(float(np.nanmax(np.abs(every))), 3.0 * fit.noise, 1e-12)
    ax.set_ylim(-top, top)
    ax.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_xlabel("Point")
    names = {"asinh": "Residual (% of the current)", "log": "Residual (% of the current)",
             "linear": "Residual (share of the floor)"}
    ax.set_ylabel(names[fit.problem.scale.shape])
    style(ax)


def _known(fit: Fitted, ax: Axes) -> None:
    """Draw the correlations of the parameters, each with its interval in words."""
    names = [axis.name for axis in fit.problem.axes]
    shown = fit.correlation[: len(names), : len(names)]
    image = ax.imshow(shown, cmap="PuOr_r", vmin=-1.0, vmax=1.0)
    intervals = fit.intervals()
    rows = []
    for name in names:
        low, high = intervals[name]
        value = fit.values[name]
        half = 0.5 * (high - low) / abs(value) if value else np.inf
        known = "?" if name in fit.undetermined else f"±{100 * half:.2g} %"
        rows.append(f"{name}  {known}")
    ax.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor",
                  fontsize=8)
    ax.set_yticks(range(len(names)), rows, fontsize=8)
    if len(names) <= _MOST + 2:
        for (a, b), value in np.ndenumerate(shown):
            if a != b:
                ax.text(b, a, f"{round(value, 2) + 0.0:.2f}", ha="center", va="center", fontsize=7,
                        color="white" if abs(value) > 0.6 else "0.2")
    ax.figure.colorbar(image, ax=ax, shrink=0.8, label="Correlation")
    ax.set_title("Parameters, half of the 95 % interval", fontsize=9)
