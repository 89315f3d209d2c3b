"""The README's performance section, generated from the results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

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

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BENCHMARKS: dict[str, ModuleType] = {
    "crossbar_solve": crossbar_solve, "effective_matrix": effective_matrix, "batch": batch,
    "network": network, "bandwidth": bandwidth, "devices": devices,
    "transient": transient, "spice": spice, "cold_start": cold_start,
}

EXTRA: dict[str, ModuleType] = {  # not in the README
    "curved_cells": curved_cells, "verilog_a": verilog_a, "small_circuits": small_circuits,
    "training": training, "reading": reading, "studies": studies,
    "language_model": language_model,
}


def generated(text: str) -> str:
    """Return the README's text with every table that has results."""
    for name, module in BENCHMARKS.items():
        file = RESULTS / f"{name}.json"
        if file.is_file():
            result = json.loads(file.read_text(encoding="utf-8"))
            machine = result["machine"]
            body = f"{module.table(result)}\n\n<sub>{machine}</sub>"
            pattern = rf"(<!-- bench:{name} -->\n).*?(<!-- /bench -->)"
            text = re.sub(
                pattern, lambda m, b=body: f"{m[1]}{b}\n{m[2]}", text, flags=re.DOTALL
            )
    return text


def write() -> None:
    """Bring the README up to date with the results."""
    readme = ROOT / "README.md"
    write_text(readme, generated(readme.read_text(encoding="utf-8")))
