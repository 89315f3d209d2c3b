"""Crossbars in batches, as array programs that run on NumPy and on CuPy alike."""

from .array_backend import ArrayBackend, choose_backend, find_gpu

__all__ = ["ArrayBackend", "choose_backend", "find_gpu"]
