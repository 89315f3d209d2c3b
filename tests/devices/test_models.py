"""Compact models against published values, finite differences and an independent integrator."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from crossbarsim import ParameterError
from crossbarsim.devices import (
    TEAM,
    VTEAM,
    DataDriven2018,
    DataDriven2021,
    ExponentialSelector,
    JartVcmV1b,
    LinearIonDrift,
    PhaseChange,
    SimmonsTunnelBarrier,
    Sky130Reram,
    StanfordPKU,
    ThresholdSelector,
    Yakopcic,
)

# model, amplitude (V), period (s), first state as a share of its range
DRIVES = [
    (LinearIonDrift(v_p=0.0, v_n=0.0), 1.0, 1.0, 0.3),
    (LinearIonDrift.preset("technion"), 1.0, 0.01, 0.3),
    (LinearIonDrift.preset("biolek"), 1.0, 1.0, 0.3),
    (LinearIonDrift(window="prodromakis", p=2.0, v_p=0.0, v_n=0.0), 1.0, 1.0, 0.3),
    (LinearIonDrift(window="zha", p=2.0, v_p=0.0, v_n=0.0), 1.0, 1.0, 0.3),
    (TEAM(), 0.1, 1e-3, 0.5),
    (VTEAM(), 1.0, 2e-8, 0.3),
    (VTEAM.preset("magic", iv="exponential"), 2.0, 4e-8, 0.5),
    (VTEAM.preset("taox"), 0.9, 1e-6, 0.5),
    (VTEAM.preset("tiox_1"), 2.0, 1e-5, 0.5),
    (SimmonsTunnelBarrier(), 1.0, 1.0, 0.5),
    (Yakopcic(), 0.45, 1e-2, 0.2),
    (Yakopcic.preset("aguirre_c2"), 1.0, 1.0, 0.2),
    (StanfordPKU(), 1.8, 1e-6, 0.9),
    (Sky130Reram(), 1.4, 5e-7, 0.7),
    (JartVcmV1b(), 1.0, 1e-5, 0.01),
    (DataDriven2018(), 1.0, 1e-2, 0.5),
    (DataDriven2018.preset("tiox_1"), 1.5, 1e-1, 0.4),
    (DataDriven2021(), 1.5, 1e-5, 0.6),
    (PhaseChange(), 0.1, 1e4, 0.5),
]


def start(device, share):
    low, high = device.bounds()
    x = device.rest()
    x[device.main_state] = (low + share * (high - low))[device.main_state]
    return x


def reference(device, t, v, x):
    """Radau from point to point; a state that reaches a bound stays there to the next point."""
    low, high = device.bounds()
    scale = high - low
    y = (x - low) / scale
    states = [x]
    for k in range(len(t) - 1):
        held = ((y <= 0) | (y >= 1)) & (
            np.sign(y - 0.5) * device.rate(0.5 * (v[k] + v[k + 1]), low + y * scale) > 0
        )

        def rates(s, y, k=k, held=held):
            volts = v[k] + (v[k + 1] - v[k]) * (s - t[k]) / (t[k + 1] - t[k])
            f = device.rate(volts, np.clip(low + y * scale, low, high)) / scale
            return np.where(held, 0.0, f)

        def leaves(_s, y):
            return np.minimum(y, 1 - y).min() + 1e-12

        leaves.terminal, leaves.direction = True, -1
        found = solve_ivp(rates, (t[k], t[k + 1]), y, method="Radau", rtol=1e-10, atol=1e-13,
                          events=None if held.any() else leaves)
        if found.status == 1:  # arrived at a bound: that state stays there
            held |= (found.y[:, -1] <= 0) | (found.y[:, -1] >= 1)
            found = solve_ivp(rates, (found.t[-1], t[k + 1]), found.y[:, -1], method="Radau",
                              rtol=1e-10, atol=1e-13)
        assert found.success
        y = np.clip(found.y[:, -1], 0, 1)
        states.append(low + y * scale)
    return np.array(states).T


@pytest.mark.parametrize(("device", "amplitude", "period", "share"), DRIVES, ids=repr)
@pytest.mark.parametrize(
    "shape", ["sine", *(pytest.param(s, marks=pytest.mark.slow) for s in ("pulse", "triangle"))]
)
def test_states_follow_an_independent_integrator(device, amplitude, period, share, shape):
    phase = np.linspace(0.0, 1.0, 33)
    wave = {
        "sine": np.sin(2 * np.pi * phase),
        "triangle": 2 / np.pi * np.arcsin(np.sin(2 * np.pi * phase)),
        "pulse": np.clip(np.minimum(phase - 0.1, 0.4 - phase) * 40, 0, 1)
        - np.clip(np.minimum(phase - 0.6, 0.9 - phase) * 40, 0, 1),
    }[shape]
    t, v = phase * period, amplitude * wave
    x = start(device, share)
    trace = device.simulate(t, v, state=x, rtol=1e-8)
    expected = reference(device, t, v, x)
    low, high = device.bounds()
    moved = np.ptp(expected, axis=1) / (high - low)
    assert moved[0] > 1e-4  # the drive does something
    error = np.abs(trace.state - expected).max(axis=1) / (high - low)
    assert error.max() < 2e-5
    currents = device.current(v, expected)
    np.testing.assert_allclose(trace.current, currents, atol=3e-4 * np.abs(currents).max())


def test_stanford_pku_published_resistances():
    device = StanfordPKU()
    resistance = 1 / device.conductance([[0.2e-9, 1.7e-9]])
    np.testing.assert_allclose(resistance, [541.82, 218586], rtol=1e-5)


def test_sky130_published_resistances_and_switching():
    device = Sky130Reram()
    x = [[3.3e-9, 4.9e-9], [300.0, 300.0]]
    np.testing.assert_allclose(1 / device.conductance(x), [3.351e6, 9.983e3], rtol=1e-4)
    t = np.array([0.0, 0.25e-6, 0.5e-6])
    quiet = device.simulate(t, [0, 2.2, 0], state=[3.3e-9, 300.0])
    assert quiet.state[0, -1] < 3.5e-9
    fine = np.linspace(0, 0.5e-6, 2001)
    wave = 2.5 * (1 - np.abs(fine / 0.25e-6 - 1))
    trace = device.simulate(fine, wave, state=[3.3e-9, 300.0])
    crossing = wave[np.argmax(trace.state[0] > 4.1e-9)]
    assert crossing == pytest.approx(2.336, abs=0.01)
    reset = device.simulate(fine, -wave * 1.8 / 2.5, state=[4.9e-9, 300.0])
    assert reset.state[0, -1] == pytest.approx(3.655e-9, abs=0.01e-9)
    assert (-wave * 1.8 / 2.5)[np.argmax(reset.state[0] < 4.1e-9)] == pytest.approx(-1.573, abs=0.01)


@pytest.mark.parametrize(("n", "expected"), [
    (0.008, [-1.90094, 3.04607, -5.67820, 7.64622]),
    (20.0, [-125.8872, 123.3584, -313.6019, 307.7229]),
])
def test_jart_reference_currents(n, expected):
    device = JartVcmV1b()
    currents = device.current([-0.2, 0.2, -0.5, 0.5], np.array([[n] * 4, [293.0] * 4]))
    np.testing.assert_allclose(currents * 1e6, expected, rtol=3e-4)


def test_linear_ion_drift_closed_form():
    # without window and thresholds: R^2 falls linearly with the flux
    device = LinearIonDrift(v_p=0.0, v_n=0.0)
    x0, volts, time = 0.1, 0.5, 0.3
    trace = device.simulate([0.0, time], [volts, volts], state=[x0], rtol=1e-10)
    r0 = 100 * x0 + 16e3 * (1 - x0)
    rate = 1e-14 * 100 / 1e-16 * (16e3 - 100)
    r = np.sqrt(r0**2 - 2 * rate * volts * time)
    assert trace.state[0, -1] == pytest.approx((16e3 - r) / (16e3 - 100), rel=1e-8)


def test_order_of_the_integrator():
    device = LinearIonDrift.preset("technion", window="joglekar", p=1.0)
    t, v = [0.0, 0.02], [0.0, 1.0]
    exact = device.simulate(t, v, state=[0.2], rtol=1e-13).state[0, -1]
    errors, steps = [], []
    for rtol in (1e-6, 1e-8, 1e-10):
        trace = device.simulate(t, v, state=[0.2], rtol=rtol)
        errors.append(abs(trace.state[0, -1] - exact))
        steps.append(trace.steps)
    order = np.log(errors[0] / errors[2]) / np.log(steps[2] / steps[0])
    assert order > 3.3


def test_phase_change_drifts_as_a_power_law():
    device = PhaseChange(nu=np.array([0.03, 0.05, 0.1]))
    trace = device.simulate([0.0, 1e6], [0.0, 0.0], np.full(3, 10e-6), save="final", rtol=1e-9)
    np.testing.assert_allclose(
        trace.state[0], 10e-6 * ((20 + 1e6) / 20) ** -device.nu, rtol=1e-5
    )


def test_threshold_selector_has_hysteresis():
    device = ThresholdSelector()
    t = np.linspace(0, 2e-6, 401)
    v = 1.0 - np.abs(t / 1e-6 - 1.0)
    trace = device.simulate(t, v, state=[0.0])
    on = trace.state[0] > 0.5
    assert v[np.argmax(on)] == pytest.approx(0.8, abs=0.02)
    assert v[len(v) - 1 - np.argmax(on[::-1])] == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("model", [d[0] for d in DRIVES], ids=repr)
def test_conductance_and_state(model):
    low, high = model.conductance_range()
    g = np.linspace(float(low), float(high), 7)[1:-1]
    x = model.state_from_conductance(g)
    assert x.shape == (len(model.states), 5)
    np.testing.assert_allclose(model.conductance(x), g, rtol=1e-9)


def test_order_where_the_points_limit_the_step():
    device = LinearIonDrift.preset("technion", window="joglekar", p=1.0)
    errors = []
    for points in (21, 41, 81):
        t = np.linspace(0.0, 10.0, points)
        v = np.sin(np.pi * t / 10.0)
        loose = device.simulate(t, v, state=[0.2], rtol=1e-2)
        assert loose.steps <= points + 2  # one step from point to point
        exact = device.simulate(t, v, state=[0.2], rtol=1e-13)
        errors.append(abs(loose.state[0, -1] - exact.state[0, -1]))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert ((orders > 2.7) & (orders < 3.4)).all(), orders


def test_an_array_of_a_shape():
    device = VTEAM()
    cells = device.array((2, 3))
    assert cells.state.shape == (1, 2, 3)
    np.testing.assert_array_equal(cells.state, device.array(shape=(2, 3)).state)
    with pytest.raises(ParameterError, match=r"`conductance` must have shape \(M, N\)"):
        device.array((2.0, 3.0))


def test_parameters_of_a_window_that_is_not_chosen_are_refused():
    with pytest.raises(ParameterError, match=r"LinearIonDrift: `p` acts with `window` 'joglekar' or"):
        LinearIonDrift(p=5.0)
    with pytest.raises(ParameterError, match=r"VTEAM: `w_on` acts with `window` 'fit'; it is 'none'"):
        VTEAM(r_on=100.0).replace(w_on=0.5)
    with pytest.raises(ParameterError, match=r"`j` acts with `window` 'prodromakis' or 'zha'; it is"):
        LinearIonDrift(window="joglekar", j=2.0)
    # another device's parameters, all of them, and defaults are no wish
    kept = LinearIonDrift(window="zha", p=3.0, j=2.0).replace(window="none")
    assert kept.p == 3.0
    assert LinearIonDrift.from_dict(kept.to_dict()).p == 3.0
    assert LinearIonDrift(p=1.0).p == 1.0
    for model in (LinearIonDrift, TEAM, VTEAM):
        for name in model.presets():
            assert model.preset(name).replace(r_on=120.0).r_on == 120.0


def test_devices_without_states_may_differ_in_time():
    currents = np.array([1e-12, 2e-12, 4e-12])
    selectors = ExponentialSelector(i_0=currents, v_0=0.05)
    trace = selectors.simulate([0.0, 1.0, 2.0], [0.0, 0.3, -0.1])
    expected = currents[:, None] * np.sinh(np.array([0.0, 0.3, -0.1]) / 0.05)
    np.testing.assert_allclose(trace.current, expected, rtol=1e-12, atol=1e-24)
