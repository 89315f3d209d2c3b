"""A crossbar by general sparse nodal analysis: the independent second way to every number.

Nothing is shared with the structured solver but the problem's description. Segments of exactly
0 ohm merge nodes; nodes joined to a source by 0 ohm are known. Voltages are solved for as
deviations from every line's unloaded profile, and refined with residuals taken branch by branch,
so that micro-ohm segments beside nano-siemens cells cost no digits. Where the matrix itself has
lost conductances to rounding, which no residual shows, the network is eliminated by `StarMesh`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ....core.validation import Array
from ..problem import CrossbarProblem, RawSolution
from .factors import Factor, Factors, SuperLUs
from .star_mesh import StarMesh

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

__all__ = ["nodal_matrix", "solve_crossbar"]

_METHOD = "mna/{}"
_CHUNK = 64  # right-hand sides per triangular solve
_REFINEMENTS = 3
_EPS = 1e-15
_LEAST = 1e-6
_REFINABLE = 1e-4  # error of a solution that refinement makes small


@dataclass(frozen=True, eq=False)
class _Family:
    """One family of lines, as rows: segments r (lines, n+1), node groups (lines, n)."""

    r: Array
    group: NDArray[np.int64]
    pinned: NDArray[np.bool_]  # per group

    @classmethod
    def of(cls, r: Array, first: int) -> _Family:
        lines, nodes = r.shape[0], r.shape[1] - 1
        start = np.ones((lines, nodes), dtype=bool)
        start[:, 1:] = r[:, 1:-1] > 0.0
        group = np.cumsum(start.ravel()).reshape(lines, nodes) - 1
        pinned = np.zeros(int(group[-1, -1]) + 1, dtype=bool)
        pinned[group[r[:, 0] == 0.0, 0]] = True
        pinned[group[r[:, -1] == 0.0, -1]] = True
        return cls(r, group + first, pinned)

    def profile(self, va: Array, vb: Array) -> tuple[Array, Array]:
        """Return the unloaded voltages (B, lines, n) and the currents from a to b (B, lines)."""
        r = self.r
        a_on, b_on = r[:, 0] < np.inf, r[:, -1] < np.inf
        total = r.sum(axis=1)
        whole = a_on & b_on & (total > 0.0) & (total < np.inf)
        share = np.zeros(self.group.shape)
        share[whole] = np.cumsum(r[whole, :-1], axis=1) / total[whole, None]
        share[~a_on & b_on] = 1.0
        base = va[:, :, None] * (1.0 - share) + vb[:, :, None] * share
        for k in np.flatnonzero(a_on & b_on & ~(total < np.inf)):  # broken between two sources
            breaks = np.flatnonzero(r[k] == np.inf)
            base[:, k, breaks[0] :] = 0.0
            base[:, k, breaks[-1] :] = vb[:, k, None]
        flow = np.zeros(va.shape)
        flow[:, whole] = (va[:, whole] - vb[:, whole]) / total[whole]
        return base, flow

    def edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
        """Return the inner segments that join two groups: (from, to, siemens)."""
        inner = self.r[:, 1:-1]
        keep = (inner > 0.0) & (inner < np.inf)
        return self.group[:, :-1][keep], self.group[:, 1:][keep], 1.0 / inner[keep]

    def grounds(self) -> tuple[NDArray[np.int64], Array]:
        """Return the groups tied to a source through a resistance, and its conductance."""
        nodes, values = [], []
        for column, end in ((0, 0), (-1, -1)):
            r = self.r[:, end]
            keep = (r > 0.0) & (r < np.inf)
            nodes.append(self.group[keep, column])
            values.append(1.0 / r[keep])
        return np.concatenate(nodes), np.concatenate(values)

    def end_currents(
        self, into: Array, deviation: Array, flow: Array, gap: Array
    ) -> tuple[Array, Array]:
        """Return the currents into the ends a and b, (B, lines).

        into (B, lines, n): from the cells; gap (B, lines): va - vb. An end of 0 ohm gets its
        current from Kirchhoff's law along the line.
        """
        r = self.r
        with np.errstate(divide="ignore", invalid="ignore"):
            a = np.where(r[:, 0] < np.inf, deviation[:, :, 0] / r[:, 0] - flow, 0.0)
            b = np.where(r[:, -1] < np.inf, deviation[:, :, -1] / r[:, -1] + flow, 0.0)
        for k in np.flatnonzero((r[:, 0] == 0.0) | (r[:, -1] == 0.0)):
            breaks = np.flatnonzero(r[k] == np.inf)
            total = into[:, k].sum(axis=1)
            if len(breaks):  # each piece feeds its own end
                if r[k, 0] == 0.0:
                    a[:, k] = into[:, k, : breaks[0]].sum(axis=1)
                if r[k, -1] == 0.0:
                    b[:, k] = into[:, k, breaks[-1] :].sum(axis=1)
            elif r[k, 0] > 0.0:
                b[:, k] = total - a[:, k]
            elif r[k, -1] > 0.0:
                a[:, k] = total - b[:, k]
            elif r[k].sum() == 0.0:
                a[:, k] = b[:, k] = 0.5 * total
            else:
                drops = (np.cumsum(into[:, k], axis=1) * r[k, 1:]).sum(axis=1)
                along = (gap[:, k] - drops) / r[k].sum()
                a[:, k], b[:, k] = -along, along + total
        return a, b

    def floating(self) -> Iterator[tuple[int, int, int]]:
        """Yield (line, first node, node after the last) of pieces that no source is tied to."""
        cut = self.r == np.inf
        for k in np.flatnonzero(cut[:, 1:-1].any(axis=1) | (cut[:, 0] & cut[:, -1])):
            edges = [0, *np.flatnonzero(cut[k, 1:-1]) + 1, self.group.shape[1]]
            for start, stop in itertools.pairwise(edges):
                if cut[k, start] and cut[k, stop]:
                    yield int(k), int(start), int(stop)


@dataclass(frozen=True, eq=False)
class _Network:
    """Branches between node groups; group `count` is the common source node (deviation 0)."""

    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    g: Array
    count: int
    free: NDArray[np.int64]  # the groups that are not pinned

    def matrix(self) -> csc_array:
        """Return the nodal conductance matrix of the free groups."""
        from scipy.sparse import coo_array, csc_array  # noqa: PLC0415 - the iterative way needs no SciPy

        n = self.count + 1
        index = np.concatenate([self.tail, self.head, self.tail, self.head])
        other = np.concatenate([self.head, self.tail, self.tail, self.head])
        value = np.concatenate([-self.g, -self.g, self.g, self.g])
        full = coo_array((value, (index, other)), shape=(n, n)).tocsc()
        return csc_array(full[self.free][:, self.free])

    def exact(self) -> StarMesh:
        """Return the network factorised without a subtraction."""
        place = np.full(self.count + 1, -1)  # pinned groups are at their source's voltage
        place[self.free] = np.arange(len(self.free))
        return StarMesh(place[self.tail], place[self.head], self.g, len(self.free))

    def incidence(self) -> csr_array:
        """Return (groups + 1, branches), +1 where a branch leaves."""
        from scipy.sparse import coo_array, csr_array  # noqa: PLC0415 - the iterative way needs no SciPy

        branch = np.arange(len(self.g))
        sign = np.ones(len(self.g))
        return csr_array(coo_array(
            (np.concatenate([sign, -sign]),
             (np.concatenate([self.tail, self.head]), np.concatenate([branch, branch]))),
            shape=(self.count + 1, len(self.g)),
        ))


def _network(problem: CrossbarProblem, words: _Family, bits: _Family) -> tuple[_Network, int]:
    """Return the network, and the number of branches that are cells (they come first)."""
    closed = problem.G > 0.0
    count = int(bits.group.max()) + 1
    parts = [(words.group[closed], bits.group.T[closed], problem.G[closed])]
    for family in (words, bits):
        parts.append(family.edges())
        nodes, values = family.grounds()
        parts.append((nodes, np.full(len(nodes), count), values))
    tail, head, g = (np.concatenate(column) for column in zip(*parts, strict=True))
    pinned = np.concatenate([words.pinned, bits.pinned])
    network = _Network(tail, head, g, count, np.flatnonzero(~pinned))
    return network, int(closed.sum())


def _families(problem: CrossbarProblem) -> tuple[_Family, _Family]:
    words = _Family.of(problem.word_r, 0)
    return words, _Family.of(np.ascontiguousarray(problem.bit_r.T), len(words.pinned))


def nodal_matrix(problem: CrossbarProblem) -> csc_array:
    """Return the symmetric nodal conductance matrix of the free (merged) nodes, siemens."""
    network, _ = _network(problem, *_families(problem))
    return network.matrix()


def solve_crossbar(
    problem: CrossbarProblem, *, keep_voltages: bool, factors: Factors | None = None
) -> RawSolution:
    """Solve all input vectors of `problem` with one sparse factorisation (default: SuperLU)."""
    factors = factors or SuperLUs()
    words, bits = _families(problem)
    network, cells = _network(problem, words, bits)
    factor: Factor | StarMesh | None = None
    if len(network.free):
        factor = _factorise(network, factors)
    batch, (rows, columns) = problem.batch, problem.shape
    kept = batch if keep_voltages else 0
    word, bit = np.empty((kept, rows, columns)), np.empty((kept, rows, columns))
    ends = tuple(np.empty((batch, n)) for n in (rows, rows, columns, columns))
    worst = 0.0
    for first in range(0, batch, _CHUNK):
        s = slice(first, min(first + _CHUNK, batch))
        vl, vr, vt, vb = (end[s] for end in problem.ends)
        u, w, residual, currents = _solve_chunk(
            problem, words, bits, network, cells, factor, (vl, vr, vt, vb)
        )
        worst = float(np.maximum(worst, residual))
        for target, value in zip(ends, currents, strict=True):
            target[s] = value
        if keep_voltages:
            word[s], bit[s] = u, w
    return RawSolution(
        word=word if keep_voltages else None, bit=bit if keep_voltages else None,
        end_currents=(ends[0], ends[1], ends[2], ends[3]), residual=worst, iterations=0,
        method=_METHOD.format(factors.name),
    )


def _factorise(network: _Network, factors: Factors) -> Factor | StarMesh:
    """Return factors that refinement can work with.

    An error of eps in the diagonal d changes voltages x by eps A^-1 (d x) at most.
    """
    matrix = network.matrix()
    diagonal = matrix.diagonal()
    try:
        factor = factors.factor(matrix)
        grown = np.abs(factor.solve(diagonal[:, None])).max()
    except RuntimeError:  # exactly singular
        grown = np.inf
    return factor if _EPS * grown < _REFINABLE else network.exact()


def _solve_chunk(
    problem: CrossbarProblem, words: _Family, bits: _Family, network: _Network, cells: int,
    factor: Factor | StarMesh | None, ends: tuple[Array, Array, Array, Array],
) -> tuple[Array, Array, float, tuple[Array, Array, Array, Array]]:
    """Return word and bit voltages (b, M, N), the residual and the four end currents."""
    vl, vr, vt, vb = ends
    batch = len(vl)
    base_w, flow_w = words.profile(vl, vr)
    base_b, flow_b = bits.profile(vt, vb)  # (b, N, M)
    incidence = network.incidence()
    closed = problem.G > 0.0
    x = np.zeros((network.count + 1, batch))
    for _ in range(_REFINEMENTS):
        branch, _ = _branch_currents(network, cells, closed, base_w, base_b, x)
        if factor is not None:
            x[network.free] += factor.solve(-(incidence @ branch)[network.free])
        _rebase(words, base_w, x)
        _rebase(bits, base_b, x)
    branch, unit = _branch_currents(network, cells, closed, base_w, base_b, x)
    # what rounding the voltages themselves, not only their deviations, makes of the cells' currents
    unit[:cells] += 2.0 * _EPS * network.g[:cells, None] * np.abs(np.hstack(ends)).max(axis=1)
    dev_w = x[words.group.ravel()].T.reshape(batch, *words.group.shape)
    dev_b = x[bits.group.ravel()].T.reshape(batch, *bits.group.shape)
    current = np.zeros((batch, *problem.shape))
    current[:, closed] = branch[:cells].T
    left, right = words.end_currents(-current, dev_w, flow_w, vl - vr)
    top, bottom = bits.end_currents(current.transpose(0, 2, 1), dev_b, flow_b, vt - vb)
    bit = (base_b + dev_b).transpose(0, 2, 1)
    currents = (left, right, top, bottom)
    least = _LEAST * np.max([np.abs(end).max(axis=1) for end in currents], axis=0)
    residual = _residual(network, incidence, branch, unit, words, bits, flow_w, flow_b, least)
    return base_w + dev_w, bit, residual, currents


def _branch_currents(
    network: _Network, cells: int, closed: NDArray[np.bool_], base_w: Array, base_b: Array,
    x: Array,
) -> tuple[Array, Array]:
    """Return the currents in all branches (the lift's wire currents left out), with their units."""
    a, b = x[network.tail], x[network.head]
    drop = a - b
    drop[:cells] += (base_w - base_b.transpose(0, 2, 1))[:, closed].T
    g = network.g[:, None]
    current = g * drop
    unit = _EPS * (g * (np.abs(a) + np.abs(b)) + np.abs(current))
    return current, unit


def _rebase(family: _Family, base: Array, x: Array) -> None:
    """Measure floating pieces of lines from their own level instead of from 0 V."""
    for k, start, stop in family.floating():
        level = x[family.group[k, (start + stop) // 2]].copy()
        x[np.unique(family.group[k, start:stop])] -= level
        base[:, k, start:stop] += level[:, None]


def _residual(
    network: _Network, incidence: csr_array, branch: Array, unit: Array, words: _Family,
    bits: _Family, flow_w: Array, flow_b: Array, least: Array,
) -> float:
    """Return the largest violation at a free node over its largest branch current.

    least (b,): ampere that stand in where a node carries less.
    """
    miss = np.abs(incidence @ branch)
    rounding = abs(incidence) @ unit
    # wires also carry the currents that flow in the unloaded lines
    shown = np.abs(branch)
    flows = np.zeros((network.count + 1, branch.shape[1]))
    for family, flow in ((words, flow_w), (bits, flow_b)):
        flows[family.group] = np.abs(flow).T[:, None, :]
    ends = np.concatenate([network.tail, network.head])
    order = np.argsort(ends, kind="stable")
    starts = np.flatnonzero(np.diff(ends[order], prepend=-1))
    largest = np.zeros_like(miss)
    largest[ends[order][starts]] = np.maximum.reduceat(
        np.concatenate([shown, shown])[order], starts, axis=0
    )
    largest = np.maximum(np.maximum(largest, flows), least + 1e-300)
    free = network.free
    over = np.maximum(miss[free] - rounding[free], 0.0) / largest[free]
    return float(over.max(initial=0.0))
