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
from ...integration.corners import corner_parts, merged_corners
from ...integration.stall_detection import StallError, StallRules
from ...integration.step_control import (
    BinaryStepController,
    StepControl,
    StepController,
    StepRules,
)
from ...integration.truncation_error import ErrorTolerances
from ..homotopy import find
from ..integration.bdf import Bdf
from ..integration.formulas import Formula, History
from ..newton import Newton, Outcome
from ..results.names import Names
from ..results.record import Record
from ..results.results import Transient
from ..rounding import check_rounding
from ..system.element_group import ElementGroup, Instant
from ..system.system import System
from ..time_loop.loop import TimeLoop
from .op import hints, prepare

__all__ = ["CIRCUIT_STEPS", "TransientRun", "transient"]

# As ngspice's dctran.c, so that steps are as many as users know: the step doubles at most, falls to
# an eighth after a failure of Newton's iteration, and after a corner begins with a tenth of the way
# to the next one and of the step before; a shortened step is taken as it is, because it may have to
# meet an event. Ours are `safety` (ngspice's 0.9 refuses: the two must not be alike, or every other
# step is refused), `shrink` (an estimate over a jump says next to nothing) and `halving` (a rest of
# nine tenths of a step is no sliver).
CIRCUIT_STEPS = StepRules(
    safety=0.95, growth=2.0, shrink=0.02, after_failure=0.125, corner_gap=0.1, corner_last=0.1,
    halving=1.9, refit=False,
)
_ACCEPT = 0.9  # of a step: accepted if its error allows one as long
# a rate that jumps (a state at a bound) has an error that no step is short enough for: the shortest
# one is taken whatever its error; every 1000 steps the run's pace is looked at
_STALL = StallRules(window=1000, jumps=10_000)
_RESOLUTION = 4e-16  # of the time reached: shorter steps would not end later
_FIRST = 10.0  # first steps in the shortest of the print step, a hundredth of the run, the longest
_OVERSHOOT = 1.5  # times the way to the prediction: a solution there may be the wrong one of two
_JUMP = 1e-11  # of the run: a first step as short as that is a jump
_STRETCHES = 4  # times that a jump that does not settle is tried over a longer instant
_BETTER = 1.05  # times the step that another order must allow to be taken instead
_FADED = 1e-4  # of its peak: a charge smaller than that counts as that large
_STATE = 0.02  # states of memristors run away: their error counts for more
_HELD = 1e-3  # of the voltage: a node with `.ic` that is further off is held by something else
_GRID = 300  # unknowns above which linear circuits keep to steps whose factors are known
_RULES = np.array([
    CIRCUIT_STEPS.safety, CIRCUIT_STEPS.growth, CIRCUIT_STEPS.shrink, CIRCUIT_STEPS.corner_gap,
    CIRCUIT_STEPS.corner_last, CIRCUIT_STEPS.halving, _ACCEPT, _BETTER, _JUMP, _OVERSHOOT, _FADED,
])  # of `time_loop`
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
    return TransientRun(system, analysis, save, progress).go()


class TransientRun:
    """One run; see `transient` for the parameters."""

    control: StepControl
    history: History

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
        self.errors = self._error_tolerances()
        span = analysis.stop - analysis.start
        limit = analysis.max_step or min(analysis.step, span / 50.0)
        self.max_step = min([limit, *(g.max_step() for g in system.groups)])
        self.min_step = tol.delmin or 1e-11 * self.max_step
        self.steady = self._steady()
        self.grid = system.linear and system.size > _GRID
        self.watched = {
            name: [
                g for g in system.groups
                if getattr(type(g), name) is not getattr(ElementGroup, name)
            ]
            for name in _WATCHED
        }
        most = {"euler": 1, "trap": 2}.get(tol.method, 6)
        if self.watched["formula"]:
            most = min(most, 2)
            if tol.xmu < 0.5:
                raise ParameterError("option `xmu`: crossbars as elements integrate without it")
        self._first = self.early = self.errors
        self.sure = np.minimum(self.errors.weight, 1.0 / self.errors.trust)
        self.expected_until = 0.0
        self._stretched = 0
        self.beside_poles = system.beside_poles()
        self.order, self.order_limit = 1, min(tol.maxord, most)

    def _steady(self) -> bool:
        """Return whether steps are the longest ones, whatever their error."""
        names = [n for g in self.system.groups if g.steady for n in g.names]
        if names and not self.analysis.max_step:
            raise ParameterError(
                f"{', '.join(names[:3])}: modules with hidden state integrate by themselves, with "
                "steps whose error nobody sees: give the transient its step, `max_step`"
            )
        return bool(names)

    def _error_tolerances(self) -> ErrorTolerances:
        """Return what the errors of a step in the elements' charges are compared with."""
        system, tol = self.system, self.tol
        first, owners = system.size + 1, system.charges.rows
        units = np.concatenate([np.full(first, "A"), system.row_units[owners]])
        states = units == "state"
        # rates have the unit of their row: ampere, volt of a flux
        rates = np.where(states, tol.abstol, tol.of_unknowns(units))
        return ErrorTolerances(
            np.arange(first, len(units)), rates, np.where(states, 1.0, tol.chgtol),
            np.where(states, _STATE, 1.0), tol.reltol, tol.trtol,
        )

    def _note_peaks(self, q: Array) -> None:
        """Raise what charges count as at least: on its way through 0 none would allow a step."""
        floor = self.errors.charge
        np.maximum(floor, _FADED * np.abs(q), out=floor)

    # -- the start -------------------------------------------------------------------------------

    def _start(self) -> tuple[Array, Array]:
        """Return unknowns at time 0, and charges: of rows, then of elements (`System.stored`)."""
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
            self._check_held(x, held)
            if not held:
                check_rounding(self.newton, x, first)
            self.newton.forget()
            system.evaluate(x, first.but(departs=True))
            return x, system.stored(x)
        return self._initial(x, held)

    def _check_held(self, x: Array, held: dict[int, float]) -> None:
        """Raise a `ParameterError` for nodes with ``.ic`` that an integral keeps elsewhere.

        What other sources keep elsewhere stays there, as in ngspice.
        """
        for node, volt in held.items():
            if abs(x[node] - volt) <= _HELD * max(abs(volt), abs(x[node])) + self.tol.vntol:
                continue
            names = [n for group in self.system.groups for n in group.integrating(node)]
            if names:
                label = self.names.labels[node]
                raise ParameterError(
                    f"`.ic {label}={volt:g}` does not act: {', '.join(names)} gives the node "
                    f"the voltage of an `idt`, which starts at {x[node]:.4g} V: let that start "
                    f"elsewhere, by its second argument or the parameter behind it, or take the "
                    "`.ic` out"
                )

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
        self._check_held(found.x, held)
        system.accept(found.x, self.now)
        stored = system.stored(found.x)
        stored[:len(q)] = q
        return found.x, stored

    def _begin(self) -> None:
        for group in self.watched["begin"]:
            group.begin(self.tol.method, self.max_step, uic=self.analysis.uic)

    # -- steps -----------------------------------------------------------------------------------

    @np.errstate(over="ignore")  # Newton's iteration tells and names what overflows
    def go(self) -> Transient:
        """Run to the end."""
        system, analysis = self.system, self.analysis
        x, q = self._start()
        system.accept(x, self.now)
        self._note_peaks(q)
        high = self.order_limit > 2
        self.history = Bdf(0.0, x, q, self.max_step) if high else History(
            self.tol.method, 0.0, x, q, self.max_step, self.tol.xmu
        )
        self._begin()
        self.record.keep(0.0, system.whole(x))
        self.control = self._new_control()
        first = min(analysis.stop / 100.0, analysis.step, self.max_step) / _FIRST
        if self.steady:
            first = self.max_step
        if self.control.corner < analysis.stop:
            first = min(first, CIRCUIT_STEPS.corner_gap * self.control.corner)
        self.control.begin(first)
        try:
            self._advance()
        except StallError as stall:
            place = self._roughest() if stall.creeping and stall.place < 0 else stall.place
            raise self._failure(stall.time, stall.reason, place) from stall
        return self._result()

    def _new_control(self) -> StepControl:
        stop = self.analysis.stop
        waves = [wave for group in self.system.groups for wave in group.known_corners(stop)]
        corners = merged_corners(
            corner_parts(waves, stop), stop, self.tol.minbreak or 10.0 * self.min_step
        )
        kind = BinaryStepController if self.grid else StepController
        # a step as short as `delmin` says may be long: what its error refuses is not taken
        stall = replace(_STALL, jumps=0) if self.tol.delmin else _STALL
        return kind(
            CIRCUIT_STEPS, corners, stop=stop, longest=self.max_step, shortest=self.min_step,
            stall=stall, resolution=_RESOLUTION, progress=self.progress,
        )

    def _advance(self) -> None:
        """Take steps until the end."""
        loop = self._loop()
        while not self.control.done:
            if loop is not None and loop.pays:
                loop.go()
                if self.control.done:
                    break
            self._try_step()

    def _loop(self) -> TimeLoop | None:
        """Return what takes many steps in one call, where nothing has to be looked at in each."""
        return TimeLoop.of(self, _RULES) if type(self) is TransientRun else None

    def _try_step(self) -> None:
        """Try a step, and choose the next one."""
        system, control, history, record = self.system, self.control, self.history, self.record
        events, accepting = self.watched["next_breakpoint"], self.watched["accept"]
        t, h, order = control.t, control.h, self.order
        x = self._step(t, h, order)
        if x is None:
            return
        end = control.advance()
        following, self.order = self._accept(t + h, h, x, order)
        history.times[0] = end
        record.keep(end, system.whole(x), order)
        event = min((g.next_breakpoint(end) for g in events), default=math.inf)
        jumped = any(g.jumped for g in accepting)
        if control.follow(following, event=event, anew=jumped) and not control.done:
            self._corner(end)
            self.order = 1

    def resume(self, order: int, until: float, early: Array, stored: Array) -> None:
        """Take note of steps that were taken elsewhere: the next order, and what errors know."""
        self.order, self.expected_until, self._q = order, until, stored
        self.early = replace(self.errors, charge=early.copy())
        self._first = replace(self.early, weight=self.sure)

    def _solve(
        self, t: float, h: float, order: int, start: Array | None = None
    ) -> tuple[Outcome, Formula]:
        """Solve the equations at the end of a step, from the prediction or another start."""
        history = self.history
        self._at = Instant(t + h, self.now.temperature, self.now.gmin, 1.0, "tran", waves=True)
        formula = history.formula(h, order)
        for group in self.watched["formula"]:
            group.formula(h, order)
        self._guess = guess = history.predict(h, order) if start is None else start
        return self.newton.solve(
            guess, self._at, a=formula.a, offset=formula.offset[:len(guess)], limit=self.tol.itl4
        ), formula

    def _solve_nearest(self, t: float, h: float, order: int) -> tuple[Outcome, Formula]:
        """Solve a step; where its end is far beyond the prediction, from the last point.

        Near a pole of a law a step's equations have solutions on either side, and the prediction
        may have led to the wrong one, whose estimated error is as small.
        """
        found, formula = self._solve(t, h, order)
        k = self.beside_poles
        if not found.converged or not len(k):
            return found, formula
        last = self.history.points[0]
        meant = np.abs(self._guess[k] - last[k])
        floor = self.tol.trtol * self.tol.reltol * np.abs(found.x[k])
        far = np.abs(found.x[k] - last[k]) > _OVERSHOOT * meant
        if not (far & (meant > floor)).any():
            return found, formula
        for start in (last, found.x):
            self._rewind()
            again, formula = self._solve(t, h, order, start.copy())
            if again.converged:
                break
        return again, formula

    def _look_ahead(self, t: float, h: float) -> Array | None:
        """Return the charges after a step of 2 h, the first after a corner, if it can be taken."""
        if t + 2.0 * h > self.control.corner + self.min_step:
            return None
        found, _ = self._solve(t, 2.0 * h, 1)
        far = self.system.stored(found.x) if found.converged else None
        self._rewind()
        return far

    def _step(self, t: float, h: float, order: int) -> Array | None:
        """Try a step; return the unknowns, or None where a shorter one is to be tried."""
        system, history, control = self.system, self.history, self.control
        # initial values that contradict each other move in no time: all that steps as short as
        # that show is how well Newton's iteration has settled
        short = _JUMP * self.analysis.stop
        sudden = h < short and (history.smooth == 1 or t < short)
        far = self._look_ahead(t, h) if history.smooth == 1 and not sudden else None
        found, formula = self._solve_nearest(t, h, order)
        if not found.converged:
            self._rewind()
            self.order = 1
            last = CIRCUIT_STEPS.after_failure * h < control.shortest
            if sudden and last and self._stretched < _STRETCHES:
                # a jump may as well take longer: its currents are smaller, its equations easier
                self._stretched += 1
                control.h = 2.0**self._stretched * h
                return None
            control.fail(found.reason, found.worst)
            return None
        if order > 1 and any(g.abrupt(found.x) for g in self.watched["abrupt"]):
            self._rewind()
            self.order = 1
            control.reject(h, "a rate jumps")
            return None
        self._q = system.stored(found.x)
        self._rate = formula.a * self._q + formula.offset
        if far is not None:
            history.begin_anew(h, self._q, far)
            self._expect(t + 2.0 * h, far)
        self._allowed = self._within(h, order, None if far is None else self._first)
        self._jump = self._allowed <= _ACCEPT * h and (sudden or control.at_resolution)
        if self._jump:
            control.jump()
        elif self._allowed <= _ACCEPT * h:
            self._rewind()
            control.reject(
                control.shorter_within(self._allowed), "the error of a step stays too large"
            )
            return None
        low, high = t + self.min_step, t + h - self.min_step
        ends = [group.refuse(found.x, self._at) for group in self.watched["refuse"]]
        until = min((end for end in ends if low < end < high), default=0.0)
        if until > 0.0:
            self._rewind()
            control.reject(until - t, "an event cannot be met")
            return None
        return found.x

    def _within(self, h: float, order: int, errors: ErrorTolerances | None = None) -> float:
        """Return the step that the errors of all charges allow."""
        if self.steady:
            return math.inf
        errors = errors or (self.errors if self._at.time > self.expected_until else self.early)
        found = self.history.allowed(h, order, self._q, self._rate, errors)
        return min([found, *(g.allowed(h, order) for g in self.watched["allowed"])])

    def _accept(self, t: float, h: float, x: Array, order: int) -> tuple[float, int]:
        """Keep the point; return the longest step that may follow, and its order."""
        history, within = self.history, self.control.longer_within
        following = within(math.inf if self._jump else self._allowed)
        if order == 1 and self.order_limit > 1:
            second = within(self._within(h, 2))
            if second > _BETTER * h:
                order, following = 2, second
        elif isinstance(history, Bdf):
            for other in (order - 1, order + 1):
                if 2 <= other <= self.order_limit and history.may(other):
                    step = within(self._within(h, other))
                    if step > _BETTER * following:
                        order, following = other, step
        for group in self.watched["accept"]:
            group.accept(x, self._at)
        history.push(t, x, self._q, self._rate)
        self._note_peaks(self._q)
        return following, order

    def _expect(self, until: float, far: Array) -> None:
        """Count charges as large as they are about to be: those that begin from 0 allow no step.

        `far` is where the first step that was tried after a corner led. What two steps from there
        show of the first one is its error itself, of which `trtol`, for estimates that exaggerate,
        would let pass 9 % at a `reltol` of 1 %.
        """
        if self.expected_until <= self.history.times[0]:
            reach = np.abs(far - self.history.charges[0])
            self.early = replace(self.errors, charge=np.maximum(self.errors.charge, reach))
            self._first = replace(self.early, weight=self.sure)
            self.expected_until = until

    def _corner(self, t: float) -> None:
        self.history.corner()
        self.expected_until = t
        for group in self.watched["corner"]:
            group.corner(t)

    def _rewind(self) -> None:
        self.system.touch()
        for group in self.watched["rewind"]:
            group.rewind()

    def _roughest(self) -> int:
        """Return the unknown whose last charges allow the shortest step, or -1."""
        history, rows = self.history, self.errors.rows
        h = history.times[0] - history.times[1]
        if not len(rows) or not h > 0.0:
            return -1
        found = [
            history.allowed(h, 1, self._q, history.rate, replace(self.errors, rows=row))
            for row in rows[:, None]
        ]
        return int(self.system.charges.rows[int(np.argmin(found))])

    # -- the end ---------------------------------------------------------------------------------

    def _result(self) -> Transient:
        return self.record.transient(
            self.system.circuit, system=self.system, steps=self.record.count - 1,
            rejected=self.control.rejected, failed=self.control.failed,
            newton=self.newton.iterations, factors=self.newton.factored,
        )

    def _failure(self, t: float, reason: str, worst: int) -> ConvergenceError:
        labels = self.system.labels
        unsettled = [k for k in dict.fromkeys([worst, *self.newton.unsettled(
            self.history.points[0] if t else np.zeros(self.system.size + 1)
        )]) if k >= 0]
        places = [labels[k] for k in unsettled or self.system.limited_rows()]
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
