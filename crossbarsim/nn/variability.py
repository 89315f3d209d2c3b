"""Device-to-device variation: the same seed is the same chip.

Draws are counter-based (Philox): the key is made of seed, layer, array, tile and effect, the
counter is the cell, so that neither order, batch nor threads change a chip.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.special import ndtr, ndtri

from ..netlists._check import Array

__all__ = ["relative_deviation"]

_CUT = 4.0  # standard deviations
_POSITIVE = 0.95  # no resistance falls by more than this share


def _generator(*key: object) -> np.random.Generator:
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def relative_deviation(
    sigma: float, shape: tuple[int, int], *, seed: int, layer: str, array: str,
    tile: tuple[int, int], effect: str,
) -> Array:
    """Return 1 + normal deviations of relative standard deviation `sigma`, (rows, columns).

    Cut at 4 standard deviations, and so that every value stays positive.
    """
    if sigma == 0:
        return np.ones(shape)
    uniform = _generator(seed, layer, array, tile, effect).random(shape)
    cut = min(_CUT, _POSITIVE / sigma)
    low = ndtr(-cut)
    deviation: Array = 1.0 + sigma * ndtri(low + uniform * (1.0 - 2.0 * low))
    return deviation
