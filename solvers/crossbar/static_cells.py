"""Static solutions of arrays of cells: many inputs, and approaches where Newton fails at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.compiled.threads import one_blas_thread, spread
from ...core.errors import ConvergenceError
from ...core.validation import Array
from ...netlists.crossbar.cells import CellPoint, Cells, CellSlopes
from ...netlists.crossbar.crossbar import Crossbar, Resistive
from .line_equations import Sources
from .newton import NODE, NOTHING, Network, Operating
from .problem import CrossbarProblem, RawSolution, bound
from .structured.newton_many import Results, can_run, solve_many

__all__ = ["ResistiveCells", "approach", "array_cells", "solve_cells"]

_NEAR = 0.2  # of the largest source: two inputs of which one is a start for the other


class ResistiveCells:
    """Plain resistors as cells, for layouts and analyses that ask for `Cells`."""

    stochastic = False
    capacitance = np.zeros(())

    def __init__(self, conductance: Array) -> None:
        self.conductance = conductance
        self.shape = (int(conductance.shape[0]), int(conductance.shape[1]))
        self.state = np.zeros((0, *self.shape))

    def gates(self, gate_voltage: object = None) -> Array:
        """Return zeros: resistors have no gates."""
        del gate_voltage
        return np.zeros(self.shape)

    def bounds(self) -> tuple[Array, Array]:
        """Return two empty arrays."""
        return np.zeros((0, 1, 1)), np.zeros((0, 1, 1))

    def evaluate(
        self, u: Array, w: Array, gate: Array, *, base: Array, step: float, state: Array,
        inner: Array, threads: int = 1, rtol: float = 1e-10,
    ) -> CellPoint:
        """Return Ohm's law."""
        del gate, base, step, threads, rtol
        g = self.conductance
        still = np.zeros((1, *self.shape))
        return CellPoint(g * (u - w), g, g, inner, state, still, still, -1)

    def rates(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return nothing: resistors have no states."""
        del u, w, point
        return self.state

    def slopes(self, u: Array, w: Array, gate: Array, point: CellPoint) -> CellSlopes:
        """Return the voltage across every cell: di/dG."""
        del gate, point
        return CellSlopes(self.state, np.zeros(self.shape), u - w)

    def noise(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return nothing."""
        del u, w, point
        return self.state

    def with_state(self, state: Array) -> ResistiveCells:
        """Return the same cells."""
        del state
        return self


def array_cells(xbar: Crossbar) -> Cells:
    """Return the cells of `xbar`, plain resistors wrapped."""
    if isinstance(xbar.cells, Resistive):
        return ResistiveCells(xbar.cells.conductance)
    return xbar.cells


def solve_cells(
    problem: CrossbarProblem, cells: Cells, gate: Array, *, method: str, keep: bool, rtol: float,
    threads: int,
) -> tuple[RawSolution, str]:
    """Solve all input vectors of `problem` with the states of `cells` frozen.

    `gate` (M, N) or (B, M, N) volt. Vectors are solved together from unloaded lines; where that
    fails, one by one: from the solution of the one before where their sources are about equal, else
    from unloaded lines, else from no drive, raised in steps. Returns also why the first vector that
    has no solution failed; it keeps what was reached.
    """
    batch, shape = problem.batch, problem.shape
    kept = batch if keep else 0
    word, bit, current = (np.empty((kept, *shape)) for _ in range(3))
    left, right, top, bottom = (np.empty(end.shape) for end in problem.ends)
    results = Results(word, bit, current, (left, right, top, bottom), np.full((batch, 2), -1.0))
    parts = min(threads, batch)
    cuts = [batch * k // parts for k in range(parts + 1)]
    together = can_run(problem, cells, method)

    def part(index: int) -> str:
        own = slice(cuts[index], cuts[index + 1])
        if together:
            solve_many(
                problem, cells, gate, results, own, rtol=rtol, node=NODE, nothing=NOTHING,
                threads=threads // parts,
            )
        left_over = np.flatnonzero(results.stats[own, 0] < 0) + cuts[index]
        network = Network(problem, cells, method, threads // parts)
        return _one_by_one(network, problem, cells, gate, results, left_over, rtol)

    with one_blas_thread():
        found = spread(part, parts, threads)
    failure = next((text for text in found if text), "")
    return RawSolution(
        word=word if keep else None, bit=bit if keep else None, end_currents=results.ends,
        residual=float(results.stats[:, 1].max()), iterations=int(results.stats[:, 0].max()),
        method=Network(problem, cells, method).linear.method,
        cell_currents=current if keep else None, gate=gate, gave_up=bool(failure),
        bound=bound(rtol),
    ), failure


def _one_by_one(
    network: Network, problem: CrossbarProblem, cells: Cells, gate: Array, results: Results,
    vectors: NDArray[np.int64], rtol: float,
) -> str:
    """Solve some vectors of `problem` into `results`; return why the first that fails did."""
    failure = ""
    last: Operating | None = None
    before: Sources | None = None
    for k in vectors:
        left, right, top, bottom = (np.ascontiguousarray(end[k]) for end in problem.ends)
        gates = gate[k] if gate.ndim == 3 else gate
        sources = left, right, top, bottom
        if before is None or not _near(sources, before):
            last = None  # no drive is a better start than another one
        before = sources
        try:
            last = found = approach(network, sources, gates, cells.state, last, rtol)
        except ConvergenceError as error:
            failure = failure or f"input {k}: {error}"
            last, found = None, error.partial
        results.stats[k] = found.newton, found.residual
        for target, value in zip(results.ends, found.ends, strict=True):
            target[k] = value
        if len(results.word):
            results.word[k], results.bit[k] = found.word, found.bit
            results.current[k] = found.point.current
    return failure


def _near(a: Sources, b: Sources) -> bool:
    """Return whether sources changed little, as along a sweep."""
    change = max(float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True))
    return change <= _NEAR * max(float(np.abs(x).max()) for x in a)


def approach(
    network: Network, sources: Sources, gate: Array, state: Array, last: Operating | None,
    rtol: float,
) -> Operating:
    """Solve from the last solution, or by raising the sources from zero."""
    def attempt(scale: float, start: Operating | None) -> Operating:
        left, right, top, bottom = (scale * s for s in sources)
        return network.solve(
            (left, right, top, bottom), gate, base=state, step=0.0, state=state,
            inner=start.point.inner if start else None, u=start.u if start else None,
            w=start.w if start else None, rtol=rtol,
        )

    for start in dict.fromkeys((last, None)):
        try:
            return attempt(1.0, start)
        except ConvergenceError as error:
            failure = error
    reached, stride = 0.0, 0.1
    found: Operating | None = None
    while reached < 1.0:
        try:
            found = attempt(min(1.0, reached + stride), found)
        except ConvergenceError:
            stride *= 0.25
            if stride < 1e-4:
                raise failure from None
            continue
        reached = min(1.0, reached + stride)
        stride *= 2.0
    if found is None:
        raise failure
    return found
