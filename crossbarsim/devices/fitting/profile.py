"""Profiles of the sum of squares: a parameter, or a direction, held in steps, all others fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.errors import ConvergenceError, ParameterError
from ...core.validation import Array
from .determination import quantile
from .least_squares.problem import Problem

__all__ = ["Profile", "interval_of", "profile"]


@dataclass(frozen=True)
class Profile:
    """The least sum of squares at held values of a parameter, or along a direction.

    Attributes
    ----------
    name : str
        What was held.
    values : (N,)
        Of the parameter, in its unit; of a direction the distance from the minimum.
    excess : (N,)
        How much the sum of squares is above its minimum, in units of the residuals' variance: at
        the ends of the 95 % interval it is about 4.
    others : (N, P)
        Values of all parameters and fitted starts, in the order of `names`.
    names : tuple of str
    threshold : float
        The excess at the ends of the interval.
    """

    name: str
    values: Array
    excess: Array
    others: Array
    names: tuple[str, ...]
    threshold: float

    @property
    def interval(self) -> tuple[float, float]:
        """Where the excess crosses the threshold; infinite where it does not within the profile."""
        return interval_of(self.values, self.excess, self.threshold)


def interval_of(values: Array, excess: Array, threshold: float) -> tuple[float, float]:
    """Return the values on both sides of the minimum at which the excess crosses the threshold."""
    order = np.argsort(values)
    x, y = values[order], excess[order]
    middle = int(np.argmin(y))
    ends = []
    for step, unknown in ((-1, -np.inf), (1, np.inf)):
        k = middle
        while 0 <= k + step < len(x) and y[k] <= threshold:
            k += step
        if y[k] <= threshold:
            ends.append(unknown)
            continue
        a, b = k - step, k
        share = (threshold - y[a]) / (y[b] - y[a])
        ends.append(float(x[a] + share * (x[b] - x[a])))
    return ends[0], ends[1]


def profile(
    problem: Problem, u: Array, direction: Array, reach: float, points: int, variance: float,
    name: str, level: float,
) -> Profile:
    """Return the profile along a direction through the minimum u.

    Parameters
    ----------
    direction : (P,)
        Of u; the held coordinate is its projection onto it.
    reach : float
        Distance to both sides.
    points : int
        Steps to each side.
    variance : float
        Of the residuals.
    """
    direction = direction / np.linalg.norm(direction)
    basis = _across(direction)
    low, high = problem.bounds
    base = problem.residuals(u)
    least = float(base @ base)
    rows: list[tuple[float, float, Array]] = [(0.0, 0.0, u)]
    for sign in (-1.0, 1.0):
        at = np.zeros(basis.shape[1])
        for k in range(1, points + 1):
            held = u + sign * reach * k / points * direction
            if np.all(np.abs(direction) * reach < 1e-300):
                break
            try:
                at, total = _minimum(problem, held, basis, at, low, high)
            except (ConvergenceError, ParameterError):
                break  # beyond the ranges, or where nothing can be simulated
            rows.append((sign * reach * k / points, max(total - least, 0.0) / variance,
                         held + basis @ at))
    rows.sort(key=lambda one: one[0])
    points_of = np.array([one[2] for one in rows])
    values = np.array([
        [*(axis.value(float(x)) for axis, x in zip(problem.axes, row, strict=False)),
         *row[len(problem.axes):]] for row in points_of
    ])
    single = np.flatnonzero(direction)
    shown = values[:, single[0]] if len(single) == 1 else np.array([one[0] for one in rows])
    threshold = quantile(problem.points, problem.count, level) ** 2
    return Profile(
        name, shown, np.array([one[1] for one in rows]), values, problem.names, threshold
    )


def _across(direction: Array) -> Array:
    """Return an orthonormal basis (P, P - 1) of what is across a direction."""
    _, _, vectors = np.linalg.svd(direction[None, :])
    return np.asarray(vectors[1:].T)


def _minimum(
    problem: Problem, held: Array, basis: Array, at: Array, low: Array, high: Array
) -> tuple[Array, float]:
    """Minimise over everything across the held direction; ends of ranges hold by a penalty."""
    from scipy.optimize import least_squares  # noqa: PLC0415 - slow to import

    if not basis.shape[1]:
        if np.any(held < low) or np.any(held > high):
            raise ParameterError("beyond the range")
        r = problem.residuals(held)
        return at, float(r @ r)
    stiff = 1e3 * np.sqrt(max(problem.points, 1)) / (high - low)
    size = problem.points

    def inside(point: Array) -> Array:
        return np.clip(point, low, high)

    def values(z: Array) -> Array:
        point = held + basis @ z
        try:
            r = problem.residuals(inside(point))
        except (ConvergenceError, ParameterError):
            return np.full(size + len(held), np.nan)
        return np.concatenate([r, stiff * (point - inside(point))])

    def slopes(z: Array) -> Array:
        point = held + basis @ z
        out = (point < low) | (point > high)
        jac = problem.jacobian(inside(point)) * ~out
        return np.asarray(np.concatenate([jac, np.diag(stiff * out)]) @ basis)

    if not np.all(np.isfinite(values(at))):
        raise ConvergenceError("cannot be simulated here")
    found = least_squares(
        values, at, jac=slopes, x_scale="jac", method="trf", max_nfev=40, xtol=1e-8, ftol=1e-8,
    )
    point = held + basis @ found.x
    if np.any(np.abs(point - inside(point)) > 1e-3 * (high - low)):
        raise ParameterError("beyond the ranges")
    return np.asarray(found.x), 2.0 * float(found.cost)
