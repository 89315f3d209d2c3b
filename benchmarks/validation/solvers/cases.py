"""The arrays that all solvers are given: conductances that spread over 0 to 12 decades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DECADES = tuple(range(13))
SIZES = (8, 16, 64, 128)
OHM = 1.0
CENTRE = 1e-5  # siemens, in the middle of the decades


def array(size: int, decades: float) -> tuple[Array, Array]:
    """Return conductances (size, size) siemens, log-uniform, and voltages (size,) volt.

    The largest conductance is at most 10 S: a cell that is a tenth of a wire's segment.
    """
    rng = np.random.default_rng([size, int(decades)])
    exponent = rng.uniform(-0.5, 0.5, (size, size)) * decades
    return CENTRE * 10.0**exponent, rng.uniform(0.0, 0.2, size)
