"""Random numbers that belong to a read of an array: the same however reads are batched."""

from __future__ import annotations

import numpy as np

from ..draws import Place
from ..netlists._check import Array

__all__ = ["read_normals", "read_uniforms"]

_BLOCK = 4  # numbers of one counter of Philox


def read_uniforms(place: Place, effect: str, first: int, count: int, per_read: int) -> Array:
    """Return `per_read` numbers in (0, 1) for each of the reads first..first + count - 1.

    Read r takes the counters from r ceil(per_read / 4) on, so that every read has its own numbers
    whatever reads are drawn together with it. Shape (count, per_read).
    """
    stride = -(-per_read // _BLOCK)
    generator = place.generator(effect)
    bits: np.random.Philox = generator.bit_generator  # type: ignore[assignment]
    bits.advance(first * stride)
    found = generator.random((count, stride * _BLOCK))[:, :per_read]
    return np.ascontiguousarray(found) + 2.0**-54  # never 0; 1 stays out, 53 bits are drawn


def read_normals(place: Place, effect: str, first: int, count: int, per_read: int) -> Array:
    """Return standard normal numbers as `read_uniforms`, by the inverse of their distribution."""
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import

    found: Array = ndtri(read_uniforms(place, effect, first, count, per_read))
    return found
