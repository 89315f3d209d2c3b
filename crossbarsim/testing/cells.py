"""The checks of an array of cells: its derivatives, its way through solvers, files and decks."""

from __future__ import annotations

import contextlib
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..core.validation import Array
from ..netlists import read_spice
from ..netlists.circuit import Circuit
from ..netlists.crossbar.cells import CellPoint, Cells, SpiceCells, StoredCells
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..solvers.solution import Solution
from ..solvers.solver import Solver
from .suite import Suite, check, close, equal, skip, slopes

__all__ = ["CellChecks"]


class CellChecks(Suite):
    """Checks of an array of cells, the protocol `crossbarsim.netlists.crossbar.cells.Cells`.

    Give `make`, and `drive` where cells are not devices with a ``showcase``.

    Attributes
    ----------
    passive : bool
        No cell's current flows against the voltage across it.
    layouts : tuple of str
        In which the cells may stand.
    portable : bool
        They can be saved and written for SPICE.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.testing import CellChecks
    >>> class TestArray(CellChecks):
    ...     def make(self):
    ...         return VTEAM.preset("magic").array(conductance=np.full((3, 4), 1e-5))
    >>> len(TestArray.checks()) > 20
    True
    """

    passive: ClassVar[bool] = True
    layouts: ClassVar[tuple[str, ...]] = ("crosspoint", "parallel")
    portable: ClassVar[bool] = True

    def make(self) -> Any:
        """Return the cells to check, a few rows and columns in states away from their bounds."""
        raise NotImplementedError

    def drive(self) -> tuple[float, float]:
        """Return the amplitude (volt) and period (second) of a drive that shows the cells."""
        device: Any = getattr(self.make(), "device", None)
        if device is None:
            return 1.0, 1e-6
        amplitude, frequency = type(device).showcase[""][:2]
        return float(amplitude), 1.0 / float(frequency)

    # -- what checks start from ------------------------------------------------------------------

    def _voltages(self, cells: Any) -> tuple[Array, Array]:
        rng = self.rng()
        volts = self.drive()[0]
        shape = cells.shape
        away = rng.choice((-1.0, 1.0), shape)  # off 0 V, where laws may have a corner
        return volts * away * rng.uniform(0.3, 0.9, shape), volts * rng.uniform(-0.1, 0.1, shape)

    def _at(
        self, cells: Any, u: Array, w: Array, *, gate: Array | None = None, step: float = 0.0,
        rtol: float = 1e-13, shift: float = 0.0, threads: int = 1,
    ) -> CellPoint:
        """Return the cells at u and w; guesses are moved by the share `shift`."""
        low, high = cells.bounds()
        guess = np.clip(cells.state + shift * self._ranges(cells), low, high)
        found: CellPoint = cells.evaluate(
            u, w, cells.gates() if gate is None else gate, base=cells.state, step=step,
            state=cells.state if step == 0.0 else guess,
            inner=0.5 * (u + w) + shift * (u - w), rtol=rtol, threads=threads,
        )
        check(found.bad < 0, f"cell {found.bad} does not converge")
        return found

    @staticmethod
    def _ranges(cells: Any) -> Array:
        """Return the states' ranges; of one without, its size."""
        low, high = cells.bounds()
        bounded = np.isfinite(low) & np.isfinite(high)
        span = np.where(bounded, high, 1.0) - np.where(bounded, low, 0.0)
        return np.where(bounded, span, np.abs(cells.state))

    def _step(self, cells: Any, u: Array, w: Array) -> float:
        """Return a time step in which the fastest state moves by a hundredth of its range."""
        if not len(cells.state):
            raise skip("they have no states")
        rate = np.abs(cells.rates(u, w, self._at(cells, u, w)))
        with np.errstate(divide="ignore", invalid="ignore"):
            fastest = float(np.nan_to_num(rate / self._ranges(cells)).max())
        if fastest == 0.0:
            raise skip("no state moves at that voltage")
        return 0.01 / fastest

    def _crossbar(self, layout: str = "crosspoint", cells: Any = None) -> tuple[Any, Array]:
        """Return the cells between lines with resistance, and an input."""
        found = self.make() if cells is None else cells
        xbar: Any = Crossbar(
            cells=found, wires=Wires(5.0, 3.0, driver=2.0), layout=layout,  # type: ignore[arg-type]
        )
        rng = self.rng()
        volts = self.drive()[0]
        signs = rng.choice((-1.0, 1.0), xbar.inputs)
        return xbar, volts * signs * rng.uniform(0.4, 0.9, xbar.inputs)

    def _solutions(self, **options: Any) -> list[Solution]:
        return [
            Solver(**options).solve(*self._crossbar(layout)) for layout in self.layouts
        ]

    # -- the protocol ----------------------------------------------------------------------------

    def test_they_fulfil_the_protocol(self) -> None:
        """Every method is there; arrays have the shapes that solvers count on."""
        cells = self.make()
        check(isinstance(cells, Cells), "not `Cells`: a method is missing")
        rows, columns = cells.shape
        count = len(cells.state)
        check(cells.state.shape == (count, rows, columns), "`state` has shape (S, M, N)")
        check(cells.conductance.shape == (rows, columns), "`conductance` has shape (M, N)")
        check(cells.conductance >= 0.0, "a conductance is negative")
        check(np.shape(cells.capacitance) in ((), (rows, columns)), "`capacitance`")
        check(isinstance(cells.stochastic, bool), "`stochastic` is True or False")
        check(cells.gates().shape == (rows, columns), "`gates()` has shape (M, N)")
        low, high = cells.bounds()
        for bound in (low, high):
            check(bound.shape in ((count, 1, 1), cells.state.shape), "bounds of states")
        check(low < high, "a state's range is empty")
        check((cells.state >= low) & (cells.state <= high), "a state is out of its range")

    def test_shapes_of_an_evaluation(self) -> None:
        """A `CellPoint` of the shapes that it says, all finite."""
        cells = self.make()
        u, w = self._voltages(cells)
        count = len(cells.state)
        for point in (self._at(cells, u, w), self._at(cells, u, w, step=1e-18)):
            for name in ("current", "fed", "by_word", "by_bit", "inner"):
                value = getattr(point, name)
                right = value.shape == cells.shape or (name == "inner" and value.ndim == 3)
                check(right, f"`{name}` has shape (M, N)")
                check(np.isfinite(value), f"`{name}` is not finite")
            check(point.state.shape == cells.state.shape, "`state` has shape (S, M, N)")
            inner = len(point.inner) if point.inner.ndim == 3 else 1
            for lead in (point.lead_word, point.lead_bit):
                full = np.broadcast_to(lead, (inner + count, *cells.shape))
                check(np.isfinite(full), "a derivative of inner nodes and states is not finite")
        found = cells.slopes(u, w, cells.gates(), self._at(cells, u, w))
        check(found.state.shape == cells.state.shape, "`slopes(...).state`")
        check(found.gate.shape == found.conductance.shape == cells.shape, "`slopes(...)`")
        rates = cells.rates(u, w, self._at(cells, u, w))
        check(rates.shape == cells.state.shape, "`rates` has shape (S, M, N)")

    def test_no_voltage_no_current(self) -> None:
        """Where both nodes are at 0 V nothing flows, whatever the gates are at."""
        cells = self.make()
        zero = np.zeros(cells.shape)
        scale = np.abs(self._at(cells, *self._voltages(cells)).current).max()
        check(np.abs(self._at(cells, zero, zero).current) <= 1e-12 * scale, "a current at 0 V")

    def test_they_are_passive(self) -> None:
        """Current flows with the voltage."""
        if not self.passive:
            raise skip("not claimed")
        cells = self.make()
        u, w = self._voltages(cells)
        for scale in (1e-3, 0.3, 1.0, 1.5):
            i = self._at(cells, scale * u, scale * w).current
            check(i * (u - w) >= 0.0, "a current flows against its voltage")

    def test_guesses_do_not_count(self) -> None:
        """Guesses of inner nodes and states change no current."""
        cells = self.make()
        u, w = self._voltages(cells)
        steps = [0.0]
        with contextlib.suppress(unittest.SkipTest):
            steps.append(0.1 * self._step(cells, u, w))
        for step in steps:
            one, other = (self._at(cells, u, w, step=step, shift=s) for s in (0.0, 0.02))
            close(other.current, one.current, "currents from other guesses", rtol=1e-7)

    def test_threads_do_not_count(self) -> None:
        """Threads change no bit."""
        cells = self.make()
        u, w = self._voltages(cells)
        equal(self._at(cells, u, w, threads=4).current, self._at(cells, u, w).current, "threads")

    # -- derivatives -----------------------------------------------------------------------------

    def test_derivatives_by_node_voltages(self) -> None:
        """`by_word` and `by_bit` with frozen states, against differences."""
        self._compare_currents(0.0)

    def test_derivatives_while_states_move(self) -> None:
        """`by_word` and `by_bit` in an implicit time step, against differences."""
        cells = self.make()
        self._compare_currents(self._step(cells, *self._voltages(cells)))

    def _compare_currents(self, step: float) -> None:
        cells = self.make()
        u, w = self._voltages(cells)
        point = self._at(cells, u, w, step=step)
        h = 1e-3 * np.abs(u - w)
        size = np.abs(point.current) / h
        for name, exact, function in (
            ("by_word", point.by_word, lambda d: self._at(cells, u + d, w, step=step).fed),
            ("by_bit", point.by_bit, lambda d: -self._at(cells, u, w + d, step=step).current),
            ("by_word with word_ground", point.by_word + point.ground[0],
             lambda d: self._at(cells, u + d, w, step=step).current),
            ("by_bit with bit_ground", point.by_bit + point.ground[1],
             lambda d: -self._at(cells, u, w + d, step=step).fed),
        ):
            numeric, smooth = slopes(function, h)
            check(smooth.mean() >= 0.5, "the currents are rough")
            close(exact[smooth], numeric[smooth], name, rtol=1e-4, atol=1e-8 * size[smooth])

    def test_derivatives_of_inner_nodes_and_states(self) -> None:
        """`lead_word` and `lead_bit` in an implicit time step, against differences."""
        cells = self.make()
        u, w = self._voltages(cells)
        step = self._step(cells, u, w)
        point = self._at(cells, u, w, step=step)
        h = 1e-3 * np.abs(u - w)

        def inside(du: Array | float, dw: Array | float) -> Array:
            found = self._at(cells, u + du, w + dw, step=step)
            return np.concatenate([found.inner.reshape(-1, *cells.shape), found.state])

        size = np.abs(inside(0.0, 0.0)) / h
        for name, exact, function in (
            ("lead_word", point.lead_word, lambda d: inside(d, 0.0)),
            ("lead_bit", point.lead_bit, lambda d: inside(0.0, d)),
        ):
            numeric, smooth = slopes(function, h)
            if point.inner.ndim == 2 and getattr(cells, "selector", None) is None and (
                not hasattr(cells, "transistor")
            ):
                smooth[0] = False  # no inner node
            full = np.broadcast_to(exact, numeric.shape)
            close(full[smooth], numeric[smooth], name, rtol=1e-3, atol=1e-7 * size[smooth])

    def test_states_solve_the_implicit_step(self) -> None:
        """X = base + step dx/dt at the end of the step."""
        cells = self.make()
        u, w = self._voltages(cells)
        step = self._step(cells, u, w)
        point = self._at(cells, u, w, step=step)
        low, high = cells.bounds()
        check((point.state >= low) & (point.state <= high), "a state leaves its bounds")
        inside = (point.state > low) & (point.state < high)
        moving = np.broadcast_to(np.isfinite(low) & np.isfinite(high), cells.state.shape)
        if not moving.any():
            raise skip("their states have no ranges")
        span = np.where(moving, high - low, 1.0)
        inside &= moving
        miss = np.abs(point.state - cells.state - step * cells.rates(u, w, point)) / span
        moved = float((np.abs(point.state - cells.state) / span)[moving].max())
        check(moved > 0.0, "no state moves")
        check(miss[inside] <= 1e-3 * moved + 1e-9, f"the step is missed by {miss.max():.1e}")

    def test_derivatives_by_states(self) -> None:
        """`slopes(...).state`, at frozen states, against differences."""
        cells = self.make()
        if not len(cells.state):
            raise skip("they have no states")
        u, w = self._voltages(cells)
        point = self._at(cells, u, w)
        exact = cells.slopes(u, w, cells.gates(), point).state
        low, high = cells.bounds()
        for s in range(len(cells.state)):
            room = np.minimum(cells.state - low, high - cells.state)[s]
            if not np.isfinite(room).all():
                continue  # a charge, or a state without a range
            if not (room > 0.0).all():
                continue  # at rest at a bound
            h = 1e-3 * room

            def moved(d: Array, s: int = s) -> Array:
                state = cells.state.copy()
                state[s] += d
                return self._at(cells.with_state(state), u, w).current

            numeric, smooth = slopes(moved, h)
            size = np.abs(point.current) / h
            close(exact[s][smooth], numeric[smooth], f"by state {s}", rtol=1e-4,
                  atol=1e-8 * size[smooth])

    def test_derivatives_by_gates(self) -> None:
        """`slopes(...).gate` against differences; zero for cells without gates."""
        cells = self.make()
        u, w = self._voltages(cells)
        gate = cells.gates()
        point = self._at(cells, u, w)
        exact = cells.slopes(u, w, gate, point).gate
        h = np.full(cells.shape, 1e-4)
        numeric, smooth = slopes(lambda d: self._at(cells, u, w, gate=gate + d).current, h)
        size = np.abs(point.current) / h
        close(exact[smooth], numeric[smooth], "by gate", rtol=1e-4, atol=1e-8 * size[smooth])

    def test_derivatives_by_conductances(self) -> None:
        """`slopes(...).conductance` is that by the main state over dG/dx of `conductance`."""
        cells = self.make()
        if not len(cells.state):
            raise skip("they have no states")
        u, w = self._voltages(cells)
        found = cells.slopes(u, w, cells.gates(), self._at(cells, u, w))
        k = int(getattr(getattr(cells, "device", None), "main_state", 0))
        low, high = cells.bounds()
        h = 1e-3 * np.minimum(cells.state - low, high - cells.state)[k]

        def moved(d: Array) -> Array:
            state = cells.state.copy()
            state[k] += d
            return np.asarray(cells.with_state(state).conductance)

        numeric, smooth = slopes(moved, h)
        smooth &= numeric != 0.0
        close((found.conductance * numeric)[smooth], found.state[k][smooth], "by conductance",
              rtol=1e-4, atol=1e-9 * np.abs(found.state[k]).max())

    # -- states ----------------------------------------------------------------------------------

    def test_other_states(self) -> None:
        """`with_state` makes other cells and leaves these as they are."""
        cells = self.make()
        if not len(cells.state):
            raise skip("they have no states")
        low, high = cells.bounds()
        before = cells.state.copy()
        middle = np.clip(before + 0.01 * self._ranges(cells), low, high)
        other = cells.with_state(middle)
        equal(other.state, middle, "the new states")
        equal(cells.state, before, "the old cells' states")
        check(type(other) is type(cells) and other.shape == cells.shape, "cells of another kind")
        u, w = self._voltages(cells)
        frozen = self._at(cells, u, w)
        still = np.broadcast_to(np.isfinite(low) & np.isfinite(high), before.shape)
        equal(frozen.state[still], before[still], "with a step of 0 states stand still")

    def test_rates_are_held_at_bounds(self) -> None:
        """No rate leads out of a state's range."""
        cells = self.make()
        if not len(cells.state):
            raise skip("they have no states")
        u, w = self._voltages(cells)
        low, high = (np.broadcast_to(b, cells.state.shape).copy() for b in cells.bounds())
        for bound, sign in ((low, -1.0), (high, 1.0)):
            if not np.isfinite(bound).all():
                raise skip("not all of their states have ranges")
            there = cells.with_state(bound)
            rate = there.rates(u, w, self._at(there, u, w, rtol=1e-10))
            check(sign * rate <= 0.0, "a rate leads out of a state's range")

    def test_noise(self) -> None:
        """Amplitudes of noise are there for stochastic cells, and never negative."""
        cells = self.make()
        if not cells.stochastic:
            raise skip("they have no noise")
        u, w = self._voltages(cells)
        found = cells.noise(u, w, self._at(cells, u, w))
        check(found.shape == cells.state.shape, "`noise` has shape (S, M, N)")
        check(np.isfinite(found) & (found >= 0.0), "an amplitude is negative")

    # -- in a crossbar ---------------------------------------------------------------------------

    def test_two_ways_to_solve(self) -> None:
        """The structured solver and sparse LU agree."""
        for one, two in zip(self._solutions(), self._solutions(method="mna"), strict=True):
            check(two.method.startswith("mna"), "the second way was not taken")
            scale = np.abs(two.cell_currents).max()
            close(one.currents, two.currents, "currents", atol=1e-8 * scale)
            close(one.cell_currents, two.cell_currents, "cell currents", atol=1e-8 * scale)

    def test_kirchhoffs_law(self) -> None:
        """What flows into the ends adds up, and along the lines it is the cells' current."""
        for sol in self._solutions():
            scale = np.abs(sol.cell_currents).sum()
            total = sum(float(i.sum()) for i in sol.end_currents.values())
            cells: Any = sol.crossbar.cells
            point = self._at(cells, sol.word_voltages, sol.bit_voltages)
            lost = float((point.current - point.fed).sum())  # into gates and bodies
            close(total, -lost, "the sum of all end currents", atol=1e-8 * scale)
            close(sol.currents, point.fed.sum(axis=0), "bit line currents", atol=1e-8 * scale)
            check(sol.converged and sol.residual < 1e-6, "no convergence")

    def test_power(self) -> None:
        """What sources deliver is at least what the cells take."""
        if not self.passive:
            raise skip("not claimed")
        for sol in self._solutions():
            cells = (sol.cell_currents * sol.cell_voltages).sum()
            check(cells >= 0.0, "the cells deliver power")
            check(cells <= sol.power * (1.0 + 1e-8), "the cells take more than there is")

    def test_currents_at_the_solution(self) -> None:
        """A solution's currents are the cells' own at its voltages."""
        for sol in self._solutions(rtol=1e-12):
            cells: Any = sol.crossbar.cells
            point = self._at(cells, sol.word_voltages, sol.bit_voltages)
            close(sol.cell_currents, point.current, "currents at the solution's voltages",
                  rtol=1e-6, atol=1e-9 * np.abs(point.current).max())

    def test_inputs_together_are_each_alone(self) -> None:
        """A batch of inputs, each as by itself, and with the currents alone."""
        xbar, V = self._crossbar()
        batch = np.array([V, -0.5 * V, 0.0 * V])
        together = Solver(rtol=1e-12).solve(xbar, batch)
        scale = np.abs(together.currents).max()
        for k, one in enumerate(batch):
            alone = Solver(rtol=1e-12).solve(xbar, one)
            close(together.currents[k], alone.currents, f"input {k}", atol=1e-9 * scale)
        check(np.abs(together.currents[2]) <= 1e-9 * scale, "a current without input")
        bare = Solver(rtol=1e-12).solve(xbar, batch, fields="currents")
        close(bare.currents, together.currents, "the currents alone", atol=1e-9 * scale)

    def test_solving_leaves_the_cells_alone(self) -> None:
        """Static solutions freeze the states."""
        xbar, V = self._crossbar()
        before = xbar.cells.state.copy()
        Solver().solve(xbar, V)
        equal(xbar.cells.state, before, "states after a solve")

    def test_linearisation(self) -> None:
        """The effective matrix at an input, against differences of solutions."""
        xbar, V = self._crossbar()
        W = Solver(rtol=1e-13).effective_matrix(xbar, at=V)
        for k in range(len(V)):
            step = 1e-4 * np.abs(V[k]) * np.eye(len(V))[k]
            up, down = (Solver(rtol=1e-13).solve(xbar, V + s).currents for s in (step, -step))
            numeric = (up - down) / (2.0 * step[k])
            close(W[:, k], numeric, f"dI/dV[{k}]", rtol=1e-3, atol=1e-5 * np.abs(W).max())

    def test_gradients(self) -> None:
        """Gradients by one adjoint solve against differences: input, states, gates, wires."""
        for layout in self.layouts:
            self._compare_gradients(layout)

    def _compare_gradients(self, layout: str) -> None:
        xbar, V = self._crossbar(layout)
        weights = self.rng().normal(size=xbar.shape[1])
        solver = Solver(rtol=1e-13)
        found = solver.vjp(solver.solve(xbar, V), weights)

        def loss(**changes: Any) -> float:
            volts = changes.pop("V", V)
            gate = changes.pop("gate", None)
            parts = {"cells": xbar.cells, "wires": xbar.wires, "layout": layout, **changes}
            return float(weights @ solver.solve(Crossbar(**parts), volts, **(
                {} if gate is None else {"gate_voltage": gate})).currents)

        def compare(name: str, exact: float, call: Any, step: float) -> None:
            numeric = (call(step) - call(-step)) / (2.0 * step)
            near = 1e-9 * abs(loss()) / step
            close(exact, numeric, f"gradient by {name}", rtol=2e-3, atol=near)

        rng = self.rng()
        toward = rng.choice((-1.0, 1.0), V.shape)
        compare("the input", float(found.V @ (toward * V)),
                lambda s: loss(V=V * (1.0 + s * toward)), 1e-4)
        wires = xbar.wires
        compare("the word lines", float(np.sum(found.word)),
                lambda s: loss(wires=Wires(5.0 + s, wires.bit, driver=2.0)), 1e-2)
        compare("the bit lines", float(np.sum(found.bit)),
                lambda s: loss(wires=Wires(wires.word, 3.0 + s, driver=2.0)), 1e-2)
        cells = xbar.cells
        if len(cells.state) and found.state is not None:
            low, high = cells.bounds()
            room = np.minimum(cells.state - low, high - cells.state)
            room = np.where(np.isfinite(room), room, 0.0)
            way = rng.choice((-1.0, 1.0), room.shape) * room
            compare("the states", float(np.sum(found.state * way)),
                    lambda s: loss(cells=cells.with_state(cells.state + s * way)), 1e-3)
        if found.gate is not None and cells.gates().any():
            compare("the gates", float(found.gate.sum()),
                    lambda s: loss(gate=cells.gates() + s), 1e-4)

    # -- in time ---------------------------------------------------------------------------------

    def _transient(self, scale: float = 1.0, **options: Any) -> Any:
        xbar, V = self._crossbar()
        period = self.drive()[1]
        t = period * np.array([0.0, 0.2, 0.3, 0.7, 0.8])
        shape = np.array([0.0, 1.0, 1.0, -1.0, 0.0])
        return Solver().transient(xbar, (t, scale * shape[:, None] * V), **options)

    def test_in_time(self) -> None:
        """States stay in their bounds, Kirchhoff's law holds, the end is the new array."""
        run = self._transient(probes=("state", "cell_currents"))
        low, high = self.make().bounds()
        state = run.probes["state"]
        check(run.success, run.message if hasattr(run, "message") else "the run ended early")
        check((state >= low) & (state <= high), "a state leaves its bounds")
        equal(run.crossbar.cells.state, state[-1], "the states of the array afterwards")
        scale = np.abs(run.probes["cell_currents"]).max()
        cells = self.make()
        point = self._at(cells, *self._voltages(cells))
        if not np.any(cells.capacitance) and point.into is None:
            close(run.currents, run.probes["cell_currents"].sum(axis=1), "bit line currents",
                  atol=1e-5 * scale)

    def test_no_drive_in_time(self) -> None:
        """Without a drive nothing flows."""
        run = self._transient(scale=0.0)
        scale = np.abs(self._transient().currents).max()
        check(np.abs(run.currents) <= 1e-9 * scale, "a current without a drive")

    def test_seeds(self) -> None:
        """One seed, one run; another seed another, where there is noise."""
        one, again, other = (self._transient(seed=s).crossbar.cells.state for s in (3, 3, 4))
        equal(again, one, "the same seed")
        if self.make().stochastic:
            check((other != one).any(), "two seeds, one run")
        else:
            equal(other, one, "cells without noise")

    # -- files, circuits, decks ------------------------------------------------------------------

    def test_saved_and_loaded(self) -> None:
        """An array is the same after a file."""
        if not (self.portable and isinstance(self.make(), StoredCells)):
            raise skip("they cannot be saved")
        xbar, V = self._crossbar()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "xbar.npz"
            xbar.save(path)
            again: Any = Crossbar.load(path)
        check(type(again.cells) is type(xbar.cells), "cells of another kind")
        equal(again.cells.state, xbar.cells.state, "the states")
        equal(again.cells.gates(), xbar.cells.gates(), "the gate voltages")
        equal(Solver().solve(again, V).currents, Solver().solve(xbar, V).currents, "the currents")

    def test_written_for_spice(self) -> None:
        """The deck of the array, read again and solved, has the array's currents."""
        if not (self.portable and isinstance(self.make(), SpiceCells)):
            raise skip("they cannot be written")
        xbar, V = self._crossbar()
        expected = Solver(rtol=1e-12).solve(xbar, V).currents
        circuit = read_spice(xbar.to_circuit(V).to_spice())
        circuit.options(reltol=1e-8, abstol=1e-15, vntol=1e-12)
        found = Solver().operating_point(circuit)
        currents = [float(found[f"i(v_bl{j}_bottom)"]) for j in range(xbar.shape[1])]
        close(currents, expected, "currents of the deck", rtol=1e-6,
              atol=1e-6 * np.abs(expected).max())

    def test_as_an_element_of_a_circuit(self) -> None:
        """The array in a circuit, between sources, has the array's currents."""
        xbar, V = self._crossbar()
        cells = xbar.cells
        if not np.isfinite(cells.bounds()).all():
            raise skip("circuits do not take states without ranges")
        rows, columns = xbar.shape
        circuit = Circuit()
        ends: dict[str, Any] = {
            "word_left": [f"w{i}" for i in range(rows)],
            "bit_bottom": [f"b{j}" for j in range(columns)],
        }
        for i in range(rows):
            circuit.V(f"w{i}", f"w{i}", 0, float(V[i]))
        for j in range(columns):
            circuit.V(f"b{j}", f"b{j}", 0, 0.0)
        along = getattr(cells, "gate_along", "")
        if along:
            lines = cells.gates()[:, 0] if along == "rows" else cells.gates()[0]
            ends["gate"] = [f"g{k}" for k in range(len(lines))]
            for k, volts in enumerate(lines):
                circuit.V(f"g{k}", f"g{k}", 0, float(volts))
        circuit.crossbar("1", xbar, **ends)
        circuit.options(reltol=1e-8, abstol=1e-15, vntol=1e-12)
        circuit.transient(1e-30)
        found = Solver().operating_point(circuit)
        expected = Solver(rtol=1e-12).solve(xbar, V).currents
        currents = [float(found[f"i(vb{j})"]) for j in range(columns)]
        close(currents, expected, "currents of the element", rtol=1e-5,
              atol=1e-6 * np.abs(expected).max())
