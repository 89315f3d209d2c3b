"""The benchmarks' solvers agree, their workers work, and the pages show what was measured."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import crossbar_solve, readme
from benchmarks.jobs import CASES
from benchmarks.peers import OURS, PEERS, available
from benchmarks.worker import measure

ROOT = Path(__file__).parents[2]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", [n for n in PEERS if n != OURS])
def test_peers_solve_the_same_circuit(name, case):
    if not available(name):
        pytest.skip(f"{name} is not installed")
    job = CASES[case]
    G, V = job.arrays(12, 7)
    mine, _ = PEERS[OURS](G, V, job.ohm)
    theirs, assembly = PEERS[name](G, V, job.ohm)
    np.testing.assert_allclose(theirs, mine, rtol=1e-8)
    assert assembly >= 0.0


def test_a_measurement_comes_back_from_its_process():
    found = measure("crossbar_solve:one", {"name": OURS, "case": "easy", "size": 16}, 1, 60.0)
    assert found["method"].startswith("structured/")
    assert 0 < found["seconds"] < 1
    assert found["bytes"] > 1e7
    assert len(found["currents"]) == 16


def test_a_measurement_past_its_limit_is_none():
    assert measure("network:ours", {"tiles": 5000}, 1, 0.5) is None


def test_a_failed_measurement_says_why():
    with pytest.raises(RuntimeError, match="KeyError"):
        measure("crossbar_solve:one", {"name": OURS, "case": "none", "size": 4}, 1, 60.0)


def test_a_capped_peer_is_printed_as_a_bound():
    row = {
        "case": "easy", "size": 64, "threads": 1,
        "ours": {"seconds": 0.01}, "peers": {"ngspice": None, "KLU": {"seconds": 0.5, "difference": 1e-12}},
    }
    text = crossbar_solve.table({"rows": [row], "limit_s": 60.0})
    assert "> 6,000x" in text
    assert "50x" in text


def test_pages_show_the_measured_tables():
    start, page = (file.read_text(encoding="utf-8") for file in readme.PAGES)
    assert readme.generated(start) == start
    assert readme.generated(page) == page
    assert readme.speed() in start
    for name in readme.BENCHMARKS:
        assert (readme.RESULTS / f"{name}.json").is_file(), name
        assert f"<!-- bench:{name} -->" in page


def test_results_reach_what_the_pages_claim():
    result = json.loads((readme.RESULTS / "crossbar_solve.json").read_text())
    for row in result["rows"]:
        assert row["ours"]["residual"] < 1e-8
        for name, found in row["peers"].items():
            assert found is None or found["difference"] < 1e-9, name
