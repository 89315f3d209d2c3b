"""Studies: points over named axes that are measured once, recorded, and resumed; their results.

`Study` takes any function and axes over any settings, `StudyResult` is what it finds; `engine` and
`results` are behind them. The studies that we ship are a file each: of our network, settings below
`cnn_study.CnnStudy`; of arrays or devices, a function and its result. A new one of these gets its
pictures in a file of `plots` and its command in `crossbarsim.cli.study`.
"""

from ..core.processes import LocalWorkers
from ..core.progress import ProgressMeter, RichProgress, Silent
from .data.dataset import Dataset, Labelled, load, load_digits
from .data.errors import DataError
from .data.text import CharacterText, load_text
from .device_spread import DeviceSpread, device_spread
from .engine.axes import Axis, Listed, Sampled, Zipped
from .engine.plan import StudyPlan
from .engine.records import Record
from .engine.study import Study
from .gradual_reset import GradualReset, gradual_reset
from .ir_drop import IrDropResult, IrDropStudy, Point
from .language import CharacterModel, LanguageSettings, trained_language_model
from .measured import MeasuredAccuracy, measured_accuracy
from .network.metrics import F1, Perplexity, TopK
from .network.study import NetworkStudy, network_study
from .network.writing import NetworkWriting, network_writing
from .networks import CnnSettings, TrainedCnn, trained_cnn
from .nonidealities import NonIdealityResult, NonIdealityStudy
from .read_delay import ReadDelay, read_delay
from .read_margin import ReadMargin, read_margin, sneak_resistance
from .recovery import RecoveryResult, RecoveryStudy
from .results import StudyResult
from .tile_map import TileMap, tile_map

__all__ = [
    "F1",
    "Axis",
    "CharacterModel",
    "CharacterText",
    "CnnSettings",
    "DataError",
    "Dataset",
    "DeviceSpread",
    "GradualReset",
    "IrDropResult",
    "IrDropStudy",
    "Labelled",
    "LanguageSettings",
    "Listed",
    "LocalWorkers",
    "MeasuredAccuracy",
    "NetworkStudy",
    "NetworkWriting",
    "NonIdealityResult",
    "NonIdealityStudy",
    "Perplexity",
    "Point",
    "ProgressMeter",
    "ReadDelay",
    "ReadMargin",
    "Record",
    "RecoveryResult",
    "RecoveryStudy",
    "RichProgress",
    "Sampled",
    "Silent",
    "Study",
    "StudyPlan",
    "StudyResult",
    "TileMap",
    "TopK",
    "TrainedCnn",
    "Zipped",
    "device_spread",
    "gradual_reset",
    "load",
    "load_digits",
    "load_text",
    "measured_accuracy",
    "network_study",
    "network_writing",
    "read_delay",
    "read_margin",
    "sneak_resistance",
    "tile_map",
    "trained_cnn",
    "trained_language_model",
]
