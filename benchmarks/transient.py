"""A write pulse on a 1T1R array in time: crossbarsim against ngspice on the deck it writes."""

from __future__ import annotations

import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossbarsim.core.files import write_text

from .crossbar_solve import show
from .timing import run_ngspice
from .worker import measure

SIZES = (16, 32, 64)
OWN = (16, 32, 64, 128, 256)
RTOLS = (3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 1e-7)
DEFAULT = 1e-4
REFERENCE = 1e-9
LIMIT = float(os.environ.get("CROSSBARSIM_BENCH_LIMIT", "600"))  # of ngspice, second
REPEAT = 20.0  # second of ngspice, unless one run takes longer
STOP = 2.5e-8
CORNERS = (1e-9, 2e-9, 2.2e-8, 2.3e-8)  # of the pulse, second

Array = NDArray[np.float64]


def job(size: int) -> tuple[Any, Any, Any]:
    """Return the crossbar, its word lines' and its gate lines' sources."""
    from crossbarsim import Crossbar, OneTransistorOneResistor, Pulse, Wires  # noqa: PLC0415
    from crossbarsim.devices import EKV, VTEAM  # noqa: PLC0415

    rng = np.random.default_rng(0)
    device = VTEAM(r_on=1e4, r_off=2e5)
    array = device.array(conductance=rng.uniform(6e-6, 9e-5, (size, size)))
    xbar = Crossbar(cells=OneTransistorOneResistor(array, EKV()), wires=Wires(word=1.0, bit=1.0))
    rise, fall = CORNERS[1] - CORNERS[0], CORNERS[3] - CORNERS[2]
    width = CORNERS[2] - CORNERS[1]
    lines = [
        Pulse(0.0, 1.2 if written else 0.0, CORNERS[0], rise, width, fall)
        for written in rng.uniform(size=size) < 0.5
    ]
    return xbar, lines, [Pulse(0.0, 1.5, 0.0, 0.5e-9, 3e-8, 1e-9)] * size


def _found(time_: Array, currents: Array, states: Array) -> dict[str, Any]:
    at = [np.interp(CORNERS, time_, currents[:, j]) for j in range(currents.shape[1])]
    return {"currents": np.array(at).tolist(), "states": np.ravel(states).tolist()}


def _cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the least CPU time of a few calls, and the result: the machine may be shared."""
    best, spent = math.inf, 0.0
    while spent < 1.0:
        start = time.process_time()
        result = work()
        once = time.process_time() - start
        best, spent = min(best, once), spent + once
    return best, result


def ours(size: int, rtol: float, *, full: bool = True) -> dict[str, Any]:
    """Measure crossbarsim; with `full` the results come along."""
    from crossbarsim import Solver  # noqa: PLC0415

    def run(size: int) -> Any:
        xbar, lines, gate = job(size)
        return Solver(threads=1).transient(xbar, lines, STOP, gate=gate, rtol=rtol)

    run(4)  # compiles
    seconds, result = _cpu(lambda: run(size))
    found = {"seconds": seconds, "steps": result.steps, "rejected": result.rejected,
             "newton": result.newton, "rtol": rtol}
    if full:
        cells = result.crossbar.cells
        low, high = cells.bounds()
        found |= _found(result.time, result.currents, (cells.state - low) / (high - low))
    return found


def ngspice(size: int, limit: float) -> dict[str, Any] | None:
    """Measure the CPU time of ngspice on the deck as it is written; None past `limit` seconds."""
    xbar, lines, gate = job(size)
    deck = xbar.to_circuit(waveforms=lines, gate=gate, t_stop=STOP).to_spice()
    currents = [f"i(v_bl{j}_bottom)" for j in range(size)]
    states = [f"v(x_cell{i}_{j}.s_x)" for i in range(size) for j in range(size)]
    commands = [
        ".control", f"save {' '.join([*currents, *states])}", "set numdgt=15", "run",
        "set wr_singlescale", f"wrdata currents.txt {' '.join(currents)}",
        "let last = length(time) - 1", *(f"print {s}[last]" for s in states), ".endc", ".end", "",
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        write_text(path, deck.replace(".end\n", "\n".join(commands)))
        seconds = spent = 0.0
        while spent < REPEAT:  # the least of a few, as of ours
            found = run_ngspice(path, limit)
            if found is None:
                return None
            once, done = found
            seconds, spent = min(seconds or once, once), spent + once
        table = np.loadtxt(Path(folder) / "currents.txt")
    last = re.findall(r"^v\(x_cell\S+ = (\S+)$", done.stdout, re.MULTILINE)
    shares = np.clip(np.array(last, dtype=np.float64), 0.0, 1.0)
    return {"seconds": seconds, "steps": len(table) - 1,
            **_found(table[:, 0], table[:, 1:], shares)}


def _miss(found: dict[str, Any], reference: dict[str, Any]) -> None:
    """Replace the results of `found` by their distance from the reference's."""
    currents, states = np.array(reference["currents"]), np.array(reference["states"])
    miss = np.abs(np.array(found.pop("currents")) - currents).max()
    found["current_error"] = float(miss / np.abs(currents).max())
    found["state_error"] = float(np.abs(np.array(found.pop("states")) - states).max())


def _row(size: int, limit: float) -> dict[str, Any]:
    reference = measure("transient:ours", {"size": size, "rtol": REFERENCE}, 1, 3600.0)
    theirs = None
    if shutil.which("ngspice"):
        arguments = {"size": size, "limit": limit}
        theirs = measure("transient:ngspice", arguments, 1, 2.0 * limit + 120.0)
    if theirs is not None:
        _miss(theirs, reference)
    row: dict[str, Any] = {"size": size, "ngspice": theirs}
    goal = (1e-4, 1e-4) if theirs is None else (
        theirs["state_error"], max(theirs["current_error"], 1e-6)
    )
    found = {}
    for rtol in RTOLS:
        found[rtol] = measure("transient:ours", {"size": size, "rtol": rtol}, 1, 3600.0)
        _miss(found[rtol], reference)
        good = found[rtol]["state_error"] <= goal[0] and found[rtol]["current_error"] <= goal[1]
        if good and "matched" not in row:
            row["matched"] = found[rtol]
        if "matched" in row and DEFAULT in found:
            break
    row["default"] = found[DEFAULT]
    row.setdefault("matched", found[min(found)])
    return row


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on one core."""
    limit = 60.0 if quick else LIMIT
    rows = []
    for size in (8,) if quick else SIZES:
        rows.append(_row(size, limit))
        print(rows[-1], flush=True)
    own = []
    for size in (8, 16) if quick else OWN:
        arguments = {"size": size, "rtol": DEFAULT, "full": False}
        own.append({"size": size, **measure("transient:ours", arguments, 1, 3600.0)})
        print(own[-1], flush=True)
    return {"limit_s": limit, "rows": rows, "own": own}


def _error(found: dict[str, Any]) -> str:
    return f"{found['state_error']:.0e} / {found['current_error']:.0e}"


def table(result: dict[str, Any]) -> str:
    """Return the page's tables."""
    limit = result["limit_s"]
    lines = [
        ("One write pulse with rise times on an array of 1T1R cells (VTEAM, EKV), CPU time of "
         "one thread, against ngspice on the deck that `to_spice` writes. Errors: of the final "
         "states over their range, and of the currents at the pulse's corners over the largest, "
         f"from a run with rtol {REFERENCE:.0e}. rtol of crossbarsim is the largest, by factors "
         "of about three, with which both are no larger than ngspice's."), "",
        "| array | ngspice | its errors | crossbarsim | its errors | ratio | with default rtol |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in result["rows"]:
        theirs, mine, default = r["ngspice"], r["matched"], r["default"]
        ratio = (limit if theirs is None else theirs["seconds"]) / mine["seconds"]
        over = "> " if theirs is None else ""
        seconds = f"> {limit:.0f} s" if theirs is None else show(theirs["seconds"])
        lines.append("| " + " | ".join([
            f"{r['size']}x{r['size']}", seconds, "" if theirs is None else _error(theirs),
            f"{show(mine['seconds'])}, {mine['steps']} steps", _error(mine),
            f"{over}{ratio:,.0f}x", f"{show(default['seconds'])}, errors {_error(default)}",
        ]) + " |")
    lines += ["", "The same pulse with the default rtol:", "",
              "| array | time | steps | per cell and step |", "|---|---|---|---|"]
    for r in result["own"]:
        tries = r["steps"] + r["rejected"]
        each = r["seconds"] / (tries * r["size"] ** 2)
        lines.append(f"| {r['size']}x{r['size']} | {show(r['seconds'])} | {tries} | "
                     f"{each * 1e9:,.0f} ns |")
    return "\n".join(lines)
