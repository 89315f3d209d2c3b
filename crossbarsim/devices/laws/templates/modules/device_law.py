"""Template: the device of a cell is a law, beside a compiled module; behind `cells`."""

from __future__ import annotations

from typing import Any

from .....core.compiled.jit import inlined, leaf


def evaluate(v: float, x: Any, p: Any, out: Any) -> None:
    """Stand for the device's laws."""


def take(P: Any, k: int, p: Any) -> None:
    """Stand for the kernel of `device`."""


# -- template --
@leaf
def take_device(P, frames, k, first, p, frame):
    """Take the parameters of cell k."""
    if k == first or P.shape[1] > 1:
        take(P, k, p)


@inlined
def add_device(z, F, Q, J, C, sign, p, frame, where, state, out):
    """Add a current from the unknown where[0] to where[1], and a row for every state."""
    a, b = where[0], where[1]
    S = len(where) - 2
    for s in range(S):
        state[s] = z[where[2 + s]]
    evaluate(sign * (z[a] - z[b]), state, p, out)
    F[a] += sign * out[0]
    F[b] -= sign * out[0]
    J[a, a] += out[1]
    J[a, b] -= out[1]
    J[b, a] -= out[1]
    J[b, b] += out[1]
    for s in range(S):
        row = where[2 + s]
        at = (2 + S) * (s + 1)
        J[a, row] += sign * out[2 + s]
        J[b, row] -= sign * out[2 + s]
        F[row] -= out[at]
        Q[row] += state[s]
        C[row, row] += 1.0
        J[row, a] -= sign * out[at + 1]
        J[row, b] += sign * out[at + 1]
        for k in range(S):
            J[row, where[2 + k]] -= out[at + 2 + k]
