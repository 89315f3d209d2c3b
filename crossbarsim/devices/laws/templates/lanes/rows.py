"""Template: parameters and states of sixteen cells as rows of vectors."""

from __future__ import annotations

from .....core.compiled.jit import leaf
from .....core.lanes.vectors import larger, smaller, splat, vget, vstore


# -- template --
@leaf
def take_rows(P, k, p):
    """Fill p (K LANES,) with the parameters of the cells from k on; P (K, 1) or (K, n)."""
    n = P.shape[1]
    for m in range(P.shape[0]):
        vstore(p, m, vget(P, m * n + k) if n > 1 else splat(P[m, 0]))


@leaf
def take_states(x, low, high, bounds, k, state):
    """Fill state (S, LANES) of the cells from k on, within their bounds."""
    n = x.shape[1]
    for s in range(x.shape[0]):
        a = vget(low, s * n + k) if bounds else splat(low[s, 0])
        b = vget(high, s * n + k) if bounds else splat(high[s, 0])
        vstore(state, s, smaller(larger(vget(x, s * n + k), a), b))
