"""A RESET in steps: by hand for VTEAM, for other models, and the distributions' overlap."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from crossbarsim import ConvergenceError, ParameterError
from crossbarsim.devices import VTEAM, MiecSelector, PhaseChange, StanfordPKU, Yakopcic
from crossbarsim.studies import gradual_reset
from crossbarsim.studies.plots import plot_gradual_reset, save_gradual_reset


@pytest.fixture(scope="module")
def found():
    return gradual_reset()


def test_sweeps_of_vteam_by_hand(found):
    """alpha_off = 1: a triangle of A volt moves x by k_off T (A - v_off)^2 / (2 A v_off)."""
    device = found.device
    x, volts = 0.0, found.table.amplitude.to_numpy()
    assert np.allclose(np.diff(volts), volts[1])
    for k, A in enumerate(volts[1:], 1):
        x += device.k_off * 20e-9 * (A - device.v_off) ** 2 / (2 * A * device.v_off)
        r = device.r_on + (device.r_off - device.r_on) * min(x / device.d, 1.0)
        assert found.table.resistance[k] == pytest.approx(r, rel=1e-4)
    assert len(found.table) == 10
    assert found.table.resistance[0] == pytest.approx(50)
    assert found.table.resistance[9] == pytest.approx(1000, rel=2e-3)
    # the last sweep is the first that gets there
    less = gradual_reset(amplitudes=0.99 * volts[1:])
    assert less.table.resistance[9] < 990


def test_states_are_those_of_the_sweeps(found):
    states = found.states
    assert states.count == 10
    assert np.allclose(sorted(1 / found.table.resistance), states.values)


@pytest.mark.parametrize(("model", "sign"), [(StanfordPKU(), -1), (Yakopcic(), -1)])
def test_other_models(model, sign):
    volt, frequency = model.showcase[""][:2]
    found = gradual_reset(model, states=5, frequency=frequency, amplitude=volt, points=50)
    r = found.table.resistance.to_numpy()
    assert len(r) == 5
    assert (np.diff(r) > -1e-9 * r[1:]).all()
    low, high = map(float, model.conductance_range())
    assert 0.5e-4 * high < 1 / r[-1] - low <= 1e-4 * high
    assert np.sign(found.table.amplitude[4]) == sign


def test_distributions(found):
    assert found.r_on.mean() == pytest.approx(100, rel=0.02)
    assert found.r_on.std() == pytest.approx(20, rel=0.06)
    assert found.r_off.mean() == pytest.approx(150, rel=0.02)
    assert found.r_off.std() == pytest.approx(30, rel=0.06)
    assert abs(np.corrcoef(found.r_on, found.r_off)[0, 1]) < 0.1
    assert found.overlap() == pytest.approx(norm.cdf(-50 / np.hypot(20, 30)))
    counted = (found.r_on[:, None] > found.r_off[None, :]).mean()
    assert counted == pytest.approx(found.overlap(), abs=0.01)
    assert gradual_reset(sigma=0, states=3).overlap() == 0.0
    wide = gradual_reset(sigma=0.8, states=3, count=4000)
    assert wide.r_on.min() > 0
    assert not np.array_equal(found.r_on, gradual_reset(seed=1, states=2).r_on)


def test_files_and_picture(found, tmp_path):
    table, draws = found.save(tmp_path)
    assert list(pd.read_csv(table).columns) == ["sweep", "amplitude", "resistance", "conductance"]
    assert len(pd.read_csv(draws)) == 1000
    axes = plot_gradual_reset(found).axes
    assert len(axes) == 4
    assert len(axes[1].lines) == 9
    assert "8.3 %" in axes[3].get_title()
    assert save_gradual_reset(found, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_errors():
    with pytest.raises(ParameterError, match="no state to reset"):
        gradual_reset(MiecSelector())
    with pytest.raises(ParameterError, match="do not fall"):
        gradual_reset(amplitudes=[0.3, 0.2])
    with pytest.raises(ParameterError, match="`states` must be"):
        gradual_reset(states=1)
    with pytest.raises(ParameterError, match="`sigma` must be"):
        gradual_reset(sigma=-0.1)
    with pytest.raises(ParameterError, match="one device"):
        gradual_reset(VTEAM(r_on=[50.0, 60.0]))
    with pytest.raises(ConvergenceError, match=r"do not lead from 2\.5e-05 to 1e-09 S: lower"):
        gradual_reset(PhaseChange(), frequency=1e-3, points=8)
