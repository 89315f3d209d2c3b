"""Blocks of crosspoints of one shape, and how neighbours merge.

A block of a x b crosspoints has ports at its left (nodes of the block before it, or left
sources), its own last word nodes at the right, ports above, and its own last bit nodes below. The
segment that leads right or down to a node belongs to the block that owns the node, so neighbours
share exactly their port nodes, and merging eliminates those. All blocks of one size, of all
crossbars, are one array; lines of odd length have a smaller last block, never padding.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .array_types import XpArray, XpModule
from .crossbar_batch import Ints
from .star_mesh import Panel, eliminate, product

__all__ = [
    "BELOW", "BOTTOM", "LEFT", "RIGHT", "RIGHT_SOURCE", "TOP",
    "Blocks", "Group", "Segment", "Stage", "join", "node_numbers", "tie",
]

LEFT, RIGHT, TOP, BELOW, RIGHT_SOURCE, BOTTOM = range(6)
_FIELD = 16  # crosspoints of a block whose inner nodes are kept in terms of its ports at once


@dataclass(frozen=True)
class Segment:
    """A run of lines: where it starts, how many, and whether it is told from the others by place.

    `edge` is 1 for the first, 2 for the last, 3 for both, once the ends are tied; 0 before.
    """

    start: int
    size: int
    edge: int = 0

    @property
    def kind(self) -> tuple[int, int]:
        """What blocks of one array have in common."""
        return self.size, self.edge


@dataclass(eq=False)
class Blocks:
    """All blocks whose rows are of one kind and whose columns are of one kind.

    Attributes
    ----------
    C : (T, R, K, n, n) array, siemens
    ports : (n, 2) int64
        Side (LEFT...) and line within the block of every port.
    rows, columns : lists of Segment
    inside : (T, R, K, q, n) array or None
        Voltages of inner nodes per volt of the ports.
    inner : (q, 3) int64
        Those nodes: 0 word / 1 bit, row and column within the block.
    """

    C: XpArray
    ports: Ints
    rows: list[Segment]
    columns: list[Segment]
    inside: XpArray | None = None
    inner: Ints = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))

    def where(self, side: int) -> Ints:
        """Return the positions of the ports of a side, in the order of the lines."""
        found = np.flatnonzero(self.ports[:, 0] == side)
        return found[np.argsort(self.ports[found, 1], kind="stable")]

    def without(self, *sides: int) -> Ints:
        """Return the positions of all ports but those of some sides."""
        return np.flatnonzero(~np.isin(self.ports[:, 0], sides))

    def pick(self, rows: list[int], columns: list[int]) -> Blocks:
        """Return the blocks of some rows and columns, by position."""
        index = _span(rows), _span(columns)

        def taken(array: XpArray) -> XpArray:
            return None if array is None else array[:, index[0]][:, :, index[1]]

        return Blocks(
            taken(self.C), self.ports, [self.rows[k] for k in rows],
            [self.columns[k] for k in columns], taken(self.inside), self.inner,
        )


@dataclass(frozen=True, eq=False)
class Stage:
    """Eliminated nodes in terms of ports: X (T, blocks, k, m), node numbers of both."""

    X: XpArray
    eliminated: Ints
    ports: Ints


@dataclass(eq=False)
class Group:
    """What merging needs to know: module, shape, stages so far (None: not kept), and `by`.

    `by` eliminates panels of nodes, where the backend has its own way.
    """

    xp: XpModule
    shape: tuple[int, int]
    stages: list[Stage] | None = None
    by: Panel | None = None

    @property
    def kept(self) -> bool:
        """Whether voltages are wanted later."""
        return self.stages is not None

    def flush(self, blocks: Blocks) -> None:
        """Make a stage of the inner nodes of `blocks`."""
        if self.stages is not None and blocks.inside is not None and len(blocks.inner):
            T, R, K, q, n = blocks.inside.shape
            self.stages.append(Stage(
                blocks.inside.reshape(T, R * K, q, n), self._inner(blocks),
                node_numbers(blocks, blocks.ports, self.shape),
            ))
        blocks.inside, blocks.inner = None, np.zeros((0, 3), dtype=np.int64)

    def note(self, X: XpArray, merged: Blocks, nodes: Ints, owners: Blocks) -> None:
        """Make a stage of X (T R K, k, m): nodes (k, 2) of `owners` by the ports of `merged`."""
        if self.stages is not None:
            T, R, K = merged.C.shape[:3]
            place = Blocks(merged.C, merged.ports, owners.rows, owners.columns)
            self.stages.append(Stage(
                X.reshape(T, R * K, *X.shape[1:]), node_numbers(place, nodes, self.shape),
                node_numbers(merged, merged.ports, self.shape),
            ))

    def _inner(self, blocks: Blocks) -> Ints:
        M, N = self.shape
        family, i, j = blocks.inner.T
        r0 = np.array([s.start for s in blocks.rows])[:, None, None]
        c0 = np.array([s.start for s in blocks.columns])[None, :, None]
        numbers: Ints = family * M * N + (r0 + i) * N + c0 + j
        return numbers.reshape(-1, len(blocks.inner))


def node_numbers(blocks: Blocks, ports: Ints, shape: tuple[int, int]) -> Ints:
    """Return the numbers (R K, n) of port nodes (side, line) in every block.

    Word nodes, bit nodes, then the sources at the left, right, top and bottom. A shared node is
    named by the block that owns it.
    """
    M, N = shape
    r0 = np.array([s.start for s in blocks.rows])[:, None, None]
    c0 = np.array([s.start for s in blocks.columns])[None, :, None]
    r1 = np.array([s.start + s.size for s in blocks.rows])[:, None, None] - 1
    c1 = np.array([s.start + s.size for s in blocks.columns])[None, :, None] - 1
    side, line = ports[:, 0], ports[:, 1]
    word, bit, left = 0, M * N, 2 * M * N
    choices = [
        np.where(c0 > 0, word + (r0 + line) * N + c0 - 1, left + r0 + line),
        word + (r0 + line) * N + c1,
        np.where(r0 > 0, bit + (r0 - 1) * N + c0 + line, left + 2 * M + c0 + line),
        bit + r1 * N + c0 + line,
        left + M + r0 + line,
        left + 2 * M + N + c0 + line,
    ]
    full = (len(blocks.rows), len(blocks.columns), len(ports))
    found: Ints = np.choose(
        np.broadcast_to(side, full), [np.broadcast_to(c, full) for c in choices]
    )
    return found.reshape(-1, len(ports))


def join(group: Group, a: Blocks, b: Blocks, axis: int) -> Blocks:
    """Merge blocks with their neighbours to the right (axis 1) or below (axis 0)."""
    xp = group.xp
    mine, theirs = (RIGHT, LEFT) if axis == 1 else (BELOW, TOP)
    sa, sb = a.where(mine), b.where(theirs)
    oa, ob = a.without(mine), b.without(theirs)
    height, width = a.rows[0].size, a.columns[0].size
    moved = b.ports[ob].copy()
    along = (TOP, BELOW, BOTTOM) if axis == 1 else (LEFT, RIGHT, RIGHT_SOURCE)
    moved[np.isin(moved[:, 0], along), 1] += width if axis == 1 else height
    if axis == 1:
        rows, columns = a.rows, [_both(s, t) for s, t in zip(a.columns, b.columns, strict=True)]
    else:
        rows, columns = [_both(s, t) for s, t in zip(a.rows, b.rows, strict=True)], a.columns
    ma, mb, k = len(oa), len(ob), len(sa)
    m = ma + mb
    big = (height + b.rows[0].size) * width if axis == 0 else height * (
        width + b.columns[0].size
    )
    composed = group.kept and big <= _FIELD
    if not composed:
        group.flush(a)
        group.flush(b)
    C = xp.zeros((*a.C.shape[:3], m + k, m + k), dtype=a.C.dtype)
    C[..., :ma, :ma] = _sub(xp, a.C, oa, oa)
    C[..., :ma, m:] = _sub(xp, a.C, oa, sa)
    C[..., m:, :ma] = xp.swapaxes(C[..., :ma, m:], -1, -2)
    C[..., ma:m, ma:m] = _sub(xp, b.C, ob, ob)
    C[..., ma:m, m:] = _sub(xp, b.C, ob, sb)
    C[..., m:, ma:m] = xp.swapaxes(C[..., ma:m, m:], -1, -2)
    C[..., m:, m:] = _sub(xp, a.C, sa, sa) + _sub(xp, b.C, sb, sb)
    nodes = a.ports[sa]  # in a's own lines, which are the merged block's
    X, C = _reduced(group, C, m)
    merged = Blocks(C, np.concatenate([a.ports[oa], moved]), rows, columns)
    if composed:
        inner = [a.inner, b.inner + (np.array([0, 0, width]) if axis == 1
                                     else np.array([0, height, 0])), _own(nodes, height, width)]
        X = X.reshape(*C.shape[:3], k, m)
        parts = [_through(xp, a, oa, sa, X, 0), _through(xp, b, ob, sb, X, ma), X]
        merged.inside = xp.concatenate([p for p in parts if p is not None], axis=3)
        merged.inner = np.concatenate(inner)
    elif group.kept:
        group.note(X, merged, nodes, a)
    return merged


def tie(
    group: Group, blocks: Blocks, side: int, source: int | None, g: XpArray,
) -> Blocks:
    """Join the last nodes of a side to sources through g (T or 1, lines), or let them go.

    Open ends at the left and above carry nothing: their ports are dropped.
    """
    xp = group.xp
    group.flush(blocks)
    outer, shared = blocks.without(side), blocks.where(side)
    if side in (LEFT, TOP):
        return Blocks(_sub(xp, blocks.C, outer, outer), blocks.ports[outer], blocks.rows,
                      blocks.columns)
    ends = np.zeros((0, 2), dtype=np.int64)
    if source is not None:
        ends = np.stack([np.full(len(shared), source), np.arange(len(shared))], axis=1)
    mo, k, e = len(outer), len(shared), len(ends)
    m = mo + e
    C = xp.zeros((*blocks.C.shape[:3], m + k, m + k), dtype=blocks.C.dtype)
    C[..., :mo, :mo] = _sub(xp, blocks.C, outer, outer)
    C[..., :mo, m:] = _sub(xp, blocks.C, outer, shared)
    C[..., m:, :mo] = xp.swapaxes(C[..., :mo, m:], -1, -2)
    C[..., m:, m:] = _sub(xp, blocks.C, shared, shared)
    if e:
        # (T or 1, R or K, k): along the blocks of this edge
        starts = [s.start for s in (blocks.rows if side == RIGHT else blocks.columns)]
        lines = xp.stack([g[:, s : s + k] for s in starts], axis=1)
        lines = lines[:, :, None] if side == RIGHT else lines[:, None]
        diagonal = lines[..., None] * xp.eye(k, dtype=C.dtype)
        C[..., mo:m, m:] = diagonal
        C[..., m:, mo:m] = diagonal
    X, C = _reduced(group, C, m)
    merged = Blocks(C, np.concatenate([blocks.ports[outer], ends]), blocks.rows, blocks.columns)
    group.note(X, merged, blocks.ports[shared], blocks)
    return merged


def _both(s: Segment, t: Segment) -> Segment:
    return Segment(s.start, s.size + t.size, s.edge | t.edge)


def _span(positions: list[int]) -> slice:
    """Return positions as a slice: blocks of one kind lie evenly."""
    step = positions[1] - positions[0] if len(positions) > 1 else 1
    return slice(positions[0], positions[-1] + 1, step)


def _sub(xp: XpModule, C: XpArray, rows: Ints, columns: Ints) -> XpArray:
    return C[..., xp.asarray(rows)[:, None], xp.asarray(columns)[None, :]]


def _reduced(group: Group, C: XpArray, ports: int) -> tuple[XpArray, XpArray]:
    """Eliminate the last nodes of C (T, R, K, n, n); return weights and the smaller matrix."""
    lead, n = C.shape[:3], C.shape[-1]
    flat = C.reshape(-1, n, n)
    X = eliminate(group.xp, flat, ports, weights=group.kept, by=group.by)
    kept = group.xp.ascontiguousarray(flat[:, :ports, :ports])
    return X, kept.reshape(*lead, ports, ports)


def _through(
    xp: XpModule, child: Blocks, outer: Ints, shared: Ints, X: XpArray, at: int
) -> XpArray:
    """Put a child's inner nodes in terms of the merged block's ports."""
    if child.inside is None:
        return None
    ahead = child.inside[..., xp.asarray(shared)]
    result = product(xp, ahead, X)
    own = result[..., at : at + len(outer)]
    own += child.inside[..., xp.asarray(outer)]
    return result


def _own(nodes: Ints, height: int, width: int) -> Ints:
    """Return the shared nodes (side, line) as (family, row, column) of the first block."""
    right = nodes[:, 0] == RIGHT
    return np.stack([
        np.where(right, 0, 1), np.where(right, nodes[:, 1], height - 1),
        np.where(right, width - 1, nodes[:, 1]),
    ], axis=1)
