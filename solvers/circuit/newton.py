"""Newton's iteration on a compiled circuit."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import ConvergenceError
from ...core.validation import Array
from .kernels_newton import CONVERGED, NO_PIVOT, OVERFLOW, STEPPED, newton_step
from .linear_solvers.klu import new_factors, uses_klu
from .linear_solvers.lu import Factors, SingularMatrixError
from .linear_solvers.schur_complement import Condensed
from .linear_solvers.stale_factors import StaleFactors
from .system.element_group import Instant
from .system.kernels_assembly import advance, largest_miss, miss_beyond_rounding, missing
from .system.system import System
from .system.tolerances import Tolerances

__all__ = ["Newton", "Outcome"]

_HALVINGS = 30
_ROUNDING, _TINY = 1e-15, 1e-300
_step: Any = newton_step


@dataclass(frozen=True, eq=False)
class Outcome:
    """Where an iteration ended.

    Attributes
    ----------
    x : (n + 1,)
    converged : bool
    iterations : int
        Linear solves.
    worst : int
        The unknown that changed most in terms of its tolerance in the last step, or -1.
    reason : str
        Empty where converged.
    """

    x: Array
    converged: bool
    iterations: int
    worst: int = -1
    reason: str = ""


class Newton:
    """Newton's iteration with SPICE's limiting.

    Done when the last change of every unknown is below ``reltol |x| + tolerance``, no element is
    limited, and, which SPICE does not ask, what is missing in every row of Kirchhoff's law is
    below ``reltol`` times its largest term (one element's current, or charge over the time step)
    plus ``abstol``.

    Parameters
    ----------
    system : System
    tolerances : Tolerances
    """

    PATIENCE = 6  # steps after which one asks whether x is as good as rounding lets it be

    def __init__(self, system: System, tolerances: Tolerances | None = None) -> None:
        self.system = system
        self.tolerances = tolerances or system.tolerances
        self.factors = new_factors(
            system.options, system.indptr, system.indices, constant=system.linear,
            stage=None if system.linear else system.stages(),
        )
        self._factored = 0
        self._known: OrderedDict[float, Factors] = OrderedDict()
        self._step_floor = self.tolerances.of_unknowns(system.units)
        self._row_floor = self.tolerances.of_unknowns(system.row_units)
        self._before: float | None = None
        self._condensed: Condensed | None = None
        self._prepared = False
        self._recycled: StaleFactors | None = None
        direct = uses_klu(system.options)  # every matrix, as a whole
        self._tried = system.linear or direct
        self._by: Condensed | StaleFactors | None = None
        if not system.linear and not direct:
            fixed = system.fixed_entries()
            pattern = Condensed(system.indptr, system.indices, fixed)
            if Condensed.pays(system.size, len(pattern.outer)):
                self._condensed = pattern
        self._most = 40 if system.size < 20_000 else 6
        self.iterations = 0
        self._last = np.zeros(system.size + 1)
        self._r, self._nothing, self._step, self._terms, self._held = (
            np.zeros(system.size + 1) for _ in range(5)
        )

    @property
    def factored(self) -> int:
        """Factorisations so far."""
        return self._factored + (0 if self._recycled is None else self._recycled.factors.count)

    @property
    def direct(self) -> bool:
        """Whether steps are by our own factors of the whole matrix."""
        return self._condensed is None and self._recycled is None and not uses_klu(
            self.system.options
        )

    @property
    def floors(self) -> tuple[Array, Array]:
        """The absolute tolerances of rows and of unknowns, (n,) each."""
        return self._row_floor, self._step_floor

    def resume(self, iterations: int, factored: int) -> None:
        """Take note of steps that were taken elsewhere, in these factors."""
        self.iterations += iterations
        self._factored += factored
        self._before = None
        self._known.clear()

    def forget(self) -> None:
        """Have the matrix factored anew: constant entries have changed."""
        self._known.clear()

    def solve(
        self, x: Array, now: Instant, *, a: float = 0.0, offset: Array | None = None,
        limit: int = 100,
    ) -> Outcome:
        """Solve f + a q + offset = 0 from the guess x (n + 1,).

        On return the system holds f and q of the solution.
        """
        try:
            return self._iterate(x, now, a, offset, limit)
        except ConvergenceError as error:  # of an element that is solved by itself
            return Outcome(x, False, 0, -1, str(error))

    def _iterate(
        self, x: Array, now: Instant, a: float, offset: Array | None, limit: int
    ) -> Outcome:
        system, reltol = self.system, self.tolerances.reltol
        offset = self._nothing if offset is None else offset
        x, other = x.copy(), np.empty_like(x)
        change, worst, reason = np.inf, -1, ""
        fused = self._fused(offset)
        for count in range(limit + 1):
            settled = count > 0 and change <= 1.0
            exact = not settled and count in (self.PATIENCE, limit)
            if 0 < count == limit // 2:  # steps of pivots that are small by now may lead nowhere
                self.factors.renew()
            pivots = self._pivots(a) if fused is not None and not exact else None
            if fused is not None and pivots is not None:
                system.fill(x, now)
                if now.initialise:
                    now = now.but(initialise=False)
                done, moved, place = _step(
                    *fused, a, settled and not system.limited(), count == limit, x, other, *pivots
                )
            else:
                system.evaluate(x, now)
                if now.initialise:
                    now = now.but(initialise=False)
                done = self._check(
                    x, a, offset, count, limit, settled=settled or exact, exact=exact
                )
            if done == CONVERGED:
                return Outcome(x, True, count)
            if count == limit:
                reason = f"not settled after {limit} steps"
                break
            if done == OVERFLOW:
                back = self._back(x, now, a, offset, count)
                if back is None:
                    bad = int(np.argmin(np.isfinite(self._r)))
                    return Outcome(x, False, count, bad, "the equations overflow")
                x = back
                continue
            if done == STEPPED:
                change, worst, self._last = moved, place, self._step
                self._factored += 1
                self._before = a
            else:
                try:
                    self._solve(a, x)
                except SingularMatrixError as error:
                    return Outcome(x, False, count, error.column, "the matrix is singular")
                change, worst = advance(x, self._last, reltol, self._step_floor, other)
            x, other = other, x
            self.iterations += 1
        return Outcome(x, False, limit, worst, reason)

    def _fused(self, offset: Array) -> Any:
        """Return what a step in one call needs, where the whole matrix is factored every time."""
        if self.system.linear or self.system.leaking:
            return None
        return (
            *self.system.parts(), self.tolerances.reltol, self._row_floor, self._step_floor, offset,
            self._r, self._terms, self._held, self._step,
        )

    def _pivots(self, a: float) -> Any:
        """Return the pivots along which to factor again, where that is to be done."""
        if self._condensed is not None or self._recycled is not None or (
            not self._tried and StaleFactors.promising(self.factors)
        ):
            return None
        since = 0 if self._before is None else 2 if self._before == a else 1
        return self.factors.pivots(since)

    def _check(
        self, x: Array, a: float, offset: Array, count: int, limit: int, *, settled: bool,
        exact: bool = False,
    ) -> int:
        """Return whether x is the solution, or that a step is needed, and fill the residual.

        With `exact` only rounding may be missing: where unknowns are differences of large numbers
        (coupled inductors, short steps) no step is as small as their tolerance.
        """
        system, r = self.system, self._r
        if count and system.constant:  # exact but for rounding
            return CONVERGED
        finite = missing(system.f, system.q, a, offset, r)
        if settled and not system.limited():
            against = (
                r, system.terms(x, a), system.q, a, offset,
                _ROUNDING if exact else self.tolerances.reltol,
                np.full_like(self._row_floor, _TINY) if exact else self._row_floor,
            )
            miss, _ = largest_miss(*against)
            if miss > 1.0 and finite:
                miss = miss_beyond_rounding(
                    *against, system.indptr, system.indices, system.jacobian(a), x, self._held
                )
            if miss <= 1.0:
                return CONVERGED
        if count < limit and not finite:
            return OVERFLOW
        return NO_PIVOT

    def _solve(self, a: float, x: Array) -> None:
        """Find Newton's step at x."""
        self._factor(a)
        if self._by is None:
            self._last = self.factors.solve(self._r)
        else:
            self._last = self._by.solve(self._r, x, self.tolerances.reltol, self._step_floor)

    def _factor(self, a: float) -> None:
        """Factor G + a C; where both are constant the factors of some a are kept."""
        system = self.system
        self._by = None
        if not system.constant:
            self._known.clear()
            values = system.jacobian(a)
            if not self._reuse_parts(values):
                # the last matrix, if it had no leaks, differs in some columns only
                since = 0
                if not system.leaking and self._before is not None:
                    since = 2 if self._before == a else 1
                self._before = None
                self._factored += 1
                self.factors.factor(values, since)
                self._before = None if system.leaking else a
            return
        key = float(f"{a:.11e}")
        if key in self._known:
            self._known.move_to_end(key)
            self.factors = self._known[key]
            return
        while len(self._known) >= self._most:
            self._known.popitem(last=False)
        self.factors = new_factors(
            system.options, system.indptr, system.indices, constant=True, like=self.factors
        )
        self._factored += 1
        self.factors.factor(system.jacobian(a))
        self._known[key] = self.factors

    def _reuse_parts(self, values: Array) -> bool:
        """Prepare steps by less than a factorisation of the whole matrix, if that is possible."""
        if self._condensed is not None and not self.system.leaking:
            if self._prepared or self._condensed.prepare(values):
                self._prepared = True
                if not self._condensed.factor(values):
                    raise SingularMatrixError(-1)
                self._factored += 1
                self._by = self._condensed
                return True
            self._condensed = None
        if not self._tried and self._condensed is None and self.factors.work > 0.0:
            self._tried = True
            self._recycled = StaleFactors.of(self.factors, values)
        if self._recycled is not None and self._recycled.factor(values):
            self._by, self._before = self._recycled, None
            return True
        return False

    def _back(
        self, x: Array, now: Instant, a: float, offset: Array, count: int
    ) -> Array | None:
        """Return a point on the way back where the equations are finite, or None."""
        step = self._last.copy()
        if not (count and np.isfinite(step).all()):
            return None
        for _ in range(_HALVINGS):
            step *= 0.5
            x = x + step
            try:
                self.system.evaluate(x, now)
            except ConvergenceError:
                continue
            if missing(self.system.f, self.system.q, a, offset, self._r):
                self._last = step
                return x
        return None

    def unsettled(self, x: Array, count: int = 5) -> list[int]:
        """Return the unknowns that moved most in the last step, those that settled excepted."""
        step = np.abs(self._last)[:-1]
        share = step / (self.tolerances.reltol * np.abs(x[:-1]) + self._step_floor)
        order = np.argsort(-np.nan_to_num(share, nan=np.inf))[:count]
        return [int(k) for k in order if not share[k] <= 1.0]

    def residual(self, x: Array, now: Instant) -> float:
        """Return the largest violation of a row over its largest term, at an operating point."""
        self.system.evaluate(x, now)
        terms = np.maximum(self.system.terms(x), 1e-300)
        for group in self.system.groups:
            np.maximum.at(terms, *group.terms_inside(x))
        terms = terms[:-1]
        miss = np.abs(self.system.f[:-1])
        relevant = miss > 1e-25
        return float((miss / terms)[relevant].max()) if relevant.any() else 0.0
