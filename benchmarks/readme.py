"""The page of performance and the README's lines of speed, generated from the results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from crossbarsim.core.files import write_text

from . import (
    bandwidth,
    batch,
    cold_start,
    crossbar_solve,
    curved_cells,
    devices,
    effective_matrix,
    language_model,
    network,
    reading,
    small_circuits,
    spice,
    studies,
    training,
    transient,
    verilog_a,
)
from .crossbar_solve import show
from .devices import POINTS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (ROOT / "README.md", ROOT / "docs" / "development" / "performance.md")
BENCHMARKS: dict[str, ModuleType] = {
    "crossbar_solve": crossbar_solve, "effective_matrix": effective_matrix, "batch": batch,
    "network": network, "bandwidth": bandwidth, "devices": devices,
    "transient": transient, "spice": spice, "cold_start": cold_start,
}

EXTRA: dict[str, ModuleType] = {  # not on the page
    "curved_cells": curved_cells, "verilog_a": verilog_a, "small_circuits": small_circuits,
    "training": training, "reading": reading, "studies": studies,
    "language_model": language_model,
}


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def speed() -> str:
    """Return the README's five lines, each with its numbers from the results."""
    rows = [row for row in _read("crossbar_solve")["rows"] if row["threads"] == 1]
    solve = {row["size"]: row for row in rows if row["case"] == "easy"}

    def against(size: int, peer: str) -> str:
        """Return how much longer a peer takes, where it is installed."""
        row = solve[size]
        if peer not in row["peers"]:
            return "not measured"
        return f"{row['peers'][peer]['seconds'] / row['ours']['seconds']:,.0f}x"

    matrices = [row for row in _read("effective_matrix")["rows"] if row["case"] == "easy"]
    matrix = {row["size"]: row for row in matrices}[128]
    images = {
        one["path"]: one["found"]["images"] / one["found"]["seconds"]
        for one in _read("network")["pictures"] if one["network"] == "ResNet-18" and one["found"]
    }
    write = _read("transient")["rows"][-1]
    pulse = write["matched"]["seconds"]
    everyone = _read("devices")
    devices = {row["model"]: row for row in everyone["rows"]}["VTEAM"]
    return "\n".join([
        (f"- **One 128x128 crossbar**: {show(solve[128]['ours']['seconds'])} on one core; CHOLMOD "
        f"{against(128, 'CHOLMOD (supernodal)')} as long, badcrossbar "
        f"{against(128, 'badcrossbar')}; at 64x64 ngspice {against(64, 'ngspice')}."),
        (f"- **Its effective matrix**: {show(matrix['ours_1_1'])}, CHOLMOD "
        f"{matrix['cholmod_1'] / matrix['ours_1_1']:,.0f}x as long; then any number of inputs is "
        "a matrix product."),
        (f"- **ResNet-18 on exact wires**: {images['matrix']:,.0f} images per second on two cores; "
        f"torch's own layers {images['digital']:,.0f}."),
        (f"- **A write pulse on {write['size']}x{write['size']} 1T1R cells**, as accurate as "
        f"ngspice: {show(pulse)}; ngspice {write['ngspice']['seconds'] / pulse:,.0f}x as long."),
        (f"- **{everyone['devices']:,} VTEAM devices** through {POINTS:,} points: "
        f"{show(devices['two'])} on two cores; on one, NumPy's explicit Euler takes "
        f"{devices['euler_seconds'] / devices['one']:,.0f}x as long at the same error."),
        "",
        f"<sub>[All tables](docs/development/performance.md). {everyone['machine']}</sub>",
    ])


def _filled(text: str, name: str, body: str) -> str:
    pattern = rf"(<!-- bench:{name} -->\n).*?(<!-- /bench -->)"
    return re.sub(pattern, lambda m: f"{m[1]}{body}\n{m[2]}", text, flags=re.DOTALL)


def generated(text: str) -> str:
    """Return the text of a page with every table that has results."""
    for name, module in BENCHMARKS.items():
        if (RESULTS / f"{name}.json").is_file():
            result = _read(name)
            body = f"{module.table(result)}\n\n<sub>{result['machine']}</sub>"
            text = _filled(text, name, body)
    return _filled(text, "speed", speed()) if "<!-- bench:speed -->" in text else text


def write() -> None:
    """Bring the pages up to date with the results."""
    for page in PAGES:
        write_text(page, generated(page.read_text(encoding="utf-8")))
