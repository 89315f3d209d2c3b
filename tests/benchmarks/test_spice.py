"""Both sides of the benchmark of decks find the same, and a capped run is printed as a bound."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import spice

ROOT = Path(__file__).parents[2]
needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


@needs_ngspice
@pytest.mark.parametrize(("case", "size", "analysis", "limit"), [
    ("rc_mesh", 6, "op", 1e-9), ("rc_mesh", 6, "tran", 2e-2), ("ring", 5, "tran", 2e-2),
    ("array_1t1r", 3, "tran", 1e-2), ("array_flat", 3, "tran", 1e-2),
])
def test_both_find_the_same(case, size, analysis, limit):
    mine = spice.ours(case, size, analysis)
    theirs = spice.ngspice(case, size, analysis, 60.0)
    assert spice._error(mine, theirs) < limit


@needs_ngspice
def test_a_run_past_the_limit_is_none():
    assert spice.ngspice("rc_mesh", 30, "tran", 0.01) is None


def test_a_capped_run_is_printed_as_a_bound():
    mine = {"seconds": 2.0, "read": 0.5, "steps": 60, "error": 1e-3}
    row = {"case": "ring", "size": 31, "analysis": "tran", "ours": mine, "ngspice": None}
    text = spice.table({"limit_s": 600.0, "rows": [row, {**row, "ours": None}]})
    assert "| ring of 31 inverters | > 600 s |" in text
    assert "| > 240.0x |" in text


def test_results_reach_what_is_claimed():
    result = json.loads((ROOT / "benchmarks" / "results" / "spice.json").read_text())
    seen = set()
    for row in result["rows"]:
        mine, theirs = row["ours"], row["ngspice"]
        ratio = (result["limit_s"] if theirs is None else theirs["seconds"]) / (mine["read"] + mine["seconds"])
        if row["case"] == "rc_mesh":
            assert ratio >= 1.0
            seen.add(row["size"])
        if row["case"] == "array_1t1r" and row["size"] == 64:
            assert ratio >= 100.0
            assert mine["error"] <= theirs["error"]
            seen.add("array")
    assert seen >= {100, 316, "array"}
