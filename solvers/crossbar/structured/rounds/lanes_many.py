"""Newton's iteration on many input vectors of a small array, a vector in every SIMD lane."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .....core.compiled.workspace import scratch
from .....core.validation import Array
from .....netlists.crossbar.cells import BatchedCells, Cells
from ...problem import CrossbarProblem

__all__ = ["Results", "solve_lanes", "worth_lanes"]

# cells of an array, vectors: larger arrays do not stay in the cache
_SMALL, _FEWEST = 600, 4


class Results(NamedTuple):
    """What vectors are solved to, vector by vector.

    Attributes
    ----------
    word, bit : (B, M, N) volt, or empty
    current : (B, M, N) ampere, or empty
    ends : four (B, n) arrays, ampere
    stats : (B, 2)
        Newton steps, negative of those that are not solved; worst violation of Kirchhoff's law.
    """

    word: Array
    bit: Array
    current: Array
    ends: tuple[Array, Array, Array, Array]
    stats: Array


def worth_lanes(problem: CrossbarProblem, part: slice) -> bool:
    """Return whether vectors are worth lanes of their own."""
    rows, columns = problem.shape
    return rows * columns <= _SMALL and part.stop - part.start >= _FEWEST


def _shares(r: Array) -> tuple[Array, Array]:
    """Return what nodes of unloaded lines (n, m+1) see of the far end's voltage; siemens through.

    Every line is tied at one end or both.
    """
    tied = (r[:, 0] < np.inf) & (r[:, -1] < np.inf)
    whole = np.where(tied[:, None], r, 1.0)
    share = np.cumsum(whole, axis=1)[:, :-1] / whole.sum(axis=1)[:, None]
    share[~tied] = np.where(r[~tied, :1] < np.inf, 0.0, 1.0)
    return share, np.where(tied, 1.0 / whole.sum(axis=1), 0.0)


def solve_lanes(
    problem: CrossbarProblem, cells: Cells, gates: Array, results: Results, part: slice, *,
    rtol: float, node: float, nothing: float, groups: int, threads: int,
) -> bool:
    """Do what `solve_many` does on whole lines, a vector in every SIMD lane."""
    from .....core.lanes.vectors import LANES  # noqa: PLC0415 - imports numba
    from ..kernels.chains import LANES as LINES  # noqa: PLC0415 - same
    from ..kernels.solve import LEAST  # noqa: PLC0415 - same
    from .kernels_lanes import EMPTY, ROWS, factor_shared, lanes_round  # noqa: PLC0415 - same
    from .kernels_lanes_linear import PASSES  # noqa: PLC0415 - same

    rows, columns = problem.shape
    size = rows * columns
    vl, vr, vt, vb = (end[part] for end in problem.ends)
    sources = vl, vr, vt, vb
    count = len(vl)
    groups = max(1, min(-(-count // LANES), groups))
    batch: Any = cells.batch(groups, rtol, LANES) if isinstance(cells, BatchedCells) else None
    if batch is None:
        return False
    gate = np.zeros((groups if batch.moves else 1, size, LANES))
    if batch.moves and gates.ndim == 2:
        gate[:] = gates.reshape(size, 1)
    every = np.ascontiguousarray(gates[part]) if gates.ndim == 3 else np.zeros((1, 1, 1))
    volts = scratch("lanes-volts", 4, groups, size, LANES)
    flow_w, flow_b = np.empty((groups, rows, LANES)), np.empty((groups, columns, LANES))
    which, steps = np.full(groups, EMPTY, np.int64), np.zeros(groups, np.int64)
    open_, before = np.zeros((groups, LANES)), np.empty((groups, LANES))
    share_w, through_w = _shares(problem.word_r)
    share_b, through_b = _shares(problem.bit_r.T)
    blocks = -(-rows // LINES)
    D = _mean_conductance(problem, batch, gates, volts, threads)
    if D is None:
        return False
    tables = (
        D, np.empty((2, rows, columns)), np.zeros((2, blocks, columns, LINES)),
        scratch("lanes-work", PASSES, size, LANES),
        np.empty((4, max(rows, columns), LANES)), np.zeros((ROWS, LANES)),
        np.empty((2 * (rows + columns), LANES)),
    )
    factor_shared(D, problem.word_r, problem.bit_r, tables[1], tables[2])
    keep = len(results.word) > 0
    out = np.empty((3, count, rows, columns) if keep else (0, 0, 0, 0))
    left, right, top, bottom = (end[part] for end in results.ends)
    ends, stats = (left, right, top, bottom), results.stats[part]
    active, following, bad = groups, 0, groups
    while active:
        if following:
            bad = batch.evaluate(active, volts[0], volts[1], gate, threads)
        active, following = lanes_round(
            active, following, bad, which, steps, open_, before, volts, batch.cells, batch.moves,
            batch.lead, batch.inner, every, gate,
            1.0 / problem.word_r, 1.0 / problem.bit_r, np.stack([share_w, share_b.T]), through_w,
            through_b, *sources, flow_w, flow_b, *tables, rtol, node, LEAST, nothing, keep, out,
            *ends, stats,
        )
    if keep:
        for target, found in zip((results.word, results.bit, results.current), out, strict=True):
            target[part] = found
    return True


def _mean_conductance(
    problem: CrossbarProblem, batch: Any, gates: Array, volts: Array, threads: int
) -> Array | None:
    """Return what cells conduct (M, N) on the average over the sources' range.

    That of all vectors, so that a vector's solution does not depend on its company. None where it
    is nothing, or negative.
    """
    lanes = volts.shape[-1]
    high = max(float(np.abs(end).max(initial=0.0)) for end in problem.ends)
    volts[0, 0] = high * np.linspace(-1.0, 1.0, lanes)
    volts[1, 0] = 0.0
    batch.inner[0] = 0.5 * volts[0, 0]
    gate = gates if gates.ndim == 2 else gates.mean(axis=0)
    batch.evaluate(1, volts[0], volts[1], np.repeat(gate.reshape(1, -1, 1), lanes, axis=2), threads)
    mean: Array = batch.cells[1:, 0].mean(axis=(0, -1)).reshape(problem.shape)
    return mean if bool((mean > 0.0).all() and np.isfinite(mean).all()) else None
