"""One input vector through one crossbar: crossbarsim against sparse direct solvers and SPICE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from crossbarsim.core.cpus import cpu_count

from .jobs import CASES
from .peers import OURS, PEERS, available
from .timing import best_of
from .worker import measure, peak_memory

SIZES = {"easy": (32, 64, 128, 256, 512, 1024), "hard": (64, 128, 256, 512),
         "harder": (64, 128, 256, 512, 1024), "hardest": (64, 128, 256)}
LARGEST = {"ngspice": 64}  # beyond, one run takes minutes
STRONGEST = ("CHOLMOD (supernodal)", "CHOLMOD (simplicial)", "PARDISO", "SuperLU (MMD)")
LIMIT = 60.0


def one(name: str, case: str, size: int) -> dict[str, Any]:
    """Measure one solver on one crossbar."""
    job = CASES[case]
    G, V = job.arrays(size, size)
    seconds, (currents, assembly) = best_of(lambda: PEERS[name](G, V, job.ohm))
    result = {
        "seconds": seconds, "assembly": assembly, "bytes": peak_memory(),
        "currents": list(map(float, currents)),
    }
    if name == OURS:
        from crossbarsim import Crossbar, Solver, Wires  # noqa: PLC0415

        sol = Solver(threads=cpu_count()).solve(
            Crossbar(G, Wires(word=job.ohm, bit=job.ohm)), V
        )
        result |= {
            "method": sol.method, "iterations": sol.iterations, "residual": float(sol.residual)
        }
    return result


def _peers(case: str, size: int) -> Iterable[str]:
    for name in PEERS:
        if name != OURS and available(name) and size <= 512:
            if case != "easy" and name not in STRONGEST:
                continue
            if size <= LARGEST.get(name, size):
                yield name


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure all solvers on all crossbars, with 1 and with 2 threads."""
    rows = []
    for threads in (1, 2):
        for case, sizes in SIZES.items():
            for size in sizes[:1] if quick else sizes:
                rows.append(_row(case, size, threads, quick=quick))
                print(_line(rows[-1]), flush=True)
    return {"limit_s": LIMIT, "rows": rows}


def _row(case: str, size: int, threads: int, *, quick: bool) -> dict[str, Any]:
    arguments = {"case": case, "size": size}
    before = measure("crossbar_solve:one", {"name": OURS, **arguments}, threads, LIMIT)
    mine = np.array(before.pop("currents"))
    peers = {}
    for name in _peers(case, size):
        if quick and name not in STRONGEST:
            continue
        found = measure("crossbar_solve:one", {"name": name, **arguments}, threads, LIMIT)
        if found is not None:
            theirs = np.array(found.pop("currents"))
            found["difference"] = float(np.abs(theirs / mine - 1.0).max())
        peers[name] = found
    # ours once more at the end: the machine may have been busier at the start
    after = measure("crossbar_solve:one", {"name": OURS, **arguments}, threads, LIMIT)
    before["seconds"] = min(before["seconds"], after["seconds"])
    return {"case": case, "size": size, "threads": threads, "ours": before, "peers": peers}


def _line(row: dict[str, Any]) -> str:
    times = ", ".join(
        f"{name} {'> 60 s' if found is None else show(found['seconds'])}"
        for name, found in row["peers"].items()
    )
    return (f"{row['case']} {row['size']} threads {row['threads']}: "
            f"{show(row['ours']['seconds'])} ({row['ours']['method']}, "
            f"{row['ours']['iterations']} iterations); {times}")


def show(seconds: float) -> str:
    """Return a time with its unit and three digits."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.2g} µs"


def _factor(found: dict[str, Any] | None, ours: float) -> str:
    ratio = (LIMIT if found is None else found["seconds"]) / ours
    text = f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.1f}x"
    return f"> {text}" if found is None else text


def table(result: dict[str, Any]) -> str:
    """Return the page's tables: times of ours, ratios of the others."""
    parts = []
    for threads, title in ((1, "One core"), (2, "Two cores")):
        rows = [r for r in result["rows"] if r["threads"] == threads]
        if not rows:
            continue
        names = [n for n in PEERS if any(n in r["peers"] for r in rows)]
        lines = [
            f"{title}: seconds of crossbarsim, and how many times longer the others take.", "",
            "| crossbar | crossbarsim | " + " | ".join(names) + " |",
            "|---|---|" + "---|" * len(names),
        ]
        for r in rows:
            cells = [
                _factor(r["peers"][n], r["ours"]["seconds"]) if n in r["peers"] else ""
                for n in names
            ]
            label = f"{r['size']}x{r['size']}, {CASES[r['case']].title}"
            lines.append(f"| {label} | {show(r['ours']['seconds'])} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines))
    found = [p for r in result["rows"] for n, p in r["peers"].items() if p is not None]
    worst = max((p["difference"] for p in found), default=0.0)
    parts.append(
        f"A solver that passed {result['limit_s']:.0f} s was stopped (>). Largest relative "
        f"difference of any current from any other solver: {worst:.0e}."
    )
    return "\n\n".join(parts)
