"""Arithmetic of curves over an abscissa: parts, integrals, crossings. Linear between points."""

from __future__ import annotations

import numpy as np

from ....core.validation import Array

__all__ = ["Curve", "crossings"]


class Curve:
    """y over x, both (T,), x increasing (a falling sweep is turned round).

    Parameters
    ----------
    x, y : (T,)
    """

    def __init__(self, x: Array, y: Array) -> None:
        x = np.asarray(x, dtype=float)
        y = np.broadcast_to(np.asarray(y, dtype=float), x.shape)
        if len(x) > 1 and x[-1] < x[0]:
            x, y = x[::-1], y[::-1]
        self.x, self.y = x, y

    def at(self, where: float) -> float:
        """Return the value at `where`; NaN outside of the points."""
        slack = 1e-9 * float(np.ptp(self.x))
        if not (self.x[0] - slack <= where <= self.x[-1] + slack):
            return float("nan")
        return float(np.interp(where, self.x, self.y))

    def slope(self, where: float) -> float:
        """Return the derivative at `where`, of second order in the points."""
        if len(self.x) < 2 or np.isnan(self.at(where)):
            return float("nan")
        keep = np.concatenate([[True], np.diff(self.x) > 0])
        x, y = self.x[keep], self.y[keep]
        slopes: Array = np.gradient(y, x, edge_order=2 if len(x) > 2 else 1)
        return float(np.interp(where, x, slopes))

    def part(self, start: float | None, stop: float | None) -> Curve | None:
        """Return the part between two abscissas, both ends included; None where it is empty."""
        low = self.x[0] if start is None else max(start, self.x[0])
        high = self.x[-1] if stop is None else min(stop, self.x[-1])
        if low > high:
            return None
        inside = (self.x > low) & (self.x < high)
        x = np.concatenate([[low], self.x[inside], [high] if high > low else []])
        y = np.concatenate([
            [np.interp(low, self.x, self.y)], self.y[inside],
            [np.interp(high, self.x, self.y)] if high > low else [],
        ])
        return Curve(x, y)

    @property
    def integral(self) -> float:
        """The area below the curve."""
        return float(0.5 * ((self.y[1:] + self.y[:-1]) * np.diff(self.x)).sum())

    @property
    def mean(self) -> float:
        """The mean over the abscissa."""
        span = float(self.x[-1] - self.x[0])
        return self.integral / span if span > 0 else float(self.y[0])

    @property
    def rms(self) -> float:
        """The root of the mean square, exact for lines between the points."""
        span = float(self.x[-1] - self.x[0])
        if span <= 0:
            return abs(float(self.y[0]))
        a, b = self.y[:-1], self.y[1:]
        squares = ((a * a + a * b + b * b) * np.diff(self.x)).sum() / 3.0
        return float(np.sqrt(squares / span))


def crossings(x: Array, y: Array) -> tuple[Array, Array]:
    """Return where y (T,) meets 0, and +1 where it rises, -1 where it falls.

    A curve that comes to 0 and stays there has crossed; leaving again to the same side is a
    crossing back. As in ngspice, to start at 0 and rise counts, to start at 0 and fall does not.
    """
    sign = np.sign(y)
    places: list[float] = []
    ways: list[int] = []
    nonzero = np.flatnonzero(sign)
    if not len(nonzero):
        return np.zeros(0), np.zeros(0)
    first = int(nonzero[0])
    side = sign[first]
    if first and side > 0:
        places.append(float(x[first - 1]))
        ways.append(1)
    for k in np.flatnonzero(np.diff(sign)) + 1:
        if k <= first:
            continue
        if sign[k] == -side or (sign[k] == 0 and sign[k - 1] == side):
            side = -side
            share = y[k - 1] / (y[k - 1] - y[k])
            places.append(float(x[k - 1] + share * (x[k] - x[k - 1])))
            ways.append(int(side))
    return np.array(places), np.array(ways, dtype=float)
