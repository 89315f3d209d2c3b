"""Where MemTorch 1.1.6 gives wrong answers: that the answers here are right.

Each test says what MemTorch does. Its values come from its published source and from runs of it.
"""

import copy
import io

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.sparse.linalg import splu
from torch import nn

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.core.draws import Place
from crossbarsim.devices import LinearIonDrift, StanfordPKU, windows
from crossbarsim.nn import CrossbarConfig, calibrate, convert
from crossbarsim.nonidealities import (
    ConductanceDrift,
    ConductanceStates,
    Endurance,
    FailureLaw,
    Faults,
    NonIdealities,
    Normal,
    SinhIV,
    Variability,
)
from crossbarsim.periphery import ADC, Periphery

IDEAL = CrossbarConfig.ideal(tile_shape=(16, 12))
FAR = Place(3, "layer")


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# -- window functions ------------------------------------------------------------------------


def test_joglekar_window():
    """There (2 - 2x)^(2p): 4 at x = 0, 2.25 at 1/4."""
    for x, expected in ((0.0, 0.0), (0.25, 0.75), (0.5, 1.0), (0.75, 0.75), (1.0, 0.0)):
        assert windows.joglekar(x, 1) == expected
    assert windows.joglekar(0.25, 5) == pytest.approx(1 - 0.5**10)


def test_biolek_window():
    """There with the voltage first; it is the sign of the current that counts."""
    # driven up (i > 0): open at 0, closed at 1; driven down the other way round
    assert [windows.biolek(x, 1.0, 2) for x in (0.0, 1.0)] == [1.0, 0.0]
    assert [windows.biolek(x, -1.0, 2) for x in (0.0, 1.0)] == [0.0, 1.0]
    assert windows.biolek(0.25, 1.0, 2) == pytest.approx(1 - 0.25**4)


def test_prodromakis_window():
    """There j (1 - (x - 1/2)^2 + 3/4)^p: 1.5 at x = 0, 1.75 in the middle."""
    assert windows.prodromakis(0.0, 1, 1.0) == 0.0
    assert windows.prodromakis(0.5, 1, 1.0) == 0.25
    assert windows.prodromakis(0.5, 10, 2.0) == pytest.approx(2 * (1 - 0.75**10))


# -- device models ---------------------------------------------------------------------------


def test_linear_ion_drift_is_what_it_was_programmed_to():
    """There a device programmed to 100 ohm conducts like 16 kohm, and the reverse."""
    device = LinearIonDrift()
    for ohm in (100.0, 16e3, 1234.0):
        x = device.state_from_conductance(1 / ohm)
        assert 0.1 / device.current(0.1, x) == pytest.approx(ohm, rel=1e-9)
    # and a SET moves it towards r_on
    moved = device.simulate([0.0, 1e-2], [1.0, 1.0], 1 / 8e3, save="final")
    assert float(np.squeeze(moved.conductance)) > 1 / 8e3


def test_stanford_conductance_is_not_stale():
    """There `set_conductance` leaves `g` at 1 / 542 ohm."""
    device = StanfordPKU()
    goal = np.array([1e-5, 5e-5])
    x = device.state_from_conductance(goal)
    assert np.allclose(device.conductance(x), goal, rtol=1e-9)
    cells = device.array(conductance=goal[None])
    found = Solver().solve(Crossbar(cells=cells, wires=Wires()), [device.read_voltage]).currents
    assert np.allclose(found, goal * device.read_voltage, rtol=1e-6)


def test_stanford_noise_does_not_depend_on_the_step():
    """There the noise is multiplied by dt, not by its root: its effect vanishes with the step."""
    device = StanfordPKU.preset("stochastic", delta=0.02)
    spread = []
    for points in (6, 201):
        t = np.linspace(0, 1e-7, points)
        trace = device.simulate(t, np.full((600, points), 0.9), seed=0, save="final")
        spread.append(trace.state[0].std())
    assert spread[1] == pytest.approx(spread[0], rel=0.15)
    assert spread[0] > 0


# -- circuits --------------------------------------------------------------------------------


def nodal(G, r, V):
    """Return the currents (N, B) of an array with r ohm per segment by nodal analysis alone.

    G may be anything, negative conductances too. V is (M, B).
    """
    M, N = G.shape
    word = np.arange(M * N).reshape(M, N)
    bit = word + M * N
    links = (
        (word, bit, G), (word[:, 1:], word[:, :-1], np.full((M, N - 1), 1 / r)),
        (bit[1:], bit[:-1], np.full((M - 1, N), 1 / r)),
    )
    a, b, g = (np.concatenate([np.ravel(link[k]) for link in links]) for k in range(3))
    ends = np.concatenate([word[:, 0], bit[-1]])
    values = np.concatenate([g, g, -g, -g, np.full(M + N, 1 / r)])
    rows, columns = np.concatenate([a, b, a, b, ends]), np.concatenate([a, b, b, a, ends])
    right = np.zeros((2 * M * N, V.shape[1]))
    right[word[:, 0]] = V / r
    x = splu(sp.coo_matrix((values, (rows, columns))).tocsc()).solve(right)
    return x[bit[-1]] / r


@pytest.mark.parametrize(("g_max", "two_at_least", "shortcut_at_most"),
                         [(1e-4, 0.09, 0.03), (1e-3, 0.5, 0.4)])
def test_two_arrays_are_no_difference_of_conductances(g_max, two_at_least, shortcut_at_most):
    """There G+ - G- is solved as if it were one array: 1.7 % and 18 % for 11 % and 61 %.

    64x64 cells, G_max / G_min = 10, 2 ohm; normal weights.
    """
    rng = np.random.default_rng(0)
    w = rng.standard_normal((64, 64))
    w /= np.abs(w).max()
    g_min = g_max / 10
    up, down = (g_min + (g_max - g_min) * np.maximum(s * w, 0) for s in (1, -1))
    V = rng.uniform(-0.3, 0.3, (64, 8))
    ideal = (up - down).T @ V

    def deviation(currents):
        return np.linalg.norm(currents - ideal) / np.linalg.norm(ideal)

    wires = Wires(word=2.0, bit=2.0)
    solver = Solver()
    exact = sum(
        s * solver.solve(Crossbar(G, wires), V.T).currents.T for s, G in ((1, up), (-1, down))
    )
    assert np.allclose(exact, nodal(up, 2.0, V) - nodal(down, 2.0, V), rtol=0,
                       atol=1e-9 * np.abs(exact).max())
    shortcut = deviation(nodal(up - down, 2.0, V))
    assert deviation(exact) > two_at_least
    assert shortcut < shortcut_at_most
    assert deviation(exact) > 1.5 * shortcut

    # a network's layer is solved as its two arrays
    layer = nn.Linear(64, 64, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(w.T))
    config = CrossbarConfig(tile_shape=(64, 64), wires=wires, g_on=g_max, g_off=g_min)
    y = convert(layer, config)(torch.from_numpy(V.T).float())
    assert np.allclose(y.detach().numpy().T * (g_max - g_min), exact, rtol=0,
                       atol=1e-5 * np.abs(exact).max())


def test_wires_and_sources_without_resistance():
    """There a line of 0 ohm is a singular matrix, and a source of 0 ohm is wrong by 1e3 and more."""
    rng = np.random.default_rng(1)
    G, V = rng.uniform(1e-6, 1e-4, (7, 5)), rng.uniform(-0.2, 0.2, 7)
    solve = Solver().solve
    assert np.allclose(solve(Crossbar(G, Wires()), V).currents, V @ G, rtol=1e-12)
    # sources alone: without wires, bit lines at r_sense times their current
    lines = solve(Crossbar(G, Wires(driver=50.0, sense=20.0)), V).currents
    word = np.linalg.solve(
        np.block([[np.diag(1 / 50 + G.sum(1)), -G], [-G.T, np.diag(1 / 20 + G.sum(0))]]),
        np.concatenate([V / 50, np.zeros(5)]),
    )
    assert np.allclose(lines, word[7:] / 20, rtol=1e-10)
    # and the limit of small resistances is that without
    for wires in (Wires(word=2.0, bit=2.0, driver=1e-9, sense=1e-9),
                  Wires(word=2.0, bit=2.0)):
        assert np.allclose(solve(Crossbar(G, wires), V).currents,
                           nodal(G, 2.0, V[:, None])[:, 0], rtol=1e-9)


@pytest.mark.parametrize("shape", [(4, 8), (8, 4), (1, 6), (6, 1)])
def test_arrays_that_are_not_square(shape):
    """There an IndexError, or the wrong result where the conductances come permuted."""
    G = np.random.default_rng(2).uniform(1e-4, 1e-2, shape)
    V = np.linspace(-0.2, 0.3, shape[0])
    found = Solver().solve(Crossbar(G, Wires(word=5.0, bit=5.0)), V).currents
    assert np.allclose(found, nodal(G, 5.0, V[:, None])[:, 0], rtol=1e-9)


# -- non-idealities --------------------------------------------------------------------------


def test_finite_states_quantise():
    """There nothing happens at all, silently: 62 different conductances before and after."""
    level = np.random.default_rng(0).random((16, 8))
    G = NonIdealities(states=ConductanceStates(5)).chip(level, FAR, 1e-4, 1e-6)
    assert np.allclose(np.unique(np.round(G, 12)), np.linspace(1e-6, 1e-4, 5))
    chip = convert(nn.Linear(16, 8), IDEAL.replace(
        nonidealities=NonIdealities(states=ConductanceStates(5))))
    cells = next(chip.crossbars.arrays(chip.weight))[1]
    assert all(len(torch.unique(g.round(decimals=12))) <= 5 for g in cells)


def test_finite_states_of_devices_that_differ():
    """There not quantised on a CPU; each device has its states in its own range."""
    effects = NonIdealities(
        variability=Variability("r_on", Normal(0.1)), states=ConductanceStates(3))
    fab = effects.fabricate(FAR, (20, 10), 1e-4, 1e-6)
    G = effects.program(np.full((20, 10), 0.4), fab, FAR)
    assert np.allclose(G, 0.5 * (fab.g_on + fab.g_off))
    assert np.ptp(G) > 0.1 * G.mean()


def test_faults_survive_finite_states():
    """There the states are rounded from the devices, and 30 of 32 stuck cells are forgotten."""
    level = np.random.default_rng(0).random((16, 8))
    both = NonIdealities(faults=Faults(stuck_on=0.25), states=ConductanceStates(5))
    fab = both.fabricate(FAR, (16, 8), 1e-4, 1e-6)
    stuck = ~np.isnan(fab.stuck)
    assert 16 <= stuck.sum() <= 50
    G = both.chip(level, FAR, 1e-4, 1e-6)
    assert (G[stuck] == 1e-4).all()
    # in whatever order they are named
    again = NonIdealities(states=ConductanceStates(5), faults=Faults(stuck_on=0.25))
    assert np.array_equal(G, again.chip(level, FAR, 1e-4, 1e-6))


def test_one_fault_does_not_overwrite_the_other():
    """There stuck-on cells are drawn over stuck-off ones, which are fewer than asked for."""
    fab = NonIdealities(faults=Faults(stuck_on=0.5, stuck_off=0.5)).fabricate(
        FAR, (200, 200), 1e-4, 1e-6)
    assert (fab.stuck == 1e-6).mean() == pytest.approx(0.5, abs=0.01)
    assert not np.isnan(fab.stuck).any()


def test_padding_of_tiles_is_no_device():
    """There tiles are filled up with cells that get faults too."""
    chip = convert(nn.Linear(5, 3), IDEAL.replace(
        nonidealities=NonIdealities(faults=Faults(stuck_on=1.0))))
    for _, cells in chip.crossbars.arrays(chip.weight):
        assert [g.shape for g in cells] == [(5, 3), (5, 3)]


def test_drift_stays_within_the_device():
    """There conductances drift below 1 / R_off without end."""
    level = np.linspace(0, 1, 12).reshape(4, 3)
    G = NonIdealities(drift=ConductanceDrift(time=1e9, nu=0.5)).chip(level, FAR, 1e-4, 1e-6)
    assert (G == 1e-6).all()
    early = NonIdealities(drift=ConductanceDrift(time=10.0, nu=0.1)).chip(level, FAR, 1e-4, 1e-6)
    whole = 1e-6 + level * 99e-6
    assert np.allclose(early, np.maximum(whole * 10**-0.1, 1e-6))


def test_failing_states_are_told_apart_in_the_middle():
    """There the limit is R_on + R_off / 2, by a missing bracket."""
    # R_on 10 kohm, R_off 20 kohm: the middle is 15 kohm, there 20 kohm
    G = np.array([[1 / 14e3, 1 / 16e3]])
    level = (G - 1 / 20e3) / (1 / 10e3 - 1 / 20e3)
    worn = NonIdealities(endurance=Endurance(
        1e9, lrs=FailureLaw(p_0=1.0, stable_resistance=12e3))).chip(level, FAR, 1 / 10e3, 1 / 20e3)
    assert np.allclose(1 / worn, [[12e3, 16e3]])


def test_curved_cells_change_the_output():
    """There the "sweep" mode of non-linear devices computes the linear product."""
    layer = nn.Linear(12, 6, bias=False)
    x = randn(5, 12)
    effects = NonIdealities(iv=SinhIV(v_0=0.25))
    chip = convert(layer, IDEAL.replace(nonidealities=effects, read_voltage=0.4, input_range=2.0))
    with torch.no_grad():
        y, linear = chip(x), layer(x.clamp(-2, 2))
        cells = next(chip.crossbars.arrays(chip.weight))[1]
        volts = 0.4 * x.clamp(-2, 2).double() / 2
        current = (0.25 * torch.sinh(volts / 0.25)) @ (cells[0] - cells[1])
        expected = current / (0.4 * 99e-6) * 2 * layer.weight.abs().max()
        assert torch.allclose(y, expected.float(), rtol=1e-4, atol=1e-5)
        assert (y - linear).norm() > 0.02 * linear.norm()
        # and reading does not change what is stored
        assert torch.equal(chip(x), y)


# -- mapping and layers ----------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["differential", "offset", "single"])
def test_negative_weights_are_kept(scheme):
    """There one column per weight cuts negative weights to 0: correlation 0.71."""
    layer, x = nn.Linear(12, 7), randn(9, 12)
    y = convert(layer, IDEAL.replace(scheme=scheme))(x)
    assert torch.allclose(y, layer(x), atol=1e-5)


LAYERS = [
    (nn.Conv2d(3, 4, 3, dilation=2), (2, 3, 8, 8), "dilation is ignored"),
    (nn.Conv2d(3, 4, (3, 5)), (2, 3, 8, 8), "a RuntimeError"),
    (nn.Conv2d(3, 4, 3, stride=(1, 2)), (2, 3, 8, 8), "a RuntimeError"),
    (nn.Conv2d(4, 8, 3, groups=4), (2, 4, 6, 6), "a RuntimeError"),
    (nn.Conv2d(4, 6, 3, groups=2), (2, 4, 6, 6), "refused"),
    (nn.Conv1d(3, 5, 3, dilation=3), (2, 3, 12), "dilation is ignored"),
    (nn.Conv3d(2, 3, 3), (3, 2, 5, 5, 5), "a RuntimeError; the bias goes to the last sample only"),
    (nn.Conv3d(3, 2, 2, dilation=2, padding=1), (2, 3, 4, 4, 4), "a RuntimeError"),
]


@pytest.mark.parametrize(("layer", "shape"), [case[:2] for case in LAYERS],
                         ids=[f"{case[0]}, there {case[2]}" for case in LAYERS])
def test_convolutions(layer, shape):
    x = randn(*shape)
    y = convert(layer, IDEAL)(x)
    expected = layer(x)
    assert y.shape == expected.shape
    assert torch.allclose(y, expected, atol=1e-5)


def test_recurrent_layers_run_on_crossbars():
    """There only the digital pass is made, and a KeyError where the layer is bidirectional."""
    layer, x = nn.RNN(5, 4, num_layers=2, bidirectional=True), randn(6, 2, 5)
    y, h = convert(layer, IDEAL)(x)
    expected, last = layer(x)
    assert torch.allclose(y, expected, atol=1e-5)
    assert torch.allclose(h, last, atol=1e-5)
    stuck = convert(layer, IDEAL.replace(nonidealities=NonIdealities(faults=Faults(stuck_on=0.3))))
    assert not torch.allclose(stuck(x)[0], expected, atol=1e-2)


def test_the_model_that_is_given_stays():
    """There `patch_model` changes it."""
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    before = copy.deepcopy(model.state_dict())
    chip = convert(model, IDEAL.replace(nonidealities=NonIdealities(faults=Faults(stuck_on=0.5))))
    chip(randn(3, 4))
    assert type(model[0]) is nn.Linear
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


# -- converters and inputs -------------------------------------------------------------------


def test_converters_of_ampere():
    """There method "log" makes +-1 of 1e-6, 0.2 and -3e-4."""
    signal = np.array([[1e-6, -3e-6, 7.1e-6, 0.0]])
    for bits in (2, 4, 8, 12):
        found = ADC(bits=bits).convert(signal, 8e-6, signed=True)
        step = 8e-6 / (2 ** (bits - 1) - 1)
        assert np.abs(found - signal).max() <= 0.5 * step * (1 + 1e-9)


def test_one_bit_converters():
    """There a RuntimeError."""
    found = ADC(bits=1).convert(np.array([[1e-6, -3e-6]]), 8e-6, signed=True)
    assert np.array_equal(found, [[8e-6, -8e-6]])
    unsigned = ADC(bits=1).convert(np.array([[1e-6, 7e-6]]), 8e-6, signed=False)
    assert np.array_equal(unsigned, [[0.0, 8e-6]])


def test_the_range_of_converters_is_hardware():
    """There it follows the outputs of every call, so that a result depends on its batch."""
    layer, x = nn.Linear(10, 6), randn(40, 10)
    chip = convert(layer, CrossbarConfig(periphery=Periphery(adc=ADC(bits=4))))
    with pytest.raises(ParameterError, match="calibrate"):
        chip(x)
    calibrate(chip, [x])
    with torch.no_grad():
        whole = chip(x)
        assert torch.allclose(torch.cat([chip(x[k : k + 1]) for k in range(40)]), whole, atol=1e-6)
        small = chip(1e-3 * x)  # less than half a step: what a fixed range makes of it
    assert torch.allclose(small, layer.bias.expand(40, 6), atol=1e-6)


def test_inputs_do_not_share_a_scale():
    """There inputs are divided by the largest of their batch, and never multiplied back."""
    layer, x = nn.Linear(10, 6), randn(4, 10)
    chip = convert(layer, CrossbarConfig(
        wires=Wires(word=1.0, bit=1.0), periphery=Periphery(adc=ADC(bits=12))))
    calibrate(chip, [10 * x])
    with torch.no_grad():
        both = chip(torch.cat([x, 10 * x]))
        assert torch.allclose(both[:4], chip(x), atol=1e-6)
        assert torch.allclose(both[4:] - layer.bias, 10 * (both[:4] - layer.bias), atol=0.05)


# -- what it cannot ---------------------------------------------------------------------------


def test_training_through_tiles_wires_and_converters():
    """There no layer has a parameter that trains, and tiles and converters have no gradient."""
    torch.manual_seed(0)
    chip = convert(nn.Linear(6, 3), CrossbarConfig(
        tile_shape=(4, 2), wires=Wires(word=5.0, bit=5.0), periphery=Periphery(adc=ADC(bits=6)),
        nonidealities=NonIdealities(faults=Faults(stuck_off=0.1)),
    ))
    x, goal = randn(32, 6), randn(32, 3, seed=1)
    calibrate(chip, [x])
    optimiser = torch.optim.SGD(chip.parameters(), 0.3)
    losses = []
    for _ in range(8):
        optimiser.zero_grad()
        loss = (chip(x) - goal).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_a_network_on_crossbars_can_be_saved():
    """There an AttributeError: its crossbars cannot be pickled."""
    effects = NonIdealities(variability=Variability("r_on", Normal(0.2)))
    config = IDEAL.replace(nonidealities=effects)
    chip = convert(nn.Sequential(nn.Linear(6, 4)), config)
    x = randn(3, 6)
    file = io.BytesIO()
    torch.save(chip, file)
    file.seek(0)
    whole = torch.load(file, weights_only=False)
    other = convert(nn.Sequential(nn.Linear(6, 4)), config.replace(seed=9))
    with torch.no_grad():
        assert torch.equal(whole(x), chip(x))
        assert not torch.allclose(other(x), chip(x))
        other.load_state_dict(chip.state_dict())
        assert torch.allclose(other(x), chip(x), atol=1e-6)
