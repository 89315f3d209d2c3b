"""Reading through converters: against plain arithmetic, both paths, every encoding."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.nn import CrossbarConfig, CrossbarConv2d, CrossbarLinear, StoredMatrix
from crossbarsim.nonidealities import ConductanceStates, Faults, NonIdealities, SinhIV
from crossbarsim.periphery import (
    ADC,
    DAC,
    ENCODINGS,
    CurrentMirrorSense,
    IntegratorSense,
    LoadSense,
    Periphery,
    TransimpedanceSense,
)

torch.set_num_threads(1)


def linear(inputs=11, outputs=5, seed=0, bias=True):
    torch.manual_seed(seed)
    return nn.Linear(inputs, outputs, bias=bias).double(), torch.rand(6, inputs).double() * 2 - 1


def sense(encoding):
    return {"sense": IntegratorSense()} if encoding.startswith("pulse") else {}


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    encoding=st.sampled_from(ENCODINGS), scheme=st.sampled_from(["differential", "offset", "single"]),
    pairing=st.sampled_from(["arrays", "interleaved"]), bits=st.sampled_from([None, 5]),
    slicing=st.sampled_from(["columns", "arrays"]), copies=st.integers(1, 2),
    subtraction=st.sampled_from(["digital", "analog"]), bias=st.sampled_from(["digital", "chip"]),
    reorder=st.sampled_from(["none", "both"]), path=st.sampled_from(["matrix", "vectors"]),
)
def test_fine_converters_are_the_digital_layer(encoding, scheme, pairing, bits, slicing, copies, subtraction, bias, reorder, path):
    layer, x = linear()
    config = CrossbarConfig.ideal(
        (7, 40), scheme=scheme, pairing=pairing, bits=bits, bits_per_cell=2 if bits else 1, slicing=slicing,
        cells_per_weight=copies, bias=bias, reorder=reorder, input_encoding=encoding, path=path,
        input_range=1.0, periphery=Periphery(
            dac=DAC(bits=14), adc=ADC(bits=16, full_scale=5e-4), subtraction=subtraction, **sense(encoding),
        ),
    )
    with torch.no_grad():
        found = CrossbarLinear.from_digital(layer, config)(x)
        exact = CrossbarLinear.from_digital(layer, config.replace(periphery=None, input_encoding="bipolar"))(x)
        assert bits is not None or torch.allclose(exact, layer(x), rtol=0, atol=1e-11)
    torch.testing.assert_close(found, exact, rtol=0, atol=4e-3)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    encoding=st.sampled_from(ENCODINGS), scheme=st.sampled_from(["differential", "offset", "single"]),
    pairing=st.sampled_from(["arrays", "interleaved"]), bits=st.sampled_from([None, 5]),
    slicing=st.sampled_from(["columns", "arrays"]), copies=st.integers(1, 2),
    subtraction=st.sampled_from(["digital", "analog"]), signed=st.booleans(),
    bias=st.sampled_from(["digital", "chip"]), reorder=st.sampled_from(["none", "both"]),
)
def test_with_errors_the_paths_agree_whatever_the_mapping(encoding, scheme, pairing, bits, slicing, copies, subtraction, signed, bias, reorder):
    layer, x = linear(seed=1)
    amplifier = IntegratorSense(mismatch=0.05, offset=1e-3, gain=1e3) if encoding.startswith("pulse") \
        else TransimpedanceSense(r_feedback=500.0, mismatch=0.05, offset=1e-3)
    config = CrossbarConfig(
        tile_shape=(6, 40), wires=Wires(5.0, 3.0), scheme=scheme, pairing=pairing, bits=bits,
        bits_per_cell=2 if bits else 1, slicing=slicing, cells_per_weight=copies, bias=bias, reorder=reorder,
        input_encoding=encoding, input_range=1.0, signed_inputs=signed, seed=3,
        nonidealities=NonIdealities(faults=Faults(stuck_on=0.05)), periphery=Periphery(
            dac=DAC(bits=6, gain_error=0.02, offset=0.3), sense=amplifier, subtraction=subtraction),
    )
    with torch.no_grad():
        one, same = (
            CrossbarLinear.from_digital(layer, config.replace(path=path))(x)
            for path in ("matrix", "vectors")
        )
    torch.testing.assert_close(one, same, rtol=0, atol=1e-9)


def quantised(values, full_scale, codes, low):
    """Mid-tread codes by plain arithmetic."""
    step = (full_scale - low) / (codes - 1)
    return low + step * np.floor((np.clip(values, low, full_scale) - low) / step + 0.5)


def test_layer_is_solved_converted_and_added_tile_by_tile():
    layer, x = linear(20, 6, seed=1, bias=False)
    full_scale, reach = 30e-6, 1.25
    config = CrossbarConfig(
        tile_shape=(8, 4), wires=Wires(4.0, 2.0), input_range=reach, input_encoding="two-phase",
        periphery=Periphery(dac=DAC(bits=4), adc=ADC(bits=5, full_scale=full_scale)),
    )
    weight = layer.weight.detach().numpy()
    level = (weight / np.abs(weight).max()).T
    expected = np.zeros((6, 6))
    for i, j in itertools.product(range(0, 20, 8), range(0, 6, 4)):
        block = level[i : i + 8, j : j + 4]
        for cell_sign, phase_sign in itertools.product((1, -1), (1, -1)):
            G = 1e-6 + np.clip(cell_sign * block, 0, None) * (1e-4 - 1e-6)
            u = np.clip(phase_sign * x.numpy()[:, i : i + 8] / reach, 0, 1)
            V = 0.2 * np.floor(u * 15 + 0.5) / 15
            currents = Solver(method="mna").solve(Crossbar(G, Wires(4.0, 2.0)), V).currents
            codes = quantised(currents, full_scale, 32, 0.0)
            expected[:, j : j + 4] += cell_sign * phase_sign * codes / 0.2 / (1e-4 - 1e-6)
    expected *= np.abs(weight).max() * reach
    for path in ("matrix", "vectors"):
        with torch.no_grad():
            found = CrossbarLinear.from_digital(layer, config.replace(path=path))(x)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)


def test_analogue_subtraction_converts_the_difference_once():
    layer, x = linear(7, 4, seed=2, bias=False)
    config = CrossbarConfig.ideal((7, 8), pairing="interleaved", input_range=1.0, periphery=Periphery(
        adc=ADC(bits=4, full_scale=2e-5), subtraction="analog",
    ))
    scale = layer.weight.abs().max().item()
    current = x.numpy() @ (layer.weight.detach().numpy() / scale * 99e-6).T * 0.2
    expected = quantised(current, 2e-5, 15, -2e-5) / 0.2 / 99e-6 * scale
    with torch.no_grad():
        found = CrossbarLinear.from_digital(layer, config)(x)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)


ERRORS = {
    "dac": DAC(bits=6, inl=0.5, dnl=0.3, offset=0.5, gain_error=0.02),
    "adc": ADC(bits=7, full_scale=6e-5, inl=0.5, dnl=0.3, offset=0.5, gain_error=0.02, columns=3),
}


@pytest.mark.parametrize("amplifier", [
    LoadSense(resistance=300.0, mismatch=0.02, offset=1e-3),
    TransimpedanceSense(r_feedback=2e3, gain=100.0, offset=1e-3, mismatch=0.01, gbw=1e9),
    CurrentMirrorSense(mismatch=0.02, input_resistance=400.0),
    IntegratorSense(capacitance=1e-12, gain=1e3, offset=1e-3),
], ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("encoding", ["bipolar", "offset", "bit-serial"])
def test_errors_of_the_periphery_are_those_of_one_chip(amplifier, encoding):
    layer = nn.Conv2d(4, 6, 2, groups=2).double()
    x = torch.rand(2, 4, 3, 4).double() * 2 - 1
    config = CrossbarConfig(
        tile_shape=(5, 6), wires=Wires(5.0, 3.0), input_encoding=encoding, input_range=1.0, seed=4,
        periphery=Periphery(sense=amplifier, **ERRORS), nonidealities=NonIdealities(
            faults=Faults(stuck_on=0.05, stuck_off=0.05), states=ConductanceStates(8)),
    )
    with torch.no_grad():
        one, same, other = (
            CrossbarConv2d.from_digital(layer, config.replace(**change))(x)
            for change in ({"path": "matrix"}, {"path": "vectors"}, {"seed": 5})
        )
        exact = CrossbarConv2d.from_digital(layer, config.replace(periphery=None))(x)
    torch.testing.assert_close(one, same, rtol=0, atol=1e-6)
    assert (one - other).abs().max() > 1e-3
    assert 1e-3 < (one - exact).abs().max() < 1.0


def test_a_range_is_needed_only_where_it_matters():
    layer, x = linear()
    for change in ({"periphery": Periphery(dac=DAC(bits=8))}, {"periphery": Periphery(adc=ADC(bits=8))},
                   {"nonidealities": NonIdealities(iv=SinhIV(0.25))}):
        config = CrossbarConfig(**change)
        with pytest.raises(ParameterError, match=r"'fc'.*calibrate\(model, loader\)"):
            CrossbarLinear.from_digital(layer, config, "fc")(x)
        CrossbarLinear.from_digital(layer, config.replace(input_range=2.0), "fc")(x)
    CrossbarLinear.from_digital(layer, CrossbarConfig(periphery=Periphery()))(x)
    CrossbarLinear.from_digital(layer, CrossbarConfig(periphery=Periphery(sense=LoadSense())))(x)


def test_inputs_saturate_at_their_range_and_not_by_what_is_in_the_batch():
    layer, x = linear(bias=False)
    config = CrossbarConfig(input_range=0.5, periphery=Periphery(dac=DAC(bits=8)))
    chip = CrossbarLinear.from_digital(layer, config)
    with torch.no_grad():
        torch.testing.assert_close(chip(x), chip(x.clamp(-0.5, 0.5)))
        torch.testing.assert_close(chip(x)[:1], chip(x[:1]), rtol=0, atol=1e-15)


def test_the_uncalibrated_converter_covers_every_input():
    layer, _ = linear(9, 4, bias=False)
    config = CrossbarConfig(input_range=1.0, periphery=Periphery(adc=ADC(bits=12)), wires=Wires(2.0, 2.0))
    chip = CrossbarLinear.from_digital(layer, config)
    x = torch.sign(layer.weight.detach())  # every output's largest value
    with torch.no_grad():
        exact = CrossbarLinear.from_digital(layer, config.replace(periphery=None))(x)
        torch.testing.assert_close(chip(x), exact, rtol=0, atol=2e-3)


@pytest.mark.parametrize("path", ["matrix", "vectors"])
@pytest.mark.parametrize("scheme", ["differential", "offset", "single"])
def test_gradients_through_the_pipeline_are_exact(scheme, path):
    layer, x = linear(5, 3)
    config = CrossbarConfig(
        tile_shape=(3, 4), wires=Wires(50.0, 30.0), scheme=scheme, path=path, input_range=2.0,
        reorder="both", nonidealities=NonIdealities(faults=Faults(stuck_on=0.1)),
        periphery=Periphery(sense=LoadSense(resistance=1e3, mismatch=0.1, offset=1e-3)), seed=1,
    )
    crossbars = StoredMatrix(config, "fc", 3, 5, bias=True)
    weight = layer.weight.detach().clone()
    weight[0, 0] = 2.0  # the scale is a constant of the gradient
    crossbars(x[:, None], weight, layer.bias.detach())  # the order of the lines is chosen once
    free = torch.ones_like(weight, dtype=torch.bool)
    free[0, 0] = False

    def run(values, bias, x):
        whole = weight.clone().masked_scatter(free, values)
        return crossbars(x[:, None], whole, bias)

    assert torch.autograd.gradcheck(run, (
        weight[free].clone().requires_grad_(), layer.bias.detach().clone().requires_grad_(),
        x[:2].clone().requires_grad_(),
    ), eps=1e-5, atol=1e-6)


def test_quantisers_pass_gradients_straight_through():
    layer, x = linear(6, 4)
    fine = CrossbarConfig(wires=Wires(10.0, 10.0), input_range=2.0, path="matrix",
                          periphery=Periphery(sense=LoadSense(mismatch=1e-9)))
    coarse = fine.replace(periphery=Periphery(
        sense=LoadSense(mismatch=1e-9), dac=DAC(bits=16), adc=ADC(bits=10, full_scale=1e-3)))
    grads = []
    for config in (fine, coarse):
        chip = CrossbarLinear.from_digital(layer, config)
        v = x.clone().requires_grad_()
        grads.append(torch.autograd.grad(chip(v).sum(), [v, chip.weight, chip.bias]))
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("encoding", ["two-phase", "pulse-width"])
def test_curved_cells_are_solved_for_every_drive(encoding):
    layer, x = linear(6, 3, bias=False)
    law = SinhIV(0.2)
    config = CrossbarConfig(
        tile_shape=(4, 3), wires=Wires(20.0, 10.0), input_range=1.0, input_encoding=encoding,
        nonidealities=NonIdealities(iv=law),
        periphery=Periphery(dac=DAC(bits=3), **sense(encoding)),
    )
    scale = layer.weight.abs().max().item()
    level = (layer.weight.detach().numpy() / scale).T
    expected = np.zeros((6, 3))
    for i in (0, 4):
        for cell, phase in itertools.product((1, -1), (1, -1)):
            G = 1e-6 + np.clip(cell * level[i : i + 4], 0, None) * 99e-6
            xbar = Crossbar(cells=law.cells(G), wires=Wires(20.0, 10.0))
            code = np.floor(np.abs(x.numpy()[:, i : i + 4]) * 7 + 0.5)
            sign = np.sign(x.numpy()[:, i : i + 4])
            if encoding == "two-phase":
                V = 0.2 * np.where(sign == phase, code / 7, 0)
                current = phase * Solver().solve(xbar, V).currents
            elif phase == 1:  # one step of the pulse after the other, both signs at once
                current = sum(
                    Solver().solve(xbar, 0.2 * np.where(code > k, sign, 0)).currents for k in range(7)
                ) / 7
            else:
                continue
            expected += cell * current / 0.2 / 99e-6 * scale
    with torch.no_grad():
        found = CrossbarLinear.from_digital(layer, config)(x)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-7)
