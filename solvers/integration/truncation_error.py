"""Local truncation errors: what one time step of each formula gets wrong.

The error of a formula of order k is ``C h**(k + 1)`` times derivative k + 1. Circuits estimate that
derivative of every charge by (k + 1)! times its divided difference over the last points, at order 1
by the difference of its rates (Nagel,
SPICE2, UCB/ERL M520, 1975, section 4.4; the cktterr.c of SPICE3 and ngspice leaves the factorial
out, so that at order 2 six times the error passes), and ask for the step that the error allows:
charges and currents have tolerances of their own, whose steps go with different powers of the
error. Arrays estimate it from the slopes at the three points of TR-BDF2 (Hosea and
Shampine, Appl. Numer. Math. 20:21, 1996) and ask for the error itself, a state's or a node's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.compiled.jit import lean
from ...core.validation import Array
from .tr_bdf2 import SHARE

__all__ = [
    "CHARGE_CONSTANTS", "ErrorTolerances", "allowed_step", "allowed_step_high_order",
    "charge_error_terms", "tr_bdf2_error",
]

Ints = NDArray[np.integer[Any]]

# C of the formulas in terms of charges, by order 1, 2, ...: rounded as in ngspice's cktterr.c
CHARGE_CONSTANTS = {
    "trap": (0.5, 0.08333333333),
    "gear": (0.5, 0.2222222222, 0.1363636364, 0.096, 0.07299270073, 0.05830903790),
    "euler": (0.5, 0.5),
}

# TR-BDF2: C = (-3 s^2 + 4 s - 2) / (12 (2 - s)); the bracket of slopes is h^2 x'''/2
_TR_BDF2 = 2.0 * (-3.0 * SHARE**2 + 4.0 * SHARE - 2.0) / (12.0 * (2.0 - SHARE))
_START, _MIDDLE, _END = 1.0 / SHARE, -1.0 / (SHARE * (1.0 - SHARE)), 1.0 / (1.0 - SHARE)


def tr_bdf2_error(h: float, start: Array, middle: Array, end: Array) -> Array:
    """Return the size of the error of a step of TR-BDF2, (...), in the unit of what moves.

    Parameters
    ----------
    h : float, second
    start, middle, end : (...)
        Slopes dx/dt at the beginning, at the end of the trapezoidal stage, and at the end.

    Examples
    --------
    x = t^3 over a step of 1 s:

    >>> round(float(tr_bdf2_error(1.0, *(3.0 * t**2 for t in np.array([0.0, SHARE, 1.0])))), 6)
    0.242641
    """
    miss: Array = np.abs(_TR_BDF2 * h * (_START * start + _MIDDLE * middle + _END * end))
    return miss


@dataclass(frozen=True, eq=False)
class ErrorTolerances:
    """What the error of a step in charges is compared with.

    Attributes
    ----------
    rows : (m,)
        Rows that have charges at all.
    current, charge : (n,)
        Absolute tolerance of rates, and charges below which relative errors do not count.
    weight : (n,)
        Of each row's tolerance.
    relative, trust : float
        ``reltol`` and ``trtol``.
    """

    rows: Ints
    current: Array
    charge: Array
    weight: Array
    relative: float
    trust: float


def charge_error_terms(
    method: str, damping: float = 0.5
) -> tuple[tuple[tuple[int, float], ...], ...]:
    """Return the terms of the error estimate of a formula in charges, for its orders 1 and 2.

    Parameters
    ----------
    method : {"trap", "gear", "euler"}
    damping : float
        ngspice's ``xmu``. Below 0.5 the trapezoidal rule has a part of backward Euler's error,
        which ngspice does not look at.

    Returns
    -------
    tuple of tuples of (order, constant)
        Of the divided difference: (order + 1)! times that of the derivative.

    Examples
    --------
    >>> charge_error_terms("trap", damping=0.4)
    (((1, 1.0),), ((1, 0.19999999999999996), (2, 0.49999999998)))
    """
    first, second = (math.factorial(k + 2) * c for k, c in enumerate(CHARGE_CONSTANTS[method][:2]))
    if method == "trap" and damping < 0.5:
        return ((1, first),), ((1, 2.0 * (0.5 - damping)), (2, second))
    return ((1, first),), ((2, second),)


@lean
def allowed_step(
    h: float, d1: float, d2: float, order: int, q: Array, q0: Array, q1: Array, q2: Array,
    rate: Array, rate0: Array, rows: Ints, current: Array, charge: Array, weight: Array,
    relative: float, trust: float, factor: float,
) -> float:
    """Return the longest step with an error within the tolerances, those of ngspice.

    Of orders 1 and 2. q after the step of h, q0 before it, q1 a time d1 earlier, q2 a time d2
    earlier than q0; `factor` as of `charge_error_terms`.
    """
    by_rate, by_charge = 0.0, 0.0
    for m in range(rows.shape[0]):
        k = rows[m]
        first = current[k] + relative * max(abs(rate[k]), abs(rate0[k]))
        second = relative * max(max(abs(q[k]), abs(q0[k])), charge[k]) / h
        if order == 1:
            # of the rates at both ends: after a failure the step is far shorter than the one before
            diff = (rate[k] - rate0[k]) / (2.0 * h)
        else:
            a = (q[k] - q0[k]) / h
            b = (q0[k] - q1[k]) / d1
            c = (q1[k] - q2[k]) / (d2 - d1)
            diff = ((a - b) / (h + d1) - (b - c) / d2) / (h + d2)
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


def allowed_step_high_order(
    h: float, order: int, back: Array, charges: Sequence[Array], rate: Array, rate0: Array,
    tolerances: ErrorTolerances,
) -> float:
    """Return the longest step of Gear's formulas of orders from 3 to 6 within the tolerances.

    Parameters
    ----------
    h : float, second
        The step evaluated last.
    order : int
    back : (order + 2,) second
        How long before the end of the step the points are: 0, h, ...
    charges : sequence of (n,)
        At these points.
    rate, rate0 : (n,)
        Currents into the charges after and before the step.
    tolerances : ErrorTolerances
    """
    rows = tolerances.rows
    table = [q[rows] for q in charges]
    q, q0 = table[0], table[1]
    for level in range(1, order + 2):
        table = [
            (table[k] - table[k + 1]) / (back[k + level] - back[k])
            for k in range(len(table) - 1)
        ]
    factor = math.factorial(order + 1) * CHARGE_CONSTANTS["gear"][order - 1]
    first = tolerances.current[rows] + tolerances.relative * np.maximum(
        np.abs(rate[rows]), np.abs(rate0[rows])
    )
    second = tolerances.relative * np.maximum(
        np.maximum(np.abs(q), np.abs(q0)), tolerances.charge[rows]
    ) / h
    share = factor * np.abs(table[0]) * h**order / (tolerances.trust * tolerances.weight[rows])
    share = share / np.maximum(first, second)
    by_rate = np.max(share, where=first > second, initial=0.0)
    by_charge = np.max(share, where=first <= second, initial=0.0)
    if not np.isfinite(share).all():
        return 0.0
    worst = max(by_rate ** (1.0 / order), by_charge ** (1.0 / (order + 1.0)))
    return float(h / worst) if worst > 0.0 else math.inf
