"""The authors' own Verilog-A files, read by crossbarsim's reader: their equations, our integrator.

    python -m benchmarks.validation.others.authors_verilog_a jart.va sky130.va stanford.va

The files: JART_VCM_1b_VAR (Bengel et al.), sky130_fd_pr_reram__reram_cell (SkyWater) and
rram_v_1_0_0 (Stanford), as their authors publish them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from crossbarsim.devices import read_verilog_a

from ..stored import digits, store

POINTS = 401
# amplitude of the triangle, period, first state as the file counts it, settings of the reader
JOBS: dict[str, tuple[float, float, list[float], dict[str, Any]]] = {
    "jart_vcm_1b_var": (-1.3, 1e-3, [0.008], {}),
    "sky130_fd_pr_reram__reram_cell": (
        1.8, 1e-6, [3.8e-9, 300.0], {"bounds": {"Temperature_current": (300.0, 20000.0)}},
    ),
    "rram_v_1_0_0": (1.6, 1e-3, [1.7e-9], {"noise_step": 1e-9}),
}


def triangle(amplitude: float, period: float) -> tuple[Any, Any]:
    """Return a period of a triangle: up, down to the other sign, back."""
    phase = np.linspace(0.0, 1.0, POINTS)
    return phase * period, amplitude * np.interp(phase, [0, 0.25, 0.75, 1], [0, 1, -1, 0])


def main(paths: list[str]) -> None:
    """Read the files and drive them."""
    data: dict[str, Any] = {}
    for path in map(Path, paths):
        name = next(n for n in JOBS if f"module {n}" in path.read_text(encoding="latin-1").replace("JART_VCM_1b_VAR", n))
        amplitude, period, start, settings = JOBS[name]
        device = read_verilog_a(path, **settings)()
        t, v = triangle(amplitude, period)
        trace = device.simulate(t, v, state=start, rtol=1e-9)
        data[name] = {
            "amplitude": amplitude, "period": period, "start": start,
            "current": digits(trace.current.tolist()),
            "state": digits(trace.state[0].tolist()),
        }
    store("authors_verilog_a", {
        "tool": "the authors' Verilog-A files, read and integrated by crossbarsim (rtol 1e-9)",
        "script": "benchmarks/validation/others/authors_verilog_a.py",
        "files": "JART_VCM_1b_verilog-var.va of JART VCM v1b; "
        "sky130_fd_pr_reram__reram_cell.va of SkyWater's sky130_fd_pr_reram (d6d2a3c); "
        "rram_v_1_0_0.va of doi 10.4231/D37H1DN48",
    }, data)


if __name__ == "__main__":
    main(sys.argv[1:])
