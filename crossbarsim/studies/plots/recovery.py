"""Picture of the recovery study: accuracy by method, a group per resistance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from ..recovery import METHODS, RecoveryResult
from .figures import accuracy_axis, images_of, new_axes, save_axes

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
    table = result.summary(part)
    groups, width = np.arange(len(table.columns)), 0.84 / len(table)
    count = result.held_out[part]
    for k, (name, row) in enumerate(table.iterrows()):
        share = row.to_numpy()
        at = groups + (k - 0.5 * (len(table) - 1)) * width
        error = 100 * np.sqrt(share * (1 - share) / count)
        ax.errorbar(at, 100 * share, error, label=str(name), color=_SHADES[str(name)],
                    fmt="D" if METHODS[str(name)][2] else "o", markersize=5, elinewidth=1.0,
                    markeredgecolor="0.25", markeredgewidth=0.4)
        for x, value, above in zip(at, 100 * share, error, strict=True):
            if not np.isnan(value):  # else not measured
                ax.text(x, value + above, f" {value:.1f}", ha="center", va="bottom", fontsize=6.5,
                        rotation=90)
    accuracy_axis(ax, result, part)
    for between in groups[1:]:
        ax.axvline(between - 0.5, color="0.8", linewidth=0.8)
    ax.set_xticks(groups, [f"{ohm:g} ohm" for ohm in table.columns])
    ax.set_xlabel("Wire resistance per segment")
    least, most = ax.get_ylim()
    ax.set_ylim(least, most + 0.1 * (most - least))  # room for the numbers
    study = result.study
    ax.set_title(
        f"What comes back of the accuracy: {images_of(result, part)}\n"
        f"{study.tile[0]}x{study.tile[1]} tiles, {1e6 * study.g_off:g} to {1e6 * study.g_on:g} µS; "
        f"bars: standard error of {count:,} images",
        fontsize=10,
    )
    ax.grid(visible=True, axis="y", color="0.9")
    ax.set_axisbelow(True)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    return ax


def save_recovery(result: RecoveryResult, path: Path, *, part: str = "test") -> Path:
    """Write the picture of `plot_recovery` to `path` and return it."""
    return save_axes(plot_recovery(result, part=part), path)
