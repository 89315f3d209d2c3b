"""Saved arrays and solutions that are damaged: our own error, with the file's name, every time."""

import io
import json

import numpy as np
import pytest

from crossbarsim import (
    EKV,
    Crossbar,
    NetlistError,
    OneTransistorOneResistor,
    Solution,
    Solver,
    Wires,
)
from crossbarsim.devices import VTEAM
from crossbarsim.devices.cells.array_io import _LATER

STATES = VTEAM.preset("magic").array(conductance=np.full((3, 4), 5e-4))
ARRAYS = {
    "resistors": Crossbar(np.full((3, 4), 1e-5), Wires(1.0, 1.0, driver=5.0)),
    "1T1R": Crossbar(cells=OneTransistorOneResistor(STATES, EKV.preset("ptm_130nm"), gate_voltage=2.0),
                     wires=Wires(1.0, 1.0)),
}
INPUTS = {"one": np.full(3, 0.1), "batch": np.full((2, 3), 0.1)}
QUICK = [("resistors", None), ("resistors", "one"), ("resistors", "batch"), ("1T1R", "one")]
every = pytest.mark.parametrize(("kind", "inputs"), [
    *QUICK, *(pytest.param("1T1R", i, marks=pytest.mark.slow) for i in (None, "batch")),
])


def saved(tmp_path, kind, inputs):
    xbar = ARRAYS[kind]
    thing = xbar if inputs is None else Solver().solve(xbar, INPUTS[inputs])
    thing.save(tmp_path / "good.npz")
    return type(thing), (tmp_path / "good.npz").read_bytes()


def load(cls, path, content):
    """Return whether the content loads; what it raises must be ours."""
    path.write_bytes(content)
    try:
        cls.load(path)
    except NetlistError as error:
        if not str(error).startswith(f"{path}: "):
            pytest.fail(str(error))
        return False
    return True


@every
def test_bytes_changed_cut_and_overwritten(tmp_path, kind, inputs):
    cls, good = saved(tmp_path, kind, inputs)
    rng, path = np.random.default_rng(5), tmp_path / "bad.npz"
    for _ in range(60):
        bad = bytearray(good)
        for place in rng.integers(len(bad), size=rng.integers(1, 6)):
            bad[place] = rng.integers(256)
        load(cls, path, bytes(bad))
        assert not load(cls, path, good[:rng.integers(len(good))])
        start = rng.integers(len(good))
        load(cls, path, good[:start] + rng.bytes(40) + good[start + 40:])
    assert not load(cls, path, b"")
    assert load(cls, path, good)


def rewritten(content, change):
    with np.load(io.BytesIO(content)) as data:
        arrays = dict(data)
    change(arrays)
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


@every
def test_members_that_are_missing_or_something_else(tmp_path, kind, inputs):
    cls, good = saved(tmp_path, kind, inputs)
    path = tmp_path / "bad.npz"
    with np.load(io.BytesIO(good)) as data:
        names = [n for n in data.files if n != "solution_gate"]
    later = {f"transistor_{n}" for these in _LATER.values() for n in these}  # not in old files
    wrong = [np.zeros((7, 9, 2)), np.zeros((2, 0)), np.array("{}"), np.array("[]"), np.array(b"x"),
             np.zeros(3, dtype=[("a", int)]), np.array("x" * 40)]
    for name in names:
        if name not in ("cell_temperature", "solution_cell_currents", *later):
            missing = rewritten(good, lambda a, name=name: a.pop(name))
            assert not load(cls, path, missing) or name.endswith("voltages"), name
        for value in wrong:
            assert not load(cls, path, rewritten(good, lambda a, n=name, v=value: a.update({n: v}))), name


def test_headers_with_something_else_in_them(tmp_path):
    path = tmp_path / "bad.npz"
    for kind in ARRAYS:
        cls, good = saved(tmp_path, kind, "one")
        for member in ("crossbar", "solution", *(["cells"] if kind != "resistors" else [])):
            with np.load(io.BytesIO(good)) as data:
                header = json.loads(str(data[member]))
            for key in header:
                for value in (None, "x", [], {}, [[1]], -1):
                    changed = {**header, key: value}
                    load(cls, path, rewritten(
                        good, lambda a, m=member, c=changed: a.update({m: np.array(json.dumps(c))})))
            load(cls, path, rewritten(good, lambda a, m=member: a.update({m: np.array("null")})))


def test_files_that_are_not_there_are_named(tmp_path):
    for cls in (Crossbar, Solution):
        with pytest.raises(FileNotFoundError, match="none"):
            cls.load(tmp_path / "none.npz")
        with pytest.raises(OSError, match="test_files"):
            cls.load(tmp_path)
