"""Deep networks on crossbars, in PyTorch."""

from .calibrate import calibrate
from .config import CrossbarConfig
from .convert import convert
from .layers import CrossbarConv2d, CrossbarLayer, CrossbarLinear
from .report import LayerReport, NetworkReport, report
from .stored import StoredMatrix

__all__ = [
    "CrossbarConfig",
    "CrossbarConv2d",
    "CrossbarLayer",
    "CrossbarLinear",
    "LayerReport",
    "NetworkReport",
    "StoredMatrix",
    "calibrate",
    "convert",
    "report",
]
