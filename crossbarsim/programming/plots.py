"""Pictures of programmed arrays; `plot_program` draws into given axes or makes its own figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..core.errors import ParameterError
from ..core.files import save_figure
from .result import ProgramResult

__all__ = ["plot_program", "save_program"]

# Okabe and Ito's colours, told apart by readers with any colour vision.
_BEFORE, _AFTER, _BAD = "0.6", "#0072B2", "#D55E00"
_KINDS = ("targets", "errors", "pulses", "traces")


def _micro(values: Any) -> Any:
    return 1e6 * np.asarray(values)


def _logarithmic(values: Any) -> bool:
    found = np.asarray(values)
    return bool(found.min() > 0 and found.max() > 20 * found.min())


def _draw_targets(result: ProgramResult, ax: Axes) -> None:
    target = _micro(result.targets).ravel()
    measured = _micro(result.measured).ravel()
    low, high = target.min(), target.max()
    line = np.geomspace(low, high, 50) if low < high else np.array([0.9 * low, 1.1 * high])
    share = float(result.tolerance.max())
    if share > 0:
        ax.fill_between(line, (1 - share) * line, (1 + share) * line, color="0.88",
                        label=f"± {100 * share:g} %", linewidth=0)
    ax.plot(line, line, color="black", linewidth=0.8)
    ax.scatter(target, _micro(result.initial).ravel(), s=9, color=_BEFORE, marker="x",
               linewidth=0.8, label="before")
    ax.scatter(target, measured, s=14, color=_AFTER, label="after", zorder=3)
    bad = np.array(result.unconverged, dtype=int).reshape(-1, 2)
    if len(bad):
        at = tuple(bad.T)
        ax.scatter(_micro(result.targets[at]), _micro(result.measured[at]), s=60,
                   facecolors="none", edgecolors=_BAD, label="not converged", zorder=4)
    both = np.concatenate([target, measured])
    if _logarithmic(both):
        ax.set_xscale("log")
        ax.set_yscale("log")
    ax.set_xlabel("Target conductance (µS)")
    ax.set_ylabel("Read conductance (µS)")
    ax.legend(fontsize=8, loc="best")


def _draw_errors(result: ProgramResult, ax: Axes) -> None:
    error = 100 * result.relative_error.ravel()
    share = 100 * float(result.tolerance.max())
    edge = max(1.15 * share, 1.05 * float(np.abs(error).max()), 1e-3)
    worst = edge > 4 * share > 0
    # a few cells far away must not squeeze the others into one bin
    edge = 4 * share if worst else edge
    bins = np.linspace(-edge, edge, 31)
    ax.hist(np.clip(error, -edge, edge), bins=list(bins), color=_AFTER)
    if share > 0:
        for side in (-share, share):
            ax.axvline(side, color=_BAD, linestyle="--", linewidth=1.1)
    outside = int((np.abs(error) > edge).sum())
    ax.set_xlabel("Read minus target conductance (% of target)")
    ax.set_ylabel("Cells")
    title = f"mean {error.mean():+.2f} %, standard deviation {error.std():.2f} %"
    if outside:
        title += f"\n{outside} cells beyond are in the outer bins"
    ax.set_title(title, fontsize=10)


def _draw_pulses(result: ProgramResult, ax: Axes) -> None:
    most = max(int(result.pulses.max()), 1)
    steps = np.unique(np.round(np.linspace(-0.5, most + 0.5, min(most + 2, 257)) * 2) / 2)
    image = ax.imshow(result.pulses, cmap="viridis", interpolation="nearest", aspect="equal",
                      norm=BoundaryNorm(list(steps), 256))
    bar = ax.figure.colorbar(image, ax=ax, label="Pulses", shrink=0.85)
    bar.minorticks_off()
    bar.set_ticks([float(k) for k in np.unique(np.linspace(0, most, 6).astype(int))])
    for cells, label, style in (
        (result.unconverged, "not converged", {"marker": "x", "color": _BAD}),
        (result.disturbed, "disturbed",
         {"marker": "o", "facecolors": "none", "edgecolors": "white"}),
    ):
        if cells:
            i, j = np.array(cells).T
            drawn: dict[str, Any] = {"s": 26, "linewidth": 1.2, **style}
            ax.scatter(j, i, label=f"{label}: {len(cells)}", **drawn)
    if result.unconverged or result.disturbed:
        legend = ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        legend.get_frame().set_facecolor("0.75")
    ax.set_title(f"{result.pulses.mean():.1f} pulses per cell, at most {most}", fontsize=10)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
    ax.set_xlabel("Bit line")
    ax.set_ylabel("Word line")


def _draw_traces(result: ProgramResult, ax: Axes) -> None:
    rows, columns = result.targets.shape
    paths: list[list[Any]] = [[] for _ in range(rows)]
    for row, measured in result.history:
        paths[row].append(measured)
    drawn = [(row, j) for row in range(rows) for j in range(columns) if paths[row]]
    chosen = drawn[:: max(1, len(drawn) // 12)]
    order = sorted(chosen, key=lambda cell: float(result.targets[cell]))
    for k, (row, j) in enumerate(order):
        # beyond the last pulse of a cell its row was read for the sake of others
        path = _micro(np.array(paths[row])[:, j])
        colour = _blend(k / max(1, len(order) - 1))
        ax.plot(np.arange(len(path)), path, color=colour, linewidth=1.0, marker=".", markersize=3)
        ax.axhline(1e6 * float(result.targets[row, j]), color=colour, linestyle=":",
                   linewidth=0.7)
    if _logarithmic(result.targets):
        ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("Verify reads of the row")
    ax.set_ylabel("Read conductance (µS)")
    ax.set_title(f"{len(order)} cells and their targets (dotted)", fontsize=10)


def _blend(share: float) -> tuple[float, float, float]:
    """From vermilion to blue."""
    first, last = np.array([0.835, 0.369, 0.0]), np.array([0.0, 0.447, 0.698])
    red, green, blue = (1 - share) * first + share * last
    return float(red), float(green), float(blue)


def plot_program(
    result: ProgramResult, *, kind: Literal["targets", "errors", "pulses", "traces"] = "errors",
    ax: Axes | None = None,
) -> Axes:
    """Draw one view of a programmed array.

    Parameters
    ----------
    result : ProgramResult
    kind : {"targets", "errors", "pulses", "traces"}
        Read against target conductance before and after; histogram of the relative errors with
        the tolerance; map of the pulses with cells that are disturbed or did not converge; the
        way of some cells through the verify reads.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if kind not in _KINDS:
        raise ParameterError(f"`kind` must be one of {', '.join(_KINDS)}; got {kind!r}")
    if ax is None:
        ax = _figure(4.6, 3.9).add_subplot()
    draw = {"targets": _draw_targets, "errors": _draw_errors, "pulses": _draw_pulses,
            "traces": _draw_traces}[kind]
    draw(result, ax)
    return ax


def _si(value: float, unit: str) -> str:
    """Return a number with a prefix, such as 66.2 nJ."""
    power = 0 if value <= 0 else int(np.clip(np.floor(np.log10(value) / 3), -6, 2))
    return f"{value / 1000.0**power:.3g} {'afpnµm kM'[power + 6].strip()}{unit}"


def _figure(width: float, height: float) -> Figure:
    # Without pyplot: no global figure list and no need of a display.
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_program(result: ProgramResult, path: Path, *, title: str = "") -> Path:
    """Write all four views side by side to `path` and return it."""
    figure = _figure(11.0, 8.2)
    for k, kind in enumerate(("targets", "errors", "pulses", "traces")):
        plot_program(result, kind=kind, ax=figure.add_subplot(2, 2, k + 1))  # type: ignore[arg-type]
    rows, columns = result.targets.shape
    figure.suptitle(
        f"{title or 'Program and verify'}: {rows}x{columns} cells, scheme {result.scheme}, "
        f"{result.algorithm} steps\n{result.writes} pulses, {_si(result.energy, 'J')}, "
        f"{_si(result.time, 's')}; {result.message}", fontsize=11,
    )
    return save_figure(figure, path, dpi=130)
