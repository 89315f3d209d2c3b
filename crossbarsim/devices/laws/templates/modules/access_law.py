"""Template: the access element of a cell is a transistor's law; behind `cells`."""

from __future__ import annotations

from typing import Any

from .....core.compiled.jit import inlined, leaf


def access(*args: Any) -> Any:
    """Stand for the transistor's law."""


def take(P: Any, k: int, p: Any) -> None:
    """Stand for the kernel of `device`."""


# -- template --
@leaf
def take_access(P, frames, k, first, q, frame):
    """Take the parameters of cell k."""
    if k == first or P.shape[1] > 1:
        take(P, k, q)


@inlined
def add_access(z, F, Q, J, C, q, frame, where):
    """Add the current from drain to source, the unknowns where[0] and where[1]."""
    a, b = where[0], where[1]
    found = access(z[a], z[b], z[2], q)
    F[a] += found[0]
    F[b] -= found[0]
    J[a, a] += found[1]
    J[a, b] += found[2]
    J[a, 2] += found[3]
    J[b, a] -= found[1]
    J[b, b] -= found[2]
    J[b, 2] -= found[3]
