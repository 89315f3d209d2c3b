"""What the circuit's voltages are."""

from .solution import Gradients, Solution
from .solver import Solver

__all__ = ["Gradients", "Solution", "Solver"]
