"""Picture of the recovery study: accuracy by method, a group of bars per resistance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from ..recovery import RecoveryResult
from .figures import new_axes, save_axes

__all__ = ["plot_recovery", "save_recovery"]

# from nothing done to everything done: light to dark in one hue, training in another
_SHADES = {
    "plain": "#BBBBBB", "even tiles": "#CDE4F2", "ordered lines": "#9CCAE4",
    "gains of outputs": "#5FA8D3", "gains of tiles": "#2E7EB3",
    "mapped, gains of tiles": "#0B4F82", "trained": "#F2A65A", "mapped and trained": "#C5500C",
}


def plot_recovery(
    result: RecoveryResult, *, part: str = "test", ax: Axes | None = None
) -> Axes:
    """Draw the accuracy that every method leaves, for every resistance.

    Parameters
    ----------
    result : RecoveryResult
    part : str
        The set of held-out images.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        ax = new_axes(8.6, 4.6)
    table = 100 * result.summary(part)
    groups = np.arange(len(table.columns))
    width = 0.84 / len(table)
    for k, (name, row) in enumerate(table.iterrows()):
        at = groups + (k - 0.5 * (len(table) - 1)) * width
        ax.bar(at, row.to_numpy(), 0.92 * width, label=str(name), color=_SHADES[str(name)])
        for x, value in zip(at, row.to_numpy(), strict=True):
            if np.isnan(value):  # not measured
                continue
            ax.text(x, value + 0.6, f"{value:.1f}", ha="center", va="bottom", fontsize=6.5,
                    rotation=90)
    ideal = 100 * result.digital_accuracy[part]
    ax.axhline(ideal, color="black", linestyle="--", linewidth=1.0,
               label=f"digital network: {ideal:.2f} %")
    ax.set_xticks(groups, [f"{ohm:g} ohm" for ohm in table.columns])
    ax.set_xlabel("Wire resistance per segment")
    ax.set_ylabel(f"Accuracy on {result.held_out[part]:,} held-out images (%)")
    ax.set_ylim(0, max(1.2 * ideal, 10))
    study = result.study
    images = result.data.name if part == "test" else f"{result.data.name}, {part} images"
    ax.set_title(
        f"What comes back of the accuracy: {images}\n{study.tile[0]}x{study.tile[1]} tiles, "
        f"{1e6 * study.g_off:g} to {1e6 * study.g_on:g} µS", fontsize=10,
    )
    ax.grid(visible=True, axis="y", color="0.9")
    ax.set_axisbelow(True)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    return ax


def save_recovery(result: RecoveryResult, path: Path, *, part: str = "test") -> Path:
    """Write the picture of `plot_recovery` to `path` and return it."""
    return save_axes(plot_recovery(result, part=part), path)
