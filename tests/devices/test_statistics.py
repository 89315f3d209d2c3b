"""The noise of stochastic models: statistics do not depend on steps, draws not on threads."""

import numpy as np
import pytest

from crossbarsim.devices import StanfordPKU

COUNT = 4000


def gaps(rtol=1e-6, points=2, seed=1, v=1.0, time=4e-9, threads=1, count=COUNT, **changes):
    device = StanfordPKU.preset("stochastic", **changes)
    t = np.linspace(0.0, time, points)
    start = np.full((1, count), 0.95e-9)
    return device.simulate(
        t, np.full(points, v), state=start, seed=seed, rtol=rtol, threads=threads, save="final"
    ).state[0]


def assert_same_distribution(a, b):
    spread = np.hypot(a.std(), b.std()) / np.sqrt(len(a))
    assert abs(a.mean() - b.mean()) < 4 * spread
    # the standard error of a standard deviation of normal numbers
    assert abs(a.std() - b.std()) < 4 * spread / np.sqrt(2)


def test_diffusion_of_an_unbiased_gap():
    # at 0 V nothing drifts: the variance is amplitude^2 time
    found = gaps(v=0.0)
    amplitude = 0.02 * np.sqrt(1e-9) / (1 + np.exp((450.0 - 298.0) / 500.0))
    sigma = amplitude * np.sqrt(4e-9)
    assert found.mean() == pytest.approx(0.95e-9, abs=4 * sigma / np.sqrt(COUNT))
    assert found.std() == pytest.approx(sigma, rel=4 / np.sqrt(2 * COUNT))
    skew = np.mean((found - found.mean()) ** 3) / found.std() ** 3
    assert abs(skew) < 4 * np.sqrt(6 / COUNT)


@pytest.mark.parametrize("other", [{"rtol": 1e-9}, {"points": 41}, {"points": 401, "rtol": 1e-4}])
def test_statistics_do_not_depend_on_the_steps(other):
    assert_same_distribution(gaps(seed=1, v=1.2), gaps(seed=2, v=1.2, **other))


def test_delta_means_what_it_meant_at_its_own_step():
    # the published way: one normal number per step of t_ref, held for the step
    device = StanfordPKU.preset("stochastic")
    rng = np.random.default_rng(3)
    x = np.full(COUNT, 0.95e-9)
    for _ in range(4):
        current = device.current(1.0, x[None])
        heat = 298.0 + np.abs(current) * 2.1e3
        noise = 0.02 / (1 + np.exp((450.0 - heat) / 500.0)) * rng.normal(size=COUNT)
        x = np.clip(x + (device.rate(1.0, x[None])[0] + noise) * 1e-9, 0.2e-9, 1.7e-9)
    assert_same_distribution(gaps(seed=4), x)


def test_the_same_seed_is_the_same_chip():
    count = 5000  # more than one block of devices
    one = gaps(threads=1, count=count, time=1e-9)
    np.testing.assert_array_equal(one, gaps(threads=2, count=count, time=1e-9))
    np.testing.assert_array_equal(one[:100], gaps(count=100, time=1e-9))
    assert not np.array_equal(one, gaps(seed=2, count=count, time=1e-9))
    assert len(np.unique(one)) == count


def test_without_noise_all_devices_are_alike():
    assert np.ptp(gaps(delta=0.0, count=8)) == 0.0
    assert not StanfordPKU().stochastic


def test_switching_voltages_spread_with_the_noise():
    t = np.linspace(0.0, 1e-6, 401)
    v = 1.9 * t / t[-1]
    spreads = []
    for delta in (0.005, 0.02):
        device = StanfordPKU.preset("stochastic", delta=delta)
        trace = device.simulate(t, np.broadcast_to(v, (300, len(t))), seed=5, rtol=1e-4)
        switched = v[np.argmax(trace.state[0] < 0.6e-9, axis=1)]
        assert np.all(switched > 1.0)
        spreads.append(switched.std())
    assert spreads[1] > 2 * spreads[0]
