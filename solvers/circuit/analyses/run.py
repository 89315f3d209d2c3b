"""A circuit's own analyses, in their order."""

from __future__ import annotations

from typing import Any

from ....core.errors import ParameterError
from ....netlists.circuit import Circuit
from .deck import run_deck

__all__ = ["run"]


def run(circuit: Circuit) -> list[Any]:
    """Run all analyses of a circuit in their order; the operating point where it names none."""
    if not isinstance(circuit, Circuit):
        raise ParameterError(f"`circuit` must be a Circuit; got {type(circuit).__name__}")
    return run_deck(circuit)
