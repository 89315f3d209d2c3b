"""The conductances of a network's arrays, out as arrays and CSV files, and in again."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.nn import (
    CrossbarConfig,
    conductances,
    convert,
    load_conductances,
    save_conductances,
)
from crossbarsim.nonidealities import Faults, NonIdealities, Normal, Variability

torch.set_num_threads(1)
ROUGH = CrossbarConfig(tile_shape=(8, 6), wires=Wires(3.0, 2.0), seed=5, nonidealities=NonIdealities(
    variability=Variability("r_on", Normal(0.1)), faults=Faults(stuck_on=0.05)))
PLAIN = CrossbarConfig(tile_shape=(8, 6), wires=Wires(3.0, 2.0))


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3, bias=False)).double()


def images():
    return torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def run(chip, x):
    with torch.no_grad():
        return chip(x)


def test_they_are_what_the_circuits_of_the_layers_have():
    chip = convert(network(), ROUGH)
    G = conductances(chip)
    assert list(G) == ["0", "3"]
    assert list(G["3"]) == [f"0-{row}-0-{sign}" for row in range(2) for sign in ("positive", "negative")]
    x = torch.randn(16, dtype=torch.float64)
    y = 0.0  # the layer's outputs, by hand
    for row in range(2):
        volts = x[8 * row : 8 * row + 8].numpy()
        plus, minus = (
            Solver().solve(Crossbar(G["3"][f"0-{row}-0-{sign}"], Wires(3.0, 2.0)), volts).currents
            for sign in ("positive", "negative")
        )
        y = y + (plus - minus)
    scale = float(chip[3].weight.detach().abs().max()) / (1e-4 - 1e-6)
    np.testing.assert_allclose(run(chip[3], x).numpy(), y * scale, rtol=1e-9)


@pytest.mark.parametrize("config", [
    ROUGH, PLAIN.replace(scheme="offset"), PLAIN.replace(bits=4, slicing="arrays"), PLAIN.replace(bias="chip"),
], ids=["rough", "offset", "digits", "chip bias"])
def test_a_chip_goes_into_another_network_as_files_and_as_arrays(tmp_path, config):
    chip, x = convert(network(), config), images()
    expected = run(chip, x)
    paths = save_conductances(chip, tmp_path / "chip")
    assert len(paths) == sum(map(len, conductances(chip).values()))
    for source in (tmp_path / "chip", conductances(chip)):
        other = convert(network(), config.replace(nonidealities=None, seed=9))
        before = run(other, x)
        load_conductances(other, source)
        torch.testing.assert_close(run(other, x), expected, rtol=0, atol=1e-12)
        for name, arrays in conductances(other).items():
            for key, G in arrays.items():
                assert np.array_equal(G, conductances(chip)[name][key])
        if config is ROUGH:
            assert not torch.allclose(before, expected)
        load_conductances(other, None)
        torch.testing.assert_close(run(other, x), before, rtol=0, atol=1e-12)


def test_loaded_arrays_stay_whatever_the_weights_do_and_take_no_gradient():
    chip, x = convert(network(), PLAIN.replace(path="matrix")), images()
    expected = run(chip, x)
    load_conductances(chip, conductances(chip))
    with torch.no_grad():  # of the largest weight the scale is made, which is no conductance
        small = chip[3].weight.abs() < 0.5 * chip[3].weight.abs().max()
        chip[3].weight[small] = 0.0
    torch.testing.assert_close(run(chip, x), expected, rtol=0, atol=1e-12)
    chip(x).square().sum().backward()
    assert chip[3].weight.grad is None or not chip[3].weight.grad.any()
    assert chip[0].bias.grad.abs().sum() > 0


def test_one_array_alone_can_be_loaded_and_is_in_the_state():
    for config in (PLAIN, ROUGH):
        chip, x = convert(network(), config), images()
        before = run(chip, x)
        G = conductances(chip)["3"]["0-1-0-negative"]
        load_conductances(chip, {"3": {"0-1-0-negative": (0.5 * G).tolist()}})
        after = run(chip, x)
        assert not torch.allclose(after, before)
        other = convert(network(), config.replace(seed=3))
        other.load_state_dict(chip.state_dict())
        torch.testing.assert_close(run(other, x), after, rtol=0, atol=1e-12)
        torch.testing.assert_close(run(copy.deepcopy(chip), x), after, rtol=0, atol=1e-12)
        state = chip.state_dict()
        for wrong in (state["3.crossbars.chip.measured"][:-1], -state["3.crossbars.chip.measured"].abs() - 1):
            with pytest.raises(RuntimeError, match="saved chip's 'measured'"):
                other.load_state_dict({**state, "3.crossbars.chip.measured": wrong})
        part = state["3.crossbars.chip.measured"].clone()
        part[torch.nonzero(~part.isnan())[0]] = float("nan")
        with pytest.raises(RuntimeError, match="NaN within an array"):
            other.load_state_dict({**state, "3.crossbars.chip.measured": part})
        torch.testing.assert_close(run(other, x), after, rtol=0, atol=1e-12)


def test_a_layer_alone_has_a_file_name(tmp_path):
    chip = convert(nn.Linear(3, 2), CrossbarConfig())
    assert list(conductances(chip)) == [""]
    assert [p.name for p in save_conductances(chip, tmp_path)] == ["layer-0-0-0-positive.csv", "layer-0-0-0-negative.csv"]
    load_conductances(chip, tmp_path)


@pytest.mark.parametrize(("source", "message"), [
    ({"4": {}, "5": {"0-0-0-positive": 1.0}}, "no '5'"),
    ({"3": {"0-0-0-positiv": np.ones((8, 3))}}, "did you mean '0-0-0-positive'"),
    ({"3": {"0-0-0-positive": np.ones((3, 8))}}, r"shape, \(8, 3\); got \(3, 8\)"),
    ({"3": {"0-0-0-positive": np.full((8, 3), -1e-6)}}, r"\[0, 0\] = -1e-06: must be finite and >= 0 S"),
    ({"3": {"0-0-0-positive": np.full((8, 3), np.nan)}}, "nan: must be finite"),
    ({"3": {"0-0-0-positive": "x"}}, "must be real numbers"),
    ({"3": np.ones((8, 3))}, r"`source\['3'\]` must be a mapping"),
])
def test_what_does_not_fit_is_refused_and_nothing_changes(source, message):
    chip, x = convert(network(), PLAIN), images()
    before = run(chip, x)
    good = {"0": {key: 0.5 * G for key, G in conductances(chip)["0"].items()}}
    with pytest.raises(ParameterError, match=message):
        load_conductances(chip, good | source)
    torch.testing.assert_close(run(chip, x), before, rtol=0, atol=1e-12)


def test_files_that_do_not_fit_are_refused(tmp_path):
    chip = convert(network(), PLAIN)
    with pytest.raises(ParameterError, match="no CSV files"):
        load_conductances(chip, tmp_path)
    with pytest.raises(ParameterError, match="no folder"):
        load_conductances(chip, tmp_path / "none")
    (tmp_path / "3-0-0-0-positive.csv").write_text("1e-5,x\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="no table of numbers"):
        load_conductances(chip, tmp_path)
    (tmp_path / "3-0-0-0-positive.csv").rename(tmp_path / "3-0-0-0-positive-.csv")
    with pytest.raises(ParameterError, match=r"did you mean '3-0-0-0-positive.csv'"):
        load_conductances(chip, tmp_path)
    with pytest.raises(ParameterError, match="no crossbar layers"):
        conductances(nn.Linear(2, 2))
