"""Inverse design: circuits and converters for a network, found by gradients through the circuit.

`minimise` finds bounded variables by gradients, and choices (tile shapes, bits) by enumeration;
`NetworkDesign` gives it energy, errors and losses of a network on crossbars as differentiable
functions of wires, drivers, conductances, voltages and ranges; `arrays` has the circuit quantities
that they are made of. Networks come from `crossbarsim.nn`.
"""

from .arrays import array_power, segments
from .minimise import minimise
from .network import Evaluated, NetworkDesign
from .result import Candidate, Designed
from .variables import Bounded

__all__ = [
    "Bounded",
    "Candidate",
    "Designed",
    "Evaluated",
    "NetworkDesign",
    "array_power",
    "minimise",
    "segments",
]
