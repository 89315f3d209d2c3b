"""Assertions in the helpers explain themselves as those in tests do.

The sources' root has `tests.helpers` and `benchmarks`, and a part of the package, too: it is searched
last, and not at all by child processes, so that an installed package is the one that is tested.
"""

import os
import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[1])
sys.path[:] = [place for place in sys.path if place not in ("", ROOT)] + [ROOT]
os.environ["PYTHONSAFEPATH"] = "1"

pytest.register_assert_rewrite("tests.helpers")
