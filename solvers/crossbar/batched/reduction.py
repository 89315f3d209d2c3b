"""Port reduction of many crossbars at once: blocks merge until only the line ends are left.

The same nested dissection as the compiled one for the CPU, as array programs: all blocks of one
size of all crossbars are eliminated together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .array_types import XpArray, XpModule
from .block_layout import (
    BELOW,
    BOTTOM,
    LEFT,
    RIGHT,
    RIGHT_SOURCE,
    TOP,
    Blocks,
    Group,
    Segment,
    Stage,
    join,
    tie,
)
from .crossbar_batch import MERGED, Ints, Stack
from .star_mesh import product

__all__ = ["Ends", "Reduction", "bytes_of"]

Ends = tuple[XpArray, XpArray, XpArray, XpArray]
_SPLIT = 32  # lines from where outer blocks, whose open ends need no ports, are treated apart
_SIDES = (LEFT, RIGHT_SOURCE, TOP, BOTTOM)


def bytes_of(shape: tuple[int, int], *, keep: bool) -> int:
    """Estimated bytes of working memory to reduce one crossbar."""
    rows, columns = shape
    order = 2 * (rows + columns) + max(rows, columns)
    kept = 8 * rows * columns * (30 + 10 * int(np.ceil(np.log2(max(rows, columns, 2)))))
    return 700 * rows * columns + 24 * order**2 + (kept if keep else 0)


@dataclass(frozen=True, eq=False)
class Reduction:
    """Reduced crossbars.

    Attributes
    ----------
    stack : Stack
    matrix : (T, P, P) array, siemens
        Conductances between the connected sources; the diagonal is zero.
    ports : (P, 2) int64
        Side and line of each.
    stages : list of Stage
        For `voltages`; empty where they were not wanted.
    """

    stack: Stack
    matrix: XpArray
    ports: Ints
    stages: list[Stage]

    @classmethod
    def of(cls, stack: Stack, *, keep: bool) -> Reduction:
        """Reduce all crossbars of `stack`; `keep` what `voltages` needs."""
        xp = stack.backend.xp
        M, N = stack.shape
        gw, gb = stack.conductances()
        group = Group(xp, stack.shape, [] if keep else None, stack.backend.panel)
        parts = {((1, 0), (1, 0)): Blocks(
            _cells(xp, stack.G, gw, gb),
            np.array([[LEFT, 0], [RIGHT, 0], [TOP, 0], [BELOW, 0]]),
            [Segment(i, 1) for i in range(M)], [Segment(j, 1) for j in range(N)],
        )}
        rows, columns = [Segment(i, 1) for i in range(M)], [Segment(j, 1) for j in range(N)]
        ends = (gw[:, :, -1], gb[:, -1])
        tied = False
        while len(rows) > 1 or len(columns) > 1:
            if not tied and (
                min(rows[0].size, columns[0].size) >= _SPLIT
                or (len(rows) == 1 and rows[0].size < columns[0].size)
                or (len(columns) == 1 and columns[0].size < rows[0].size)
            ):
                rows, columns = _edges(rows), _edges(columns)
                parts = _tied(group, parts, rows, columns, stack.connected, ends)
                tied = True
            across = len(columns) > 1 and (
                len(rows) == 1 or columns[0].size <= rows[0].size
            )
            if across:
                columns = _paired(columns)
                parts = _merged(group, parts, columns, 1)
            else:
                rows = _paired(rows)
                parts = _merged(group, parts, rows, 0)
        if not tied:
            rows, columns = _edges(rows), _edges(columns)
            parts = _tied(group, parts, rows, columns, stack.connected, ends)
        (last,) = parts.values()
        group.flush(last)
        matrix = last.C[:, 0, 0] * (1.0 - xp.eye(len(last.ports), dtype=last.C.dtype))
        return cls(stack, matrix, last.ports, group.stages or [])

    @cached_property
    def positions(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Positions in `matrix` of the left, right, top and bottom sources, by line."""
        found = []
        for side in _SIDES:
            mine = np.flatnonzero(self.ports[:, 0] == side)
            found.append(mine[np.argsort(self.ports[mine, 1], kind="stable")])
        return found[0], found[1], found[2], found[3]

    def transfer(self) -> tuple[XpArray, XpArray]:
        """Return (T, N, M) siemens from the left and from the right sources to the bottom ends."""
        xp = self.stack.backend.xp
        M, N = self.stack.shape
        left, right, _, bottom = self.positions
        result = []
        for drivers in (left, right):
            if len(drivers) and len(bottom):
                result.append(self.matrix[
                    :, xp.asarray(bottom)[:, None], xp.asarray(drivers)[None, :]
                ])
            else:
                result.append(xp.zeros((len(self.stack), N, M)))
        return result[0], result[1]

    @cached_property
    def _apart(self) -> tuple[XpArray, XpArray, XpArray, XpArray]:
        """Conductances to others than the line's other end, sums of them, and those between ends.

        (T, P, P), (T, P), (T, P) and the position of each port's partner (P,): the two ends of a
        short line are tied so strongly that their voltages must be subtracted first.
        """
        xp = self.stack.backend.xp
        partner = np.arange(len(self.ports))
        for one, two in ((0, 1), (2, 3)):
            a, b = self.positions[one], self.positions[two]
            if len(a) and len(b):
                partner[a], partner[b] = b, a
        here = xp.arange(len(partner))
        other = xp.asarray(partner)
        between = self.matrix[:, here, other]
        clean = xp.array(self.matrix)
        clean[:, here, other] = 0.0
        return clean, xp.sum(clean, axis=1), between, other

    def currents(self, sources: Ends) -> Ends:
        """Return the currents into the four ends for source voltages (T, B, n) at each."""
        xp = self.stack.backend.xp
        clean, sums, between, other = self._apart
        volts = xp.zeros((*sources[0].shape[:2], len(self.ports)))
        for at, end in zip(self.positions, sources, strict=True):
            if len(at):
                volts[:, :, xp.asarray(at)] = end
        into = xp.matmul(volts, clean) - volts * sums[:, None]
        merged = between > 1e-6 * MERGED  # one node, of many in a row: both ends share its current
        strong = xp.where(merged, 0.0, between)[:, None]
        into += strong * (volts[:, :, other] - volts)
        into = xp.where(merged[:, None], 0.5 * (into + into[:, :, other]), into)
        ends = []
        for at, end in zip(self.positions, sources, strict=True):
            ends.append(into[:, :, xp.asarray(at)] if len(at) else xp.zeros_like(end))
        return ends[0], ends[1], ends[2], ends[3]

    def voltages(self, sources: Ends) -> tuple[XpArray, XpArray]:
        """Return the word and bit node voltages, two (T, B, M, N), for sources (T, B, n)."""
        xp = self.stack.backend.xp
        M, N = self.stack.shape
        T, B = sources[0].shape[:2]
        known = xp.zeros((T, 2 * (M * N + M + N), B))
        at = 2 * M * N
        for end in sources:
            known[:, at : at + end.shape[2]] = xp.swapaxes(end, 1, 2)
            at += end.shape[2]
        for stage in reversed(self.stages):
            ports = known[:, xp.asarray(stage.ports)]
            known[:, xp.asarray(stage.eliminated)] = product(xp, stage.X, ports)
        nodes = xp.ascontiguousarray(xp.swapaxes(known[:, : 2 * M * N], 1, 2))
        nodes = nodes.reshape(T, B, 2, M, N)
        return nodes[:, :, 0], nodes[:, :, 1]


def _cells(xp: XpModule, G: XpArray, gw: XpArray, gb: XpArray) -> XpArray:
    """Return blocks of one crosspoint: ports left, own word node, above, own bit node."""
    T, M, N = G.shape
    C = xp.zeros((T, M, N, 4, 4), dtype=G.dtype)
    for a, b, g in ((0, 1, gw[:, :, :N]), (2, 3, gb[:, :M]), (1, 3, G)):
        C[..., a, b] = g
        C[..., b, a] = g
    return C


def _edges(segments: list[Segment]) -> list[Segment]:
    last = len(segments) - 1
    return [
        Segment(s.start, s.size, (1 if k == 0 else 0) | (2 if k == last else 0))
        for k, s in enumerate(segments)
    ]


def _paired(segments: list[Segment]) -> list[Segment]:
    return [
        Segment(s.start, sum(x.size for x in segments[k : k + 2]),
                s.edge | segments[min(k + 1, len(segments) - 1)].edge)
        for k, s in zip(range(0, len(segments), 2), segments[::2], strict=True)
    ]


_Parts = dict[tuple[tuple[int, int], tuple[int, int]], Blocks]


def _merged(group: Group, parts: _Parts, merged: list[Segment], axis: int) -> _Parts:
    """Merge all pairs along an axis; `merged` are the segments afterwards."""
    found: _Parts = {}
    others = {key[1 - axis] for key in parts}
    for other in sorted(others):
        mine = {key[axis]: blocks for key, blocks in parts.items() if key[1 - axis] == other}
        place = {
            s.start: (kind, k) for kind, blocks in mine.items()
            for k, s in enumerate(blocks.rows if axis == 0 else blocks.columns)
        }
        sets: dict[tuple[tuple[int, int], ...], list[tuple[int, ...]]] = {}
        for segment in merged:
            kind, at = place[segment.start]
            size = kind[0]
            if size == segment.size:
                sets.setdefault((segment.kind, kind), []).append((at,))
            else:
                second, at_second = place[segment.start + size]
                sets.setdefault((segment.kind, kind, second), []).append((at, at_second))
        for kinds, positions in sets.items():
            chosen = [
                _choose(mine[kind], [p[k] for p in positions], axis)
                for k, kind in enumerate(kinds[1:])
            ]
            blocks = chosen[0] if len(chosen) == 1 else join(group, chosen[0], chosen[1], axis)
            key = (kinds[0], other) if axis == 0 else (other, kinds[0])
            found[key] = blocks
    return found


def _choose(blocks: Blocks, positions: list[int], axis: int) -> Blocks:
    rows, columns = list(range(len(blocks.rows))), list(range(len(blocks.columns)))
    return blocks.pick(positions, columns) if axis == 0 else blocks.pick(rows, positions)


def _tied(
    group: Group, parts: _Parts, rows: list[Segment], columns: list[Segment],
    connected: tuple[bool, bool, bool, bool], ends: tuple[XpArray, XpArray],
) -> _Parts:
    """Tell outer blocks from inner ones, and join or drop their ports at the ends of the lines."""
    left, right, top, bottom = connected
    found: _Parts = {}
    for blocks in parts.values():
        for r, i in _by_kind(blocks.rows, rows).items():
            for c, j in _by_kind(blocks.columns, columns).items():
                part = blocks.pick(i, j)
                part.rows = [_at(rows, s) for s in part.rows]
                part.columns = [_at(columns, s) for s in part.columns]
                act: list[tuple[bool, Callable[[Blocks], Blocks]]] = [
                    (bool(c[1] & 1) and not left, lambda b: tie(group, b, LEFT, None, None)),
                    (bool(r[1] & 1) and not top, lambda b: tie(group, b, TOP, None, None)),
                    (bool(c[1] & 2), lambda b: tie(
                        group, b, RIGHT, RIGHT_SOURCE if right else None, ends[0])),
                    (bool(r[1] & 2), lambda b: tie(
                        group, b, BELOW, BOTTOM if bottom else None, ends[1])),
                ]
                for wanted, change in act:
                    if wanted:
                        part = change(part)
                found[r, c] = part
    return found


def _at(segments: list[Segment], like: Segment) -> Segment:
    return next(s for s in segments if s.start == like.start)


def _by_kind(mine: list[Segment], named: list[Segment]) -> dict[tuple[int, int], list[int]]:
    kinds: dict[tuple[int, int], list[int]] = {}
    for k, segment in enumerate(mine):
        kinds.setdefault(_at(named, segment).kind, []).append(k)
    return kinds
