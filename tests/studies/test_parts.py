"""Device studies go on where they stopped, and give the same bits here, again and by workers."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from crossbarsim import CrossbarSimError, ParameterError
from crossbarsim.studies import device_spread, gradual_reset
from crossbarsim.studies.parts import Parts

SPREAD = {"count": 3, "points": 40, "cycles": 1, "seed": 2}
TRACES = ("loop", "sweep", "loop_states", "sweep_states")


def same(a, b):
    assert (a.steps, a.rejected, a.method) == (b.steps, b.rejected, b.method)
    for name in ("time", "voltage", "current", "state", "conductance"):
        assert np.array_equal(getattr(a, name), getattr(b, name))
        assert getattr(a, name).shape == getattr(b, name).shape


def cut(path, lines):
    """Leave the first lines of a record, as a process that was killed does, and half of one."""
    text = path.read_text().splitlines(keepends=True)
    path.write_text("".join(text[:lines]) + text[lines][:20])


def counted(monkeypatch, name):
    """Return the list that calls of a function of `device_spread`'s module are noted in."""
    module, calls = sys.modules["crossbarsim.studies.device_spread"], []
    real = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *a: (calls.append(a), real(*a))[1])
    return calls


def test_a_spread_goes_on(tmp_path, monkeypatch):
    straight = device_spread(**SPREAD)
    kept = device_spread(**SPREAD, out=tmp_path)
    for name in TRACES:
        same(getattr(straight, name), getattr(kept, name))
    record = tmp_path / "device_spread.jsonl"
    assert [json.loads(line)["key"] for line in record.read_text().splitlines()[1:]] == [[n] for n in TRACES]
    cut(record, 3)  # loop and sweep are whole
    waves, rests = counted(monkeypatch, "_wave"), counted(monkeypatch, "_rests")
    again = device_spread(**SPREAD, out=tmp_path)
    assert (len(waves), len(rests)) == (0, 2)
    for name in TRACES:
        same(getattr(straight, name), getattr(again, name))
    assert again.table.equals(straight.table)
    (tmp_path / "arrays" / json.loads(record.read_text().splitlines()[1])["values"]["current"]["array"][
        "file"]).write_bytes(b"cut short")
    same(device_spread(**SPREAD, out=tmp_path).loop, straight.loop)
    assert len(waves) == 1
    with pytest.raises(ParameterError, match=r"other settings \(.*seed"):
        device_spread(**{**SPREAD, "seed": 3}, out=tmp_path)


def test_workers_give_the_same_bits():
    straight = device_spread(**SPREAD)
    with ThreadPoolExecutor(2) as pool:
        found = device_spread(**SPREAD, executor=pool)
        for name in TRACES:
            same(getattr(straight, name), getattr(found, name))
        with pytest.raises(CrossbarSimError, match="sweep: ValueError: not this"), Parts(
                None, "x.jsonl", {}, executor=pool) as parts:
            parts.measure({"sweep": refuse})
    with pytest.raises(ParameterError, match="not both"):
        device_spread(**SPREAD, executor=pool, workers=2)


def refuse():
    raise ValueError("not this")


def test_a_gradual_reset_goes_on(tmp_path):
    straight = gradual_reset(states=3, points=40, count=5)
    gradual_reset(states=3, points=40, count=5, out=tmp_path)
    cut(tmp_path / "gradual_reset.jsonl", 3)
    again = gradual_reset(states=3, points=40, count=5, out=tmp_path)
    same(straight.loop, again.loop)
    same(straight.sweeps, again.sweeps)
    assert straight.table.equals(again.table)
    assert np.array_equal(straight.r_on, again.r_on)
    # the draws cost nothing and are not recorded: other ones are no other study
    assert len(gradual_reset(states=3, points=40, count=7, out=tmp_path).r_on) == 7
    with pytest.raises(ParameterError, match=r"other settings \(.*steps"):
        gradual_reset(states=4, points=40, count=5, out=tmp_path)


def test_nothing_is_left_of_what_never_began(tmp_path):
    for wrong in ({"states": 1}, {"frequency": 0.0}):
        with pytest.raises(ParameterError):
            device_spread(**{**SPREAD, **wrong}, out=tmp_path / "out")
        assert not (tmp_path / "out").exists()
