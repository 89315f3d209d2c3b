"""Pictures of read margin and read delay; each `plot_*` draws into given or its own axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from ..read_delay import ReadDelay
from ..read_margin import ReadMargin
from .figures import COLOURS, MARKS, new_axes, save_axes

__all__ = ["plot_read_delay", "plot_read_margin", "save_read_delay", "save_read_margin"]

_LINES: tuple[Any, ...] = ("-", "--", ":", "-.")
_SECONDS = ((1e-15, "fs"), (1e-12, "ps"), (1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))


def _sizes(ax: Axes, sizes: list[int]) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes)
    ax.set_xticks([], minor=True)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:g}"))
    ax.set_xlabel("Word lines = bit lines")
    ax.grid(visible=True, color="0.9")
    ax.set_axisbelow(True)


def _ohm(resistance: float) -> str:
    for unit, name in ((1e6, "MΩ"), (1e3, "kΩ")):
        if resistance >= unit:
            return f"{resistance / unit:g} {name}"
    return f"{resistance:g} Ω"


def _pair(word: float, bit: float) -> str:
    return f"{word:g}" if word == bit else f"{word:g} (word) and {bit:g} (bit)"


def plot_read_margin(result: ReadMargin, *, ax: Axes | None = None) -> Axes:
    """Draw the margin against size: colours tell schemes apart, line styles selectors.

    Parameters
    ----------
    result : ReadMargin
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        ax = new_axes(6.4, 4.6)
    table = result.table
    schemes = list(table["scheme"].unique())
    selectors = list(table["selector"].unique())
    for s, selector in enumerate(selectors):
        for k, scheme in enumerate(schemes):
            curve = table[(table["selector"] == selector) & (table["scheme"] == scheme)]
            ax.plot(
                curve["size"].to_numpy(), 100 * curve["margin"].to_numpy(),
                color=COLOURS[k % len(COLOURS)], marker=MARKS[k % len(MARKS)], markersize=4.5,
                linestyle=_LINES[s % len(_LINES)], linewidth=1.5,
                markerfacecolor="white" if s % 2 else COLOURS[k % len(COLOURS)],
            )
    handles: list[Any] = [
        Line2D([], [], color=COLOURS[k % len(COLOURS)], marker=MARKS[k % len(MARKS)],
               markersize=4.5, label=scheme.upper() if "/" in scheme else scheme)
        for k, scheme in enumerate(schemes)
    ]
    if len(selectors) > 1:
        handles += [
            Line2D([], [], color="black", linestyle=_LINES[s % len(_LINES)],
                   label="no selector" if name == "none" else name.replace("_", " "))
            for s, name in enumerate(selectors)
        ]
    ax.legend(handles=handles, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0),
              frameon=False)
    _sizes(ax, sorted(int(n) for n in table["size"].unique()))
    ax.set_ylim(0, 103)
    ax.set_ylabel(r"Read margin $(I_{on} - I_{off})\,/\,I_{on}$ (%)")
    state = "low" if result.pattern == "lrs" else "high"
    ax.set_title(
        f"Farthest cell, {_ohm(result.r_on)} or {_ohm(result.r_off)}, all others in the "
        f"{state}-resistance state\nread at {result.read_voltage:g} V, "
        f"{_pair(result.word, result.bit)} Ω per segment", fontsize=10,
    )
    return ax


def plot_read_delay(result: ReadDelay, *, ax: Axes | None = None) -> Axes:
    """Draw the settling time against size, with the Elmore delay of the lines alone.

    Parameters
    ----------
    result : ReadDelay
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        ax = new_axes(5.4, 4.3)
    table = result.table
    most = float(table["delay"].max())
    unit, name = next(
        ((u, n) for u, n in reversed(_SECONDS) if most >= u), _SECONDS[0]
    )
    size = table["size"].to_numpy()
    ax.plot(size, table["delay"].to_numpy() / unit, color=COLOURS[0], marker=MARKS[0],
            markersize=5, label=f"current within {100 * result.settle:g} %")
    ax.plot(size, table["elmore"].to_numpy() / unit, color="0.45", linestyle="--", linewidth=1.2,
            label="Elmore delay of word and bit line")
    _sizes(ax, [int(n) for n in size])
    ax.set_yscale("log")
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    ax.set_ylabel(f"Read delay ({name})")
    wires = result.wires
    ax.set_title(
        f"Farthest cell, all cells {_ohm(result.resistance)}\n"
        f"per segment {_pair(float(wires.word), float(wires.bit))} Ω, "
        f"{_pair(1e15 * float(wires.word_capacitance), 1e15 * float(wires.bit_capacitance))} fF",
        fontsize=10,
    )
    ax.legend(fontsize=9, loc="upper left")
    return ax


def save_read_margin(result: ReadMargin, path: Path) -> Path:
    """Write the picture of `plot_read_margin` to `path` and return it."""
    return save_axes(plot_read_margin(result), path)


def save_read_delay(result: ReadDelay, path: Path) -> Path:
    """Write the picture of `plot_read_delay` to `path` and return it."""
    return save_axes(plot_read_delay(result), path)
