"""Template: a cell that is a device alone."""

from __future__ import annotations

from typing import Any

from ...solvers.structured.jit import kernel


def stage(*args: Any) -> Any:
    """Stand for the kernel of `stage`."""


# -- template --
@kernel
def branch(u, w, gate, sign, flip, guess, start, step, lo, hi, p, q, state, out, A, b):
    """Evaluate the device between word and bit node."""
    i, g, good = stage(sign * (u - w), start, step, lo, hi, p, state, out, A, b)
    return sign * i, g, g, w, good
