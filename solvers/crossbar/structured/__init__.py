"""The crossbar solver: chain-preconditioned conjugate gradients and port reduction."""

from ....core.compiled.threads import spread
from .method_choice import affine_maps, matrix_gradients, solve

__all__ = ["affine_maps", "matrix_gradients", "solve", "spread"]
