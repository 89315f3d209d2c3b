"""The picture of the study of non-idealities."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...core.errors import ParameterError
from ...core.files import save_figure
from ..nonidealities import LABELS, NonIdealityResult, place_label
from .figures import new_axes, new_figure

__all__ = ["plot_nonidealities", "plot_nonideality", "save_nonidealities"]


def plot_nonideality(
    result: NonIdealityResult, effect: str, tile: tuple[int, int], ohm: float, *,
    part: str = "test", ax: Axes | None = None,
) -> Axes:
    """Draw one effect against the converters' bits as a heat map of accuracies, in percent.

    Parameters
    ----------
    result : NonIdealityResult
    effect, tile, ohm, part
        As in `NonIdealityResult.grid`.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        ax = new_axes(4.2, 3.6)
    table = result.grid(effect, tile, ohm, part)
    values = 100 * table.to_numpy()
    low = 100 / result.data.classes
    high = max(100 * result.digital_accuracy[part], low + 1.0)  # a network may know nothing
    ax.imshow(values, cmap="viridis", vmin=low, vmax=high, aspect="auto", origin="lower")
    for i, j in np.ndindex(*values.shape):
        dark = values[i, j] < low + 0.65 * (high - low)
        ax.text(j, i, f"{values[i, j]:.0f}", ha="center", va="center", fontsize=8.5,
                color="white" if dark else "black")
    ax.set_xticks(range(len(table.columns)), [_number(float(b)) for b in table.columns])
    scale = 1 if effect == "states" else 100
    ax.set_yticks(range(len(table.index)), [_number(scale * float(v)) for v in table.index])
    ax.set_xlabel("ADC bits")
    ax.set_ylabel(_math(LABELS[effect]))
    ax.set_title(place_label(tile, ohm), fontsize=10)
    return ax


def _number(value: float) -> str:
    return "∞" if np.isinf(value) else f"{value:g}"


def _math(label: str) -> str:
    return label.replace("R_on", "$R_{on}$").replace("R_off", "$R_{off}$")


def plot_nonidealities(
    result: NonIdealityResult, *, part: str = "test", figure: Figure | None = None
) -> Figure:
    """Draw all effects below one another, all tiles, active and passive, side by side.

    Parameters
    ----------
    result : NonIdealityResult
    part : str
        The set of held-out images.
    figure : Figure, optional
        To draw into; default: a new one.

    Returns
    -------
    Figure
    """
    study = result.study
    places = [(tile, float(ohm)) for tile in study.tiles for ohm in study.ohms]
    effects = [effect for effect in LABELS if study.values(effect)]
    if not effects:
        raise ParameterError("the study has no effect to draw")
    if figure is None:
        width = max(2.9 * len(places) + 0.6, 7.6)
        figure = new_figure(width, 2.65 * len(effects) + 1.3)
    axes: Any = figure.subplots(len(effects), len(places), squeeze=False)
    for (i, effect), (j, place) in product(enumerate(effects), enumerate(places)):
        ax = plot_nonideality(result, effect, *place, part=part, ax=axes[i, j])
        if i > 0:
            ax.set_title("")
        if i < len(effects) - 1:
            ax.set_xlabel("")
        if j > 0:
            ax.set_ylabel("")
    figure.colorbar(axes[0, 0].images[0], ax=axes, label="Accuracy (%)", shrink=0.6, aspect=35,
                    pad=0.015)
    layers = " - ".join(f"conv {c}" for c in result.cnn.channels)
    images = result.data.name if part == "test" else f"{result.data.name}, {part} images"
    corrected = ", outputs corrected" if study.correct else ""
    adc = f"one ADC per column, its range calibrated{corrected} (∞: no ADC)"
    chips = "one chip" if study.seeds == 1 else f"mean of {study.seeds} chips"
    figure.suptitle(
        f"Accuracy (%) on {result.held_out[part]:,} held-out images, {images}: "
        f"digital network {100 * result.digital_accuracy[part]:.1f} %\n"
        f"CNN {layers} - fc {result.cnn.hidden} on differential pairs, "
        f"{1e6 * study.g_on:.3g} µS ({1e-3 / study.g_on:.3g} kohm) to {1e6 * study.g_off:.2g} µS "
        f"({1e-6 / study.g_off:.3g} Mohm)\n"
        f"passive: exact circuit, ohm per wire segment; active: wires without resistance\n"
        f"{adc}; {study.law} spread; {chips}",
        fontsize=min(11.0, 1.08 * figure.get_figwidth()),
    )
    return figure


def save_nonidealities(result: NonIdealityResult, path: Path, *, part: str = "test") -> Path:
    """Write the picture of `plot_nonidealities` to `path` and return it."""
    return save_figure(plot_nonidealities(result, part=part), path, dpi=110)
