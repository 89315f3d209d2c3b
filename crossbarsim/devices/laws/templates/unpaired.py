"""Template: stands in for `pair` where a cell has no access element, or more than one state."""

from __future__ import annotations

from ....core.compiled.jit import leaf

# -- template --
PAIRED = False


@leaf
def pair(u, w, gate, sign, flip, guess, step, p, q, start, low, high, x, tol):
    """Return the guess, marked as not good: `branch` solves for inner node and states."""
    return 0.0, 0.0, 0.0, guess, 0.0, 0.0, x, 0.0, False
