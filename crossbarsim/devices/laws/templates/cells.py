"""Template: cells of an array between word and bit nodes; `branch` says what a cell is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.compiled.jit import kernel


def take(P: Any, k: int, p: Any) -> None:
    """Stand for the kernel of `device`."""


def branch(*args: Any) -> Any:
    """Stand for the template of one kind of cell."""


def cell_slopes(*args: Any) -> Any:
    """Stand for the template of one kind of cell."""


def pair(*args: Any) -> Any:
    """Stand for the kernel of `pair`, or its stand-in."""


STATES_OF_ACCESS = 0
PAIRED = False


# -- template --
@kernel
def cells(
    first, last, u, w, gate, sign, base, step, low, high, P, Q, flip, x, inner, tol, i, gu, gw,
    by_u, by_w,
):
    """Evaluate the cells first..last-1: current from word to bit node and its two slopes.

    u, w, gate (n,), base (S, n) what the implicit stage starts from, `step` its length (0:
    frozen), x (S, n) guess and result, inner (n,) the inner node, guess and result; `tol`
    the relative moves below which the rest is linear; P, Q parameters of device and access
    element; `flip`: the access element is on the word side.
    gu = di/du, gw = -di/dw; by_u, by_w (1 + S, n) derivatives of
    inner node and states. Returns the first cell that did not converge, or -1.
    """
    S = x.shape[0]
    bad = -1
    state, start, lo, hi = np.empty(S), np.empty(S), np.empty(S), np.empty(S)
    out, A, b = np.empty((1 + S) * (2 + S) + 2), np.empty((S, S)), np.empty(S)
    p, q = np.empty(P.shape[0]), np.empty(Q.shape[0])
    # views of the device's and the access element's parts, made once: they cost more than a law
    S_d = S - STATES_OF_ACCESS
    size = (1 + S_d) * (2 + S_d)
    x_d, x_a, out_d, out_a = state[:S_d], state[S_d:], out[:size], out[size:]
    A_d, A_a, b_d, b_a = A[:S_d, :S_d], A[S_d:, S_d:], b[:S_d], b[S_d:]
    s_d, s_a, lo_d, lo_a, hi_d, hi_a = (
        start[:S_d], start[S_d:], lo[:S_d], lo[S_d:], hi[:S_d], hi[S_d:]
    )
    for k in range(first, last):
        if k == first or P.shape[1] > 1:
            take(P, k, p)
        if k == first or Q.shape[1] > 1:
            take(Q, k, q)
        at = k if low.shape[1] > 1 else 0
        for s in range(S):
            lo[s], hi[s] = low[s, at], high[s, at]
            state[s], start[s] = min(max(x[s, k], lo[s]), hi[s]), base[s, k]
        if PAIRED and S == 1:
            a, c, d, m, m_u, m_w, y, by_v, good = pair(
                u[k], w[k], gate[k], sign, flip, inner[k], step, p, q, start[0], lo[0], hi[0],
                state[0], tol,
            )
            if good:
                i[k], gu[k], gw[k], inner[k], x[0, k] = a, c, d, m, y
                by_u[0, k], by_w[0, k] = m_u, m_w
                by_v *= sign
                by_u[1, k] = by_v * (m_u if flip else 1.0 - m_u)
                by_w[1, k] = by_v * (m_w - 1.0 if flip else -m_w)
                continue
        a, c, d, m, m_u, m_w, good = branch(
            u[k], w[k], gate[k], sign, flip, inner[k], step, p, q,
            s_d, lo_d, hi_d, x_d, out_d, A_d, b_d, s_a, lo_a, hi_a, x_a, out_a, A_a, b_a,
        )
        i[k], gu[k], gw[k], inner[k] = a, c, d, m
        by_u[0, k], by_w[0, k] = m_u, m_w
        # how the voltages across device and access element follow those of the nodes
        d_u, d_w = (sign * m_u, sign * (m_w - 1.0)) if flip else (sign * (1.0 - m_u), -sign * m_w)
        a_u, a_w = 0.0, 0.0
        if S_d < S:
            a_u, a_w = q[0] * m_u, q[0] * (m_w - 1.0)
        for s in range(S):
            x[s, k] = state[s]
            by_u[1 + s, k] = b[s] * (d_u if s < S_d else a_u)
            by_w[1 + s, k] = b[s] * (d_w if s < S_d else a_w)
        if not good and bad < 0:
            bad = k
    return bad


@kernel
def slopes(u, w, gate, sign, P, Q, flip, S_d, x, inner, by_state, by_gate, share):
    """Fill di/dx (S, n), di/dgate (n,), and the share of di/dG of a device (n,), frozen states.

    S_d is the number of the device's states.
    """
    S, n = x.shape
    state, found = np.empty(S), np.empty(S)
    out = np.empty((1 + S) * (2 + S) + 2)
    p, q = np.empty(P.shape[0]), np.empty(Q.shape[0])
    for k in range(n):
        if k == 0 or P.shape[1] > 1:
            take(P, k, p)
        if k == 0 or Q.shape[1] > 1:
            take(Q, k, q)
        for s in range(S):
            state[s] = x[s, k]
        by_gate[k], share[k] = cell_slopes(
            u[k], w[k], gate[k], sign, flip, inner[k], S_d, state, p, q, out, found
        )
        for s in range(S):
            by_state[s, k] = found[s]
