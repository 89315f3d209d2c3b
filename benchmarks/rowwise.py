"""Another formulation of the effective matrix: one dense solve per row of cells.

What lies above a row is a dense conductance matrix between its bit nodes; each row is added by one
batched solve of N unknowns. Five times the work of port reduction, in M large steps instead of
many of all sizes: `gpu` times both. ``python -m benchmarks.rowwise`` compares them on NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from crossbarsim.solvers.crossbar.batched import ArrayBackend
from crossbarsim.solvers.crossbar.batched.device_tensors import Alike

from crossbarsim import Crossbar, Wires

from .timing import best_of

__all__ = ["matrices_by_rows"]


def matrices_by_rows(xp: Any, G: Any, word: float, bit: float) -> Any:
    """Return effective matrices (T, N, M) of crossbars G (T, M, N) with the default ends.

    word, bit: ohm per segment, > 0.
    """
    T, M, N = G.shape
    g, gb = 1.0 / word, 1.0 / bit
    inverse, ratio = _chains(xp, G, g)
    log = xp.cumsum(xp.log(ratio), axis=2)
    above = xp.zeros((T, N, N))  # between the bit nodes, and to what drives them
    drive = xp.zeros((T, N, 0))  # ampere into them per volt of each word line so far
    diagonal = gb * xp.eye(N)
    for i in range(M):
        d, c = G[:, i], log[:, i]
        # voltages of the word nodes per ampere: products of ratios away from the node
        gap = xp.exp(-xp.abs(c[:, :, None] - c[:, None, :]))
        nodes = xp.where(xp.tri(N, dtype=bool), inverse[:, i, :, None], inverse[:, i, None]) * gap
        added = above - d[:, :, None] * nodes * d[:, None, :] + d[:, :, None] * xp.eye(N)
        source = (d * nodes[:, 0] * g)[:, :, None]
        right = xp.concatenate([added, drive, source], axis=2)
        solved = gb * xp.linalg.solve(diagonal + added, right)
        above, drive = solved[:, :, :N], solved[:, :, N:]
    return drive


def _chains(xp: Any, G: Any, g: float) -> tuple[Any, Any]:
    """Return diagonals of the word chains' inverses, and v[j-1] / v[j] with nothing injected left.

    Both (T, M, N), free of subtraction; the driver is left of the first node.
    """
    N = G.shape[2]
    left, right = [xp.full(G.shape[:2], g)], [xp.zeros(G.shape[:2])]
    for j in range(N - 1):
        seen = left[-1] + G[:, :, j]
        left.append(g * seen / (g + seen))
        seen = right[-1] + G[:, :, N - 1 - j]
        right.append(g * seen / (g + seen))
    from_left, from_right = xp.stack(left, axis=2), xp.stack(right[::-1], axis=2)
    seen = from_left + G
    ratio = g / (g + seen[:, :, :-1])
    first = xp.ones((*G.shape[:2], 1))
    return 1.0 / (seen + from_right), xp.concatenate([first, ratio], axis=2)


def main() -> None:
    """Compare both on NumPy."""
    rng = np.random.default_rng(0)
    for size, tiles in ((32, 16), (64, 8), (128, 4)):
        for ohm, cells in ((1.0, (1e-6, 1e-4)), (100.0, (1e-9, 1e-1))):
            G = np.exp(rng.uniform(*np.log(cells), (tiles, size, size)))
            like = Crossbar(np.ones((size, size)), Wires(ohm, ohm))
            alike = Alike(ArrayBackend(max_bytes=1 << 32), G, like)
            ports, one = best_of(alike.matrices)
            rows, two = best_of(lambda G=G, ohm=ohm: matrices_by_rows(np, G, ohm, ohm))
            error = float(np.abs(two - one).max() / np.abs(one).max())
            print(f"{size}x{size}, {ohm:g} ohm: port reduction {1e3 * ports / tiles:.1f} ms, "
                  f"row by row {1e3 * rows / tiles:.1f} ms per tile, difference {error:.0e}")


if __name__ == "__main__":
    main()
