"""Matrices on crossbars for solvers and signal processing: operators of NumPy's and SciPy's kind.

`CrossbarMatrix` multiplies on a chip with everything in it; `refine` solves linear systems with
such an inexact operator inside and exact residuals outside. Imports `nn`, whose layers hold the
chips, and is imported by none. A new way of solving is a file of its own.
"""

from .matrix import CrossbarMatrix
from .refinement import Refinement, refine

__all__ = ["CrossbarMatrix", "Refinement", "refine"]
