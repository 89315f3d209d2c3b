"""Time steps of small circuits, many in one call."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import Any, Protocol

import numpy as np

from ....core.errors import ConvergenceError
from ....core.validation import Array
from ...integration.step_control import StepControl, StepController
from ...integration.truncation_error import ErrorTolerances
from ..elements.behavioural import Lawful
from ..integration.formulas import History
from ..newton import Newton
from ..results.record import Record
from ..system.element_group import Block, ElementGroup, Instant, Ints
from ..system.kernels_blocks import address_of
from ..system.system import System
from ..system.tolerances import Tolerances
from . import state
from .kernels_steps import run_steps as compiled_steps
from .tables import Buffer, buffer_of, law_arrays, share, source_arrays

__all__ = ["TimeLoop"]

_LARGE = 300  # unknowns above which calls cost less than numbers
_ROOM = 256  # points of the result, after which they are handed over
_CORNERS = 256  # asked for at once
_TRIAL = 64  # steps that Python had to take, after which more of them than others end the loop
_METHODS = {"trap": 0, "gear": 1, "euler": 2}
_ASK, _EVALUATE, _ACCEPTED, _REFUSED, _FULL, _CORNERS_OUT, _PACE, _DONE = range(len(state.WHAT))
_SEEN = {"accept", "rewind"}  # what groups may ask to be told
_HOOKS = ("abrupt", "refuse", "next_breakpoint")  # in the order of `hooks`
_NONE = np.zeros(0, dtype=np.int64)


class Run(Protocol):
    """What the loop asks of a run; see `analyses.transient.TransientRun`."""

    control: StepControl
    history: History
    system: System
    newton: Newton
    tol: Tolerances
    record: Record
    progress: Callable[[float], None] | None
    beside_poles: Ints
    errors: ErrorTolerances
    early: ErrorTolerances
    sure: Array
    expected_until: float
    order: int
    order_limit: int
    steady: bool
    watched: dict[str, list[ElementGroup]]

    def resume(self, order: int, until: float, early: Array, stored: Array) -> None:
        """Take note of steps that were taken elsewhere."""


class TimeLoop:
    """Takes the steps of a run, as long as nothing special happens.

    Parameters
    ----------
    run : Run
        Ready to take its first step.
    control : StepController
        Its own.
    rules : (11,)
        What `kernels_steps` calls rules.
    """

    def __init__(self, run: Run, control: StepController, rules: Array) -> None:
        self.run, self.control, self.rules = run, control, rules
        self.system, self.newton = run.system, run.newton
        system, tol = run.system, run.tol
        self._asked = self._taken = 0
        sources = source_arrays(system)
        self._told = sources is None
        blocks = {
            g: block for g, stamp in system.own_stamps()
            if (block := g.block(stamp, tol.gmin, tol.reltol)) is not None
        }
        self._compiled = list(blocks)
        self._accepting, self._rewinding = (
            [g for g in run.watched[what] if not isinstance(g, Lawful) and g not in blocks]
            for what in ("accept", "rewind")
        )
        self._ints, self._floats = self._buffers(sources, blocks.values())
        views = self._floats.views
        self._stored, self._early, self._charge = (
            views[name] for name in ("stored_q", "early", "charge")
        )
        self._points, self._charges = (
            [views[f"{what}{k}"] for k in range(4)] for what in "pq"
        )
        self._x = views["xa"], views["xb"]
        share(system, views["old"], self._ints.views["known"])
        self._foreign = [
            (group, stamp) for group, stamp in system.stamps(
                *(views[f"{what}_values"] for what in "fqgc")
            ) if not isinstance(group, Lawful) and group not in blocks
        ]
        self._place_blocks()
        self.I = np.zeros(len(state.INTS), dtype=np.int64)
        self.F = np.zeros(len(state.NUMBERS))
        self._put_constants()
        self._now = Instant(0.0, system.temperature, tol.gmin, 1.0, "tran", waves=True)

    def _place_blocks(self) -> None:
        """Have groups fill the loop's arrays, where theirs are now."""
        views = self._floats.views
        blocks = self._blocks(*(views[f"{what}_values"] for what in "fqgc"))
        self._ints.views["blocks"][:] = np.concatenate([_NONE, *(b.block for b in blocks.values())])

    def _blocks(self, f: Array, q: Array, g: Array, c: Array) -> dict[ElementGroup, Block]:
        """Return what evaluates groups inside of the loop, filling these arrays."""
        tol = self.run.tol
        found = {
            group: group.block(stamp, tol.gmin, tol.reltol)
            for group, stamp in self.system.stamps(f, q, g, c)
        }
        return {group: block for group, block in found.items() if block is not None}

    def _buffers(
        self, sources: tuple[Any, ...] | None, blocks: Collection[Block]
    ) -> tuple[Buffer, Buffer]:
        """Return all arrays of the loop but those of the factors."""
        run, system, errors = self.run, self.system, self.run.errors
        parts = system.parts()
        n, many = system.size + 1, system.size + 1 + len(system.charges.rows)
        found: dict[str, Any] = law_arrays(system)
        found |= dict(zip(
            ("indptr", "indices", "g_linear", "c_linear", "source", "f", "q", "f_slots",
             "f_values", "q_slots", "q_values", "g_slots", "g_values", "c_slots", "c_values",
             "data"), parts, strict=True,
        ))
        found |= dict.fromkeys(
            ("r", "terms", "held", "step", "found", "xa", "xb", "guess", "p0", "p1", "p2", "p3"),
            np.zeros(n),
        )
        found |= dict.fromkeys(
            ("offset", "q0", "q1", "q2", "q3", "rate0", "stored_q", "rate", "far"), np.zeros(many)
        )
        found["row_floor"], found["step_floor"] = self.newton.floors
        found |= {
            "nothing": np.full(n - 1, 1e-300), "times": np.zeros(4), "rules": self.rules,
            "record_times": np.zeros(_ROOM), "record_values": np.zeros(_ROOM * n),
            "record_orders": np.zeros(_ROOM, dtype=np.int64), "sure": run.sure,
            "error_rows": errors.rows, "current": errors.current, "charge": errors.charge,
            "early": errors.charge, "weight": errors.weight,
        }
        found |= dict(zip(("ends", "columns", "weights", "kept"), system.charges.arrays(),
                          strict=True))
        degrees, constants = np.zeros((2, 2)), np.zeros((2, 2))
        for order, terms in enumerate(run.history.error_terms):
            for k, (degree, constant) in enumerate(terms):
                degrees[order, k], constants[order, k] = degree, constant
        found |= {
            "beside_poles": run.beside_poles,
            "kernels": np.array([address_of(b.kernel) for b in blocks], dtype=np.int64),
            "blocks": np.concatenate([_NONE, *(b.block for b in blocks)]),
            "block_numbers": np.concatenate([_NONE, *(b.numbers for b in blocks)]),
            "block_ends": np.cumsum([0, *(len(b.block) for b in blocks)]),
            "number_ends": np.cumsum([0, *(len(b.numbers) for b in blocks)]),
            "hooks": np.array([[hook in b.hooks for b in blocks] for hook in _HOOKS]),
        }
        none = np.zeros(0)
        found |= {"degrees": degrees, "constants": constants}
        found |= dict(zip(("wave_table", "waves", "wave_factor", "wave_slots"),
                          sources or (none,) * 4, strict=True))
        return (
            buffer_of(found, state.INT_PARTS, np.int64),
            buffer_of(found, state.FLOAT_PARTS, np.float64),
        )

    @classmethod
    def of(cls, run: Run, rules: Array) -> TimeLoop | None:
        """Return the loop of a run, or None where Python has to look at every step."""
        system, newton, control = run.system, run.newton, run.control
        tol = run.tol
        blocks = {g: g.block(stamp, tol.gmin, tol.reltol) for g, stamp in system.own_stamps()}
        unseen = any(
            name not in (_SEEN if (block := blocks.get(g)) is None else _SEEN | block.hooks)
            for name, groups in run.watched.items() for g in groups
        )
        if (
            unseen or type(control) is not StepController or type(run.history) is not History
            or run.steady or not 0 < system.size <= _LARGE or system.leaking
            or not newton.direct or system.keeps_apart
        ):
            return None
        return cls(run, control, rules)

    def _put_constants(self) -> None:
        run, system, i, f = self.run, self.system, self.I, self.F
        tol = run.tol
        i[state.MOST], i[state.PATIENCE], i[state.LIMIT] = (
            run.order_limit, Newton.PATIENCE, tol.itl4
        )
        i[state.KIND], i[state.LINEAR] = _METHODS[tol.method], system.linear
        i[state.TOLD] = self._told
        i[state.FOREIGN] = bool(self._foreign or self._accepting or self._told)
        i[state.WINDOW] = self.control.window
        f[state.DAMPING], f[state.RELTOL], f[state.TRTOL] = tol.xmu, tol.reltol, tol.trtol
        f[state.REUSE], f[state.FACTORED_FOR] = self.newton.factors.REUSE, np.nan
        f[state.STOP], f[state.LONGEST] = self.control.stop, self.control.longest
        f[state.FLOOR], f[state.RESOLUTION] = self.control.floors

    # -- a stretch of steps ----------------------------------------------------------------------

    @property
    def pays(self) -> bool:
        """Whether Python has not had to take most of the steps."""
        return self._asked < _TRIAL or self._asked < self._taken

    def go(self) -> None:
        """Take steps until the end, or until Python has to take one."""
        factors = self.newton.factors.pivots(0)
        if factors is None:
            return
        corners, what = self._take_over(), _ASK
        names = ("rows", "order_of", "lp", "li", "lx", "up", "ui", "ux", "pinv", "clean", "work")
        numbers = dict(zip(names, factors[:-2], strict=True))
        lu_ints = buffer_of(numbers, state.LU_INTS, np.int64)
        lu_floats = buffer_of(numbers, state.LU_FLOATS, np.float64)
        arguments = (
            self._ints.data, self._ints.ends, self._floats.data, self._floats.ends, lu_ints.data,
            lu_ints.ends, lu_floats.data, lu_floats.ends,
        )
        run_steps: Any = compiled_steps
        try:
            while True:
                what = run_steps(self.I, self.F, *arguments, corners)
                if what == _EVALUATE:
                    if not self._evaluate():
                        break
                elif what == _ACCEPTED:
                    self._accepted()
                elif what == _REFUSED:
                    for group in self._rewinding:
                        group.rewind()
                elif what == _FULL:
                    self._hand_over()
                elif what == _CORNERS_OUT:
                    corners = self._more_corners()
                elif what == _PACE:
                    self._judge()
                else:
                    break
            self._hand_over()
        finally:
            self._give_back(done=what == _DONE)
        self._judge()

    def _evaluate(self) -> bool:
        now, x = self._instant(), self._x[self.I[state.POINT]]
        if self._told:
            self.system.drive(now)
            self._floats.views["source"][:] = self.system.source
        try:
            for group, stamp in self._foreign:
                group.evaluate(x, now, stamp)
        except ConvergenceError:
            return False
        if any(g.limited.size and g.limited.any() for g, _ in self._foreign):
            self.I[state.LIMITED] = 1
        return True

    def _instant(self) -> Instant:
        time = float(self.F[state.END])
        if self._now.time != time:
            self._now = Instant(
                time, self._now.temperature, self._now.gmin, 1.0, "tran", waves=True
            )
        return self._now

    def _accepted(self) -> None:
        now, x = self._instant(), self._x[self.I[state.POINT]]
        for group in self._accepting:
            group.accept(x, now)
        if any(g.jumped for g in self._accepting):
            self.I[state.ANEW] = 1
        if self.I[state.SHORT_OF_ROOM]:
            self.I[state.SHORT_OF_ROOM] = 0
            for group in self._compiled:
                group.make_room()
            self._place_blocks()

    def _hand_over(self) -> None:
        """Put the points that were kept into the record."""
        count = int(self.I[state.KEPT])
        times, orders, values = (
            (self._ints if what == "orders" else self._floats).views[f"record_{what}"]
            for what in ("times", "orders", "values")
        )
        values = values.reshape(_ROOM, -1)
        self.run.record.extend(times[:count], values[:count], orders[:count])
        self.I[state.KEPT] = 0
        self._taken += count
        if self.run.progress is not None:
            for time in times[:count].tolist():
                self.run.progress(time / self.control.stop)

    def _judge(self) -> None:
        """Tell the control what was tried, of which it reckons the pace."""
        i = self.I
        counts = [int(i[k]) for k in (state.TRIED, state.REFUSED, state.MET)]
        i[state.TRIED] = i[state.REFUSED] = i[state.MET] = 0
        self.control.count(float(self.F[state.T]), *counts)

    # -- between here and there ------------------------------------------------------------------

    def _corners(self, most: int) -> Array:
        found, whole = self.control.ahead(most)
        self.I[state.LAST] = whole
        return np.array(found)

    def _more_corners(self) -> Array:
        passed = int(self.I[state.CORNER])
        self._passed += passed
        self.I[state.CORNER] = 0
        return self._corners(self._passed + _CORNERS)[self._passed:]

    def _take_over(self) -> Array:
        """Fill the loop's state from the run's; return the next corners."""
        run, control, history, i, f = (
            self.run, self.control, self.run.history, self.I, self.F
        )
        i[state.STATE], i[state.ORDER], i[state.SMOOTH] = 0, run.order, history.smooth
        for k in (state.STEPS, state.REJECTED, state.NEWTON, state.FACTORED, state.CORNER):
            i[k] = 0
        f[state.T], f[state.H], f[state.TARGET] = control.t, control.h, control.corner
        f[state.SHORTEST], f[state.UNTIL] = control.shortest, run.expected_until
        f[state.FACTORED_FOR] = np.nan
        self._place_blocks()
        self._early[:], self._charge[:] = run.early.charge, run.errors.charge
        for k, (time, x, q) in enumerate(
            zip(history.times, history.points, history.charges, strict=True)
        ):
            self._points[k][:], self._charges[k][:] = x, q
            self._floats.views["times"][k] = time
        self._floats.views["rate0"][:] = history.rate
        self._passed = 0
        return self._corners(_CORNERS)

    def _give_back(self, *, done: bool) -> None:
        """Bring the run up to date."""
        run, i, f, history = self.run, self.I, self.F, self.run.history
        steps = int(i[state.STEPS])
        self.control.moved(
            float(f[state.T]), float(f[state.H]), shortest=float(f[state.SHORTEST]),
            steps=steps, rejected=int(i[state.REJECTED]),
            corners=self._passed + int(i[state.CORNER]), corner=float(f[state.TARGET]),
            done=done,
        )
        count = min(len(history.times) + steps, 4)
        history.times = deque(self._floats.views["times"][:count].tolist(), maxlen=4)
        history.points = deque((p.copy() for p in self._points[:count]), maxlen=4)
        history.charges = deque((q.copy() for q in self._charges[:count]), maxlen=4)
        history.rate = self._floats.views["rate0"].copy()
        history.smooth = int(i[state.SMOOTH])
        run.errors.charge[:] = self._charge
        run.resume(
            int(i[state.ORDER]), float(f[state.UNTIL]), self._early, self._stored.copy()
        )
        self.newton.resume(int(i[state.NEWTON]), int(i[state.FACTORED]))
        self.system.touch()
        if not done:
            self._asked += 1
            for group in (*self._compiled, *self._rewinding):
                group.rewind()
