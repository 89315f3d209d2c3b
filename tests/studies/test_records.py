"""The record of finished points."""

import json
import re
import subprocess
import sys
import threading

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


def test_a_line_that_was_changed_is_refused_and_one_taken_out_is_measured_again(tmp_path):
    path = tmp_path / "points.jsonl"
    with Record(path, {"a": 1}) as record:
        for k in range(3):
            record.add([k], {"accuracy": 0.5 + k, "error": 0.25}, seconds=1.5)
    whole = path.read_text().splitlines(keepends=True)
    for number, (before, after) in enumerate([
        ('"error": 0.25', ""), ("1.5", "2.5"), ("[2]", "[7]"), ('"seconds"', '"hours"'),
    ], start=2):
        changed = [*whole]
        line = min(number, 4)
        changed[line - 1] = re.sub(r", }", "}", changed[line - 1].replace(before, after))
        assert changed != whole
        path.write_text("".join(changed))
        with pytest.raises(DataError, match=rf"line {line} was changed .* delete the line"):
            Record(path, {"a": 1})
    path.write_text("".join([whole[0], whole[1], whole[3]]))
    with Record(path, {"a": 1}) as again:
        assert again.get([0]) == {"accuracy": 0.5, "error": 0.25}
        assert again.seconds([0]) == 1.5
        assert again.get([1]) is None
        assert len(again) == 2


def test_records_of_another_version_and_folders(tmp_path):
    path = tmp_path / "points.jsonl"
    path.write_text(json.dumps({"record": 1, "context": {"a": 1}}) + "\n")
    with pytest.raises(DataError, match=r"another version .*format 1; this one has 2"):
        Record(path, {"a": 1})
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="is a folder"):
        Record(path, {"a": 1})
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Record(tmp_path / "file" / "points.jsonl", {"a": 1})


HOLD = """
import sys
from pathlib import Path
from crossbarsim.studies.engine.records import Record
record = Record(Path(sys.argv[1]), {"a": 1})
with open(sys.argv[1], "ab") as stream:
    stream.write(b'{"key": [1], "val')  # in the middle of a line
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_a_second_run_does_not_touch_what_the_first_is_writing(tmp_path):
    path = tmp_path / "points.jsonl"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        before = path.read_bytes()
        with pytest.raises(ParameterError, match=rf"another run \(process {other.pid}\) is writing"):
            Record(path, {"a": 1})
        assert path.read_bytes() == before
        other.kill()
        other.wait()
    with Record(path, {"a": 1}) as record:  # the lock went with the process
        assert record.get([1]) is None
        assert path.read_bytes().endswith(b"}\n")
    assert [p.name for p in tmp_path.iterdir()] == ["points.jsonl"]


def test_threads_do_not_share_a_folder(tmp_path):
    path, told = tmp_path / "points.jsonl", []

    def work():
        try:
            Record(path, {"a": 1})
        except ParameterError as error:
            told.append(str(error))

    with Record(path, {"a": 1}), Record(path, {"a": 1}):  # one thread may
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(told) == 1
    assert "another thread" in told[0]
    Record(path, {"a": 1}).close()


def test_points_of_another_version_of_crossbarsim(tmp_path, monkeypatch):
    from crossbarsim.studies.engine import records

    path = tmp_path / "points.jsonl"
    monkeypatch.setattr(records, "package_version", lambda _: "0.0.1")
    Record(path, {"a": 1}).close()
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"points that crossbarsim '0\.0\.1' measured; this is"):
        Record(path, {"a": 1})


def test_read_margins_and_delays_go_on(tmp_path, monkeypatch):
    from crossbarsim.solvers import Solver

    from crossbarsim.studies.read_delay import read_delay
    from crossbarsim.studies.read_margin import read_margin

    straight, waits = read_margin([2, 4]).table, read_delay([2, 4])
    solve, left = Solver.solve, [5]

    def impatient(self, *arguments, **settings):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return solve(self, *arguments, **settings)

    for study, first in ((read_margin, 5), (read_delay, 2)):
        left[0] = first
        with monkeypatch.context() as patch:
            patch.setattr(Solver, "solve", impatient)
            with pytest.raises(KeyboardInterrupt):
                study([2, 4], out=tmp_path)
    done = len((tmp_path / "read_margin.jsonl").read_text().splitlines()) - 1
    assert done == 2
    assert read_margin([2, 4], out=tmp_path).table.equals(straight)
    again = read_delay([2, 4], out=tmp_path)
    assert again.table.equals(waits.table)
    assert all((a[0] == b[0]).all() and (a[1] == b[1]).all()
               for a, b in zip(again.waves, waits.waves, strict=True))
    with pytest.raises(ParameterError, match=r"r_on: 10000\.0 there, 20000\.0 now"):
        read_margin([2], r_on=2e4, out=tmp_path)
