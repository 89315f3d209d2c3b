"""Compact models of memristive devices and selectors, each with its published parameter sets.

`models` lists them, `device` makes one by name, `register` adds one's own; packages add theirs as
entry points of the group ``crossbarsim.devices``; `read_verilog_a` makes one of a Verilog-A file.
"""

from ..netlists.crossbar.cells import register_reader
from ..netlists.device_protocol import (
    device,
    model,
    models,
    register,
    register_cells,
    register_source_reader,
)
from .base import Device
from .cells.access_cells import OneSelectorOneResistor, OneTransistorOneResistor, make_cells
from .cells.array_io import read_cells
from .cells.device_array import DeviceArray
from .cells.transistors import EKV, Level1, Transistor
from .compact_models.data_driven import DataDriven2018, DataDriven2021
from .compact_models.jart import JartVcmV1b
from .compact_models.jart_variable import JartVcmV1bVariable
from .compact_models.linear_ion_drift import LinearIonDrift
from .compact_models.selectors import ExponentialSelector, MiecSelector, ThresholdSelector
from .compact_models.simmons import SimmonsTunnelBarrier
from .compact_models.sky130 import Sky130Reram
from .compact_models.stanford_pku import StanfordPKU
from .compact_models.static import Ohmic, PhaseChange, StaticPolynomial, StaticSinh
from .compact_models.static_table import StaticTable
from .compact_models.team import TEAM
from .compact_models.vteam import VTEAM
from .compact_models.yakopcic import Yakopcic
from .fitting.compare import Comparison, compare
from .fitting.fit import fit
from .fitting.many import Fits, fit_many
from .fitting.measured.sweeps import MeasuredSweep
from .fitting.measured.tables import read_sweeps
from .fitting.presets import FittedPreset
from .fitting.result import Fit
from .modules.transistor import VerilogATransistor
from .modules.verilog_a import VerilogA
from .parameters import State, parameter
from .simulate import Trace
from .verilog_a import describe_verilog_a, device_from_verilog_a, read_verilog_a

__all__ = [
    "EKV",
    "TEAM",
    "VTEAM",
    "Comparison",
    "DataDriven2018",
    "DataDriven2021",
    "Device",
    "DeviceArray",
    "ExponentialSelector",
    "Fit",
    "Fits",
    "FittedPreset",
    "JartVcmV1b",
    "JartVcmV1bVariable",
    "Level1",
    "LinearIonDrift",
    "MeasuredSweep",
    "MiecSelector",
    "Ohmic",
    "OneSelectorOneResistor",
    "OneTransistorOneResistor",
    "PhaseChange",
    "SimmonsTunnelBarrier",
    "Sky130Reram",
    "StanfordPKU",
    "State",
    "StaticPolynomial",
    "StaticSinh",
    "StaticTable",
    "ThresholdSelector",
    "Trace",
    "Transistor",
    "VerilogA",
    "VerilogATransistor",
    "Yakopcic",
    "compare",
    "describe_verilog_a",
    "device",
    "device_from_verilog_a",
    "fit",
    "fit_many",
    "model",
    "models",
    "parameter",
    "read_sweeps",
    "read_verilog_a",
    "register",
]

for _found in map(globals().__getitem__, __all__):
    if isinstance(_found, type) and issubclass(_found, Device) and _found.name not in (
        "", VerilogA.name  # is made of a file
    ):
        register(_found, check=False)  # the tests check them; imports stay quick

register_cells(make_cells)
register_reader(read_cells)  # so that `Crossbar.load` knows them
register_source_reader(device_from_verilog_a)  # so that decks read Verilog-A without a compiler
