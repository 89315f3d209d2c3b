"""The transient benchmark's two sides agree, and a capped run is printed as a bound."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks import readme, transient

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
def test_both_run_the_same_pulse():
    mine, theirs = transient.ours(4, 1e-6), transient.ngspice(4, 60.0)
    np.testing.assert_allclose(theirs["states"], mine["states"], atol=2e-5)
    currents = np.array(mine["currents"])
    np.testing.assert_allclose(theirs["currents"], currents, atol=1e-4 * np.abs(currents).max())


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
def test_a_run_past_the_limit_is_none():
    assert transient.ngspice(8, 0.01) is None


def test_a_capped_run_is_printed_as_a_bound():
    mine = {"seconds": 2.0, "steps": 60, "rejected": 4, "state_error": 1e-6, "current_error": 2e-6}
    text = transient.table({
        "limit_s": 600.0, "rows": [{"size": 64, "ngspice": None, "matched": mine, "default": mine}],
        "own": [{"size": 64, **mine}],
    })
    assert "| > 600 s |" in text
    assert "| > 300x |" in text


def test_results_are_of_matched_accuracy():
    result = json.loads((readme.RESULTS / "transient.json").read_text())
    assert [row["size"] for row in result["rows"]] == list(transient.SIZES)
    for row in result["rows"]:
        if row["ngspice"] is not None:
            assert row["matched"]["state_error"] <= row["ngspice"]["state_error"]
            assert row["matched"]["current_error"] <= max(row["ngspice"]["current_error"], 1e-6)
    each = [r["seconds"] / ((r["steps"] + r["rejected"]) * r["size"] ** 2) for r in result["own"][1:]]
    assert max(each) < 5 * min(each)  # linear in cells and steps
