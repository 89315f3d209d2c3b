"""What the circuit is: crossbars, flat circuits, line ends. Nothing here solves anything."""

from ..core.errors import (
    BackendUnavailable,
    ConvergenceError,
    CrossbarSimError,
    NetlistError,
    OutOfMemoryError,
    ParameterError,
    SingularCircuitError,
)
from .circuit import Circuit, use_decks
from .crossbar.crossbar import Crossbar, Resistive, Wires
from .crossbar.ends import (
    Driven,
    Ends,
    Floating,
    Grounded,
    LoadResistor,
    Sensed,
    Transimpedance,
    VirtualGround,
)
from .device_protocol import DeviceModel
from .sources import Pulse, Pwl, Sine
from .spice.reader import read_spice
from .spice.writer import write_deck

__all__ = [
    "BackendUnavailable",
    "Circuit",
    "ConvergenceError",
    "Crossbar",
    "CrossbarSimError",
    "DeviceModel",
    "Driven",
    "Ends",
    "Floating",
    "Grounded",
    "LoadResistor",
    "NetlistError",
    "OutOfMemoryError",
    "ParameterError",
    "Pulse",
    "Pwl",
    "Resistive",
    "Sensed",
    "Sine",
    "SingularCircuitError",
    "Transimpedance",
    "VirtualGround",
    "Wires",
    "read_spice",
]

use_decks(read_spice, write_deck)
