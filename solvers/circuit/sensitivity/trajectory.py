"""A transient whose discrete equations are kept: steps, formulas, and the exact solution of them.

Charges q and their rates r obey, at step k with the formula that was used there,

    f(x_k, t_k) + r_k = 0,    r_k = a q_k + sum_j b_j q_(k-j) - s r_(k-1),    q_k = q(x_k),

s being 0 except of the trapezoidal rule, and j up to the order of backward differentiation. The run
solves them to the circuit's tolerances; its points are then solved again on the same steps to
rounding, so that derivatives of what is computed are exact.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from functools import cached_property

import numpy as np

from ....core.errors import ConvergenceError
from ....core.validation import Array
from ....netlists.analyses import Tran
from ..homotopy import CLAMP
from ..linear_solvers.lu import Factors, SingularMatrixError
from ..results.names import GROUND_INDEX
from ..results.results import Transient
from ..system.element_group import Bools, Instant
from ..system.system import System
from .recorder import NO_MODES, PAST, Recorder, refuse

__all__ = ["Linear", "Trajectory"]

_RELATIVE = 1e-5
_SETTLED = 1e-7  # of an unknown's absolute tolerance and 1e-5 of it: the last Newton step
_ROUNDED = 1e-2  # steps below it that do not shrink are rounding
_MOST = 30
_QUICK = 0.1  # of the step before: as long as steps shrink like this
_STAYS = 2  # steps that are no shorter than the one before
_LEAST = 1e-7  # share of a step
_KNOWN = 40  # factors of constant matrices that are kept


class Linear:
    """Solutions with G + a C of a system, either way."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._one = Factors(
            system.indptr, system.indices, constant=system.linear,
            stage=None if system.linear else system.stages(),
        )
        self._known: OrderedDict[tuple[float, bool], Factors] = OrderedDict()
        self._now = self._one

    def factor(self, a: float) -> None:
        """Factor the matrix at the point evaluated last."""
        if not self.system.linear:
            self._one.factor(self.system.jacobian(a))
            return
        key = a, self.system.leaking
        if key in self._known:
            self._known.move_to_end(key)
        else:
            while len(self._known) >= _KNOWN:
                self._known.popitem(last=False)
            made = Factors(
                self.system.indptr, self.system.indices, constant=True, like=self._one
            )
            made.factor(self.system.jacobian(a))
            self._known[key] = made
        self._now = self._known[key]

    def solve(self, b: Array, *, transposed: bool = False) -> Array:
        """Return x (n + 1,), ground's 0 last."""
        x = self._now.solve(b, transposed=transposed)
        x[-1] = 0.0
        return x


class Trajectory:
    """All points of a transient, solved to rounding on the steps that were taken.

    Attributes
    ----------
    system : System
    result : Transient
    now : list of Instant
        Of every point.
    formulas : (K + 1, 2 + PAST)
        a, s, b_1, b_2, ... of every step; those of point 0 are 0, but a = 1/instant with ``uic``.
    held : dict
        Unknown -> volt of ``.ic``.
    uic : bool
    """

    def __init__(
        self, system: System, analysis: Tran, *, progress: Callable[[float], None] | None = None,
        max_bytes: float, per_point: int,
    ) -> None:
        refuse(system)
        run = Recorder(system, analysis, progress, max_bytes, per_point)
        self.system, self.uic = system, analysis.uic
        self.linear = Linear(system)
        self.result: Transient = run.go()
        run.check_size(analysis.stop)  # what the steps' own checks left over
        self.values: Array = self.result._values  # noqa: SLF001 - solved again in place
        self.count = len(self.values)
        self.instant = run.min_step
        start = run.now.but(limit=False)
        self.now = [
            start if self.uic else start.but(mode="dc"),
            *(start.but(time=t) for t in run.instants),
        ]
        first = np.zeros(2 + PAST)
        first[0] = 1.0 / self.instant if self.uic else 0.0
        self.formulas = np.array([first, *run.formulas])
        self._moding, self._modes = run.moding, run.modes
        names = run.names
        self.names = names
        nodes = {n: names.node(n) for n in system.circuit.initial}
        self.held = {
            nodes[n]: float(v) for n, v in system.circuit.initial.items()
            if nodes[n] != GROUND_INDEX
        }
        self.leak, self.goal = self._clamps()
        self.followers = [g for g in system.groups if g.follows]
        self._floor = system.tolerances.of_unknowns(system.units)
        self._polish()

    def _clamps(self) -> tuple[Array, Array]:
        leak, goal = np.zeros(self.system.size + 1), np.zeros(self.system.size + 1)
        if not self.uic:
            for index, volt in self.held.items():
                leak[index], goal[index] = CLAMP, volt
        return leak, goal

    # -- points ----------------------------------------------------------------------------------

    def x(self, k: int) -> Array:
        """Return the unknowns at a point, ground's 0 last."""
        return np.append(self.values[k], 0.0)

    def modes_at(self, k: int) -> list[Bools]:
        """Return the discrete states of groups at a point; the same list where they stay."""
        return self._modes[k]

    @cached_property
    def mode_places(self) -> dict[str, tuple[int, int]]:
        """ElementGroup and place of every element with discrete states, as `modes_at` has them."""
        return {
            name: (g, e) for g, group in enumerate(self._moding)
            for e, name in enumerate(group.names)
        }

    def recall(self, k: int) -> None:
        """Put the groups into their discrete states at a point."""
        for group, modes in zip(self._moding, self._modes[k], strict=True):
            if modes.size:
                group.recall(modes)

    def begin(self, system: System, x: Array) -> Array:
        """Put the groups' initial conditions (``uic``) into x; return all charges, (n + 1,)."""
        extra = np.zeros(system.size + 1)
        for group in system.groups:
            rows, charge = group.initial(x)
            np.add.at(extra, rows, charge)
        system.evaluate(x, self.now[0])
        q = system.q + extra
        q[-1] = 0.0
        return q

    def at_rest(self) -> Array:
        """Return the unknowns (``uic``) before the elements' own initial conditions."""
        x = np.zeros(self.system.size + 1)
        for index, volt in self.held.items():
            x[index] = volt
        return x

    # -- to rounding -----------------------------------------------------------------------------

    def _polish(self) -> None:
        system = self.system
        system.start()
        self.recall(0)
        if self.uic:
            q = self.begin(system, self.at_rest())
            self._settle(0, q * (-1.0 / self.instant))
        else:
            system.set_leak(self.leak, self.goal)
            self._settle(0, np.zeros(system.size + 1))
            system.set_leak(0.0)
            system.evaluate(self.x(0), self.now[0])
            q = system.q.copy()
        later = self.now[0].but(mode="tran")
        self._follow(0, later)
        past, rate = deque([q], maxlen=PAST), np.zeros_like(q)
        for k in range(1, self.count):
            self._allow(k)
            a, s, *weights = self.formulas[k]
            offset = -s * rate
            for b, q in zip(weights, past, strict=False):
                offset += b * q
            self._settle(k, offset)
            past.appendleft(system.q.copy())
            rate = a * past[0] + offset
            self._follow(k, self.now[k])

    def _allow(self, k: int) -> None:
        """Let devices be on ramps at a point where the run had them there, or beside it.

        The run's tolerances may be wider than a ramp, so that it may be off by a step.
        """
        last = min(k + 1, self.count - 1)
        for group, *modes in zip(
            self._moding, self._modes[k - 1], self._modes[k], self._modes[last], strict=True
        ):
            if modes[0].size:
                group.recall(modes[0] | modes[1] | modes[2])

    def _follow(self, k: int, now: Instant) -> None:
        for group in self.followers:
            group.accept(self.x(k), now)

    def _settle(self, k: int, offset: Array) -> None:
        """Solve the equations of point k from where the run left it."""
        system = self.system
        x, size = self._newton(k, offset, damped=False)
        if not size <= _ROUNDED:  # steps that leap over bends and back
            x, size = self._newton(k, offset, damped=True)
        if not size <= _ROUNDED:
            raise self._failure(k, f"Newton's steps stay at {size:.1e} of 1e-5 of the unknowns")
        self.values[k] = x[:-1]
        system.evaluate(x, self.now[k])
        found = [m if (m := g.modes()) is not None else NO_MODES for g in self._moding]
        if not all(map(np.array_equal, found, self._modes[k])):
            self._modes[k] = found

    def _newton(self, k: int, offset: Array, *, damped: bool) -> tuple[Array, float]:
        """Return where Newton's iteration ends, and the size of its last step."""
        system, a, now = self.system, float(self.formulas[k, 0]), self.now[k]
        x, last, stays = self.x(k), np.inf, 0

        def step_from(x: Array) -> tuple[Array, float]:
            system.evaluate(x, now)
            r = system.f + a * system.q + offset
            r[-1] = 0.0
            if not np.isfinite(r).all():
                return np.zeros_like(x), np.inf
            step = self.linear.solve(r)
            scale = _RELATIVE * np.abs(x[:-1]) + self._floor
            return step, float((np.abs(step[:-1]) / scale).max(initial=0.0))

        slow = True
        for _ in range(10 * _MOST if damped else _MOST):
            if slow or damped:  # from near the solution the first factors do
                system.evaluate(x, now)
                try:
                    self.linear.factor(a)
                except SingularMatrixError as error:
                    raise self._failure(k, "the matrix is singular") from error
            step, size = step_from(x)
            share = 1.0
            if damped:
                # P. Deuflhard's natural monotonicity: the next step by this matrix is shorter
                while share > _LEAST and step_from(x - share * step)[1] > (1 - share / 4) * size:
                    share *= 0.5
            x = x - share * step
            if not np.isfinite(size):
                return x, np.inf
            slow = size > _QUICK * last
            stays = stays + 1 if size >= 0.3 * last else 0
            if share == 1.0 and (size <= _SETTLED or (stays > _STAYS and size <= _ROUNDED)):
                return x, size
            last = size
        return x, np.inf if damped else last

    def _failure(self, k: int, reason: str) -> ConvergenceError:
        return ConvergenceError(
            f"at t = {self.now[k].time:.6g} s the step cannot be solved to rounding, which "
            f"derivatives need ({reason}); tighten `reltol`, or smooth jumps in the laws there"
        )
