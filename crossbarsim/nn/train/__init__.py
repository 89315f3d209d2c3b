"""Training of networks on crossbars: a recipe, noise on the weights, in place by pulses.

Converted networks train with torch's ordinary optimisers: gradients go through the circuit of
every array, straight through what is rounded; `finetune` is the recipe for it. Layers trained in
place have devices for weights, compact models or tables of what pulses do (`PulseResponse`); rules
make pulses of gradients.
"""

from .convolutions import InSituConv1d, InSituConv2d
from .finetuning import Epoch, FinetuneConfig, Finetuned, finetune
from .insitu import InSituLinear, in_situ_update
from .layer import InSituLayer, UpdateRecord
from .lazy import LazyMatrices, lazy_matrices
from .noise import weight_noise
from .pulses import UpdatePulses
from .response import PulseResponse
from .rules import (
    GradientPulses,
    Manhattan,
    MixedPrecision,
    Sample,
    StochasticPulses,
    UpdateRule,
)
from .settings import InSituConfig
from .transfer import TikiTaka, TikiTakaV2, TransferRule

__all__ = [
    "Epoch",
    "FinetuneConfig",
    "Finetuned",
    "GradientPulses",
    "InSituConfig",
    "InSituConv1d",
    "InSituConv2d",
    "InSituLayer",
    "InSituLinear",
    "LazyMatrices",
    "Manhattan",
    "MixedPrecision",
    "PulseResponse",
    "Sample",
    "StochasticPulses",
    "TikiTaka",
    "TikiTakaV2",
    "TransferRule",
    "UpdatePulses",
    "UpdateRecord",
    "UpdateRule",
    "finetune",
    "in_situ_update",
    "lazy_matrices",
    "weight_noise",
]
