"""Noise of reads: statistics against formulas, reads one by one, the quick way and the circuit."""

import itertools

import numpy as np
import pytest
import torch
from scipy.constants import Boltzmann, elementary_charge
from scipy.integrate import trapezoid
from scipy.signal import welch
from scipy.stats import binom, chi2, kstest

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.core.draws import Place, read_normals, read_uniforms
from crossbarsim.nonidealities.iv_curves import SinhIV
from crossbarsim.nonidealities.noise.circuit import CircuitNoise
from crossbarsim.nonidealities.noise.flicker import FlickerNoise
from crossbarsim.nonidealities.noise.noise import ReadNoise, shot_density
from crossbarsim.nonidealities.noise.telegraph import TelegraphNoise

PLACE = Place(11, "layer", "positive", (0, 1))
SILENT = {"thermal": False, "flicker": None}
EVERYTHING = ReadNoise(feedback=1e5, shot=0.3, telegraph=TelegraphNoise(fraction=0.3))


def array(rows=12, columns=9, seed=0):
    rng = np.random.default_rng(seed)
    G = 10 ** rng.uniform(-5.5, -4, (rows, columns))
    return G, rng.uniform(-0.2, 0.2, (1, rows))


def same_variance(samples, variance, alpha=1e-4):
    """Whether the samples (K, ...) can have the variance (...): chi-square, all of them together."""
    count = samples.shape[0]
    ratio = (samples**2).sum(axis=0) / variance
    low, high = chi2.ppf([alpha / 2, 1 - alpha / 2], count)
    assert (ratio > low).all(), ratio.min() / count
    assert (ratio < high).all(), ratio.max() / count


def test_numbers_of_a_read_do_not_depend_on_the_batch():
    whole = read_normals(PLACE, "x", 0, 100, 7)
    parts = [read_normals(PLACE, "x", a, b - a, 7) for a, b in itertools.pairwise((0, 13, 64, 100))]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert len(np.unique(whole)) == 700
    assert kstest(read_normals(PLACE, "x", 0, 5000, 7).ravel(), "norm").pvalue > 1e-3
    assert not np.array_equal(whole, read_normals(Place(12, "layer", "positive", (0, 1)), "x", 0, 100, 7))
    uniform = read_uniforms(PLACE, "x", 5, 2000, 3)
    assert 0 < uniform.min() < uniform.max() < 1


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_a_hundred_reads_in_one_batch_or_three(kind):
    G, _ = array()
    V = np.random.default_rng(1).uniform(-0.2, 0.2, (100, 12))
    W = G.T
    if kind == "torch":
        V, W, G = (torch.tensor(x) for x in (V, W, G))
    whole = EVERYTHING.sample(V, W, G, PLACE)
    cuts = list(itertools.pairwise((0, 37, 41, 100)))
    parts = [EVERYTHING.sample(V[a:b], W, G, PLACE, a) for a, b in cuts]
    join = torch.cat if kind == "torch" else np.concatenate
    np.testing.assert_allclose(whole, join(parts), rtol=1e-12)  # products round by batch
    back = [EVERYTHING.sample(V[k:k + 1], W, G, PLACE, k) for k in reversed(range(100))]
    np.testing.assert_allclose(whole, join(back[::-1]), rtol=1e-12)
    later = EVERYTHING.sample(V, W, G, PLACE, 100)
    assert not np.allclose(whole, later)


def test_reads_solved_one_by_one_do_not_depend_on_the_batch():
    G, _ = array(5, 4)
    V = np.random.default_rng(2).uniform(-0.2, 0.2, (30, 5))
    circuit = CircuitNoise(Crossbar(G, Wires(5.0, 5.0)), EVERYTHING, PLACE)
    for method in (circuit.read, circuit.first_order):
        parts = [method(V[a:b], a) for a, b in itertools.pairwise((0, 11, 12, 30))]
        np.testing.assert_allclose(method(V), np.concatenate(parts), rtol=1e-9, atol=1e-18)


def test_phases_of_a_read_have_their_own_draws_and_the_same_traps():
    G, V = array()
    V = np.repeat(V, 400, axis=0)
    noise = ReadNoise(**SILENT, telegraph=TelegraphNoise(fraction=0.05))
    one, two = (noise.sample(V, G.T, G, PLACE, phase=k) for k in (0, 1))
    assert not np.array_equal(one, two)
    np.testing.assert_array_equal((np.abs(one) > 1e-15).any(axis=0), (np.abs(two) > 1e-15).any(axis=0))
    white = [ReadNoise().sample(V, G.T, G, PLACE, phase=k) for k in (0, 1)]
    assert np.abs(np.corrcoef(white[0].ravel(), white[1].ravel())[0, 1]) < 0.08


def test_numpy_and_torch_draw_the_same():
    G, V = array()
    V = np.repeat(V, 5, axis=0)
    one = EVERYTHING.sample(V, G.T, G, PLACE, 3)
    two = EVERYTHING.sample(*(torch.tensor(x) for x in (V, G.T, G)), PLACE, 3)
    np.testing.assert_allclose(one, two, rtol=1e-12)
    single = EVERYTHING.sample(*(torch.tensor(x, dtype=torch.float32) for x in (V, G.T, G)), PLACE, 3)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(one, single, rtol=2e-4, atol=1e-12)


def test_thermal_noise_goes_with_temperature_and_bandwidth():
    G, V = array()
    V = np.zeros_like(np.repeat(V, 4000, axis=0))
    for temperature, bandwidth, feedback in ((300.0, 1e7, None), (400.0, 3e6, 2e4)):
        noise = ReadNoise(flicker=None, bandwidth=bandwidth, feedback=feedback)
        total = G.sum(axis=0) + (1 / feedback if feedback else 0.0)
        expected = 4 * Boltzmann * temperature * bandwidth * total
        found = noise.variance(V[:1], G.T, G, temperature=temperature)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        same_variance(noise.sample(V, G.T, G, PLACE, temperature=temperature), expected)
    draws = [ReadNoise(flicker=None).sample(V[:8], G.T, G, PLACE, temperature=t) for t in (150.0, 600.0)]
    np.testing.assert_allclose(draws[1], 2 * draws[0], rtol=1e-12)
    wide = ReadNoise(flicker=None, bandwidth=9e7).sample(V[:8], G.T, G, PLACE, temperature=150.0)
    np.testing.assert_allclose(wide, 3 * draws[0], rtol=1e-12)


def test_thermal_noise_of_the_network_is_nyquists():
    # two resistors in series make the noise of their sum, whatever parts are wires
    circuit = CircuitNoise(
        Crossbar([[1e-4]], Wires(word=1e3, bit=2e3, driver=500.0, sense=700.0)),
        ReadNoise(flicker=None), PLACE, temperature=350.0,
    )
    resistance = 1e4 + 1e3 + 2e3 + 500.0 + 700.0
    expected = 4 * Boltzmann * 350.0 * 1e7 / resistance
    assert circuit.variance([[0.0]])[0, 0] == pytest.approx(expected, rel=1e-9)
    # of an array, correlated between columns: as resistors with sources of their own, summed
    G, V = array(6, 4)
    xbar = Crossbar(G, Wires(200.0, 0.0, driver=300.0, sense=400.0))
    circuit = CircuitNoise(xbar, ReadNoise(flicker=None), PLACE)
    noise = circuit.additive(np.repeat(V, 40000, axis=0))
    covariance = noise.T @ noise / len(noise)
    expected = 4 * Boltzmann * 300.0 * 1e7 * circuit.fields.admittance
    np.testing.assert_allclose(covariance, expected, atol=0.03 * expected.max())
    assert abs(expected[0, 1]) > 0.01 * expected[0, 0]
    sum_of_cells = 4 * Boltzmann * 300.0 * 1e7 * np.einsum(
        "jmn,kmn,mn->jk", circuit.fields.across, circuit.fields.across, G
    )
    wires = expected - sum_of_cells  # what the lines add is a variance too
    assert np.linalg.eigvalsh(wires).min() > 0


def test_sense_fields_are_derivatives():
    G, V = array(5, 4)
    wires = Wires(30.0, 20.0, driver=50.0, sense=40.0)
    fields = CircuitNoise(Crossbar(G, wires), ReadNoise(), PLACE).fields
    tight = Solver(rtol=1e-13)
    quiet = tight.solve(Crossbar(G, wires), V[0])
    for i, k in np.ndindex(5, 4):
        moved = G.copy()
        moved[i, k] *= 1 + 1e-5
        change = tight.solve(Crossbar(moved, wires), V[0]).currents - quiet.currents
        found = fields.across[:, i, k] * quiet.cell_voltages[i, k] * 1e-5 * G[i, k]
        np.testing.assert_allclose(found, change, rtol=1e-3, atol=1e-6 * np.abs(change).max())
    other = CircuitNoise(Crossbar(G, wires), ReadNoise(), PLACE, solver=Solver(method="mna")).fields
    np.testing.assert_allclose(fields.across, other.across, rtol=1e-7)
    np.testing.assert_allclose(fields.admittance, other.admittance, rtol=1e-7)


def test_shot_noise_joins_thermal_noise():
    G = np.full((1, 1), 1e-4)
    for v in (0.0, 1e-6, 0.003, 0.05, 1.0):
        x = elementary_charge * v / (2 * Boltzmann * 300.0)
        total = 4 * Boltzmann * 300.0 * G + shot_density(G, np.full((1, 1), -v), 1.0, 300.0)
        expected = 2 * elementary_charge * G * v / np.tanh(x) if v else 4 * Boltzmann * 300.0 * G
        np.testing.assert_allclose(total, expected, rtol=1e-6)
    # far above k T / e: Schottky's 2 e I, a third of it for a diffusive conductor
    noise = ReadNoise(thermal=False, flicker=None, shot=1 / 3, bandwidth=1e6)
    G, _ = array()
    V = np.full((5000, 12), 2.0)
    found = noise.variance(V[:1], G.T, G) + noise.bandwidth * 4 * Boltzmann * 300.0 * G.sum(axis=0) / 3
    np.testing.assert_allclose(found[0], 2 * elementary_charge / 3 * (V[0] @ G) * 1e6, rtol=1e-9)
    same_variance(noise.sample(V, G.T, G, PLACE), noise.variance(V[:1], G.T, G)[0])


def test_flicker_noise_has_its_variance():
    law = FlickerNoise(amplitude=2e-6, f_min=10.0, f_max=1e6, reference=1e-5, slope=0.8, limit=1e-5)
    G, V = array()
    f = np.logspace(1, 6, 200001)
    expected = np.minimum(2e-6 * (G / 1e-5) ** -0.8, 1e-5) * trapezoid(1 / f, f)
    np.testing.assert_allclose(law.sigma(G) ** 2, expected, rtol=1e-6)
    noise = ReadNoise(thermal=False, flicker=law)
    V = np.repeat(V, 5000, axis=0)
    same_variance(noise.sample(V, G.T, G, PLACE), V[0] ** 2 @ (G**2 * expected))
    relative = noise.conductances(G, PLACE, 5000) / G - 1
    same_variance(relative, expected)
    assert law.sigma(np.zeros(2)) == pytest.approx(np.sqrt(1e-5 * np.log(1e5)))


def test_phase_change_noise_is_as_published():
    g = np.array([0.5, 5.0, 25.0]) * 1e-6
    sigma = FlickerNoise.phase_change(25e-6, time=1e4).sigma(g)
    published = np.minimum(0.0088 / (g / 25e-6) ** 0.65, 0.2) * np.sqrt(
        np.log((1e4 + 250e-9) / (2 * 250e-9))
    )
    np.testing.assert_allclose(sigma, published, rtol=1e-12)


def test_few_traps_are_not_gaussian():
    law = TelegraphNoise(amplitude=0.2, fraction=0.2, capture=3e-3, emission=1e-3)
    G = np.full((6, 40), 5e-5)
    V = np.full((4000, 6), 0.1)
    noise = ReadNoise(**SILENT, telegraph=law).sample(V, G.T, G, PLACE)
    traps = law.cells(PLACE, (6, 40)).sum(axis=0)
    assert traps.sum() == pytest.approx(48, abs=25)
    assert set(traps) >= {0, 1, 2}
    jump = 0.2 * 0.1 * 5e-5
    for column, n in enumerate(traps):
        full = law.occupancy * n - noise[:, column] / jump  # filled traps in every read
        np.testing.assert_allclose(full, np.round(full), atol=1e-7)
        counts = np.bincount(np.round(full).astype(int), minlength=n + 1)
        expected = binom.pmf(np.arange(n + 1), n, 0.25)
        np.testing.assert_allclose(counts / 4000, expected, atol=5 * np.sqrt(0.25 / 4000))
    mean = ReadNoise(**SILENT, telegraph=law).variance(V[:1], G.T, G)
    own = ReadNoise(**SILENT, telegraph=law).variance(V[:1], G.T, G, place=PLACE)
    np.testing.assert_allclose(own[0], traps * jump**2 * 0.25 * 0.75, rtol=1e-9)
    np.testing.assert_allclose(mean[0], 6 * 0.2 * jump**2 * 0.25 * 0.75, rtol=1e-9)


def test_telegraph_noise_keeps_the_mean():
    law = TelegraphNoise(amplitude=0.3, fraction=1.0, capture=1e-3, emission=4e-3, slope=0.5)
    G = np.array([[1e-6, 1e-5, 1e-4, 1e-3]])
    found = ReadNoise(**SILENT, telegraph=law).conductances(G, PLACE, 20000)[:, 0]
    height = np.minimum(0.3 * (G[0] / 1e-4) ** -0.5, 0.5)
    np.testing.assert_allclose(law.height(G)[0], height)
    for k in range(4):
        values = np.unique(found[:, k])
        np.testing.assert_allclose(
            values, G[0, k] * (1 + height[k] * np.array([0.8 - 1, 0.8])), rtol=1e-12
        )
    np.testing.assert_allclose(found.mean(axis=0), G[0], rtol=5 * 0.5 * 0.4 / np.sqrt(20000))


def test_telegraph_sequence_has_its_spectrum_and_times():
    law = TelegraphNoise(amplitude=0.1, fraction=1.0, capture=4e-3, emission=1e-3)
    step, count = 1e-4, 1 << 15
    times = step * np.arange(count)
    filled, state = law.sequence(PLACE, (1, 8), times)
    assert filled.mean() == pytest.approx(0.2, abs=0.01)
    assert state[0] == times[-1]
    # mean stays: a run that is full lasts one emission time
    for value, mean in ((True, 1e-3), (False, 4e-3)):
        lengths = []
        for k in range(8):
            edges = np.flatnonzero(np.diff(filled[:, 0, k])) + 1
            runs = np.split(filled[:, 0, k], edges)[1:-1]
            lengths += [len(r) for r in runs if r[0] == value]
        # seen at multiples of the step: geometric with the exact probability to leave
        p = 0.2 if value else 0.8
        leave = (1 - p) * (1 - np.exp(-step * (1 / 4e-3 + 1 / 1e-3)))
        assert np.mean(lengths) == pytest.approx(1 / leave, rel=0.05)
        assert np.mean(lengths) * step == pytest.approx(mean, rel=0.2)
    G = 1e-4 * (1 + 0.1 * (0.2 - filled[:, 0]))
    f, power = welch(G.T, fs=1 / step, nperseg=2048, detrend="constant")
    band = (f > 15) & (f < 700)  # below, windows; above, folding
    ratio = power.mean(axis=0)[band] / law.spectrum(1e-4, f[band])
    for part in np.array_split(ratio, 8):
        assert part.mean() == pytest.approx(1.0, abs=0.12)
    everything = trapezoid(law.spectrum(1e-4, np.linspace(0, 1e6, 2_000_001)), dx=0.5)
    assert everything == pytest.approx((0.1 * 1e-4) ** 2 * 0.16, rel=2e-3)


def test_a_sequence_in_parts_is_the_whole():
    law = TelegraphNoise(fraction=0.5, capture=2e-3, emission=1e-3, decades=2.0)
    times = np.cumsum(np.random.default_rng(0).exponential(1e-3, 60))
    whole, _ = law.sequence(PLACE, (4, 3), times)
    state, parts = None, []
    for a, b in itertools.pairwise((0, 17, 18, 60)):
        part, state = law.sequence(PLACE, (4, 3), times[a:b], first=a, state=state)
        parts.append(part)
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert not whole[:, ~law.cells(PLACE, (4, 3))].any()
    rates = law.rates(PLACE, (4, 3)) / (1 / 2e-3 + 1 / 1e-3)
    assert rates.min() >= 0.1
    assert rates.max() <= 10.0
    noise = ReadNoise(**SILENT, telegraph=law)
    G = np.full((4, 3), 1e-4)
    found = noise.conductances(G, PLACE, 60, times=times)
    expected = G * (1 + np.where(law.cells(PLACE, (4, 3)), 0.05 * (1 / 3 - whole), 0.0))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


NOISES = {
    "flicker": ReadNoise(thermal=False, flicker=FlickerNoise(amplitude=1e-5)),
    "telegraph": ReadNoise(**SILENT, telegraph=TelegraphNoise(amplitude=0.1, fraction=0.4)),
    "thermal": ReadNoise(flicker=None, feedback=1e5),
    "shot": ReadNoise(**SILENT, shot=1.0),
}


@pytest.mark.parametrize("name", NOISES)
def test_first_order_against_every_read_solved(name):
    G, V = array()
    xbar = Crossbar(G, Wires(5.0, 5.0, driver=100.0, sense=50.0))
    circuit = CircuitNoise(xbar, NOISES[name], PLACE)
    V = np.repeat(V, 3000, axis=0)
    exact = circuit.read(V) - Solver().solve(xbar, V[:1]).currents
    first = circuit.first_order(V)
    # second order: the noise of a cell times what it does to voltages
    assert np.abs(first - exact).max() < 5e-3 * np.abs(exact).max()
    assert np.abs(first - exact).std() < 2e-3 * exact.std()
    if name != "telegraph":
        same_variance(exact, circuit.variance(V[:1])[0])
    np.testing.assert_allclose(exact.std(axis=0), np.sqrt(circuit.variance(V[:1])[0]), rtol=0.06)


@pytest.mark.parametrize(("name", "quick"), [
    ("flicker", (1.00, 1.06)), ("telegraph", (0.94, 1.06)), ("thermal", (0.93, 1.00)),
    ("shot", (1.0, 1.15)),
])
def test_the_quick_way_against_the_circuit(name, quick):
    rng = np.random.default_rng(3)
    G = 10 ** rng.uniform(-6, -4, (32, 32))
    V = rng.uniform(-0.2, 0.2, (1, 32))
    xbar = Crossbar(G, Wires(2.5, 2.5, driver=100.0, sense=50.0))
    W = Solver().effective_matrix(xbar)
    assert 0.8 < W.sum() / G.sum() < 0.9
    noise = NOISES[name]
    circuit = np.sqrt(CircuitNoise(xbar, noise, PLACE).variance(V)[0]).mean()
    found = np.sqrt(np.broadcast_to(noise.variance(V, W, G, place=PLACE), (1, 32))[0]).mean()
    assert quick[0] < found / circuit < quick[1]
    samples = noise.sample(np.repeat(V, 3000, axis=0), W, G, PLACE)
    assert samples.std(axis=0).mean() == pytest.approx(found, rel=0.02)


def test_noisy_curved_cells():
    G, V = array(6, 5)
    xbar = Crossbar(G, Wires(5.0, 5.0))
    noise = ReadNoise(thermal=False, flicker=FlickerNoise(amplitude=1e-5))
    circuit = CircuitNoise(xbar, noise, PLACE)
    law = SinhIV(0.15)
    found = circuit.read(np.repeat(V, 3, axis=0), 7, iv=law)
    cells = noise.conductances(G, PLACE, 3, 7)
    for k in range(3):
        alone = Solver().solve(Crossbar(cells=law.cells(cells[k]), wires=Wires(5.0, 5.0)), V[0])
        np.testing.assert_allclose(found[k], alone.currents, rtol=1e-9)


def test_gradients_flow_through_the_scales():
    rng = np.random.default_rng(4)
    noise = ReadNoise(
        shot=0.5, feedback=1e5, flicker=FlickerNoise(amplitude=1e-5, slope=0.6),
        telegraph=TelegraphNoise(fraction=0.4, slope=0.3),
    )
    V = torch.tensor(rng.uniform(0.05, 0.2, (4, 6)), requires_grad=True)
    G = torch.tensor(10 ** rng.uniform(-5, -4, (6, 3)), requires_grad=True)
    W = (0.9 * G.detach().T).requires_grad_()

    def scaled(v, w, g):
        return 1e8 * noise.sample(v, 1e-5 * w, 1e-5 * g, PLACE, 2)

    assert torch.autograd.gradcheck(
        scaled, (V, *(t.detach().mul(1e5).requires_grad_() for t in (W, G))), rtol=1e-4
    )
    # nothing is noisy: no gradient, and no NaN
    still = torch.zeros(2, 6, dtype=torch.float64, requires_grad=True)
    ReadNoise(thermal=False).sample(still, W, G, PLACE).sum().backward()
    assert torch.isfinite(still.grad).all()


def test_quiet_reads_and_empty_batches():
    G, V = array()
    quiet = ReadNoise(**SILENT).sample(V, G.T, G, PLACE)
    assert np.abs(quiet).max() < 1e-16
    assert EVERYTHING.sample(V[:0], G.T, G, PLACE).shape == (0, 9)
    assert np.all(EVERYTHING.conductances(np.zeros((2, 2)), PLACE, 3) == 0.0)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: ReadNoise(bandwidth=0.0), "`bandwidth` must be a finite number > 0"),
    (lambda: ReadNoise(shot=1.5), "`shot` must be"),
    (lambda: ReadNoise(feedback=-1.0), "`feedback` must be"),
    (lambda: ReadNoise(flicker=0.1), r"`flicker` must be a FlickerNoise"),
    (lambda: FlickerNoise(f_max=0.5), "`f_max` = 0.5 Hz must be above"),
    (lambda: FlickerNoise(amplitude=0.0), "`amplitude` must be"),
    (lambda: TelegraphNoise(amplitude=1.0), "`amplitude` = 1 must be below 1"),
    (lambda: TelegraphNoise(fraction=1.1), "`fraction` must be"),
    (lambda: TelegraphNoise(capture=0.0), "`capture` must be"),
    (lambda: TelegraphNoise().sequence(PLACE, (2, 2), [2.0, 1.0]), "`times` must be"),
    (lambda: TelegraphNoise().sequence(PLACE, (2, 2), [1.0], first=3), "`state` must be given"),
    (lambda: EVERYTHING.sample(*[np.ones((1, 1))] * 3, PLACE, -1), "`first_read` must be"),
    (lambda: EVERYTHING.sample(*[np.ones((1, 1))] * 3, PLACE, temperature=0.0), "`temperature` must"),
    (lambda: CircuitNoise(Crossbar(cells=SinhIV().cells([[1e-4]])), EVERYTHING, PLACE), "plain resistors"),
])
def test_what_is_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
