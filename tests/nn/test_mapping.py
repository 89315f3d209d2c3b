"""Weights on cells: every mapping without flaws is the digital layer, and its gradient."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from crossbarsim import Crossbar, Driven, Ends, Floating, ParameterError, Sensed, Solver, Wires
from crossbarsim.nn import CrossbarConfig, CrossbarConv2d, CrossbarLinear
from crossbarsim.nn.mapping import Layout, line_order, weight_scale

torch.set_num_threads(1)

MAPPING = st.fixed_dictionaries({
    "scheme": st.sampled_from(["differential", "offset", "single"]),
    "pairing": st.sampled_from(["arrays", "interleaved"]),
    "bits": st.sampled_from([None, 2, 3, 6, 8]),
    "bits_per_cell": st.integers(1, 4),
    "slicing": st.sampled_from(["columns", "arrays"]),
    "cells_per_weight": st.integers(1, 3),
    "cell_fill": st.sampled_from(["equal", "spread"]),
    "scaling": st.sampled_from(["layer", "column"]),
    "reorder": st.sampled_from(["none", "rows", "columns", "both"]),
    "bias": st.sampled_from(["digital", "chip"]),
    "path": st.sampled_from(["matrix", "vectors"]),
})


def rounded(weight, options):
    """Weights as `bits` allow them, by plain arithmetic."""
    if options["bits"] is None:
        return weight
    steps = 2 ** (options["bits"] - 1) - 1
    magnitude = weight.abs()
    scale = magnitude.amax(1, keepdim=True) if options["scaling"] == "column" else magnitude.max()
    return torch.round(weight / scale * steps) / steps * scale


@settings(max_examples=60, deadline=None, derandomize=True)
@given(options=MAPPING, height=st.integers(1, 14), spare=st.integers(0, 9), seed=st.integers(0, 99))
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
