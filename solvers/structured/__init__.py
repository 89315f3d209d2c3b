"""The crossbar solver: chain-preconditioned conjugate gradients and port reduction."""

from .auto import affine_maps, matrix_gradients, solve
from .newton import solve_cells
from .threads import spread

__all__ = ["affine_maps", "matrix_gradients", "solve", "solve_cells", "spread"]
