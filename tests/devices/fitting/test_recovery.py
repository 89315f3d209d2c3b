"""Parameters of noisy loops, made by SciPy from laws written in the helper, are found again."""

import time

import numpy as np
import pytest

from crossbarsim.devices import (
    VTEAM,
    DataDriven2018,
    JartVcmV1b,
    MeasuredSweep,
    StanfordPKU,
    StaticSinh,
    Yakopcic,
    fit,
)
from tests.helpers import measured_loops as loops

VTEAM_TRUE = {"r_on": 1e3, "r_off": 1e5, "k_on": -30.0, "k_off": 0.05, "alpha_on": 3.0,
              "alpha_off": 2.0, "v_on": -0.5, "v_off": 0.4}


def vteam(volts=-1.2, hertz=1e6, seed=0, **options):
    return loops.measured(loops.vteam(**VTEAM_TRUE), volts, hertz, 2.7e-9, seed=seed, **options)


def case_vteam():
    model = VTEAM(alpha_on=3.0, alpha_off=2.0)  # all else as published, far away
    free = ("r_on", "r_off", "k_off", "v_on", "v_off")
    return model, [vteam(), vteam(hertz=1e7, volts=-1.5, seed=1)], [*free, "k_on"], VTEAM_TRUE, "fit"


def case_yakopcic():
    true = {"a_1": 0.17, "a_2": 0.15, "b": 0.05, "v_p": 0.2, "v_n": 0.25, "a_p": 4e3, "a_n": 3e3}
    data = [loops.measured(loops.yakopcic(**true), 0.6, hertz, 0.11, seed=k)
            for k, hertz in enumerate((100.0, 1e3))]
    free = ["a_1", "a_2", "v_p", "v_n", "a_p", "a_n"]
    return Yakopcic(a_1=0.3, a_2=0.3, a_p=2e3, a_n=6e3), data, free, true, "fit"


def case_stanford_pku():
    true = {"g_0": 0.25e-9, "v_0": 0.25, "i_0": 1e-3, "nu_0": 10.0, "e_a": 0.6, "gamma_0": 16.0}
    data = [loops.measured(loops.stanford_pku(**true), 1.6, hertz, 1.7e-9, seed=k, stiff=True)
            for k, hertz in enumerate((1e4, 1e6))]
    model = StanfordPKU(g_0=0.3e-9, v_0=0.35, i_0=5e-4, e_a=0.65, gamma_0=14.0)
    return model, data, ["g_0", "v_0", "i_0", "e_a", "gamma_0"], true, "rest"


def case_data_driven():
    true = {"a_p": 743.47, "a_n": -6.80e4, "t_p": 6.51, "t_n": 0.31645, "k_p": 5.11e-4,
            "k_n": 1.17e-3, "r_p0": 16719.0, "r_n0": 29304.83, "r_n1": 23692.77, "a": 0.24, "b": 3.0}
    data = [loops.measured(loops.data_driven(**true), 1.3, 1e3, 3e3, seed=0),
            loops.measured(loops.data_driven(**true), 1.0, 10.0, 3e3, seed=1)]
    model = DataDriven2018(a_p=400.0, t_p=8.0, a=0.4, b=2.0)
    return model, data, ["a_p", "t_p", "a", "b"], true, "rest"


def case_static_sinh():
    true = {"v_0": 0.3}
    return StaticSinh(v_0=1.0), [loops.measured(loops.static_sinh(1e-4, 0.3), 1.0, 1.0, 0.5)], [
        "v_0"], true, "fit"


def case_jart():
    true = {"n_min": 0.008, "dw_a": 1.35, "r_tiox": 650.0}
    data = [loops.measured(loops.jart(), 1.3, hertz, 0.008, seed=k, points=161, stiff=True)
            for k, hertz in enumerate((1e3, 1e5))]
    return JartVcmV1b(n_min=0.012, dw_a=1.3, r_tiox=900.0), data, list(true), true, "rest"


CASES = {"vteam": case_vteam, "static_sinh": case_static_sinh}
SLOW = {"stanford_pku": case_stanford_pku, "yakopcic": case_yakopcic, "data_driven_2018": case_data_driven, "jart": case_jart}


def found_again(case):
    model, data, free, true, start = case
    fit(model, data, free, start=start, budget=1e-3)  # compiles
    begin = time.perf_counter()
    found = fit(model, data, free, start=start)
    seconds = time.perf_counter() - begin
    intervals = found.intervals(0.999)
    assert found.describes, str(found)
    assert 0.012 < found.rms < 0.018  # the noise, no more and no less
    for name in free:
        low, high = intervals[name]
        assert low <= true[name] <= high, f"{name}\n{found}"
        if name not in found.undetermined:
            half = 0.5 * (high - low) / abs(true[name])
            assert abs(found.values[name] / true[name] - 1) < max(0.01, half), f"{name}\n{found}"
    return found, seconds


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_found_again(name):
    found, _ = found_again(CASES[name]())
    assert found.undetermined == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_parameters_of_other_models(name):
    assert found_again(SLOW[name]())[0].undetermined == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", {**CASES, **SLOW})
def test_a_fit_takes_less_than_ten_seconds(name):
    assert found_again(({**CASES, **SLOW})[name]())[1] < 10.0


def test_one_ramp_rate_does_not_determine_rates_and_exponents():
    data = vteam(seed=0)
    free = ["k_on", "alpha_on", "v_on", "r_on", "r_off"]
    fixed = {"alpha_off": 2.0, "k_off": 0.05, "v_off": 0.4}
    alone = fit("vteam", data, free, fixed)
    assert alone.describes
    assert "k_on" in alone.undetermined
    assert alone.weak
    assert {"k_on", "alpha_on"} <= {n for n, x in alone.weak[0].move.items() if abs(x) > 0.1}
    # the true values lie within what it says is unknown, and along the direction it names
    low, high = alone.intervals(0.999)["k_on"]
    assert low <= -30.0 <= high
    assert high - low > 20.0
    assert "k_on, alpha_on are not determined by these data" in str(alone)
    assert "ramp rate" in str(alone) or "train of pulses" in str(alone)
    # what it advises does it: the same device, measured so
    advice = alone.advice
    again = loops.integrate(*loops.vteam(**VTEAM_TRUE), 2.7e-9, advice.sweep.t, advice.sweep.v)
    noise = 1 + 0.015 * np.random.default_rng(5).standard_normal(len(again))
    more = type(data)(advice.sweep.t, advice.sweep.v, again * noise)
    both = fit("vteam", [data, more], free, fixed)
    assert "k_on" not in both.undetermined, str(both)
    assert abs(both.values["k_on"] / -30.0 - 1) < abs(alone.values["k_on"] / -30.0 - 1) + 0.05
    width = np.diff(both.intervals()["k_on"])[0]
    assert width < 0.5 * np.diff(alone.intervals()["k_on"])[0]


def test_profiles_agree_with_intervals_where_these_are_narrow():
    found = fit("vteam", vteam(seed=3), ["r_on", "v_off"], {
        n: x for n, x in VTEAM_TRUE.items() if n not in ("r_on", "v_off")})
    linear, exact = found.intervals(), found.intervals(method="profile")
    for name in ("r_on", "v_off"):
        np.testing.assert_allclose(exact[name], linear[name], rtol=2e-3)
        assert linear[name][0] < VTEAM_TRUE[name] < linear[name][1]


@pytest.mark.slow
def test_intervals_hold_as_often_as_they_say():
    held = 0
    for seed in range(40):
        found = fit("vteam", vteam(seed=seed, points=121), ["r_on", "r_off", "v_off"], {
            n: x for n, x in VTEAM_TRUE.items() if n not in ("r_on", "r_off", "v_off")})
        intervals = found.intervals(0.9)
        held += sum(low <= VTEAM_TRUE[n] <= high for n, (low, high) in intervals.items())
    assert 0.8 < held / 120 < 0.97  # 0.9; its standard deviation is 0.03


@pytest.mark.slow
def test_compliance_is_honoured():
    """Clipped by the source: simulated as such, or left out, but not taken for a resistance."""
    rate, current, bounds = loops.vteam(**VTEAM_TRUE)
    limit = 2e-4

    def across(v, x):
        r = 1e3 + 99e3 * x / 3e-9
        return np.clip(v, -limit * r, limit * r)

    law = (lambda v, x: rate(across(v, x), x), lambda v, x: current(across(v, x), x), bounds)
    t, v = loops.triangle(-1.2, 1e6)
    i = loops.integrate(*law, 2.7e-9, t, v)
    noise = 1 + 0.01 * np.random.default_rng(1).standard_normal(len(t))
    from crossbarsim.devices import MeasuredSweep

    clipped = np.clip(i * noise, -limit, limit)
    free, fixed = ["r_off", "v_on", "v_off"], {
        n: x for n, x in VTEAM_TRUE.items() if n not in ("r_off", "v_on", "v_off")}
    assert (np.abs(clipped) >= 0.98 * limit).sum() > 30
    for limited in ("limit", "leave out"):
        found = fit("vteam", MeasuredSweep(t, v, clipped, limit), free, fixed, limited=limited)
        assert found.describes, str(found)
        for name in free:
            assert found.values[name] == pytest.approx(VTEAM_TRUE[name], rel=0.01), str(found)
    blind = fit("vteam", MeasuredSweep(t, v, clipped), free, fixed, budget=5.0)
    assert not blind.describes
    assert "give it as `compliance`" in str(blind)


@pytest.mark.slow
def test_a_threshold_between_two_points_is_found():
    """Where the device switches within one interval of the data, its threshold has no slope."""
    t = np.linspace(0.0, 2e-3, 802)
    v = 1.2 * np.sin(2e3 * np.pi * t)
    rates = {"k_on": -2.0, "k_off": 0.5}
    model = VTEAM(r_on=400.0, r_off=1.5e4, v_on=-0.5, v_off=0.35, **rates)
    rng = np.random.default_rng(3)
    i = -np.asarray(model.simulate(t, -v).current)
    i = i * (1 + 0.02 * rng.standard_normal(len(t))) + 2e-6 * rng.standard_normal(len(t))
    sweep = MeasuredSweep(t, v, np.minimum(i, 2e-3), compliance=2e-3)
    found = fit("vteam", sweep, ["r_on", "r_off", "v_on", "v_off"], {"polarity": -1, **rates})
    for name, true in (("r_on", 400.0), ("r_off", 1.5e4), ("v_on", -0.5), ("v_off", 0.35)):
        assert found.values[name] == pytest.approx(true, rel=0.02), name
