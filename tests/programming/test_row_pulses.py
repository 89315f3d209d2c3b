"""Pulses of a row in the network of the others, against transients of the whole array."""

import numpy as np
import pytest

from crossbarsim import Crossbar, ParameterError, Wires
from crossbarsim.devices import VTEAM, LinearIonDrift, StanfordPKU
from crossbarsim.devices.protocol import OhmicZone
from crossbarsim.programming import (
    FloatingLines,
    HalfVoltage,
    PulseTrain,
    ThirdVoltage,
    drive_lines,
    program,
    set_sign,
)
from crossbarsim.programming.runs import checkpoint
from crossbarsim.programming.runs.row_pulses import RowPulses
from crossbarsim.programming.runs.run import Run

DEVICE = VTEAM.preset("magic", v_off=1.0)
COLUMNS = np.array([1, 0, 1, 1, 0, 0, 1], dtype=bool)
PULSES = {"v_start": 1.55, "v_step": 0.1, "v_max": 2.3, "width": 10e-9}


def array(device=DEVICE, shape=(5, 7), ohm=2.0):
    low, high = (float(np.max(g)) for g in device.conductance_range())
    values = np.random.default_rng(3).uniform(np.log(2 * low), np.log(high / 20), shape)
    return Crossbar(cells=device.array(np.exp(values)), wires=Wires(ohm, ohm))


def pulsed(xbar, lines, rtol, row=2, width=10e-9):
    found = RowPulses.of(xbar).pulse(xbar.cells.state, lines, row, PulseTrain(width), rtol)
    if found is None:
        return None
    state = xbar.cells.state.copy()
    state[:, row] = found[0]
    return xbar.cells.with_state(state).conductance, found[1]


@pytest.mark.parametrize(("device", "volts", "direction", "ohm"), [
    (DEVICE, 1.7, 1, 10.0), (DEVICE, 1.7, -1, 10.0),
    pytest.param(DEVICE, 2.4, 1, 40.0, marks=pytest.mark.slow),
    pytest.param(VTEAM.preset("magic", v_off=1.0, polarity=-1), 1.7, 1, 10.0, marks=pytest.mark.slow),
    pytest.param(DEVICE.replace(r_off=np.linspace(2e5, 4e5, 35).reshape(5, 7), v_off=np.linspace(0.95, 1.1, 35).reshape(5, 7)),
                 1.75, -1, 10.0, marks=pytest.mark.slow),
])
@pytest.mark.parametrize("scheme", [HalfVoltage(), pytest.param(ThirdVoltage(), marks=pytest.mark.slow)])
def test_equals_transient(device, volts, direction, ohm, scheme):
    xbar = array(device, ohm=ohm)
    lines = scheme.lines(xbar, 2, COLUMNS, set_sign(device) * direction * volts, "set")
    exact = drive_lines(xbar, lines, PulseTrain(10e-9), rtol=1e-6)
    goal = exact.crossbar.conductance
    moved = np.abs(np.log(goal / xbar.conductance)).max()
    assert moved > 0.02
    errors, energies = [], []
    for rtol in (1e-3, 1e-4, 1e-6):
        conductance, energy = pulsed(xbar, lines, rtol)
        errors.append(np.abs(np.log(conductance / goal)).max())
        energies.append(energy / exact.energy - 1.0)
    assert errors[0] < 2e-3 + 5e-3 * moved
    assert errors[1] < 5e-4 + 1e-3 * moved
    assert errors[2] < 2e-4 + 3e-4 * moved  # the reference itself has about as much
    assert abs(energies[0]) < 1e-3
    assert abs(energies[2]) < 2e-4  # on ramps as well


def test_other_cells_stay_what_they_are():
    xbar = array()
    lines = HalfVoltage().lines(xbar, 2, COLUMNS, -1.9, "set")
    conductance, _ = pulsed(xbar, lines, 1e-3)
    rest = np.ones(xbar.shape, dtype=bool)
    rest[2, COLUMNS] = False
    assert np.array_equal(conductance[rest], xbar.conductance[rest])
    assert (np.abs(np.log(conductance / xbar.conductance))[2, COLUMNS] > 0.1).all()


@pytest.mark.slow
def test_leaves_to_others_what_may_move_others():
    xbar = array()
    for lines in (
        HalfVoltage().lines(xbar, 2, COLUMNS, 2.6, "reset"),  # half of it is beyond v_off
        FloatingLines().lines(xbar, 2, COLUMNS, 1.5, "reset"),
    ):
        assert pulsed(xbar, lines, 1e-3) is None
    # above thresholds of half-selected cells the run takes the whole array, and they move
    goal = np.array(xbar.conductance)
    goal[2, 0] *= 0.4
    result = program(xbar, goal, pulses="relaxation", passes=1, v_start=2.5, v_step=0.1, v_max=3.0, width=10e-9)
    assert result.disturbed


@pytest.mark.parametrize("xbar", [
    array(StanfordPKU()), array(LinearIonDrift()), array(ohm=0.0),
    Crossbar(cells=DEVICE.array(np.full((2, 2), 1e-5)), wires=Wires(1.0, 1.0, word_capacitance=1e-15)),
])
def test_arrays_without(xbar):
    assert RowPulses.of(xbar) is None


def test_models_that_say_so_mean_it():
    for device in (DEVICE, DEVICE.replace(polarity=-1), VTEAM()):
        assert isinstance(device, OhmicZone)
        low, high = device.ohmic_zone()
        x = np.linspace(*(b[0] for b in device.bounds()), 7)[None]
        for v in np.linspace(float(low), float(high), 9):
            assert not device.rate(v, x).any()
        assert device.rate(1.001 * float(low), x).any()
        assert device.rate(1.001 * float(high), x).any()
        for v in (-2.0, -0.1, 0.3, 2.0):
            assert device.current(v, x) / v == pytest.approx(device.current(1.0, x), rel=1e-14)

    class Other(VTEAM):
        @staticmethod
        def current_law(v, x, p):
            return v**3 / (p.r_off + x.x)

    assert Other().ohmic_zone() is None


def test_reads_are_those_of_the_whole_array():
    xbar = array()
    rows = RowPulses.of(xbar)
    from crossbarsim.programming.writing import read_rows

    currents, power = read_rows(xbar, [3], 0.2, HalfVoltage())
    own, watt = rows.read(3, 0.2)
    assert own == pytest.approx(currents[0], rel=1e-9)
    assert watt == pytest.approx(power, rel=1e-9)


def test_a_run_is_that_of_the_whole_array(monkeypatch):
    xbar = array(shape=(3, 4))
    goal = np.geomspace(1e-5, 5e-5, 12).reshape(3, 4)
    own = program(xbar, goal, pulses="relaxation", **PULSES)
    monkeypatch.setattr(RowPulses, "of", classmethod(lambda *_: None))
    whole = program(xbar, goal, pulses="relaxation", **PULSES)
    assert own.success
    assert whole.success
    assert np.array_equal(own.pulses, whole.pulses)
    assert own.writes == whole.writes
    assert own.conductance == pytest.approx(whole.conductance, rel=3e-3)
    assert own.energy == pytest.approx(whole.energy, rel=5e-3)
    assert own.read_energy == pytest.approx(whole.read_energy, rel=3e-3)
    assert not own.disturbed


def test_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    xbar = array(shape=(3, 4))
    goal = np.geomspace(1e-5, 5e-5, 12).reshape(3, 4)
    straight = program(xbar, goal, pulses="relaxation", **PULSES)
    monkeypatch.setattr(checkpoint, "_PAUSE", 0.0)
    monkeypatch.setattr(checkpoint, "_SHARE", 1e9)
    write = Run._write
    for after in (1, 9, 10):  # killed again and again, within rows and between them
        left = [after]

        def killed(self, *arguments, left=left):
            if not left[0]:
                raise ParameterError("killed")
            left[0] -= 1
            return write(self, *arguments)

        monkeypatch.setattr(Run, "_write", killed)
        with pytest.raises(ParameterError, match="killed"):
            program(xbar, goal, pulses="relaxation", **PULSES, checkpoint=tmp_path / "run.npz")
    monkeypatch.setattr(Run, "_write", write)
    again = program(xbar, goal, pulses="relaxation", **PULSES, checkpoint=tmp_path / "run.npz")
    assert again.writes == straight.writes
    assert again.energy == straight.energy
    assert np.array_equal(again.conductance, straight.conductance)
    assert np.array_equal(again.measured, straight.measured)
