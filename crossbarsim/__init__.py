"""Circuit-level simulation of memristor crossbars and the deep networks that run on them."""

from .netlists import (
    BackendUnavailable,
    ConvergenceError,
    Crossbar,
    CrossbarSimError,
    Driven,
    Ends,
    Floating,
    Grounded,
    LoadResistor,
    NetlistError,
    ParameterError,
    Resistive,
    Sensed,
    SingularCircuitError,
    Transimpedance,
    VirtualGround,
    Wires,
)
from .solvers import Solution, Solver

__all__ = [
    "BackendUnavailable",
    "ConvergenceError",
    "Crossbar",
    "CrossbarSimError",
    "Driven",
    "Ends",
    "Floating",
    "Grounded",
    "LoadResistor",
    "NetlistError",
    "ParameterError",
    "Resistive",
    "Sensed",
    "SingularCircuitError",
    "Solution",
    "Solver",
    "Transimpedance",
    "VirtualGround",
    "Wires",
]
