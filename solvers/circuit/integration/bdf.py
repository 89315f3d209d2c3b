"""Backward differentiation of orders up to 6, on steps of any length (``method=gear maxord=6``)."""

from __future__ import annotations

from collections import deque

import numpy as np

from ....core.validation import Array
from ...integration.truncation_error import ErrorTolerances, allowed_step_high_order
from .formulas import Formula, History

__all__ = ["Bdf", "backward_weights"]


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

    def allowed(
        self, h: float, order: int, q: Array, rate: Array, tolerances: ErrorTolerances
    ) -> float:
        """Return the step that the error of the present one, of `h` seconds to q, allows."""
        if order < 3:
            return super().allowed(h, order, q, rate, tolerances)
        back = np.array([0.0, *self._back(h, order + 1)])
        charges = [q, *(self.charges[k] for k in range(order + 1))]
        return allowed_step_high_order(h, order, back, charges, rate, self.rate, tolerances)

    def may(self, order: int) -> bool:
        """Return whether there are points enough since the last corner to judge an order."""
        return self.smooth >= order + 1
