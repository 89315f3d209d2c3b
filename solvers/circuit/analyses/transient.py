"""Transients of circuits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ....core.errors import ConvergenceError, ParameterError
from ....core.validation import Array
from ....netlists.analyses import Tran
from ....netlists.circuit import Circuit
from ..homotopy import find
from ..integration.bdf import Bdf
from ..integration.formulas import History, StepTolerances
from ..integration.stall_detection import Pace
from ..newton import Newton
from ..results.names import Names
from ..results.record import Record
from ..results.results import Transient
from ..system.element_group import Bools, Group, Instant
from ..system.system import System
from .op import hints, prepare

__all__ = ["transient"]

_SAFETY = 0.95
_STATE = 0.02  # states of memristors run away: their error counts for more
_GRID = 300  # unknowns above which linear circuits keep to steps whose factors are known
_WATCHED = ("refuse", "corner", "next_breakpoint", "accept", "rewind", "abrupt", "begin", "formula",
            "allowed")


def transient(
    circuit: Circuit, analysis: Tran, *, save: Sequence[str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Transient:
    """Integrate `circuit` as `analysis` asks.

    Parameters
    ----------
    circuit : Circuit
    analysis : Tran
    save : sequence of str, optional
        Names such as ``"v(out)"`` to keep; default: all nodes and branch currents.
    progress : callable, optional
        Gets the share that is done.

    Raises
    ------
    ConvergenceError
        Says when, and which nodes and elements did not settle.
    """
    system = prepare(circuit, uic=analysis.uic, save=save)
    return _Run(system, analysis, save, progress).go()


class _Run:
    def __init__(
        self, system: System, analysis: Tran, save: Sequence[str] | None,
        progress: Callable[[float], None] | None,
    ) -> None:
        self.system, self.analysis, self.progress = system, analysis, progress
        self.newton = Newton(system)
        tol = system.tolerances
        self.tol = tol
        self.now = system.instant(mode="tran", waves=True)
        self.names = Names(system.circuit, system.nodes, system.branches, system.shown)
        self.record = Record(self.names, save, analysis.start)
        charged = _charged(system)
        states = system.row_units == "state"
        self.errors = StepTolerances(
            np.flatnonzero(charged[:-1]), np.full(system.size, tol.abstol),
            np.where(states, 1.0, tol.chgtol), np.where(states, _STATE, 1.0), tol.reltol,
            tol.trtol,
        )
        span = analysis.stop - analysis.start
        limit = analysis.max_step or min(analysis.step, span / 50.0)
        self.max_step = min([limit, *(g.max_step() for g in system.groups)])
        self.min_step = tol.delmin or 1e-11 * self.max_step
        self.grid = system.linear and system.size > _GRID
        self.watched = {
            name: [g for g in system.groups if getattr(type(g), name) is not getattr(Group, name)]
            for name in _WATCHED
        }
        most = {"euler": 1, "trap": 2}.get(tol.method, 6)
        if self.watched["formula"]:
            most = min(most, 2)
            if tol.xmu < 0.5:
                raise ParameterError("option `xmu`: crossbars as elements integrate without it")
        self.order_limit = min(tol.maxord, most)
        self.rejected = self.failed = 0

    # -- the start -------------------------------------------------------------------------------

    def _start(self) -> tuple[Array, Array]:
        """Return unknowns and charges at time 0."""
        system = self.system
        held = {
            self.names.node(n): v for n, v in system.circuit.initial.items()
            if self.names.node(n) >= 0
        }
        if any(k >= system.size for k in held):
            raise ParameterError("`.ic` cannot hold nodes inside of a crossbar")
        x = np.zeros(system.size + 1)
        first = self.now.but(mode="dc")
        if not self.analysis.uic:
            try:
                x = find(self.newton, x, first, held=held, hints=hints(system)).x
            except ConvergenceError as error:
                raise ConvergenceError(
                    f"{error}; a transient of a circuit that has none, such as a relaxation "
                    "oscillator, begins with `uic`", error.partial,
                ) from error
            system.set_leak(0.0)
            self.newton.forget()
            system.evaluate(x, first)
            return x, system.q.copy()
        return self._initial(x, held)

    def _initial(self, x: Array, held: dict[int, float]) -> tuple[Array, Array]:
        """Return the point at which all charges and fluxes have their initial values.

        Elements' own ``ic=`` come before ``.ic``, other charges are 0; the voltages are those of
        the circuit an instant later.
        """
        system = self.system
        system.start()
        for index, volt in held.items():
            x[index] = volt
        extra = np.zeros(system.size + 1)
        for group in system.groups:
            rows, charge = group.initial(x)
            np.add.at(extra, rows, charge)
        system.evaluate(x, self.now.but(limit=False))
        q = system.q + extra
        q[-1] = 0.0
        self._begin()
        # currents into charges within a very short instant may be too large to settle
        for instant in (self.min_step, 1e3 * self.min_step, 1e6 * self.min_step):
            for group in self.watched["formula"]:
                group.formula(instant, 1)
            found = self.newton.solve(
                x, self.now, a=1.0 / instant, offset=q * (-1.0 / instant), limit=self.tol.itl1
            )
            if found.converged:
                break
            self._rewind()
        else:
            raise self._failure(0.0, found.reason, found.worst)
        system.accept(found.x, self.now)
        return found.x, q

    def _begin(self) -> None:
        for group in self.watched["begin"]:
            group.begin(self.tol.method, self.max_step, uic=self.analysis.uic)

    # -- steps -----------------------------------------------------------------------------------

    def go(self) -> Transient:
        system, analysis = self.system, self.analysis
        x, q = self._start()
        system.accept(x, self.now)
        high = self.order_limit > 2
        self.history = Bdf(0.0, x, q, self.max_step) if high else History(
            self.tol.method, 0.0, x, q, self.max_step, self.tol.xmu
        )
        self._begin()
        self.record.keep(0.0, system.whole(x))
        corners = _corners(
            system.groups, analysis.stop, self.tol.minbreak or 10.0 * self.min_step
        )
        step = min(analysis.stop / 100.0, analysis.step, self.max_step) / 10.0
        t, order, at, saved = 0.0, 1, 0, step
        end = float(corners[at])
        h = self._fit(min(step, 0.1 * end) if len(corners) > 1 else step, t, end, fresh=True)
        pace = Pace(analysis.stop)
        while t < analysis.stop:
            trial, new = self._step(t, h, order)
            if trial is None:
                pace.refused(self._trouble[1])
            if slow := pace.creeps(t):
                raise self._failure(t, slow, pace.place if pace.place >= 0 else self._roughest())
            if trial is None:
                # after a failure of Newton's iteration, and where a rate jumped
                order = 1 if new in (h, h / 8.0) else order
                h = new
                if h < self.min_step:
                    raise self._failure(t, *self._trouble)
                continue
            used = order
            limit = self._accept(t + h, h, trial, order)
            order = limit[1]
            t = end if abs(t + h - end) <= self.min_step else t + h
            self.history.times[0] = t
            self.record.keep(t, system.whole(trial), used)
            if self.progress is not None:
                self.progress(t / analysis.stop)
            saved, following = h, min(limit[0], self.max_step)
            extra = min(
                (g.next_breakpoint(t) for g in self.watched["next_breakpoint"]), default=math.inf
            )
            met = t >= end
            if met and end >= corners[at]:
                at += 1
                if at >= len(corners):
                    break
            before, end = end, float(corners[at])
            if t + self.min_step < extra < end - self.min_step:
                end = extra
            if met:
                self._corner(t)
                order = 1
                h = self._fit(min(following, 0.1 * min(saved, end - t)), t, end, fresh=True)
                continue
            if end != before:
                h = self._fit(following, t, end, fresh=True)
                continue
            if any(g.jumped for g in self.watched["accept"]):
                self._corner(t)
                order = 1
                h = self._fit(min(following, 0.1 * h), t, end, fresh=True)
                continue
            h = self._fit(following, t, end, last=h)
        return self._result()

    def _step(self, t: float, h: float, order: int) -> tuple[Array | None, float]:
        """Try a step; return the unknowns, or None and the step to try instead."""
        system, history = self.system, self.history
        now = self._at = Instant(
            t + h, self.now.temperature, self.now.gmin, 1.0, "tran", waves=True
        )
        formula = history.formula(h, order)
        for group in self.watched["formula"]:
            group.formula(h, order)
        guess = history.predict(h, order)
        found = self.newton.solve(
            guess, now, a=formula.a, offset=formula.offset, limit=self.tol.itl4
        )
        if not found.converged:
            self.failed += 1
            self._trouble = (found.reason, found.worst)
            self._rewind()
            return None, h / 8.0
        if order > 1 and any(g.abrupt(found.x) for g in self.watched["abrupt"]):
            self.rejected += 1
            self._trouble = ("a rate jumps", -1)
            self._rewind()
            return None, h
        self._rate = formula.a * system.q + formula.offset
        self._allowed = self._within(h, order)
        if self._allowed <= 0.9 * h:
            self.rejected += 1
            self._trouble = ("the error of a step stays too large", -1)
            self._rewind()
            return None, self._shorter(h, self._allowed)
        for group in self.watched["refuse"]:
            until = group.refuse(found.x, now)
            if t + self.min_step < until < t + h - self.min_step:
                self.rejected += 1
                self._trouble = ("an event cannot be met", -1)
                self._rewind()
                return None, until - t
        return found.x, h

    def _within(self, h: float, order: int) -> float:
        """Return the step that the errors of all charges allow."""
        found = self.history.allowed(h, order, self.system.q, self._rate, self.errors)
        return min([found, *(g.allowed(h, order) for g in self.watched["allowed"])])

    def _shorter(self, h: float, allowed: float) -> float:
        if not self.grid:
            return max(allowed, 0.02 * h)
        while h > allowed:
            h *= 0.5
        return h

    def _accept(self, t: float, h: float, x: Array, order: int) -> tuple[float, int]:
        """Keep the point; return the step that its error allows, and the next order."""
        system, history = self.system, self.history
        allowed = min(_SAFETY * self._allowed, 2.0 * h)
        if order == 1 and self.order_limit > 1:
            second = min(_SAFETY * self._within(h, 2), 2.0 * h)
            if second > 1.05 * h:
                order, allowed = 2, second
        elif isinstance(history, Bdf):
            for other in (order - 1, order + 1):
                if 2 <= other <= self.order_limit and history.may(other):
                    step = min(_SAFETY * self._within(h, other), 2.0 * h)
                    if step > 1.05 * allowed:
                        order, allowed = other, step
        for group in self.watched["accept"]:
            group.accept(x, self._at)
        history.push(t, x, system.q, self._rate)
        return allowed, order

    def _corner(self, t: float) -> None:
        self.history.corner()
        for group in self.watched["corner"]:
            group.corner(t)

    def _rewind(self) -> None:
        self.system.touch()
        for group in self.watched["rewind"]:
            group.rewind()

    def _fit(
        self, h: float, t: float, end: float, *, fresh: bool = False, last: float = 0.0
    ) -> float:
        """Return the next step: within limits, and such that `end` is met exactly."""
        gap = end - t
        h = min(h, self.max_step)
        if self.grid:
            if fresh:
                return float(gap * 0.5 ** max(0, math.ceil(math.log2(gap / h) - 1e-9)))
            turns = round(gap / last)
            while 2.0 * last <= h * (1 + 1e-9) and turns % 2 == 0:
                last, turns = 2.0 * last, turns // 2
            while last > h * (1 + 1e-9):
                last *= 0.5
            return last
        if h >= 0.999 * gap:
            return gap
        return 0.5 * gap if 1.9 * h > gap else h

    def _roughest(self) -> int:
        """Return the unknown whose last charges allow the shortest step, or -1."""
        history, rows = self.history, self.errors.rows
        h = history.times[0] - history.times[1]
        if not len(rows) or not h > 0.0:
            return -1
        found = [
            history.allowed(h, 1, self.system.q, history.rate, replace(self.errors, rows=row))
            for row in rows[:, None]
        ]
        return int(rows[int(np.argmin(found))])

    # -- the end ---------------------------------------------------------------------------------

    def _result(self) -> Transient:
        return self.record.transient(
            self.system.circuit, system=self.system, steps=self.record.count - 1,
            rejected=self.rejected, failed=self.failed, newton=self.newton.iterations,
            factors=self.newton.factored,
        )

    def _failure(self, t: float, reason: str, worst: int) -> ConvergenceError:
        labels = self.system.labels
        places = [labels[k] for k in dict.fromkeys([worst, *self.newton.restless(
            self.history.points[0] if t else np.zeros(self.system.size + 1)
        )]) if k >= 0]
        limited = self.system.limited_names()[:5]
        where = f"; not settled: {', '.join(places[:6])}" if places else ""
        there = [
            g.names[k] for g in self.system.active if worst >= 0 and g.names
            for k in np.flatnonzero((g.f_rows == worst).any(axis=0))
        ][:5]
        where += f"; non-linear there: {', '.join(there)}" if there else ""
        more = f"; limited: {', '.join(limited)}" if limited else ""
        partial: Any = self._result() if self.record.count else None
        return ConvergenceError(
            f"at t = {t:.6g} s time steps became too short ({reason}){where}{more}; give sources "
            "a finite rise time, smooth jumps in the laws of these elements, or loosen `reltol`",
            partial
        )


def _charged(system: System) -> Bools:
    """Return which rows have charges."""
    rows = np.zeros(system.size + 1, dtype=np.bool_)
    rows[system.indices[system.c_linear != 0.0]] = True
    for group in system.active:
        inside = group.q_rows[group.q_rows >= 0]
        rows[inside] = True
    return rows


def _corners(groups: Sequence[Group], stop: float, least: float) -> Array:
    """Return the times that steps must meet, the end among them, without slivers."""
    found = np.concatenate([np.zeros(0), *(g.breakpoints(stop) for g in groups)])
    found = np.unique(found[(found > 0.1 * least) & (found < stop)])
    if len(found):
        found = _apart(found, least)
        found = found[found < stop - least]
    return np.append(found, stop)


def _apart(times: Array, least: float) -> Array:
    """Leave out times that follow one that stays by no more than `least`."""
    found = [times[0]]
    for time in times[1:]:
        if time - found[-1] > least:
            found.append(time)
    return np.array(found)
