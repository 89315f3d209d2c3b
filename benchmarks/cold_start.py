"""What a new machine waits for: first calls with an empty kernel cache, and the start of a process.

Every first call is measured in a process of its own whose cache is a fresh folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crossbarsim.core.files import write_text

from .worker import measure

LIMITS = {"solve": 6.0, "effective matrix": 4.0, "hysteresis": 4.0, "MOSFET deck": 4.0,
          "warm start": 0.6, "help": 0.4}
LABELS = {
    "solve": "first `Solver().solve` (64x64)",
    "effective matrix": "first `Solver().effective_matrix` after it",
    "hysteresis": "first `hysteresis` of a device (VTEAM)",
    "MOSFET deck": "first deck with MOSFETs (level 1, transient)",
    "warm start": "import to first solution, kernels kept",
    "help": "`crossbarsim --help`",
}
_DECK = """inverter
vdd v 0 5
vin i 0 pulse(0 5 1n 1n 1n 5n 20n)
.model mn nmos level=1 vto=0.7 kp=8e-5
.model mp pmos level=1 vto=-0.8 kp=3e-5
mp o i v v mp w=4u l=1u
mn o i 0 0 mn w=2u l=1u
c1 o 0 20f
.tran 0.1n 20n
.end
"""


def first(what: str, folder: str) -> dict[str, float]:
    """Measure a first call, wall and CPU seconds; compiled kernels are kept in `folder`."""
    os.environ["CROSSBARSIM_CACHE"] = folder
    call = _CALLS[what]()
    start, cpu = time.perf_counter(), time.process_time()
    call()
    return {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}


def warm(folder: str) -> dict[str, float]:
    """Measure a process that finds its kernels in `folder`, from the import to a solution."""
    os.environ["CROSSBARSIM_CACHE"] = folder
    start, cpu = time.perf_counter(), time.process_time()
    _solve()()
    return {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}


def _solve() -> Callable[[], Any]:
    import numpy as np  # noqa: PLC0415 - part of what is measured

    from crossbarsim import Crossbar, Solver, Wires  # noqa: PLC0415

    rng = np.random.default_rng(0)
    xbar = Crossbar(rng.uniform(1e-6, 1e-4, (64, 64)), Wires(word=1.0, bit=1.0))
    V = rng.uniform(0.0, 1.0, 64)
    return lambda: Solver().solve(xbar, V)


def _matrix() -> Callable[[], Any]:
    import numpy as np  # noqa: PLC0415

    from crossbarsim import Crossbar, Solver, Wires  # noqa: PLC0415

    _solve()()
    G = np.random.default_rng(0).uniform(1e-6, 1e-4, (64, 64))
    return lambda: Solver().effective_matrix(Crossbar(G, Wires(word=1.0, bit=1.0)))


def _hysteresis() -> Callable[[], Any]:
    from crossbarsim.devices import VTEAM  # noqa: PLC0415

    return lambda: VTEAM().hysteresis(1.0, 1e3)


def _deck() -> Callable[[], Any]:
    from crossbarsim import Solver, read_spice  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "inverter.cir")
        write_text(path, _DECK)
        circuit = read_spice(path)
    return lambda: Solver().run(circuit)


_CALLS = {"solve": _solve, "effective matrix": _matrix, "hysteresis": _hysteresis,
          "MOSFET deck": _deck}


def _help() -> dict[str, float]:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "crossbarsim", "--help"], check=True,
                   capture_output=True)
    return {"seconds": time.perf_counter() - start}


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure first calls and starts, the best of some repetitions."""
    repeat = 1 if quick else 3
    found: dict[str, list[dict[str, float]]] = {name: [] for name in LIMITS}
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as kept:
            for name in _CALLS:
                folder = kept
                with tempfile.TemporaryDirectory() as fresh:
                    if name not in ("solve", "effective matrix"):
                        folder = fresh
                    arguments = {"what": name, "folder": folder}
                    found[name].append(measure("cold_start:first", arguments, 1, 300.0))
                print(name, found[name][-1], flush=True)
            for _ in range(repeat):
                found["warm start"].append(measure("cold_start:warm", {"folder": kept}, 1, 60.0))
                found["help"].append(_help())
    return {"rows": {
        name: min(each, key=lambda one: one["seconds"]) for name, each in found.items()
    }}


def table(result: dict[str, Any]) -> str:
    """Return the page's table."""
    lines = [
        ("Kernels are compiled when they are first called, and kept: a new machine waits once. "
         "One core, empty cache but for the last two rows."), "",
        "| | seconds | at most |", "|---|---|---|",
    ]
    lines += [f"| {LABELS[name]} | {result['rows'][name]['seconds']:.2g} | {limit:g} |"
              for name, limit in LIMITS.items()]
    return "\n".join(lines)
