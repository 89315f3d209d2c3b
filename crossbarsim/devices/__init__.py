"""Compact models of memristive devices and selectors, each with its published parameter sets.

`models` lists them, `device` makes one by name, `register` adds one's own; packages add theirs as
entry points of the group ``crossbarsim.devices``.
"""

from ..netlists.cells import register_reader
from ..netlists.devices import device, model, models, register, register_cells
from .access import OneSelectorOneResistor, OneTransistorOneResistor, make_cells
from .archive import read_cells
from .base import Device
from .cells import DeviceArray
from .data_driven import DataDriven2018, DataDriven2021
from .jart import JartVcmV1b
from .jart_variable import JartVcmV1bVariable
from .linear_ion_drift import LinearIonDrift
from .parameters import State, parameter
from .selectors import ExponentialSelector, MiecSelector, ThresholdSelector
from .simmons import SimmonsTunnelBarrier
from .simulate import Trace
from .sky130 import Sky130Reram
from .stanford_pku import StanfordPKU
from .static import Ohmic, PhaseChange, StaticPolynomial, StaticSinh
from .static_table import StaticTable
from .team import TEAM
from .transistors import EKV, Level1, Transistor
from .vteam import VTEAM
from .yakopcic import Yakopcic

__all__ = [
    "EKV", "TEAM", "VTEAM", "DataDriven2018", "DataDriven2021", "Device", "DeviceArray",
    "ExponentialSelector", "JartVcmV1b", "JartVcmV1bVariable", "Level1", "LinearIonDrift",
    "MiecSelector", "Ohmic",
    "OneSelectorOneResistor", "OneTransistorOneResistor", "PhaseChange", "SimmonsTunnelBarrier",
    "Sky130Reram", "StanfordPKU", "State", "StaticPolynomial", "StaticSinh",
    "StaticTable", "ThresholdSelector", "Trace", "Transistor", "Yakopcic", "device", "model",
    "models", "parameter", "register",
]

for _model in (
    TEAM, VTEAM, DataDriven2018, DataDriven2021, ExponentialSelector, JartVcmV1b,
    JartVcmV1bVariable, LinearIonDrift, MiecSelector, Ohmic, PhaseChange, SimmonsTunnelBarrier,
    Sky130Reram, StanfordPKU, StaticPolynomial, StaticSinh, StaticTable, ThresholdSelector,
    Yakopcic,
):
    register(_model, check=False)  # the tests check them; imports stay quick

register_cells(make_cells)
register_reader(read_cells)  # so that `Crossbar.load` knows them
