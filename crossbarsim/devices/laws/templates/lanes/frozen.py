"""Template: frozen cells of a device alone, sixteen at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from .....core.compiled.jit import kernel
from .....core.lanes.vectors import LANES, mul, sub, vget, vload, vput


def frozen(*args: Any) -> None:
    """Stand for the kernel of `bare`."""


def lane_conduct(*args: Any) -> None:
    """Stand for the device's current law, of vectors."""


def take_rows(*args: Any) -> None:
    """Stand for the kernel of `rows`."""


def take_states(*args: Any) -> None:
    """Stand for the kernel of `rows`."""


# -- template --
@kernel
def frozen_many(first, last, u, w, sign, x, low, high, P, i, g):
    """Do what `frozen` does."""
    S = x.shape[0]
    p, state = np.empty(P.shape[0] * LANES), np.empty((S, LANES))
    out = np.empty((2 + S, LANES))
    own, bounds = P.shape[1] > 1, low.shape[1] > 1
    take_rows(P, first, p)
    full = first + (last - first) // LANES * LANES
    for k in range(first, full, LANES):
        if own:
            take_rows(P, k, p)
        take_states(x, low, high, bounds, k, state)
        lane_conduct(mul(sub(vget(u, k), vget(w, k)), sign), state, p, 0, out)
        vput(i, k, mul(vload(out, 0), sign))
        vput(g, k, vload(out, 1))
    if full < last:
        frozen(full, last, u, w, sign, x, low, high, P, i, g)
