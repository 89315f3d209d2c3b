"""The iterative method: chain-preconditioned conjugate gradients, vector by vector."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.compiled.threads import spread
from ....core.compiled.workspace import scratch
from ....core.validation import Array
from ..problem import CrossbarProblem, RawSolution
from .coarse_space import coarse_space, is_hard, with_scratch

if TYPE_CHECKING:
    from .kernels.coarse import Coarse

__all__ = ["COARSE", "METHOD", "solve_chain_cg"]

METHOD = "structured/chain-cg"
COARSE = METHOD + "-coarse"
_FEW, _SHAPES = 4096, 16  # cells of an array whose scratch is kept, and shapes
_PAIR_CELLS = 100_000  # from where two threads on one vector gain more than they cost


def solve_chain_cg(
    problem: CrossbarProblem, *, keep_voltages: bool, rtol: float, limit: int, patience: int,
    threads: int, start: tuple[Array, Array] | None = None,
) -> RawSolution:
    """Solve for all input vectors of `problem`.

    `limit` bounds the iterations of one vector; after `patience` iterations a vector that will
    not make it is given up, and the others with it. `start`, word and bit voltages
    (B, M, N), is checked first, corrected in place where it needs to be, and returned.
    """
    if problem.whole and start is None and problem.G.size <= _FEW:
        found_small = _solve_small(problem, keep_voltages, rtol, limit, patience, threads)
        if found_small is not None:
            return found_small
    from .kernels.chains import LANES, factor_bit, factor_word  # noqa: PLC0415 - imports numba
    from .kernels.solve import (  # noqa: PLC0415 - imports numba
        SMALL,
        solve_irregular,
        solve_vectors,
        solve_whole,
    )
    from .kernels.two_threads import new_orders  # noqa: PLC0415 - imports numba

    rows, columns = problem.shape
    batch = problem.batch
    G, word_r, bit_r = problem.G, problem.word_r, problem.bit_r
    blocks = -(-rows // LANES)
    coarse, own = None, G
    if start is None and is_hard(G, word_r, bit_r):
        memory = scratch("coarse-cells", 2, rows, columns)
        found = coarse_space(word_r, bit_r, (G, G), memory=(memory[0], memory[1]))
        coarse, own = found or (None, G)
    parts = min(threads, batch)
    pair = (
        batch == 1 and threads > 1 and rows * columns >= _PAIR_CELLS and rows >= 2 * LANES
        and (problem.whole or _regular(bit_r))
    )
    tables = scratch("cg-bit", 2, rows, columns), scratch("cg-word", 2, blocks, columns, LANES)
    (t, q), (tw, qw) = tables
    merged: bool | None = False
    simple = problem.whole and not pair and coarse is None
    irregular = False
    if pair:
        irregular = _factor_by_two(problem, own, t, q, tw, qw)
    elif not (simple and parts == 1):
        merged = bool(factor_bit(own, bit_r, t, q, np.empty(columns)))
        irregular = merged | bool(factor_word(G, word_r, tw, qw, np.empty(LANES)))
    if simple or (not irregular and np.minimum(bit_r[0], bit_r[-1]).max() < np.inf):
        merged = None  # what most arrays need, compiled by itself
    solve = solve_vectors if merged is None else solve_irregular
    kept = batch if keep_voltages else 0
    word, bit = start or (np.empty((kept, rows, columns)), np.empty((kept, rows, columns)))
    ends = tuple(np.empty((batch, n)) for n in (rows, rows, columns, columns))
    stats = np.zeros((batch, 2))
    stats[:, 1] = np.inf  # of vectors that are not come to
    vl, vr, vt, vb = problem.ends
    cuts = [batch * k // parts for k in range(parts + 1)]
    team = new_orders() if pair else None

    def part(k: int, work: Array, space: Coarse | None) -> bool:
        lines, carry = _line_scratch(columns, LANES)
        small = scratch("cg-small", SMALL, max(rows, columns) + 1)
        s = slice(cuts[k], cuts[k + 1])
        if simple:
            return bool(solve_whole(
                G, word_r, bit_r, t, q, tw, qw, parts > 1, vl[s], vr[s], vt[s], vb[s],
                start is not None, keep_voltages, word[s], bit[s], ends[0][s], ends[1][s],
                ends[2][s], ends[3][s], stats[s], work, small, lines, carry, rtol, limit, patience,
            ))
        return bool(solve(
            G, word_r, bit_r, t, q, tw, qw, merged, vl[s], vr[s], vt[s], vb[s],
            start is not None, keep_voltages, word[s], bit[s], ends[0][s], ends[1][s],
            ends[2][s], ends[3][s], stats[s], work, small, lines, carry, rtol, limit, patience,
            team, space,
        ))

    def alone(k: int) -> bool:
        space = coarse and with_scratch(coarse)
        return part(k, scratch("cg-work", 12, rows, columns), space)

    if team is not None:
        work = scratch("cg-work", 12, rows, columns)  # one for both threads
        shared = coarse and with_scratch(coarse)
        with _second_thread(team, (G, t, q, tw, qw, work), LANES, shared):
            solved = part(0, work, shared)
    else:
        solved = all(spread(alone, parts, threads))
    return RawSolution(
        word=word if keep_voltages else None,
        bit=bit if keep_voltages else None,
        end_currents=(ends[0], ends[1], ends[2], ends[3]),
        residual=float(stats[:, 1].max()),
        iterations=int(stats[:, 0].max()),
        method=METHOD if coarse is None else COARSE,
        gave_up=not solved,
        by_iteration=True,
    )


def _solve_small(
    problem: CrossbarProblem, keep: bool, rtol: float, limit: int, patience: int, threads: int
) -> RawSolution | None:
    """Do what `solve_chain_cg` does on whole lines of few cells with next to no preparations.

    None where more threads or a coarse space are worth it.
    """
    G, word_r, bit_r, ends = problem.G, problem.word_r, problem.bit_r, problem.ends
    rows, columns = G.shape
    batch = len(ends[0])
    if (batch > 1 and threads > 1) or is_hard(G, word_r, bit_r):
        return None
    solve, tables, packed, lines, rest = _room(rows, columns)
    lines[:] = 0.0
    kept = batch if keep else 0
    word, bit = np.empty((kept, rows, columns)), np.empty((kept, rows, columns))
    left, right = np.empty((batch, rows)), np.empty((batch, rows))
    top, bottom = np.empty((batch, columns)), np.empty((batch, columns))
    stats = np.empty((batch, 2))
    stats[:] = _UNSOLVED
    solved = solve(
        G, word_r, bit_r, *tables, *packed, False, *ends, False, keep, word, bit, left, right, top,
        bottom, stats, *rest, rtol, limit, patience,
    )
    iterations, residual = stats[0].tolist() if batch == 1 else stats.max(axis=0).tolist()
    return RawSolution(
        word if keep else None, bit if keep else None, (left, right, top, bottom), residual,
        int(iterations), METHOD, not solved, by_iteration=True,
    )


_store = threading.local()
_UNSOLVED = np.array([0.0, np.inf])  # of vectors that are not come to


def _room(rows: int, columns: int) -> tuple[Any, Any, Any, Array, Any]:
    """Return kernel, tables of the chains and scratch for a small array, kept per thread."""
    kept: dict[Any, Any] = _store.__dict__
    found: tuple[Any, Any, Any, Array, Any] | None = kept.get((rows, columns))
    if found is None:
        from .kernels.chains import LANES  # noqa: PLC0415 - imports numba
        from .kernels.solve import SMALL, solve_whole  # noqa: PLC0415 - same

        if len(kept) >= _SHAPES:
            kept.clear()
        padded = -(-columns // 8) * 8
        lines = np.zeros((LANES, padded + 8))
        found = kept[rows, columns] = (
            solve_whole, (np.empty((rows, columns)), np.empty((rows, columns))),
            tuple(np.empty((-(-rows // LANES), columns, LANES)) for _ in range(2)), lines,
            (np.empty((12, rows, columns)), np.empty((SMALL, max(rows, columns) + 1)), lines,
             np.empty((padded, LANES))),
        )
    return found


def _line_scratch(columns: int, lanes: int) -> tuple[Array, Array]:
    """Return the calling thread's scratch for a block of word lines."""
    padded = -(-columns // 8) * 8
    # eight columns more keep the lanes' rows out of one cache set
    lines = scratch("cg-rows", lanes, padded + 8)
    lines[:] = 0.0
    return lines, scratch("cg-carry", padded, lanes)


def _regular(r: Array) -> bool:
    """Return whether no bit line has merged nodes or breaks."""
    inner = r[1:-1]
    ends = min(r[0].min(), r[-1].min())
    return bool(ends > 0.0 and inner.min() > 0.0 and inner.max() < np.inf)


def _factor_by_two(
    problem: CrossbarProblem, own: Array, t: Array, q: Array, tw: Array, qw: Array
) -> bool:
    """Factor the word chains, and the bit chains of diagonals `own` towards the meeting row.

    Returns whether any word line is irregular, as `factor_word`.
    """
    from .kernels.chains import LANES, factor_word  # noqa: PLC0415 - imports numba
    from .kernels.two_threads import factor_towards, meeting_row  # noqa: PLC0415 - imports numba

    G, rows = problem.G, problem.shape[0]
    middle = int(meeting_row(rows))
    border = middle // LANES
    passed = np.empty((2, problem.shape[1]))
    irregular = [False, False]

    def half(k: int) -> None:
        factor_towards(own, problem.bit_r, t, q, k == 0, passed[k])
        lines, blocks = (slice(0, middle), slice(0, border)) if k == 0 else (
            slice(middle, None), slice(border, None)
        )
        irregular[k] = bool(factor_word(
            G[lines], problem.word_r[lines], tw[blocks], qw[blocks], np.empty(LANES)
        ))

    spread(half, 2, 2)
    t[middle] = 0.0
    total = passed.sum(axis=0) + own[middle]
    q[middle] = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0.0)
    return any(irregular)


@contextmanager
def _second_thread(
    team: Any, arrays: tuple[Array, ...], lanes: int, coarse: Coarse | None
) -> Iterator[None]:
    """Keep a second thread ready for orders."""
    from .kernels.two_threads import dismiss, join  # noqa: PLC0415 - imports numba

    padded = -(-arrays[0].shape[1] // 8) * 8
    # made here: a second thread that fails before it listens would be waited for without end
    lines, carry = np.zeros((lanes, padded + 8)), np.empty((padded, lanes))
    with ThreadPoolExecutor(1) as pool:
        G, t, q, tw, qw, work = arrays
        orders, shares = team
        second = pool.submit(
            lambda: join(orders, shares, G, t, q, tw, qw, work, lines, carry, coarse)
        )
        try:
            yield
        finally:
            dismiss(orders)
        second.result()
