"""Pictures of fits: measured against simulated currents, residuals, what is known of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...core.validation import Array
from ...core.views.colours import COLOURS, DASHES
from ...core.views.figures import style
from ..base import Device
from ..plots import label, panels, plot_distribution, with_prefix
from .fitted import Fitted
from .least_squares.problem import share_state
from .least_squares.simulation import rest_start, run
from .measured.sweeps import MeasuredSweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "end_resistances", "logarithmic", "plot_comparison", "plot_currents", "plot_fit", "plot_many",
]

_MOST = 6  # sweeps in colours of their own
_CURVES = 60  # in one picture


def plot_fit(fit: Fitted) -> Figure:
    """Return the figure of `Fit.plot`."""
    figure, axes = panels(3, width=4.6, height=3.9)
    plot_currents(fit, axes[0])
    _residuals(fit, axes[1])
    _known(fit, axes[2])
    state = "" if fit.describes else " (does not describe the data)"
    figure.suptitle(f"{type(fit.device).__name__}, {fit.points:,} points{state}", fontsize=11)
    return figure


def logarithmic(fit: Fitted) -> bool:
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
    log = logarithmic(fit)
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


def plot_comparison(fits: Mapping[str, tuple[Fitted, float]], most: int = 4) -> Figure:
    """Return a figure of the best fits side by side; each with how far its criterion is behind."""
    shown = list(fits.items())[:most]
    figure, axes = panels(len(shown), width=3.9, height=3.6)
    for (name, (fit, behind)), ax in zip(shown, axes, strict=True):
        plot_currents(fit, ax)
        ax.set_title(f"{name}\nrms {100 * fit.rms:.3g} %, AIC +{behind:.4g}", fontsize=9)
    return figure


def plot_many(fits: Sequence[Fitted], devices: Sequence[Device]) -> Figure:
    """Return a figure: measured loops of all devices beside simulated ones, and resistances.

    Parameters
    ----------
    fits : sequence of Fit
    devices : sequence of Device
        To simulate through the first sweep of the first fit, started as it; none: the fitted ones.
    """
    figure, axes = panels(3, width=4.4, height=3.8)
    sweep, start = fits[0].problem.sweeps[0], fits[0].starts_of(0)
    simulated = [*devices] or [one.device for one in fits]
    curves = [_current(one, sweep, start) for one in simulated[:_CURVES]]
    measured = [one.problem.sweeps[0] for one in fits[:_CURVES]]
    log = logarithmic(fits[0])
    size = np.concatenate([np.abs(s.i[s.i != 0]) for s in measured])
    factor, unit = (1.0, "A") if log else with_prefix(size, "A")
    for ax, rows, title, colour in (
        (axes[0], [(s.v, s.i) for s in measured], f"Measured, {len(fits)} devices", COLOURS[0]),
        (axes[1], [(sweep.v, i) for i in curves], f"Simulated, {len(simulated)} devices",
         COLOURS[1]),
    ):
        for v, i in rows:
            shown = np.where(np.abs(v) > 1e-3 * np.abs(v).max(), _drawn(i, factor, log=log), np.nan)
            ax.plot(v, shown if log else i / factor, color=colour, linewidth=0.8, alpha=0.5)
        if log:
            ax.set_yscale("log")
            ax.set_ylim(0.5 * float(np.quantile(size, 0.005)), 3.0 * float(size.max()))
        ax.set_title(title, fontsize=9)
        ax.set_xlabel("Voltage (V)")
        ax.set_ylabel(label("|Current|" if log else "Current", unit))
        style(ax)
    sets: dict[str, Array] = {}
    for some, kind in (([one.device for one in fits], "fitted"), (devices, "simulated")):
        if some:
            low, high = end_resistances(some)
            sets |= {f"low, {kind}": low, f"high, {kind}": high}
    # an end without current has none to draw
    sets = {name: ohm for name, ohm in sets.items() if np.isfinite(ohm).all()}
    plot_distribution(
        [*sets.values()], ax=axes[2], quantity="Resistance", unit="ohm", labels=[*sets])
    axes[2].set_title("Ends of the state", fontsize=9)
    return figure


def _current(device: Device, sweep: MeasuredSweep, share: float | None) -> Array:
    low, high = (b.reshape(-1) for b in device.bounds())
    start = rest_start(device, (), 0)
    if share is not None:
        k = device.main_state
        start.x[k] = share_state(float(low[k]), float(high[k]), share)
    return run(device, (), sweep, start, slopes=False).current


def end_resistances(devices: Sequence[Device]) -> tuple[Array, Array]:
    """Return the resistances of devices at both ends of the state, infinite without a current."""
    ends = np.array([device.conductance_range() for device in devices], float)
    with np.errstate(divide="ignore"):
        return 1.0 / ends[:, 1], 1.0 / ends[:, 0]
