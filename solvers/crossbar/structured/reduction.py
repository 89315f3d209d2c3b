"""The direct method: hierarchical port reduction, a nested dissection that knows the grid.

Blocks of crosspoints are merged pairwise, eliminating the nodes they share, until only the line
ends are left: the exact conductance matrix between all sources, whatever the conditioning. Kept
elimination rows give all node voltages of any number of input vectors by back-substitution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from ....core.compiled.workspace import scratch
from ....core.validation import Array
from ..problem import CrossbarProblem
from .ports_plan import LEAF, Ints, Plan, make_plan

__all__ = ["Ends", "PortReduction"]

Ends: TypeAlias = tuple[Array, Array, Array, Array]

# A merged node is a conductance far beyond rounding: elimination is free of subtraction, so this
# is exact, as no other number here comes near 1e30 S or loses digits beside it.
_MERGED = 1e30


def _conductance(r: Array) -> Array:
    with np.errstate(divide="ignore"):
        g = 1.0 / r
    return np.minimum(g, _MERGED, out=g)


def _padded(problem: CrossbarProblem, plan: Plan) -> tuple[Array, Array, Array, Array, Array]:
    """Return cells, left and upper segments, right and bottom ends on whole leaves, siemens."""
    rows, columns = problem.shape
    mp, np_ = plan.rows * LEAF, plan.columns * LEAF
    G = scratch("port-G", mp, np_)
    gw, gb = scratch("port-gw", mp, np_), scratch("port-gb", mp, np_)
    if (mp, np_) != (rows, columns):
        G[:] = gw[:] = gb[:] = 0.0
    G[:rows, :columns] = problem.G
    gw[:rows, :columns] = _conductance(problem.word_r[:, :columns])
    gb[:rows, :columns] = _conductance(problem.bit_r[:rows])
    gr, gd = np.zeros(mp), np.zeros(np_)
    gr[:rows] = _conductance(problem.word_r[:, columns])
    gd[:columns] = _conductance(problem.bit_r[rows])
    if gr.any():  # the padding passes the lines on to their ends
        gw[:rows, columns:] = _MERGED
    if gd.any():
        gb[rows:, :columns] = _MERGED
    return G, gw, gb, gr, gd


@dataclass(frozen=True, eq=False)
class PortReduction:
    """A reduced crossbar.

    Attributes
    ----------
    matrix : (P, P) siemens
        Conductances between the connected sources, in the order left, right, top, bottom; the
        diagonal is 0.
    """

    problem: CrossbarProblem
    plan: Plan
    matrix: Array
    rows: Array
    leaf_rows: Array

    @classmethod
    def of(cls, problem: CrossbarProblem, *, keep_rows: bool) -> PortReduction:
        """Reduce `problem`; `keep_rows` keeps what `voltages` needs (about 500 bytes a cell)."""
        from .kernels.leaf import LEAF_STORE, reduce_leaves  # noqa: PLC0415 - imports numba
        from .kernels.ports import reduce_ports, whole  # noqa: PLC0415 - imports numba

        rows, columns = problem.shape
        right, top, bottom = (
            bool((r < np.inf).any())
            for r in (problem.word_r[:, -1], problem.bit_r[0], problem.bit_r[-1])
        )
        plan = make_plan(-(-rows // LEAF), -(-columns // LEAF), right, top, bottom)
        G, gw, gb, gr, gd = _padded(problem, plan)
        leaves = plan.rows * plan.columns
        groups = -(-leaves // 8)
        leaf = scratch("port-leaf", leaves, 4 * LEAF, 4 * LEAF)
        leaf_rows = np.empty((groups if keep_rows else 0, 8, LEAF_STORE))
        group, steps = scratch("port-group", 2, 2048 * 8), scratch("port-steps", LEAF_STORE * 8)
        none = np.empty((0, LEAF_STORE))
        for k in range(groups):
            kept = leaf_rows[k] if keep_rows else none
            reduce_leaves(G, gw, gb, plan.columns, 8 * k, group, steps, kept, leaf)
        work = scratch("port-work", plan.scratch)
        size = int((plan.eliminated[:, 1] * (plan.eliminated[:, 1] + plan.ports[:, 1])).sum())
        rows_kept = np.empty(size if keep_rows else 0)
        reduce_ports(
            plan.merges, plan.place, plan.eliminated, plan.ports, leaf, gr, gd, work, rows_kept,
            keep_rows,
        )
        start, order = plan.place[-1]
        matrix = np.empty((plan.order, plan.order))
        whole(work, start, order, matrix)
        return cls(problem, plan, matrix, rows_kept, leaf_rows)

    @cached_property
    def positions(self) -> tuple[Ints, ...]:
        """Positions of the true (unpadded) sources in `matrix`: left, right, top, bottom."""
        rows, columns = self.problem.shape
        return tuple(
            positions[:count]
            for positions, count in zip(
                self.plan.outer, (rows, rows, columns, columns), strict=True
            )
        )

    def transfer(self) -> tuple[Array, Array]:
        """Return (N, M) siemens from the left and from the right sources to the bottom ends."""
        rows, columns = self.problem.shape
        left, right, _, bottom = self.positions
        blocks = []
        for drivers in (left, right):
            block = np.zeros((columns, rows))
            if len(drivers) and len(bottom):
                block[:] = self.matrix[np.ix_(bottom, drivers)]
            blocks.append(block)
        return blocks[0], blocks[1]

    def laplacian(self, tied: Sequence[bool]) -> Array:
        """Return the derivatives of the ends' currents with respect to their voltages, siemens.

        For all lines of those of left, right, top, bottom that are `tied`; 0 for floating lines.
        """
        rows, columns = self.problem.shape
        counts = [n for n, on in zip((rows, rows, columns, columns), tied, strict=True) if on]
        found = [p for p, on in zip(self.positions, tied, strict=True) if on]
        there = np.repeat([len(p) > 0 for p in found], counts)
        at = np.concatenate(found)
        part = self.matrix[np.ix_(at, at)]
        result = np.zeros((len(there), len(there)))
        result[np.ix_(there, there)] = np.diag(part.sum(axis=1)) - part
        return result

    def currents(self, sources: Ends) -> Ends:
        """Return the currents into the four ends for source voltages (B, n) at each."""
        positions, matrix = self.positions, self.matrix
        volts = np.zeros((len(sources[0]), len(matrix)))
        for k, end in enumerate(sources):
            if len(positions[k]):
                volts[:, positions[k]] = end
        clean = matrix.copy()
        along = np.zeros_like(volts)
        for a, b in (positions[:2], positions[2:]):  # a line between its sources hides its cells
            if len(a) and len(b):
                flow = clean[a, b] * (volts[:, b] - volts[:, a])
                along[:, a], along[:, b] = flow, -flow
                clean[a, b] = clean[b, a] = 0.0
        into = volts @ clean - volts * clean.sum(axis=0) + along
        ends = []
        for k, end in enumerate(sources):
            full = np.zeros_like(end)
            if len(positions[k]):
                full[:] = into[:, positions[k]]
            ends.append(full)
        for k, r in ((0, self.problem.word_r.T), (2, self.problem.bit_r)):
            share = r.sum(axis=0) == 0.0  # both ends joined by 0 ohm
            ends[k][:, share] = 0.5 * (ends[k][:, share] + ends[k + 1][:, share])
            ends[k + 1][:, share] = ends[k][:, share]
        return ends[0], ends[1], ends[2], ends[3]

    def voltages(self, sources: Ends, word: Array, bit: Array, first: int, chunk: int) -> None:
        """Fill word, bit (B, M, N) for the source vectors first..first+chunk-1.

        `chunk` is a multiple of 8, best of 32.
        """
        from .kernels.leaf import solve_leaves  # noqa: PLC0415 - imports numba
        from .kernels.ports import solve_ports  # noqa: PLC0415 - imports numba

        plan = self.plan
        mp, np_ = plan.rows * LEAF, plan.columns * LEAF
        bit0, left0 = mp * np_, 2 * mp * np_
        starts = (left0, left0 + mp, left0 + 2 * mp, left0 + 2 * mp + np_)
        known = scratch("port-known", left0 + 2 * mp + 2 * np_, chunk)
        known[left0:] = 0.0
        last = min(first + chunk, len(sources[0]))
        for start, end in zip(starts, sources, strict=True):
            known[start : start + end.shape[1], : last - first] = end[first:last].T
        solve_ports(plan.eliminated, plan.ports, plan.nodes, self.rows, known)
        local = scratch("port-local", 2 * LEAF * LEAF + 2 * LEAF, chunk)
        leaves = plan.rows * plan.columns
        for k in range(len(self.leaf_rows)):
            solve_leaves(
                self.leaf_rows[k], 8 * k, leaves, plan.columns, np_, known, bit0, left0,
                starts[2], local, word, bit, first,
            )
