"""Integration formulas in terms of charges, and the error of a step."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from ....core.validation import Array
from ..system.element_group import Ints
from .truncation_error import allowed_step

__all__ = ["Formula", "History"]

# ngspice's factors of the local truncation error, by order (cktterr.c)
_FACTORS = {"trap": (0.5, 0.08333333333), "gear": (0.5, 0.2222222222), "euler": (0.5, 0.5)}


@dataclass(frozen=True, eq=False)
class Formula:
    """The derivative of the charges at the end of a step: a q + offset.

    Attributes
    ----------
    a : float, 1/s
    offset : (n + 1,) ampere
    """

    a: float
    offset: Array


class History:
    """Charges and unknowns at the last accepted points.

    Parameters
    ----------
    method : {"trap", "gear", "euler"}
    time : float, second
    x, q : (n + 1,)
    rest : float, second
        For how long the circuit had been at rest.
    damping : float
        ngspice's ``xmu``, from 0 to 0.5: the share of the rate before in the trapezoidal rule.

    Attributes
    ----------
    smooth : int
        Points since the last corner, the corner among them.
    """

    def __init__(
        self, method: str, time: float, x: Array, q: Array, rest: float, damping: float = 0.5
    ) -> None:
        self.method, self.damping = method, damping
        # before the start everything was at rest, for a while `rest`: the first steps have an error
        self.times = deque([time, time - rest, time - 2.0 * rest], maxlen=4)
        self.points = deque([x.copy()] * 3, maxlen=4)
        self.charges = deque([q.copy()] * 3, maxlen=4)
        self.rate = np.zeros_like(q)
        self.smooth = 1

    def corner(self) -> None:
        """Do not extrapolate from what was before this moment: the sources have a corner here.

        It still counts for the estimate of the error, as in ngspice.
        """
        self.smooth = 1

    def formula(self, h: float, order: int) -> Formula:
        """Return the formula of a step of `h` seconds."""
        q = self.charges[0]
        if order == 1 or self.method == "euler":
            return Formula(1.0 / h, q * (-1.0 / h))
        if self.method == "trap":
            xmu = self.damping
            a = 1.0 / (h * (1.0 - xmu))
            return Formula(a, q * -a - xmu / (1.0 - xmu) * self.rate)
        w = h / (self.times[0] - self.times[1])
        here, before = -(1.0 + w) / h, w * w / ((1.0 + w) * h)
        return Formula((1.0 + 2.0 * w) / ((1.0 + w) * h), here * q + before * self.charges[1])

    def predict(self, h: float, order: int) -> Array:
        """Return the unknowns after `h` seconds, extrapolated."""
        x = self.points[0]
        if self.smooth < 2:
            return x.copy()
        d0 = h / (self.times[0] - self.times[1])
        if self.smooth < 3 or order < 2:
            return x + d0 * (x - self.points[1])
        t0, t1, t2 = self.times[0], self.times[1], self.times[2]
        t = t0 + h
        a = (t - t1) * (t - t2) / ((t0 - t1) * (t0 - t2))
        b = (t - t0) * (t - t2) / ((t1 - t0) * (t1 - t2))
        c = (t - t0) * (t - t1) / ((t2 - t0) * (t2 - t1))
        return a * x + b * self.points[1] + c * self.points[2]

    def allowed(
        self, h: float, order: int, q: Array, rate: Array, tolerances: StepTolerances
    ) -> float:
        """Return the step that the error of the present one, of `h` seconds to q, allows.

        Infinite where charges stay.
        """
        if order == 2 and self.method == "trap" and self.damping < 0.5:
            # a damped rule has a part of backward Euler's error, which ngspice does not look at
            share = self._allowed(h, 1, q, rate, tolerances, 0.5 - self.damping)
            return min(share, self._allowed(
                h, 2, q, rate, tolerances, _FACTORS["trap"][1]
            ))
        return self._allowed(h, order, q, rate, tolerances, _FACTORS[self.method][order - 1])

    def _allowed(
        self, h: float, order: int, q: Array, rate: Array, tolerances: StepTolerances,
        factor: float,
    ) -> float:
        t0 = self.times[0]
        d1, d2 = t0 - self.times[1], (t0 - self.times[2] if order > 1 else 0.0)
        third = self.charges[2] if order > 1 else self.charges[1]
        return float(allowed_step(
            h, d1, d2, order, q, self.charges[0], self.charges[1], third, rate, self.rate,
            tolerances.rows, tolerances.current, tolerances.charge, tolerances.weight,
            tolerances.relative, tolerances.trust, factor,
        ))

    def push(self, time: float, x: Array, q: Array, rate: Array) -> None:
        """Keep an accepted point."""
        self.times.appendleft(time)
        self.points.appendleft(x)
        self.charges.appendleft(q.copy())
        self.rate = rate
        self.smooth += 1


@dataclass(frozen=True, eq=False)
class StepTolerances:
    """What a step's error is compared with.

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
