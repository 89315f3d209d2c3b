"""Deep networks on crossbars, in PyTorch."""

from .config import CrossbarConfig
from .convert import LayerReport, NetworkReport, calibrate, convert, report
from .layers import CrossbarConv2d, CrossbarLayer, CrossbarLinear

__all__ = [
    "CrossbarConfig",
    "CrossbarConv2d",
    "CrossbarLayer",
    "CrossbarLinear",
    "LayerReport",
    "NetworkReport",
    "calibrate",
    "convert",
    "report",
]
