"""The error of a time step, row by row."""

from __future__ import annotations

import numpy as np

from ....core.compiled.jit import lean
from ....core.validation import Array
from ..system.element_group import Ints

__all__ = ["allowed_step"]


@lean
def allowed_step(
    h: float, d1: float, d2: float, order: int, q: Array, q0: Array, q1: Array, q2: Array,
    rate: Array, rate0: Array, rows: Ints, current: Array, charge: Array, weight: Array,
    relative: float, trust: float, factor: float,
) -> float:
    """Return the longest step with an error within the tolerances (of ngspice's cktterr.c).

    q after the step of h, q0 before it, q1 a time d1 earlier, q2 a time d2 earlier.
    """
    by_rate, by_charge = 0.0, 0.0
    for m in range(rows.shape[0]):
        k = rows[m]
        first = current[k] + relative * max(abs(rate[k]), abs(rate0[k]))
        second = relative * max(max(abs(q[k]), abs(q0[k])), charge[k]) / h
        a = (q[k] - q0[k]) / h
        b = (q0[k] - q1[k]) / d1
        diff = (a - b) / (h + d1)
        if order > 1:
            c = (q1[k] - q2[k]) / (d2 - d1)
            diff = (diff - (b - c) / d2) / (h + d2)
        error = factor * abs(diff) * (h if order == 1 else h * h) / (trust * weight[k])
        if first > second:
            share = error / first
            if not share <= by_rate:
                by_rate = share
        else:
            share = error / second
            if not share <= by_charge:
                by_charge = share
    if not by_rate < np.inf or not by_charge < np.inf:
        return 0.0
    # the tolerance of charges is one per step, so that their error falls by one order more
    worst = max(by_rate ** (1.0 / order), by_charge ** (1.0 / (order + 1.0)))
    return h / worst if worst > 0.0 else np.inf
