"""What one row of cells sees of an array of resistors: the network around it, by its ports.

While one row is written or read again and again, the others stay what they are. Everything but the
row's cells is then one linear network with N ports, between word node and bit node of every cell.
Rows are eliminated from below and from above, one dense block of N bit nodes after the other; what
is below a row does not change while rows are written downwards, so that the next row costs one
block more.

Voltages are relative to that of the other rows' word lines, which all have the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....core.validation import Array
from ..problem import CrossbarProblem

__all__ = ["RowNetwork", "RowNetworks"]

_MEMORY = 256 << 20  # byte


class _Side(NamedTuple):
    """What is on one side of a row, by its bit nodes: (N, N) siemens each.

    Currents into the bit nodes are ``drive @ volts - nodes @ b``, those out of the side's drivers
    ``drivers @ volts - drive.T @ b``.
    """

    nodes: Array
    drive: Array
    drivers: Array


@dataclass(frozen=True, eq=False)
class RowNetwork:
    """The network around the cells of a row.

    Attributes
    ----------
    bit : (N, N) ohm
        Voltages of the bit nodes by currents into them.
    impedance : (N, N) ohm
        Voltages of the cells, from word to bit node, by their currents.
    share : (N, N)
        Voltages of the bit nodes by those of the bit lines' sources, without the row's cells.
    drive, drivers : (N, N) siemens
        As of a side; of both.
    ends : (N, N), (N, N) siemens
        Currents of the top and of the bottom sources at 0 V by the bit nodes' voltages.
    load : float
        Bound of a word node of another row, over the largest bit voltage.
    """

    bit: Array
    impedance: Array
    share: Array
    drive: Array
    drivers: Array
    ends: tuple[Array, Array]
    load: float

    def idle(self, word: float, bit: Array) -> tuple[Array, Array, float]:
        """Return bit nodes (N,), cells (N,), volt, and the sources' power, watt, without currents.

        `word` is the source of the row's word line, `bit` (N,) those of the bit lines.
        """
        nodes = self.share @ bit
        power = float(bit @ (self.drivers @ bit) - (self.drive @ bit) @ nodes)
        return nodes, word - nodes, power

    def currents(self, conductance: Array, idle: Array) -> Array:
        """Return the currents of cells (N,) of a conductance, ampere, by their idle voltages."""
        return self.solved(np.arange(len(conductance)), conductance, idle[:, None])[:, 0]

    def solved(self, chosen: NDArray[np.intp], conductance: Array, right: Array) -> Array:
        """Return the currents (n, k) of cells of a conductance (n,) for idle voltages (n, k).

        The others carry none.
        """
        from scipy.linalg.lapack import dposv  # noqa: PLC0415 - slow to import

        # I = G (V - Z I), symmetric with the roots of G on both sides
        root = np.sqrt(conductance)
        matrix = self.impedance[chosen[:, None], chosen]
        matrix *= root[:, None]
        matrix *= root
        matrix.flat[:: len(root) + 1] += 1.0
        # symmetric: LAPACK may take the rows for columns
        _, found, info = dposv(matrix.T, root[:, None] * right, lower=1, overwrite_a=1)
        if info:
            raise np.linalg.LinAlgError(f"dposv: {info}")
        current: Array = root[:, None] * found
        return current


class RowNetworks:
    """The networks around all rows of an array.

    Parameters
    ----------
    problem : CrossbarProblem
        That `fits`; its conductances are not used.
    """

    def __init__(self, problem: CrossbarProblem) -> None:
        with np.errstate(divide="ignore"):
            self.words, self.bits = 1.0 / problem.word_r, 1.0 / problem.bit_r
        left = np.cumsum(problem.word_r[:, :-1], axis=1)
        right = np.cumsum(problem.word_r[:, :0:-1], axis=1)[:, ::-1]
        self._way = np.minimum(left, right)  # ohm to the nearer source, no less than both ways
        self.shape = problem.shape
        self._G: Array = np.full(self.shape, np.nan)
        self._below: dict[int, _Side] = {}
        self._above: tuple[int, _Side] | None = None

    @staticmethod
    def fits(problem: CrossbarProblem) -> bool:
        """Whether an array has such networks, and they find room: no segment of 0 ohm, no break."""
        rows, columns = problem.shape
        return (
            problem.whole and not problem.parallel and 24 * rows * columns * columns <= _MEMORY
        )

    def at(self, row: int, G: Array) -> RowNetwork:
        """Return the network around a row; G (M, N) siemens, of which that row is not used."""
        self._note(row, G)
        above, below = self._from_above(row), self._from_below(row)
        eye = np.eye(self.shape[1])
        bit = np.linalg.inv(above.nodes + below.nodes)
        bit = 0.5 * (bit + bit.T)
        word = self._word_solved(row, np.zeros(self.shape[1]), eye)
        loads = np.sum(self._way * self._G, axis=1)
        loads[row] = 0.0
        drive = above.drive + below.drive
        return RowNetwork(
            bit, bit + 0.5 * (word + word.T), bit @ drive, drive, above.drivers + below.drivers,
            (np.ascontiguousarray(above.drive.T), np.ascontiguousarray(below.drive.T)),
            float(loads.max(initial=0.0)),
        )

    def _note(self, row: int, G: Array) -> None:
        """Take new conductances; drop what they were part of."""
        changed = (G != self._G).any(axis=1)
        changed[row] = False
        at = np.flatnonzero(changed)
        if len(at):
            self._below = {k: side for k, side in self._below.items() if k >= at[-1]}
            if self._above is not None and self._above[0] > at[0]:
                self._above = None
        # the row's own take part in what lies beyond it
        if (G[row] != self._G[row]).any():
            self._below = {k: side for k, side in self._below.items() if k >= row}
            if self._above is not None and self._above[0] > row:
                self._above = None
        self._G = np.array(G)

    def _word_solved(self, row: int, load: Array, right: Array) -> Array:
        """Solve a word line with a conductance to 0 V at every node, for columns of currents."""
        from scipy.linalg import solveh_banded  # noqa: PLC0415 - slow to import

        g = self.words[row]
        band = np.zeros((2, self.shape[1]))
        band[0, 1:] = -g[1:-1]
        band[1] = g[:-1] + g[1:] + load
        if len(load) == 1:  # which LAPACK's routine refuses
            only: Array = right / band[1]
            return only
        found: Array = solveh_banded(band, right, check_finite=False)
        return found

    def _cells(self, row: int) -> Array:
        """Return what a row's cells and word line draw from its bit nodes, (N, N) siemens."""
        g = self._G[row]
        solved = self._word_solved(row, g, np.diag(g))
        drawn: Array = -g[:, None] * solved
        drawn.flat[:: len(g) + 1] += g
        return drawn

    def _beyond(self, side: _Side, row: int, segment: Array) -> _Side:
        """Return a side with a row and the segments (N,) siemens towards the next row."""
        from scipy.linalg import cholesky, solve_triangular  # noqa: PLC0415 - slow to import

        n = len(segment)
        matrix = side.nodes + self._cells(row)
        matrix.flat[:: n + 1] += segment
        lower = cholesky(matrix, lower=True, check_finite=False, overwrite_a=True)
        right = np.concatenate([np.diag(segment), side.drive], axis=1)
        half = solve_triangular(lower, right, lower=True, check_finite=False)
        gram = half.T @ half
        nodes = -gram[:n, :n]
        nodes.flat[:: n + 1] += segment
        return _Side(nodes, gram[:n, n:], side.drivers - gram[n:, n:])

    def _from_below(self, row: int) -> _Side:
        rows = self.shape[0]
        if rows - 1 not in self._below:
            end = np.diag(self.bits[rows])
            self._below[rows - 1] = _Side(end, end, end)
        first = row
        while first not in self._below:
            first += 1
        for k in range(first - 1, row - 1, -1):
            self._below[k] = self._beyond(self._below[k + 1], k + 1, self.bits[k + 1])
        return self._below[row]

    def _from_above(self, row: int) -> _Side:
        if self._above is None or self._above[0] > row:
            end = np.diag(self.bits[0])
            self._above = 0, _Side(end, end, end)
        first, side = self._above
        for k in range(first, row):
            side = self._beyond(side, k, self.bits[k + 1])
        self._above = row, side
        return side
