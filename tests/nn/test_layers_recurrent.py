"""Recurrent layers and cells on crossbars against torch's own."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import CrossbarConfig
from crossbarsim.nn.layers import (
    CrossbarGRU,
    CrossbarGRUCell,
    CrossbarLSTM,
    CrossbarLSTMCell,
    CrossbarRNN,
    CrossbarRNNCell,
)

torch.set_num_threads(1)
RANDOM = settings(max_examples=12, deadline=None, derandomize=True,
                  suppress_health_check=[HealthCheck.function_scoped_fixture])
KINDS = {"RNN": (nn.RNN, CrossbarRNN), "LSTM": (nn.LSTM, CrossbarLSTM), "GRU": (nn.GRU, CrossbarGRU)}


@st.composite
def sequences(draw):
    name = draw(st.sampled_from(["RNN", "LSTM", "GRU"]))
    layers = draw(st.integers(1, 3))
    options = {
        "num_layers": layers, "bias": draw(st.booleans()), "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
        "dropout": draw(st.sampled_from([0.0, 0.4])) if layers > 1 else 0.0,
    }
    hidden = draw(st.integers(2, 4))
    if name == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    elif name == "LSTM":
        options["proj_size"] = draw(st.integers(0, hidden - 1))
    form = draw(st.sampled_from(["batch", "single", "sorted", "unsorted"]))
    return name, draw(st.integers(1, 4)), hidden, options, form, draw(st.booleans())


def example(name, inputs, hidden, options, form):
    """An input of that form, and first states."""
    batch, length = (None if form == "single" else 3), 4
    shape = (length, inputs) if form == "single" else (
        (batch, length, inputs) if options["batch_first"] else (length, batch, inputs)
    )
    x = torch.randn(shape, dtype=torch.float64)
    if form == "sorted":
        x = pack_padded_sequence(x, [4, 2, 1], batch_first=options["batch_first"])
    elif form == "unsorted":
        x = pack_sequence([torch.randn(n, inputs, dtype=torch.float64) for n in (1, 4, 2)],
                          enforce_sorted=False)
    count = options["num_layers"] * (2 if options["bidirectional"] else 1)
    rows = (count,) if form == "single" else (count, batch)
    h = torch.randn(*rows, options.get("proj_size") or hidden, dtype=torch.float64)
    c = torch.randn(*rows, hidden, dtype=torch.float64)
    return x, ((h, c) if name == "LSTM" else h)


@RANDOM
@given(sequences(), st.sampled_from(["digital", "chip"]))
def test_recurrent_layers(agrees, case, bias):
    name, inputs, hidden, options, form, with_state = case
    torch.manual_seed(0)
    digital, kind = KINDS[name]
    x, state = example(name, inputs, hidden, options, form)
    agrees(kind, digital(inputs, hidden, **options), x, *([state] if with_state else []),
           bias=bias)


@pytest.mark.parametrize(("digital", "kind", "two"), [
    (nn.RNNCell, CrossbarRNNCell, False), (nn.LSTMCell, CrossbarLSTMCell, True),
    (nn.GRUCell, CrossbarGRUCell, False),
])
@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("bias", [True, False])
def test_cells(agrees, digital, kind, two, batch, bias):
    torch.manual_seed(1)
    layer = digital(5, 4, bias=bias)
    x = torch.randn(*batch, 5, dtype=torch.float64)
    h, c = torch.randn(2, *batch, 4, dtype=torch.float64)
    agrees(kind, layer, x)
    agrees(kind, layer, x, (h, c) if two else h)


def test_cell_of_a_rectifier(agrees):
    torch.manual_seed(2)
    agrees(CrossbarRNNCell, nn.RNNCell(5, 4, nonlinearity="relu"),
           torch.randn(2, 5, dtype=torch.float64))


def test_packed_sequences_come_back_in_their_order():
    torch.manual_seed(3)
    layer = nn.GRU(3, 4, bidirectional=True).double()
    chip = CrossbarGRU.from_digital(layer, CrossbarConfig.ideal(path="vectors"))
    packed = pack_sequence([torch.randn(n, 3, dtype=torch.float64) for n in (2, 5, 3)],
                           enforce_sorted=False)
    with torch.no_grad():
        (a, h), (b, g) = layer(packed), chip(packed)
    for mine, theirs in zip(b, a, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)
    torch.testing.assert_close(g, h, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_both_directions_are_really_on_crossbars(name):
    # MemTorch: KeyError for bidirectional networks, and no crossbar at all for the others
    torch.manual_seed(4)
    digital, kind = KINDS[name]
    layer = digital(6, 5, bidirectional=True).double()
    x = torch.randn(4, 2, 6, dtype=torch.float64)
    wires = {"wires": Wires(40.0, 40.0), "tile_shape": (8, 8)}
    chip = kind.from_digital(layer, CrossbarConfig(path="vectors", **wires))
    assert len(list(chip.stored_matrices())) == 4
    with torch.no_grad():
        y, _ = chip(x)
        z, _ = kind.from_digital(layer, CrossbarConfig(path="matrix", **wires))(x)
        ideal, _ = layer(x)
    torch.testing.assert_close(y, z, rtol=0, atol=1e-9)
    for half in (slice(0, 5), slice(5, 10)):
        assert (y - ideal)[..., half].abs().max() > 1e-3


def test_matrices_have_their_own_devices():
    torch.manual_seed(5)
    layer = nn.RNN(4, 4).double()
    with torch.no_grad():
        layer.weight_hh_l0.copy_(layer.weight_ih_l0)
    chip = CrossbarRNN.from_digital(layer, CrossbarConfig.ideal(r_on_sigma=0.1, path="matrix"), "r")
    with torch.no_grad():
        ih, hh = (c.effective(w, b)[0] for c, w, b in chip.stored_matrices())
    assert not torch.allclose(ih, hh)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: CrossbarRNN(3, 2)(torch.ones(3)), "2 or 3 axes"),
    (lambda: CrossbarRNN(3, 2)(torch.ones(0, 2, 3)), "at least one step"),
    (lambda: CrossbarLSTMCell(3, 2)(torch.ones(1, 4)), "must have shape"),
    (lambda: CrossbarGRUCell(3, 2)(torch.ones(1, 3), torch.ones(1, 3)), "the state"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
