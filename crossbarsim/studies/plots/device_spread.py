"""The picture of many devices that differ from one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...core.files import save_figure
from ...core.validation import Array
from ...devices.plots import plot_distribution
from ..device_spread import DeviceSpread
from .figures import COLOURS, new_axes, new_figure

__all__ = ["plot_device_spread", "plot_switching", "save_device_spread"]

_MEDIAN = COLOURS[1]


def plot_switching(
    voltage: Array, current: Array, *, log: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw the current of every device against voltage, and that of the middle one on top.

    Parameters
    ----------
    voltage : (T,) array, volt
    current : (K, T) array, ampere
    log : bool
        Draw the current's magnitude on a logarithmic axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        ax = new_axes(4.6, 3.6)
    shown = 1e3 * (np.abs(current) if log else current)
    if log:  # near 0 V a logarithm says nothing
        shown = np.where(np.abs(voltage) < 0.02 * np.abs(voltage).max(), np.nan, shown)
    for one in shown:
        ax.plot(voltage, one, color=COLOURS[0], linewidth=0.6, alpha=0.3)
    middle = np.argsort(np.nanmax(np.abs(shown), axis=1))[len(shown) // 2]
    ax.plot(voltage, shown[middle], color=_MEDIAN, linewidth=1.6, label="middle device")
    if log:
        ax.set_yscale("log")
    ax.set_xlabel("Voltage (V)")
    ax.set_ylabel("|Current| (mA)" if log else "Current (mA)")
    ax.grid(visible=True, color="0.9")
    ax.set_axisbelow(True)
    return ax


def plot_device_spread(
    result: DeviceSpread, *, log: bool = True, figure: Figure | None = None
) -> Figure:
    """Draw loops and switching, with any conductance and with finite states, and distributions.

    Parameters
    ----------
    result : DeviceSpread
    log : bool
        Draw the current of set and reset on a logarithmic axis.
    figure : Figure, optional
        To draw into; default: a new one.

    Returns
    -------
    Figure
    """
    rows = 1 if result.states is None else 2
    if figure is None:
        figure = new_figure(13.2, 3.7 * rows + 0.5)
    axes: Any = figure.subplots(rows, 3, squeeze=False)
    last = slice(-result.period - 1, None)  # period
    currents = [("any conductance", result.loop.current, result.sweep.current)]
    if result.states is not None:
        currents.append((
            f"{result.states} states", result.loop_states.current, result.sweep_states.current
        ))
    for row, (name, loop, sweep) in zip(axes, currents, strict=True):
        plot_switching(result.loop.voltage[0, last], loop[:, last], ax=row[0])
        plot_switching(result.sweep.voltage[0, last], sweep[:, last], log=log, ax=row[1])
        row[0].set_title(f"I-V loop, {name}", fontsize=10)
        row[1].set_title(f"Set and reset, {name}", fontsize=10)
    axes[0, 0].legend(loc="upper left", fontsize=9)
    table = result.table
    plot_distribution(
        [table["r_on"].to_numpy(), table["r_off"].to_numpy()], ax=axes[0, 2],
        quantity="Resistance", unit="ohm", labels=["on", "off"],
    )
    axes[0, 2].set_title("Resistances", fontsize=10)
    levels = result.state_resistances()
    if levels is not None:
        ax = plot_distribution(
            list(levels[::-1]), ax=axes[1, 2], quantity="Resistance", unit="ohm",
            labels=[str(k) for k in range(1, len(levels) + 1)],
        )
        ax.set_title(f"Resistances of the {result.states} states", fontsize=10)
    figure.suptitle(_title(result), fontsize=11)
    return figure


def _title(result: DeviceSpread) -> str:
    table, device = result.table, result.device
    spread = ", ".join(
        f"{label} {table[name].mean():.4g} ± {table[name].std():.3g} ohm"
        for label, name in (("R_on", "r_on"), ("R_off", "r_off"))
    )
    frequency = 1 / (result.loop.time[result.period] - result.loop.time[0])
    return (
        f"{len(table)} {type(device).__name__} devices: {spread}; "
        f"{np.abs(result.loop.voltage).max():.3g} V sine, "
        f"{np.abs(result.sweep.voltage).max():.3g} V triangle, {frequency / 1e6:.3g} MHz"
    ).replace("R_on", "$R_{on}$").replace("R_off", "$R_{off}$")


def save_device_spread(result: DeviceSpread, path: Path, *, log: bool = True) -> Path:
    """Write the picture of `plot_device_spread` to `path` and return it."""
    return save_figure(plot_device_spread(result, log=log), path, dpi=110)
