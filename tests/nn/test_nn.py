"""Networks on crossbars against torch's own layers, finite differences, and single solves."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.nn import (
    CrossbarConfig,
    CrossbarConv2d,
    CrossbarLinear,
    calibrate,
    convert,
    report,
)
from crossbarsim.nn.functional import crossbar_currents, effective_matrix

torch.set_num_threads(1)
MAPPINGS = list(itertools.product(
    ("differential", "offset"), ("arrays", "interleaved"), ("layer", "column"), ("digital", "chip")
))
KEYS = ("scheme", "pairing", "scaling", "bias")


def network(dtype):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(1, 0), dilation=(1, 2), groups=2),
        nn.ReLU(), nn.Flatten(), nn.Linear(192, 7),
    ).to(dtype)


@pytest.mark.parametrize("path", ["matrix", "vectors", "auto"])
@pytest.mark.parametrize("mapping", MAPPINGS, ids="-".join)
def test_ideal_crossbars_equal_the_digital_network(mapping, path):
    config = CrossbarConfig.ideal((16, 10), **dict(zip(KEYS, mapping, strict=True)), path=path)
    for dtype, atol in ((torch.float64, 1e-11), (torch.float32, 1e-5)):
        model = network(dtype)
        x = torch.randn(3, 4, 8, 9, dtype=dtype)
        with torch.no_grad():
            torch.testing.assert_close(convert(model, config)(x), model(x), rtol=0, atol=atol)


@pytest.mark.parametrize("tile", [(128, 128), (256, 64), (33, 5)])
@pytest.mark.parametrize("options", [
    {"kernel_size": 3, "padding": "same", "padding_mode": "reflect"},
    {"kernel_size": (1, 5), "stride": (2, 1), "padding": (0, 2), "padding_mode": "circular"},
    {"kernel_size": 2, "dilation": 3, "groups": 4, "bias": False},
    {"kernel_size": (5, 2), "padding": "valid", "groups": 2},
])
def test_convolution_options(options, tile):
    torch.manual_seed(1)
    layer = nn.Conv2d(8, 12, **options).double()
    x = torch.randn(2, 8, 9, 11, dtype=torch.float64)
    for path in ("matrix", "vectors"):
        chip = CrossbarConv2d.from_digital(layer, CrossbarConfig.ideal(tile, path=path))
        with torch.no_grad():
            torch.testing.assert_close(chip(x), layer(x), rtol=0, atol=1e-11)
            torch.testing.assert_close(chip(x[0]), layer(x[0]), rtol=0, atol=1e-11)


@pytest.mark.parametrize("mapping", MAPPINGS, ids="-".join)
def test_both_paths_agree(mapping):
    config = CrossbarConfig(
        tile_shape=(16, 10), wires=Wires(5.0, 3.0, driver=10.0, sense=2.0), r_on_sigma=0.1,
        r_off_sigma=0.2, seed=3, **dict(zip(KEYS, mapping, strict=True)),
    )
    model, x = network(torch.float64), torch.randn(2, 4, 8, 9, dtype=torch.float64)
    with torch.no_grad():
        by_matrix = convert(model, config.replace(path="matrix"))(x)
        by_vectors = convert(model, config.replace(path="vectors"))(x)
        digital = model(x)
    assert (by_matrix - by_vectors).abs().max() <= 1e-9 * by_matrix.abs().max()
    assert (by_matrix - digital).abs().max() > 1e-4 * digital.abs().max()


def test_layer_is_the_sum_of_its_tiles_solved_one_by_one():
    torch.manual_seed(2)
    layer = nn.Linear(20, 6, bias=False).double()
    config = CrossbarConfig(tile_shape=(8, 4), wires=Wires(4.0, 2.0), g_on=1e-4, g_off=1e-6)
    x = torch.randn(3, 20, dtype=torch.float64)
    weight = layer.weight.detach().numpy()
    level = (weight / np.abs(weight).max()).T
    expected = np.zeros((3, 6))
    for i, j in itertools.product(range(0, 20, 8), range(0, 6, 4)):
        block = level[i : i + 8, j : j + 4]
        for sign in (1, -1):
            G = 1e-6 + np.clip(sign * block, 0, None) * (1e-4 - 1e-6)
            V = 0.2 * x.numpy()[:, i : i + 8]
            currents = Solver(method="mna").solve(Crossbar(G, Wires(4.0, 2.0)), V).currents
            expected[:, j : j + 4] += sign * currents / 0.2 / (1e-4 - 1e-6) * np.abs(weight).max()
    with torch.no_grad():
        found = CrossbarLinear.from_digital(layer, config)(x)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-10)


def test_gradcheck_in_scaled_variables():
    torch.manual_seed(3)
    G = (torch.rand(2, 5, 4, dtype=torch.float64) * 99 + 1).requires_grad_()
    V = torch.rand(2, 3, 5, dtype=torch.float64).requires_grad_()
    word = (torch.rand(5, 4, dtype=torch.float64) * 20 + 1).requires_grad_()
    bit = torch.tensor(7.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda V, G, w, b: crossbar_currents(V, G * 1e-6, w, b) * 1e6, (V, G, word, bit)
    )
    assert torch.autograd.gradcheck(
        lambda G, w, b: effective_matrix(G * 1e-6, w, b) * 1e6, (G, word, bit)
    )


def test_gradient_at_zero_resistance_and_in_float32():
    torch.manual_seed(4)
    G, V = torch.rand(5, 4, dtype=torch.float64) * 1e-3, torch.rand(5, dtype=torch.float64)
    zero = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    crossbar_currents(V, G, zero, zero.detach()).sum().backward()
    step = crossbar_currents(V, G, 1e-4, 0.0).sum() - crossbar_currents(V, G, 0.0, 0.0).sum()
    assert zero.grad.item() == pytest.approx(step.item() / 1e-4, rel=1e-4)
    grads = []
    for dtype in (torch.float64, torch.float32):
        g = G.clone().to(dtype).requires_grad_()
        crossbar_currents(V.to(dtype), g, 2.0, 3.0).square().sum().backward()
        grads.append(g.grad.double())
    assert (grads[0] - grads[1]).abs().max() <= 1e-5 * grads[0].abs().max()


def test_training_through_the_crossbars():
    torch.manual_seed(5)
    chip = convert(nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)),
                   CrossbarConfig(tile_shape=(8, 8), wires=Wires(20.0, 20.0), r_on_sigma=0.1))
    x, target = torch.randn(64, 12), torch.randint(0, 3, (64,))
    optimiser = torch.optim.Adam(chip.parameters(), lr=0.03)
    losses = []
    for _ in range(15):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(chip(x), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_weight_gradient_against_finite_differences():
    torch.manual_seed(6)
    layer = CrossbarLinear(6, 5, config=CrossbarConfig(tile_shape=(4, 4), wires=Wires(30.0, 30.0)),
                           dtype=torch.float64)
    x = torch.randn(2, 6, dtype=torch.float64)
    layer(x).square().sum().backward()
    largest = layer.weight.detach().abs().argmax().item()
    for k in (0, 7, 29):
        if k == largest:  # the scale is taken as a constant
            continue
        losses = []
        for sign in (1, -1):
            with torch.no_grad():
                layer.weight.view(-1)[k] += sign * 1e-6
                losses.append(layer(x).square().sum().item())
                layer.weight.view(-1)[k] -= sign * 1e-6
        slope = (losses[0] - losses[1]) / 2e-6
        assert layer.weight.grad.view(-1)[k].item() == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_the_seed_is_the_chip():
    model, x = network(torch.float64), torch.randn(2, 4, 8, 9, dtype=torch.float64)
    config = CrossbarConfig.ideal((16, 10), r_on_sigma=0.1, r_off_sigma=0.1)
    with torch.no_grad():
        one, same = (convert(model, config.replace(seed=1))(x) for _ in range(2))
        other = convert(model, config.replace(seed=2))(x)
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)


def test_convert_keeps_the_original_names_and_sharing():
    shared = nn.Linear(6, 6)
    model = nn.Sequential(shared, nn.ModuleDict({"a": nn.ReLU()})["a"], shared, nn.Linear(6, 2))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    chip = convert(model, CrossbarConfig(), exclude="3", overrides={"0": {"tile_shape": (4, 4)}})
    assert type(model[0]) is nn.Linear
    assert chip[0] is chip[2]
    assert isinstance(chip[0], CrossbarLinear)
    assert type(chip[3]) is nn.Linear
    assert chip[0].config.tile_shape == (4, 4)
    assert list(chip.state_dict()) == list(before)
    model.load_state_dict(chip.state_dict())
    with torch.no_grad():
        chip[0].weight.zero_()
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    rows = {row.name: row for row in report(chip).layers}
    assert rows["0"].tiles == 4
    assert rows["0"].used == 2 * 36
    assert rows["0"].cells == 8 * 16
    assert not rows["3"].converted
    assert "digital" in str(report(chip))


def test_weights_that_change_are_programmed_again():
    layer = CrossbarLinear(4, 3, config=CrossbarConfig(path="matrix"))
    x = torch.randn(2, 4)
    with torch.no_grad():
        first = layer(x)
        layer.weight.mul_(2)
        layer.bias.zero_()
        torch.testing.assert_close(layer(x), 2 * (first - (first - layer(x) / 2)))
        assert not torch.allclose(layer(x), first)


def test_calibrate_records_input_ranges():
    chip = convert(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), CrossbarConfig())
    data = [torch.full((2, 4), 2.0), torch.full((1, 4), -5.0)]
    assert calibrate(chip, data)["0"] == 5.0
    assert chip[0].input_range == 5.0


@pytest.mark.parametrize(("make", "message"), [
    (lambda: CrossbarConfig(tile_shape=(0, 4)), "`tile_shape`"),
    (lambda: CrossbarConfig(g_on=1e-6, g_off=1e-4), "`g_on` must be larger"),
    (lambda: CrossbarConfig(scheme="triple"), "`scheme` must be one of"),
    (lambda: CrossbarConfig(wires=Wires(np.ones((3, 3)))), "`wires.word` must be one finite"),
    (lambda: CrossbarConfig(r_on_sigma=-1), "`r_on_sigma`"),
    (lambda: CrossbarConfig(read_voltage=0), "`read_voltage`"),
    (lambda: CrossbarConfig(seed=1.5), "`seed`"),
    (lambda: CrossbarConfig().replace(tiles=3), "no field"),
    (lambda: convert(nn.ReLU(), CrossbarConfig()), "no Linear"),
    (lambda: convert(nn.Linear(2, 2), {}), "`config`"),
    (lambda: convert(nn.Sequential(nn.Linear(2, 2)), CrossbarConfig(), include="9"), "matches no"),
    (lambda: crossbar_currents(torch.ones(3), torch.ones(2, 2)), "does not fit"),
    (lambda: crossbar_currents(torch.ones(2).int(), torch.ones(2, 2)), "float32 or float64"),
    (lambda: crossbar_currents(np.ones(2), torch.ones(2, 2)), "must be a tensor"),
    (lambda: effective_matrix(torch.ones(2, 2), word="1"), "`word` must be a number"),
    (lambda: CrossbarLinear(3, 2)(torch.ones(1, 4)), "last axis must be 3"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
