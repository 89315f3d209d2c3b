"""The record of finished points."""

import json

import pytest
from crossbarsim.netlists import ParameterError

from crossbarsim.studies import DataError, Record


def test_round_trip(tmp_path):
    path = tmp_path / "deep" / "points.jsonl"
    first = Record(path, {"sigma": 0.1, "shape": (2, 3)})
    first.add([64, 64, 0.1, None], {"accuracy": 0.1 + 0.2, "n": 3})
    again = Record(path, {"shape": [2, 3], "sigma": 0.1})
    assert again.get([64, 64, 0.1, None]) == {"accuracy": 0.1 + 0.2, "n": 3}
    assert again.get([64, 64, 0.1, 0]) is None
    assert len(again) == 1


def test_other_settings_are_refused_by_name(tmp_path):
    path = tmp_path / "points.jsonl"
    Record(path, {"sigma": 0.1, "scheme": "differential"}).add([1], {})
    before = path.read_bytes()
    with pytest.raises(ParameterError, match=r"sigma: 0\.1 there, 0\.2 now") as caught:
        Record(path, {"sigma": 0.2, "scheme": "differential"})
    assert "scheme" not in str(caught.value)
    with pytest.raises(ParameterError, match="data: None there"):
        Record(path, {"sigma": 0.1, "scheme": "differential", "data": "x"})
    assert path.read_bytes() == before


def test_a_line_cut_short_is_computed_again(tmp_path):
    path = tmp_path / "points.jsonl"
    record = Record(path, {"a": 1})
    record.add([0], {"v": 1})
    whole = path.read_bytes()
    record.add([1], {"v": 2})
    full = path.read_bytes()
    for length in range(len(whole), len(full)):
        path.write_bytes(full[:length])
        resumed = Record(path, {"a": 1})
        assert resumed.get([0]) == {"v": 1}
        assert resumed.get([1]) is None
        resumed.add([1], {"v": 2})
        assert path.read_bytes() == full


def test_header_cut_short(tmp_path):
    path = tmp_path / "points.jsonl"
    Record(path, {"a": 1})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        Record(path, {"a": 1})
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{]", "line 2 is not JSON"),
        (b"[1]", "line 2: expected `key` and `values`"),
        (b"\xff", "UTF-8"),
    ],
)
def test_corrupt_lines_are_errors(tmp_path, line, message):
    path = tmp_path / "points.jsonl"
    Record(path, {"a": 1})
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(DataError, match=message):
        Record(path, {"a": 1})


@pytest.mark.parametrize("header", [{"record": 2, "context": {}}, {"record": 1}, [1]])
def test_wrong_header(tmp_path, header):
    path = tmp_path / "points.jsonl"
    path.write_text(json.dumps(header) + "\n")
    with pytest.raises(DataError):
        Record(path, {})
