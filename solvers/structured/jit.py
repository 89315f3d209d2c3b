"""The one way in which kernels are compiled.

Modules named ``kernels_*`` import numba; they are imported at the first solve, so that
``import crossbarsim`` stays light.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

__all__ = ["kernel"]

F = TypeVar("F", bound=Callable[..., object])

# No "nnan"/"ninf": pinned nodes carry infinite conductance through the factorisation.
_FASTMATH = {"contract", "reassoc", "nsz"}


def kernel(function: F) -> F:
    """Compile `function` without the interpreter lock, cached on disk, IEEE division."""
    compiled = numba.njit(cache=True, nogil=True, fastmath=_FASTMATH, error_model="numpy")(function)
    return cast("F", compiled)
