"""The one way in which kernels are compiled.

Modules in folders named ``kernels``, and those named ``kernels_*``, import numba; they are imported
at the first solve, so that ``import crossbarsim`` stays light. A kernel is compiled when it is
first called, for one signature (hand it writable arrays in C order: see `writable`), and kept on
disk (`kernel_cache`); what it calls is compiled as a part of it (`dispatchers`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from .dispatchers import Kernel

__all__ = ["inlined", "kernel", "leaf", "lean", "strict"]

F = TypeVar("F", bound=Callable[..., object])

# No "nnan"/"ninf": pinned nodes carry infinite conductance through the factorisation.
_FASTMATH = {"contract", "reassoc", "nsz"}


def _compiled(function: F, **options: object) -> F:
    common = {"nopython": True, "boundscheck": None, "nogil": True, "error_model": "numpy"}
    return cast("F", Kernel(function, targetoptions=common | options))


def kernel(function: F) -> F:
    """Compile `function` without the interpreter lock, cached on disk, IEEE division."""
    return _compiled(function, _nrt=True, fastmath=_FASTMATH)


def strict(function: F) -> F:
    """Compile as `kernel` does, in IEEE arithmetic throughout."""
    return _compiled(function, _nrt=True)


def leaf(function: F) -> F:
    """Compile a small function that makes no arrays, without counting references to those it gets.

    The counts are atomic and cost more than a law of a device; IEEE arithmetic.
    """
    return _compiled(function, _nrt=False)


def lean(function: F) -> F:
    """Compile a kernel that makes no arrays, as `kernel` does but without counting references.

    What it calls must be lean, too.
    """
    return _compiled(function, _nrt=False, fastmath=_FASTMATH)


def inlined(function: F) -> F:
    """Compile a leaf whose code becomes its callers'.

    For small functions that are given many arrays, in tuples perhaps, which would be copied at
    every call.
    """
    return _compiled(function, _nrt=False, forceinline=True)
