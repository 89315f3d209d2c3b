"""Networks that are held: programmed once, changes told by torch's count of them."""

import copy
import io

import pytest
import torch
from torch import nn

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import CrossbarConfig, CrossbarLinear, calibrate, convert, hold, release
from crossbarsim.nn.chip.matrix import StoredMatrix
from crossbarsim.periphery import ADC, DAC, Periphery
from tests.helpers.networks_of_today import NETWORKS

torch.set_num_threads(1)
CONFIG = CrossbarConfig(tile_shape=(16, 8), wires=Wires(2.0, 2.0))


def run(chip, x):
    with torch.no_grad():
        return chip(x)


@pytest.fixture
def programmed(monkeypatch):
    """The names of matrices that are programmed, in order."""
    names, before = [], StoredMatrix._levels

    def levels(self, *arguments):
        names.append(self.chip.name)
        return before(self, *arguments)

    monkeypatch.setattr(StoredMatrix, "_levels", levels)
    return names


@pytest.mark.parametrize("name", ["gpt2", "convnext", "parametrised"])
def test_held_networks_give_what_they_gave(name):
    torch.manual_seed(3)
    make, inputs, _ = NETWORKS[name]
    x = inputs()
    chip = convert(make().double().eval(), CONFIG)
    with torch.no_grad():
        expected = chip(*x)
        hold(chip)
        torch.testing.assert_close(chip(*x), expected, rtol=0, atol=1e-9)  # by vectors before


def test_they_are_programmed_once_layer_by_layer(programmed):
    torch.manual_seed(0)
    chip = convert(nn.Sequential(nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 3)), CONFIG)
    hold(chip)
    assert programmed == ["0", "2"]
    for _ in range(3):
        run(chip, torch.randn(5, 9))
    assert programmed == ["0", "2"]


def test_weights_that_are_computed_are_compared(programmed):
    torch.manual_seed(0)
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(9, 7))
    chip = convert(nn.Sequential(layer, nn.Linear(7, 3)), CONFIG)
    hold(chip)
    assert [part.crossbars.cache.trusting for part in chip] == [False, True]
    before = run(chip, torch.ones(1, 9))
    run(chip, torch.ones(1, 9))
    assert programmed == ["0", "1"]
    with torch.no_grad():
        chip[0].parametrizations.weight.original0.mul_(2.0)
    assert not torch.equal(run(chip, torch.ones(1, 9)), before)
    assert programmed == ["0", "1", "0"]


WRITES = {
    "in place": lambda layer: layer.weight.mul_(2),
    "one value": lambda layer: layer.weight[1, 2].add_(1e-3),
    "a bias": lambda layer: layer.bias.add_(1.0),
    "init": lambda layer: nn.init.normal_(layer.weight),
    "another parameter": lambda layer: setattr(layer, "weight", nn.Parameter(torch.randn(40, 50))),
    "another tensor": lambda layer: setattr(layer.weight, "data", torch.randn(40, 50)),
    "a state": lambda layer: layer.load_state_dict({"weight": torch.ones(40, 50), "bias": torch.zeros(40)}),
    "another type": lambda layer: layer.double(),
    "a view": lambda layer: layer.weight.detach().view(-1)[7].add_(1e-3),
    "all of .data": lambda layer: layer.weight.data.mul_(2),
    "some of .data": lambda layer: layer.weight.data.masked_fill_(layer.weight.abs() < 0.05, 0.0),
    "numpy": lambda layer: layer.weight.detach().numpy().__imul__(2),
}


def steps(optimiser, **options):
    def write(layer):
        chosen = optimiser(layer.parameters(), **options)
        with torch.enable_grad():
            chosen.zero_grad()
            layer(torch.ones(2, 50)).square().sum().backward()
        chosen.step()

    return write


WRITES |= {
    "SGD": steps(torch.optim.SGD, lr=0.1), "foreach": steps(torch.optim.Adam, foreach=True),
    "fused": steps(torch.optim.AdamW, fused=True), "one by one": steps(torch.optim.Adam, foreach=False),
}


@pytest.mark.parametrize("bias", ["digital", "chip"])
@pytest.mark.parametrize("write", WRITES)
def test_every_usual_way_of_writing_is_noticed(write, bias):
    torch.manual_seed(0)
    layer = CrossbarLinear(50, 40, config=CONFIG.replace(path="matrix", bias=bias))
    x = torch.eye(50)
    hold(layer)
    for _ in range(2):
        before = run(layer, x)
        with torch.no_grad():
            WRITES[write](layer)
        x = x.to(layer.weight.dtype)
        fresh = CrossbarLinear.from_digital(copy.deepcopy(layer), layer.config)
        assert torch.equal(run(layer, x), run(fresh, x))
        if write not in ("another type", "a state", "some of .data"):  # the second time all is the same
            assert not torch.equal(run(layer, x), before)


def test_what_is_not_noticed_is_so_after_another_hold_or_release():
    torch.manual_seed(0)
    chip = convert(nn.Sequential(nn.Linear(99, 80, bias=False)), CONFIG.replace(path="matrix"))
    x = torch.eye(99)
    hold(chip)
    before = run(chip, x)
    chip[0].weight.data[1, 1] += 1.0  # past torch's count, and none of those that are looked at
    assert torch.equal(run(chip, x), before)
    release(chip)
    after = run(chip, x)
    assert float(after[1, 1] - before[1, 1]) == pytest.approx(1.0, rel=0.1)
    chip[0].weight.data[1, 1] -= 1.0
    torch.testing.assert_close(run(chip, x), before, rtol=0, atol=1e-5)
    hold(chip)
    chip[0].weight.data[1, 1] += 1.0
    hold(chip)
    torch.testing.assert_close(run(chip, x), after, rtol=0, atol=1e-5)


def test_an_address_that_is_given_to_other_weights_is_not_taken_for_the_old_ones():
    layer = CrossbarLinear(50, 40, bias=False, config=CONFIG.replace(path="matrix"))
    hold(layer)
    x = torch.eye(50)
    run(layer, x)
    for k in range(20):
        layer.weight = nn.Parameter(torch.full((40, 50), float(k + 1)))
        y = run(layer, x)
        assert float(y[0, 0]) == pytest.approx(k + 1, rel=0.3)


def test_copies_files_inference_mode_and_converters():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 4)), torch.randn(6, 12)
    codes = CONFIG.replace(periphery=Periphery(dac=DAC(bits=6), adc=ADC(bits=8)))
    for config in (CONFIG, codes):
        chip = convert(model, config)
        if config is codes:
            calibrate(chip, [x])
        hold(chip)
        expected = run(chip, x)
        file = io.BytesIO()
        torch.save(chip, file)
        file.seek(0)
        for other in (copy.deepcopy(chip), torch.load(file, weights_only=False)):
            torch.testing.assert_close(run(other, x), expected, rtol=0, atol=1e-5)
            with torch.no_grad():
                other[0].weight.mul_(-1.0)
            assert not torch.allclose(run(other, x), expected)
        with torch.inference_mode():
            torch.testing.assert_close(chip(x), expected, rtol=0, atol=1e-5)
            made = convert(nn.Sequential(nn.Linear(3, 2)), CONFIG.replace(path="matrix"))  # weights without a count
            hold(made)
            before = made(torch.ones(1, 3))
            made[0].weight.add_(0.5)
            assert not torch.equal(made(torch.ones(1, 3)), before)


def test_networks_without_crossbars_cannot_be_held():
    for act in (hold, release):
        with pytest.raises(ParameterError, match="no crossbar layers"):
            act(nn.Linear(2, 2))


# -- compiled --------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [True, False])
def test_compiled_products_are_the_eager_ones(held):
    torch._dynamo.reset()
    torch.manual_seed(0)
    chip = convert(nn.Sequential(nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 4, bias=False)).double(), CONFIG)
    chip.requires_grad_(False)
    if held:
        hold(chip)
    graph = torch.compile(chip, backend="aot_eager", fullgraph=True)
    x = torch.randn(2, 3, 12, dtype=torch.float64, requires_grad=True)
    y = chip(x)
    torch.testing.assert_close(graph(x), y, rtol=0, atol=1e-11)
    torch.testing.assert_close(
        torch.autograd.grad(graph(x).square().sum(), x), torch.autograd.grad(y.square().sum(), x), rtol=0, atol=1e-11)
    with torch.no_grad():
        chip[0].weight.mul_(-2.0)
        torch.testing.assert_close(graph(x), chip(x), rtol=0, atol=1e-11)
        assert not torch.allclose(graph(x), y)
        # nothing of the graph writes into what is kept
        for _ in range(3):
            torch.testing.assert_close(graph(x), chip(x), rtol=0, atol=1e-11)


def test_compiled_passes_under_autocast_have_its_type():
    torch._dynamo.reset()
    torch.manual_seed(0)
    chip = convert(nn.Sequential(nn.Linear(12, 9)), CONFIG)
    hold(chip)
    graph, x = torch.compile(chip, backend="aot_eager", fullgraph=True), torch.randn(3, 12)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert graph(x).dtype == chip(x).dtype == torch.bfloat16
        torch.testing.assert_close(graph(x), chip(x), rtol=0, atol=0.02)
