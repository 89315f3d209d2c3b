"""The lengths of a run's steps: to its corners, after errors, after refusals.

The next step follows from the error of the last one by the elementary controller: an error that
falls with power k + 1 of the step is brought to the tolerance by the factor
``safety (tolerance / error)**(1 / (k + 1))``, within bounds (Hairer, Norsett and Wanner, Solving
Ordinary Differential Equations I, section II.4; Soderlind, ACM Trans. Math. Softw. 29:1, 2003).
Corners, times at which the slope of a source jumps, are met exactly, and no step leaves a sliver
before one.

The loop of a run is ::

    control.begin(first)
    while not control.done:
        try the step from control.t over control.h
        if it cannot be solved:          control.fail(...)
        elif its error is too large:     control.reject(control.shorter(error, order))
        else:
            control.advance()            # control.t is the step's end now
            h = control.longer(error, order)
            if control.follow(h):        # slopes jump here, do not extrapolate over this point
                ...
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from .stall_detection import StallError, StallMonitor, StallRules

__all__ = ["BinaryStepController", "StepControl", "StepController", "StepRules"]

_WHOLE = 0.999  # of the way to a corner: a step as long takes all of it
_LEAST_ERROR = 1e-9  # of the tolerance: less would say nothing of the next step


@dataclass(frozen=True, slots=True)
class StepRules:
    """Constants of an integrator's steps.

    Attributes
    ----------
    safety : float
        Of the step that the error allows: what is taken next.
    growth : float
        The next step is at most so many times the last one.
    shrink : float
        After a refusal for its error a step is at least this share of it.
    after_failure : float
        Share of a step that Newton's iteration failed which is tried next.
    corner_gap, corner_last : float
        The step after a corner is at most these shares of the way to the next corner, and of the
        step before.
    halving : float
        Where fewer than so many steps would reach the corner, a step goes half of the way: equal
        parts rather than a sliver.
    refit : bool
        Whether a step that was shortened is fitted to the corner again.
    """

    safety: float
    growth: float
    shrink: float
    after_failure: float
    corner_gap: float
    corner_last: float
    halving: float
    refit: bool


class StepControl(Protocol):
    """What the loop of a run asks of the control of its steps; `StepController` says it in full.

    Attributes
    ----------
    t, h : float, second
        Where the run is, and the step to try from there.
    corner, longest, shortest : float, second
        The next time that a step must meet; the bounds of all steps.
    done : bool
    steps, rejected, failed, jumps : int
    """

    t: float
    h: float
    corner: float
    longest: float
    shortest: float
    done: bool
    steps: int
    rejected: int
    failed: int
    jumps: int

    @property
    def at_resolution(self) -> bool:
        """Whether the step is as short as steps may be."""

    def begin(self, h: float) -> None:
        """Start at time 0 with a step of at most `h` seconds."""

    def longer(self, error: float, order: int) -> float:
        """Return the step after an accepted one with an error, over its tolerance, of `order`."""

    def shorter(self, error: float, order: int) -> float:
        """Return the step to try after one with an error > 1, over its tolerance, of `order`."""

    def longer_within(self, allowed: float) -> float:
        """Return the step after an accepted one whose error allows `allowed` seconds."""

    def shorter_within(self, allowed: float) -> float:
        """Return the step to try after one whose error allows `allowed` seconds only."""

    def fail(self, reason: str, place: int = -1) -> None:
        """Choose a shorter step: Newton's iteration failed."""

    def reject(self, h: float, reason: str, place: int = -1) -> None:
        """Refuse the step; try `h` seconds instead."""

    def jump(self) -> None:
        """Count a jump: a step at the resolution of time is accepted whatever its error."""

    def advance(self) -> float:
        """Accept the step; return the time at its end."""

    def follow(self, h: float, *, event: float = math.inf, anew: bool = False) -> bool:
        """Choose the next step; return whether the integration begins anew."""


class StepController:
    """Lengths of steps after errors, fitted to corners; see the module's text for its use.

    Parameters
    ----------
    rules : StepRules
    corners : iterable of float, second
        Increasing, all > 0; the last is the run's end. They are asked for one by one.
    stop : float, second
        The run's end.
    longest : float, second
        No step is longer.
    shortest, resolution : float
        The shortest step: `shortest` seconds, or `resolution` times the time reached where that is
        more.
    stall : StallRules
    progress : callable, optional
        Gets the share of the run that is done, after every step.

    Attributes
    ----------
    t, h : float, second
        Where the run is, and the step to try from there.
    corner : float, second
        The next time that a step must meet.
    longest, shortest : float, second
        `longest` may be set between steps; `shortest` is the one at the present time.
    done : bool
        Whether the last corner has been reached.
    steps, rejected, failed, jumps : int
        Steps accepted, refused, failed by Newton's iteration, and those accepted that are `jumps`
        of `StallRules`.

    Examples
    --------
    >>> rules = StepRules(safety=0.9, growth=4.0, shrink=0.2, after_failure=0.25,
    ...                   corner_gap=0.05, corner_last=math.inf, halving=2.0, refit=True)
    >>> control = StepController(rules, [1.0, 4.0], stop=4.0, longest=1.0, shortest=1e-9)
    >>> control.begin(0.8)
    >>> control.h  # 0.8 would leave a short rest
    0.5
    >>> control.reject(control.shorter(error=8.0, order=2), "the error is too large")
    >>> control.h
    0.225
    >>> control.advance()
    0.225
    """

    _rounding = 0.0  # of a step: what is left before a corner by rounding

    def __init__(
        self, rules: StepRules, corners: Iterable[float], *, stop: float, longest: float,
        shortest: float, resolution: float = 0.0, stall: StallRules | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        self.rules, self.progress = rules, progress
        self._corners, self._held = iter(corners), deque[float]()
        first = next(self._corners)
        self._known: float | None = first  # the next of those known from the start
        self.t: float = 0.0
        self.h: float = 0.0
        self.stop: float = stop
        self.corner: float = first
        self.longest, self.shortest = longest, shortest
        self._floor, self._resolution = shortest, resolution
        self._stall = stall or StallRules()
        self._monitor = StallMonitor(self._stall, self.stop)
        self.done = False
        self.steps = self.rejected = self.failed = self.jumps = 0

    def begin(self, h: float) -> None:
        """Start at time 0 with a step of at most `h` seconds."""
        self.h = self._fit_anew(min(h, self.longest))

    # -- after an error --------------------------------------------------------------------------

    def longer(self, error: float, order: int) -> float:
        """Return the step after an accepted one with an error, over its tolerance, of `order`."""
        return self.h * min(self.rules.growth, self._factor(error, order))

    def shorter(self, error: float, order: int) -> float:
        """Return the step to try after one with an error > 1, over its tolerance, of `order`."""
        return self.h * max(self.rules.shrink, self._factor(error, order))

    def _factor(self, error: float, order: int) -> float:
        factor: float = self.rules.safety * max(error, _LEAST_ERROR) ** (-1.0 / (order + 1.0))
        return factor

    def longer_within(self, allowed: float) -> float:
        """Return the step after an accepted one whose error allows `allowed` seconds.

        For errors of several tolerances, which fall with different powers of the step.
        """
        return min(self.rules.safety * allowed, self.rules.growth * self.h)

    def shorter_within(self, allowed: float) -> float:
        """Return the step to try after one whose error allows `allowed` seconds only."""
        return max(allowed, self.rules.shrink * self.h)

    # -- what becomes of a step ------------------------------------------------------------------

    def fail(self, reason: str, place: int = -1) -> None:
        """Choose a shorter step: Newton's iteration failed.

        Parameters
        ----------
        reason : str
            For the message should the run stall.
        place : int
            The unknown to blame, or -1.

        Raises
        ------
        StallError
            Steps are too short, failures too many, or the run creeps.
        """
        self.failed += 1
        if self.failed > self._stall.failures:
            raise StallError(self.t, reason, place)
        self._retry(self.rules.after_failure * self.h, reason, place, failed=True)

    def reject(self, h: float, reason: str, place: int = -1) -> None:
        """Refuse the step; try `h` seconds instead.

        Raises
        ------
        StallError
            Steps are too short, or the run creeps.
        """
        self.rejected += 1
        self._retry(h, reason, place, failed=False)

    def _retry(self, h: float, reason: str, place: int, *, failed: bool) -> None:
        self._monitor.refused(place)
        self._monitor.tried(self.t)
        if h < self.shortest:
            if failed or not self._stall.jumps:
                raise StallError(self.t, reason, place)
            h = self.shortest
        self.h = self._fit(min(h, self.longest)) if self.rules.refit else h

    @property
    def at_resolution(self) -> bool:
        """Whether the step is as short as steps may be, so that it is taken whatever its error."""
        return self._stall.jumps > 0.0 and self.h <= self.shortest

    def jump(self) -> None:
        """Count a jump: a step at the resolution of time is accepted whatever its error.

        Raises
        ------
        StallError
            There have been too many.
        """
        self.jumps += 1
        if self.jumps > self._stall.jumps:
            raise StallError(self.t, "too many switchings too fast to be followed")

    def advance(self) -> float:
        """Accept the step; return the time at its end.

        Raises
        ------
        StallError
            The run creeps.
        """
        self._monitor.tried(self.t)
        h, corner = self.h, self.corner
        end = self.t + h
        if h >= corner - self.t or abs(end - corner) <= max(self.shortest, self._rounding * h):
            end = corner
        self.t = end
        self.steps += 1
        if self._resolution:
            self.shortest = max(self._floor, self._resolution * end)
        return end

    def follow(self, h: float, *, event: float = math.inf, anew: bool = False) -> bool:
        """Choose the next step; return whether the integration begins anew.

        Parameters
        ----------
        h : float, second
            At most; what the error of the step before allows.
        event : float, second
            A corner that has shown only now; `inf`: none.
        anew : bool
            Whether something jumped at this point.
        """
        t, last, corner, rules = self.t, self.h, self.corner, self.rules
        if self.progress is not None:
            self.progress(t / self.stop)
        h = min(h, self.longest)
        met = t >= corner
        if met and self._known is not None and corner >= self._known:
            self._known = self._following()
            self._monitor.met()
        if self._known is None:
            self.done = True
            return True
        target = self._known
        if t + self.shortest < event < target - self.shortest:
            target = event
        self.corner = target
        if met:
            h = min(h, rules.corner_gap * (target - t), rules.corner_last * last)
        elif target != corner:
            anew = False
        elif anew:
            h = min(h, rules.corner_last * last)
        else:
            self.h = self._fit(h)
            return False
        self.h = self._fit_anew(h)
        return met or anew

    # -- steps that are taken elsewhere ----------------------------------------------------------

    def _following(self) -> float | None:
        return self._held.popleft() if self._held else next(self._corners, None)

    def ahead(self, most: int) -> tuple[list[float], bool]:
        """Return the next corner and up to `most` after it, and whether the run's end is there."""
        if len(self._held) <= most:
            self._held.extend(itertools.islice(self._corners, most + 1 - len(self._held)))
        known = [] if self._known is None else [self._known]
        found = [*known, *itertools.islice(self._held, most)]
        return found, len(self._held) <= most

    @property
    def floors(self) -> tuple[float, float]:
        """The shortest step: in seconds, and as a share of the time reached."""
        return self._floor, self._resolution

    def moved(
        self, t: float, h: float, *, shortest: float, steps: int, rejected: int, corners: int,
        corner: float, done: bool,
    ) -> None:
        """Take note of steps taken elsewhere by these rules, past so many corners, to the next."""
        self.t, self.h, self.shortest = t, h, shortest
        self.steps += steps
        self.rejected += rejected
        for _ in range(corners):
            self._known = self._following()
        if self._known is not None:
            self.corner = corner
        self.done = done

    def count(self, time: float, tried: int, refused: int, met: int) -> None:
        """Watch the pace of steps that are taken elsewhere.

        Raises
        ------
        StallError
            The run creeps.
        """
        self._monitor.count(time, tried, refused, met)

    @property
    def window(self) -> int:
        """Steps tried between two looks at the pace; 0: none."""
        return self._stall.window

    # -- fitted to the corner --------------------------------------------------------------------

    def _fit(self, h: float) -> float:
        """Return a step of at most `h` or little more that meets the corner or leaves no sliver."""
        gap = self.corner - self.t
        if h >= _WHOLE * gap:
            return gap
        return 0.5 * gap if self.rules.halving * h > gap else h

    def _fit_anew(self, h: float) -> float:
        """Return the first step towards a corner."""
        return self._fit(h)


class BinaryStepController(StepController):
    """Steps that are the way to the corner over powers of 2.

    They repeat, so that the factors of a linear circuit's matrix, which depend on the step, are
    known most of the time.
    """

    _rounding = 1e-9  # the steps to a corner are added up one by one

    def shorter_within(self, allowed: float) -> float:
        """Return the step to try after one whose error allows `allowed` seconds only."""
        h = self.h
        while h > allowed:
            h *= 0.5
        return h

    def _fit(self, h: float) -> float:
        last, gap, rounded = self.h, self.corner - self.t, 1.0 + self._rounding
        turns = round(gap / last)
        while 2.0 * last <= h * rounded and turns % 2 == 0:
            last, turns = 2.0 * last, turns // 2
        while last > h * rounded:
            last *= 0.5
        return last if last <= gap * rounded else gap

    def _fit_anew(self, h: float) -> float:
        gap = self.corner - self.t
        return math.ldexp(gap, -max(0, math.ceil(math.log2(gap / h) - 1e-9)))
