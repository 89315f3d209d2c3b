"""What makes the devices of a crossbar differ from ideal ones, one file per effect."""

from .base import AgeingEffect, CellLaw, NoiseLaw, WriteEffect
from .clusters import FaultCluster
from .correlation import Correlation
from .dependence import Logarithm, Polynomial, Table
from .devices import vary
from .distributions import Distribution, LogNormal, Normal, Truncated, Uniform
from .disturb import DeviceDisturb, ReadDisturb
from .drift import ConductanceDrift, LogarithmicDrift
from .effects import NonIdealities
from .endurance import Endurance, FailureLaw, RetentionLoss
from .fabricate import Fabricated
from .faults import Fault, FaultMap, Faults
from .flicker import FlickerNoise
from .iv import DeviceIV, PolynomialIV, SinhIV, TableIV, cell_curve
from .noise import ReadNoise
from .noise_circuit import CircuitNoise
from .pulse_write import MeasuredWrite, PulseWrite
from .retention import Retention
from .states import ConductanceStates
from .telegraph import TelegraphNoise
from .temperature import Conduction, Metal
from .variability import Variability
from .write import WriteNoise

__all__ = [
    "AgeingEffect",
    "CellLaw",
    "CircuitNoise",
    "ConductanceDrift",
    "ConductanceStates",
    "Conduction",
    "Correlation",
    "DeviceDisturb",
    "DeviceIV",
    "Distribution",
    "Endurance",
    "Fabricated",
    "FailureLaw",
    "Fault",
    "FaultCluster",
    "FaultMap",
    "Faults",
    "FlickerNoise",
    "LogNormal",
    "Logarithm",
    "LogarithmicDrift",
    "MeasuredWrite",
    "Metal",
    "NoiseLaw",
    "NonIdealities",
    "Normal",
    "Polynomial",
    "PolynomialIV",
    "PulseWrite",
    "ReadDisturb",
    "ReadNoise",
    "Retention",
    "RetentionLoss",
    "SinhIV",
    "Table",
    "TableIV",
    "TelegraphNoise",
    "Truncated",
    "Uniform",
    "Variability",
    "WriteEffect",
    "WriteNoise",
    "cell_curve",
    "vary",
]
