"""Template: a cell without an access element; behind `cells`."""

from __future__ import annotations

from .....core.compiled.jit import leaf


# -- template --
@leaf
def take_access(P, frames, k, first, q, frame):
    """Take nothing."""


@leaf
def add_access(z, F, Q, J, C, q, frame, where):
    """Add nothing."""
