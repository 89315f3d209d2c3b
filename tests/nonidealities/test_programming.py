"""Finite states and write noise."""

import numpy as np
import pytest
import scipy.stats as st
import torch
from hypothesis import given, settings
from hypothesis import strategies as hs
from hypothesis.extra.numpy import arrays

from crossbarsim import ParameterError
from crossbarsim.core.draws import Place
from crossbarsim.nonidealities import (
    ConductanceStates,
    Logarithm,
    LogNormal,
    NonIdealities,
    Polynomial,
    Table,
    Variability,
    WriteNoise,
)

ON, OFF = 1e-4, 1e-6
PLACE = Place(2, "fc")
LEVELS = arrays(np.float64, (5, 7), elements=hs.floats(0, 1))
VARIED = (Variability("r_on", LogNormal(0.2)), Variability("r_off", LogNormal(0.3)))
STATES = {
    "conductance": ConductanceStates(5), "resistance": ConductanceStates(6, "resistance"),
    "siemens": ConductanceStates.table([5e-5, 2e-6, 3e-5, 1e-4, 1e-6]),
    "levels": ConductanceStates.table([0.0, 0.1, 0.5, 1.0], "level"),
}


def programmed(level, *, seed=2, **effects):
    return NonIdealities(**effects).chip(level, Place(seed, "fc"), ON, OFF)


# -- states --------------------------------------------------------------------------------------


def test_uniform_states():
    level = np.linspace(0, 1, 1001)[None]
    found = programmed(level, states=ConductanceStates(5))
    np.testing.assert_allclose(np.unique(found), np.linspace(OFF, ON, 5), rtol=1e-12)
    np.testing.assert_allclose(found, OFF + np.round(4 * level) / 4 * (ON - OFF), rtol=1e-9)


def test_states_uniform_in_resistance():
    level = np.linspace(0, 1, 20_001)[None]
    found = programmed(level, states=ConductanceStates(6, "resistance"))
    states = 1 / np.linspace(1 / ON, 1 / OFF, 6)
    np.testing.assert_allclose(np.unique(found), states[::-1], rtol=1e-12)
    target = OFF + level * (ON - OFF)
    nearest = states[np.argmin(np.abs(target[..., None] - states), axis=-1)]
    np.testing.assert_allclose(found, nearest, rtol=1e-12)


@pytest.mark.parametrize("unit", ["siemens", "level"])
def test_tables(unit):
    table = [3e-5, 1e-6, 8e-5] if unit == "siemens" else [0.3, 0.0, 0.8]
    states = ConductanceStates.table(table, unit)
    assert states.count == 3
    level = np.linspace(0, 1, 5001)[None]
    found = programmed(level, states=states)
    exact = np.array(table) if unit == "siemens" else OFF + np.array(table) * (ON - OFF)
    target = OFF + level * (ON - OFF)
    np.testing.assert_allclose(
        np.abs(found - target), np.abs(target[..., None] - exact).min(axis=-1), atol=1e-12
    )


@pytest.mark.parametrize("states", STATES.values(), ids=STATES)
@given(level=LEVELS, seed=hs.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_states_are_idempotent_and_in_each_cells_range(states, level, seed):
    effects = NonIdealities(variability=VARIED, states=states)
    place = Place(seed)
    fab = effects.fabricate(place, level.shape, ON, OFF)
    once = effects.program(level, fab, place)
    assert (once >= fab.g_off * (1 - 1e-12)).all()
    assert (once <= fab.g_on * (1 + 1e-12)).all()
    np.testing.assert_allclose(states.apply(once, fab), once, rtol=1e-12)
    tensor = effects.program(torch.from_numpy(level), fab, place)
    np.testing.assert_allclose(tensor.numpy(), once, rtol=1e-12)


def test_every_cell_has_the_states_of_its_own_range():
    effects = NonIdealities(variability=VARIED, states=ConductanceStates(3))
    fab = effects.fabricate(PLACE, (4, 50), ON, OFF)
    found = effects.program(np.full((4, 50), 0.45), fab, PLACE)
    np.testing.assert_allclose(found, 0.5 * (fab.g_on + fab.g_off), rtol=1e-12)
    assert len(np.unique(found)) == 200


@pytest.mark.parametrize("states", STATES.values(), ids=STATES)
def test_the_gradient_passes_through(states):
    level = torch.linspace(0.01, 0.99, 12, dtype=torch.float64).reshape(3, 4).requires_grad_()
    programmed(level, states=states).sum().backward()
    np.testing.assert_allclose(level.grad, ON - OFF, rtol=1e-12)


# -- write noise ---------------------------------------------------------------------------------


@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
@pytest.mark.parametrize(("noise", "sigma"), [
    (WriteNoise(0.02), 0.02 * (ON - OFF)),
    (WriteNoise(0.05, of="target"), 0.05 * (OFF + 0.6 * (ON - OFF))),
    (WriteNoise(0.03, of="maximum", g_max=5e-5), 1.5e-6),
    (WriteNoise(2e-6, of="siemens"), 2e-6),
    (WriteNoise(Polynomial((0.01, 0.05)), of="maximum"), 1e-4 * (0.01 + 0.05 * 0.604)),
    (WriteNoise(Table((0.0, 0.5, 1.0), (0.0, 0.04, 0.02)), of="range"),
     (0.04 - 0.02 * 0.104 / 0.5) * (ON - OFF)),
    (WriteNoise(lambda x: 0.1 * x, of="target"), 0.1 * 0.604 * 6.04e-5),
], ids=["range", "target", "maximum", "siemens", "polynomial", "table", "function"])
def test_moments_of_the_error(noise, sigma, distribution):
    noise = WriteNoise(noise.sigma, noise.of, distribution, noise.g_max)
    found = programmed(np.full((200, 200), 0.6), write=noise)
    target = OFF + 0.6 * (ON - OFF)
    assert found.mean() == pytest.approx(target, abs=4 * sigma / 200)
    assert found.std() == pytest.approx(sigma, rel=0.02)
    if distribution == "normal":
        assert st.kstest(found.ravel(), st.norm(target, sigma).cdf).pvalue > 0.01
    else:
        s = np.sqrt(np.log1p((sigma / target) ** 2))
        law = st.lognorm(s, scale=target * np.exp(-s * s / 2))
        assert st.kstest(found.ravel(), law.cdf).pvalue > 0.01


def test_cycles_differ_and_the_chip_stays():
    effects = NonIdealities(variability=VARIED, write=WriteNoise(0.02))
    level = np.full((30, 30), 0.5)
    fab = effects.fabricate(PLACE, (30, 30), ON, OFF)
    first, second = (effects.program(level, fab, PLACE, cycle=k) for k in (0, 1))
    np.testing.assert_array_equal(first, effects.program(level, fab, PLACE))
    np.testing.assert_array_equal(
        second, effects.replace(cycle=1).chip(level, PLACE, ON, OFF))
    again = effects.replace(cycle=1).fabricate(PLACE, (30, 30), ON, OFF)
    np.testing.assert_array_equal(again.g_on, fab.g_on)
    errors = [G - (fab.g_off + 0.5 * (fab.g_on - fab.g_off)) for G in (first, second)]
    assert abs(np.corrcoef(errors[0].ravel(), errors[1].ravel())[0, 1]) < 4 / 30


def test_where_errors_end():
    wide = programmed(np.zeros((50, 50)), write=WriteNoise(0.3))
    assert wide.min() == 0.0
    bounded = programmed(np.full((50, 50), 0.9), write=WriteNoise(0.3, bounded=True))
    assert bounded.min() >= OFF
    assert bounded.max() == ON
    positive = programmed(np.zeros((50, 50)), write=WriteNoise(0.3, distribution="lognormal"))
    assert positive.min() > 0


def test_published_chips():
    # microsiemens, by hand from the papers' coefficients
    for name, g, g_max, sigma in (
        ("pcm_nandakumar_2019", 12.5, 25.0, 0.26348 + 1.965 * 0.5 - 1.1731 * 0.25),
        ("reram_wan_2022_1s", 40.0, 40.0, 0.348 + 16.03 - 43.853 + 45.393 - 16.815),
        ("cmo_hfox_2%", 50.0, 88.2, 0.0112185 + 0.0112903 * 50.0),
        ("cmo_hfox_0.2%", 50.0, 88.2, 0.00081107 + 0.00106879 * 50.0),
        ("hfo2_milo_2021", 100.0, 225.0, 4.782321 - 0.9107),
    ):
        noise = WriteNoise.preset(name, g_max=g_max * 1e-6)
        fab = NonIdealities().fabricate(PLACE, (1, 1), 3e-4, 1e-6)
        found = noise.deviation(np.array([[g * 1e-6]]), fab)
        assert found[0, 0] == pytest.approx(sigma * 1e-6, rel=1e-9), name
        # without g_max it scales with the network's g_on
        scaled = WriteNoise.preset(name).deviation(np.array([[g / g_max * 3e-4]]), fab)
        assert scaled[0, 0] == pytest.approx(sigma / g_max * 3e-4, rel=1e-9), name


@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_noise_in_torch_and_its_gradient(distribution):
    noise = WriteNoise(Polynomial((0.01, 0.02, 0.01)), "maximum", distribution)
    level = np.random.default_rng(0).random((4, 5))
    plain = programmed(level, write=noise)
    tensor = torch.from_numpy(level).requires_grad_()
    found = programmed(tensor, write=noise)
    np.testing.assert_allclose(found.detach(), plain, rtol=1e-12)
    found.sum().backward()
    step = 1e-6
    slope = (programmed(level + step, write=noise) - programmed(level - step, write=noise)) / (2 * step)
    np.testing.assert_allclose(tensor.grad, slope, rtol=1e-6)
    single = programmed(tensor.detach().float(), write=noise)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, plain, rtol=1e-5)


@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_no_noise_has_the_targets_gradient(distribution):
    noise = WriteNoise(Polynomial((-2.0, 1.0)), "maximum", distribution, bounded=True)  # never > 0
    level = torch.tensor([[0.0, 0.5, 1.0]], dtype=torch.float64, requires_grad=True)
    found = programmed(level, write=noise)
    np.testing.assert_allclose(found.detach(), [[OFF, 0.5 * (OFF + ON), ON]], rtol=1e-12)
    found.sum().backward()
    np.testing.assert_allclose(level.grad, ON - OFF, rtol=1e-9)


@given(hs.floats(0, 1), hs.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_dependences_agree_in_torch(x, y):
    points = np.sort([x, y])
    for law in (Polynomial((0.1, -0.3, 0.5)), Logarithm(0.02, -0.01, 0.0, 0.05),
                Table((0.0, 0.3, 0.7), (0.1, 0.2, 0.0))):
        np.testing.assert_allclose(law(torch.from_numpy(points)), law(points), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: ConductanceStates(1), "`count` must be an integer >= 2"),
    (lambda: ConductanceStates(4, "log"), "`spacing` must be one of"),
    (lambda: ConductanceStates.table([1e-6]), "`count` must be an integer >= 2"),
    (lambda: ConductanceStates.table([-1e-6, 1e-6]), "`values` must rise and be >= 0"),
    (lambda: ConductanceStates.table([0.0, 1.5], "level"), "`values` are levels"),
    (lambda: ConductanceStates(3, values=(0.0, 1.0)), "`values` must be 3 numbers"),
    (lambda: NonIdealities(states=ConductanceStates(4, "resistance")).chip(
        np.ones((2, 2)), PLACE, ON, 0.0), "need `g_off` > 0 of every cell"),
    (lambda: WriteNoise(-0.1), "`sigma` must be a finite number >= 0"),
    (lambda: WriteNoise(0.1, of="level"), "`of` must be one of"),
    (lambda: WriteNoise(0.1, distribution="gamma"), "`distribution` must be one of"),
    (lambda: WriteNoise(0.1, g_max=0.0), "`g_max` must be a finite number > 0 siemens"),
    (lambda: WriteNoise(0.1, bounded=1), "`bounded` must be True or False"),
    (lambda: WriteNoise.preset("pcm"), "`name` must be one of 'pcm_nandakumar_2019'"),
    (lambda: Polynomial(()), "`coefficients` must be a row of numbers"),
    (lambda: Polynomial((1.0,), 2.0, 1.0), "`low` must be <= `high`"),
    (lambda: Table((0.0, 0.0), (1.0, 2.0)), "`x` must rise"),
    (lambda: Table((0.0,), (1.0,)), "at least 2"),
    (lambda: NonIdealities(write=0.1), "`write` must be a WriteEffect or None"),
    (lambda: NonIdealities(cycle=-1), "`cycle` must be an integer >= 0"),
    (lambda: NonIdealities().program(
        np.ones((2, 3)), NonIdealities().fabricate(PLACE, (2, 2), ON, OFF), PLACE),
     r"`level` must have shape \(2, 2\); got \(2, 3\)"),
])
def test_mistakes(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
