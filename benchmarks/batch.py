"""10,000 input vectors on one 128x128 crossbar, with and without node voltages."""

from __future__ import annotations

from typing import Any

import numpy as np

from crossbarsim.core.cpus import cpu_count

from .crossbar_solve import show
from .jobs import CASES
from .peers import available, cholmod_factor, cholmod_solve
from .timing import best_of
from .worker import measure, peak_memory

SIZE = 128
VECTORS = 10_000
_CHUNK = 100  # right-hand sides that CHOLMOD gets at once


def _inputs(vectors: int) -> Any:
    return np.random.default_rng(1).uniform(0.0, 0.2, (vectors, SIZE))


def ours(case: str, vectors: int, way: str) -> dict[str, Any]:
    """Time one way: "all" fields, "currents" only, or "matrix", the effective matrix once."""
    from crossbarsim import Crossbar, Solver, Wires  # noqa: PLC0415

    job = CASES[case]
    G, _ = job.arrays(SIZE, SIZE)
    V = _inputs(vectors)
    solver = Solver(threads=cpu_count())
    tiny = Crossbar(G[:8, :8], Wires(word=job.ohm, bit=job.ohm))  # loads the compiled kernels
    solver.effective_matrix(tiny)
    solver.solve(tiny, V[:, :8])
    before = peak_memory()

    def work() -> Any:
        xbar = Crossbar(G, Wires(word=job.ohm, bit=job.ohm))
        if way == "matrix":
            return V @ solver.effective_matrix(xbar).T
        return solver.solve(xbar, V, fields="all" if way == "all" else "currents").currents

    work()
    after = peak_memory()
    seconds, currents = best_of(work, least=2)
    return {
        "seconds": seconds, "bytes": after - before, "currents": list(map(float, currents[-1]))
    }


def cholmod(case: str, vectors: int) -> dict[str, Any]:
    """Time one CHOLMOD factor with all right-hand sides."""
    job = CASES[case]
    G, _ = job.arrays(SIZE, SIZE)
    V = _inputs(vectors)

    def work() -> Any:
        factor, _ = cholmod_factor(G, job.ohm, 0)
        return np.concatenate([
            cholmod_solve(factor, V[k : k + _CHUNK], G.shape, job.ohm)
            for k in range(0, vectors, _CHUNK)
        ])

    seconds, currents = best_of(work)
    return {"seconds": seconds, "currents": list(map(float, currents[-1]))}


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on two cores."""
    vectors = 500 if quick else VECTORS
    rows = []
    for case in ("easy", "harder"):
        row: dict[str, Any] = {"case": case}
        arguments = {"case": case, "vectors": vectors}
        for way in ("all", "currents", "matrix"):
            row[way] = measure("batch:ours", {**arguments, "way": way}, 2, 600.0)
            mine = np.array(row[way].pop("currents"))
        if available("CHOLMOD (simplicial)"):
            row["cholmod"] = measure("batch:cholmod", arguments, 2, 600.0)
            theirs = np.array(row["cholmod"].pop("currents"))
            row["difference"] = float(np.abs(theirs / mine - 1.0).max())
        rows.append(row)
        print(row, flush=True)
    return {"vectors": vectors, "rows": rows}


def table(result: dict[str, Any]) -> str:
    """Return the page's table."""
    lines = [
        (f"{result['vectors']:,} input vectors on one {SIZE}x{SIZE} crossbar, two cores (memory: "
         "what the call adds to the process)."), "",
        "| crossbar | all node voltages kept | currents only | by the effective matrix | CHOLMOD |",
        "|---|---|---|---|---|",
    ]
    for r in result["rows"]:
        ways = [r[way] for way in ("all", "currents", "matrix")]
        cells = [
            CASES[r["case"]].title,
            *(f"{show(way['seconds'])}, {way['bytes'] / 1e6:,.0f} MB" for way in ways),
            show(r["cholmod"]["seconds"]) if "cholmod" in r else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
