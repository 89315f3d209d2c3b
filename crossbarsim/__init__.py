"""Circuit-level simulation of memristor crossbars and the deep networks that run on them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .devices.cells.access_cells import OneSelectorOneResistor, OneTransistorOneResistor
from .devices.cells.transistors import EKV, Level1
from .netlists import (
    BackendUnavailable,
    Circuit,
    ConvergenceError,
    Crossbar,
    CrossbarSimError,
    Driven,
    Ends,
    Floating,
    Grounded,
    LoadResistor,
    NetlistError,
    OutOfMemoryError,
    ParameterError,
    Pulse,
    Pwl,
    Resistive,
    Sensed,
    Sine,
    SingularCircuitError,
    Transimpedance,
    VirtualGround,
    Wires,
)
from .solvers import Simulator, Solution, Solver

if TYPE_CHECKING:
    from .netlists import read_spice
    from .solvers.circuit.rawfile.reader import read_raw, write_raw

__all__ = [
    "EKV",
    "BackendUnavailable",
    "Circuit",
    "ConvergenceError",
    "Crossbar",
    "CrossbarSimError",
    "Driven",
    "Ends",
    "Floating",
    "Grounded",
    "Level1",
    "LoadResistor",
    "NetlistError",
    "OneSelectorOneResistor",
    "OneTransistorOneResistor",
    "OutOfMemoryError",
    "ParameterError",
    "Pulse",
    "Pwl",
    "Resistive",
    "Sensed",
    "Simulator",
    "Sine",
    "SingularCircuitError",
    "Solution",
    "Solver",
    "Transimpedance",
    "VirtualGround",
    "Wires",
    "read_raw",
    "read_spice",
    "write_raw",
]

# imported when asked for: arrays need none of it
_LAZY = {
    "read_raw": "solvers.circuit.rawfile.reader", "read_spice": "netlists",
    "write_raw": "solvers.circuit.rawfile.reader",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
