"""All tiles of a network as large as ResNet-18 to their effective matrices."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from .crossbar_solve import show
from .worker import measure, peak_memory

WEIGHTS = 11_000_000
TILE = 128


def ours(tiles: int) -> dict[str, Any]:
    """Time the effective matrices of `tiles` arrays of random cells."""
    from crossbarsim import Crossbar, Solver, Wires  # noqa: PLC0415

    rng = np.random.default_rng(0)
    wires = Wires(word=1.0, bit=1.0)
    xbars = [Crossbar(rng.uniform(1e-6, 1e-4, (TILE, TILE)), wires) for _ in range(tiles)]
    solver = Solver(threads=len(os.sched_getaffinity(0)))
    solver.effective_matrices(xbars[:2])  # compiled kernels
    before = peak_memory()
    start = time.perf_counter()
    solver.effective_matrices(xbars)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "bytes": peak_memory() - before, "all_bytes": peak_memory()}


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on two cores."""
    tiles = 2 * -(-WEIGHTS // TILE**2)
    if quick:
        tiles //= 50
    result = {"tiles": tiles, **measure("network:ours", {"tiles": tiles}, 2, 600.0)}
    print(result, flush=True)
    return result


def table(result: dict[str, Any]) -> str:
    """Return the README's sentence."""
    weights = result["tiles"] * TILE**2 / 2e6
    return (
        f"A network of {weights:.1f} million weights (the size of ResNet-18) as differential pairs "
        f"is {result['tiles']:,} tiles of {TILE}x{TILE}: all their effective matrices take "
        f"{show(result['seconds'])} on two cores, and {result['bytes'] / 1e6:,.0f} MB beyond the "
        f"tiles themselves ({result['all_bytes'] / 1e6:,.0f} MB in all)."
    )
