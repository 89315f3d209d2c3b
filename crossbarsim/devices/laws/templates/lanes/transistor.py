"""Template: the access element is a transistor, sixteen at a time."""

from __future__ import annotations

from typing import Any

from .....core.compiled.jit import leaf
from .....core.lanes.vectors import neg


def lane_access(*args: Any) -> Any:
    """Stand for the transistor's law, of vectors."""


# -- template --
@leaf
def through_lanes(a, b, gate, q, x, out):
    """From drain to source."""
    found = lane_access(a, b, gate, q, 0)
    return found[0], found[1], neg(found[2])
