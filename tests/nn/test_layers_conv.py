"""Linear layers and convolutions on crossbars against torch's own, over all their options."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import CrossbarConfig
from crossbarsim.nn.layers import (
    CrossbarConv1d,
    CrossbarConv2d,
    CrossbarConv3d,
    CrossbarConvTranspose1d,
    CrossbarConvTranspose2d,
    CrossbarConvTranspose3d,
    CrossbarLinear,
    unfold,
)

torch.set_num_threads(1)
FORWARD = {1: (nn.Conv1d, CrossbarConv1d), 2: (nn.Conv2d, CrossbarConv2d),
           3: (nn.Conv3d, CrossbarConv3d)}
BACKWARD = {1: (nn.ConvTranspose1d, CrossbarConvTranspose1d),
            2: (nn.ConvTranspose2d, CrossbarConvTranspose2d),
            3: (nn.ConvTranspose3d, CrossbarConvTranspose3d)}
RANDOM = settings(max_examples=12, deadline=None, derandomize=True,
                  suppress_health_check=[HealthCheck.function_scoped_fixture])


def per_axis(draw, axes, low, high):
    return tuple(draw(st.integers(low, high)) for _ in range(axes))


@st.composite
def convolutions(draw):
    axes = draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3))
    kernel, dilation = per_axis(draw, axes, 1, 3), per_axis(draw, axes, 1, 2)
    padding = draw(st.sampled_from(["some", "same", "valid"]))
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    span = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    options = {
        "kernel_size": kernel, "dilation": dilation, "groups": groups, "padding_mode": mode,
        "stride": 1 if padding == "same" else per_axis(draw, axes, 1, 3),
        "padding": per_axis(draw, axes, 0, 2) if padding == "some" else padding,
        "bias": draw(st.booleans()),
    }
    size = [s + draw(st.integers(3, 4 if axes == 3 else 6)) for s in span]
    batch = draw(st.sampled_from([None, 1, 2]))
    channels = (groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3)))
    shape = (channels[0], *size) if batch is None else (batch, channels[0], *size)
    return axes, channels, options, shape


@RANDOM
@given(convolutions(), st.sampled_from(["digital", "chip"]))
def test_convolutions(agrees, case, bias):
    axes, channels, options, shape = case
    torch.manual_seed(0)
    digital, kind = FORWARD[axes]
    layer, x = digital(*channels, **options), torch.randn(shape, dtype=torch.float64)
    agrees(kind, layer, x, bias=bias)
    batch = x if x.ndim == axes + 2 else x.unsqueeze(0)
    chip = kind.from_digital(layer, CrossbarConfig())
    assert chip._places(batch) == layer(batch).shape[2:].numel()


@st.composite
def transposed(draw):
    axes = draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3))
    stride, dilation = per_axis(draw, axes, 1, 3), per_axis(draw, axes, 1, 2)
    kernel = per_axis(draw, axes, 1, 3)
    extra = tuple(draw(st.integers(0, max(s, d) - 1))
                  for s, d in zip(stride, dilation, strict=True))
    size = per_axis(draw, axes, 2, 3 if axes == 3 else 5)
    room = [(n - 1) * s + d * (k - 1) + e for n, s, d, k, e in
            zip(size, stride, dilation, kernel, extra, strict=True)]
    padding = tuple(draw(st.integers(0, min(2, r // 2))) for r in room)
    channels = (groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 2)))
    batch = draw(st.sampled_from([None, 1, 2]))
    options = {"kernel_size": kernel, "stride": stride, "padding": padding,
               "output_padding": extra, "groups": groups, "bias": draw(st.booleans()),
               "dilation": dilation}
    shape = (channels[0], *size) if batch is None else (batch, channels[0], *size)
    return axes, channels, options, shape


@RANDOM
@given(transposed())
def test_transposed_convolutions(agrees, case):
    axes, channels, options, shape = case
    torch.manual_seed(0)
    digital, kind = BACKWARD[axes]
    agrees(kind, digital(*channels, **options), torch.randn(shape, dtype=torch.float64))


def test_output_size_of_a_transposed_convolution(agrees):
    torch.manual_seed(1)
    layer = nn.ConvTranspose2d(3, 2, 3, stride=3, padding=1)
    agrees(CrossbarConvTranspose2d, layer, torch.randn(2, 3, 4, 4, dtype=torch.float64), (12, 11))


@RANDOM
@given(
    st.integers(1, 20), st.integers(1, 20), st.booleans(),
    st.lists(st.integers(1, 3), max_size=3), st.sampled_from(["digital", "chip"]),
    st.sampled_from(["differential", "offset", "single"]),
)
def test_linear(agrees, inputs, outputs, bias, batch, place, scheme):
    torch.manual_seed(2)
    x = torch.randn(*batch, inputs, dtype=torch.float64)
    agrees(CrossbarLinear, nn.Linear(inputs, outputs, bias), x, bias=place, scheme=scheme)


# -- what MemTorch 1.1.6 gets wrong, or refuses ---------------------------------------------------

@pytest.mark.parametrize("options", [
    {"kernel_size": 3, "dilation": 2},  # ignored there: 6x6 instead of 4x4
    {"kernel_size": (3, 5)},  # RuntimeError there
    {"kernel_size": 3, "stride": (1, 2)},  # RuntimeError there
    {"kernel_size": 3, "groups": 4},  # depthwise: RuntimeError there
], ids=["dilation", "non-square", "stride", "depthwise"])
def test_convolutions_that_others_get_wrong(agrees, options):
    torch.manual_seed(3)
    layer = nn.Conv2d(4, 8, **options)
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64)
    agrees(CrossbarConv2d, layer, x)
    assert layer(x).shape[-1] != 8


def test_conv3d_of_several_channels_with_its_bias_for_every_sample(agrees):
    torch.manual_seed(4)
    layer = nn.Conv3d(2, 3, 3)
    agrees(CrossbarConv3d, layer, torch.randn(3, 2, 5, 5, 5, dtype=torch.float64))
    with torch.no_grad():
        layer.weight.zero_()
        chip = CrossbarConv3d.from_digital(layer, CrossbarConfig.ideal(path="vectors"))
        y = chip(torch.randn(3, 2, 5, 5, 5, dtype=torch.float64))
    torch.testing.assert_close(y, layer.bias.reshape(1, 3, 1, 1, 1).expand(3, 3, 3, 3, 3))


@pytest.mark.parametrize("scheme", ["single", "offset"])
def test_negative_weights_in_one_column_per_output(agrees, scheme):
    torch.manual_seed(5)
    layer = nn.Linear(9, 4)
    with torch.no_grad():
        layer.weight.copy_(-layer.weight.abs())
    agrees(CrossbarLinear, layer, torch.rand(3, 9, dtype=torch.float64), scheme=scheme)


# -- memory and paths -----------------------------------------------------------------------------

@pytest.mark.parametrize("limit", [1, 60, 500, 10**9])
def test_unfolding_in_pieces_is_the_whole(limit):
    x = torch.randn(3, 4, 7, 6)
    view = unfold.windows(x, (3, 2), (2, 1), (1, 2))
    assert view.data_ptr() == x.data_ptr()
    parts = list(unfold.row_chunks(view, 2, 2, limit))
    patches = nn.functional.unfold(x, (3, 2), dilation=(1, 2), stride=(2, 1))
    whole = patches.transpose(1, 2).reshape(-1, 2, 12)
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=0)
    row = 4 * 6 * 4  # one line of places
    assert all(part.numel() <= max(limit, row) for part in parts)


@pytest.mark.parametrize(("kind", "layer", "shape"), [
    (CrossbarConv2d, nn.Conv2d(4, 6, 3, padding=1), (2, 4, 6, 6)),
    (CrossbarConv3d, nn.Conv3d(2, 3, 2), (1, 2, 3, 4, 4)),
    (CrossbarConvTranspose2d, nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2), (2, 6, 4, 4)),
], ids=["conv2d", "conv3d", "transposed"])
def test_vectors_and_matrices_agree_with_wires_and_in_pieces(monkeypatch, kind, layer, shape):
    torch.manual_seed(6)
    layer, x = layer.double(), torch.randn(shape, dtype=torch.float64)
    wires = {"wires": Wires(8.0, 5.0, driver=20.0), "tile_shape": (10, 8)}
    with torch.no_grad():
        by_matrix = kind.from_digital(layer, CrossbarConfig(path="matrix", **wires))(x)
        by_vectors = kind.from_digital(layer, CrossbarConfig(path="vectors", **wires))(x)
        for module in ("conv", "transposed"):
            monkeypatch.setattr(f"crossbarsim.nn.layers.{module}.CHUNK", 100, raising=False)
        monkeypatch.setattr(unfold.row_chunks, "__defaults__", (100,))
        in_pieces = kind.from_digital(layer, CrossbarConfig(path="vectors", **wires))(x)
        digital = layer(x)
    scale = by_matrix.abs().max()
    assert (by_matrix - by_vectors).abs().max() <= 1e-9 * scale
    assert (in_pieces - by_vectors).abs().max() <= 1e-9 * scale
    assert (by_matrix - digital).abs().max() > 1e-3 * scale


def test_gradients_in_pieces_are_those_of_the_whole(agrees, monkeypatch):
    torch.manual_seed(7)
    for module in ("conv", "transposed"):
        monkeypatch.setattr(f"crossbarsim.nn.layers.{module}.CHUNK", 100, raising=False)
    monkeypatch.setattr(unfold.row_chunks, "__defaults__", (100,))
    x = torch.randn(3, 4, 6, 5, dtype=torch.float64)
    agrees(CrossbarConv2d, nn.Conv2d(4, 6, 3, groups=2), x, paths=("vectors",))
    agrees(CrossbarConvTranspose2d, nn.ConvTranspose2d(4, 6, 3), x, paths=("vectors",))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: CrossbarConv2d(3, 2, 3)(torch.ones(1, 4, 5, 5)), "must have shape"),
    (lambda: CrossbarConv1d(3, 2, 9)(torch.ones(3, 5)), "smaller than the kernel"),
    (lambda: CrossbarConvTranspose1d(3, 2, 9)(torch.ones(1, 5, 5)), "must have shape"),
    (lambda: CrossbarConvTranspose1d(3, 2, 3, config=CrossbarConfig(bias="chip")), "bias"),
    (lambda: CrossbarLinear(3, 2)(torch.ones(1, 4)), "last axis must be 3"),
    (lambda: CrossbarLinear(3, 2, config={}), "`config`"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
