"""Pictures of the IR-drop study: accuracies, and the voltages over a tile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ...core.errors import ParameterError
from ...core.files import save_figure
from ..ir_drop import IrDropResult
from ..tile_map import TileMap
from .figures import COLOURS, MARKS, accuracy_axis, images_of, new_axes, new_figure, save_axes

__all__ = ["plot_accuracy", "plot_tile", "plot_tile_panel", "save_accuracy", "save_tile"]

PANELS = {
    "word": ("Word-line voltage", "mV", "viridis"),
    "bit": ("Bit-line voltage", "mV", "viridis"),
    "loss": ("Cell-voltage loss", "% of read voltage", "magma"),
}


def _ohm_scale(ax: Axes, ohms: list[float]) -> None:
    positive = sorted(r for r in ohms if r > 0)
    if positive and max(ohms) > 8 * positive[0]:
        # Linear up to the smallest resistance, so that 0 ohm has a place of its own.
        ax.set_xscale("symlog", linthresh=positive[0], linscale=0.6)
        left = -0.15 * positive[0] if min(ohms) == 0 else 0.9 * positive[0]
        ax.set_xlim(left, 1.15 * max(ohms))
    ax.set_xticks(sorted(ohms))
    ax.set_xticks([], minor=True)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda r, _: f"{r:g}"))


def plot_accuracy(result: IrDropResult, *, part: str = "test", ax: Axes | None = None) -> Axes:
    """Draw accuracy against wire resistance, one curve per tile shape.

    Parameters
    ----------
    result : IrDropResult
    part : str
        The set of held-out images.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        ax = new_axes(7.2, 4.9)
    table = result.summary(part)
    study = result.study
    varied = study.seeds > 0 and study.sigma > 0
    shapes = table.groupby(["tile_rows", "tile_columns"], sort=True)
    for k, (shape, curve) in enumerate(shapes):
        rows, columns = shape
        centre = 100 * curve["mean" if varied else "exact"].to_numpy()
        spread = 100 * curve["std"].to_numpy() if varied and study.seeds > 1 else None
        ax.errorbar(
            curve["ohm"].to_numpy(), centre, yerr=spread, color=COLOURS[k % len(COLOURS)],
            marker=MARKS[k % len(MARKS)], markersize=5, capsize=3, linewidth=1.6,
            label=f"{rows}x{columns} tiles",
        )
    accuracy_axis(ax, result, part)
    chance = 100 / result.data.classes
    if table["exact"].min() < 0.4:
        ax.axhline(chance, color="0.6", linestyle=":", linewidth=1.1,
                   label=f"chance: {chance:.0f} %")
    _ohm_scale(ax, [float(r) for r in table["ohm"].unique()])
    ax.set_xlabel("Wire resistance (ohm per segment)")
    layers = " - ".join(f"conv {c}" for c in result.cnn.channels)
    if varied:
        chips = "one chip" if study.seeds == 1 else f"{study.seeds} chips"
        spread_text = f"{chips} with {100 * study.sigma:g} % device variation per point"
        spread_text += ", mean and standard deviation" if study.seeds > 1 else ""
    else:
        spread_text = "no device variation"
    ax.set_title(
        f"Accuracy against IR drop: {images_of(result, part)}\n"
        f"CNN {layers} - fc {result.cnn.hidden}; {study.scheme} cells, "
        f"{1e6 * study.g_off:g} to {1e6 * study.g_on:g} µS\n{spread_text}",
        fontsize=10,
    )
    ax.grid(visible=True, color="0.9")
    ax.set_axisbelow(True)
    handles, labels = ax.get_legend_handles_labels()
    # Matplotlib lists error bars after plain lines; the curves come first here.
    order = sorted(range(len(labels)), key=lambda k: "tiles" not in labels[k])
    ax.legend([handles[k] for k in order], [labels[k] for k in order], loc="lower left",
              fontsize=9)
    return ax


def plot_tile_panel(tile: TileMap, *, panel: str = "loss", ax: Axes | None = None) -> Axes:
    """Draw one quantity over the tile as a heat map with a colour bar.

    Parameters
    ----------
    tile : TileMap
    panel : {"word", "bit", "loss"}
        Word-line voltage, bit-line voltage, or the voltage that the cells do not get.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if panel not in PANELS:
        raise ParameterError(f"`panel` must be one of {', '.join(PANELS)}; got {panel!r}")
    if ax is None:
        ax = new_axes(4.4, 4.0)
    values: Any = {
        "word": 1e3 * tile.word_voltages, "bit": 1e3 * tile.bit_voltages, "loss": 100 * tile.loss,
    }[panel]
    title, unit, colours = PANELS[panel]
    image = ax.imshow(values, cmap=colours, interpolation="nearest", aspect="equal")
    ax.figure.colorbar(image, ax=ax, label=unit, shrink=0.85)
    ax.set_title(f"{title}\n{values.min():.3g} to {values.max():.3g} {unit.split()[0]}",
                 fontsize=10)
    ax.set_xlabel("Bit line")
    ax.set_ylabel("Word line (driven from the left)")
    return ax


def plot_tile(tile: TileMap, *, figure: Figure | None = None) -> Figure:
    """Draw word-line voltage, bit-line voltage and cell-voltage loss side by side.

    Parameters
    ----------
    tile : TileMap
    figure : Figure, optional
        To draw into; default: a new one.

    Returns
    -------
    Figure
    """
    if figure is None:
        figure = new_figure(12.5, 4.0)
    for k, panel in enumerate(PANELS):
        plot_tile_panel(tile, panel=panel, ax=figure.add_subplot(1, len(PANELS), k + 1))
    rows, columns = tile.word_voltages.shape
    figure.suptitle(
        f"{tile.name}: {rows}x{columns} cells, {tile.ohm:g} ohm per wire segment, "
        f"every word line driven at {tile.read_voltage:g} V, bit lines sensed at the bottom",
        fontsize=11,
    )
    return figure


def save_accuracy(result: IrDropResult, path: Path, *, part: str = "test") -> Path:
    """Write the picture of `plot_accuracy` to `path` and return it."""
    return save_axes(plot_accuracy(result, part=part), path)


def save_tile(tile: TileMap, path: Path) -> Path:
    """Write the picture of `plot_tile` to `path` and return it."""
    return save_figure(plot_tile(tile), path, dpi=110)
