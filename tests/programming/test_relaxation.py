"""Pulses by waveform relaxation, against transients of the whole array."""

import numpy as np
import pytest

from crossbarsim import EKV, Crossbar, OneTransistorOneResistor, ParameterError, Wires
from crossbarsim.devices import VTEAM, StanfordPKU
from crossbarsim.programming import (
    FloatingLines,
    HalfVoltage,
    PulseTrain,
    ThirdVoltage,
    drive_lines,
    program,
    set_sign,
)
from crossbarsim.programming.relaxation import relax_pulse

THRESHOLD = VTEAM.preset("magic", v_off=1.0)
LEAKY = VTEAM.preset("magic", v_on=-0.6, v_off=0.7)  # half-selected cells move


def array(device, shape=(5, 7), ohm=2.0):
    rng = np.random.default_rng(3)
    low, high = (float(g) for g in device.conductance_range())
    return Crossbar(
        cells=device.array(np.exp(rng.uniform(np.log(2 * low), np.log(high / 20), shape))),
        wires=Wires(ohm, ohm),
    )


@pytest.mark.parametrize(("device", "volts", "width"), [
    (THRESHOLD, 1.7, 10e-9), (LEAKY, 1.3, 10e-9), (StanfordPKU(), 1.2, 100e-9),
])
@pytest.mark.parametrize("scheme", [HalfVoltage(), pytest.param(ThirdVoltage(), marks=pytest.mark.slow)])
@pytest.mark.parametrize("direction", [1, pytest.param(-1, marks=pytest.mark.slow)])
def test_equals_transient(device, volts, width, scheme, direction):
    xbar, columns = array(device), np.array([1, 0, 1, 1, 0, 0, 1], dtype=bool)
    lines = scheme.lines(xbar, 2, columns, set_sign(device) * direction * volts, "set")
    exact = drive_lines(xbar, lines, PulseTrain(width), rtol=1e-5)
    found = relax_pulse(xbar, lines, 2, PulseTrain(width), rtol=1e-4)
    before, after = xbar.conductance, exact.crossbar.conductance
    moved = np.abs(np.log(after / before))
    error = np.abs(np.log(found.crossbar.conductance / after))
    assert moved.max() > 0.02
    assert error.max() < 2e-3 + 0.01 * moved.max()  # cells that run away grow by what they miss
    assert found.energy == pytest.approx(exact.energy, rel=1e-3)
    assert found.change <= 1e-4
    assert found.time[-1] == pytest.approx(exact.time[-1])


def test_cells_that_run_away_on_a_ramp():
    xbar = array(THRESHOLD, (24, 20), 10.0)
    lines = HalfVoltage().lines(xbar, 2, np.arange(20) % 3 > 0, set_sign(THRESHOLD) * 2.4, "set")
    exact = drive_lines(xbar, lines, PulseTrain(10e-9), rtol=1e-5)
    found = relax_pulse(xbar, lines, 2, PulseTrain(10e-9), rtol=1e-3)
    after = exact.crossbar.conductance
    assert np.log(after / xbar.conductance).max() > 4
    assert np.abs(np.log(found.crossbar.conductance / after)).max() < 0.01
    assert found.energy == pytest.approx(exact.energy, rel=1e-3)


def test_half_selected_cells_move():
    xbar = array(LEAKY)
    lines = HalfVoltage().lines(xbar, 2, np.arange(7) < 3, -set_sign(LEAKY) * 1.9, "reset")
    exact = drive_lines(xbar, lines, PulseTrain(50e-9), rtol=1e-5).crossbar.conductance
    found = relax_pulse(xbar, lines, 2, PulseTrain(50e-9), rtol=1e-4).crossbar.conductance
    others = np.arange(5) != 2
    change = np.abs(exact / xbar.conductance - 1)[others][:, :3]
    assert change.min() > 1e-3
    assert np.abs(found / exact - 1)[others].max() < 2e-3


@pytest.mark.slow
def test_floating_lines():
    xbar = array(THRESHOLD)
    lines = FloatingLines().lines(xbar, 2, np.arange(7) < 3, set_sign(THRESHOLD) * 1.65, "set")
    exact = drive_lines(xbar, lines, PulseTrain(10e-9), rtol=1e-6).crossbar.conductance
    errors = [
        np.abs(np.log(relax_pulse(xbar, lines, 2, PulseTrain(10e-9), rtol=rtol).crossbar.conductance / exact)).max()
        for rtol in (1e-3, 1e-4, 1e-5)
    ]
    assert errors[0] > errors[1] > errors[2]  # `rtol` is obeyed, by a cell that moves twelvefold
    assert errors[2] < 3e-3


@pytest.mark.slow
def test_programs_to_the_same_tolerance():
    xbar = array(THRESHOLD, (3, 4))
    goal = np.geomspace(1e-5, 5e-5, 12).reshape(3, 4)
    pulses = {"v_start": 1.55, "v_step": 0.05, "v_max": 2.2, "width": 10e-9}
    result = program(xbar, goal, pulses="relaxation", **pulses)
    assert result.success
    assert np.abs(result.relative_error).max() < 0.05


def test_refuses_what_only_transients_know():
    cells = OneTransistorOneResistor(
        THRESHOLD.array(np.full((2, 2), 1e-5)), EKV(), gate_voltage=1.8
    )
    with pytest.raises(ParameterError, match="access elements"):
        program(Crossbar(cells=cells, wires=Wires(1.0, 1.0)), np.full((2, 2), 2e-5),
                pulses="relaxation")
    with pytest.raises(ParameterError, match="capacitors"):
        program(Crossbar(cells=THRESHOLD.array(np.full((2, 2), 1e-5)),
                         wires=Wires(1.0, 1.0, word_capacitance=1e-15)),
                np.full((2, 2), 2e-5), pulses="relaxation")
