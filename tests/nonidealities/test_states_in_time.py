"""Devices of a few conductances, integrated in time: where they rest, and what a pulse leaves."""

import numpy as np
import pytest

from crossbarsim import ParameterError
from crossbarsim.core.draws import Place
from crossbarsim.devices import VTEAM, MiecSelector, StanfordPKU
from crossbarsim.nonidealities import ConductanceStates, Normal, Variability, simulate_states, vary

T = np.linspace(0.0, 60e-9, 121)
PULSES = np.abs(np.sin(np.pi * T / 10e-9))  # six of 10 ns


def rests(trace):
    return trace.conductance[..., ::20]


def test_rests_in_its_conductances_only():
    trace = simulate_states(VTEAM(), T, 1.5 * PULSES, 10, conductance=20e-3)
    levels = np.linspace(1e-3, 20e-3, 10)
    found = rests(trace)
    assert np.abs(found[:, None] - levels).min(axis=1).max() < 1e-9
    assert (np.diff(found) <= 0).all()
    assert len(np.unique(found.round(9))) >= 4
    # between its rests it is anywhere
    assert np.abs(trace.conductance[5, None] - levels).min() > 1e-5


def test_a_pulse_is_the_models_own_from_where_the_last_ended():
    trace = simulate_states(VTEAM(), T, 1.5 * PULSES, 10, conductance=20e-3)
    for k in range(6):
        alone = VTEAM().simulate(T[:21], 1.5 * PULSES[:21], conductance=trace.conductance[20 * k])
        inside = slice(20 * k + 1, 20 * k + 20)
        np.testing.assert_allclose(trace.current[inside], alone.current[1:20], rtol=1e-5)
        levels = np.linspace(1e-3, 20e-3, 10)
        right = levels[np.abs(levels - alone.conductance[-1]).argmin()]
        assert trace.conductance[20 * (k + 1)] == pytest.approx(right, rel=1e-9)


def test_small_pulses_leave_no_trace():
    """What rounding afterwards gets wrong: a hundred small steps are none."""
    t = np.linspace(0.0, 1e-6, 2001)
    v = 0.2 * np.abs(np.sin(np.pi * t / 10e-9))
    free = VTEAM().simulate(t, v, conductance=10e-3)
    assert free.conductance[-1] < 3e-3
    levels = ConductanceStates.table([1e-3, 5e-3, 10e-3, 20e-3])
    held = simulate_states(VTEAM(), t, v, levels, conductance=10e-3)
    np.testing.assert_allclose(held.conductance[::20], 10e-3, rtol=1e-9)


def test_devices_of_their_own_ranges():
    many = vary(VTEAM(), (1, 6), (Variability("r_on", Normal(0.2)),), Place(1))
    trace = simulate_states(many, T, 1.5 * PULSES, 5, conductance=8e-3)
    for k in range(6):
        alone = simulate_states(
            VTEAM(r_on=float(many.r_on[0, k])), T, 1.5 * PULSES, 5, conductance=8e-3,
        )
        np.testing.assert_allclose(rests(trace)[k], rests(alone), rtol=1e-7)
    assert len(np.unique(rests(trace)[:, 0].round(8))) > 1


def test_sign_changes_and_last_points():
    t = np.linspace(0.0, 40e-9, 81)
    v = 1.2 * np.where((t // 10e-9) % 2, -1.0, 1.0)  # never 0
    trace = simulate_states(VTEAM(), t, v, 4, state=[1.5e-9])
    levels = np.linspace(1e-3, 20e-3, 4)
    for k in (20, 40, 60):
        assert np.abs(trace.conductance[k] - levels).min() < 1e-9, k
    # the run ends within a pulse: its last state is the model's own
    assert trace.time.shape == trace.current.shape == (81,)
    ended = simulate_states(VTEAM(), T[:30], 1.5 * PULSES[:30], 4, conductance=20e-3)
    assert np.abs(ended.conductance[-1] - levels).min() > 1e-5


def test_other_models():
    model = StanfordPKU()
    low, high = model.conductance_range()
    t = np.linspace(0, 1e-6, 201)
    trace = simulate_states(model, t, 1.5 * np.sin(2 * np.pi * 1e6 * t), 6)
    levels = np.linspace(low, high, 6)
    assert np.abs(trace.conductance[100] - levels).min() < 1e-6 * high
    assert np.isfinite(trace.current).all()


def test_errors():
    with pytest.raises(ParameterError, match="has no state"):
        simulate_states(MiecSelector(), T, PULSES, 4)
    with pytest.raises(ParameterError, match="one waveform for all"):
        simulate_states(VTEAM(), T, np.stack([PULSES] * 2), 4)
    with pytest.raises(ParameterError, match="not both"):
        simulate_states(VTEAM(), T, PULSES, 4, conductance=1e-3, state=[1e-9])
    with pytest.raises(ParameterError, match="`state` must have shape"):
        simulate_states(VTEAM(), T, PULSES, 4, state=[1e-9, 2e-9])
    with pytest.raises(ParameterError, match="`count` must be"):
        simulate_states(VTEAM(), T, PULSES, 1)
