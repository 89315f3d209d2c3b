"""The circuit engine against ngspice on the same decks: meshes, ring oscillators, 1T1R arrays."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossbarsim.core.files import write_text

from .crossbar_solve import show
from .spice_decks import CASES
from .timing import run_ngspice
from .worker import measure, peak_memory

SIDES = (100, 316, 1000)  # nodes per side of the RC mesh: 10^4 to 10^6
RINGS = (31, 101)
ARRAYS = (16, 32, 64)
LIMIT = float(os.environ.get("CROSSBARSIM_BENCH_LIMIT", "600"))  # of either, second
TIGHT = "reltol=1e-5 abstol=1e-13 vntol=1e-8 chgtol=1e-16 trtol=1"
Array = NDArray[np.float64]


# -- both ------------------------------------------------------------------------------------------


def _cut(curves: dict[str, Any], time_: Any, names: list[str]) -> dict[str, Any]:
    """Return the curves at 200 times."""
    if time_ is None:
        return {n: [float(curves[n])] for n in names}
    if names[0] == "v(n0)":  # a ring: phases drift apart, what counts is the period
        y = np.asarray(curves["v(n0)"]) - 2.5
        k = np.flatnonzero((y[:-1] < 0) & (y[1:] >= 0))
        rises = time_[k] - y[k] * (time_[k + 1] - time_[k]) / (y[k + 1] - y[k])
        return {"period": [float(np.diff(rises[len(rises) // 2:]).mean())]}
    at = np.linspace(0.0, float(time_[-1]), 200)
    return {n: np.interp(at, time_, curves[n]).tolist() for n in names}


def ours(case: str, size: int, analysis: str, options: str = "") -> dict[str, Any]:
    """Measure crossbarsim: reading and running, CPU time."""
    from crossbarsim.netlists import read_spice  # noqa: PLC0415

    from crossbarsim import Solver  # noqa: PLC0415

    folder = tempfile.TemporaryDirectory()

    def once(size: int) -> tuple[float, float, Any]:
        text, _ = CASES[case](size, analysis, Path(folder.name))
        if options:
            text += f"\n.options {options}"
        start = time.process_time()
        circuit = read_spice(text)
        read = time.process_time()
        result = Solver(threads=1).run(circuit)[0]
        return read - start, time.process_time() - read, result

    once(5)  # compiles
    read, run_, result = once(size)
    while read + run_ < 1.0:  # the least of a few
        again = once(size)
        if again[1] >= run_:
            break
        read, run_, result = again
    names = CASES[case](size, analysis, Path(folder.name))[1]
    folder.cleanup()
    found = {"read": read, "seconds": run_, "memory": peak_memory()}
    if analysis == "op":
        return found | {"curves": _cut({n: result[n] for n in names}, None, names)}
    return found | {
        "steps": result.steps, "newton": result.newton,
        "curves": _cut({n: result[n] for n in names}, result.time, names),
    }


def ngspice(case: str, size: int, analysis: str, limit: float) -> dict[str, Any] | None:
    """Measure the CPU time of ngspice on the same deck; None past `limit` seconds."""
    flat = "array_flat" if case == "array_1t1r" else case
    with tempfile.TemporaryDirectory() as folder:
        text, names = CASES[flat](size, analysis, Path(folder))
    commands = [".control", "set wr_singlescale", "set numdgt=12", f"save {' '.join(names)}", "run"]
    commands += (
        [f"print {n}" for n in names] if analysis == "op" else [f"wrdata out.txt {' '.join(names)}"]
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        write_text(path, "\n".join([text, *commands, ".endc", ".end", ""]))
        ran = run_ngspice(path, limit)
        if ran is None:
            return None
        seconds, done = ran
        if analysis == "op":
            pairs = dict(
                line.split(" = ") for line in done.stdout.splitlines() if line.count(" = ") == 1
            )
            return {"seconds": seconds, "curves": _cut(
                {n: float(pairs[n]) for n in names}, None, names
            )}
        if not (Path(folder) / "out.txt").is_file():
            return {"seconds": seconds, "failed": done.stderr[-500:]}
        table = np.loadtxt(Path(folder) / "out.txt")
    curves = {n: table[:, 1 + k] for k, n in enumerate(names)}
    return {"seconds": seconds, "steps": len(table) - 1, "curves": _cut(curves, table[:, 0], names)}


def _error(found: dict[str, Any], reference: dict[str, Any]) -> float:
    """Return the largest root mean square distance over the largest range of its kind."""
    ranges: dict[str, float] = {}
    for name, curve in reference["curves"].items():
        size = float(np.ptp(curve)) if len(curve) > 1 else float(np.abs(curve).max())
        ranges[name[0]] = max(ranges.get(name[0], 0.0), size)
    return max(
        float(np.sqrt(np.mean((np.array(found["curves"][name]) - np.array(curve)) ** 2)))
        / ranges[name[0]] for name, curve in reference["curves"].items()
    )


def _row(case: str, size: int, analysis: str, limit: float, *, reference: bool) -> dict[str, Any]:
    arguments = {"case": case, "size": size, "analysis": analysis}
    mine = measure("spice:ours", arguments, 1, limit)
    theirs = None
    if shutil.which("ngspice"):
        theirs = measure("spice:ngspice", {**arguments, "limit": limit}, 1, limit + 120.0)
    row: dict[str, Any] = {**arguments, "ours": mine, "ngspice": theirs}
    exact = mine
    if reference and analysis != "op":
        exact = measure("spice:ours", {**arguments, "options": TIGHT}, 1, 4 * limit)
    for found in (mine, theirs):
        # a run is no reference for itself
        if found is not None and exact is not None and found is not exact and "curves" in found:
            found["error"] = _error(found, exact)
    for found in (mine, theirs):
        if found is not None:
            found.pop("curves", None)
    return row


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on one core."""
    limit = 60.0 if quick else LIMIT
    jobs = [("ring", n, "tran") for n in ((11,) if quick else RINGS)]
    jobs += [("array_flat", n, "tran") for n in ((4,) if quick else ARRAYS)]
    jobs += [("array_1t1r", n, "tran") for n in ((4, 8) if quick else ARRAYS)]
    jobs += [("rc_mesh", n, a) for n in ((30,) if quick else SIDES) for a in ("op", "tran")]
    rows = []
    for case, size, analysis in jobs:
        # references of the largest meshes would take hours
        rows.append(_row(case, size, analysis, limit, reference=size <= 316))
        print(rows[-1], flush=True)
    return {"limit_s": limit, "rows": rows}


_SPOKEN = {
    ("rc_mesh", "op"): "RC mesh, {0}x{0} nodes, DC", ("rc_mesh", "tran"):
    "RC mesh, {0}x{0} nodes, transient", ("ring", "tran"): "ring of {0} inverters",
    ("array_flat", "tran"): "{0}x{0} 1T1R written by a pulse, both element by element",
    ("array_1t1r", "tran"): "{0}x{0} 1T1R written by a pulse, as a crossbar",
}


def _seconds(found: dict[str, Any] | None, limit: float) -> str:
    if found is None:
        return f"> {limit:.0f} s"
    if "failed" in found:
        return "fails"
    steps = f", {found['steps']} steps" if "steps" in found else ""
    return f"{show(found['seconds'])}{steps}"


def table(result: dict[str, Any]) -> str:
    """Return the page's table."""
    limit = result["limit_s"]
    lines = [
        ("Decks with default tolerances, CPU time of one thread. ngspice's includes reading the "
         "deck; the ratio counts crossbarsim's reading, too. Errors: root mean square over the "
         "range (of rings: of the period) from a run of crossbarsim with reltol=1e-5, trtol=1."),
        "",
        "| deck | ngspice | its error | crossbarsim | and reading | its error | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in result["rows"]:
        mine, theirs = r["ours"], r["ngspice"]
        ratio = ""
        if mine is not None and (theirs is None or "failed" not in theirs):
            spent = limit if theirs is None else theirs["seconds"]
            whole = mine["read"] + mine["seconds"]
            ratio = f"{'> ' if theirs is None else ''}{spent / whole:,.1f}x"
        errors = [
            f"{found['error']:.0e}" if found is not None and "error" in found
            and r["analysis"] != "op" else "" for found in (theirs, mine)
        ]
        lines.append("| " + " | ".join([
            _SPOKEN[r["case"], r["analysis"]].format(r["size"]), _seconds(theirs, limit), errors[0],
            _seconds(mine, limit), "" if mine is None else show(mine["read"]), errors[1], ratio,
        ]) + " |")
    return "\n".join(lines)
