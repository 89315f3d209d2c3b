"""A type checker knows what the front doors take and return."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SNIPPET = ROOT / "tests" / "typed" / "front_doors.py"


def plain(text):
    """Types without the modules they are from."""
    return re.sub(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+)*\.(\w+)", r"\1", text)


def test_what_the_front_doors_return(tmp_path):
    """The package is put together from three folders; mypy wants to find it as one.

    The cache is that of `make lint`: two seconds where that has run, half a minute where not.
    """
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "crossbarsim", tmp_path / "crossbarsim", ignore=skip)
    for folder in ("netlists", "solvers"):
        shutil.copytree(ROOT / folder, tmp_path / "crossbarsim" / folder, ignore=skip)
    shutil.copy(SNIPPET, tmp_path)
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", "--no-error-summary",
         "--show-error-codes", "--cache-dir", ROOT / "build" / "types" / ".mypy_cache", SNIPPET.name],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )
    lines = SNIPPET.read_text(encoding="utf-8").splitlines()
    expected = {k: line.rpartition("  # ")[2] for k, line in enumerate(lines, 1) if "reveal_type(" in line}
    revealed = {
        int(m[1]): plain(m[2])
        for m in re.finditer(r'front_doors\.py:(\d+): note: Revealed type is "(.*)"', found.stdout)
    }
    assert revealed == expected
    # what is wrong inside of the package is for `make lint`
    assert not [e for e in found.stdout.splitlines() if e.startswith(SNIPPET.name) and " error: " in e]
