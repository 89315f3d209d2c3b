"""Pages, docstrings and comments are spelled as codespell knows words."""

import subprocess
import sys

import pytest

from tests.helpers.pages import ROOT


def test_words_are_spelled():
    pytest.importorskip("codespell_lib")
    places = ["README.md", "CHANGELOG.md", "docs", "crossbarsim", "netlists", "solvers", "examples"]
    found = subprocess.run(
        [sys.executable, "-m", "codespell_lib", *places], cwd=ROOT, capture_output=True, text=True, check=False,
        encoding="utf-8",
    )
    assert found.stdout == ""
    assert found.returncode == 0, found.stderr
