"""Template: the access element is a transistor."""

from __future__ import annotations

from typing import Any

from ...solvers.structured.jit import kernel


def access(*args: Any) -> Any:
    """Stand for the transistor's law."""


# -- template --
@kernel
def through(a, b, gate, q):
    """From drain to source."""
    found = access(a, b, gate, q)
    return found[0], found[1], -found[2]
