"""Drift, retention, endurance and read disturb against their formulas and hand-computed numbers."""

import numpy as np
import pytest
import scipy.stats as st
import torch
from hypothesis import given, settings
from hypothesis import strategies as hs

from crossbarsim import ParameterError
from crossbarsim.core.draws import Place
from crossbarsim.devices import VTEAM, ExponentialSelector
from crossbarsim.nonidealities import (
    ConductanceDrift,
    DeviceDisturb,
    Endurance,
    FailureLaw,
    LogarithmicDrift,
    LogNormal,
    NonIdealities,
    ReadDisturb,
    Retention,
    RetentionLoss,
    Variability,
)

ON, OFF = 1e-4, 1e-6
PLACE = Place(4, "fc")


def aged(level, **effects):
    """Return conductances after ageing, and those before, of ideal cells."""
    chip = NonIdealities(**effects)
    fab = chip.fabricate(PLACE, np.shape(level), ON, OFF)
    before = chip.program(level, fab, PLACE)
    return chip.age(before, fab, PLACE), before


# -- drift ---------------------------------------------------------------------------------------


@given(hs.floats(0.0, 0.2), hs.floats(1.0, 1e9), hs.floats(0.1, 100.0))
@settings(max_examples=50, deadline=None)
def test_drift_closed_form(nu, time, t_0):
    level = np.linspace(0.0, 1.0, 12).reshape(3, 4)
    found, before = aged(level, drift=ConductanceDrift(time, nu=nu, t_0=t_0))
    expected = np.clip(before * max(time / t_0, 1.0) ** -nu, OFF, ON)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_drift_exponents_differ_by_cell():
    found, before = aged(np.full((100, 100), 0.9),
                         drift=ConductanceDrift(1e3, 0.05, 0.01, signed=True))
    nu = -np.log(found / before) / np.log(1e3)
    assert st.kstest(nu.ravel(), st.norm(0.05, 0.01).cdf).pvalue > 0.01
    # the same cell keeps its exponent at any time
    later, _ = aged(np.full((100, 100), 0.9), drift=ConductanceDrift(1e4, 0.05, 0.01, signed=True))
    np.testing.assert_allclose(-np.log(later / before) / np.log(1e4), nu, rtol=1e-9, atol=1e-12)


def test_drift_is_one_sided_unless_signed():
    wide = {"nu": 0.0, "nu_sigma": 0.02}
    found, before = aged(np.full((50, 50), 0.5), drift=ConductanceDrift(1e3, **wide))
    assert (found <= before).all()
    found, before = aged(np.full((50, 50), 0.5), drift=ConductanceDrift(1e3, **wide, signed=True))
    assert 0.4 < (found > before).mean() < 0.6
    assert found.max() <= ON


def test_published_drift_of_phase_change_memory():
    found, before = aged(np.full((200, 200), 0.25),
                         drift=ConductanceDrift.preset("pcm_nandakumar_2019", 2e4))
    nu = -np.log(found / before) / np.log(1e3)
    x = np.log(before[0, 0] / ON)
    mean, sigma = np.clip(-0.0155 * x + 0.0244, 0.049, 0.1), np.clip(-0.0125 * x - 0.0059, 0.008, 0.045)
    assert nu.mean() == pytest.approx(mean, abs=4 * sigma / 200)
    assert nu.std() == pytest.approx(sigma, rel=0.03)


def test_drift_stays_in_each_cells_range():
    effects = NonIdealities(
        variability=(Variability("r_on", LogNormal(0.3)), Variability("r_off", LogNormal(0.3))),
        drift=ConductanceDrift(1e12, 0.2, 0.1, signed=True),
    )
    fab = effects.fabricate(PLACE, (60, 60), ON, OFF)
    found = effects.age(effects.program(np.full((60, 60), 0.3), fab, PLACE), fab, PLACE)
    assert (found >= fab.g_off).all()
    assert (found <= fab.g_on).all()
    assert (found == fab.g_off).any()
    assert (found == fab.g_on).any()


def test_logarithmic_drift():
    law = LogarithmicDrift(np.exp(5.0), shift=-0.002, sigma=0.001, sigma_0=0.003)
    found, before = aged(np.full((100, 100), 0.5), drift=law)
    change = (found - before) / ON
    assert st.kstest(change.ravel(), st.norm(-0.01, 0.008).cdf).pvalue > 0.01
    # a cell keeps its way: (change + 0.002 l) / (0.003 + 0.001 l) is the same at any time
    later, _ = aged(np.full((100, 100), 0.5), drift=LogarithmicDrift(
        np.exp(9.0), -0.002, 0.001, 0.003))
    np.testing.assert_allclose(((later - before) / ON + 0.018) / 0.012, (change + 0.01) / 0.008,
                               rtol=1e-6, atol=1e-9)
    same, before = aged(np.full((9, 9), 0.5), drift=LogarithmicDrift(0.5, -0.1, 0.1, 0.1))
    np.testing.assert_array_equal(same, before)
    edge, before = aged(np.array([[0.0, 1.0]] * 50), drift=LogarithmicDrift(1e9, 0.0, 0.1))
    assert edge.min() >= OFF
    assert edge.max() <= ON
    # 50 uS after 1e5 s: -0.089 ln 1e5 = -1.0247 uS and 0.4118 + 0.042 ln 1e5 = 0.8955 uS
    found, before = aged(np.full((100, 100), 0.5), drift=LogarithmicDrift.preset(
        "cmo_hfox", 1e5, g_max=88.2e-6))
    assert (found - before).mean() == pytest.approx(-1.0247e-6, abs=4 * 0.9e-8)
    assert (found - before).std() == pytest.approx(0.8955e-6, rel=0.03)


# -- retention -----------------------------------------------------------------------------------


def test_retention_closed_form():
    level = np.array([[0.0, 0.5, 1.0]])
    found, before = aged(level, retention=Retention(1e5, tau=1e6, beta=0.5, reference=300.0, end=0.2))
    end = OFF + 0.2 * (ON - OFF)
    np.testing.assert_allclose(found, end + (before - end) * np.exp(-np.sqrt(0.1)), rtol=1e-12)


def test_retention_follows_arrhenius():
    # by hand: 1.1 eV from 85 C to 125 C is exp(1.1 / 8.617333e-5 (1/358.15 - 1/398.15)) = 35.9
    law = Retention(1e6, tau=1e8)
    ratio = [-np.log((g[0, 0] - OFF) / (b[0, 0] - OFF)) for g, b in (
        aged(np.array([[0.8]]), retention=law, temperature=t) for t in (358.15, 398.15))]
    assert ratio[0] == pytest.approx(0.01, rel=1e-9)
    assert ratio[1] / ratio[0] == pytest.approx(35.9, rel=2e-3)
    stored, _ = aged(np.array([[0.8]]), retention=Retention(1e6, tau=1e8, temperature=398.15))
    assert -np.log((stored[0, 0] - OFF) / (0.8 * (ON - OFF))) == pytest.approx(ratio[1] * 0.01 / ratio[0])


def test_retention_differs_by_cell():
    found, before = aged(np.full((80, 80), 0.9),
                         retention=Retention(1e6, tau=1e6, reference=300.0, spread=0.5))
    tau = 1e6 / -np.log((found - OFF) / (before - OFF))
    assert st.kstest(np.log(tau).ravel(), st.norm(np.log(1e6), 0.5).cdf).pvalue > 0.01


# -- endurance and loss of states ----------------------------------------------------------------

LRS = FailureLaw(p_0=1e3, p_1=0.2, p_2=3.0, p_3=-0.05, stable_resistance=2e5)
HRS = FailureLaw(p_0=1e2, p_1=0.3, p_2=2.0, p_3=-0.04, stable_resistance=2e4)
LEVEL = np.array([[1.0, 0.5, 0.0, 0.005]])  # 10k, 19.8k and 1M, 669k ohm: two of each state


def test_sudden_failure_by_hand():
    # T 350: T_c = 298/350 = 0.851429; LRS threshold 1e3 e^(2 + 2.554286) = 9.50e4;
    # HRS threshold 1e2 e^(3 + 1.702857) = 1.1026e4
    for cycles, lost in ((1e4, []), (1.2e4, [2, 3]), (9.4e4, [2, 3]), (9.6e4, [0, 1, 2, 3])):
        found, before = aged(LEVEL, endurance=Endurance(cycles, lrs=LRS, hrs=HRS), temperature=350.0)
        expected = 1 / before
        for j in lost:
            expected[0, j] = 2e5 if j < 2 else 2e4
        np.testing.assert_allclose(1 / found, expected, rtol=1e-12)


def test_gradual_failure_by_hand():
    law = Endurance(1e6, lrs=FailureLaw(1e3, 0.2, 3.0, 0.1), hrs=FailureLaw(1e2, 0.3, 2.0, -0.1),
                    mode="gradual")
    found, before = aged(LEVEL, endurance=law, temperature=350.0)
    # exponents 0.1 (2 + 2.554286) and -0.1 (3 + 1.702857); x over threshold 10.520 and 90.69
    ratio = before / found
    assert ratio[0, 0] == pytest.approx(10.520**0.4554286, rel=1e-3)
    assert ratio[0, 1] == pytest.approx(ratio[0, 0])
    assert ratio[0, 2] == pytest.approx(90.69**-0.4702857, rel=1e-3)
    assert ratio[0, 3] == pytest.approx(ratio[0, 2])


def test_gradual_failure_ends_at_the_stable_resistance():
    law = Endurance(1e30, mode="gradual", lrs=FailureLaw(1.0, p_2=1.0, p_3=0.5, stable_resistance=2e5),
                    hrs=FailureLaw(1.0, p_2=1.0, p_3=-0.5, stable_resistance=2e4))
    found, _ = aged(LEVEL, endurance=law)
    np.testing.assert_allclose(1 / found, [[2e5, 2e5, 2e4, 2e4]])
    # a cell beyond it already goes no further
    law = Endurance(1e30, mode="gradual", lrs=FailureLaw(1.0, p_2=1.0, p_3=0.5, stable_resistance=1.5e4))
    found, before = aged(LEVEL, endurance=law)
    np.testing.assert_allclose(1 / found, [[1.5e4, *1 / before[0, 1:]]])


@pytest.mark.parametrize(("split", "middle"), [
    ("resistance", 505e3), ("geometric", 1e5), ("conductance", 1 / 50.5e-6),
])
def test_split_between_the_states(split, middle):
    resistance = np.array([[0.99 * middle, 1.01 * middle]])
    level = (1 / resistance - OFF) / (ON - OFF)
    found, _ = aged(level, endurance=Endurance(2.0, lrs=FailureLaw(1.0, stable_resistance=7e4), split=split))
    np.testing.assert_allclose(1 / found, [[7e4, 1.01 * middle]])


def test_the_split_is_each_cells_own():
    effects = NonIdealities(
        variability=Variability("r_off", LogNormal(0.5)),
        endurance=Endurance(2.0, hrs=FailureLaw(1.0, stable_resistance=7e4)),
    )
    fab = effects.fabricate(PLACE, (40, 40), ON, OFF)
    level = (1 / 500e3 - fab.g_off) / (fab.g_on - fab.g_off)
    found = effects.age(effects.program(level, fab, PLACE), fab, PLACE)
    high = 0.5 * (1 / fab.g_on + 1 / fab.g_off) < 500e3
    np.testing.assert_allclose(1 / found, np.where(high, 7e4, 500e3))
    assert 0.1 < high.mean() < 0.9


def test_cells_fail_one_after_another():
    law = Endurance(1e5, lrs=FailureLaw(1e5, stable_resistance=1e6), spread=0.4)
    found, before = aged(np.ones((60, 60)), endurance=law)
    failed = found != before
    low, high = st.binom(failed.size, 0.5).interval(0.999)
    assert low <= failed.sum() <= high
    more, _ = aged(np.ones((60, 60)), endurance=Endurance(
        1.5e5, lrs=law.lrs, spread=0.4))
    assert (failed <= (more != before)).all()
    assert (more != before).mean() == pytest.approx(st.norm.cdf(np.log(1.5) / 0.4), abs=0.03)


def test_endurance_against_the_stop_voltage():
    law = FailureLaw(p_0=1e6, p_1=0.1)
    options = {"v_min": 1.3, "v_max": 1.9, "cell_size": 10.0}
    assert law.at_stop_voltage(1.5, v_best=1.5, **options).p_0 == pytest.approx(1e6)
    # at the ends log10 of the endurance is 0
    assert law.at_stop_voltage(1.3, v_best=1.5, **options).p_0 * np.e == pytest.approx(1.0)
    # by hand: best 1/3, 1 - 1/9 = 8/9; k = log10(e 1e6) 9/8; at 1.4: s = 1/6, 1 - 4/9 = 5/9
    expected = 10 ** (np.log10(np.e * 1e6) * 9 / 8 * 5 / 9) / np.e
    assert law.at_stop_voltage(1.4, v_best=1.5, **options).p_0 == pytest.approx(expected)


def test_loss_of_states_in_seconds():
    found, before = aged(LEVEL, retention=RetentionLoss(1e6, hrs=FailureLaw(1e5, stable_resistance=3e4)))
    np.testing.assert_allclose(1 / found, [[*1 / before[0, :2], 3e4, 3e4]])


# -- reads ---------------------------------------------------------------------------------------


def test_disturb_closed_form():
    law = ReadDisturb(1e6, 0.2, tau_0=10.0, v_0=0.05, read_time=1e-7, beta=0.5)
    found, before = aged(np.array([[0.0, 0.5, 1.0]]), disturb=law)
    share = np.exp(-np.sqrt(0.1 / (10 * np.exp(-4.0))))
    np.testing.assert_allclose(found, ON + (before - ON) * share, rtol=1e-12)
    law = ReadDisturb(1e6, -0.2, 10.0, 0.05, beta=0.5, towards="off", activation_energy=0.5)
    warm, before = aged(np.array([[0.0, 0.5, 1.0]]), disturb=law, temperature=350.0)
    tau = 10 * np.exp(-4.0) * np.exp(0.5 / 8.617333262e-5 * (1 / 350 - 1 / 300))
    np.testing.assert_allclose(warm, OFF + (before - OFF) * np.exp(-np.sqrt(0.1 / tau)), rtol=1e-12)


MAGIC = VTEAM.preset("magic", v_off=0.25)


def test_disturb_by_a_models_rate():
    level = np.linspace(0.05, 0.95, 30).reshape(5, 6)
    law = DeviceDisturb(MAGIC, reads=1e4, voltage=0.27, read_time=1e-9)
    found, before = aged(level, disturb=law)
    t = np.array([0.0, 1e-5])
    exact = MAGIC.simulate(t, np.full((30, 2), 0.27), before.ravel(), save="final").conductance
    change = np.abs(exact - before.ravel())
    assert change.max() > 0.02 * before.max()
    np.testing.assert_allclose(found.ravel(), exact, atol=0.02 * change.max())
    assert (found <= before).all()  # positive voltage RESETs this model


def test_reads_below_the_threshold_change_nothing():
    found, before = aged(np.random.default_rng(0).random((5, 6)),
                         disturb=DeviceDisturb(MAGIC, reads=1e9, voltage=0.2))
    np.testing.assert_array_equal(found, before)
    none, before = aged(np.full((2, 2), 0.4), disturb=DeviceDisturb(MAGIC, reads=0, voltage=5.0))
    np.testing.assert_array_equal(none, before)


# -- torch ---------------------------------------------------------------------------------------

AGEING = {
    "drift": ConductanceDrift.preset("pcm_nandakumar_2019", 1e4),
    "logarithmic": LogarithmicDrift(1e4, lambda x: -0.01 * x, lambda x: 0.002 + 0.01 * x * x),
    "retention": Retention(1e5, tau=1e5, reference=300.0, spread=0.3, end=lambda x: 0.5 * x),
    "endurance": Endurance(1e6, lrs=FailureLaw(1e3, 0.2, 3.0, 0.1), hrs=FailureLaw(1e2, 0.3, 2.0, -0.1),
                           mode="gradual", spread=0.2),
    "disturb": ReadDisturb(1e6, 0.2, tau_0=10.0, v_0=0.05),
}


@pytest.mark.parametrize("name", AGEING)
def test_torch_and_its_gradient(name):
    level = np.random.default_rng(1).uniform(0.1, 0.9, (6, 5))
    effect = {"drift" if name == "logarithmic" else name: AGEING[name]}
    plain, _ = aged(level, **effect)
    tensor = torch.from_numpy(level).requires_grad_()
    found, _ = aged(tensor, **effect)
    np.testing.assert_allclose(found.detach(), plain, rtol=1e-12)
    found.sum().backward()
    up, _ = aged(level + 1e-7, **effect)
    down, _ = aged(level - 1e-7, **effect)
    np.testing.assert_allclose(tensor.grad, (up - down) / 2e-7, rtol=1e-4, atol=1e-9)


def test_disturb_by_a_model_in_torch():
    level = torch.full((2, 3), 0.5, dtype=torch.float64, requires_grad=True)
    law = DeviceDisturb(MAGIC, reads=1e4, voltage=0.27, read_time=1e-9)
    found, _ = aged(level, disturb=law)
    np.testing.assert_allclose(found.detach(), aged(np.full((2, 3), 0.5), disturb=law)[0], rtol=1e-12)
    found.sum().backward()
    np.testing.assert_allclose(level.grad, ON - OFF)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: ConductanceDrift(-1.0), "`time` must be a finite number >= 0 second"),
    (lambda: ConductanceDrift(1.0, nu_sigma=-0.1), "`nu_sigma` must be a finite number >= 0"),
    (lambda: ConductanceDrift(1.0, t_0=0.0), "`t_0` must be a finite number > 0 second"),
    (lambda: ConductanceDrift(1.0, g_max=-1.0), "`g_max` must be"),
    (lambda: ConductanceDrift(1.0, signed=None), "`signed` must be True or False"),
    (lambda: ConductanceDrift.preset("pcm", 1.0), "`name` must be one of"),
    (lambda: LogarithmicDrift(1.0, 0.0, -0.1), "`sigma` must be a finite number >= 0"),
    (lambda: Retention(1.0, beta=1.5), "`beta` must be a finite number > 0 and <= 1"),
    (lambda: Retention(1.0, temperature=0.0), "`temperature` must be a finite number > 0 kelvin"),
    (lambda: FailureLaw(0.0), "`p_0` must be a finite number > 0"),
    (lambda: FailureLaw(1.0, stable_resistance=0.0), "`stable_resistance` must be"),
    (lambda: LRS.at_stop_voltage(1.5, v_min=1.3, v_max=1.9, v_best=1.9), "`v_best` must lie between"),
    (lambda: LRS.at_stop_voltage(2.5, v_min=1.3, v_max=1.9, v_best=1.5), "`v_stop` must be"),
    (lambda: Endurance(1e3, lrs=FailureLaw(1.0)), "`lrs` fails suddenly: it needs"),
    (lambda: Endurance(1e3, hrs=FailureLaw(1.0), mode="gradual"), "`hrs` fails gradually: it needs"),
    (lambda: Endurance(1e3, lrs=0.1), "`lrs` must be a FailureLaw"),
    (lambda: Endurance(1e3, mode="slow"), "`mode` must be one of"),
    (lambda: Endurance(-1.0), "`cycles` must be a finite number >= 0"),
    (lambda: RetentionLoss(-1.0), "`time` must be a finite number >= 0"),
    (lambda: ReadDisturb(1e3, 0.2, tau_0=0.0, v_0=0.1), "`tau_0` must be"),
    (lambda: DeviceDisturb(ExponentialSelector(), 1.0, 0.1), "`device` must be a compact model with a state"),
    (lambda: DeviceDisturb(VTEAM(r_on=[50.0, 60.0]), 1.0, 0.1), "the same parameters for all"),
    (lambda: DeviceDisturb(VTEAM(), 1.0, 0.1, points=3), "`points` must be an integer >= 8"),
    (lambda: NonIdealities(drift=0.1), "`drift` must be an AgeingEffect or None"),
])
def test_mistakes(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
