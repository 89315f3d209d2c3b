"""CHOLMOD (kvxopt) and ngspice on the arrays of `solvers.cases`.

python -m benchmarks.validation.others.sparse_and_spice
"""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from typing import Any

from ...peers import PEERS
from ..solvers.cases import DECADES, OHM, array
from ..stored import digits, store

JOBS = {"CHOLMOD (supernodal)": (16, 64, 128), "ngspice": (8, 16)}


def main() -> None:
    """Solve all arrays; keep 16 digits."""
    told = subprocess.run(["ngspice", "--version"], capture_output=True, text=True, encoding="utf-8", check=True)  # noqa: S607
    release = re.search(r"ngspice-(\S+)", told.stdout)
    data: dict[str, Any] = {}
    for name, sizes in JOBS.items():
        for size in sizes:
            for decades in DECADES:
                G, V = array(size, decades)
                currents, _ = PEERS[name](G, V, OHM)
                data[f"{name.split()[0]} {size} {decades}"] = digits(currents.tolist(), 17)
    store("sparse_and_spice", {
        "tool": f"CHOLMOD of kvxopt {version('kvxopt')}, supernodal; ngspice "
        f"{release[1] if release else '?'}, .op with its default options, 15 digits",
        "script": "benchmarks/validation/others/sparse_and_spice.py",
    }, data)


if __name__ == "__main__":
    main()
