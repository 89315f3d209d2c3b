"""Reading decks, and an operating point of them, beside ngspice: cost against size, with its slope.

Three kinds: meshes of plain elements, flat arrays of behavioural sources that look alike, and
instances of a subcircuit with parameters of their own. The floor of a mesh's operating point is the
factorisation and solution of its matrix by SciPy's SuperLU, as in `Factors`, in the same process.
"""

from __future__ import annotations

import itertools
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crossbarsim.core.files import write_text

from .crossbar_solve import show
from .spice_decks import rc_mesh
from .timing import run_ngspice
from .worker import measure, peak_memory

LIMIT = float(os.environ.get("CROSSBARSIM_BENCH_LIMIT", "600"))  # of either, second


def mesh(size: int) -> str:
    """Return the RC mesh of `size` times `size` nodes."""
    return rc_mesh(size, "op", Path())[0]


def flat(size: int) -> str:
    """Return a flat array of memristors and transistors, both behavioural sources."""
    lines = ["flat array", "vg g 0 1"]
    for i in range(size):
        lines += [f"vw{i} w{i}_0 0 0.3", f"rb{i} b{size - 1}_{i} 0 1"]
    for i, j in itertools.product(range(size), repeat=2):
        a, b = f"m{i}_{j}", f"b{i}_{j}"
        if j:
            lines.append(f"rw{i}_{j} w{i}_{j - 1} w{i}_{j} 1")
        if i:
            lines.append(f"rx{i}_{j} b{i - 1}_{j} {b} 1")
        siemens = 1e-4 * (1 + (7 * i + 3 * j) % 89 / 10)
        high, low = f"(v(g)-0.4-0.9*v({b}))*19.3", f"(v(g)-0.4-0.9*v({a}))*19.3"
        lines += [
            f"bd{i}_{j} w{i}_{j} {a} i={siemens!r}*sinh(2.5*v(w{i}_{j},{a}))/sinh(2.5)",
            (f"bt{i}_{j} {a} {b} i=2.9e-4*(ln(1+exp({high}))**2-ln(1+exp({low}))**2)"
            f"/(1+0.0517*abs(v({a},{b})))"),
        ]
    return "\n".join([*lines, ".op"])


def instances(size: int) -> str:
    """Return `size` times 64 instances of a memristor, each with a parameter of its own."""
    lines = [
        "instances", "v1 in 0 1", ".subckt memristor a b x0=0.5 ron=100",
        "r1 a m {ron*x0+1k}", "c1 m 0 1p", "bx x 0 i={-tanh(v(a,b)*x0)*v(x)}", "cx x 0 1 ic={x0}",
        "rx x 0 1g", "b1 m b i=v(m,b)*(1e-3*v(x)+1e-5)", ".ends",
    ]
    count = 64 * size
    lines += [f"x{k} in n{k % 64} memristor x0={0.1 + 0.8 * k / count:.7f}" for k in range(count)]
    lines += [f"rl{k} n{k} 0 1k" for k in range(64)]
    return "\n".join([*lines, ".op"])


DECKS: dict[str, Callable[[int], str]] = {"mesh": mesh, "flat": flat, "instances": instances}
SIZES = {"mesh": (32, 100, 316, 1000), "flat": (8, 16, 32, 64), "instances": (4, 16, 64, 256)}
_SPOKEN = {
    "mesh": "RC mesh, {0}x{0} nodes", "flat": "{0}x{0} cells of two behavioural sources, flat",
    "instances": "{1} instances of a subcircuit",
}


def ours(kind: str, size: int) -> dict[str, Any]:
    """Measure crossbarsim, CPU time: reading, and an operating point with its result."""
    from crossbarsim.netlists import read_spice  # noqa: PLC0415
    from scipy.sparse.linalg import splu  # noqa: PLC0415

    from crossbarsim import Solver  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        least = {"mesh": 100}.get(kind, 4)  # large enough for all compiled loops
        for n in (least, size):
            write_text(path, DECKS[kind](n) + "\n.end\n")
            read = run_ = math.inf
            for _ in range(1 if n == least or size > 500 else 3):
                start = time.process_time()
                circuit = read_spice(path)
                middle = time.process_time()
                point = Solver(threads=1).operating_point(circuit)
                values = point.to_dict()
                end = time.process_time()
                read, run_ = min(read, middle - start), min(run_, end - middle)
    found = {
        "elements": len(circuit), "unknowns": len(values), "read": read, "run": run_,
        "residual": point.residual, "memory": peak_memory(),
    }
    if kind == "mesh":
        system = point.system
        matrix = system.matrix(system.jacobian().copy())
        start = time.process_time()
        factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=1e-3,
                       options={"SymmetricMode": True}, panel_size=4, relax=40)
        factors.solve(system.source[:-1].copy())
        found["floor"] = time.process_time() - start
    return found


def ngspice(kind: str, size: int, limit: float) -> dict[str, Any] | None:
    """Measure ngspice on the same deck, CPU time of its process: it reads, runs, and prints."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        write_text(path, DECKS[kind](size) + "\n.end\n")
        ran = run_ngspice(path, limit)
    return None if ran is None else {"seconds": ran[0], "failed": ran[1].returncode != 0}


def slope(sizes: list[float], costs: list[float]) -> float:
    """Return the exponent of cost against size, by least squares over logarithms."""
    x, y = [math.log(v) for v in sizes], [math.log(v) for v in costs]
    a, b = sum(x) / len(x), sum(y) / len(y)
    return sum((p - a) * (q - b) for p, q in zip(x, y, strict=True)) / sum((p - a)**2 for p in x)


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on one core."""
    rows = []
    limit = 60.0 if quick else LIMIT
    for kind, sizes in SIZES.items():
        for size in sizes[:2] if quick else sizes:
            arguments = {"kind": kind, "size": size}
            mine = measure("reading:ours", arguments, 1, limit)
            theirs = None
            if shutil.which("ngspice"):
                theirs = measure("reading:ngspice", {**arguments, "limit": limit}, 1, limit + 60.0)
            rows.append({**arguments, "ours": mine, "ngspice": theirs})
            print(rows[-1], flush=True)
    slopes = {}
    for kind in SIZES:
        done = [r["ours"] for r in rows if r["kind"] == kind and r["ours"] is not None]
        slopes[kind] = {
            what: slope([d["elements"] for d in done], [d[what] for d in done])
            for what in ("read", "run")
        }
    return {"limit_s": limit, "rows": rows, "slopes": slopes}


def table(result: dict[str, Any]) -> str:
    """Return a table."""
    limit = result["limit_s"]
    lines = [
        ("Reading a deck and its operating point, CPU time of one thread. ngspice's is that of its "
         "process; the floor is the factorisation and solution of the matrix alone."), "",
        ("| deck | elements | reading | per element | operating point | floor | ngspice, both "
         "| ratio | memory |"),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in result["rows"]:
        mine, theirs = r["ours"], r["ngspice"]
        if mine is None:
            continue
        spent = limit if theirs is None else theirs["seconds"]
        failed = theirs is not None and theirs["failed"]
        lines.append("| " + " | ".join([
            _SPOKEN[r["kind"]].format(r["size"], 64 * r["size"]), str(mine["elements"]),
            show(mine["read"]), show(mine["read"] / mine["elements"]), show(mine["run"]),
            show(mine["floor"]) if "floor" in mine else "",
            "fails" if failed else f"{'> ' if theirs is None else ''}{show(spent)}",
            "" if failed else
            f"{'> ' if theirs is None else ''}{spent / (mine['read'] + mine['run']):.2f}x",
            f"{mine['memory'] / 1e6:.0f} MB",
        ]) + " |")
    lines += ["", "Cost grows with the number of elements to the power of: " + "; ".join(
        f"{kind}: {s['read']:.2f} (reading), {s['run']:.2f} (operating point)"
        for kind, s in result["slopes"].items()
    ) + "."]
    return "\n".join(lines)
