"""The effective matrix of a crossbar: crossbarsim against one CHOLMOD factor and N solves."""

from __future__ import annotations

from typing import Any

import numpy as np

from crossbarsim.core.cpus import cpu_count

from .crossbar_solve import show
from .jobs import CASES
from .peers import available, cholmod_factor, cholmod_solve
from .timing import best_of
from .worker import measure

SIZES = (64, 128, 256)
TILES = 32  # at once


def ours(case: str, size: int, tiles: int) -> dict[str, Any]:
    """Time the matrices of `tiles` crossbars, per crossbar."""
    from crossbarsim import Crossbar, Solver, Wires  # noqa: PLC0415

    job = CASES[case]
    G, V = job.arrays(size, size)
    solver = Solver(threads=cpu_count())

    def work() -> Any:
        wires = Wires(word=job.ohm, bit=job.ohm)
        return solver.effective_matrices([Crossbar(G, wires) for _ in range(tiles)])

    seconds, matrices = best_of(work)
    return {"seconds": seconds / tiles, "currents": list(map(float, matrices[0] @ V))}


def cholmod(case: str, size: int) -> dict[str, Any]:
    """Time CHOLMOD's better factor with a solve per word line."""
    job = CASES[case]
    G, V = job.arrays(size, size)
    times = {}
    for supernodal in (0, 2):
        def work(kind: int = supernodal) -> Any:
            factor, _ = cholmod_factor(G, job.ohm, kind)
            return cholmod_solve(factor, np.eye(size), G.shape, job.ohm)

        times[supernodal], matrix = best_of(work)
    return {"seconds": min(times.values()), "currents": list(map(float, V @ matrix))}


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure with 1 and with 2 threads."""
    rows = []
    for case in ("easy", "harder"):
        for size in SIZES[:1] if quick else SIZES:
            row: dict[str, Any] = {"case": case, "size": size}
            arguments = {"case": case, "size": size}
            for threads in (1, 2):
                for tiles in (1, TILES):
                    found = measure("effective_matrix:ours", {**arguments, "tiles": tiles},
                                    threads, 300.0)
                    mine = np.array(found.pop("currents"))
                    row[f"ours_{tiles}_{threads}"] = found["seconds"]
                if available("CHOLMOD (supernodal)"):
                    found = measure("effective_matrix:cholmod", arguments, threads, 300.0)
                    theirs = np.array(found.pop("currents"))
                    row[f"cholmod_{threads}"] = found["seconds"]
                    row["difference"] = float(np.abs(theirs / mine - 1.0).max())
            rows.append(row)
            print(row, flush=True)
    return {"tiles": TILES, "rows": rows}


def table(result: dict[str, Any]) -> str:
    """Return the page's table."""
    tiles = result["tiles"]
    lines = [
        (f"Effective matrix of one crossbar, and per crossbar when {tiles} are asked for at once, "
         "against CHOLMOD (its better mode, factored once, one solve per word line)."),
        "",
        ("| crossbar | 1 core | CHOLMOD, 1 core | 2 cores | CHOLMOD, 2 cores "
         f"| {tiles} at once, 2 cores |"), "|---|---|---|---|---|---|",
    ]
    for r in result["rows"]:
        cells = [f"{r['size']}x{r['size']}, {CASES[r['case']].title}"]
        for threads in (1, 2):
            mine = r[f"ours_1_{threads}"]
            theirs = r.get(f"cholmod_{threads}")
            cells += [show(mine), f"{theirs / mine:.0f}x longer" if theirs else ""]
        cells.append(show(r[f"ours_{tiles}_2"]))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
