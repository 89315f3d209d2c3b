"""Integration formulas in terms of charges."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from ....core.validation import Array
from ...integration.prediction import extrapolate
from ...integration.truncation_error import ErrorTolerances, allowed_step, charge_error_terms

__all__ = ["Formula", "History"]


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
        self.error_terms = charge_error_terms(method, damping)
        # before the start everything was at rest, for a while `rest`: the first steps have an error
        self.times = deque([time, time - rest, time - 2.0 * rest], maxlen=4)
        self.points = deque([x.copy()] * 3, maxlen=4)
        self.charges = deque([q.copy()] * 3, maxlen=4)
        self.rate = np.zeros_like(q)
        self.smooth = 1

    def corner(self) -> None:
        """Do not extrapolate from what was before this moment: the sources have a corner here.

        It still counts for the estimate of the error unless `begin_anew` is called.
        """
        self.smooth = 1

    def begin_anew(self, h: float, near: Array, far: Array) -> None:
        """Have errors after a corner judged by what follows it alone.

        The points before it become those of a parabola with the slope and the curvature that two
        steps of backward Euler from here show: its rates are those at the steps' ends.

        Parameters
        ----------
        h : float, second
        near, far : (n + 1,) coulomb
            After h and, in one step, after 2 h.
        """
        here = self.charges[0]
        rate, later = (near - here) / h, (far - here) / (2.0 * h)
        slope, bend = 2.0 * rate - later, (later - rate) / (2.0 * h)
        for k in (1, 2):
            back = k * h
            self.times[k] = self.times[0] - back
            self.charges[k] = here - slope * back + bend * (back * back)
        self.rate = slope

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
        degree = min(order, self.smooth - 1)
        if 2 < degree < order:
            degree = 2  # the points of a high order are not all there yet
        return extrapolate(self.times, self.points, h, degree)

    def allowed(
        self, h: float, order: int, q: Array, rate: Array, tolerances: ErrorTolerances
    ) -> float:
        """Return the step that the error of the present one, of `h` seconds to q, allows.

        Infinite where charges stay.
        """
        t0, found = self.times[0], math.inf
        d1 = t0 - self.times[1]
        for degree, constant in self.error_terms[order - 1]:
            d2 = t0 - self.times[2] if degree > 1 else 0.0
            third = self.charges[2] if degree > 1 else self.charges[1]
            found = min(found, allowed_step(
                h, d1, d2, degree, q, self.charges[0], self.charges[1], third, rate, self.rate,
                tolerances.rows, tolerances.current, tolerances.charge, tolerances.weight,
                tolerances.relative, tolerances.trust, constant,
            ))
        return found

    def push(self, time: float, x: Array, q: Array, rate: Array) -> None:
        """Keep an accepted point."""
        self.times.appendleft(time)
        self.points.appendleft(x)
        self.charges.appendleft(q.copy())
        self.rate = rate
        self.smooth += 1
