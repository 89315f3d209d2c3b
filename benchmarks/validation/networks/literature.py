"""Accuracies of networks through resistive wires that others printed."""

from __future__ import annotations

import numpy as np

from ..checks import Curve, Finding, Panel, check, few
from ..stored import stored

CHANGED = (128,)  # the tile whose weights are not those of its log


@check("networks", "published accuracy against IR drop")
def hidden_layer_mnist() -> Finding:
    """A perceptron trained through its wires, at four sizes of tiles."""
    kept = stored("hidden_layer_mnist")
    rows = sorted(kept["rows"], key=lambda r: (r["ohm"] > 0, r["tile"]))
    held = [r for r in rows if r["tile"] not in CHANGED]
    printed, ours = (np.array([r[k] for r in held]) for k in ("printed", "ours"))
    wired = [r for r in held if r["ohm"] > 0]
    labels = ", ".join(
        f"{r['printed']:.2f} (ideal)" if r["ohm"] == 0 else f"{r['printed']:.2f} ({r['tile']})"
        for r in held)
    return Finding(
        "accuracy of 784-128-10 on MNIST's 10,000 test images, 2 ohm a segment, cells of 1 to "
        "40 kohm, tiles of 32, 64 and 784, and without wires; the authors' weights, each trained "
        "through its wires. Run once: neither weights nor MNIST are ours to ship",
        kept["source"]["tool"], "printed values", labels + " %", few(ours, len(ours)) + " %",
        float(np.abs(ours - printed).max()), "largest difference, %", 0.1,
        "the authors' solver stops at 1e-3 V, which turns a few of 10,000 images",
        (Panel("MNIST, 2 ohm a segment", "rows of a tile", "accuracy (%)", (
            Curve("crossbarsim", [r["tile"] for r in wired], [r["ours"] for r in wired]),
            Curve("printed", [r["tile"] for r in wired], [r["printed"] for r in wired], reference=True))),),
    )
