"""Presets of published chips: what is drawn follows the published formulas, in microsiemens here."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import ParameterError
from crossbarsim.nn import CrossbarConfig, convert
from crossbarsim.nonidealities import (
    MeasuredDrift,
    NonIdealities,
    Piecewise,
    Place,
    ReadNoise,
    Saturation,
    StateNoise,
)
from crossbarsim.nonidealities.published import CHIPS

DAY = 86400.0
MANY = 20000


def drawn(effects, target, g_on, g_off=0.0):
    """Conductances of many cells of one target, uS."""
    level = np.full((MANY // 100, 100), (target * 1e-6 - g_off) / (g_on - g_off))
    return 1e6 * effects.chip(level, Place(5, "x"), g_on, g_off).ravel()


def noise_of(effects, target):
    """Standard deviation of a cell's conductance from read to read, uS."""
    return float(effects.noise.flicker.sigma(np.array([target * 1e-6]))[0]) * target


@pytest.mark.parametrize("target", [5.0, 12.5, 22.0])
@pytest.mark.parametrize("time", [20.0, 30 * DAY])
def test_phase_change_cells_of_the_million_cell_array(target, time):
    effects = NonIdealities.preset("pcm_nandakumar_2019", time)
    x = target / 25.0
    written = drawn(effects.without("drift"), target, 25e-6)
    sigma = 0.26348 + 1.9650 * x - 1.1731 * x**2
    kept = written > 0
    assert written[kept].mean() == pytest.approx(target, abs=0.05)
    assert written[kept].std() == pytest.approx(sigma, rel=0.03)
    aged = drawn(effects.without("write"), target, 25e-6)
    mu = min(max(-0.0155 * math.log(x) + 0.0244, 0.049), 0.1)
    spread = min(max(-0.0125 * math.log(x) - 0.0059, 0.008), 0.045)
    if time > 20.0:
        nu = -np.log(aged / target) / math.log(time / 20.0)
        assert nu.mean() == pytest.approx(mu, rel=0.03)  # the few below 0 are folded
        assert nu.std() == pytest.approx(spread, rel=0.05)
    else:
        np.testing.assert_allclose(aged, target)
    read = min(0.0088 * x**-0.65, 0.2) * math.sqrt(math.log((time + 250e-9) / (2 * 250e-9)))
    assert noise_of(effects, target) == pytest.approx(target * read, rel=1e-6)


@pytest.mark.parametrize("target", [1.0, 4.0, 10.0, 18.0])
def test_unit_cells_of_hermes(target):
    time = 7 * DAY
    effects = NonIdealities.preset("pcm_hermes_2023", time)
    x = target / 20.7
    written = drawn(effects.without("drift"), target, 20.7e-6)
    sigma = 0.16603222 + 4.71806468 * x - 8.48101252 * x**2 + 4.68961419 * x**3
    assert written.std() == pytest.approx(sigma, rel=0.04)
    aged = drawn(effects.without("write"), target, 20.7e-6)
    nu = -np.log(aged / target) / math.log(time / 300.0)
    mu = (min(max(-0.0387 * math.log(x) - 0.0182, 0.072), 0.13) if x < 0.0945
          else -0.0436 * x**2 - 0.0126 * x + 0.0736)
    spread = (min(max(-0.0117 * math.log(x) - 0.0057, 0.0091), 0.04) if x < 0.3055
              else -0.0118 * x**2 + 0.0093 * x + 0.0073)
    assert nu.mean() == pytest.approx(mu, rel=0.02)
    assert nu.std() == pytest.approx(spread, rel=0.04)
    q = (min(max(-0.0117 * math.log(x) - 0.0069, 0.015), 0.04) if x < 0.16
         else 0.0069 * x**3 - 0.0280 * x**2 + 0.0211 * x + 0.0123)
    read = q * math.sqrt(math.log((time + 512e-9) / (2 * 512e-9)))
    assert noise_of(effects, target) == pytest.approx(target * read, rel=1e-6)


WAN = {
    1.0: (0.348, 16.030, -43.853, 45.393, -16.815), DAY: (0.701, 22.086, -50.773, 47.095, -16.458),
    2 * DAY: (0.782, 20.274, -43.507, 37.062, -11.934),
}


@pytest.mark.parametrize("target", [10.0, 25.0, 36.0])
def test_cells_of_neurram_spread_as_they_relax(target):
    sigmas = {t: sum(c * (target / 40.0) ** k for k, c in enumerate(row)) for t, row in WAN.items()}
    for time, sigma in sigmas.items():
        got = drawn(NonIdealities.preset("reram_neurram_2022", time), target, 40e-6, 1e-6)
        assert got.mean() == pytest.approx(target, abs=0.06)
        assert got.std() == pytest.approx(sigma, rel=0.03)
    between = drawn(NonIdealities.preset("reram_neurram_2022", math.sqrt(DAY)), target, 40e-6, 1e-6)
    assert between.std() == pytest.approx(0.5 * (sigmas[1.0] + sigmas[DAY]), rel=0.03)


@pytest.mark.parametrize("target", [1.0, 5.0, 10.0, 20.0, 30.0, 39.0])
def test_two_fits_of_one_publication_agree_within_a_microsiemens(target):
    # CrossSim's cubic fit to Extended Data Fig. 3 of Wan et al. 2022
    cubic = 1.536e-4 * target**3 - 1.167e-2 * target**2 + 2.374e-1 * target + 1.053
    drift = NonIdealities.preset("reram_neurram_2022", 1.0).drift
    sigma = 40.0 * float(drift.sigmas[0](np.array(target / 40.0)))
    assert 0.1 < cubic - sigma < 0.6


@pytest.mark.parametrize("time", [1.0, 1e4, 1e7])
def test_cmo_cells_sink_and_spread_with_the_logarithm_of_time(time):
    got = drawn(NonIdealities.preset("reram_cmo_falcone_2025", time), 50.0, 88.2e-6, 9e-6)
    assert got.mean() == pytest.approx(50.0 - 0.08900206 * math.log(time), abs=0.03)
    assert got.std() == pytest.approx(0.41183342 + 0.04201137 * math.log(time), rel=0.03)


def test_cells_written_by_igvva():
    got = drawn(NonIdealities.preset("reram_milo_2021"), 120.0, 225e-6, 50e-6)
    assert got.std() == pytest.approx(4.782321 - 0.009107 * 120.0, rel=0.03)


SONOS = {  # days: current (nA) after drift by polynomials of two published days, size and scale
    0.0: ((), 19.88665, 176.3115),
    1.0: ((1.72684e-01, 5.72552e-02, -6.85715e-04, 3.50271e-06, -9.37682e-09, 1.40575e-11,
           -1.19803e-14, 5.41293e-18, -8.85448e-22, -1.66869e-25, 5.95180e-29), 25.59102, 186.85544),
    5.0: ((3.19927e-01, 1.06596e-01, -1.04054e-03, 4.50290e-06, -1.10352e-08, 1.56477e-11,
           -1.27592e-14, 5.45513e-18, -7.26841e-22, -2.43893e-25, 7.14608e-29), 34.57909, 207.34309),
}


@pytest.mark.parametrize("current", [300.0, 800.0, 1500.0])
@pytest.mark.parametrize("days", SONOS)
def test_charge_traps_drift_and_spread(current, days):
    powers, size, scale = SONOS[days]
    effects = NonIdealities.preset("sonos_agrawal_2022", DAY * days)
    got = drawn(effects, current / 100.0, 16e-6, 1.6e-12) * 100.0  # nA at 0.1 V
    mean = current + sum(c * current**k for k, c in enumerate(powers))
    sigma = size * (1.0 - math.exp(-mean / scale))
    assert got.mean() == pytest.approx(mean, abs=0.03 * sigma + 1e-9)
    assert got.std() == pytest.approx(sigma, rel=0.03)
    read = 12.58037 * (1.0 - math.exp(-current / 215.36557))
    assert noise_of(effects, current / 100.0) * 100.0 == pytest.approx(read, rel=1e-6)


def test_states_scale_with_the_largest():
    small, large = (
        NonIdealities.preset("reram_neurram_2022", DAY, g_max=g) for g in (40e-6, 80e-6)
    )
    np.testing.assert_allclose(
        drawn(large, 40.0, 80e-6, 2e-6), 2.0 * drawn(small, 20.0, 40e-6, 1e-6), rtol=1e-9)


@pytest.mark.parametrize("name", CHIPS)
def test_networks_are_put_on_published_chips(name):
    torch.manual_seed(0)
    layer = nn.Linear(30, 8, bias=False).double().requires_grad_(False)
    config = CrossbarConfig.preset(name, input_range=1.0, seed=4)
    chip = CHIPS[name]
    assert (config.g_on, config.g_off) == (chip.array["g_on"], chip.array["g_off"])
    assert CrossbarConfig.from_toml(config.to_toml()) == config
    x = torch.rand(20, 30, dtype=torch.float64)
    y = convert(nn.Sequential(layer), config)(x)
    assert 0.005 < float((y - layer(x)).norm() / layer(x).norm()) < 0.6
    assert name in NonIdealities.presets()
    assert NonIdealities.source(name) == chip.source


def test_other_sizes_and_errors_of_a_published_chip():
    config = CrossbarConfig.preset("pcm_hermes_2023", 3600.0, tile_shape=(64, 64), nonidealities=None)
    assert (config.tile_shape, config.g_on, config.nonidealities) == ((64, 64), 20.7e-6, None)
    scaled = CrossbarConfig.preset("pcm_hermes_2023", g_on=50e-6)
    assert scaled.nonidealities.write.g_max == 50e-6


@pytest.mark.parametrize(("make", "words"), [
    (lambda: NonIdealities.preset("pcm_nandakumar"), "did you mean 'pcm_nandakumar_2019'"),
    (lambda: NonIdealities.preset("sonos_agrawal_2022", 6 * DAY), "432000"),
    (lambda: NonIdealities.preset("reram_neurram_2022", 0.5), "from 1 s"),
    (lambda: NonIdealities.preset("pcm_hermes_2023", g_max=-1.0), "g_max"),
    (lambda: CrossbarConfig.preset("unknown"), "name"),
    (lambda: MeasuredDrift(3.0, (0.0, 2.0), (0.0, 0.0), (0.0, 0.0)), "time"),
    (lambda: MeasuredDrift(1.0, (0.0, 2.0), (0.0,), (0.0, 0.0)), "shifts"),
    (lambda: MeasuredDrift(1.0, (2.0, 1.0), (0.0, 0.0), (0.0, 0.0)), "rising"),
    (lambda: MeasuredDrift(1.0, (0.0, 2.0), (0.0, 0.0), (0.0, 0.0), "log"), "must be > 0"),
    (lambda: StateNoise(-0.1), "spread"),
    (lambda: Saturation(1.0, 0.0), "scale"),
    (lambda: Piecewise(math.nan, 0.1, 0.2), "limit"),
    (lambda: ReadNoise(flicker=1.0), "flicker"),
])
def test_what_was_not_measured_is_refused(make, words):
    with pytest.raises(ParameterError, match=words):
        make()


def test_noise_of_states_that_do_not_conduct_is_finite():
    noise = StateNoise(Saturation(0.01, 0.2), of="maximum", g_max=1e-5)
    sigma = noise.sigma(np.array([0.0, 1e-5]))
    assert sigma[0] == pytest.approx(0.05, rel=1e-3)  # relative: size over scale
    assert sigma[1] == pytest.approx(0.01 * (1 - math.exp(-5.0)))
    law = ReadNoise(thermal=False, flicker=StateNoise(0.02))
    G = np.full((40, 3), 2e-5)
    drawn_currents = law.sample(np.full((4000, 40), 0.2), G.T, G, Place(2))
    assert drawn_currents.std() == pytest.approx(0.02 * 0.2 * 2e-5 * math.sqrt(40), rel=0.03)
