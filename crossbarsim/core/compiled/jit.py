"""The one way in which kernels are compiled.

Modules named ``kernels_*`` import numba; they are imported at the first solve, so that
``import crossbarsim`` stays light.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["inlined", "kernel", "leaf", "lean"]

F = TypeVar("F", bound=Callable[..., object])

# No "nnan"/"ninf": pinned nodes carry infinite conductance through the factorisation.
_FASTMATH = {"contract", "reassoc", "nsz"}

_LEAF: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}


def kernel(function: F) -> F:
    """Compile `function` without the interpreter lock, cached on disk, IEEE division."""
    compiled = numba.njit(cache=True, nogil=True, fastmath=_FASTMATH, error_model="numpy")(function)
    return cast("F", compiled)


def leaf(function: F) -> F:
    """Compile a small function that makes no arrays, without counting references to those it gets.

    The counts are atomic and cost more than a law of a device; IEEE arithmetic.
    """
    compiled = numba.njit(**_LEAF)(function)
    return cast("F", compiled)


def lean(function: F) -> F:
    """Compile a kernel that makes no arrays, as `kernel` does but without counting references."""
    compiled = numba.njit(**_LEAF, fastmath=_FASTMATH)(function)
    return cast("F", compiled)


def inlined(function: F) -> F:
    """Compile a leaf whose code becomes its callers'.

    For small functions that are given many arrays, in tuples perhaps, which would be copied at
    every call.
    """
    compiled = numba.njit(**_LEAF, forceinline=True)(function)
    return cast("F", compiled)
