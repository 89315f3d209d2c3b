"""Pictures of devices; each `plot_*` draws into given axes or makes its own figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import BackendUnavailable, ParameterError
from ..core.validation import Array, finite_array
from ..core.views.colours import COLOURS, DASHES
from ..core.views.figures import arrows, style
from ..core.views.numbers import prefixed
from .simulate import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["panels", "plot_distribution", "plot_iv", "plot_state"]

_MOST = 40  # curves in one picture; of more devices every k-th is drawn


def panels(count: int, *, width: float = 4.8, height: float = 3.8) -> tuple[Figure, list[Axes]]:
    """Return a new figure and `count` axes side by side, each `width` x `height` inches."""
    try:
        # without pyplot: no global figure list and no need of a display
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - imports matplotlib
        from matplotlib.figure import Figure  # noqa: PLC0415 - imports matplotlib
    except ImportError as error:
        raise BackendUnavailable(
            "pictures need matplotlib: pip install 'crossbarsim[studies]'"
        ) from error
    figure = Figure(figsize=(count * width, height), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(1, count, k + 1) for k in range(count)]


def _axes(ax: Axes | None) -> Axes:
    return panels(1)[1][0] if ax is None else ax


def with_prefix(values: Array, unit: str) -> tuple[float, str]:
    """Return a power of 1000 that suits the values, and the unit with its prefix, for a label."""
    if not unit or not (unit.isalpha() or unit == "ohm"):  # no prefix on 1e26/m^3
        return 1.0, unit
    return prefixed(values, unit)


def label(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _curves(trace: Trace) -> list[int]:
    """Return which devices are drawn."""
    count = trace.current.shape[0] if trace.current.ndim == 2 else 1
    if trace.save != "all":
        raise ParameterError('the trace has no time axis: simulate with `save="all"`')
    return list(range(0, count, -(-count // _MOST)))


def plot_iv(trace: Trace, *, ax: Axes | None = None, scale: str = "auto") -> Axes:
    """Draw current against voltage, with arrows in the direction of time.

    Parameters
    ----------
    trace : Trace
        With its time axis; of many devices at most 40 are drawn.
    ax : Axes, optional
        To draw into; default: a new figure of 4.8 x 3.8 inches.
    scale : {"auto", "linear", "log"}
        "log" draws the magnitude of the current; "auto" does where the conductance changes by
        more than a factor of 30.

    Returns
    -------
    Axes
    """
    if scale not in ("auto", "linear", "log"):
        raise ParameterError(f'`scale` must be "auto", "linear" or "log"; got {scale!r}')
    chosen = _curves(trace)
    volts, amperes = np.atleast_2d(trace.voltage), np.atleast_2d(trace.current)
    large = np.abs(volts) > 0.05 * np.abs(volts).max()
    if scale == "auto":
        g = np.abs(amperes[large] / volts[large])
        scale = "log" if g.size and g.max() > 30.0 * g.min() else "linear"
    ax = _axes(ax)
    shown = np.abs(amperes) if scale == "log" else amperes
    factor, unit = (1.0, "A") if scale == "log" else with_prefix(shown, "A")
    alone = len(chosen) == 1
    for k in chosen:
        v, i = volts[k], shown[k] / factor
        if scale == "log":
            i = np.where(np.abs(v) > 1e-3 * np.abs(volts).max(), i, np.nan)
        ax.plot(v, i, color=COLOURS[0], linewidth=1.6 if alone else 0.8,
                alpha=1.0 if alone else 0.5)
        if alone:
            arrows(ax, v, i)
    if scale == "log":
        ax.set_yscale("log")
        top = float(shown[large].max())
        ax.set_ylim(max(0.3 * float(shown[large].min()), 1e-9 * top), 3.0 * top)
    else:
        for line in (ax.axhline, ax.axvline):
            line(0.0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_xlabel("Voltage (V)")
    ax.set_ylabel(label("|Current|" if scale == "log" else "Current", unit))
    style(ax)
    return ax


def plot_state(trace: Trace, *, state: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a state against time, and the voltage on a second axis on the right.

    Parameters
    ----------
    trace : Trace
        With its time axis; of many devices at most 40 are drawn.
    state : str, optional
        Name of the state; default: the one that a conductance determines.
    ax : Axes, optional

    Returns
    -------
    Axes
        Of the state; the voltage's are the figure's last.
    """
    device = trace.device
    names = device.state_names
    if not names:
        raise ParameterError(f"{type(device).__name__} has no state")
    name = names[device.main_state] if state is None else state
    if name not in names:
        raise ParameterError(f"{type(device).__name__} has no state {name!r}: {', '.join(names)}")
    s = names.index(name)
    chosen = _curves(trace)
    values = np.atleast_2d(trace.state[s])
    volts = np.atleast_2d(trace.voltage)
    ax = _axes(ax)
    seconds, time_unit = with_prefix(trace.time, "s")
    factor, unit = with_prefix(values, device.states[s].unit)
    right = ax.twinx()
    one_drive = len(volts) == 1 or bool(np.all(volts == volts[0]))
    for k in chosen:
        if k == 0 or not one_drive:
            right.plot(trace.time / seconds, volts[k], color="0.55", linewidth=1.0)
        ax.plot(trace.time / seconds, values[k] / factor, color=COLOURS[0],
                linewidth=1.8 if len(chosen) == 1 else 0.8,
                alpha=1.0 if len(chosen) == 1 else 0.5)
    ax.set_zorder(right.get_zorder() + 1)  # the state in front of the drive
    ax.patch.set_visible(False)
    right.set_ylabel("Voltage (V)", color="0.4")
    right.tick_params(axis="y", colors="0.4")
    right.spines["top"].set_visible(False)
    ax.set_xlabel(label("Time", time_unit))
    ax.set_ylabel(label(f"State {name}", unit), color=COLOURS[0])
    ax.tick_params(axis="y", colors=COLOURS[0])
    ax.set_xlim(trace.time[0] / seconds, trace.time[-1] / seconds)
    style(ax)
    return ax


def plot_distribution(
    values: ArrayLike | Sequence[ArrayLike], *, ax: Axes | None = None,
    quantity: str = "Conductance", unit: str = "S", labels: Sequence[str] | None = None,
    log: bool | None = None
) -> Axes:
    """Draw cumulative distributions: the share of devices at or below each value.

    Parameters
    ----------
    values : (K,) array or sequence of them
        One value per device, such as a conductance or a switching voltage; several sets become
        several curves.
    ax : Axes, optional
    quantity, unit : str
        For the label; the unit gets a prefix that suits the values.
    labels : sequence of str, optional
        Names of the sets.
    log : bool, optional
        Logarithmic axis of the values; default: where they spread over more than a factor of 10.

    Returns
    -------
    Axes
    """
    if isinstance(values, Sequence) and len(values) and not np.isscalar(values[0]):
        sets = [np.ravel(finite_array("values", v)) for v in values]
    else:
        sets = [np.ravel(finite_array("values", values))]
    if not sets or min(map(len, sets)) == 0:
        raise ParameterError("`values` must hold at least one number per set")
    if labels is not None and len(labels) != len(sets):
        raise ParameterError(f"{len(labels)} labels for {len(sets)} sets of values")
    every = np.concatenate(sets)
    if log is None:
        log = bool(every.min() > 0 and every.max() > 10.0 * every.min())
    elif log and every.min() <= 0:
        raise ParameterError(f"a logarithmic axis needs values > 0; got {every.min():g}")
    ax = _axes(ax)
    # of a wide spread the prefix suits the middle
    factor, shown = with_prefix(np.array([np.median(every)]) if log else every, unit)
    for k, one in enumerate(sets):
        x = np.sort(one) / factor
        share = np.arange(1, len(x) + 1) / len(x)
        ax.step(
            np.concatenate([x[:1], x]), np.concatenate([[0.0], share]), where="post",
            color=COLOURS[k % len(COLOURS)], linestyle=DASHES[k % len(DASHES)], linewidth=1.8,
            label=None if labels is None else labels[k],
        )
    if log:
        ax.set_xscale("log")
    ax.set_ylim(0.0, 1.0)
    ax.set_xlabel(label(quantity, shown))
    count = len(sets[0])
    same = all(len(one) == count for one in sets)
    ax.set_ylabel(f"Share of {count:,} devices" if same else "Share of devices")
    if labels is not None:
        ax.legend(frameon=False, fontsize=9)
    style(ax)
    return ax
