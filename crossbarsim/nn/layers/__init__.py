"""Layers whose products are currents of crossbars.

A new one is a class below `CrossbarLayer` and, as its last base, torch's layer, which yields its
weight matrices; exported here it takes the place of torch's in `convert`. These files import
`crossbarsim.nn.chip`, never `convert` or `calibrate`.
"""

from .attention import CrossbarMultiheadAttention
from .base import CrossbarLayer
from .cells import CrossbarGRUCell, CrossbarLSTMCell, CrossbarRNNCell
from .conv import CrossbarConv1d, CrossbarConv2d, CrossbarConv3d
from .embedding import CrossbarEmbedding, CrossbarEmbeddingBag
from .linear import CrossbarLinear
from .recurrent import CrossbarGRU, CrossbarLSTM, CrossbarRNN
from .transposed import (
    CrossbarConvTranspose1d,
    CrossbarConvTranspose2d,
    CrossbarConvTranspose3d,
)
from .transposed_linear import CrossbarTransposedLinear

__all__ = [
    "CrossbarConv1d",
    "CrossbarConv2d",
    "CrossbarConv3d",
    "CrossbarConvTranspose1d",
    "CrossbarConvTranspose2d",
    "CrossbarConvTranspose3d",
    "CrossbarEmbedding",
    "CrossbarEmbeddingBag",
    "CrossbarGRU",
    "CrossbarGRUCell",
    "CrossbarLSTM",
    "CrossbarLSTMCell",
    "CrossbarLayer",
    "CrossbarLinear",
    "CrossbarMultiheadAttention",
    "CrossbarRNN",
    "CrossbarRNNCell",
    "CrossbarTransposedLinear",
]
