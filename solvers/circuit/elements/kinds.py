"""Imports the kinds of elements, which register themselves."""

from __future__ import annotations

from ....netlists.circuit import Circuit
from . import behavioural, controlled, linear, lines, switches
from .memristors import memristors

__all__ = [
    "behavioural", "controlled", "linear", "lines", "load_kinds", "memristors", "switches",
]

_SEMICONDUCTORS = {"d", "npn", "pnp", "njf", "pjf", "nmos", "pmos", "vdmosn", "vdmosp"}


def load_kinds(circuit: Circuit) -> None:
    """Import the kinds that a circuit has and others have not: these take a while."""
    if circuit.arrays:
        from . import crossbar_ports  # noqa: F401, PLC0415 - slow to import
    if any(model.module is not None for model in circuit.models.values()):
        from . import compiled_modules  # noqa: F401, PLC0415 - slow to import
    if any(model.kind in _SEMICONDUCTORS for model in circuit.models.values()):
        from . import semiconductors  # noqa: F401, PLC0415 - slow to import
