"""Gradients and linearisations of arrays of cells, by the transposed Jacobian at the solution.

As for resistors (`adjoint`), with the adjoint network's cells drawing gu (l_u - l_w) from the word
and feeding gw (l_u - l_w) into the bit nodes, gu = di/du and gw = -di/dw: the transposed coupling
of a transistor. For any parameter p of a cell dL/dp = -(l_u - l_w) di/dp. Where cells draw i and
feed another current j, dL/dp = -l_u di/dp + l_w dj/dp, and what leads to ground does in the adjoint
network, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...core.compiled.threads import one_blas_thread, spread
from ...core.errors import ConvergenceError
from ...core.validation import Array
from ...netlists.crossbar.cells import CellPoint, Cells, CellSlopes
from ...netlists.crossbar.crossbar import Crossbar
from ...netlists.crossbar.ends import END_NAMES
from ..solution import Gradients, Solution
from .adjoint import like_bit, like_word
from .line_equations import Lines, Measured, Sources
from .newton import make_step
from .problem import make_problem
from .static_cells import array_cells
from .structured.linear_steps import Step

__all__ = [
    "Adjoint", "Linearised", "by_inputs", "cell_gradients", "flows_along", "linearise",
]

_ROUNDS = 4
_TIGHT = 1e-11


@dataclass(frozen=True, eq=False)
class Adjoint:
    """Adjoint voltages of the nodes (M, N), what cells draw and feed, and the end currents."""

    word: Array
    bit: Array
    out: Array
    into: Array
    ends: Sources

    @property
    def across(self) -> Array:
        """Adjoint voltages across the cells."""
        return self.word - self.bit


class Linearised:
    """The array at one solution."""

    def __init__(self, lines: Lines, step: Step, point: CellPoint) -> None:
        self.lines, self.step = lines, step
        self.gu, self.gw = point.by_word, point.by_bit
        self.ground = point.ground

    def adjoint(self, sense: Array) -> Adjoint:
        """Solve the transposed network with the sensed ends driven at `sense` (N,)."""
        words, bits = self.lines.counts
        zero_w, zero_b = np.zeros(words), np.zeros(bits)
        base_w, base_b = self.lines.lift((zero_w, zero_w, zero_b, sense))
        u, w = np.zeros(self.lines.shape), np.zeros(self.lines.shape)
        word, bit, law = self._residual(base_w, base_b, u, w)
        for _ in range(_ROUNDS):
            if law.total <= max(_TIGHT * law.largest, law.noise):
                break
            du, dw, _ = self.step.solve(
                self.gu, self.gw, self.ground, law.res_u, law.res_w, 1e-10, transposed=True
            )
            u, w = u + du, w + dw
            word, bit, law = self._residual(base_w, base_b, u, w)
        if law.total > 1e4 * max(_TIGHT * law.largest, law.noise):
            raise ConvergenceError(
                "the adjoint solve did not converge: currents of the linearised network miss "
                f"Kirchhoff's law by {law.total:.2g} of {law.largest:.2g} A; use method='mna'"
            )
        return Adjoint(word, bit, *self._flows(word, bit), law.ends)

    def _flows(self, word: Array, bit: Array) -> tuple[Array, Array]:
        across = word - bit
        return self.gu * across + self.ground[0] * word, self.gw * across - self.ground[1] * bit

    def _residual(
        self, base_w: Array, base_b: Array, u: Array, w: Array
    ) -> tuple[Array, Array, Measured]:
        word, bit = base_w + u, base_b + w
        return word, bit, self.lines.measure(*self._flows(word, bit), u, w)


class _Sums:
    """Gradients of cells and segments, summed over input vectors; lines as rows."""

    def __init__(self, lines: Lines, cells: Cells) -> None:
        self.word, self.bit = np.zeros(lines.words.r.shape), np.zeros(lines.bits.r.shape)
        self.conductance, self.gate = np.zeros(cells.shape), np.zeros(cells.shape)
        self.state = np.zeros(cells.state.shape)

    def add(self, found: Adjoint, slopes: CellSlopes) -> None:
        """Add the cells' part at one solution."""
        for own in ("conductance", "gate", "state"):
            total, out = getattr(self, own), getattr(slopes, own)
            if slopes.into is None:
                total -= found.across * out
            else:
                total -= found.word * out - found.bit * getattr(slopes.into, own)


def by_inputs(xbar: Crossbar, ends: Sources) -> Array:
    """Return the currents into the ends that take their entry of V, summed line by line."""
    total = np.zeros(xbar.inputs)
    for name, current in zip(("word_left", "word_right"), ends[:2], strict=True):
        end = xbar.line_ends[name]
        total += np.where(end.connected & np.isnan(end.voltage), current, 0.0)
    return total


def _points(sol: Solution, cells: Cells) -> Callable[[int], tuple[CellPoint, Array, Array, Array]]:
    """Return a function k -> the cells at the k-th solution, with u, w and gates."""
    rows, columns = sol.crossbar.shape
    word = sol.word_voltages.reshape(-1, rows, columns)
    bit = sol.bit_voltages.reshape(-1, rows, columns)
    gate = cells.gates() if sol.gate is None else sol.gate

    def at(k: int) -> tuple[CellPoint, Array, Array, Array]:
        gates = gate[k] if gate.ndim == 3 else gate
        point = cells.evaluate(
            word[k], bit[k], gates, base=cells.state, step=0.0, state=cells.state,
            inner=0.5 * (word[k] + bit[k]),
        )
        return point, word[k], bit[k], gates

    return at


def flows_along(out: Array, first: Array) -> Array:
    """Return the currents along lines, (L, n+1), whose nodes lose `out` (L, n)."""
    flows = np.empty((out.shape[0], out.shape[1] + 1))
    flows[:, 0] = -first
    flows[:, 1:] = -first[:, None] - np.cumsum(out, axis=1)
    return flows


def cell_gradients(
    sol: Solution, grad: Array, method: str, threads: int, *, wires: bool = True
) -> Gradients:
    """Return the gradients of the loss whose derivative with respect to the currents is `grad`.

    Those of the segments are zero without `wires`.
    """
    xbar = sol.crossbar
    cells = array_cells(xbar)
    volts = sol.V.reshape(-1, xbar.inputs)
    problem = make_problem(xbar, volts)
    grads = np.where(
        xbar.line_ends["bit_bottom"].connected, grad.reshape(len(volts), -1), 0.0
    )
    at = _points(sol, cells)
    ends = [sol.end_currents[name].reshape(len(volts), -1) for name in END_NAMES]

    as_words = Lines(problem).as_words
    by_v = np.empty(volts.shape)
    parts = max(1, min(threads, len(volts)))
    cuts = [len(volts) * k // parts for k in range(parts + 1)]

    def part(index: int) -> _Sums:
        """Add up what belongs to the cells and wires: memory does not grow with the vectors."""
        lines, step = Lines(problem), make_step(problem, method)
        sums = _Sums(lines, cells)
        for k in range(cuts[index], cuts[index + 1]):
            point, u, w, gates = at(k)
            found = Linearised(lines, step, point).adjoint(grads[k])
            by_v[k] = by_inputs(xbar, found.ends)
            sums.add(found, cells.slopes(u, w, gates, point))
            if not wires:
                continue
            sums.word += flows_along(as_words(point.current), ends[0][k]) * flows_along(
                as_words(found.out), found.ends[0]
            )
            sums.bit += flows_along(-point.fed.T, ends[2][k]) * flows_along(
                -found.into.T, found.ends[2]
            )
        return sums

    with one_blas_thread():
        total, *rest = spread(part, parts, threads)
    for sums in rest:
        for name in ("word", "bit", "conductance", "gate", "state"):
            target = getattr(total, name)
            target += getattr(sums, name)
    return Gradients(
        V=by_v.reshape(sol.V.shape), conductance=total.conductance,
        word=like_word(as_words(total.word), xbar), bit=like_bit(total.bit.T, xbar),
        state=total.state, gate=total.gate,
    )


def linearise(sol: Solution, method: str, threads: int) -> tuple[Array, Array]:
    """Return (W, I0): currents = V @ W.T + I0 to first order around one solution."""
    xbar = sol.crossbar
    cells = array_cells(xbar)
    problem = make_problem(xbar, sol.V[None])
    point, *_ = _points(sol, cells)(0)
    outputs = xbar.shape[1]
    connected = xbar.line_ends["bit_bottom"].connected
    parts = max(1, min(threads, outputs))
    W = np.zeros((outputs, xbar.inputs))

    def part(index: int) -> None:
        network = Linearised(Lines(problem), make_step(problem, method), point)
        for j in range(index, outputs, parts):
            if connected[j]:
                W[j] = by_inputs(xbar, network.adjoint(np.eye(1, outputs, j)[0]).ends)

    with one_blas_thread():
        spread(part, parts, threads)
    return W, sol.currents - W @ sol.V
