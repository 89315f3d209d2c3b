"""What the circuit is: crossbars, flat circuits, line ends. Nothing here solves anything."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from .spice.reader import read_spice

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

# imported when a deck is read or written: most of what is here, and arrays need none of it
_LAZY = {"read_spice": "spice.reader", "write_deck": "spice.writer"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


def _read(text: str) -> Circuit:
    return __getattr__("read_spice")(text)  # type: ignore[no-any-return]


def _write(circuit: Circuit, dialect: str) -> str:
    return __getattr__("write_deck")(circuit, dialect)  # type: ignore[no-any-return]


use_decks(_read, _write)
