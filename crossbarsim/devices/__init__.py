"""Compact models of memristive devices and selectors, each with its published parameter sets."""

from .base import Device
from .cells import DeviceArray, OneSelectorOneResistor, OneTransistorOneResistor
from .data_driven import DataDriven2018, DataDriven2021
from .jart import JartVcmV1b
from .linear_ion_drift import LinearIonDrift
from .parameters import State, parameter
from .selectors import ExponentialSelector, MiecSelector, ThresholdSelector
from .simmons import SimmonsTunnelBarrier
from .simulate import Trace
from .sky130 import Sky130Reram
from .stanford_pku import StanfordPKU
from .static import Ohmic, PhaseChange, StaticPolynomial, StaticSinh
from .team import TEAM
from .transistors import EKV, Level1, Transistor
from .vteam import VTEAM
from .yakopcic import Yakopcic

__all__ = [
    "EKV", "TEAM", "VTEAM", "DataDriven2018", "DataDriven2021", "Device", "DeviceArray",
    "ExponentialSelector", "JartVcmV1b", "Level1", "LinearIonDrift", "MiecSelector", "Ohmic",
    "OneSelectorOneResistor", "OneTransistorOneResistor", "PhaseChange", "SimmonsTunnelBarrier",
    "Sky130Reram", "StanfordPKU", "State", "StaticPolynomial", "StaticSinh", "ThresholdSelector",
    "Trace", "Transistor", "Yakopcic", "parameter",
]
