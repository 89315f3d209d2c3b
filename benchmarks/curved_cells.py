"""Cells of curved I-V: inputs one by one, together, and to first order, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

JOBS = ((128, 1.0, 48), (128, 20.0, 48), (32, 2.0, 256), (16, 2.0, 512), (8, 2.0, 1024))
REPEATS = 4


def _each(work: Callable[[], Any], vectors: int) -> float:
    """Return CPU seconds per vector, the least of a few calls."""
    work()
    best = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best / vectors


def one(kind: str, size: int, ohm: float, vectors: int) -> dict[str, Any]:
    """Time all ways on one array; errors are those of the currents, root mean square."""
    import torch  # noqa: PLC0415
    from crossbarsim.solvers.crossbar import static_cells  # noqa: PLC0415

    from crossbarsim import Crossbar, Solver, Wires  # noqa: PLC0415
    from crossbarsim.devices import StanfordPKU  # noqa: PLC0415
    from crossbarsim.nn.born import born_network  # noqa: PLC0415
    from crossbarsim.nonidealities import DeviceIV, SinhIV  # noqa: PLC0415

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    G = rng.uniform(6e-6, 1e-4, (size, size))
    V = rng.uniform(-0.2, 0.2, (vectors, size))
    law = SinhIV(0.25) if kind == "sinh" else DeviceIV(StanfordPKU())
    xbar = Crossbar(cells=law.cells(G), wires=Wires(ohm, ohm))
    solver = Solver(threads=1)
    exact = solver.solve(xbar, V, fields="currents").currents

    def alone() -> Any:
        together = static_cells.can_run
        try:
            static_cells.can_run = lambda *_: False
            return solver.solve(xbar, V, fields="currents").currents
        finally:
            static_cells.can_run = together

    def error(found: Any) -> float:
        return float(np.sqrt(np.mean((found - exact) ** 2) / np.mean(exact**2)))

    start = time.process_time()
    network = born_network(torch.from_numpy(G), law, V[:8], ohm, ohm)
    set_up = time.process_time() - start
    inputs, cells = torch.from_numpy(V), torch.from_numpy(G)
    loose = Solver(threads=1, rtol=1e-4)
    return {
        "kind": kind, "size": size, "ohm": ohm, "vectors": vectors,
        "alone": _each(alone, vectors), "alone_error": error(alone()),
        "together": _each(lambda: solver.solve(xbar, V, fields="currents"), vectors),
        "loose": _each(lambda: loose.solve(xbar, V, fields="currents"), vectors),
        "loose_error": error(loose.solve(xbar, V, fields="currents").currents),
        "born": _each(lambda: network.currents(inputs, cells), vectors), "set_up": set_up,
        "born_error": error(network.currents(inputs, cells).numpy()), "told": network.error,
    }


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on one core."""
    rows = []
    for kind in ("sinh", "device"):
        for size, ohm, vectors in JOBS[3:4] if quick else JOBS:
            rows.append(one(kind, size, ohm, vectors))
            print(rows[-1], flush=True)
    return {"rows": rows}


def table(result: dict[str, Any]) -> str:
    """Return a table of times per vector and their ratios."""
    lines = [
        "| cells | array | one by one | together | to 1e-4 | first order | set-up | error (told) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['kind']} | {r['size']}x{r['size']}, {r['ohm']:g} ohm | {1e3 * r['alone']:.3g} ms | "
        + " | ".join(
            f"{1e3 * r[way]:.2g} ms, {r['alone'] / r[way]:.1f}x"
            for way in ("together", "loose", "born")
        )
        + f" | {1e3 * r['set_up']:.0f} ms | {r['born_error']:.1e} ({r['told']:.1e}) |"
        for r in result["rows"]
    ]
    return "\n".join(lines)
