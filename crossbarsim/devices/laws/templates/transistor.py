"""Template: the access element is a transistor."""

from __future__ import annotations

from typing import Any

from ....core.compiled.jit import leaf


def access(*args: Any) -> Any:
    """Stand for the transistor's law."""


# -- template --
@leaf
def through(a, b, gate, q, start, step, lo, hi, state, out, A, rhs):
    """From drain to source."""
    found = access(a, b, gate, q)
    return found[0], found[1], -found[2], True


@leaf
def through_plain(a, b, gate, q):
    """From drain to source."""
    found = access(a, b, gate, q)
    return found[0], found[1], -found[2]


@leaf
def access_slopes(a, b, gate, q, state, out, by_state):
    """Return di/dgate; a transistor has no states."""
    return access(a, b, gate, q)[3]
