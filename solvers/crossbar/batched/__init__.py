"""Crossbars in batches, as array programs that run unchanged on NumPy and on CuPy.

`dispatch` is what the solver calls; it groups problems of one shape and picks the reduction or the
iteration for each group. Everything takes its array module from an `ArrayBackend`, and arrays stay
on its device until results are read. Another array module is another `ArrayBackend`.
"""

from .array_backend import ArrayBackend, choose_backend, find_gpu

__all__ = ["ArrayBackend", "choose_backend", "find_gpu"]
