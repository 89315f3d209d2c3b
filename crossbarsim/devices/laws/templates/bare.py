"""Template: a cell that is a device alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.compiled.jit import kernel, leaf


def stage(*args: Any) -> Any:
    """Stand for the kernel of `stage`."""


def evaluate(*args: Any) -> None:
    """Stand for the device's laws."""


def conduct(*args: Any) -> None:
    """Stand for the device's current law."""


def take(*args: Any) -> None:
    """Stand for the kernel of `device`."""


# -- template --
@kernel
def frozen(first, last, u, w, sign, x, low, high, P, i, g):
    """Evaluate the cells first..last-1, states x (S, n) frozen: current and di/dv.

    As `cells` with step 0, without what only states that move and inner nodes need.
    """
    S = x.shape[0]
    out, state, p = np.empty((1 + S) * (2 + S) + 2), np.empty(S), np.empty(P.shape[0])
    take(P, first, p)
    own, bounds = P.shape[1] > 1, low.shape[1] > 1
    for k in range(first, last):
        if own:
            take(P, k, p)
        at = k if bounds else 0
        for s in range(S):
            state[s] = min(max(x[s, k], low[s, at]), high[s, at])
        conduct(sign * (u[k] - w[k]), state, p, out)
        i[k], g[k] = sign * out[0], out[1]


@kernel
def frozen_slopes(first, last, u, w, sign, x, P, by_state):
    """Fill di/dx (S, n) of the cells first..last-1."""
    S = x.shape[0]
    out, state, p = np.empty((1 + S) * (2 + S) + 2), np.empty(S), np.empty(P.shape[0])
    take(P, first, p)
    own = P.shape[1] > 1
    for k in range(first, last):
        if own:
            take(P, k, p)
        for s in range(S):
            state[s] = x[s, k]
        conduct(sign * (u[k] - w[k]), state, p, out)
        for s in range(S):
            by_state[s, k] = sign * out[2 + s]


@leaf
def branch(
    u, w, gate, sign, flip, guess, step, p, q,
    s_d, lo_d, hi_d, x_d, out_d, A_d, b_d, s_a, lo_a, hi_a, x_a, out_a, A_a, b_a,
):
    """Evaluate the device between word and bit node; as `branch` of `access`."""
    i, g, good = stage(sign * (u - w), s_d, step, lo_d, hi_d, p, x_d, out_d, A_d, b_d)
    return sign * i, g, g, w, 0.0, 1.0, good


@kernel
def cell_slopes(u, w, gate, sign, flip, m, S_d, state, p, q, out, by_state):
    """Fill di/dx; return di/dgate and the conductance."""
    evaluate(sign * (u - w), state, p, out)
    for s in range(len(state)):
        by_state[s] = sign * out[2 + s]
    return 0.0, out[1]
