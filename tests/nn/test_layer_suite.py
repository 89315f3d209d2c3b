"""Every layer on crossbars against the checks that users' own inherit."""

import torch
from torch import nn

from crossbarsim.nn.convertible import LAYERS
from crossbarsim.testing.layers import LayerChecks
from tests.helpers.networks_of_today import Conv1D
from tests.helpers.suites import subclasses

torch.set_num_threads(1)


def case(make, *shapes, **members):
    def inputs(_):
        return tuple(torch.randn(shape) for shape in shapes)

    return {"make": lambda _: make(), "inputs": inputs, **members}


def indices(make, high, *shape):
    return {"make": lambda _: make(), "inputs": lambda _: (torch.randint(high, shape),), "needs_range": False}


CASES = {
    "Linear": case(lambda: nn.Linear(11, 7), (3, 11)),
    "TransposedLinear": case(lambda: Conv1D(7, 11), (3, 2, 11)),
    "LinearOfSequences": case(lambda: nn.Linear(11, 7, bias=False), (3, 2, 11)),
    "Conv1d": case(lambda: nn.Conv1d(4, 6, 3, padding=1, groups=2), (2, 4, 7)),
    "Conv2d": case(lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1, padding_mode="circular"), (2, 2, 5, 5)),
    "Conv3d": case(lambda: nn.Conv3d(1, 2, 2, dilation=2), (2, 1, 4, 4, 4)),
    "ConvTranspose1d": case(lambda: nn.ConvTranspose1d(4, 3, 3, stride=2), (2, 4, 4)),
    "ConvTranspose2d": case(lambda: nn.ConvTranspose2d(2, 4, 3, padding=1, groups=2), (2, 2, 3, 3)),
    "ConvTranspose3d": case(lambda: nn.ConvTranspose3d(1, 2, 2, stride=2), (2, 1, 2, 2, 2)),
    "Embedding": indices(lambda: nn.Embedding(9, 5, padding_idx=0), 9, 3, 4),
    "EmbeddingBag": indices(lambda: nn.EmbeddingBag(9, 5, mode="mean"), 9, 3, 4),
    "RNNCell": case(lambda: nn.RNNCell(5, 4), (3, 5), (3, 4)),
    "LSTMCell": case(lambda: nn.LSTMCell(5, 4), (3, 5)),
    "GRUCell": case(lambda: nn.GRUCell(5, 4), (3, 5), (3, 4)),
    "RNN": case(lambda: nn.RNN(5, 4, nonlinearity="relu"), (3, 2, 5), batch=1),
    "LSTM": case(lambda: nn.LSTM(5, 4, num_layers=2, bidirectional=True), (3, 2, 5), batch=1),
    "GRU": case(lambda: nn.GRU(5, 4, bidirectional=True), (3, 2, 5), batch=1),
    "MultiheadAttention": case(lambda: nn.MultiheadAttention(6, 2, batch_first=True), *(((2, 3, 6),) * 3)),
    "MultiheadAttentionOfOthers": case(
        lambda: nn.MultiheadAttention(6, 2, kdim=5, vdim=4, batch_first=True), (2, 3, 6), (2, 4, 5), (2, 4, 4)),
}
globals().update(subclasses(LayerChecks, CASES, __name__))


def test_every_layer_is_checked():
    assert {f"Test{kind.__name__}" for kind in LAYERS} <= set(globals())
