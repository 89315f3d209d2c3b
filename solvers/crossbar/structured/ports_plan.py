"""The order of a port reduction: which blocks merge, over which nodes. Computed once per shape.

A block of crosspoints has four groups of ports: L, the word nodes left of it (or the left
sources), R, its own last word nodes (or the right sources), T, the bit nodes above (or the top
sources), B, its own last bit nodes (or the bottom sources). The segment that leads right or down
to a node belongs to the block that owns the node, so neighbours share exactly their port nodes,
and merging two blocks eliminates those. Blocks of LEAF x LEAF crosspoints are reduced in lanes
(`kernels.leaf`), everything above by dense merges (`kernels.ports`).

Nodes are numbered on the array padded to whole leaves, Mp x Np: word nodes, bit nodes, then the
sources at the left, right, top and bottom.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAF", "LEAF_STEPS", "Ints", "Plan", "leaf_tables", "make_plan"]

Ints = NDArray[np.int64]
LEAF = 8
LEAF_STEPS = ((0, 1, 1), (1, 1, 2), (0, 2, 2), (1, 2, 4), (0, 4, 4), (1, 4, 8))
"""Merges inside a leaf: (0 = side by side, 1 = one above the other, rows, columns of a child)."""


@dataclass
class _Block:
    index: int
    groups: list[list[int]]  # node numbers of L, R, T, B


@dataclass(frozen=True, eq=False)
class Plan:
    """A port reduction of an array of `rows` x `columns` leaves.

    Attributes
    ----------
    merges : (n, 12) int64
        Child a, child b (-1: a row of end conductances), 0 side by side / 1 above / 2 a alone,
        the four group sizes of a, the four of b, first line of the end conductances.
    place : (n, 2) int64
        Offset of the merge's matrix in scratch memory, and its leading dimension.
    scratch : int
        Doubles of scratch memory.
    eliminated, ports : (n, 2) int64
        Start and length in `nodes` of the nodes that the merge eliminates, and of its ports.
    nodes : int64
    outer : four int64 arrays
        Positions of the left, right, top and bottom sources in the last block (may be empty).
    order : int
        Size of the last block.
    """

    rows: int
    columns: int
    merges: Ints
    place: Ints
    scratch: int
    eliminated: Ints
    ports: Ints
    nodes: Ints
    outer: tuple[Ints, Ints, Ints, Ints]
    order: int


@dataclass
class _Builder:
    merges: list[list[int]] = field(default_factory=list)
    eliminated: list[tuple[int, int]] = field(default_factory=list)
    ports: list[tuple[int, int]] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)
    count: int = 0
    level: int = 0
    levels: list[int] = field(default_factory=list)

    def _note(self, ids: list[int]) -> tuple[int, int]:
        start = len(self.nodes)
        self.nodes.extend(ids)
        return start, len(ids)

    def merge(self, a: _Block, b: _Block, direction: int, line: int = 0) -> _Block:
        la, ra, ta, ba = a.groups
        lb, rb, tb, bb = b.groups
        shared: list[int] = []
        groups = a.groups
        if direction == 0:
            shared, groups = ra, [la, rb, ta + tb, ba + bb]
        elif direction == 1:
            shared, groups = ba, [la + lb, ra + rb, ta, bb]
        sizes = [len(g) for g in a.groups] + [len(g) for g in b.groups]
        self.merges.append([a.index, b.index, direction, *sizes, line])
        self.ports.append(self._note([n for g in groups for n in g]))
        self.eliminated.append(self._note(shared))
        self.levels.append(self.level)
        block = _Block(self.count, groups)
        self.count += 1
        return block

    def keep(self, a: _Block) -> _Block:
        """Move a block without partner on to the next level's memory."""
        return self.merge(a, _Block(-1, [[], [], [], []]), 2)

    def places(self) -> tuple[Ints, int]:
        """Lay the matrices out: the end rows' for good, then two arenas, level by level in turn."""
        place = np.zeros((len(self.merges), 2), dtype=np.int64)
        sizes = [k[1] + p[1] for k, p in zip(self.eliminated, self.ports, strict=True)]
        need = [0, 0, 0]
        used: dict[int, int] = {}
        for n, level in enumerate(self.levels):
            place[n] = used.get(level, 0), sizes[n]
            used[level] = used.get(level, 0) + sizes[n] ** 2
            arena = 0 if level == 0 else 1 + level % 2
            need[arena] = max(need[arena], used[level])
        starts = np.cumsum([0, *need])
        for n, level in enumerate(self.levels):
            place[n, 0] += starts[0 if level == 0 else 1 + level % 2]
        return place, int(starts[-1])


@lru_cache(maxsize=32)
def make_plan(rows: int, columns: int, right: bool, top: bool, bottom: bool) -> Plan:
    """Return the plan for `rows` x `columns` leaves; flags: whether those ends are connected."""
    mp, np_ = rows * LEAF, columns * LEAF
    bit0, left0 = mp * np_, 2 * mp * np_
    right0, top0, bottom0 = left0 + mp, left0 + 2 * mp, left0 + 2 * mp + np_
    builder = _Builder(count=rows * columns)
    grid: list[list[_Block]] = []
    for bi in range(rows):
        line = []
        i = range(bi * LEAF, (bi + 1) * LEAF)
        for bj in range(columns):
            j = range(bj * LEAF, (bj + 1) * LEAF)
            j0, i0 = bj * LEAF, bi * LEAF
            groups = [
                [k * np_ + j0 - 1 for k in i] if bj else [left0 + k for k in i],
                [k * np_ + j0 + LEAF - 1 for k in i],
                [bit0 + (i0 - 1) * np_ + k for k in j] if bi else [top0 + k for k in j if top],
                [bit0 + (i0 + LEAF - 1) * np_ + k for k in j],
            ]
            block = _Block(bi * columns + bj, groups)
            if bj == columns - 1:  # tie the right ends now: unconnected ones vanish early
                end = [groups[1], [right0 + k for k in i] if right else [], [], []]
                block = builder.merge(block, _Block(-1, end), 0, i0)
            if bi == rows - 1:
                end = [[], [], groups[3], [bottom0 + k for k in j] if bottom else []]
                block = builder.merge(block, _Block(-1, end), 1, j0)
            line.append(block)
        grid.append(line)
    while len(grid) > 1 or len(grid[0]) > 1:
        builder.level += 1
        if len(grid[0]) >= len(grid):
            grid = [
                [builder.merge(line[k], line[k + 1], 0)
                 if k + 1 < len(line) else builder.keep(line[k])
                 for k in range(0, len(line), 2)]
                for line in grid
            ]
        else:
            grid = [
                [builder.merge(a, b, 1) for a, b in zip(*grid[k : k + 2], strict=True)]
                if k + 1 < len(grid) else [builder.keep(a) for a in grid[k]]
                for k in range(0, len(grid), 2)
            ]
    groups = grid[0][0].groups
    sizes = np.cumsum([0] + [len(g) for g in groups])
    outer = [np.arange(sizes[k], sizes[k + 1]) for k in range(4)]
    place, scratch = builder.places()
    return Plan(
        rows, columns, np.array(builder.merges, dtype=np.int64), place, scratch,
        np.array(builder.eliminated, dtype=np.int64), np.array(builder.ports, dtype=np.int64),
        np.array(builder.nodes, dtype=np.int64), (outer[0], outer[1], outer[2], outer[3]),
        int(sizes[4]),
    )


def leaf_tables() -> tuple[Ints, Ints, Ints, Ints]:
    """Return the index tables of the merges inside a leaf.

    Returns
    -------
    sizes : (steps, 4)
        Ports of a child, eliminated nodes, ports of the result, merges of this step in a leaf.
    where : (steps, 6, 32)
        Per step the positions: eliminated in child a and b; ports of a, their place in the
        result; ports of b, their place.
    children : (steps, 32, 2)
        The two children of every merge, numbered row by row in the previous step's grid.
    local : (steps, 32, 48)
        Per merge the leaf's nodes: first the eliminated, then the result's ports. Leaf nodes:
        0..63 word, 64..127 bit, 128..135 left, 136..143 top.
    """
    steps = len(LEAF_STEPS)
    sizes = np.zeros((steps, 4), dtype=np.int64)
    where = np.zeros((steps, 6, 32), dtype=np.int64)
    children = np.zeros((steps, 32, 2), dtype=np.int64)
    local = np.zeros((steps, 32, 48), dtype=np.int64)
    grid = [[_leaf_cell(i, j) for j in range(LEAF)] for i in range(LEAF)]
    for s, (direction, a, b) in enumerate(LEAF_STEPS):
        k = a if direction == 0 else b
        n = 2 * (a + b)
        starts = [0, a, 2 * a, 2 * a + b]
        lengths = [a, a, b, b]
        shared_a, shared_b = (1, 0) if direction == 0 else (3, 2)
        out_rows, out_columns = (a, 2 * b) if direction == 0 else (2 * a, b)
        out_starts = [0, out_rows, 2 * out_rows, 2 * out_rows + out_columns]
        sizes[s] = n, k, 2 * (out_rows + out_columns), LEAF * LEAF // (out_rows * out_columns)
        for child, shared in ((0, shared_a), (1, shared_b)):
            where[s, child, :k] = np.arange(starts[shared], starts[shared] + k)
            own: list[int] = []
            place: list[int] = []
            for g in range(4):
                if g == shared:
                    continue
                doubled = (g >= 2) if direction == 0 else (g < 2)
                shift = lengths[g] if doubled and child == 1 else 0
                own += range(starts[g], starts[g] + lengths[g])
                place += range(out_starts[g] + shift, out_starts[g] + shift + lengths[g])
            where[s, 2 + 2 * child, : len(own)] = own
            where[s, 3 + 2 * child, : len(place)] = place
        columns = len(grid[0])
        new: list[list[list[list[int]]]] = []
        number = 0
        for i in range(0, len(grid), 1 + direction):
            row = []
            for j in range(0, columns, 2 - direction):
                second = (i, j + 1) if direction == 0 else (i + 1, j)
                x, y = grid[i][j], grid[second[0]][second[1]]
                children[s, number] = i * columns + j, second[0] * columns + second[1]
                if direction == 0:
                    shared_nodes, groups = x[1], [x[0], y[1], x[2] + y[2], x[3] + y[3]]
                else:
                    shared_nodes, groups = x[3], [x[0] + y[0], x[1] + y[1], x[2], y[3]]
                ids = shared_nodes + [m for g in groups for m in g]
                local[s, number, : len(ids)] = ids
                row.append(groups)
                number += 1
            new.append(row)
        grid = new
    return sizes, where, children, local


def _leaf_cell(i: int, j: int) -> list[list[int]]:
    word, bit = i * LEAF + j, LEAF * LEAF + i * LEAF + j
    left = word - 1 if j else 2 * LEAF * LEAF + i
    top = bit - LEAF if i else 2 * LEAF * LEAF + LEAF + j
    return [[left], [word], [top], [bit]]
