"""Gradients and linearisations of arrays of devices: many inputs, or outputs, at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .....core.validation import Array
from .....netlists.crossbar.cells import CellPoint, Cells
from .....netlists.crossbar.ends import END_NAMES
from ....solution import Gradients, Solution
from ...adjoint import like_bit, like_word
from ...cell_adjoint import Adjoint, Linearised, flows_along
from ...problem import make_problem
from ...static_cells import array_cells
from ..array_backend import ArrayBackend
from .cell_array_batch import StackedLines, lines_of
from .row_elimination import RowStep
from .static import check_lines, side_by_side

__all__ = ["cell_gradients_together", "linearise_together"]


class _Inputs:
    """Solved inputs of one array, as arrays below each other."""

    def __init__(self, backend: ArrayBackend, sol: Solution) -> None:
        self.backend, self.xbar = backend, sol.crossbar
        self.cells = array_cells(sol.crossbar)
        self.volts = sol.V.reshape(-1, sol.crossbar.inputs)
        self.problem = make_problem(sol.crossbar, self.volts)
        check_lines(sol.crossbar, self.problem)
        self.stack = lines_of(self.problem, backend)
        shape = sol.crossbar.shape
        self.word = sol.word_voltages.reshape(-1, *shape)
        self.bit = sol.bit_voltages.reshape(-1, *shape)
        self.gate = self.cells.gates() if sol.gate is None else sol.gate
        self.size = 8 * shape[0] * shape[1] * (60 + 8 * len(self.cells.state))

    def at(self, rows: slice) -> tuple[Cells, CellPoint, tuple[Array, Array, Array]]:
        """Return cells, their point, and word, bit and gate voltages of some inputs."""
        columns = self.xbar.shape[1]
        cells = side_by_side(self.cells, rows.stop - rows.start, self.backend)
        u, w = self.word[rows].reshape(-1, columns), self.bit[rows].reshape(-1, columns)
        gate = (self.gate[rows].reshape(-1, columns) if self.gate.ndim == 3
                else np.tile(self.gate, (rows.stop - rows.start, 1)))
        point = cells.evaluate(
            u, w, gate, base=cells.state, step=0.0, state=cells.state, inner=0.5 * (u + w)
        )
        return cells, point, (u, w, gate)

    def adjoint(self, count: int, point: CellPoint, sense: Array) -> Adjoint:
        """Solve the transposed networks with the sensed ends driven at sense (count, N)."""
        lines, step = StackedLines(self.stack, count), RowStep(self.stack, count)
        return Linearised(lines, step, point).adjoint(sense.ravel())

    def by_inputs(self, ends: tuple[Array, ...], count: int) -> Array:
        """Return the currents (count, M) into the ends that take their entry of V."""
        total = np.zeros((count, self.xbar.inputs))
        for name, current in zip(("word_left", "word_right"), ends[:2], strict=True):
            end = self.xbar.line_ends[name]
            taken = end.connected & np.isnan(end.voltage)
            total += np.where(taken, current.reshape(count, -1), 0.0)
        return total


def cell_gradients_together(
    backend: ArrayBackend, sol: Solution, grad: Array, *, wires: bool
) -> Gradients:
    """Return gradients as `cell_gradients` does, of as many vectors at once as memory allows.

    Raises
    ------
    ParameterError, ConvergenceError, OutOfMemoryError
    """
    inputs = _Inputs(backend, sol)
    xbar, (M, N) = sol.crossbar, sol.crossbar.shape
    batch = len(inputs.volts)
    connected = xbar.line_ends["bit_bottom"].connected
    grads = np.where(connected, grad.reshape(batch, -1), 0.0)
    ends = [sol.end_currents[name].reshape(batch, -1) for name in END_NAMES]
    by_v = np.empty(inputs.volts.shape)
    by_g, by_gate = np.zeros((M, N)), np.zeros((M, N))
    by_state = np.zeros(inputs.cells.state.shape)
    by_word, by_bit = np.zeros((M, N + 1)), np.zeros((M + 1, N))
    chunk = backend.fit(batch, inputs.size, f"one vector through a {M}x{N} array")
    for first in range(0, batch, chunk):
        rows = slice(first, min(first + chunk, batch))
        count = rows.stop - first
        cells, point, volts = inputs.at(rows)
        found = inputs.adjoint(count, point, grads[rows])
        by_v[rows] = inputs.by_inputs(found.ends, count)
        slopes = cells.slopes(*volts, point)
        across = found.across
        by_g -= (across * slopes.conductance).reshape(count, M, N).sum(axis=0)
        by_gate -= (across * slopes.gate).reshape(count, M, N).sum(axis=0)
        by_state -= (across * slopes.state).reshape(-1, count, M, N).sum(axis=1)
        if not wires:
            continue
        word = flows_along(point.current, ends[0][rows].ravel())
        word *= flows_along(found.out, found.ends[0])
        by_word += word.reshape(count, M, N + 1).sum(axis=0)

        def turned(array: Array, count: int = count) -> Array:  # bit lines as rows
            return np.ascontiguousarray(-array.reshape(count, M, N).swapaxes(1, 2)).reshape(-1, M)

        bit = flows_along(turned(point.current), ends[2][rows].ravel())
        bit *= flows_along(turned(found.into), found.ends[2])
        by_bit += bit.reshape(count, N, M + 1).sum(axis=0).T
    return Gradients(
        V=by_v.reshape(sol.V.shape), conductance=by_g, word=like_word(by_word, xbar),
        bit=like_bit(by_bit, xbar), state=by_state, gate=by_gate,
    )


def linearise_together(backend: ArrayBackend, sol: Solution) -> tuple[Array, Array]:
    """Return (W, I0): currents = V @ W.T + I0 to first order around one solution.

    Raises
    ------
    ParameterError, ConvergenceError, OutOfMemoryError
    """
    inputs = _Inputs(backend, sol)
    _, point, _ = inputs.at(slice(0, 1))
    outputs = sol.crossbar.shape[1]
    wanted = np.flatnonzero(sol.crossbar.line_ends["bit_bottom"].connected)
    W = np.zeros((outputs, sol.crossbar.inputs))
    chunk = backend.fit(max(len(wanted), 1), inputs.size, "one output of an array")
    for first in range(0, len(wanted), chunk):
        part = wanted[first : first + chunk]
        count = len(part)
        again = replace(
            point, by_word=np.tile(point.by_word, (count, 1)),
            by_bit=np.tile(point.by_bit, (count, 1)),
        )
        found = inputs.adjoint(count, again, np.eye(outputs)[part])
        W[part] = inputs.by_inputs(found.ends, count)
    return W, sol.currents - W @ sol.V
