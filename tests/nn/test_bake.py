"""Networks on crossbars as plain networks of torch."""

import io
import subprocess
import sys

import pytest
import torch
from torch import nn

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import CrossbarConfig, CrossbarLayer, bake, calibrate, convert
from crossbarsim.nonidealities import NonIdealities, ReadNoise, SinhIV
from crossbarsim.periphery import ADC, DAC, Periphery
from tests.helpers.networks_of_today import NETWORKS

torch.set_num_threads(1)
REAL = CrossbarConfig(wires=Wires(2.0, 2.0), tile_shape=(16, 8), r_on_sigma=0.05, seed=4)
CODES = REAL.replace(periphery=Periphery(dac=DAC(bits=6), adc=ADC(bits=8)), input_range=4.0)


def made(name):
    torch.manual_seed(3)
    make, inputs, _ = NETWORKS[name]
    return make().double().eval(), inputs()


def near(found, expected):
    """The same codes: one code more or less would be a thousandth at least."""
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def small(config):
    torch.manual_seed(0)
    chip = convert(nn.Sequential(nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 4)).double(), config)
    x = torch.randn(6, 12, dtype=torch.float64)
    if not config.exact_reads:
        calibrate(chip, [x])
    return chip.eval(), x


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_without_converters_become_torchs_layers(name):
    model, inputs = made(name)
    chip = convert(model, REAL)
    plain = bake(chip)
    assert not any(type(m).__module__.startswith("crossbarsim") for m in plain.modules())
    with torch.no_grad():
        torch.testing.assert_close(plain(*inputs), chip(*inputs), rtol=0, atol=1e-10)
    assert any(isinstance(m, CrossbarLayer) for m in chip.modules())  # left as it was


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vit", "lora", "gpt2"])
def test_networks_with_converters_become_graphs_of_the_same_codes(name):
    model, inputs = made(name)
    chip = convert(model, CODES)
    calibrate(chip, [inputs[0]])
    graph = bake(chip, inputs)
    with torch.no_grad():
        near(graph(*inputs), chip(*inputs))


@pytest.mark.slow
def test_graphs_take_any_number_of_samples_and_run_without_crossbarsim(tmp_path):
    chip, x = small(CODES)
    graph = bake(chip, x)
    assert not any("crossbarsim" in str(node.target) for node in graph.graph.nodes)
    with torch.no_grad():
        for batch in (x, x[:1], torch.cat([x, -x])):
            near(graph(batch), chip(batch))
        torch.save((x, chip(x)), tmp_path / "data.pt")
    torch.export.save(torch.export.export(graph, (x,)), tmp_path / "chip.pt2")
    code = """
import sys, torch
x, y = torch.load(sys.argv[1] + "/data.pt")
graph = torch.export.load(sys.argv[1] + "/chip.pt2").module()
torch.testing.assert_close(graph(x), y, rtol=0, atol=1e-10)
assert "crossbarsim" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(tmp_path)], check=True)


@pytest.mark.parametrize("config", [
    CODES.replace(input_encoding="bit-serial"), CODES.replace(scheme="offset"), CODES.replace(precision="float32"),
    CODES.replace(periphery=Periphery(dac=DAC(bits=6), adc=ADC(bits=8), subtraction="analog")),
    CODES.replace(bias="chip", path="vectors"),
], ids=["bit-serial", "offset", "float32", "analog", "chip bias"])
def test_every_way_to_read(config):
    chip, x = small(config)
    graph = bake(chip, x)
    with torch.no_grad():
        torch.testing.assert_close(graph(x), chip(x), rtol=0, atol=1e-6 if config.precision == "float32" else 1e-10)


def test_noise_is_left_out():
    noisy, x = small(CODES.replace(nonidealities=NonIdealities(noise=ReadNoise(bandwidth=1e9))))
    graph = bake(noisy, x)
    with torch.no_grad():
        assert torch.equal(graph(x), graph(x))
        assert not torch.equal(noisy(x), noisy(x))
        off = (graph(x) - torch.stack([noisy(x) for _ in range(64)]).mean(dim=0)).norm() / graph(x).norm()
        assert off < 0.02


def test_calibrated_corrections_are_in_the_weights():
    torch.manual_seed(0)
    chip = convert(nn.Sequential(nn.Linear(12, 9, bias=False)).double(), REAL)
    x = torch.randn(64, 12, dtype=torch.float64)
    calibrate(chip, [x], correct=True)
    plain = bake(chip)
    torch.testing.assert_close(plain(x), chip(x).detach(), rtol=0, atol=1e-10)
    if chip[0].crossbars.ranges.offset is not None:
        assert plain[0].bias is not None


def test_baked_networks_can_be_saved_whole():
    chip, x = small(REAL)
    file = io.BytesIO()
    torch.save(bake(chip), file)
    file.seek(0)
    with torch.no_grad():
        torch.testing.assert_close(torch.load(file, weights_only=False)(x), chip(x), rtol=0, atol=1e-11)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else x


@pytest.mark.parametrize(("make", "inputs", "message"), [
    (lambda: nn.Linear(2, 2), None, "no crossbar layer"),
    (lambda: convert(nn.Sequential(nn.Linear(4, 4)), CODES), None, "'0' has converters.*give `inputs`"),
    (lambda: convert(nn.Sequential(nn.Linear(4, 4)), CODES), torch.ones(1, 4), "two samples or more"),
    (lambda: convert(nn.Sequential(nn.Linear(4, 4)), CODES), "x", "must be tensors"),
    (lambda: convert(Branches(), CODES.replace(periphery=Periphery(dac=DAC(bits=6)))), torch.ones(3, 4),
     "torch.export cannot follow"),
    (lambda: convert(nn.Sequential(nn.Linear(4, 4)), REAL.replace(
        nonidealities=NonIdealities(iv=SinhIV(0.3)), input_range=1.0)), torch.ones(3, 4), "cells that are not linear"),
])
def test_what_cannot_be_baked_says_why(make, inputs, message):
    with pytest.raises(ParameterError, match=message):
        bake(make(), inputs)
