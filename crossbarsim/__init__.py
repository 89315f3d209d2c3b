"""Circuit-level simulation of memristor crossbars and the deep networks that run on them.

Crossbars, circuits, sources, solvers and errors are imported from here; compact models from
`crossbarsim.devices`, networks from `crossbarsim.nn`, and what surrounds them from `nonidealities`,
`periphery`, `programming` and `studies`. Names are imported when they are first asked for, so that
the commands' help comes at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .core.registration import fills_registries

if TYPE_CHECKING:
    from .devices.cells.access_cells import OneSelectorOneResistor, OneTransistorOneResistor
    from .devices.cells.transistors import EKV, Level1
    from .devices.modules.transistor import VerilogATransistor
    from .devices.modules.verilog_a import VerilogA
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
        VerilogAError,
        VirtualGround,
        Wires,
        read_spice,
    )
    from .netlists.osdi import load_osdi, load_verilog_a
    from .solvers import Simulator, Solution, Solver
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
    "VerilogA",
    "VerilogAError",
    "VerilogATransistor",
    "VirtualGround",
    "Wires",
    "load_osdi",
    "load_verilog_a",
    "read_raw",
    "read_spice",
    "write_raw",
]

_HOMES = {
    "OneSelectorOneResistor": ".devices",
    "OneTransistorOneResistor": ".devices",
    "EKV": ".devices",
    "Level1": ".devices",
    "VerilogA": ".devices",
    "VerilogATransistor": ".devices",
    "Simulator": ".solvers",
    "Solution": ".solvers",
    "Solver": ".solvers",
    "load_osdi": ".netlists.osdi",
    "load_verilog_a": ".netlists.osdi",
    "read_raw": ".solvers.circuit.rawfile.reader",
    "write_raw": ".solvers.circuit.rawfile.reader",
}
_PACKAGES = ("devices", "netlists", "solvers")

fills_registries("crossbarsim.devices")


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f".{name}", __name__)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOMES.get(name, ".netlists"), __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
