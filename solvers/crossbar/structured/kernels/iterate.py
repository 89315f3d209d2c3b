"""The iteration itself: when to stop, when to give up, by one thread or by a team."""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import lean
from .....core.validation import Array
from .cg import down, go_up
from .chains import LANES
from .coarse import Coarse, correct, gather
from .two_threads import DOWN, UP, Team, lead

__all__ = ["iterate"]


@lean
def _largest_current(w: Array, known: Array, r_end: Array, step: int) -> float:
    """Estimate the largest bottom current from the voltages at the sensed ends."""
    last = w.shape[0] - 1
    best = 0.0
    for j in range(w.shape[1]):
        if 0.0 < r_end[j] < np.inf:
            best = max(best, abs(known[j] + (w[last, j] / r_end[j] if step else 0.0)))
    return best


@lean
def iterate(
    G: Array, t: Array, q: Array, tw: Array, qw: Array, r: Array, w: Array, known: Array,
    offset: Array, r_end: Array, work: Array, small: Array, rows: Array, carry: Array,
    merged: bool | None,
    rtol: float, floor: float, gain: float, fresh: bool, limit: int, patience: int,
    team: Team | None, coarse: Coarse | None,
) -> tuple[int, float]:
    """Solve S w = r from w = 0; return (iterations, |r|_1 at the end).

    A current injected by the residual anywhere leaves through the ends, so |r|_1 bounds the error
    of every end current; the iteration stops when it is below `rtol` times the largest bottom
    current and below `gain` times its first value, or below `floor`. `known` (M, N) holds earlier
    corrections of w (none where `fresh`), `offset` (N,) the bottom currents of the lift, both for
    the size of the currents only; `small` (2, N) is scratch. When, after `patience`
    iterations, the rate so far says that `limit` will not do, it gives up (negative count).
    `coarse` adds its preconditioner to that of the chains.
    """
    M, N = G.shape
    p, s, y, J = work[0], work[1], work[2], work[3]
    z, seen = small[0], small[1]
    blocks = -(-M // LANES)
    for j in range(N):
        use = not fresh and 0.0 < r_end[j] < np.inf
        share = known[M - 1, j] / r_end[j] if use else 0.0
        seen[j] = offset[j] + share
    alpha = 0.0
    beta = 0.0
    rz_old = 1.0
    first = 0.0
    norm = 0.0
    for n in range(limit + 1):
        if team is not None:
            rz, norm = lead(
                DOWN, n, alpha, team[0], team[1], G, t, q, tw, qw, work, rows, carry, coarse
            )
        else:
            rz, norm = down(t, q, w, p, r, y, J, alpha, n, merged, 0, M, 1)
        first = norm if n == 0 else first
        target = max(min(rtol * _largest_current(w, seen, r_end, n), gain * first), floor)
        if norm <= target or rz <= 0.0:
            if n == 0:
                for i in range(M):
                    for j in range(N):
                        w[i, j] = 0.0
            return n, norm
        if n >= patience and n % 8 == 0:
            # geometric extrapolation of the residual so far
            rate = np.log(first / norm) / n
            if rate * (limit - n) < np.log(norm / target):
                return -n, norm
        if n == limit:
            break
        if coarse is not None:
            if team is None:
                gather(coarse, r, 0, M, 0, True)
            rz += correct(coarse, 1 if team is None else 2)
        beta = rz / rz_old if n else 0.0
        rz_old = rz
        if team is not None:
            py, _ = lead(
                UP, n, beta, team[0], team[1], G, t, q, tw, qw, work, rows, carry, coarse
            )
        else:
            for j in range(N):
                z[j] = 0.0
            py = go_up(G, t, q, tw, qw, J, r, p, s, y, beta, n, rows, carry, z, blocks - 1,
                       blocks, -1, coarse)
        if py <= 0.0:
            if n == 0:
                for i in range(M):
                    for j in range(N):
                        w[i, j] = 0.0
            return n, norm
        alpha = rz / py
    return -limit, norm
