"""The circuits around an array: DACs and drivers, sense amplifiers, ADCs, and what they cost."""

from .adc import ADC, ADCErrors, PipelineADC, RampADC, SarADC, TransferCurve
from .calibration import RangeObserver
from .cost import Breakdown, LayerCost, NetworkCost, layer_cost
from .dac import DAC, DACErrors
from .encodings import ENCODINGS, Drive, Phase, clipped, encode, phase_count
from .integrator import IntegratorSense
from .periphery import Periphery, Readout
from .reads import Reads
from .sense import (
    CurrentMirrorSense,
    IdealSense,
    LoadSense,
    SenseErrors,
)
from .technology import Technology
from .transimpedance import TransimpedanceSense

__all__ = [
    "ADC",
    "DAC",
    "ENCODINGS",
    "ADCErrors",
    "Breakdown",
    "CurrentMirrorSense",
    "DACErrors",
    "Drive",
    "IdealSense",
    "IntegratorSense",
    "LayerCost",
    "LoadSense",
    "NetworkCost",
    "Periphery",
    "Phase",
    "PipelineADC",
    "RampADC",
    "RangeObserver",
    "Readout",
    "Reads",
    "SarADC",
    "SenseErrors",
    "Technology",
    "TransferCurve",
    "TransimpedanceSense",
    "clipped",
    "encode",
    "layer_cost",
    "phase_count",
]
