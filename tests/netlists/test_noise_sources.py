"""Random voltages in time: their statistics, seeds, decks."""

import numpy as np
import pytest
from crossbarsim.netlists.noise_sources import RandomVoltage, TransientNoise
from scipy.signal import welch

from crossbarsim import ParameterError, Pulse, Solver, read_spice


def sampled(wave, step, n):
    return np.array([wave.at(step * k) for k in range(1, n + 1)])


def test_white_noise_has_its_variance_and_a_flat_spectrum():
    x = sampled(TransientNoise(2e-3, 1e-9, seed=3), 1e-9, 1 << 14)
    assert x.std() == pytest.approx(2e-3, rel=0.02)
    assert abs(x.mean()) < 4 * 2e-3 / 128
    _, density = welch(x, 1e9, nperseg=1024)
    assert density[1:-1].mean() == pytest.approx(2 * 2e-3**2 * 1e-9, rel=0.03)
    # a line between two samples
    wave = TransientNoise(1.0, 1.0, seed=1)
    assert wave.at(1.5) == pytest.approx(0.5 * (wave.at(1.0) + wave.at(2.0)))
    assert wave.at(0.0) == 0.0


@pytest.mark.parametrize("alpha", [0.8, 1.0, 1.5])
def test_flicker_noise_falls_with_its_exponent(alpha):
    wave = TransientNoise(0.0, 1e-6, alpha, 1e-3, seed=5)
    x = sampled(wave, 1e-6, 1 << 15)
    f, density = welch(x, 1e6, nperseg=4096)
    inside = (f > 1e3) & (f < 5e4)
    slope = np.polyfit(np.log(f[inside]), np.log(density[inside]), 1)[0]
    assert slope == pytest.approx(-alpha, abs=0.08)


def test_telegraph_noise_dwells_as_long_as_it_says():
    wave = TransientNoise(0.0, 0.0, telegraph=0.5, capture=2e-6, emission=6e-6, seed=2)
    times = np.concatenate([[0.0], wave.breakpoints(4e-2)])
    dwell = np.diff(times)
    low, high = dwell[::2], dwell[1::2]
    assert low.mean() == pytest.approx(2e-6, rel=0.04)
    assert high.mean() == pytest.approx(6e-6, rel=0.04)
    assert low.std() == pytest.approx(2e-6, rel=0.06)  # exponential
    middle = 0.5 * (times[1:] + times[:-1])
    assert {wave.at(t) for t in middle[0:200:2]} == {0.0}
    assert {wave.at(t) for t in middle[1:200:2]} == {0.5}


@pytest.mark.parametrize(("kind", "mean", "std"), [
    ("uniform", 1.0, 2.0 / np.sqrt(3.0)), ("gaussian", 1.0, 2.0), ("exponential", 3.0, 2.0),
    ("poisson", 3.0, np.sqrt(2.0)),
])
def test_random_voltages_have_their_moments(kind, mean, std):
    wave = RandomVoltage(kind, 1e-6, 5e-6, 2.0, 1.0, seed=4)
    x = np.array([wave.at(5e-6 + 1e-6 * (k + 0.5)) for k in range(20_000)])
    assert x.mean() == pytest.approx(mean, abs=4 * std / 141)
    assert x.std() == pytest.approx(std, rel=0.04)
    assert wave.at(4e-6) == 1.0
    assert wave.at(7.2e-6) == wave.at(7.9e-6) != wave.at(8.1e-6)


def test_seeds():
    first, same, other = (TransientNoise(1.0, 1.0, 1.0, 1.0, seed=s) for s in (1, 1, 2))
    late = same.at(5000.0)  # a longer run begins as a shorter one
    assert first.at(10.0) == pytest.approx(same.at(10.0), rel=1e-9) != other.at(10.0)
    assert first.at(5000.0) == pytest.approx(late, rel=1e-9)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: TransientNoise(1.0, 0.0), "`step`"), (lambda: TransientNoise(-1.0, 1.0), "`rms`"),
    (lambda: TransientNoise(0.0, 1.0, 2.5, 1.0), "`alpha`"),
    (lambda: TransientNoise(0.0, 0.0, telegraph=1.0), "`capture`"),
    (lambda: RandomVoltage("cauchy", 1.0), "`kind`"), (lambda: RandomVoltage("uniform", 0.0), "`step`"),
    (lambda: TransientNoise(1.0, 1e-18).breakpoints(1.0), "corners in the run"),
])
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


DECK = """read noise of a cell
v1 a 0 dc 0.2 trnoise(1m 1n 1 0.5m 2m 1u 1u)
v2 b 0 dc 0.2 trnoise(1m 1n 1 0.5m 2m 1u 1u) seed=3
v3 c 0 trrandom(2 10n 5n 0.1 0.5)
r1 a 0 1k
r2 b 0 1k
r3 c 0 1k
.tran 1n 1u
.end
"""


def test_decks_have_them_and_write_them():
    circuit = read_spice(DECK)
    r, = Solver().run(circuit)
    again, = Solver().run(read_spice(DECK))
    np.testing.assert_array_equal(r["v(a)"], again["v(a)"])
    assert np.std(r["v(a)"]) > 5e-4
    assert abs(np.corrcoef(r["v(a)"], r["v(b)"])[0, 1]) < 0.5
    assert np.mean(r["v(a)"]) == pytest.approx(0.2, abs=5e-3)
    assert r["v(c)"][0] == 0.5
    assert np.std(r.at(np.arange(10e-9, 1e-6, 10e-9))["v(c)"]) == pytest.approx(0.1, rel=0.25)
    text = circuit.to_spice()
    assert "DC 0.2 TRNOISE(0.001 1e-09 1.0 0.0005 0.002 1e-06 1e-06)" in text
    written, = Solver().run(read_spice(text))
    grid = np.arange(1e-9, 1e-6, 1e-9)
    np.testing.assert_allclose(written.at(grid)["v(a)"], r.at(grid)["v(a)"], atol=1e-5)
    mixed = read_spice(DECK.replace("v3 c 0 trrandom(2 10n 5n 0.1 0.5)", "v3 c 0 0"))
    mixed.V(9, "d", 0, Pulse(0, 1)).R(9, "d", 0, 1.0)
    Solver().run(mixed)
