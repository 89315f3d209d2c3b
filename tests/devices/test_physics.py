"""What physics asks of every model, closed forms, and the published values of parameter sets."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossbarsim import ConvergenceError, ParameterError
from crossbarsim.devices import (
    VTEAM,
    DataDriven2018,
    DataDriven2021,
    LinearIonDrift,
    StanfordPKU,
    Yakopcic,
    model,
    models,
)
from crossbarsim.devices.windows import biolek, joglekar, prodromakis, zha

NAMES = models()
MOVING = [n for n in NAMES if model(n).states and not n.startswith(("static", "ohmic"))]
QUICK = settings(max_examples=40, deadline=None, derandomize=True,
                 suppress_health_check=[HealthCheck.function_scoped_fixture])


def states(device, shares):
    low, high = device.bounds()
    share = np.resize(shares, len(device.states)).reshape(low.shape)
    return low + share * (high - low)


# -- every model -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(v=st.floats(-2.0, 2.0), share=st.floats(0.0, 1.0))
def test_devices_are_passive_and_pinched(name, v, share):
    device = model(name)()
    x = states(device, [share, 0.05])  # second states are temperatures and ages
    assert float(device.current(v, x)) * v >= 0.0
    assert float(device.current(0.0, x)) == 0.0
    assert float(device.evaluate(v, x)[1]) >= 0.0  # no negative differential conductance


@pytest.mark.parametrize("name", MOVING)
@settings(QUICK, max_examples=12)
@given(
    volts=st.lists(st.floats(-1.0, 1.0), min_size=4, max_size=9),
    share=st.floats(0.0, 1.0), stretch=st.floats(-1.0, 1.0),
)
def test_states_never_leave_their_bounds(name, volts, share, stretch):
    device = model(name)()
    amplitude, frequency = model(name).showcase[""][:2]
    t = np.linspace(0.0, 10.0**stretch / frequency, len(volts))
    trace = device.simulate(t, 1.5 * amplitude * np.array(volts), state=states(device, [share, 0.02]))
    low, high = device.bounds()
    assert np.all(trace.state >= low[:, None])
    assert np.all(trace.state <= high[:, None])
    assert np.all(np.isfinite(trace.current))


@pytest.mark.parametrize("name", MOVING)
def test_polarity_turns_the_device_around(name):
    amplitude, frequency = model(name).showcase[""][:2]
    t = np.linspace(0, 1 / frequency, 41)
    v = amplitude * np.sin(2 * np.pi * frequency * t)
    turned = model(name)(polarity=-1)
    one, other = model(name)().simulate(t, v), turned.simulate(t, -v)
    np.testing.assert_array_equal(other.current, -one.current)
    np.testing.assert_array_equal(other.state, one.state)


@pytest.mark.parametrize("name", [n for n in MOVING if n != "phase_change"])
def test_loops_are_hysteretic(name):
    found = model(name)
    for preset in found.presets() or ("",):
        usual = found.showcase.get(preset, found.showcase[""])
        device = found.preset(preset) if preset else found()
        trace = device.hysteresis(*usual[:2], cycles=2, points=200)
        second = slice(200, None)
        k = device.main_state
        assert np.ptp(trace.state[k][second]) > 0.02 * np.ptp(device.bounds(), axis=0)[k]
        large = np.abs(trace.voltage[second]) > 0.5 * usual[0]
        g = trace.current[second][large] / trace.voltage[second][large]
        assert g.max() > 1.02 * g.min()
        assert np.all(trace.current * trace.voltage >= 0)


@pytest.mark.parametrize("name", NAMES)
def test_presets_construct_and_name_their_source(name):
    found = model(name)
    assert set(found.presets()) == set(found.sources)
    for preset in found.presets():
        device = found.preset(preset)
        low, high = device.conductance_range() if found.states else (1.0, 1.0)
        assert 0 <= low <= high
        assert high > 0
        assert len(found.sources[preset]) > 10
    assert set(found.showcase) <= {"", *found.presets()}
    with pytest.raises(ParameterError, match="has no preset 'nonesuch'"):
        found.preset("nonesuch")


# -- closed forms ------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["memtorch", "team_6353604", "magic"])
def test_vteam_switching_time(preset):
    device = VTEAM.preset(preset)
    for v, start in ((-2.0, device.d), (2.0, 0.0)):
        k, threshold, alpha = (
            (device.k_on, device.v_on, device.alpha_on) if v < 0
            else (device.k_off, device.v_off, device.alpha_off)
        )
        time = device.d / abs(k * (v / threshold - 1) ** alpha)
        t = np.array([0.0, 0.5, 1.0, 1.5]) * time
        trace = device.simulate(t, np.full(4, v), state=[start])
        end = device.d - start
        np.testing.assert_allclose(
            trace.state[0], [start, 0.5 * device.d, end, end], atol=1e-9 * device.d
        )


def test_yakopcic_moves_evenly_below_its_window():
    device = Yakopcic()
    v = 0.3
    speed = 4000 * (math.exp(v) - math.exp(0.16))
    time = 0.15 / speed  # from 0.11 to 0.26 < x_p = 0.3
    trace = device.simulate([0.0, time], [v, v])
    assert trace.state[0, -1] == pytest.approx(0.26, rel=1e-6)
    assert float(device.rate(v, [1.0])[0]) == 0.0


def test_data_driven_models_in_closed_form():
    device = DataDriven2018.preset("memtorch")
    for v, r0, time in ((1.0, 5e3, 1e-3), (-1.0, 1.5e4, 1e-4)):
        trace = device.simulate([0.0, time], [v, v], state=[r0], rtol=1e-9)
        if v > 0:
            k, r, s = device.k_p, device.r_p0 + device.r_p1 * v, device.a_p * math.expm1(device.t_p * v)
            wall = math.exp(k * r)
            exact = math.log(wall + (math.exp(k * r0) - wall) * math.exp(-k * s * time)) / k
        else:
            k, r, s = device.k_n, device.r_n0 + device.r_n1 * v, device.a_n * math.expm1(-device.t_n * v)
            wall = math.exp(-k * r)
            exact = -math.log(wall + (math.exp(-k * r0) - wall) * math.exp(k * s * time)) / k
        assert abs(exact - r0) > 50
        assert trace.state[0, -1] == pytest.approx(exact, rel=1e-6)
    device = DataDriven2021.preset("memtorch")
    for v, r0 in ((1.2, 2800.0), (-1.2, 1700.0)):
        s = (device.a_p * math.expm1(v / device.t_p) if v > 0
             else device.a_n * math.expm1(-v / device.t_n))
        r = (device.r_p0 + device.r_p1 * v) if v > 0 else (device.r_n0 + device.r_n1 * v)
        time = 0.7 / abs(s * (r - r0))
        trace = device.simulate([0.0, time], [v, v], state=[r0], rtol=1e-9)
        assert trace.state[0, -1] == pytest.approx(
            (r0 + s * r * (r - r0) * time) / (1 + s * (r - r0) * time), rel=1e-6
        )


def test_windows():
    assert joglekar(0.25, 1) == pytest.approx(0.75)
    assert joglekar(0.25, 2) == pytest.approx(0.9375)
    assert joglekar(0.0, 3) == joglekar(1.0, 3) == 0.0
    assert prodromakis(0.5, 1, 1) == pytest.approx(0.25)
    assert prodromakis(0.5, 2, 2) == pytest.approx(2 * (1 - 0.75**2))
    assert prodromakis(0.0, 4, 1) == prodromakis(1.0, 4, 1) == 0.0
    assert biolek(0.3, 1.0, 2) == pytest.approx(1 - 0.3**4)
    assert biolek(0.3, -1.0, 2) == pytest.approx(1 - 0.7**4)
    assert biolek(1.0, 1.0, 2) == biolek(0.0, -1.0, 2) == 0.0
    assert zha(0.5, 1.0, 1, 1) == pytest.approx(1 - (0.25**2 + 0.75))
    assert zha(1.0, 1.0, 3, 1) == pytest.approx(0.0)


# -- published sets ----------------------------------------------------------------------------


def test_memtorch_sets():
    drift = LinearIonDrift.preset("memtorch")
    assert (drift.mu, drift.d, drift.r_on, drift.r_off, drift.v_p, drift.v_n) == (
        1e-14, 10e-9, 100.0, 16e3, 0.55, 0.55
    )
    for name in ("memtorch", "team_6353604"):
        device = VTEAM.preset(name)
        assert (device.r_off, device.r_on, device.k_on, device.k_off) == (1e3, 50.0, -10.0, 5e-4)
        assert (device.alpha_on, device.alpha_off, device.v_on, device.v_off) == (3, 1, -0.2, 0.02)
        assert (device.d, device.window, device.iv) == (3e-9, "none", "linear")
    pku = StanfordPKU()
    assert 1 / pku.conductance([pku.gap_min]) == pytest.approx(542, abs=0.5)
    assert 1 / pku.conductance([pku.gap_max]) == pytest.approx(218586, abs=1)
    data = DataDriven2018.preset("memtorch")
    assert (data.a_p, data.a_n, data.t_p, data.t_n) == (743.47, -68012.28374, 6.51, 0.31645)
    assert (data.r_min, data.r_max) == (1280.0, 17e3)
    late = DataDriven2021.preset("memtorch")
    assert (late.a_p, late.t_n, late.r_n1) == (600.10075, -0.05343997, -1474.32358)


# -- wrong input -------------------------------------------------------------------------------


@pytest.mark.parametrize(("wrong", "what"), [
    (lambda: VTEAM(r_onn=1.0), "VTEAM has no parameter `r_onn`; did you mean 'r_on'"),
    (lambda: VTEAM(r_on=-5.0), "`r_on` = -5 ohm: must be 0 < r_on"),
    (lambda: VTEAM(v_on=0.3), "`v_on` = 0.3 V"),
    (lambda: VTEAM(window="jogle"), "`window` must be one of"),
    (lambda: VTEAM(r_on=[1.0, np.nan]), "`r_on`.*must be finite"),
    (lambda: VTEAM(r_on=[1.0, 2.0], r_off=[1e3] * 3), "different shapes"),
    (lambda: StanfordPKU(gap_min=2e-9), "state `gap` has an empty range"),
    (lambda: VTEAM(polarity=2), "`polarity` must be"),
    (lambda: VTEAM().state_from_conductance(1.0), "conductance 1 S is out of the device's range"),
    (lambda: VTEAM().current(0.1, [4e-9]), "state `x` = 4e-09 m is out of its range"),
    (lambda: VTEAM().current(np.nan, [1e-9]), "`v`.*must be finite"),
    (lambda: VTEAM().simulate([0.0, 2.0, 1.0], [0.0] * 3), r"`t` must increase: t\[2\] = 1 s follows"),
    (lambda: VTEAM().simulate([0.0, np.nan], [0.0] * 2), "`t`.*must be finite"),
    (lambda: VTEAM().simulate([0.0, 1.0], [0.0, np.inf]), "`v`.*must be finite"),
    (lambda: VTEAM().simulate([0.0, 1.0], [0.0] * 3), "`v` must have shape"),
    (lambda: VTEAM().simulate([0.0, 1.0], [0.0] * 2, 1e-3, state=[0.0]), "either `conductance` or"),
    (lambda: VTEAM().simulate([0.0, 1.0], [0.0] * 2, state=[-1e-9]), "out of its range"),
    (lambda: VTEAM().simulate([0.0, 1.0], [0.0] * 2, max_steps=0), "`max_steps`"),
    (lambda: VTEAM().hysteresis(-1.0, 1e3), "`amplitude` must be > 0"),
    (lambda: VTEAM().hysteresis(1.0, 1e3, shape="saw"), "`shape` must be"),
])
def test_wrong_input_is_refused_by_name(wrong, what):
    with pytest.raises(ParameterError, match=what):
        wrong()


def test_too_many_steps_say_which_device_and_when():
    device = StanfordPKU(t_ox=np.array([12e-9, 11e-9, 10e-9]))
    t = np.linspace(0, 1e-6, 5)
    with pytest.raises(ConvergenceError, match=r"StanfordPKU, device \d of 3: not past t = .* V, with `max_steps` = 5"):
        device.simulate(t, np.array([0, 1.8, 0, -1.8, 0]), max_steps=5)


def test_slow_sweeps_over_a_dead_zone_end():
    # RESET of this model follows the edge of its dead zone
    trace = StanfordPKU().hysteresis(1.6, 1e-2, points=200)
    assert trace.steps < 5000
    assert np.ptp(trace.state[0]) == pytest.approx(1.5e-9)
