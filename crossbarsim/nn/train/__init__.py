"""Training of networks on crossbars: with noise on the weights, lazily, in place by pulses.

Converted networks train with torch's ordinary optimisers: gradients go through the circuit of
every array, straight through what is rounded.
"""

from .insitu import InSituLinear, UpdateRecord, in_situ_update
from .lazy import LazyMatrices, lazy_matrices
from .noise import weight_noise
from .pulses import UpdatePulses
from .rules import GradientPulses, Manhattan, Sample, StochasticPulses, UpdateRule
from .settings import InSituConfig

__all__ = [
    "GradientPulses",
    "InSituConfig",
    "InSituLinear",
    "LazyMatrices",
    "Manhattan",
    "Sample",
    "StochasticPulses",
    "UpdatePulses",
    "UpdateRecord",
    "UpdateRule",
    "in_situ_update",
    "lazy_matrices",
    "weight_noise",
]
