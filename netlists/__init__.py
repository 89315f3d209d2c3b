"""What the circuit is: crossbars, flat circuits, line ends, sources, decks. Nothing here solves it.

Solvers and everything above may import from here; this layer imports `crossbarsim.core` only. A new
kind of line end, amplifier or cell goes into `crossbar`, a new source into `sources`, whatever a
deck says into `spice`; compact models come from outside, through the registry in `device_protocol`.
"""

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
    VerilogAError,
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
    "VerilogAError",
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
