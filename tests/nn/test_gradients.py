"""Gradients of programmed weights: exact through every mapping, devices included."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from crossbarsim import Wires
from crossbarsim.nn import CrossbarConfig, CrossbarLinear, StoredMatrix
from crossbarsim.nn.train import weight_noise
from crossbarsim.nonidealities import (
    Faults,
    LogNormal,
    NonIdealities,
    Normal,
    ReadNoise,
    SinhIV,
    Variability,
    WriteNoise,
)
from crossbarsim.periphery import ADC, DAC, Periphery

torch.set_num_threads(1)

EFFECTS = NonIdealities(
    variability=(Variability("r_on", Normal(0.1)), Variability("r_off", LogNormal(0.3))),
    faults=Faults(stuck_on=0.05, stuck_off=0.05),
)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(
    scheme=st.sampled_from(["differential", "offset", "single"]),
    pairing=st.sampled_from(["arrays", "interleaved"]), copies=st.integers(1, 2),
    fill=st.sampled_from(["equal", "spread"]), scaling=st.sampled_from(["layer", "column"]),
    reorder=st.sampled_from(["none", "both"]), bias=st.sampled_from(["digital", "chip"]),
    path=st.sampled_from(["matrix", "vectors"]), write=st.booleans(),
)
def test_programmed_weights_have_exact_gradients(scheme, pairing, copies, fill, scaling, reorder, bias, path, write):
    torch.manual_seed(0)
    effects = EFFECTS.replace(write=WriteNoise(0.03)) if write else EFFECTS
    config = CrossbarConfig(
        tile_shape=(4, 12), wires=Wires(40.0, 25.0), scheme=scheme, pairing=pairing,
        cells_per_weight=copies, cell_fill=fill, scaling=scaling, reorder=reorder, bias=bias,
        path=path, nonidealities=effects, seed=2, clip_percentile=80.0, g_on=1e-3,
    )
    crossbars = StoredMatrix(config, "fc", 3, 5, bias=True)
    # several of the largest magnitude, so that the scale, a constant of the gradient, stays
    weight = torch.empty(3, 5, dtype=torch.float64).uniform_(-0.9, 0.9)
    weight[:, 1], weight[:, 3] = 1.0, -1.0
    free = torch.zeros_like(weight, dtype=torch.bool)
    free[:, [0, 2]] = True
    offset = torch.tensor([0.2, -0.3, 0.4], dtype=torch.float64)
    x = torch.randn(2, 5, dtype=torch.float64)
    with torch.no_grad():
        crossbars(x[:, None], weight, offset)

    def run(values, offset, x):
        return crossbars(x[:, None], weight.masked_scatter(free, values), offset)

    assert torch.autograd.gradcheck(run, (
        weight[free].clone().requires_grad_(), offset.clone().requires_grad_(),
        x.clone().requires_grad_(),
    ), eps=1e-5, atol=1e-6)


def test_the_gradient_under_weight_noise_is_that_of_the_same_draw():
    torch.manual_seed(1)
    layer = nn.Linear(6, 4).double()
    config = CrossbarConfig(tile_shape=(4, 4), wires=Wires(50.0, 50.0), g_on=1e-3)
    x = torch.randn(3, 6, dtype=torch.float64)

    def loss(chip):
        with weight_noise(chip, 0.05, seed=3):
            return chip(x).square().sum()

    chip = CrossbarLinear.from_digital(layer, config)
    (found,) = torch.autograd.grad(loss(chip), chip.weight)
    step, entry = 1e-6, (1, 2)
    with torch.no_grad():
        ends = []
        for sign in (1, -1):
            chip.weight[entry] += sign * step
            ends.append(loss(chip))
            chip.weight[entry] -= sign * step
    assert chip.weight[entry].abs() < chip.weight.abs().max()
    slope = (ends[0] - ends[1]) / (2 * step)
    assert found[entry].item() == pytest.approx(slope.item(), rel=1e-5)


def test_read_noise_is_a_constant_draw_of_a_differentiable_size():
    torch.manual_seed(2)
    config = CrossbarConfig(
        tile_shape=(4, 4), wires=Wires(20.0, 20.0), input_range=2.0,
        nonidealities=NonIdealities(noise=ReadNoise(bandwidth=1e11)),
    )
    crossbars = StoredMatrix(config, "fc", 3, 6)
    weight = torch.empty(3, 6, dtype=torch.float64).uniform_(-0.9, 0.9)
    weight[0, 0] = 1.0
    free = torch.ones_like(weight, dtype=torch.bool)
    free[0, 0] = False
    x = torch.rand(2, 6, dtype=torch.float64)

    def run(values, x):
        crossbars.reads = 0
        return crossbars(x[:, None], weight.masked_scatter(free, values))

    quiet = StoredMatrix(config.replace(nonidealities=None), "fc", 3, 6)
    with torch.no_grad():
        assert (run(weight[free], x) - quiet(x[:, None], weight)).abs().max() > 1e-2
    assert torch.autograd.gradcheck(
        run, (weight[free].clone().requires_grad_(), x.clone().requires_grad_()), eps=1e-5, atol=1e-3,
        rtol=5e-3,  # the relative size of 1/f noise is held
    )


def test_curved_cells_and_converters_train():
    torch.manual_seed(3)
    config = CrossbarConfig(
        tile_shape=(8, 8), wires=Wires(10.0, 10.0), input_range=3.0, bits=6, bits_per_cell=2,
        nonidealities=NonIdealities(iv=SinhIV(0.25)),
        periphery=Periphery(dac=DAC(bits=6), adc=ADC(bits=8, full_scale=5e-5)),
    )
    chip = CrossbarLinear(6, 2, config=config)
    x = torch.randn(16, 6)
    target = x @ torch.randn(6, 2)
    optimiser = torch.optim.Adam(chip.parameters(), lr=0.1)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(chip(x), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.4 * losses[0]
