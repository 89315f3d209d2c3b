"""Deep networks on crossbars, in PyTorch.

`config` says how, `convert`, `calibrate`, `report`, `equip` act on whole networks, `drift` lets
time pass for them, `access` is what is done with all their arrays; `layers` hold `chip`'s stored
matrices, which `mapping` lays on arrays and `functional` solves; `train` is training on the
devices. A new layer goes into `layers`, where `convertible` finds it.
"""

from .access import (
    conductances,
    hold,
    load_conductances,
    release,
    save_conductances,
)
from .bake import bake
from .batchnorm_folding import fold_batchnorm
from .calibrate import Calibration, MatrixCalibration, calibrate
from .chip.matrix import StoredMatrix
from .config import CrossbarConfig
from .convert import convert
from .convertible import DigitalLayersWarning, register_layer
from .drift import DriftReference, age, compensate_drift, reference_reads
from .layers import (
    CrossbarConv1d,
    CrossbarConv2d,
    CrossbarConv3d,
    CrossbarConvTranspose1d,
    CrossbarConvTranspose2d,
    CrossbarConvTranspose3d,
    CrossbarEmbedding,
    CrossbarEmbeddingBag,
    CrossbarGRU,
    CrossbarGRUCell,
    CrossbarLayer,
    CrossbarLinear,
    CrossbarLSTM,
    CrossbarLSTMCell,
    CrossbarMultiheadAttention,
    CrossbarRNN,
    CrossbarRNNCell,
    CrossbarTransposedLinear,
)
from .replace_periphery import equip, rewire
from .report import LayerReport, NetworkReport, report

__all__ = [
    "Calibration",
    "CrossbarConfig",
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
    "DigitalLayersWarning",
    "DriftReference",
    "LayerReport",
    "MatrixCalibration",
    "NetworkReport",
    "StoredMatrix",
    "age",
    "bake",
    "calibrate",
    "compensate_drift",
    "conductances",
    "convert",
    "equip",
    "fold_batchnorm",
    "hold",
    "load_conductances",
    "reference_reads",
    "register_layer",
    "release",
    "report",
    "rewire",
    "save_conductances",
]
