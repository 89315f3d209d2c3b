"""Template: the access element is a selector without states."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.structured.jit import kernel


def m_evaluate(*args: Any) -> None:
    """Stand for the selector's law."""


# -- template --
@kernel
def through(a, b, gate, q):
    """Across the selector."""
    out, none = np.empty(2), np.empty(0)
    m_evaluate(a - b, none, q, out)
    return out[0], out[1], out[1]
