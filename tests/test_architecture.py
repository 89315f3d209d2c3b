"""Imports run one way, and importing the package is light."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIGHT = """
import sys, time
start = time.perf_counter()
import crossbarsim
seconds = time.perf_counter() - start
heavy = {"torch", "cupy", "numba", "matplotlib", "networkx", "pandas"} & set(sys.modules)
print(sorted(heavy), seconds)
"""


def test_layers_import_one_way():
    for folder, forbidden in (("netlists", r"\.\.(solvers|nn|studies|devices|programming)"), ("solvers", r"\.\.(nn|studies|cli|devices|programming)\b|crossbarsim\.devices")):
        for path in (ROOT / folder).rglob("*.py"):
            for line in path.read_text().splitlines():
                match = re.match(r"\s*from (\.+[\w.]*) import", line)
                if match:
                    assert not re.search(forbidden, match[1]), f"{path.name}: {line}"


def test_import_is_light(tmp_path):
    out = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    assert out.startswith("[]"), out


def test_files_are_short():
    for folder in ("netlists", "solvers", "crossbarsim"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 420, path
