"""What array programs are written over: modules such as NumPy or CuPy, and their arrays."""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

__all__ = ["XpArray", "XpModule"]

XpModule: TypeAlias = ModuleType
"""NumPy, CuPy, or one with the same functions: the `xp` of an `ArrayBackend`."""

# CuPy has no types that a checker could compare with NumPy's
XpArray: TypeAlias = Any
"""An array of the backend's module: NumPy's on the host, CuPy's on a device."""
