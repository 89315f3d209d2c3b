"""What a fit found, how sure it is, and what it cannot know: everything but pictures and files."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from ...core.errors import ParameterError
from ...core.settings import checks_arguments, closest
from ...core.validation import Array, choice, number
from ...core.validation import count as count_of
from ..base import Device
from .determination import Determination, Measurement, WeakDirection, advise, quantile
from .least_squares.problem import Problem
from .least_squares.residuals import noises_of
from .least_squares.search import Found
from .least_squares.simulation import Run
from .profile import Profile, profile

__all__ = ["Fitted"]

_REACH = 3.0  # of a profile, in half widths of the linearised interval
_NOTHING = 14.0  # e-folds: factors of a million to both sides
_FARTHEST = 4.0  # e-folds, of parameters that are not determined


class Fitted:
    """The numbers of a fit, with the attributes of `Fit`, which adds words, pictures, files."""

    def __init__(
        self, problem: Problem, found: Found, noise: float, given: bool,
        determination: Determination,
    ) -> None:
        self._problem, self._found, self._given = problem, found, given
        self._determination = determination
        self.noise = noise

    def __repr__(self) -> str:
        return f"<Fit of {type(self.device).__name__} to {self._problem.points} points>"

    @property
    def problem(self) -> Problem:
        """The residuals that were minimised."""
        return self._problem

    @property
    def search(self) -> Found:
        """How the minimum was found."""
        return self._found

    @property
    def determination(self) -> Determination:
        """Jacobian and covariance of the search's coordinates."""
        return self._determination

    @cached_property
    def device(self) -> Device:
        """The model with the fitted parameters."""
        return self._problem.device_at(self._found.u)

    @cached_property
    def values(self) -> dict[str, float]:
        """Fitted values by name."""
        u, axes = self._found.u, self._problem.axes
        every = [axis.value(float(x)) for axis, x in zip(axes, u, strict=False)]
        every += [float(x) for x in u[len(axes):]]
        return dict(zip(self._problem.names, every, strict=True))

    @cached_property
    def _runs(self) -> list[Run]:
        return self._problem.runs(self._found.u, slopes=False)

    @property
    def currents(self) -> tuple[Array, ...]:
        """Simulated currents of the sweeps, (T,) each, ampere."""
        return tuple(run.current for run in self._runs)

    @property
    def states(self) -> tuple[Array, ...]:
        """Simulated states of the sweeps, (S, T) each, in the model's units."""
        return tuple(run.states for run in self._runs)

    @cached_property
    def residuals(self) -> tuple[Array, ...]:
        """Of each sweep, (T,), on the scale of the fit, NaN where a point is left out."""
        scale = self._problem.scale
        found = []
        for k, run in enumerate(self._runs):
            r = (scale.value(run.current) - self._problem.goal[k]) * scale.weights[k]
            found.append(np.where(self._problem.used[k], r, np.nan))
        return tuple(found)

    def starts_of(self, sweep: int) -> float | None:
        """Return the fitted start of a sweep, a share of the state's range; None: not fitted."""
        column = self._problem.starts.columns[sweep]
        return None if column < 0 else float(self._found.u[len(self._problem.axes) + column])

    @property
    def points(self) -> int:
        """Number of points that were fitted."""
        return self._problem.points

    @property
    def rms(self) -> float:
        """Root mean square of the residuals: 0.02 is 2 % of the current above the floor."""
        return math.sqrt(2.0 * self._found.cost / self._problem.points)

    @property
    def chi_square(self) -> float:
        """Sum of the squared residuals over noise^2 and the degrees of freedom; about 1 is noise.

        Infinite where the data show no noise.
        """
        free = max(self._problem.points - self._problem.count, 1)
        if self.noise <= 0:
            return math.inf
        return 2.0 * self._found.cost / (self.noise**2 * free)

    @property
    def lag(self) -> float:
        """Correlation of residuals with those beside them: 0 for noise, 1 for a wrong model."""
        return self._determination.lag

    @property
    def describes(self) -> bool:
        """Whether the residuals are noise: of its size, or at least without any order."""
        if self.rms < 1e-4:  # closer than any measurement
            return True
        chi = self.chi_square
        if not self._given and self.noise > 0:
            squares = [
                (r / n)[~np.isnan(r)] ** 2 for r, n in zip(self.residuals, noises_of(
                    self._problem.sweeps, self._problem.scale, self.noise), strict=True)]
            free = max(self._problem.points - self._problem.count, 1)
            chi = min(chi, float(sum(s.sum() for s in squares)) / free)
        return chi < 2.0 or (self.lag < 0.25 and chi < 6.0)

    @property
    def complete(self) -> bool:
        """Whether the search ended by itself."""
        return self._found.complete

    @property
    def undetermined(self) -> tuple[str, ...]:
        """Names of parameters that the data do not determine."""
        return self._determination.loose

    @property
    def weak(self) -> tuple[WeakDirection, ...]:
        """Directions along which parameters move together unseen."""
        return self._determination.weak

    @cached_property
    def advice(self) -> Measurement | None:
        """The measurement that would determine most of what is not; None where nothing is loose."""
        return advise(self._problem, self._found.u, self._determination)

    @property
    def covariance(self) -> Array:
        """Covariance of `values`, in their units, linearised: (P, P)."""
        chain = self._problem.chain(self._found.u)
        with np.errstate(invalid="ignore"):
            found = self._determination.covariance * np.outer(chain, chain)
        return np.where(np.isnan(found), 0.0, found)

    @property
    def correlation(self) -> Array:
        """Correlation of the fitted parameters and starts, (P, P)."""
        covariance = self._determination.covariance
        size = np.sqrt(np.diag(covariance))
        with np.errstate(invalid="ignore", divide="ignore"):
            found = covariance / np.outer(size, size)
        found[~np.isfinite(found)] = 0.0
        np.fill_diagonal(found, 1.0)
        return np.clip(found, -1.0, 1.0)

    @checks_arguments
    def intervals(
        self, level: float = 0.95, method: str = "linear"
    ) -> dict[str, tuple[float, float]]:
        """Return confidence intervals of the fitted parameters.

        Parameters
        ----------
        level : float
            Between 0 and 1.
        method : {"linear", "profile"}
            Linearised at the minimum, by Student's quantile, on the scale of the search: of a
            parameter that is searched by its logarithm the ends are factors. Or where the
            sum of squares, all other parameters fitted again, rises by its square ("profile"): the
            way for intervals that are wide or parameters that move together. Ends beyond the
            range, or beyond three linearised half widths, are infinite there.

        Raises
        ------
        ParameterError
        """
        number("level", level, low=0.5, high=0.9999)
        choice("method", method, ("linear", "profile"))
        names = self._problem.names[: len(self._problem.axes)]
        if method == "profile":
            return {name: self.profile(name, level=level).interval for name in names}
        t = quantile(self.points, self._problem.count, level)
        found = {}
        for k, axis in enumerate(self._problem.axes):
            spread = t * math.sqrt(float(self._determination.covariance[k, k]))
            u = float(self._found.u[k])
            if axis.scale == "linear":
                ends = [(u - spread) * axis.unit, (u + spread) * axis.unit]
            elif spread > _NOTHING:
                ends = sorted((axis.sign * 0.0, axis.sign * math.inf))
            else:
                value = axis.value(u)
                ends = sorted((value * math.exp(-spread), value * math.exp(spread)))
            found[axis.name] = (float(ends[0]), float(ends[1]))
        return found

    @checks_arguments
    def profile(
        self, of: str | int, *, points: int = 6, reach: float | None = None, level: float = 0.95
    ) -> Profile:
        """Return the least sum of squares while a parameter, or a weak direction, is held.

        Parameters
        ----------
        of : str or int
            A fitted parameter, or the place of a direction in `weak`.
        points : int
            Held values to each side of the minimum.
        reach : float, optional
            How far to each side, in u: of ln|value|, or of the value over the largest of its range.
            Default: 3 half widths of the linearised interval, at most 4.
        level : float
            Of the interval.

        Raises
        ------
        ParameterError
            No such parameter or direction.
        """
        count_of("points", points)
        number("level", level, low=0.5, high=0.9999)
        names, variance = self._problem.names, self._determination.variance
        direction = np.zeros(len(names))
        if isinstance(of, str):
            if of not in names:
                raise ParameterError(f"no `{of}` was fitted{closest(of, names)}")
            k = names.index(of)
            direction[k] = 1.0
            spread = math.sqrt(float(self._determination.covariance[k, k]))
            title = of
        else:
            if not 0 <= of < len(self.weak):
                raise ParameterError(f"`of` = {of}: there are {len(self.weak)} weak directions")
            direction[:] = [self.weak[of].move[name] for name in names]
            spread, title = self.weak[of].spread, f"weak direction {of}"
        t = quantile(self.points, self._problem.count, level)
        far = min(_REACH * t * spread, _FARTHEST) if reach is None else number(
            "reach", reach, low=0.0, open_low=True)
        return profile(
            self._problem, self._found.u, direction, far, points, variance, title, level
        )
