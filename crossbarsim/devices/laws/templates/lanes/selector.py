"""Template: the access element is a selector with frozen states, sixteen at a time."""

from __future__ import annotations

from typing import Any

from .....core.compiled.jit import leaf
from .....core.lanes.vectors import mul, sub, vload


def lane_m_conduct(*args: Any) -> None:
    """Stand for the selector's current law, of vectors."""


# -- template --
@leaf
def through_lanes(a, b, gate, q, x, out):
    """Across the selectors; the first row of q is their polarity."""
    sign = vload(q, 0)
    lane_m_conduct(mul(sub(a, b), sign), x, q, 1, out)
    g = vload(out, 1)
    return mul(vload(out, 0), sign), g, g
