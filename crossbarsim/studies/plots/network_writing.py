"""Picture of a network written by pulses: energy and accuracy against the tolerance."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes

from ..network.writing import NetworkWriting
from .figures import COLOURS, MARKS, new_figure, save_axes

__all__ = ["plot_network_writing", "save_network_writing"]


def plot_network_writing(result: NetworkWriting, *, part: str = "test") -> Axes:
    """Draw the energy of pulses and reads, and the accuracy, for every tolerance.

    Parameters
    ----------
    result : NetworkWriting
    part : str
        The set of held-out images.

    Returns
    -------
    Axes
        The first of two.
    """
    figure = new_figure(8.4, 3.8)
    left, right = figure.subplots(1, 2)
    table = result.summary().sort_values("tolerance")
    at = 100 * table["tolerance"]
    for k, (name, label) in enumerate((("energy", "pulses"), ("read_energy", "verifying reads"))):
        left.plot(at, table[name], color=COLOURS[k], marker=MARKS[k], label=label)
    left.set_yscale("log")
    left.set_ylabel("Energy of writing the network (J)")
    left.legend(fontsize=8, frameon=False)
    right.plot(at, 100 * table[f"{part}_accuracy"], color=COLOURS[2], marker=MARKS[2],
               label="written by pulses")
    row = result.accuracy[part]
    for name, style, label in (("digital", "--", "digital"), ("ideal", ":", "as asked for")):
        right.axhline(100 * row[name], color="black", linestyle=style, linewidth=1.0,
                      label=f"{label}: {100 * row[name]:.2f} %")
    right.set_ylabel("Accuracy on held-out images (%)")
    right.legend(fontsize=8, frameon=False)
    for ax in (left, right):
        ax.set_xlabel("Tolerance of a cell (% of its target)")
        ax.grid(visible=True, color="0.9")
        ax.set_axisbelow(True)
    cells = next(iter(result.written.values())).cells
    figure.suptitle(
        f"{result.data.name}: {cells:,} cells, {result.settings['tile'][0]}x"
        f"{result.settings['tile'][1]} tiles, {result.settings['ohm']:g} ohm per segment, "
        f"scheme {result.settings['scheme']}", fontsize=10,
    )
    first: Axes = left
    return first


def save_network_writing(result: NetworkWriting, path: Path, *, part: str = "test") -> Path:
    """Write the picture of `plot_network_writing` to `path` and return it."""
    return save_axes(plot_network_writing(result, part=part), path)
