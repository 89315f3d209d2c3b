"""A crossbar in time: TR-BDF2, adaptive, states and capacitors together.

Each of the two stages is an implicit equation x = base + c f(x) with the same c (see
`solvers.integration.tr_bdf2`): cells solve it for their states locally, capacitors become
conductances 1/c, and the array's nodes are one Newton solve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...core.compiled.threads import one_blas_thread
from ...core.draws import Seed, seed_sequence
from ...core.errors import ConvergenceError, ParameterError
from ...core.validation import Array
from ...netlists.analyses import check_steps
from ...netlists.crossbar.cells import CellPoint, Cells
from ...netlists.crossbar.crossbar import Crossbar
from ...netlists.crossbar.ends import END_NAMES
from ...netlists.crossbar.waveforms import LineWaves, Waveforms
from ..integration.stall_detection import StallError, StallRules
from ..integration.step_control import StepControl, StepController, StepRules
from ..integration.tr_bdf2 import END_MIDDLE, END_START, SHARE, STAGE
from ..integration.truncation_error import tr_bdf2_error
from ..transient_result import Probe, TransientResult
from .line_equations import Sources
from .newton import Companions, Network, Operating
from .prediction import predict
from .problem import make_problem
from .static_cells import approach, array_cells
from .waveforms import Drive, compile_drive

__all__ = ["ARRAY_STEPS", "Run", "TransientResult", "check_transient", "run_transient"]

# A step costs two Newton solves of the array: `safety` spares refused ones, and states that rest
# between pulses let steps grow fast (Hairer, Norsett and Wanner I, II.4, for the size of both). At
# a failure or an estimate over a jump of a rate the error says little: `after_failure`, `shrink`.
# From a corner on nothing is known, and a first step refused costs more than a short one
# (`corner_gap`); the step before it says nothing of the pulse that begins.
ARRAY_STEPS = StepRules(
    safety=0.9, growth=4.0, shrink=0.2, after_failure=0.25, corner_gap=0.05,
    corner_last=math.inf, halving=2.0, refit=True,
)
_ORDER = 2
_FIRST = 1e-3  # step, of the way to the first corner
_LEAST_STEPS = 30
_RESOLUTION = 4e-15  # step, of the time reached: times must be told apart
_EARLY = 1e-4  # of the run: what counts as the time reached at least
_FAILURES = 5000  # of Newton's iteration in a run
_JUMPS = 10  # of every state of every cell in a run: switchings at the resolution of time
# charges may be wrong by that much more than states: their errors do not add up, they decay
_CHARGES = 10.0
_LOOSE = 100.0  # energies may be wrong by that much more than states
_QUIET = 1e-2  # of the largest power: less is little
_NOISE = 0.02  # of a state's range: what noise may add in a step
_PROBES = ("state", "conductance", "cell_voltages", "cell_currents", "word_voltages",
           "bit_voltages")


@dataclass(eq=False)
class _Point:
    """The array at one time, with the slopes of all that is stored."""

    t: float
    at: Operating
    sources: Sources
    state: Array
    rate: Array
    volts: tuple[Array, Array]
    slopes: tuple[Array, Array]
    energy: list[Array] = field(default_factory=list)

    def powers(self) -> list[Array]:
        return [-v * i for v, i in zip(self.sources, self.at.ends, strict=True)]


def run_transient(
    xbar: Crossbar, waveforms: Waveforms, t_stop: float | None, *, gate: LineWaves | None,
    probes: Sequence[Probe], seed: Seed, rtol: float, max_step: float | None,
    progress: Callable[[float], None] | None, method: str, threads: int,
) -> TransientResult:
    """Integrate an array, see `CrossbarSolver.transient`."""
    drive = check_transient(xbar, waveforms, t_stop, gate, probes, rtol, max_step)
    cells = array_cells(xbar)
    with one_blas_thread():
        return Run(
            xbar, cells, drive, probes, seed, rtol, max_step, progress, method, threads
        ).result()


def check_transient(
    xbar: Crossbar, waveforms: Waveforms, t_stop: float | None, gate: LineWaves | None,
    probes: Sequence[Probe], rtol: float, max_step: float | None,
) -> Drive:
    """Refuse what `Solver.transient` refuses; return what drives the array."""
    cells = array_cells(xbar)
    if not 1e-12 <= rtol <= 0.1:
        raise ParameterError(f"`rtol` must be between 1e-12 and 0.1; got {rtol!r}")
    lines = getattr(cells, "gate_along", None)
    gate_lines = None if lines is None else xbar.shape[0 if lines == "rows" else 1]
    drive = compile_drive(xbar, waveforms, t_stop, gate, gate_lines)
    if max_step is not None and not (np.isfinite(max_step) and max_step > 0):
        raise ParameterError(f"`max_step` must be > 0 second; got {max_step!r}")
    if max_step is not None:
        check_steps("max_step", max_step, drive.stop)
    for probe in probes:
        name, cell = (probe, None) if isinstance(probe, str) else probe
        if name not in _PROBES:
            raise ParameterError(f"no probe {name!r}; there are {', '.join(_PROBES)}")
        if cell is not None and not all(
            0 <= k < n for k, n in zip(cell, xbar.shape, strict=True)
        ):
            raise ParameterError(
                f"probe {name!r}: cell {tuple(cell)} is outside the {xbar.shape[0]}x"
                f"{xbar.shape[1]} array"
            )
    return drive


class Run:
    """One run."""

    def __init__(
        self, xbar: Crossbar, cells: Cells, drive: Drive, probes: Sequence[Probe], seed: Seed,
        rtol: float, max_step: float | None, progress: Callable[[float], None] | None,
        method: str, threads: int,
    ) -> None:
        self.newton_rtol = max(1e-10, 1e-2 * rtol)
        self.own, tabulated = cells, getattr(cells, "tabulated", None)
        cells = cells if tabulated is None else tabulated(self.newton_rtol)
        self.xbar, self.cells, self.drive, self.probes = xbar, cells, drive, tuple(probes)
        self.rtol = rtol
        self.stop = drive.stop
        self.max_step = max_step or self.stop / _LEAST_STEPS
        problem = make_problem(xbar, np.zeros((1, xbar.inputs)))
        self.network = Network(problem, cells, method, threads)
        low, high = cells.bounds()
        self.span = high - low
        self.bounded = bool(np.isfinite(self.span).all())
        self.most = np.zeros((len(low), 1, 1))  # size that states have reached
        self.low, self.high = low, high
        self.caps = _capacitors(xbar)
        self.cell_cap = np.broadcast_to(
            cells.capacitance, xbar.shape
        )
        self.paths = tuple(map(_resistance_to_ends, (
            self.network.lines.words.r, self.network.lines.bits.r
        )))
        self.stores = bool(self.caps[0].any() or self.caps[1].any() or self.cell_cap.any())
        self.random = np.random.Generator(np.random.Philox(seed_sequence(seed)))
        self.noisy = cells.stochastic
        self.volt = max(max(float(np.abs(s).max()) for s in drive.ends(t)) for t in drive.samples())
        self.volt = max(self.volt, 1e-3)
        # a thousandth of what the best conducting cell draws at the largest voltage
        self.scale = 1e-3 * self.volt * float(np.abs(cells.conductance).max())
        # what all cells together could take, at first
        self.peak = 0.5 * self.volt**2 * float(np.abs(cells.conductance).sum())
        shortest = _RESOLUTION * (_EARLY * self.stop)
        self.control: StepControl = StepController(
            ARRAY_STEPS, drive.times(), stop=self.stop, longest=self.max_step, shortest=shortest,
            resolution=_RESOLUTION, progress=progress,
            stall=StallRules(_FAILURES, _JUMPS * low.shape[0] * xbar.shape[0] * xbar.shape[1]),
        )
        self.newton = 0
        self.residual = 0.0
        self.kept: list[tuple[Any, ...]] = []

    # -- one implicit stage --------------------------------------------------------------------

    def _solve(
        self, t: float, base: Array, step: float, volts: tuple[Array, Array], past: _Point,
        before: _Point | None,
    ) -> tuple[Operating, Sources]:
        """Solve one stage, from where the line through the points `before` and `past` leads."""
        sources = self.drive.ends(t)
        companions = None
        if self.stores:
            companions = Companions(
                (self.caps[0] / step, volts[0]), (self.caps[1] / step, volts[1]),
                (self.cell_cap / step, volts[0] - volts[1]),
            )
        ratio, states, old = 0.0, (past.state, past.state), None
        if before is not None:
            ratio = (t - past.t) / (past.t - before.t)
            states, old = (past.state, before.state), before.at
        guess = predict(past.at, old, ratio, self.low, self.high, states=states)
        found = self.network.solve(
            sources, self.cells.gates(self.drive.gates(t)), base=base, step=step,
            **guess._asdict(), rtol=self.newton_rtol, companions=companions,
            scale=self.scale,
        )
        self.newton += found.newton
        return found, sources

    def _start(self) -> _Point:
        state, sources = self.cells.state, self.drive.ends(0.0)
        at = approach(
            self.network, sources, self.cells.gates(self.drive.gates(0.0)), state, None, 1e-10
        )
        state = at.point.state  # charges have settled
        rate = self.cells.rates(at.word, at.bit, at.point)
        still = np.zeros(self.xbar.shape)
        energy = [np.zeros(len(s)) for s in sources]
        return _Point(0.0, at, sources, state, rate, (at.word, at.bit), (still, still), energy)

    def _step(self, a: _Point, h: float, before: _Point | None) -> tuple[_Point, float]:
        """Try a step; return the point and its error over the tolerance."""
        c = STAGE * h
        base = a.state + c * a.rate
        volts = (a.volts[0] + c * a.slopes[0], a.volts[1] + c * a.slopes[1])
        mid, mid_sources = self._solve(a.t + SHARE * h, base, c, volts, a, before)
        m = self._point(a.t + SHARE * h, mid, mid_sources, base, c, volts)
        base = END_MIDDLE * m.state - END_START * a.state
        volts = (
            END_MIDDLE * m.volts[0] - END_START * a.volts[0],
            END_MIDDLE * m.volts[1] - END_START * a.volts[1],
        )
        end, sources = self._solve(a.t + h, base, c, volts, m, a)
        b = self._point(a.t + h, end, sources, base, c, volts)
        error = 0.0
        if a.state.size:
            miss = tr_bdf2_error(h, a.rate, m.rate, b.rate)
            # a state that has come to rest at a bound is known exactly
            held = (b.state <= self.low) | (b.state >= self.high)
            miss = np.where(held, 0.0, miss)
            if b.at.point.stays is not None:
                miss = miss * self._stays(b.at.point, c)
                miss[~np.isfinite(self.span[:, 0, 0])] /= _CHARGES
            error = float((miss / self._ranges(a, b)).max())
        if self.stores:
            for k in (0, 1):
                if self.caps[k].any() or self.cell_cap.any():
                    miss = tr_bdf2_error(h, a.slopes[k], m.slopes[k], b.slopes[k])
                    error = max(error, float(miss.max()) / self.volt)
        powers = a.powers(), m.powers(), b.powers()
        whole = [float(sum(p.sum() for p in each)) for each in powers]
        self.peak = max(self.peak, *map(abs, whole))
        # a step's energy, by the same estimate: states may move evenly while the power curves
        miss = tr_bdf2_error(h, *map(np.array, whole))
        share = float(miss) / (h * max(abs(whole[0]), abs(whole[2]), _QUIET * self.peak))
        error = max(error, share / _LOOSE)
        for e, p, q, r in zip(a.energy, *powers, strict=True):
            half = e + c * (p + q)
            b.energy.append(END_MIDDLE * half - END_START * e + c * r)
        return b, error / self.rtol

    def _ranges(self, a: _Point, b: _Point) -> Array:
        """Return the states' ranges; where they have none, the size that they reach.

        That of charges is at least what the largest voltage makes: a charge that begins at 0 need
        not be followed to a share of next to nothing.
        """
        if self.bounded:
            return self.span
        size = np.maximum(np.abs(a.state), np.abs(b.state)).max(axis=(1, 2), keepdims=True)
        charges = len(self.cells.state) - len(getattr(self.cells, "device_state", self.cells.state))
        if charges:
            farad = np.abs(b.at.point.lead_word[-charges:]) + np.abs(b.at.point.lead_bit[-charges:])
            full = self.volt * farad.max(axis=(1, 2), keepdims=True)
            size[-charges:] = np.maximum(size[-charges:], full)
        self.most = np.maximum(self.most, np.where(np.isfinite(size), size, 0.0))
        most = np.where(self.most > 0.0, self.most, 1.0)
        return np.where(np.isfinite(self.span), self.span, most)

    def _stays(self, point: CellPoint, c: float) -> Array:
        """Return the share of an error of every state that a stage leaves.

        Charges at the lines' nodes follow the voltages within the time constant of all of a line's
        charges behind its resistance up to the node.
        """
        found = np.array(point.stays)
        first = len(point.lead_word) - len(point.state)
        lines = self.network.lines
        rows = getattr(self.cells, "terminal_charges", (-1, -1))
        leads = point.lead_word, point.lead_bit
        for k, (s, lead) in enumerate(zip(rows, leads, strict=True)):
            if s < 0:
                continue
            farad = np.abs(lead[first + s])
            if k == 0:
                tau = lines.as_words(self.paths[0] * lines.as_words(farad).sum(axis=1)[:, None])
            else:
                tau = (self.paths[1] * farad.T.sum(axis=1)[:, None]).T
            found[s] *= tau / (tau + c)
        return found

    def _point(
        self, t: float, at: Operating, sources: Sources, base: Array, c: float,
        volts: tuple[Array, Array],
    ) -> _Point:
        self.residual = max(self.residual, at.residual)
        slopes = ((at.word - volts[0]) / c, (at.bit - volts[1]) / c)
        return _Point(t, at, sources, at.point.state, (at.point.state - base) / c,
                      (at.word, at.bit), slopes)

    # -- the run -------------------------------------------------------------------------------

    def result(self) -> TransientResult:
        """Run to the end, or as far as it goes."""
        self.last = self._start()
        self._keep(self.last)
        try:
            self._advance(self.last)
        except KeyboardInterrupt:
            return self._result(f"interrupted at {self.last.t:g} s of {self.stop:g} s")
        except ConvergenceError as error:
            error.partial = self._result(str(error))
            raise
        return self._result("")

    def _result(self, message: str) -> TransientResult:
        point, control = self.last, self.control
        names = dict(zip(END_NAMES, range(4), strict=True))
        columns = list(zip(*self.kept, strict=True))
        end_currents = {n: np.array([e[k] for e in columns[1]]) for n, k in names.items()}
        return TransientResult(
            time=np.array(columns[0]), currents=end_currents["bit_bottom"],
            end_currents=end_currents,
            end_energy={n: point.energy[k] for n, k in names.items()},
            energy=float(sum(e.sum() for e in point.energy)),
            probes={p: np.array(columns[2 + k]) for k, p in enumerate(self.probes)},
            crossbar=self.xbar if self.xbar.linear
            else self.xbar.with_cells(self.own.with_state(point.state)),
            steps=control.steps, rejected=control.rejected + control.failed, newton=self.newton,
            residual=self.residual, jumps=control.jumps, success=not message, message=message,
            method="; ".join(filter(None, (
                self.network.linear.method, getattr(self.cells, "evidence", ""),
            ))),
        )

    def _advance(self, point: _Point) -> None:
        control = self.control
        before: _Point | None = None  # no line leads round a corner
        control.longest = min(self.max_step, self._noise_step(point))
        control.begin(_FIRST * control.corner)
        while not control.done:
            h = control.h
            new, error, failure = point, math.inf, None
            try:
                straight = before if h < 4.0 * (point.t - (before or point).t) else None
                new, error = self._step(point, h, straight)
            except ConvergenceError as problem:
                failure = problem
            try:
                if error > 1.0:
                    if failure is not None or not control.at_resolution:
                        self._shorten(error)
                        continue
                    # a switching faster than times can be told apart: the implicit step ends it
                    control.jump()
                new.t = control.advance()
            except StallError as stall:
                raise self._stuck(point, failure) from stall
            if self.noisy:
                self._add_noise(new, h)
                control.longest = min(self.max_step, self._noise_step(new))
            before = None if self.noisy else point
            point = self.last = new
            self._keep(point)
            if control.follow(control.longer(error, _ORDER)):
                before = None

    def _shorten(self, error: float) -> None:
        control = self.control
        if math.isfinite(error):
            control.reject(control.shorter(error, _ORDER), "the error of a step stays too large")
        else:
            control.fail("the array's equations cannot be solved")

    def _stuck(self, point: _Point, failure: ConvergenceError | None) -> ConvergenceError:
        if failure is not None and "cell (" in str(failure):
            return ConvergenceError(
                f"at t = {point.t:.6g} s no time step is short enough: {failure}"
            )
        rate = np.abs(point.rate / self.span).max(axis=0) if point.rate.size else np.zeros((1, 1))
        i, j = map(int, np.unravel_index(int(rate.argmax()), rate.shape))
        drop = float((point.at.word - point.at.bit)[i, j])
        return ConvergenceError(
            f"at t = {point.t:.6g} s steps became too short to tell times apart; cell ({i}, {j}) "
            f"at {drop:.4g} V moves fastest; limit its current, loosen `rtol`, or give the "
            "sources a longer rise time"
        )

    # -- noise ---------------------------------------------------------------------------------

    def _noise(self, point: _Point) -> Array:
        return self.cells.noise(point.at.word, point.at.bit, point.at.point)

    def _noise_step(self, point: _Point) -> float:
        if not self.noisy:
            return np.inf
        worst = float((self._noise(point) / self.span).max())
        return (_NOISE / worst) ** 2 if worst > 0 else np.inf

    def _add_noise(self, point: _Point, h: float) -> None:
        """Add the noise of a step of h to the states."""
        kick = self._noise(point) * np.sqrt(h) * self.random.standard_normal(point.state.shape)
        point.state = np.clip(point.state + kick, self.low, self.high)

    # -- what is kept --------------------------------------------------------------------------

    def _keep(self, point: _Point) -> None:
        found: list[Any] = [point.t, point.at.ends]
        for probe in self.probes:
            name, cell = (probe, None) if isinstance(probe, str) else probe
            values = self._value(name, point)
            found.append(np.array(values if cell is None else values[..., cell[0], cell[1]]))
        self.kept.append(tuple(found))

    def _value(self, name: str, point: _Point) -> Array:
        at = point.at
        if name == "state":
            return point.state
        if name == "conductance":
            return self.cells.with_state(point.state).conductance
        if name == "cell_voltages":
            return at.word - at.bit
        if name == "cell_currents":
            return at.point.current
        return at.word if name == "word_voltages" else at.bit


def _resistance_to_ends(r: Array) -> Array:
    """Return the resistance from every node of lines to the nearer end, (L, n) ohm."""
    first, last = np.cumsum(r[:, :-1], axis=1), np.cumsum(r[:, :0:-1], axis=1)[:, ::-1]
    return np.minimum(first, last)


def _capacitors(xbar: Crossbar) -> tuple[Array, Array]:
    """Return the capacitance at every node, word and bit, farad: that of its segment."""
    shape, wires = xbar.shape, xbar.wires
    return (np.array(np.broadcast_to(wires.word_capacitance, shape)),
            np.array(np.broadcast_to(wires.bit_capacitance, shape)))
