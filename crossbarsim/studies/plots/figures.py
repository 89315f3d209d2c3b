"""What the pictures share: empty figures, colours, marks, and how one is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...core.files import save_figure
from ..cnn_study import CnnStudyResult

__all__ = [
    "COLOURS", "MARKS", "accuracy_axis", "images_of", "new_axes", "new_figure", "save_axes",
]

# Okabe and Ito's colours, told apart by readers with any colour vision; marks differ as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKS = ("o", "s", "^", "D", "v", "P")


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, inches, made without pyplot: no global list, no display."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def new_axes(width: float, height: float) -> Axes:
    """Return the only axes of a new figure, inches."""
    return new_figure(width, height).add_subplot()


def images_of(result: CnnStudyResult[Any], part: str) -> str:
    """Return the name of a set of held-out images."""
    name: str = result.data.name
    return name if part == "test" else f"{name}, {part} images"


def accuracy_axis(ax: Axes, result: CnnStudyResult[Any], part: str) -> None:
    """Draw the digital network's accuracy across axes, and say what their y axis is."""
    ideal = 100 * result.digital_accuracy[part]
    ax.axhline(ideal, color="black", linestyle="--", linewidth=1.1,
               label=f"digital network: {ideal:.2f} %")
    ax.set_ylabel(f"Accuracy on {result.held_out[part]:,} held-out images (%)")


def save_axes(ax: Axes, path: Path) -> Path:
    """Write the figure of axes to `path` and return it."""
    figure: Any = ax.figure
    return save_figure(figure, path, dpi=150)
