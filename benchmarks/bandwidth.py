"""How far the iterative solver is from the memory's limit, one core.

An iteration passes over the arrays of a crossbar 21 times (reads and writes that cannot stay in
the first-level cache): 9 on the way down the bit lines, 12 on the way up with the word lines. The
yardstick is a triad, a = b + s c, over arrays of as many bytes as the solver's.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from .jobs import CASES
from .timing import best_of
from .worker import measure

PASSES = 21
ARRAYS = 13  # that an iteration touches
SIZES = (64, 128, 256, 512, 1024)


def one(size: int) -> dict[str, Any]:
    """Measure the time of an iteration and the triad's bandwidth."""
    import numba  # noqa: PLC0415

    from crossbarsim import Crossbar, Solver, Wires  # noqa: PLC0415

    @numba.njit(fastmath=True)  # type: ignore[untyped-decorator]
    def triad(a: Any, b: Any, c: Any, times: int) -> None:
        for _ in range(times):
            for k in range(a.size):
                a[k] = b[k] + 3.0 * c[k]

    job = CASES["hardest"]  # more iterations than are timed
    G, V = job.arrays(size, size)
    xbar = Crossbar(G, Wires(word=job.ohm, bit=job.ohm))
    times = {}
    for count in (20, 60):
        solver = Solver(threads=1, max_iterations=count, on_failure="return", rtol=1e-15)
        times[count], _ = best_of(lambda s=solver: s.solve(xbar, V, fields="currents"))
    iteration = (times[60] - times[20]) / 40
    length = ARRAYS * size * size // 3
    a, b, c = np.zeros(length), np.ones(length), np.ones(length)
    triad(a, b, c, 1)
    rounds = max(1, 20_000_000 // length)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        triad(a, b, c, rounds)
        best = min(best, time.perf_counter() - start)
    return {
        "size": size, "ns_per_cell_iteration": iteration / size**2 * 1e9,
        "bytes_per_s": PASSES * 8 * size**2 / iteration,
        "triad_bytes_per_s": 3 * 8 * length * rounds / best,
    }


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on one core."""
    rows = []
    for size in SIZES[:1] if quick else SIZES:
        rows.append(measure("bandwidth:one", {"size": size}, 1, 300.0))
        print(rows[-1], flush=True)
    return {"rows": rows}


def table(result: dict[str, Any]) -> str:
    """Return the page's table."""
    lines = [
        ("One core against the memory's limit: the bytes that an iteration must move per second, "
         "beside a triad's on arrays of the same size, in the same cache."), "",
        "| size | ns per cell and iteration | GB/s | triad, GB/s | share |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['size']}x{r['size']} | {r['ns_per_cell_iteration']:.2f} "
        f"| {r['bytes_per_s'] / 1e9:.0f} | {r['triad_bytes_per_s'] / 1e9:.0f} "
        f"| {100 * r['bytes_per_s'] / r['triad_bytes_per_s']:.0f} % |"
        for r in result["rows"]
    ]
    return "\n".join(lines)
