"""Which of the two methods to take, by counted work.

Conjugate gradients costs a few nanoseconds per cell and iteration and needs few iterations while
cells are resistive compared with the lines; port reduction costs the same whatever the
resistances, and next to nothing for every further input vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ....core.compiled.threads import one_blas_thread, spread
from ....core.validation import Array
from ....netlists.crossbar.crossbar import Crossbar
from ..problem import CrossbarProblem, RawSolution, make_problem
from .chain_cg import solve_chain_cg
from .matrix_adjoint import matrix_gradient
from .ports_plan import LEAF, make_plan
from .reduction import PortReduction

__all__ = ["affine_maps", "matrix_gradients", "solve"]

METHOD = "structured/port-reduction"
# Measured on one core; only their ratios matter.
_NS_ITERATION = 4.0  # per cell and iteration
_NS_VECTOR = 12.0  # per cell and input vector, lift, check and output
_NS_BACK = 12.0  # per cell and input vector, back-substitution
_PATIENCE = 16
_CHUNK = 32  # input vectors back-substituted together
_SAMPLE = 8  # vectors whose node voltages are checked when only currents are wanted


def _reduction_ns(problem: CrossbarProblem) -> float:
    """Estimated time of a port reduction."""
    tied = problem.tied
    if tied is None:
        ends = (problem.word_r[:, -1], problem.bit_r[0], problem.bit_r[-1])
        right, top, bottom = (bool(r.min() < np.inf) for r in ends)
        tied = right, top, bottom
    return _merging_ns(*problem.shape, *tied)


@lru_cache(maxsize=256)
def _merging_ns(rows: int, columns: int, right: bool, top: bool, bottom: bool) -> float:
    """Sum the estimated times of the merges."""
    plan = make_plan(-(-rows // LEAF), -(-columns // LEAF), right, top, bottom)
    k, m = plan.eliminated[:, 1].astype(float), plan.ports[:, 1].astype(float)
    flops = 2 * k * (k + m) ** 2
    return float((flops / 45 + (k + m) ** 2).sum() + 100.0 * rows * columns)


def solve(
    problem: CrossbarProblem, *, keep_voltages: bool, rtol: float, max_iterations: int | None,
    threads: int,
) -> RawSolution:
    """Solve by whichever method is cheaper; `max_iterations` keeps to the iterative one."""
    if max_iterations is not None:
        return solve_chain_cg(
            problem, keep_voltages=keep_voltages, rtol=rtol, limit=max_iterations,
            patience=max_iterations + 1, threads=threads,
        )
    cells = problem.G.size
    batch = problem.batch
    direct = _reduction_ns(problem) + (cells * (_NS_BACK + _NS_VECTOR) * batch
                                       if keep_voltages else 0.0)
    limit = max(2 * _PATIENCE, int((direct / (cells * batch) - _NS_VECTOR) / _NS_ITERATION))
    first = problem
    if batch > 2 * _SAMPLE:  # learn from one vector what the others will cost
        first = problem.with_ends(tuple(end[:1] for end in problem.ends))  # type: ignore[arg-type]
    raw = solve_chain_cg(
        first, keep_voltages=keep_voltages, rtol=rtol, limit=limit, patience=_PATIENCE,
        threads=threads,
    )
    if raw.converged and first is problem:
        return raw
    each = cells * (_NS_VECTOR + _NS_ITERATION * raw.iterations)
    if raw.converged and each * batch <= direct:
        raw = solve_chain_cg(
            problem, keep_voltages=keep_voltages, rtol=rtol, limit=limit, patience=_PATIENCE,
            threads=threads,
        )
        if raw.converged:
            return raw
    return _solve_direct(problem, keep_voltages=keep_voltages, rtol=rtol, threads=threads)


def _solve_direct(
    problem: CrossbarProblem, *, keep_voltages: bool, rtol: float, threads: int
) -> RawSolution:
    with one_blas_thread():
        reduction = PortReduction.of(problem, keep_rows=True)
        currents = reduction.currents(problem.ends)
        shown = problem
        if not keep_voltages and problem.batch > _SAMPLE:
            shown = problem.with_ends(
                tuple(end[:_SAMPLE] for end in problem.ends)  # type: ignore[arg-type]
            )
        shape = (shown.batch, *problem.shape)
        word, bit = np.empty(shape), np.empty(shape)
        chunk = min(_CHUNK, -(-shown.batch // 8) * 8)
        spread(
            lambda k: reduction.voltages(shown.ends, word, bit, k * chunk, chunk),
            -(-shown.batch // chunk), threads,
        )
    checked = solve_chain_cg(
        shown, keep_voltages=True, rtol=rtol, limit=200, patience=_PATIENCE, threads=threads,
        start=(word, bit),
    )
    return RawSolution(
        word=word if keep_voltages else None, bit=bit if keep_voltages else None,
        end_currents=currents, residual=checked.residual, iterations=checked.iterations,
        method=METHOD,
    )


def affine_maps(xbars: Sequence[Crossbar], threads: int) -> list[tuple[Array, Array]]:
    """Return (W (N, M) siemens, I0 (N,) ampere) of every crossbar, spread over the threads."""

    def one(k: int) -> tuple[Array, Array]:
        xbar = xbars[k]
        rows, columns = xbar.shape
        problem = make_problem(xbar, np.zeros((1, rows)))
        reduction = PortReduction.of(problem, keep_rows=False)
        offset = reduction.currents(problem.ends)[3][0]
        W = np.zeros((columns, rows))
        for name, block in zip(("word_left", "word_right"), reduction.transfer(), strict=True):
            end = xbar.line_ends[name]
            W += np.where(end.connected & np.isnan(end.voltage), block, 0.0)
        return W, offset

    with one_blas_thread():
        return spread(one, len(xbars), threads)


def matrix_gradients(
    xbars: Sequence[Crossbar], grads: Sequence[Array], threads: int, *, wires: bool
) -> list[tuple[Array, Array, Array]]:
    """Return the gradients by cells, word and bit segments for every crossbar's matrix."""

    def one(k: int) -> tuple[Array, Array, Array]:
        xbar = xbars[k]
        problem = make_problem(xbar, np.zeros((1, xbar.shape[0])))
        left, right = (
            end.connected & np.isnan(end.voltage)
            for end in (xbar.line_ends["word_left"], xbar.line_ends["word_right"])
        )
        return matrix_gradient(problem, (left, right), grads[k], wires=wires)

    with one_blas_thread():
        return spread(one, len(xbars), threads)
