"""Non-idealities of the cells of a crossbar, one file per effect."""

from ..core.draws import Place
from .ageing.disturb import DeviceDisturb, ReadDisturb
from .ageing.drift import ConductanceDrift, LogarithmicDrift
from .ageing.endurance import Endurance, FailureLaw, RetentionLoss
from .ageing.measured import MeasuredDrift
from .ageing.retention import Retention
from .fabricate import Fabricated
from .faults.clusters import FaultCluster
from .faults.faults import Fault, FaultMap, Faults
from .iv_curves import DeviceIV, PolynomialIV, SinhIV, TableIV, cell_curve
from .noise.circuit import CircuitNoise
from .noise.flicker import FlickerNoise, StateNoise
from .noise.noise import ReadNoise
from .noise.telegraph import TelegraphNoise
from .nonidealities import NonIdealities
from .protocols import AgeingEffect, CellLaw, NoiseLaw, WriteEffect
from .temperature import Conduction, Metal
from .variability.correlation import Correlation
from .variability.dependence import Logarithm, Piecewise, Polynomial, Saturation, Table
from .variability.device_parameters import vary
from .variability.distribution import Distribution
from .variability.distributions import LogNormal, Normal, Truncated, Uniform
from .variability.estimate import Spread, estimate_spread
from .variability.variability import Variability
from .writing.finite_states import ConductanceStates
from .writing.pulse_write import MeasuredWrite, PulseWrite
from .writing.states_in_time import simulate_states
from .writing.write_errors import WriteNoise

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
    "MeasuredDrift",
    "MeasuredWrite",
    "Metal",
    "NoiseLaw",
    "NonIdealities",
    "Normal",
    "Piecewise",
    "Place",
    "Polynomial",
    "PolynomialIV",
    "PulseWrite",
    "ReadDisturb",
    "ReadNoise",
    "Retention",
    "RetentionLoss",
    "Saturation",
    "SinhIV",
    "Spread",
    "StateNoise",
    "Table",
    "TableIV",
    "TelegraphNoise",
    "Truncated",
    "Uniform",
    "Variability",
    "WriteEffect",
    "WriteNoise",
    "cell_curve",
    "estimate_spread",
    "simulate_states",
    "vary",
]
