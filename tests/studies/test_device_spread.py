"""Many devices at once: the same as one by one, their states and switching."""


import numpy as np
import pytest

from crossbarsim import ParameterError
from crossbarsim.devices import VTEAM, StanfordPKU
from crossbarsim.studies import device_spread
from crossbarsim.studies.device_spread import PAPER, switching_voltages
from crossbarsim.studies.plots import (
    plot_device_spread,
    plot_switching,
    save_device_spread,
)


@pytest.fixture(scope="module")
def found():
    return device_spread(count=12, points=200, seed=3)


def test_devices_one_by_one(found):
    """Each row is what a device of its own parameters does alone."""
    for k in (0, 7):
        alone = VTEAM.preset(
            "team_6353604", r_on=found.device.r_on[0, k], r_off=found.device.r_off[0, k],
        )
        loop = alone.hysteresis(1.0, 1e7, cycles=2, points=200)
        assert np.allclose(found.loop.current[k], loop.current, rtol=1e-4, atol=1e-9)
        assert found.table.r_on[k] == pytest.approx(alone.r_on)
        assert found.table.r_off[k] == pytest.approx(alone.r_off)


def test_parameters_are_normal():
    many = device_spread(count=2000, points=8, cycles=1, sigma=0.1, states=None).table
    for name, mean in (("r_on", 50.0), ("r_off", 1000.0)):
        assert many[name].mean() == pytest.approx(mean, rel=0.01)
        assert many[name].std() == pytest.approx(0.1 * mean, rel=0.05)
    assert abs(np.corrcoef(many.r_on, many.r_off)[0, 1]) < 0.1


def test_same_seed_same_devices(found):
    again = device_spread(count=12, points=8, seed=3)
    other = device_spread(count=12, points=8, seed=4)
    assert np.array_equal(found.device.r_on, again.device.r_on)
    assert not np.array_equal(found.device.r_on, other.device.r_on)


def test_finite_states_of_each_device(found):
    levels = found.state_resistances()
    assert levels.shape == (5, 12)
    for trace in (found.loop_states, found.sweep_states):
        G = trace.conductance[:, 100:-1:100]  # where the voltage is 0, between half periods
        for k in range(12):
            own = np.linspace(1 / found.table.r_off[k], 1 / found.table.r_on[k], 5)
            assert np.allclose(1 / levels[:, k], own)
            assert np.abs(G[k][:, None] - own).min(axis=1).max() < 1e-9 * own[-1]
    free = found.sweep.conductance
    assert np.abs(found.sweep_states.conductance - free).max() > 1e-4


def test_settings_of_the_paper():
    many = device_spread(count=2000, points=8, cycles=1, **{**PAPER, "states": None}).table
    assert many.r_on.std() == pytest.approx(25, rel=0.1)  # cut off at 0 and drawn again
    assert many.r_off.mean() == pytest.approx(1000, rel=0.01)
    assert many.r_off.std() == pytest.approx(50, rel=0.05)
    found = device_spread(count=8, points=200, **PAPER)
    assert found.states == 10
    assert found.loop.time[200] == pytest.approx(20e-9)
    levels = found.state_resistances()
    G = found.sweep_states.conductance[:, 100]
    assert np.abs(G - 1 / levels).min(axis=0).max() < 1e-9


def test_switching(found):
    table = found.table
    assert (table.v_set < -0.2).all()
    assert (table.v_reset > 0.02).all()
    # VTEAM moves by voltage alone: all set together, and reset by their own range
    assert table.v_set.nunique() == 1
    assert table.v_reset.nunique() > 3
    up = found.sweep.conductance[0] > 0.5 * (1 / table.r_on[0] + 1 / table.r_off[0])
    k = int(np.argmax(up))
    assert not up[0]
    assert found.sweep.voltage[0, k] == table.v_set[0]
    never = VTEAM.preset("team_6353604").hysteresis(0.01, 1e6, points=50, state=[3e-9])
    pair = never.device.simulate(never.time, np.stack([never.voltage] * 2), state=[3e-9])
    assert np.isnan(switching_voltages(pair)).all()


def test_any_conductance(found):
    free = device_spread(count=12, points=200, seed=3, states=None)
    assert np.array_equal(free.loop_states.current, found.loop.current)
    assert free.state_resistances() is None
    assert len(plot_device_spread(free).axes) == 3


def test_other_models():
    found = device_spread(
        StanfordPKU(), count=4, parameters=("I_0",) if hasattr(StanfordPKU(), "I_0") else ("i_0",),
        sigma=0.05, points=100, frequency=1e6, states=4, cycles=1,
    )
    assert np.isfinite(found.sweep_states.current).all()
    assert found.table.r_on.nunique() == 4


def test_files_and_pictures(found, tmp_path):
    table, summary = found.save(tmp_path)
    assert len(table.read_text().splitlines()) == 13
    assert "v_reset" in summary.read_text()
    volts, current = found.sweep.voltage[0, -201:], found.sweep_states.current[:, -201:]
    ax = plot_switching(volts, current, log=True)
    assert len(ax.lines) == 13
    drawn = ax.lines[0].get_ydata()
    good = np.isfinite(drawn)
    assert np.allclose(drawn[good], 1e3 * np.abs(current[0])[good])
    assert ax.get_ylabel() == "|Current| (mA)"
    linear = plot_device_spread(found, log=False)
    assert linear.axes[1].get_yscale() == "linear"
    figure = plot_device_spread(found)
    assert figure.axes[1].get_yscale() == "log"
    assert len(figure.axes) == 6
    assert "12 VTEAM devices" in figure.get_suptitle()
    assert "1.5 V triangle, 10 MHz" in figure.get_suptitle()
    assert save_device_spread(found, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_errors():
    with pytest.raises(ParameterError, match="`count`"):
        device_spread(count=1)
    with pytest.raises(ParameterError, match="no parameter 'r_of' to vary"):
        device_spread(count=4, parameters=("r_of",))
    with pytest.raises(ParameterError, match="`count` must be"):
        device_spread(count=4, states=1, points=8)
    with pytest.raises(ParameterError, match="`sigma`: 3 values for 2 parameters"):
        device_spread(count=4, sigma=(0.1, 0.2, 0.3))
    with pytest.raises(ParameterError, match="`parameters` must be a sequence, each a string"):
        device_spread(count=4, parameters="r_on")
