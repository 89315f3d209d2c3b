"""Opposed pairs: both cells of a pair on one bit line, driven with opposite voltages."""

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.nn import (
    CrossbarConfig,
    CrossbarLinear,
    calibrate,
    convert,
    report,
)
from crossbarsim.nonidealities import (
    Faults,
    FlickerNoise,
    NonIdealities,
    Place,
    ReadNoise,
    SinhIV,
)
from crossbarsim.periphery import ADC, DAC, Periphery, layer_cost

torch.set_num_threads(1)
WIRES = Wires(word=2.0, bit=3.0, driver=20.0, sense=5.0)


def layer_of(inputs, outputs, seed=0):
    torch.manual_seed(seed)
    return nn.Linear(inputs, outputs, bias=False).double().requires_grad_(False)


def test_the_physical_array_is_what_is_solved():
    layer = layer_of(5, 4)
    config = CrossbarConfig(pairing="opposed", tile_shape=(10, 4), wires=WIRES)
    chip = CrossbarLinear.from_digital(layer, config)
    level = layer.weight.T.numpy() / float(layer.weight.abs().max())
    G = np.empty((10, 4))  # by plain loops
    for i in range(5):
        for j in range(4):
            w = level[i, j]
            G[2 * i, j] = 1e-6 + max(w, 0.0) * 99e-6
            G[2 * i + 1, j] = 1e-6 + max(-w, 0.0) * 99e-6
    (_, (found,)), = chip.crossbars.arrays(layer.weight)
    np.testing.assert_allclose(found, G, rtol=1e-12)
    x = torch.rand(3, 5, dtype=torch.float64) * 2 - 1
    V = np.empty((3, 10))
    V[:, ::2], V[:, 1::2] = 0.2 * x.numpy(), -0.2 * x.numpy()
    currents = Solver().solve(Crossbar(G, WIRES), V).currents
    expected = currents / (0.2 * 99e-6) * float(layer.weight.abs().max())
    for path in ("matrix", "vectors"):
        again = CrossbarLinear.from_digital(layer, config.replace(path=path))
        np.testing.assert_allclose(again(x), expected, rtol=1e-8, atol=1e-10)


def output_error(layer, x, *, gains=False, **settings):
    y = layer(x)
    config = CrossbarConfig(tile_shape=(64, 64), **settings)
    found = x @ CrossbarLinear.from_digital(layer, config).effective_weights().T
    if gains:  # the best one of every output
        found = found * (found * y).sum(0) / found.square().sum(0)
    return float((found - y).norm() / y.norm())


def test_currents_that_cancel_drop_less():
    layer = layer_of(64, 64)
    positive = torch.rand(100, 64, dtype=torch.float64)  # as after a ReLU
    # arrays of one size, of which opposed pairs take twice as many rows
    for gains, least in ((False, 0.8), (True, 0.7)):
        errors = {
            pairing: output_error(layer, positive, gains=gains, pairing=pairing,
                                  wires=Wires(word=1.0, bit=1.0))
            for pairing in ("arrays", "interleaved", "opposed")
        }
        assert errors["opposed"] < least * errors["arrays"] < errors["interleaved"]


def test_the_drop_acts_on_both_cells_of_a_pair():
    layer = layer_of(64, 64)
    positive = torch.rand(100, 64, dtype=torch.float64)
    short = Wires(word=0.0, bit=0.5)  # a pair within the height of one cell: as long a bit line
    config = CrossbarConfig(tile_shape=(128, 64), pairing="opposed", wires=short)
    found = positive @ CrossbarLinear.from_digital(layer, config).effective_weights().T
    error = float((found - layer(positive)).norm() / layer(positive).norm())
    # less current, less drop, but on twice the conductance: of a whole column nothing is gained
    apart = output_error(layer, positive, wires=Wires(word=0.0, bit=1.0))
    assert error == pytest.approx(apart, rel=0.1)


def test_bit_lines_of_opposed_pairs_carry_less_current():
    layer = layer_of(64, 16)
    x = torch.rand(40, 64, dtype=torch.float64)
    scales = {}
    for pairing in ("arrays", "opposed"):
        config = CrossbarConfig.ideal(
            (128, 128), pairing=pairing, periphery=Periphery(adc=ADC(bits=6)))
        chip = convert(nn.Sequential(layer), config)
        found = calibrate(chip, [x])
        scales[pairing] = found.matrices["0"].full_scale
        error = float((chip(x) - layer(x)).norm() / layer(x).norm())
        assert error < {"arrays": 0.5, "opposed": 0.12}[pairing]
    assert scales["opposed"] < 0.5 * scales["arrays"]


def test_gradients_are_those_of_finite_differences():
    layer = layer_of(6, 4).requires_grad_(True)
    config = CrossbarConfig(pairing="opposed", tile_shape=(8, 3), wires=Wires(30.0, 20.0))
    chip = CrossbarLinear.from_digital(layer, config)
    x = torch.randn(5, 6, dtype=torch.float64)
    pull = torch.randn(5, 4, dtype=torch.float64)
    (chip(x) * pull).sum().backward()
    assert layer.weight.grad is not None
    with torch.no_grad():
        for i, j in ((0, 0), (1, 5), (3, 2)):
            values = []
            for step in (1e-6, -1e-6):
                layer.weight[i, j] += step
                values.append(float((chip(x) * pull).sum()))
                layer.weight[i, j] -= step
            slope = (values[0] - values[1]) / 2e-6
            assert abs(float(layer.weight.grad[i, j]) - slope) <= 1e-5 * abs(slope) + 1e-8


@pytest.mark.parametrize("encoding", ["bipolar", "two-phase", "bit-serial", "offset"])
def test_encodings_converters_and_noise_are_read_alike_by_both_ways(encoding):
    layer = layer_of(9, 5)
    config = CrossbarConfig(
        pairing="opposed", tile_shape=(12, 4), wires=WIRES, input_encoding=encoding,
        bits=6, bits_per_cell=3, input_range=1.0,
        nonidealities=NonIdealities(
            faults=Faults(stuck_off=0.05), noise=ReadNoise(flicker=FlickerNoise(1e-4))),
        periphery=Periphery(dac=DAC(bits=5, dnl=0.1, gain_error=0.02), adc=ADC(bits=9, inl=0.4)),
    )
    chip = convert(nn.Sequential(layer), config)
    x = torch.rand(20, 9, dtype=torch.float64) * 2 - 1
    calibrate(chip, [x])
    chip[0].crossbars.reads = 0
    compiled = chip(x)
    chip[0].crossbars.reads = 0
    general = chip(x.clone().requires_grad_()).detach()
    torch.testing.assert_close(compiled, general, rtol=1e-9, atol=1e-9)
    assert 0.001 < float((compiled - layer(x)).norm() / layer(x).norm()) < 0.4


def test_noise_of_both_cells_adds_up():
    layer = layer_of(8, 3)
    config = CrossbarConfig.ideal(
        (16, 3), pairing="opposed", input_range=1.0,
        nonidealities=NonIdealities(noise=ReadNoise(thermal=False, flicker=FlickerNoise(1e-3))))
    chip = convert(nn.Sequential(layer), config)
    x = torch.ones(1, 8, dtype=torch.float64)
    y = chip(x.expand(40000, -1))
    (_, (G,)), = chip[0].crossbars.arrays(layer.weight)
    sigma = float(config.nonidealities.noise.flicker.sigma(np.array([1e-5]))[0])
    unit = float(layer.weight.abs().max()) / 99e-6
    expected = sigma * G.square().sum(dim=0).sqrt() * unit
    torch.testing.assert_close(y.std(dim=0), expected, rtol=0.03, atol=0)


def test_converters_of_opposed_pairs_are_signed_and_cells_may_be_curved():
    assert Periphery(adc=ADC()).signed("two-phase", opposed=True)
    assert not Periphery(adc=ADC()).signed("two-phase")
    readout = Periphery(adc=ADC(bits=4)).fabricate(Place(1), 3, encoding="offset", opposed=True)
    assert readout.signed
    layer = layer_of(4, 3)
    curved = CrossbarConfig(
        pairing="opposed", tile_shape=(8, 3), wires=WIRES, input_range=1.0,
        nonidealities=NonIdealities(iv=SinhIV(v_0=0.2)))
    x = torch.rand(2, 4, dtype=torch.float64)
    exact = convert(nn.Sequential(layer), curved)(x)
    born = convert(nn.Sequential(layer), curved.replace(path="born"))
    calibrate(born, [x])
    torch.testing.assert_close(born(x), exact, rtol=0.05, atol=0.02)


def test_report_and_cost_count_the_rows():
    layer = layer_of(100, 20)
    config = CrossbarConfig(
        pairing="opposed", tile_shape=(64, 64), input_range=1.0,
        periphery=Periphery(dac=DAC(bits=4), adc=ADC(bits=6, full_scale=1e-4)))
    found = report(convert(nn.Sequential(layer), config), torch.rand(4, 100, dtype=torch.float64))
    assert found.layers[0].tiles == found.layers[0].arrays == 4  # 32 inputs each
    assert found.layers[0].used == 200 * 20
    shapes = [(64, 20)] * 3 + [(8, 20)]
    one_each = layer_cost(config.periphery, shapes, macs=2000, array_power=0.0)
    shared = layer_cost(config.periphery, shapes, macs=2000, array_power=0.0,
                        inputs=[32, 32, 32, 4])
    assert shared.energy.dac == pytest.approx(0.5 * one_each.energy.dac)
    assert found.layers[0].cost.energy.dac == pytest.approx(shared.energy.dac)
    assert found.layers[0].cost.conversions == 80
    with pytest.raises(ParameterError, match="one per array"):
        layer_cost(config.periphery, shapes, macs=1, array_power=0.0, inputs=[32])


def test_what_cannot_be_opposed_is_refused():
    with pytest.raises(ParameterError, match="of a differential pair"):
        CrossbarConfig(pairing="opposed", scheme="offset")
    with pytest.raises(ParameterError, match="needs two rows"):
        CrossbarConfig(pairing="opposed", tile_shape=(1, 8))
