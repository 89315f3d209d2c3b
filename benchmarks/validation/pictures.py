"""Pictures of what the checks compared: lines are ours, points the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crossbarsim.core.files import save_figure

from .checks import Panel

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
ACROSS = 3  # panels beside each other
DPI = 84
LOWEST = 1e-9  # of the largest value, on logarithmic axes


def draw(panels: list[Panel], path: Path) -> None:
    """Draw panels, at most three beside each other, into a file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    columns = 2 if len(panels) == 4 else min(len(panels), ACROSS)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.6 * columns, 3.6 * rows), layout="constrained", dpi=DPI)
    FigureCanvasAgg(figure)
    for k, panel in enumerate(panels):
        ax = figure.add_subplot(rows, columns, k + 1)
        lines = points = 0
        # several references have the colours of their lines, one has its own
        shift = int(sum(c.reference for c in panel.curves) < 2)
        for curve in panel.curves:
            x, y = np.asarray(curve.x, dtype=float), np.asarray(curve.y, dtype=float)
            if panel.log_y:
                y = np.where(y > LOWEST * np.nanmax(y), y, np.nan)  # loops pass 0 A
            if curve.reference:
                ax.plot(x, y, "o", ms=3.5, mfc="none", color=COLOURS[(points + shift) % len(COLOURS)],
                        label=curve.label, zorder=3)
                points += 1
            else:
                ax.plot(x, y, "-", lw=1.3, color=COLOURS[lines % len(COLOURS)], label=curve.label)
                lines += 1
        ax.set_title(panel.title, fontsize=9)
        ax.set_xlabel(panel.x, fontsize=9)
        ax.set_ylabel(panel.y, fontsize=9)
        ax.tick_params(labelsize=8)
        if panel.log_x:
            ax.set_xscale("log")
        if panel.log_y:
            ax.set_yscale("log")
        ax.grid(alpha=0.25)
        ax.legend(fontsize=7, framealpha=0.6)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(figure, path, dpi=DPI)
