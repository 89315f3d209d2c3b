"""The crossbar solver: chain-preconditioned conjugate gradients and port reduction."""

from .auto import affine_maps, matrix_gradients, solve
from .threads import spread

__all__ = ["affine_maps", "matrix_gradients", "solve", "spread"]
