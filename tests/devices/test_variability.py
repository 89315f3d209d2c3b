"""JART's variability: what eqs 21-24 of its paper ask for, and draws."""

import numpy as np
import pytest

from crossbarsim import ParameterError
from crossbarsim.devices import JartVcmV1b, JartVcmV1bVariable

T = np.linspace(0.0, 1e-5, 201)
SET = -1.0 * np.sin(np.pi * T / T[-1])


def test_without_deviation_it_is_the_deterministic_model():
    one = JartVcmV1b().simulate(T, SET, rtol=1e-8)
    two = JartVcmV1bVariable().simulate(T, SET, rtol=1e-8)
    np.testing.assert_allclose(two.current, one.current, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(two.state[2], 45e-9, rtol=1e-12)


def test_radius_goes_to_its_goal_linearly_in_the_vacancies():
    device = JartVcmV1bVariable(radius_new=50e-9, l_det_new=0.35e-9)
    n, _, radius, length = device.simulate(T, SET, rtol=1e-9).state
    assert n[-1] > 50 * n[0]
    line = 45e-9 + (50e-9 - 45e-9) * (n - n[0]) / (20.0 - n[0])
    np.testing.assert_allclose(radius, line, rtol=1e-5)
    line = 0.4e-9 + (0.35e-9 - 0.4e-9) * (n - n[0]) / (20.0 - n[0])
    np.testing.assert_allclose(length, line, rtol=1e-5)


def test_draws():
    device = JartVcmV1bVariable.draw((40, 50), sigma=0.05, seed=3)
    assert device.radius.shape == (40, 50)
    assert device.radius.std() / 45e-9 == pytest.approx(0.05 * 0.88, rel=0.05)  # cut at 2 sigma
    assert np.abs(device.radius / 45e-9 - 1).max() <= 0.1
    again = JartVcmV1bVariable.draw((40, 50), sigma=0.05, seed=3)
    np.testing.assert_array_equal(again.n_max, device.n_max)
    following = device.redraw(sigma=0.05, seed=4)
    np.testing.assert_array_equal(following.radius, device.radius)
    assert np.abs(following.radius_new / device.radius - 1).std() > 0
    with pytest.raises(ParameterError, match="`sigma` must be between 0 and"):
        JartVcmV1bVariable.draw(3, sigma=-1.0)


def test_cycles_differ_from_one_another():
    device = JartVcmV1bVariable.draw(20, sigma=0.05, seed=1)
    state, resistances = None, []
    for cycle in range(2):
        device = device.redraw(sigma=0.05, seed=(1, cycle))
        trace = device.simulate(T, np.tile(SET, (20, 1)), state=state)
        state = trace.state[..., -1]
        resistances.append(1 / trace.conductance[:, -1])
        device = device.redraw(sigma=0.05, seed=(2, cycle))
        back = device.simulate(T, np.tile(-1.5 * SET, (20, 1)), state=state)
        state = back.state[..., -1]
    assert np.std(resistances[0]) > 0
    assert np.abs(np.log(resistances[1] / resistances[0])).max() > 1e-3
