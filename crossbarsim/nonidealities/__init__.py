"""What makes the devices of a crossbar differ from ideal ones, one file per effect."""

from .base import AgeingEffect, CellLaw, NoiseLaw, WriteEffect
from .clusters import FaultCluster
from .correlation import Correlation
from .dependence import Logarithm, Polynomial, Table
from .distributions import Distribution, LogNormal, Normal, Truncated, Uniform
from .disturb import DeviceDisturb, ReadDisturb
from .drift import ConductanceDrift
from .effects import NonIdealities
from .endurance import Endurance, FailureLaw, RetentionLoss
from .fabricate import Fabricated
from .faults import Fault, FaultMap, Faults
from .pulse_write import MeasuredWrite, PulseWrite
from .retention import Retention
from .states import ConductanceStates
from .temperature import Conduction, Metal
from .variability import Variability
from .vary import vary
from .write import WriteNoise

__all__ = [
    "AgeingEffect",
    "CellLaw",
    "ConductanceDrift",
    "ConductanceStates",
    "Conduction",
    "Correlation",
    "DeviceDisturb",
    "Distribution",
    "Endurance",
    "Fabricated",
    "FailureLaw",
    "Fault",
    "FaultCluster",
    "FaultMap",
    "Faults",
    "LogNormal",
    "Logarithm",
    "MeasuredWrite",
    "Metal",
    "NoiseLaw",
    "NonIdealities",
    "Normal",
    "Polynomial",
    "PulseWrite",
    "ReadDisturb",
    "Retention",
    "RetentionLoss",
    "Table",
    "Truncated",
    "Uniform",
    "Variability",
    "WriteEffect",
    "WriteNoise",
    "vary",
]
