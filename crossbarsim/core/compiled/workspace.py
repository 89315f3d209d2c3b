"""Scratch memory, kept per thread between solves: fresh pages would cost more than the solve."""

from __future__ import annotations

import math
import threading

import numpy as np

from ..validation import Array

__all__ = ["scratch"]

_LIMIT = 1 << 25  # doubles; larger scratch is returned to the system after use
_store = threading.local()


def scratch(key: str, *shape: int) -> Array:
    """Return an uninitialised float64 array of `shape`, the same memory at the next call.

    Arrays of different `key` never overlap.
    """
    size = math.prod(shape)
    if size > _LIMIT:
        return np.empty(shape)
    pool: dict[str, Array] = _store.__dict__.setdefault("pool", {})
    buffer = pool.get(key)
    if buffer is None or buffer.size < size:
        buffer = pool[key] = np.empty(size)
    return buffer[:size].reshape(shape)
