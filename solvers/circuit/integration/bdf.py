"""Backward differentiation of orders up to 6, on steps of any length (``method=gear maxord=6``)."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from ....core.validation import Array
from .formulas import Formula, History, StepTolerances

__all__ = ["Bdf", "backward_weights"]

# error constants by order, those of ngspice's cktterr.c
_CONSTANTS = (0.5, 0.2222222222, 0.1363636364, 0.096, 0.07299270073, 0.05830903790)


def backward_weights(back: Array) -> Array:
    """Return weights w with dq/dt = w . q at the last of points that lie `back` seconds before it.

    Exact for polynomials whose degree is the number of steps between them.
    """
    scale = back[0]
    powers = (-back / scale) ** np.arange(len(back))[:, None]
    right = np.zeros(len(back))
    right[1] = 1.0
    return np.asarray(np.linalg.solve(powers, right) / scale)


class Bdf(History):
    """Like `History` of Gear's method, whose orders 3 to 6 it adds."""

    def __init__(self, time: float, x: Array, q: Array, rest: float) -> None:
        super().__init__("gear", time, x, q, rest)
        self.times = deque(self.times, maxlen=8)
        self.points, self.charges = deque(self.points, maxlen=8), deque(self.charges, maxlen=8)

    def _back(self, h: float, count: int) -> Array:
        """Return how long before the end of the step the last `count` points are."""
        return h + self.times[0] - np.array([self.times[k] for k in range(count)])

    def formula(self, h: float, order: int) -> Formula:
        """Return the formula of a step of `h` seconds."""
        if order < 3:
            return super().formula(h, order)
        weights = backward_weights(np.array([*self._back(h, order)[::-1], 0.0]))[::-1]
        offset = sum(w * self.charges[k] for k, w in enumerate(weights[1:]))
        return Formula(float(weights[0]), np.asarray(offset))

    def predict(self, h: float, order: int) -> Array:
        """Return the unknowns after `h` seconds, extrapolated."""
        if order < 3 or self.smooth < order + 1:
            return super().predict(h, order)
        back = self._back(h, order + 1)
        found = np.zeros_like(self.points[0])
        for k, here in enumerate(back):
            others = np.delete(back, k)
            found += np.prod(others / (others - here)) * self.points[k]
        return found

    def allowed(
        self, h: float, order: int, q: Array, rate: Array, tolerances: StepTolerances
    ) -> float:
        """Return the step that the error of the present one, of `h` seconds to q, allows.

        ngspice leaves out that a difference is a derivative over (k + 1)!; relative to its order 2
        it counts here, so that orders can be compared.
        """
        if order < 3:
            return super().allowed(h, order, q, rate, tolerances)
        rows = tolerances.rows
        back = np.array([0.0, *self._back(h, order + 1)])
        table = [q[rows], *(self.charges[k][rows] for k in range(order + 1))]
        for level in range(1, order + 2):
            table = [
                (table[k] - table[k + 1]) / (back[k + level] - back[k])
                for k in range(len(table) - 1)
            ]
        size = math.factorial(order + 1) / 6.0 * _CONSTANTS[order - 1] * np.abs(table[0])
        first = tolerances.current[rows] + tolerances.relative * np.maximum(
            np.abs(rate[rows]), np.abs(self.rate[rows])
        )
        second = tolerances.relative * np.maximum(
            np.maximum(np.abs(q[rows]), np.abs(self.charges[0][rows])), tolerances.charge[rows]
        ) / h
        share = size * h**order / (tolerances.trust * tolerances.weight[rows])
        share = share / np.maximum(first, second)
        by_rate = np.max(share, where=first > second, initial=0.0)
        by_charge = np.max(share, where=first <= second, initial=0.0)
        if not np.isfinite(share).all():
            return 0.0
        worst = max(by_rate ** (1.0 / order), by_charge ** (1.0 / (order + 1.0)))
        return float(h / worst) if worst > 0.0 else math.inf

    def may(self, order: int) -> bool:
        """Return whether there are points enough since the last corner to judge an order."""
        return self.smooth >= order + 1
