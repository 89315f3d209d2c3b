"""Weights on cells: every mapping without flaws is the digital layer, and its gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from crossbarsim import Driven, Ends, Floating, ParameterError, Sensed, Wires
from crossbarsim.nn import CrossbarConfig, CrossbarConv2d, CrossbarLinear
from crossbarsim.nn.mapping import Layout, line_order, weight_scale
from crossbarsim.nonidealities import NonIdealities, ReadNoise, SinhIV
from crossbarsim.periphery import ADC, DAC, Periphery, TransimpedanceSense

torch.set_num_threads(1)



def consistent(options):
    """Cells of several bits are for weights of some bits, opposed cells are a pair."""
    if options["scheme"] != "differential" and options["pairing"] == "opposed":
        options = {**options, "pairing": "arrays"}
    return options if options["bits"] else {**options, "bits_per_cell": 1}


MAPPING = st.fixed_dictionaries({
    "scheme": st.sampled_from(["differential", "offset", "single"]),
    "pairing": st.sampled_from(["arrays", "interleaved", "opposed"]),
    "bits": st.sampled_from([None, 2, 3, 6, 8]),
    "bits_per_cell": st.integers(1, 4),
    "slicing": st.sampled_from(["columns", "arrays"]),
    "cells_per_weight": st.integers(1, 3),
    "cell_fill": st.sampled_from(["equal", "spread"]),
    "scaling": st.sampled_from(["layer", "column"]),
    "reorder": st.sampled_from(["none", "rows", "columns", "both"]),
    "bias": st.sampled_from(["digital", "chip"]),
    "path": st.sampled_from(["matrix", "vectors"]),
}).map(consistent)


def rounded(weight, options):
    """Weights as `bits` allow them, by plain arithmetic."""
    if options["bits"] is None:
        return weight
    steps = 2 ** (options["bits"] - 1) - 1
    magnitude = weight.abs()
    scale = magnitude.amax(1, keepdim=True) if options["scaling"] == "column" else magnitude.max()
    return torch.round(weight / scale * steps) / steps * scale


@settings(max_examples=60, deadline=None, derandomize=True)
@given(options=MAPPING, height=st.integers(2, 14), spare=st.integers(0, 9), seed=st.integers(0, 99))
def test_every_ideal_mapping_is_the_digital_layer(options, height, spare, seed):
    torch.manual_seed(seed)
    layer = nn.Linear(11, 5).double()
    layout = CrossbarConfig.ideal((height, 99), **options).layout
    config = CrossbarConfig.ideal((height, layout.columns(1) + spare), **options)
    if options["bias"] == "chip":  # stored as a weight, so rounded with the weights
        whole = rounded(torch.cat([layer.weight, layer.bias[:, None]], 1).detach(), options)
        weight, bias = whole[:, :-1], whole[:, -1]
    else:
        weight, bias = rounded(layer.weight.detach(), options), layer.bias.detach()
    x = torch.randn(3, 11, dtype=torch.float64)
    with torch.no_grad():
        found = CrossbarLinear.from_digital(layer, config)(x)
    torch.testing.assert_close(found, x @ weight.T + bias, rtol=0, atol=1e-11)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(options=MAPPING, seed=st.integers(0, 99))
def test_with_flaws_both_paths_are_the_same_chip(options, seed):
    torch.manual_seed(seed)
    layer = nn.Conv2d(4, 6, 2, groups=2).double()
    options = {k: v for k, v in options.items() if k != "path"}
    config = CrossbarConfig(
        tile_shape=(7, 40), wires=Wires(5.0, 3.0, driver=10.0, sense=2.0), r_on_sigma=0.1,
        r_off_sigma=0.2, seed=seed, **options,
    )
    x = torch.randn(2, 4, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        by_matrix, by_vectors = (
            CrossbarConv2d.from_digital(layer, config.replace(path=path))(x)
            for path in ("matrix", "vectors")
        )
        digital = layer(x)
    assert (by_matrix - by_vectors).abs().max() <= 1e-9 * by_matrix.abs().max()
    assert (by_matrix - digital).abs().max() > 1e-4 * digital.abs().max()


def test_ordered_lines_lessen_the_drop():
    torch.manual_seed(0)
    # channels of very different size, as batch normalisation folded into weights makes them
    layer = nn.Linear(200, 100, bias=False).double()
    with torch.no_grad():
        layer.weight.mul_(torch.exp(torch.randn(100, 1)) * torch.exp(torch.randn(1, 200)))
    errors = {}
    for order in ("none", "rows", "columns", "both"):
        config = CrossbarConfig(tile_shape=(64, 64), wires=Wires(2.0, 2.0), reorder=order)
        with torch.no_grad():
            found = CrossbarLinear.from_digital(layer, config).effective_weights()
        weight = layer.weight.detach()
        errors[order] = float((found - weight).norm() / weight.norm())
    assert errors["rows"] < 0.95 * errors["none"]
    assert errors["columns"] < 0.95 * errors["none"]
    assert errors["both"] < 0.8 * errors["none"]


def test_lines_are_dealt_to_tiles_and_the_heaviest_lies_at_the_connected_end():
    load = torch.tensor([1.0, 9.0, 3.0, 7.0, 5.0, 8.0, 2.0])
    assert line_order(load, 3, near_first=True, near_last=False).tolist() == [1, 4, 6, 5, 2, 0, 3]
    assert line_order(load, 3, near_first=False, near_last=True).tolist() == [6, 4, 1, 0, 2, 5, 3]
    both = load[line_order(load, 7, near_first=True, near_last=True)]
    assert both[3] == both.min()
    assert {float(both[0]), float(both[6])} == {9.0, 8.0}
    # driven from the right: heavy columns at the right
    ends = Ends(word_left=Floating(), word_right=Driven(), bit_bottom=Sensed())
    config = CrossbarConfig.ideal((4, 8), reorder="columns", ends=ends)
    layer = CrossbarLinear(4, 8, config=config)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(8.0)[:, None].expand(8, 4))
        layer(torch.ones(1, 4))
    assert layer.crossbars.orders.columns.tolist() == [list(range(8))]


def test_clipping_cuts_the_largest_weights_only():
    weight = torch.cat([torch.linspace(-1, 1, 100), torch.tensor([30.0]), torch.zeros(99)])
    scale = weight_scale(weight.reshape(1, -1).double(), "layer", 99.0)
    assert scale.item() == pytest.approx(1.0)
    layer = nn.Linear(200, 1, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(weight.reshape(1, -1))
    config = CrossbarConfig.ideal((32, 4), clip_percentile=99.0)
    with torch.no_grad():
        found = CrossbarLinear.from_digital(layer, config).effective_weights()
    torch.testing.assert_close(found, layer.weight.detach().clamp(-1, 1), rtol=0, atol=1e-12)
    assert weight_scale(torch.zeros(2, 3), "column", 50.0).tolist() == [[1.0], [1.0]]


def test_digits_are_those_of_the_integer():
    layout = Layout("offset", bits=7, bits_per_cell=3, slicing="arrays")
    assert list(layout.arrays) == ["offset.0", "offset.1", "offset.2"]
    level = torch.arange(-63, 64, dtype=torch.float64).reshape(1, -1) / 63
    arrays = layout.levels(level)
    widths = (3, 3, 1)
    numbers = sum(
        torch.round(cells[0, :-1] * (2**w - 1)).long() << (3 * k)
        for k, (cells, w) in enumerate(zip(arrays, widths, strict=True))
    )
    assert numbers.tolist() == list(range(1, 128))
    assert [a[0, -1].item() for a in arrays] == [0.0, 0.0, 1.0]  # the reference is 64


@pytest.mark.parametrize("scheme", ["differential", "offset", "single"])
def test_rounding_is_straight_through(scheme):
    torch.manual_seed(3)
    layer = nn.Linear(6, 4).double()
    x = torch.randn(5, 6, dtype=torch.float64)
    config = CrossbarConfig.ideal((4, 16), scheme=scheme, bits=6, bits_per_cell=2)
    chip = CrossbarLinear.from_digital(layer, config)
    found = torch.autograd.grad(chip(x).square().sum(), [chip.weight, chip.bias])
    y = chip(x).detach()
    torch.testing.assert_close(found[0], 2 * y.T @ x, rtol=1e-9, atol=1e-9)


def test_parallel_cells_average_the_variation():
    torch.manual_seed(4)
    layer = nn.Linear(60, 40, bias=False).double()
    errors = []
    for cells in (1, 4):
        config = CrossbarConfig.ideal((60, 160), cells_per_weight=cells, r_on_sigma=0.2)
        with torch.no_grad():
            found = CrossbarLinear.from_digital(layer, config).effective_weights()
        errors.append(float((found - layer.weight.detach()).std()))
    assert errors[1] == pytest.approx(errors[0] / 2, rel=0.1)


@pytest.mark.parametrize(("options", "message"), [
    ({"bits": 1}, "`bits` must be an integer from 2"),
    ({"bits": 4, "bits_per_cell": 0}, "`bits_per_cell`"),
    ({"bits_per_cell": 2}, "`bits`, which is None"),
    ({"cells_per_weight": 1.5}, "`cells_per_weight`"),
    ({"input_range": True}, "`input_range`"),
    ({"r_on_sigma": 1.5}, "at most 1"),
    ({"wires": Wires(word=np.ones((2, 2)))}, r"`wires.word` must be one finite value.*\(2, 2\)"),
    ({"wires": Wires(bit=np.inf)}, "`wires.bit` must be one finite value.*inf"),
    ({"path": "matrix", "nonidealities": NonIdealities(iv=SinhIV())}, "for linear cells"),
    ({"input_encoding": "pulse-width", "periphery": Periphery(sense=TransimpedanceSense())}, "IntegratorSense"),
    ({"input_encoding": "bit-serial", "periphery": Periphery(adc=ADC())}, "needs a resolution"),
    ({"input_encoding": "pulse-width", "nonidealities": NonIdealities(iv=SinhIV())}, "needs a resolution"),
    ({"input_encoding": "offset", "periphery": Periphery(dac=DAC(bits=1))}, "level 1/2"),
    ({"nonidealities": NonIdealities(noise=ReadNoise(feedback=1e4)),
      "periphery": Periphery(sense=TransimpedanceSense(gbw=1e8, temperature=300.0))}, "feedback resistor"),
    ({"clip_percentile": 0}, "`clip_percentile`"),
    ({"reorder": "all"}, "`reorder` must be one of"),
    ({"tile_shape": (4, 5), "bits": 4, "pairing": "interleaved"}, "needs 6 columns"),
    ({"tile_shape": (4, 1), "scheme": "offset"}, "needs 2 columns"),
    ({"path": "surrogate"}, "cells that are not linear"),
    ({"input_encoding": "morse"}, "`input_encoding` must be one of"),
    ({"periphery": 3}, "`periphery` must be a Periphery"),
    ({"nonidealities": {}}, "`nonidealities` must be a NonIdealities"),
])
def test_mistakes_are_named(options, message):
    with pytest.raises(ParameterError, match=message):
        CrossbarConfig(**options)


def test_integers_of_numpy_are_integers():
    config = CrossbarConfig(tile_shape=(np.int64(8), np.int32(4)), seed=np.int64(3))
    assert repr(config.tile_shape) == "(8, 4)"
    assert type(config.seed) is int
