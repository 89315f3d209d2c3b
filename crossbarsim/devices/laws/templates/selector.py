"""Template: the access element is a selector, maybe with states after those of the device."""

from __future__ import annotations

from typing import Any

from ....core.compiled.jit import leaf


def m_stage(*args: Any) -> Any:
    """Stand for the kernel of `stage` with the selector's laws."""


def m_evaluate(*args: Any) -> None:
    """Stand for the selector's laws."""


def m_scalar_laws(*args: Any) -> Any:
    """Stand for the selector's laws as two numbers."""


# -- template --
@leaf
def through(a, b, gate, q, start, step, lo, hi, state, out, A, rhs):
    """Across the selector; q[0] is its polarity."""
    i, g, good = m_stage(
        q[0] * (a - b), start, step, lo, hi, q[1:], state, out, A, rhs
    )
    return q[0] * i, g, g, good


@leaf
def through_plain(a, b, gate, q):
    """Across a selector without states."""
    i, g = m_scalar_laws(q[0] * (a - b), q[1:])
    return q[0] * i, g, g


@leaf
def access_slopes(a, b, gate, q, state, out, by_state):
    """Fill di/dx of the selector; return di/dgate."""
    m_evaluate(q[0] * (a - b), state, q[1:], out)
    for s in range(len(state)):
        by_state[s] = q[0] * out[2 + s]
    return 0.0
