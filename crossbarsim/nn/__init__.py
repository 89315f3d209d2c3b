"""Deep networks on crossbars, in PyTorch."""

from .calibrate import Calibration, MatrixCalibration, calibrate
from .config import CrossbarConfig
from .convert import convert
from .equip import equip
from .fold import fold_batchnorm
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
)
from .report import LayerReport, NetworkReport, report
from .stored import StoredMatrix

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
    "LayerReport",
    "MatrixCalibration",
    "NetworkReport",
    "StoredMatrix",
    "calibrate",
    "convert",
    "equip",
    "fold_batchnorm",
    "report",
]
