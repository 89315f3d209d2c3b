"""Studies of networks on crossbars: data, sweeps that can be resumed, tables and pictures.

A study is one file: of a network, its settings below `study.Study` and its result below
`study.StudyResult`; of arrays or devices, a function and its result. A new one gets its pictures in
a file of `plots` and its command in `crossbarsim.cli.study`.
"""

from ..core.progress import ProgressMeter, RichProgress, Silent
from .data.dataset import Dataset, Labelled, load, load_digits
from .data.errors import DataError
from .device_spread import DeviceSpread, device_spread
from .gradual_reset import GradualReset, gradual_reset
from .ir_drop import IrDropResult, IrDropStudy, Point
from .measured import MeasuredAccuracy, measured_accuracy
from .networks import CnnSettings, TrainedCnn, trained_cnn
from .nonidealities import NonIdealityResult, NonIdealityStudy
from .read_delay import ReadDelay, read_delay
from .read_margin import ReadMargin, read_margin, sneak_resistance
from .records import Record
from .tile_map import TileMap, tile_map

__all__ = [
    "CnnSettings",
    "DataError",
    "Dataset",
    "DeviceSpread",
    "GradualReset",
    "IrDropResult",
    "IrDropStudy",
    "Labelled",
    "MeasuredAccuracy",
    "NonIdealityResult",
    "NonIdealityStudy",
    "Point",
    "ProgressMeter",
    "ReadDelay",
    "ReadMargin",
    "Record",
    "RichProgress",
    "Silent",
    "TileMap",
    "TrainedCnn",
    "device_spread",
    "gradual_reset",
    "load",
    "load_digits",
    "measured_accuracy",
    "read_delay",
    "read_margin",
    "sneak_resistance",
    "tile_map",
    "trained_cnn",
]
