"""Runs of program-and-verify that end at any pulse go on to the same result, bit by bit."""

import dataclasses
import functools
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from crossbarsim import (
    EKV,
    Crossbar,
    NetlistError,
    OneSelectorOneResistor,
    OneTransistorOneResistor,
    ParameterError,
    Solver,
    Wires,
)
from crossbarsim.core.environment import array_text, differences
from crossbarsim.core.locks import FolderLock
from crossbarsim.devices import VTEAM, ExponentialSelector, StanfordPKU, VerilogA
from crossbarsim.nonidealities import PulseWrite
from crossbarsim.programming import Gated, form, program
from crossbarsim.programming.runs import checkpoint
from tests.arguments.rows import Virgin
from tests.helpers.osdi import need_compiler

WIRES = Wires(word=2.0, bit=2.0)
MAGIC = VTEAM.preset("magic", v_off=1.0)
GOALS = np.array([[1e-5, 5e-5, 1.2e-4], [2e-4, 2e-5, 8e-5]])


MODULE = """`include "disciplines.vams"
module linear(p, n); inout p, n; electrical p, n, w; parameter real w_min = 0; parameter real w_max = 1;
parameter real k = 1e7;
analog begin
    I(p, n) <+ (1e-5 + 1e-4 * V(w)) * V(p, n);
    V(w) <+ idt(k * V(p, n) * V(w) * (1 - V(w)), 0.3);
end
endmodule
"""


class Killed(BaseException):
    """What no code of ours catches."""


@pytest.fixture
def every_pulse(monkeypatch):
    """Checkpoints after every pulse."""
    monkeypatch.setattr(checkpoint, "_PAUSE", 0.0)
    monkeypatch.setattr(checkpoint, "_SHARE", np.inf)


@contextmanager
def killed_after(transients):
    """Let the run end before one more transient than these."""
    real, calls = Solver.transient, []

    def mortal(self, *arguments, **options):
        if len(calls) == transients:
            raise Killed
        calls.append(0)
        return real(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Solver, "transient", mortal)
        yield calls


def magic():
    return Crossbar(cells=MAGIC.array(np.full((2, 3), 5e-6)), wires=WIRES)


def noisy():
    """Stochastic cells, abrupt ones, behind transistors."""
    device = StanfordPKU.preset("stochastic")
    low, high = (float(g) for g in device.conductance_range())
    array = device.array(np.full((2, 2), low**0.9 * high**0.1))
    cells = OneTransistorOneResistor(array, EKV.preset("ptm_130nm"), gate_voltage=2.0)
    goals = low * (high / low) ** np.array([[0.5, 0.8], [0.7, 0.6]])
    return Crossbar(cells=cells, wires=WIRES), goals


def selected():
    cells = OneSelectorOneResistor(MAGIC.array(np.full((2, 3), 5e-6)), ExponentialSelector())
    return Crossbar(cells=cells, wires=WIRES)


def runs():
    fresh, goals = noisy()
    given = {"v_start": (1.2, 1.2), "v_step": 0.1, "v_max": 2.5, "width": 1e-7}
    return {
        "bare": lambda **a: program(magic(), GOALS, **a),
        "given pulses, not all within tolerance": lambda **a: program(
            magic(), GOALS, width=1e-8, v_start=1.6, v_step=0.2, v_max=2.2, tolerance=0.01, passes=2, max_pulses=9,
            **a),
        "selectors, by the cells": lambda **a: program(selected(), GOALS, criterion="cell", passes=1, max_pulses=8, **a),
        "noise behind transistors": lambda **a: program(
            fresh, goals, scheme=Gated(gate_set=2.0, gate_reset=3.0, gate_read=2.0), seed=5, passes=2, max_pulses=12,
            tolerance=0.2, **given, **a),
        "forming": lambda **a: form(
            Crossbar(cells=Virgin().array(shape=(2, 2)), wires=WIRES), 1.5e-3, v_start=0.5, v_step=0.02, v_max=1.5,
            width=3e-12, **a),
    }


def contents(result):
    """Everything that a run found, as bytes where it is numbers."""
    found = {}
    for one in dataclasses.fields(result):
        value = getattr(result, one.name)
        if one.name == "crossbar":
            value = value.cells.state
        if one.name == "history":
            value = [(row, read.tobytes()) for row, read in value]
        found[one.name] = value.tobytes() if isinstance(value, np.ndarray) else value
    return found


@pytest.mark.usefixtures("every_pulse")
@pytest.mark.parametrize("name", runs())
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_is_left_alone(tmp_path, name):
    run = runs()[name]
    with killed_after(10**9) as transients:
        expected = contents(run())
    searched = len(transients) - expected["writes"]
    file, begun, step = tmp_path / "kept.npz", 0, max(3, expected["writes"] // 12)
    while True:
        try:
            # the trials of single cells come before the first pulse, and are not made again
            with killed_after(step if file.exists() else searched + step):
                found = run(checkpoint=file)
        except Killed:
            begun += 1
            assert file.exists()
            assert list(tmp_path.iterdir()) == [file]
            continue
        break
    assert begun >= 5
    assert expected["writes"] > 15
    assert contents(found) == expected
    with killed_after(0):  # a run that has ended is not done again
        assert contents(run(checkpoint=file)) == expected


@pytest.mark.usefixtures("every_pulse")
@pytest.mark.slow
def test_an_interrupt_within_a_pulse_is_not_kept(tmp_path, monkeypatch):
    expected = contents(program(magic(), GOALS, width=1e-8, checkpoint=tmp_path / "straight.npz"))
    real, calls = MAGIC.array(np.full((1, 1), 5e-6)).__class__.evaluate, []

    def impatient(self, *arguments, **options):
        calls.append(0)
        if len(calls) == 1200:
            raise KeyboardInterrupt
        return real(self, *arguments, **options)

    file = tmp_path / "kept.npz"
    with monkeypatch.context() as patch:
        patch.setattr(type(magic().cells), "evaluate", impatient)
        stopped = program(magic(), GOALS, width=1e-8, checkpoint=file)
    assert "interrupted in row" in stopped.message
    assert "s of" in stopped.message
    assert contents(program(magic(), GOALS, width=1e-8, checkpoint=file)) == expected


def test_checkpoints_cost_a_bounded_share_of_the_time(tmp_path, monkeypatch):
    now, written = [0.0], []
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])

    def slow(_, **__):
        written.append(now[0])
        now[0] += 0.1

    monkeypatch.setattr(checkpoint, "save_arrays", slow)
    kept = checkpoint.Checkpoint(tmp_path / "a.npz", {})
    with kept:
        while now[0] < 100.0:
            now[0] += 0.01
            kept.offer(dict)
    assert len(written) == pytest.approx(100.0 / 5.1, abs=1)  # 0.1 s each: once in 5 s
    assert written[0] == pytest.approx(1.0, abs=0.02)


CHANGES = {
    "passes: 3 there, 2 now": {"passes": 2},
    "tolerance: '2x3 of 0.05": {"tolerance": 0.06},
    "v_start.0: None there, 1.6 now; v_start.1: None there, 1.6 now": {"v_start": 1.6},
    "targets: '2x3 of 1e-05 to 0.0002": {"targets": GOALS[::-1]},
    "seed: '[0, (), 4]' there, '[1, (), 4]' now": {"seed": 1},
    "scheme: 'HalfVoltage' there, 'ThirdVoltage' now": {"scheme": "v/3"},
    "solver.rtol: 1e-10 there, 1e-09 now": {"solver": Solver(rtol=1e-9)},
    "wires_word: 2.0 there, 3.0 now": {"xbar": Crossbar(cells=magic().cells, wires=Wires(word=3.0, bit=2.0))},
    "cell_state: ": {"xbar": Crossbar(cells=MAGIC.array(np.full((2, 3), 6e-6)), wires=WIRES)},
    "device_r_off: ": {"xbar": Crossbar(cells=MAGIC.replace(r_off=2e5).array(np.full((2, 3), 6e-6)), wires=WIRES)},
    "operation: 'program' there, 'form' now": None,
}


@pytest.mark.usefixtures("every_pulse")
@pytest.mark.parametrize("difference", CHANGES)
def test_other_settings_are_refused_by_name(tmp_path, difference):
    file = tmp_path / "kept.npz"
    given = {"xbar": magic(), "targets": GOALS, "width": 1e-8, "checkpoint": file}
    with killed_after(40), pytest.raises(Killed):
        program(**given)
    before, change = file.read_bytes(), CHANGES[difference]
    if change is None:
        fresh = Crossbar(cells=Virgin().array(shape=(2, 2)), wires=WIRES)
        run = functools.partial(form, fresh, 1e-2, v_start=0.5, v_step=0.1, v_max=1.0, width=1e-9, checkpoint=file)
    else:
        run = functools.partial(program, **{**given, **change})
    with killed_after(0), pytest.raises(ParameterError, match="other settings") as caught:
        run()
    assert difference in str(caught.value)
    assert "delete it to begin again" in str(caught.value)
    assert file.read_bytes() == before


def read(file):
    with np.load(file) as data:
        return {n: data[n].tobytes() for n in data.files}


@pytest.mark.usefixtures("every_pulse")
@pytest.mark.slow
def test_files_of_another_version_damaged_ones_and_others(tmp_path, monkeypatch):
    file = tmp_path / "kept.npz"
    with killed_after(40), pytest.raises(Killed):
        program(magic(), GOALS, width=1e-8, checkpoint=file)
    good, whole = file.read_bytes(), read(file)
    rng = np.random.default_rng(3)
    for _ in range(30):
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= 1 << int(rng.integers(8))
        for content in (bytes(bad), good[:rng.integers(len(good))]):
            file.write_bytes(content)
            # a changed time stamp or the like changes nothing; whatever else does is said
            with killed_after(0), pytest.raises((Killed, NetlistError)) as caught:
                program(magic(), GOALS, width=1e-8, checkpoint=file)
            if caught.type is Killed:
                assert read(file) == whole
            else:
                assert str(caught.value).startswith(f"{file}: ")
                assert str(caught.value).endswith("(--restart on the command line), or choose another file")
            assert file.read_bytes() == content
    file.write_bytes(good)
    with np.load(file) as data:
        arrays = dict(data)
    for name in arrays:
        for change in ({}, {name: np.zeros(99)}, {name: np.array("nonsense")}):
            np.savez(file, **{n: a for n, a in arrays.items() if n != name}, **change)
            with killed_after(0), pytest.raises(NetlistError, match="delete it to begin again"):
                program(magic(), GOALS, width=1e-8, checkpoint=file)
    file.write_bytes(good)
    monkeypatch.setattr(checkpoint, "package_version", lambda _: "0.0.1")
    with pytest.raises(ParameterError, match=r"is the checkpoint of crossbarsim '.*'; this is 0\.0\.1|format 1"):
        program(magic(), GOALS, width=1e-8, checkpoint=file)
    with pytest.raises(ParameterError, match=r"`checkpoint` must be a \.npz file; got 'results\.csv'"):
        program(magic(), GOALS, checkpoint="results.csv")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(IsADirectoryError):
        program(magic(), GOALS, checkpoint=tmp_path / "folder.npz")


def test_two_runs_do_not_share_a_checkpoint(tmp_path):
    failures = []

    def second():
        try:
            program(magic(), GOALS, checkpoint=tmp_path / "kept.npz")
        except ParameterError as error:
            failures.append(str(error))

    with FolderLock(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        assert "is writing into this folder" in failures[0]
    with pytest.raises(ParameterError, match="a `checkpoint` is of one array"):
        PulseWrite(MAGIC, options={"checkpoint": str(tmp_path / "kept.npz")})


@pytest.mark.usefixtures("every_pulse")
def test_modules_of_files_are_known_by_their_contents(tmp_path):
    need_compiler()
    file, source = tmp_path / "kept.npz", tmp_path / "linear.va"
    source.write_text(MODULE)

    def run():
        device = VerilogA(source)
        low, high = (float(g) for g in device.conductance_range())
        xbar = Crossbar(cells=device.array(np.full((1, 2), low**0.9 * high**0.1)), wires=WIRES)
        goals = [[low**0.5 * high**0.5, low**0.3 * high**0.7]]
        return program(xbar, goals, width=1e-8, v_start=0.5, v_step=0.1, v_max=2.4, max_pulses=6, passes=1,
                       checkpoint=file)

    with killed_after(3), pytest.raises(Killed):
        run()
    source.write_text(MODULE + "// another file\n")
    with killed_after(0), pytest.raises(ParameterError, match=r"device_file: 'sha256 .*' there, 'sha256"):
        run()
    source.write_text(MODULE)
    resumed = contents(run())
    file.unlink()
    assert contents(run()) == resumed


def test_differences_of_contexts():
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 2}) == ""
    assert differences({"a": 1}, {"b": 2}) == "a: 1 there, None now; b: None there, 2 now"
    same = array_text(np.ones((2, 2)))
    assert same != array_text(np.ones(4))
    assert same != array_text(np.ones((2, 2), dtype=np.float32))
    assert array_text(np.array([0.1])) != array_text(np.array([np.nextafter(0.1, 1)]))
