"""The search for the least squares: many starts, smoothed residuals first, a bounded trust region.

A threshold that lies beyond the data, or a jump of the current in the wrong place, leaves the
residuals at the points without a slope that says where to go. So the search begins with residuals
that are averaged over every interval, by the integrator itself, and then smoothed along each sweep
by a Gaussian of a stated share of its length; the share shrinks to nothing. A jump is then a slope,
and a threshold that is off shows on both of its sides.

A jump that passes a point of the data also leaves kinks in the sum of squares, in which the search
may stop in the middle of a long valley. So it starts again from points on both sides along the
directions that the data determine least, and from the minimum of smoothed residuals, until none of
these leads further down. Where every switch is within one interval there is no slope at all; along
such parameters values are tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from ....core.errors import ConvergenceError, ParameterError
from ....core.validation import Array
from .problem import Problem

__all__ = ["Found", "refine", "search"]

WIDTHS = (0.08, 0.02)  # of the smoothing, shares of a sweep, before the points themselves
_SHARE = 0.25  # of the time for looking around
_SAMPLES = 512
# directions whose spread is more than this, in e-folds, are searched along; at most so many
_VALLEY, _DIRECTIONS, _ROUNDS = 0.1, 3, 4
# e-folds along a parameter that moves jumps from point to point
_STEPS = tuple(sign * 0.0025 * 2.0**k for k in range(10) for sign in (-1.0, 1.0))


class _OutOfTime(Exception):
    """The time is over; the best point is kept by the clock."""


@dataclass
class _Clock:
    """Stops a search in time, and keeps its best point."""

    end: float
    best: Array | None = None
    cost: float = np.inf

    def check(self) -> None:
        if time.perf_counter() > self.end:
            raise _OutOfTime

    def keep(self, u: Array, cost: float) -> None:
        if cost < self.cost:
            self.best, self.cost = np.array(u), cost


@dataclass(frozen=True)
class Found:
    """The best point of a search.

    Attributes
    ----------
    u : (P,)
    cost : float
        Half the sum of the squares of the residuals at the points.
    starts : int
        Points from which it was searched.
    simulations : int
    seconds : float
    complete : bool
        Whether it ended by itself, not by the time.
    others : tuple of (cost, u)
        Other minima, the best first.
    """

    u: Array
    cost: float
    starts: int
    simulations: int
    seconds: float
    complete: bool
    others: tuple[tuple[float, Array], ...] = field(default=())


def refine(
    problem: Problem, u: Array, width: float, clock: _Clock | None = None, *, most: int = 60,
    tolerance: float = 1e-10,
) -> tuple[Array, float]:
    """Return the minimum downhill of u, of residuals smoothed over `width`, and its cost there.

    Raises
    ------
    ConvergenceError
        The model cannot be simulated at u.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415 - slow to import

    low, high = problem.bounds
    span = high - low
    u = np.clip(u, low + 1e-9 * span, high - 1e-9 * span)

    def values(at: Array) -> Array:
        if clock is not None:
            clock.check()
        try:
            r = problem.residuals(at, width)
        except (ConvergenceError, ParameterError):
            return np.full(size, np.nan)  # the trust region shrinks
        if clock is not None and not width:
            clock.keep(at, 0.5 * float(r @ r))
        return r

    first = problem.residuals(u, width)  # raises where the model cannot be simulated
    size = len(first)
    if not np.all(np.isfinite(first)):
        raise ConvergenceError("the residuals are not finite")
    def slopes(at: Array) -> Array:
        return problem.jacobian(at, width)

    found = least_squares(
        values, u, jac=slopes, bounds=(low, high), x_scale="jac",
        max_nfev=most, xtol=tolerance, ftol=tolerance, gtol=1e-14,
    )
    return np.asarray(found.x), float(found.cost)


def search(
    problem: Problem, u: Array, *, starts: int, seed: int, budget: float, noise: float,
    tell: Callable[[float], None] | None = None,
) -> Found:
    """Search the whole range for the least sum of squares.

    Parameters
    ----------
    problem : Problem
    u : (P,) array
        The first point: the model's own values.
    starts : int
        Most points from which to go downhill.
    seed : int
        Of the points.
    budget : float
        Seconds.
    noise : float
        Of the data on the residuals' scale: a point that fits them to it ends the search.
    tell : function, optional
        Called with the share of the work that is done.

    Raises
    ------
    ConvergenceError
        The model can be simulated nowhere.
    """
    begin = time.perf_counter()
    clock = _Clock(begin + budget)
    enough = 0.5 * problem.points * (1.3 * noise) ** 2
    minima: list[tuple[float, Array]] = []
    done, complete = 0, True
    try:
        _downhill(problem, u, clock, minima)
        done = 1
        if tell:
            tell(1.0 / (starts + 1))
        if not clock.cost <= enough and clock.best is not None:
            across = _across_jumps(problem, clock.best, np.sqrt(clock.cost / problem.points), clock)
            if across is not None:
                _finish(problem, across, clock, minima)
        if starts > 1 and not clock.cost <= enough:
            candidates = _scattered(problem, u, seed, budget * _SHARE)
            for k, candidate in enumerate(candidates[: starts - 1]):
                _downhill(problem, candidate, clock, minima)
                done += 1
                if tell:
                    tell((k + 2.0) / (starts + 1))
                if clock.cost <= enough:
                    break
    except _OutOfTime:
        complete = False
    if clock.best is None:
        raise ConvergenceError(
            f"{type(problem.device).__name__} could not be simulated anywhere in the ranges of "
            f"{', '.join(problem.free)}: narrow them, or fix some of the parameters"
        )
    best, cost = clock.best, clock.cost
    clock = _Clock(max(begin + budget, time.perf_counter() + 0.2 * budget), best, cost)
    try:  # to the end, from the best
        refine(problem, best, 0.0, clock, most=100, tolerance=1e-10)
        _along_valleys(problem, clock)
    except _OutOfTime:
        complete = False
    if clock.best is not None:
        best, cost = clock.best, clock.cost
    if tell:
        tell(1.0)
    minima.sort(key=lambda one: one[0])
    return Found(
        best, cost, max(done, 1), problem.simulations, time.perf_counter() - begin, complete,
        tuple(minima[:8]),
    )


def _downhill(
    problem: Problem, u: Array, clock: _Clock, minima: list[tuple[float, Array]]
) -> None:
    """Go downhill from u by residuals that are smoothed less and less."""
    try:
        at = _with_starts(problem, u)
        clock.keep(at, problem.cost(at))
        for width in WIDTHS:
            at = refine(problem, at, width, clock, most=20, tolerance=1e-4)[0]
    except (ConvergenceError, ParameterError):
        return
    _finish(problem, at, clock, minima)


def _finish(
    problem: Problem, u: Array, clock: _Clock, minima: list[tuple[float, Array]]
) -> None:
    """Go downhill from u by the residuals at the points."""
    with suppress(ConvergenceError, ParameterError):
        at, cost = refine(problem, u, 0.0, clock, most=60, tolerance=1e-8)
        minima.append((cost, at))


def _along_valleys(problem: Problem, clock: _Clock) -> None:
    """Look further along the least determined directions; the clock keeps what is found."""
    for _ in range(_ROUNDS):
        u, cost = clock.best, clock.cost
        if u is None:
            return
        low, high = problem.bounds
        _, sizes, vectors = np.linalg.svd(problem.jacobian(u), full_matrices=False)
        noise = np.sqrt(2.0 * cost / max(problem.points - problem.count, 1))
        spreads = noise / np.maximum(sizes, 1e-300)
        points = []
        for k in np.flatnonzero(spreads > _VALLEY)[::-1][:_DIRECTIONS]:
            step = min(float(spreads[k]), 1.0)
            points += [u + step * vectors[k], u - step * vectors[k]]
        if points:
            with suppress(ConvergenceError, ParameterError):
                points.append(refine(problem, u, WIDTHS[-1], clock, most=20, tolerance=1e-5)[0])
        across = _across_jumps(problem, u, noise, clock)
        if across is not None:
            points.insert(0, across)
        for point in points:
            with suppress(ConvergenceError, ParameterError):
                refine(problem, np.clip(point, low, high), 0.0, clock, most=40, tolerance=1e-8)
        if not clock.cost < cost * (1.0 - 1e-6):
            return


def _across_jumps(problem: Problem, u: Array, noise: float, clock: _Clock) -> Array | None:
    """Return the best point along the parameters that have next to no slope, or None.

    A threshold at which the device switches within one interval of the data moves no residual
    until the jump passes a point: there are steps, no slope, and only values tell.
    """
    low, high = problem.bounds
    sizes = np.linalg.norm(problem.jacobian(u), axis=0)
    least, best = clock.cost, None
    at = np.array(u)
    for k in np.flatnonzero(noise > _VALLEY * sizes):
        middle = at[k]
        for step in _STEPS:
            clock.check()
            point = np.array(at)
            point[k] = np.clip(middle + step, low[k], high[k])
            cost = problem.cost(point)
            if cost < least * (1.0 - 1e-6):
                least, best = cost, point
                clock.keep(point, cost)
        at = np.array(at if best is None else best)
    return best


def _with_starts(problem: Problem, u: Array) -> Array:
    return problem.first_shares(u) if problem.starts.count else u


def _scattered(problem: Problem, u: Array, seed: int, seconds: float) -> list[Array]:
    """Return points of the range by the smoothed cost there, the best first, none beside another.

    Half of them are anywhere (Sobol's sequence, scrambled), half around the model's own values.
    """
    from scipy.stats import qmc  # noqa: PLC0415 - slow to import

    low, high = problem.bounds
    end = time.perf_counter() + seconds
    sampler = qmc.Sobol(problem.count, seed=seed)
    shares = sampler.random(_SAMPLES)
    costs, points = [], []
    for k, share in enumerate(shares):
        point = low + share * (high - low)
        if k % 2:
            point = np.clip(u + 0.15 * (high - low) * (2.0 * share - 1.0), low, high)
        try:
            point = _with_starts(problem, point)
        except (ConvergenceError, ParameterError):
            continue
        cost = problem.cost(point, WIDTHS[0])
        if np.isfinite(cost):
            costs.append(cost)
            points.append(point)
        if time.perf_counter() > end and k >= 15:
            break
    chosen: list[Array] = []
    for k in np.argsort(costs):
        apart = [np.max(np.abs(points[k] - one) / (high - low)) for one in chosen]
        if not apart or min(apart) > 0.1:
            chosen.append(points[k])
    return chosen
