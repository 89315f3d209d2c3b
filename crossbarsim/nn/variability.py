"""Device-to-device variation of R_on and R_off."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from ..core.draws import Place
from ..core.validation import Array

__all__ = ["relative_deviation"]

_CUT = 4.0  # standard deviations
_POSITIVE = 0.95  # no resistance falls by more than this share


def relative_deviation(
    sigma: float, shape: tuple[int, int], place: Place, effect: str
) -> Array:
    """Return 1 + normal deviations of relative standard deviation `sigma`, (rows, columns).

    Cut at 4 standard deviations, and so that every value stays positive.
    """
    if sigma == 0:
        return np.ones(shape)
    uniform = place.generator(effect).random(shape)
    cut = min(_CUT, _POSITIVE / sigma)
    low = ndtr(-cut)
    deviation: Array = 1.0 + sigma * ndtri(low + uniform * (1.0 - 2.0 * low))
    return deviation
