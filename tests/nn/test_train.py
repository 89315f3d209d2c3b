"""Training by torch's optimisers: with converters, rounded weights, and noise."""


import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import ParameterError, Wires
from crossbarsim.core.draws import Place
from crossbarsim.nn import CrossbarConfig, convert
from crossbarsim.nn.chip.chip import Chip
from crossbarsim.nn.train import weight_noise
from crossbarsim.nonidealities import Faults, NonIdealities
from crossbarsim.periphery import ADC, DAC, Periphery

torch.set_num_threads(1)
REAL = CrossbarConfig(wires=Wires(10.0, 10.0), tile_shape=(16, 16))


def descend(model, x, target, steps=12, lr=0.05):
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def problem():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 3))
    x = torch.randn(48, 12)
    return model, x, (x[:, :3].argmax(dim=1))


def test_a_network_with_rounded_weights_and_converters_trains():
    model, x, target = problem()
    config = REAL.replace(
        bits=5, input_range=4.0, input_encoding="two-phase",
        periphery=Periphery(dac=DAC(bits=6), adc=ADC(bits=6)),
    )
    chip = convert(model, config, overrides={"2": {"input_range": 3.0}})
    losses = descend(chip, x, target)
    assert losses[-1] < 0.6 * losses[0]
    with torch.no_grad():
        assert (chip(x) - model(x)).abs().max() > 0.05


def test_noise_has_the_deviation_of_two_cells():
    torch.manual_seed(1)
    layer = nn.Linear(30, 200, bias=False).double()
    chip = convert(layer, CrossbarConfig.ideal((32, 64), g_off=2e-5))
    x = torch.rand(1, 30, dtype=torch.float64)
    with torch.no_grad():
        quiet = chip(x)
        with weight_noise(chip, 0.03):
            noise = torch.cat([chip(x) - quiet for _ in range(20)])
        torch.testing.assert_close(chip(x), quiet, rtol=0, atol=0)
    scale = layer.weight.abs().max() / 8e-5
    expected = scale * 1e-4 * 0.03 * np.sqrt(2.0) * x.norm()
    assert noise.std().item() == pytest.approx(expected.item(), rel=0.05)
    assert abs(noise.mean().item()) < 5 * expected.item() / np.sqrt(noise.numel())


def test_noise_is_fresh_in_every_pass_and_the_same_for_the_same_seed():
    model, x, _ = problem()
    chip = convert(model, REAL)
    draws = []
    for seed in (1, 1, 2):
        with torch.no_grad(), weight_noise(chip, 0.05, seed=seed):
            draws.append((chip(x), chip(x)))
    assert not torch.equal(*draws[0])
    assert torch.equal(draws[0][1], draws[1][1])
    assert not torch.equal(draws[0][0], draws[2][0])


def test_faulty_cells_have_no_noise():
    effects = NonIdealities(faults=Faults(dead_rows=0.3, dead_columns=0.2, stuck_on=0.2))
    chip = convert(nn.Linear(20, 10).double(), CrossbarConfig(nonidealities=effects, seed=4))

    def cells():
        (_, arrays), = chip.crossbars.arrays(chip.weight)
        return torch.stack(arrays).detach()

    quiet = cells()
    with weight_noise(chip, 0.1):
        noisy = cells()
    places = [Place(4, "/0", array) for array in ("positive", "negative")]
    stuck = torch.from_numpy(np.stack([effects.fabricate(p, (20, 10), 1e-4, 1e-6).stuck for p in places]))
    assert 50 < (stuck == 0).sum() < 300
    assert torch.equal(noisy[~stuck.isnan()], quiet[~stuck.isnan()])
    assert (noisy != quiet)[stuck.isnan()].double().mean() > 0.5


def test_training_under_noise():
    model, x, target = problem()
    chip = convert(model, REAL)
    with weight_noise(chip, 0.05):
        losses = descend(chip, x, target, steps=20)
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("layer", [nn.LSTM(4, 3, 2, bidirectional=True), nn.GRU(4, 3)])
def test_arrays_are_programmed_once_for_all_steps_in_time(monkeypatch, layer):
    chip = convert(layer, REAL.replace(path="vectors"))
    count = []
    program = Chip.program
    monkeypatch.setattr(Chip, "program", lambda *a: count.append(1) or program(*a))
    output, _ = chip(torch.randn(5, 2, 4))
    assert len(count) == len(list(chip.stored_matrices()))
    output.sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in chip.parameters())


@pytest.mark.parametrize(("make", "message"), [
    (lambda: weight_noise(nn.Linear(2, 2), 0.1).__enter__(), "convert it first"),
    (lambda: weight_noise(convert(nn.Linear(2, 2), REAL), -0.1).__enter__(), "`sigma`"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_noise_inside_noise_is_refused():
    chip = convert(nn.Linear(2, 2), REAL)
    with weight_noise(chip, 0.1), pytest.raises(ParameterError, match="already"):
        weight_noise(chip, 0.1).__enter__()
    assert chip.crossbars.chip.disturbance is None
