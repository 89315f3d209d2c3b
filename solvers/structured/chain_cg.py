"""The iterative method: chain-preconditioned conjugate gradients, vector by vector."""

from __future__ import annotations

import numpy as np

from ...netlists._check import Array
from ..problem import CrossbarProblem, RawSolution
from .threads import spread
from .workspace import scratch

__all__ = ["METHOD", "solve_chain_cg"]

METHOD = "structured/chain-cg"


def solve_chain_cg(
    problem: CrossbarProblem, *, keep_voltages: bool, rtol: float, limit: int, patience: int,
    threads: int, start: tuple[Array, Array] | None = None,
) -> RawSolution:
    """Solve for all input vectors of `problem`.

    `limit` bounds the iterations of one vector; after `patience` iterations a vector that will
    not make it is given up, and the result is not `converged`. `start`, word and bit voltages
    (B, M, N), is checked first, corrected in place where it needs to be, and returned.
    """
    from .kernels_chain import LANES, factor_bit, factor_word  # noqa: PLC0415 - imports numba
    from .kernels_solve import solve_vectors  # noqa: PLC0415

    rows, columns = problem.shape
    batch = problem.batch
    blocks = -(-rows // LANES)
    tables = scratch("cg-bit", 2, rows, columns), scratch("cg-word", 2, blocks, columns, LANES)
    (t, q), (tw, qw) = tables
    merged = bool(factor_bit(problem.G, problem.bit_r, t, q))
    factor_word(problem.G, problem.word_r, tw, qw)

    kept = batch if keep_voltages else 0
    word, bit = start or (np.empty((kept, rows, columns)), np.empty((kept, rows, columns)))
    ends = tuple(np.empty((batch, n)) for n in (rows, rows, columns, columns))
    stats = np.zeros((batch, 3))
    vl, vr, vt, vb = problem.ends
    parts = min(threads, batch)
    cuts = [batch * k // parts for k in range(parts + 1)]

    def part(k: int) -> bool:
        work = scratch("cg-work", 12, rows, columns)
        padded = -(-columns // 8) * 8
        # eight columns more keep the lanes' rows out of one cache set
        lines = scratch("cg-rows", LANES, padded + 8)
        carry = scratch("cg-carry", padded, LANES)
        lines[:] = 0.0
        s = slice(cuts[k], cuts[k + 1])
        return bool(solve_vectors(
            problem.G, problem.word_r, problem.bit_r, t, q, tw, qw, merged, vl[s], vr[s], vt[s],
            vb[s], start is not None, keep_voltages, word[s], bit[s], ends[0][s], ends[1][s],
            ends[2][s], ends[3][s], stats[s], work, lines, carry, rtol, limit, patience,
        ))

    converged = all(spread(part, parts, threads))
    return RawSolution(
        word=word if keep_voltages else None,
        bit=bit if keep_voltages else None,
        end_currents=(ends[0], ends[1], ends[2], ends[3]),
        residual=max(float(stats[:, 1].max()), float(np.finfo(float).eps)),
        iterations=int(stats[:, 0].max()),
        method=METHOD,
        converged=converged,
    )
