"""Groups of a convolution that share arrays."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from crossbarsim import Solver, Wires, read_spice
from crossbarsim.nn import (
    CrossbarConfig,
    CrossbarConv1d,
    CrossbarConv2d,
    CrossbarConvTranspose2d,
    calibrate,
    convert,
    report,
)
from crossbarsim.nn.mapping import block_diagonal, groups_per_array
from crossbarsim.periphery import ADC, DAC, Periphery


def test_blocks_lie_on_the_diagonal():
    torch.manual_seed(0)
    weight = torch.randn(6, 2, 3)
    packs = block_diagonal(weight, 3)
    expected = torch.stack([torch.block_diag(*weight[:3]), torch.block_diag(*weight[3:])])
    assert torch.equal(packs, expected)
    assert block_diagonal(weight, 1) is weight


@pytest.mark.parametrize(("sizes", "expected"), [
    ((32, 9, 1, 128, 128), 8), ((12, 9, 1, 128, 128), 12), ((12, 9, 1, 128, 5), 4),
    ((7, 40, 1, 128, 128), 1), ((4, 200, 1, 128, 128), 1), ((6, 9, 30, 128, 128), 3),
])
def test_as_many_groups_as_fit_and_divide(sizes, expected):
    assert groups_per_array(*sizes) == expected


@settings(max_examples=20, deadline=None)
@given(
    groups=st.sampled_from([2, 4, 6]), each=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    bias=st.sampled_from(["digital", "chip", None]), path=st.sampled_from(["matrix", "vectors"]),
    scheme=st.sampled_from(["differential", "offset", "single"]),
    mode=st.sampled_from(["zeros", "circular"]), transposed=st.booleans(), seed=st.integers(0, 99),
)
def test_without_flaws_it_is_the_digital_layer(
    groups, each, bias, path, scheme, mode, transposed, seed
):
    torch.manual_seed(seed)
    channels = groups * each[0], groups * each[1]
    config = CrossbarConfig.ideal(
        tile_shape=(30, 40), path=path, scheme=scheme,
        bias="chip" if bias == "chip" and not transposed else "digital",
    )
    options = {"groups": groups, "bias": bias is not None, "padding": 1, "stride": (1, 2)}
    if transposed:
        layer, kind = nn.ConvTranspose2d(*channels, (2, 3), **options), CrossbarConvTranspose2d
    else:
        layer = nn.Conv2d(*channels, (2, 3), padding_mode=mode, **options)
        kind = CrossbarConv2d
    x = torch.randn(2, channels[0], 4, 5, dtype=torch.float64)
    chip = kind.from_digital(layer.double(), config)
    assert chip.crossbars.packed > 1
    torch.testing.assert_close(chip(x), layer(x), rtol=0, atol=1e-11)


def test_a_packed_array_is_what_the_solver_solves():
    """Columns of the array as it stands, other groups and cells around the blocks included."""
    torch.manual_seed(0)
    config = CrossbarConfig(wires=Wires(word=5.0, bit=5.0))
    layer = CrossbarConv1d(4, 4, 3, groups=4, bias=False, config=config).double()
    ((crossbars, weight, _),) = layer.stored_matrices()
    ((_, arrays),) = crossbars.arrays(weight)
    assert [tuple(g.shape) for g in arrays] == [(12, 4), (12, 4)]
    for g, sign in zip(arrays, (1, -1), strict=True):
        for k in range(4):
            own = g[3 * k : 3 * k + 3, k]
            assert torch.equal(own > 1e-6, sign * layer.weight[k, 0] > 0)
            others = torch.cat([g[: 3 * k, k], g[3 * k + 3 :, k]])
            assert torch.equal(others, torch.full_like(others, 1e-6))
    x = torch.randn(1, 4, 3, dtype=torch.float64)
    plus, minus = (
        Solver().solve(config.wiring.crossbar(g), 0.2 * x.detach().numpy().ravel()).currents
        for g in arrays
    )
    scale = float(layer.weight.detach().abs().max())
    expected = (plus - minus) / (0.2 * (1e-4 - 1e-6)) * scale
    np.testing.assert_allclose(layer(x).detach().numpy().ravel(), expected, rtol=1e-9)
    alone = CrossbarConv1d.from_digital(layer, config.replace(grouping="separate"))
    assert len(list(alone.crossbars.blocks())) == 4
    apart = (alone(x) - layer(x)).abs().max() / layer(x).abs().max()
    assert 1e-6 < apart < 0.1  # longer lines, and what leaks from group to group
    # written out as a deck and read again: the general solver's currents of the packed array
    volts = 0.2 * x.detach().numpy().ravel()
    deck = config.wiring.crossbar(arrays[0]).to_circuit(volts).to_spice()
    solved = Solver().operating_point(read_spice(deck))
    by_deck = np.array([abs(solved[f"i(v_bl{k}_bottom)"]) for k in range(4)])
    np.testing.assert_allclose(by_deck, np.abs(plus), rtol=1e-8)


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    layer = CrossbarConv2d(
        3, 3, 2, groups=3, config=CrossbarConfig(wires=Wires(word=9.0, bit=9.0), path="matrix")
    ).double()
    x = torch.randn(2, 3, 3, 3, dtype=torch.float64)

    def loss():
        return layer(x).square().sum()

    loss().backward()
    where = (1, 0, 0, 1)
    step, value = 1e-5, layer.weight.data[where].item()
    found = []
    for sign in (1, -1):
        layer.weight.data[where] = value + sign * step
        found.append(loss().item())
    layer.weight.data[where] = value
    assert layer.weight.grad[where].item() == pytest.approx(
        (found[0] - found[1]) / (2 * step), rel=1e-5
    )


def test_the_report_counts_fewer_arrays():
    model = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.ReLU())
    x = torch.rand(2, 32, 5, 5)
    rows = {}
    for grouping in ("packed", "separate"):
        around = Periphery(dac=DAC(bits=8), adc=ADC(bits=10))
        chip = convert(model, CrossbarConfig(grouping=grouping, periphery=around))
        calibrate(chip, [x])
        rows[grouping] = report(chip, x).layers[0]
        assert rows[grouping].output_error < 0.05
    packed, separate = rows["packed"], rows["separate"]
    assert (packed.arrays, separate.arrays) == (8, 64)
    assert packed.used == separate.used == 2 * 32 * 9
    assert packed.utilisation == 8 * separate.utilisation
    # the same converters and word lines around fewer, larger arrays
    assert packed.cost.area.adc == separate.cost.area.adc
    assert packed.cost.energy.dac == separate.cost.energy.dac
