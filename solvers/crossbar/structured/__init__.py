"""The crossbar solver of one array: chain-preconditioned conjugate gradients and port reduction.

`method_choice` says which of both is cheaper; others import `solve`, `affine_maps` and
`matrix_gradients` from here, and Newton's linear steps from `linear_steps`, where a new one goes.
The compiled loops are in `kernels`.
"""

from ....core.compiled.threads import spread
from .method_choice import affine_maps, matrix_gradients, solve

__all__ = ["affine_maps", "matrix_gradients", "solve", "spread"]
