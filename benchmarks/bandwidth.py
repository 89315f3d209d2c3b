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

    job = CASES["hard"]  # enough iterations to tell them from the rest
    G, V = job.arrays(size, size)
    xbar = Crossbar(G, Wires(word=job.ohm, bit=job.ohm))
    found = {}
    for name, rtol in (("loose", 1e-3), ("tight", 1e-11)):
        solver = Solver(threads=1, rtol=rtol, max_iterations=1000)
        found[name] = best_of(lambda s=solver: s.solve(xbar, V, fields="currents"))
    (t0, loose), (t1, tight) = found["loose"], found["tight"]
    iteration = (t1 - t0) / (tight.iterations - loose.iterations)
    length = ARRAYS * size * size // 3
    a, b, c = np.zeros(length), np.ones(length), np.ones(length)
    triad(a, b, c, 1)
    times = max(1, 20_000_000 // length)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        triad(a, b, c, times)
        best = min(best, time.perf_counter() - start)
    return {
        "size": size, "ns_per_cell_iteration": iteration / size**2 * 1e9,
        "bytes_per_s": PASSES * 8 * size**2 / iteration,
        "triad_bytes_per_s": 3 * 8 * length * times / best,
        "rest_ns_per_cell": (t0 - loose.iterations * iteration) / size**2 * 1e9,
    }


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on one core."""
    rows = []
    for size in SIZES[:1] if quick else SIZES:
        rows.append(measure("bandwidth:one", {"size": size}, 1, 300.0))
        print(rows[-1], flush=True)
    return {"rows": rows}


def table(result: dict[str, Any]) -> str:
    """Return the README's table."""
    lines = [
        ("One core against the memory's limit: the bytes that an iteration must move per second, "
         "beside a triad's on arrays of the same size, in the same cache."), "",
        "| size | ns per cell and iteration | GB/s | triad, GB/s | everything else, ns per cell |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['size']}x{r['size']} | {r['ns_per_cell_iteration']:.2f} "
        f"| {r['bytes_per_s'] / 1e9:.0f} | {r['triad_bytes_per_s'] / 1e9:.0f} "
        f"| {r['rest_ns_per_cell']:.1f} |"
        for r in result["rows"]
    ]
    return "\n".join(lines)
