"""Newton's iteration on many input vectors of a crosspoint array, in compiled rounds.

Without safeguards: vectors that do not converge at once are left to `Network`, which has them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ....core.compiled.workspace import scratch
from ....core.validation import Array
from ....netlists.crossbar.cells import BatchedCells, Cells
from ..problem import CrossbarProblem
from .coarse_space import is_hard
from .rounds.lanes_many import Results, solve_lanes, worth_lanes

__all__ = ["Results", "can_run", "solve_many"]

_AT_ONCE = 1 << 15  # cells that are evaluated by one call
_LANES_AT_ONCE = 1 << 12  # the same, of arrays whose vectors have lanes: sixteen times as many
# Residuals of the first linear step: a look at all cells more costs less than digits of a step, or
# more where a cell's law takes tens of nanoseconds
_CHEAP, _DEAR = 3e-2, 3e-4
_HARDER = 6.0  # single precision without a coarse space keeps up with double that has one: measured
_SHORT, _LONG = 1e-20, 1e20  # ohm, of segments that single precision holds


def can_run(problem: CrossbarProblem, cells: Cells, method: str) -> bool:
    """Whether the vectors of `problem` can be solved so."""
    return (
        method == "structured" and not problem.parallel and problem.batch > 1
        and isinstance(cells, BatchedCells)
    )


def solve_many(
    problem: CrossbarProblem, cells: Cells, gates: Array, results: Results, part: slice, *,
    rtol: float, node: float, nothing: float, threads: int,
) -> bool:
    """Solve the vectors `part` of `problem` into `results`; return whether it was done.

    Cells that are not evaluated in batches are left alone, and those that conduct as well as their
    lines: steps with a coarse space are not taken here.

    Parameters
    ----------
    gates : (M, N) or (B, M, N) volt
    node, nothing : float
        What a node may miss over `rtol`; ampere that are none.
    """
    if is_even(problem) and worth_lanes(problem, part):
        groups = _LANES_AT_ONCE // (problem.shape[0] * problem.shape[1])
        if solve_lanes(
            problem, cells, gates, results, part, rtol=rtol, node=node, nothing=nothing,
            groups=groups, threads=threads,
        ):
            return True
    from .kernels.chains import LANES  # noqa: PLC0415 - imports numba
    from .kernels.solve import LEAST  # noqa: PLC0415 - same
    from .rounds.kernels_rounds import EMPTY, newton_round, round_even  # noqa: PLC0415 - same

    rows, columns = problem.shape
    vl, vr, vt, vb = (end[part] for end in problem.ends)
    sources = vl, vr, vt, vb
    count = len(vl)
    slots = min(count, max(1, _AT_ONCE // (rows * columns)))
    batch: Any = cells.batch(slots, rtol) if isinstance(cells, BatchedCells) else None
    if batch is None:
        return False
    gate = np.zeros((slots, rows, columns))
    gate[:] = gates if gates.ndim == 2 else 0.0
    every = np.ascontiguousarray(gates[part]) if gates.ndim == 3 else np.zeros((1, 1, 1))
    gated = bool(gates.any())
    volts = np.empty((4, slots, rows, columns))
    flow_w, flow_b = np.empty((slots, rows)), np.empty((slots, columns))
    which, steps = np.full(slots, EMPTY, np.int64), np.zeros(slots, np.int64)
    before = np.full(slots, np.inf)
    blocks = -(-rows // LANES)
    padded = -(-columns // 8) * 8
    lines = scratch("cg-rows", LANES, padded + 8)
    lines[:] = 0.0
    small = np.zeros((4, max(rows, columns) + 2))
    tables = (
        scratch("newton-bit", 2, rows, columns), scratch("newton-word", 2, blocks, columns, LANES),
        scratch("newton-work", 8, rows, columns), small, lines,
        scratch("cg-carry", padded, LANES),
    )
    merged = not bool(problem.bit_r.min() > 0.0)
    e = _even_tables(problem)
    out = np.empty((0, 0, 0, 0))
    keep = len(results.word) > 0
    if keep:
        out = np.empty((3, count, rows, columns))
    left, right, top, bottom = (end[part] for end in results.ends)
    ends, stats = (left, right, top, bottom), results.stats[part]
    general = None if e.even and batch.alike else True
    step = round_even if general is None else newton_round
    active, following, bad = slots, 0, slots
    while active:
        if following:
            bad = batch.evaluate(active, volts[0], volts[1], gate, threads)
            if not steps.any() and is_hard(
                batch.cells[1, 0], problem.word_r, problem.bit_r,
                more=_HARDER if general is None else 1.0,
            ):
                return False  # one by one, with a coarse space
        active, following = step(
            active, following, bad, which, steps, before, volts, batch.cells, batch.alike,
            batch.moves, gated, batch.lead, batch.inner, every, gate, problem.word_r,
            problem.bit_r, merged, *sources, flow_w, flow_b, *tables, general, e.word_y, e.bit_y,
            e.bit_s, e.word_s, e.tables_s, e.packed_s, e.work_s, e.small_s, e.rows_s, e.carry_s,
            rtol, node, LEAST, _DEAR if batch.dear else _CHEAP, nothing, keep, out, *ends, stats,
        )
    if keep:
        for target, found in zip((results.word, results.bit, results.current), out, strict=True):
            target[part] = found
    return True


def is_even(problem: CrossbarProblem) -> bool:
    """Return whether all lines are whole and their segments such as single precision holds."""
    return all(
        bool(r.min() >= _SHORT and r[:, 1:-1].max(initial=0.0) <= _LONG)
        and bool(np.minimum(r[:, 0], r[:, -1]).max() <= _LONG)
        for r in (problem.word_r, problem.bit_r.T)
    )


class _Even(NamedTuple):
    """Whether all lines are whole, and what `newton_round` needs for them, small where not."""

    even: bool
    word_y: Array
    bit_y: Array
    bit_s: Any  # of float32, as what follows
    word_s: Any
    tables_s: Any
    packed_s: Any
    work_s: Any
    small_s: Any
    rows_s: Any
    carry_s: Any


def _even_tables(problem: CrossbarProblem) -> _Even:
    """Return what whole lines need."""
    from .kernels.chains import LANES  # noqa: PLC0415 - imports numba

    rows, columns = problem.shape
    even = is_even(problem)
    if not even:
        rows = columns = 1
    blocks, padded = -(-rows // LANES), -(-columns // 8) * 8
    whole = np.ones((blocks * LANES, columns + 1))
    word_y, bit_y = np.zeros((rows, columns + 1)), np.zeros((rows + 1, columns))
    bit_r = np.ones((rows + 1, columns))
    if even:
        word_y, bit_y, bit_r = 1.0 / problem.word_r, 1.0 / problem.bit_r, problem.bit_r
        whole[:rows] = problem.word_r
    packed = whole.reshape(blocks, LANES, columns + 1).transpose(0, 2, 1)
    f = np.float32
    return _Even(
        even, word_y, bit_y, bit_r.astype(f), np.ascontiguousarray(packed, f),
        np.empty((2, rows, columns), f), np.zeros((2, blocks, columns, LANES), f),
        np.empty((9, rows, columns), f), np.empty((3, columns), f),
        np.zeros((LANES, padded + 8), f), np.zeros((padded, LANES), f),
    )
