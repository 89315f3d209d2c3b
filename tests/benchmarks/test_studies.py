"""The benchmark of studies measures all points, and its table says what was measured."""

import json

import pytest

from benchmarks import readme, studies


def test_points_that_sleep():
    found = studies.simulated([1, 3], 2, 0.05)
    assert [row["workers"] for row in found["rows"]] == [1, 3]
    for row in found["rows"]:
        assert row["seconds"] > 2 * 0.05  # no worker has measured less than its points
        assert 0 < row["efficiency"] < 1


def test_recorded_points():
    found = studies.records(200)
    assert found["part"] == 20
    assert found["first"] >= 0
    assert found["slowest"] >= found["last"] >= 0
    assert found["bytes"] > 200 * 20


@pytest.mark.slow
def test_real_points_on_one_worker_and_two():
    found = studies.real(1, 1)
    assert found["points"] == 3
    assert len(found["pairs"]) == len(found["of_machine"]) == 1
    assert all(0 < share < 1 for share in found["idle"].values())
    assert 0 < found["driver"] < 1


def test_what_was_measured_is_in_the_table():
    result = json.loads((readme.RESULTS / "studies.json").read_text(encoding="utf-8"))
    text = studies.table(result)
    assert "100,000 points recorded" in text
    rows = result["simulated"]["rows"]
    assert rows[-1]["workers"] == 64
    assert rows[-1]["efficiency"] > 0.85
    assert f"| 64 | {rows[-1]['seconds']:.3g} s | {100 * rows[-1]['efficiency']:.1f} % |" in text
    # what two workers lose against two processes by themselves is the study's own
    middle = sorted(result["real"]["of_machine"])[len(result["real"]["of_machine"]) // 2]
    assert middle > 0.85
