"""Draw docs/images/circuit.svg: a crossbar of 3 x 3 cells with every resistance of its wires.

Run ``python docs/_ext/draw_circuit.py`` after a change; the picture is kept in the repository.
"""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIRE, CELL, TEXT = "#1f77b4", "#d62728", "#555555"
SIZE, STEP = 3, 2.0


def resistor(ax: Axes, a: tuple[float, float], b: tuple[float, float], colour: str) -> None:
    """Draw a zigzag between two points, with straight ends."""
    (x0, y0), (x1, y1) = a, b
    dx, dy = x1 - x0, y1 - y0
    length = (dx * dx + dy * dy) ** 0.5
    nx, ny = -dy / length * 0.1, dx / length * 0.1
    at = [0.0, 0.25, 0.3, 0.38, 0.46, 0.54, 0.62, 0.7, 0.75, 1.0]
    side = [0, 0, 1, -1, 1, -1, 1, -1, 0, 0]
    ax.plot([x0 + s * dx + k * nx for s, k in zip(at, side, strict=True)],
            [y0 + s * dy + k * ny for s, k in zip(at, side, strict=True)], color=colour, lw=1.4)


def draw() -> Figure:
    """Return the drawing."""
    mpl.rcParams["svg.hashsalt"] = "crossbarsim"  # the same bytes in every run
    figure = Figure(figsize=(7.2, 4.3), layout="constrained")
    ax = figure.subplots()
    ax.set_aspect("equal")
    ax.axis("off")
    shift = 0.55  # a bit line's node lies below and right of its word line's
    for i in range(SIZE):
        y = -i * STEP
        ax.plot(-STEP, y, "o", color="black", ms=7)
        ax.text(-STEP - 0.2, y, f"$V_{i}$", ha="right", va="center", fontsize=13)
        for j in range(SIZE):
            x = j * STEP
            resistor(ax, (x - STEP, y), (x, y), WIRE)
            resistor(ax, (x, y), (x + shift, y - shift), CELL)
            end = y - STEP + 0.15  # above the next word line, which it crosses
            resistor(ax, (x + shift, y - shift), (x + shift, end), WIRE)
            below = y - STEP - shift if i < SIZE - 1 else y - STEP
            ax.plot([x + shift] * 2, [end, below], color="white", lw=6, zorder=2.5, solid_capstyle="butt")
            ax.plot([x + shift] * 2, [end, below], color=WIRE, lw=1.4, zorder=2.6)
            ax.plot([x, x + shift], [y, y - shift], "o", color="black", ms=3.5, zorder=3)
    for j in range(SIZE):
        x, y = j * STEP + shift, -SIZE * STEP
        ax.plot([x - 0.25, x + 0.25], [y, y], color="black", lw=1.6, zorder=3)
        ax.plot([x - 0.15, x + 0.15], [y - 0.1, y - 0.1], color="black", lw=1.6, zorder=3)
        ax.annotate("", (x + 0.38, y + 0.1), (x + 0.38, y + 1.0), arrowprops={"arrowstyle": "->"})
        ax.text(x + 0.5, y + 0.5, f"$I_{j}$", va="center", fontsize=13)
    right = SIZE * STEP + 0.1
    for k, (text, colour) in enumerate([
        ("wire segments: word lines across,\nbit lines down", WIRE),
        ("cells $G_{ij}$, from word line\nto bit line", CELL),
    ]):
        ax.text(right, -1.0 - 1.6 * k, text, color=colour, fontsize=11, va="center")
    ax.text(-STEP - 0.2, 0.75, "driven ends", color=TEXT, fontsize=10)
    ax.text(right, -SIZE * STEP, "sensed ends:\nvirtual ground", color=TEXT, fontsize=10, va="center")
    # texts do not count when axes find their limits
    ax.set(xlim=(-STEP - 0.8, right + 4.6), ylim=(-SIZE * STEP - 0.4, 1.1))
    return figure


if __name__ == "__main__":
    place = Path(__file__).parents[1] / "images" / "circuit.svg"
    draw().savefig(place, metadata={"Date": None}, facecolor="white")
