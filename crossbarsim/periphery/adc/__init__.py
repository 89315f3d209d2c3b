"""Analogue-to-digital converters: the uniform one, and those whose errors come from how they work.

A kind is a subclass of `ADC` with a method `transitions`, which draws where its codes change; all
else follows from that: conversion, networks, transfer curves. What it costs stands in
`crossbarsim/periphery/technology.py`.
"""

from .adc import ADC, ADCErrors, full_scale_of, moved_transitions
from .pipeline import PipelineADC
from .ramp import RampADC
from .sar import SarADC
from .transfer import TransferCurve

__all__ = [
    "ADC", "ADCErrors", "PipelineADC", "RampADC", "SarADC", "TransferCurve", "full_scale_of",
    "moved_transitions",
]
