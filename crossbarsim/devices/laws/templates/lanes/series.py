"""Template: frozen cells of a device and an access element in series, sixteen at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from .....core.compiled.jit import kernel, leaf
from .....core.lanes.vectors import (
    LANES,
    absolute,
    add,
    anywhere,
    both,
    div,
    everywhere,
    gt,
    larger,
    le,
    lt,
    mul,
    negate,
    smaller,
    splat,
    sub,
    vget,
    vload,
    vput,
    where,
)

STATES_OF_ACCESS = 0


def cells(*args: Any) -> int:
    """Stand for the kernel of `cells`."""
    return 0


def lane_conduct(*args: Any) -> None:
    """Stand for the device's current law, of vectors."""


def through_lanes(*args: Any) -> Any:
    """Stand for the access element: (i, di/dv_a, -di/dv_b) from its first node, of vectors."""


def take_rows(*args: Any) -> None:
    """Stand for the kernel of `rows`."""


def take_states(*args: Any) -> None:
    """Stand for the kernel of `rows`."""


# -- template --
@leaf
def series(u, w, gate, sign, flip, guess, p, x_d, out_d, q, x_a, out_a, found):
    """Do what `branch` of `access` does with frozen states, lane by lane.

    Fills found (6, LANES): current, di/du, -di/dw, the inner node's voltage and its derivatives by
    u and w. Returns whether all lanes converged.
    """
    bottom, top = smaller(u, w), larger(u, w)
    low, high = bottom, top
    m = smaller(larger(guess, low), high)
    seeking = everywhere(True)
    current, g_u, g_w, node, m_u, m_w = (
        splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    )
    for n in range(40):
        if flip:
            i_a, g_a, g_b = through_lanes(u, m, gate, q, x_a, out_a)
            lane_conduct(mul(sub(m, w), sign), x_d, p, 0, out_d)
        else:
            i_a, g_a, g_b = through_lanes(m, w, gate, q, x_a, out_a)
            lane_conduct(mul(sub(u, m), sign), x_d, p, 0, out_d)
        i_d, g_d = mul(vload(out_d, 0), sign), vload(out_d, 1)
        inner = g_b if flip else g_a  # how the access element draws from the inner node
        excess = sub(i_d, i_a) if flip else sub(i_a, i_d)
        total = add(g_d, inner)
        rises = gt(total, 0.0)
        close = le(absolute(excess), mul(add(absolute(i_a), absolute(i_d)), 3e-6))
        closing = both(seeking, both(close, rises))
        inverse = div(1.0, where(rises, total, 1.0))
        new = sub(m, mul(excess, inverse))
        if anywhere(closing):
            # what is left is linear: both currents where their tangents meet
            share_d, share = mul(g_d, inverse), mul(inner, inverse)
            outer = mul(g_a if flip else g_b, inverse)
            current = where(closing, add(mul(i_a, share_d), mul(i_d, share)), current)
            node = where(closing, smaller(larger(new, bottom), top), node)
            if flip:
                g_u = where(closing, mul(outer, g_d), g_u)
                g_w = where(closing, mul(g_d, share), g_w)
                m_u = where(closing, outer, m_u)
                m_w = where(closing, share_d, m_w)
            else:
                g_u = where(closing, mul(g_d, share), g_u)
                g_w = where(closing, mul(outer, g_d), g_w)
                m_u = where(closing, share_d, m_u)
                m_w = where(closing, outer, m_w)
            seeking = both(seeking, negate(closing))
            if not anywhere(seeking):
                break
        up = gt(excess, 0.0)
        high = where(both(seeking, up), m, high)
        low = where(both(seeking, negate(up)), m, low)
        inside = both(rises, both(lt(low, new), lt(new, high)))
        if n > 12 and n % 3 == 0:
            inside = negate(everywhere(True))
        m = where(seeking, where(inside, new, mul(add(low, high), 0.5)), m)
    vput(found, 0, current)
    vput(found, LANES, g_u)
    vput(found, 2 * LANES, g_w)
    vput(found, 3 * LANES, node)
    vput(found, 4 * LANES, m_u)
    vput(found, 5 * LANES, m_w)
    return not anywhere(seeking)


@kernel
def cells_many(
    first, last, u, w, gate, sign, base, step, low, high, P, Q, flip, x, inner, tol, i, gu, gw,
    by_u, by_w,
):
    """Do what `cells` does, frozen states (step 0) sixteen cells at a time."""
    S = x.shape[0]
    S_d = S - STATES_OF_ACCESS
    p, q = np.empty(P.shape[0] * LANES), np.empty(Q.shape[0] * LANES)
    state, found = np.empty((S, LANES)), np.empty((6, LANES))
    x_d, x_a = state[:S_d], state[S_d:]
    out_d, out_a = np.empty((2 + S_d, LANES)), np.empty((2 + S - S_d, LANES))
    bad = -1
    full = first + (last - first) // LANES * LANES if step == 0.0 else first
    for k in range(first, full, LANES):
        if k == first or P.shape[1] > 1:
            take_rows(P, k, p)
        if k == first or Q.shape[1] > 1:
            take_rows(Q, k, q)
        take_states(base, low, high, low.shape[1] > 1, k, state)
        good = series(
            vget(u, k), vget(w, k), vget(gate, k), sign, flip, vget(inner, k), p, x_d, out_d, q,
            x_a, out_a, found,
        )
        if not good:
            one = cells(
                k, k + LANES, u, w, gate, sign, base, step, low, high, P, Q, flip, x, inner, tol,
                i, gu, gw, by_u, by_w,
            )
            bad = one if bad < 0 else bad
            continue
        vput(i, k, vload(found, 0))
        vput(gu, k, vload(found, 1))
        vput(gw, k, vload(found, 2))
        vput(inner, k, vload(found, 3))
        n = x.shape[1]
        vput(by_u, k, vload(found, 4))
        vput(by_w, k, vload(found, 5))
        for s in range(S):
            vput(x, s * n + k, vload(state, s))
            vput(by_u, (1 + s) * n + k, splat(0.0))
            vput(by_w, (1 + s) * n + k, splat(0.0))
    if full < last:
        one = cells(
            full, last, u, w, gate, sign, base, step, low, high, P, Q, flip, x, inner, tol, i, gu,
            gw, by_u, by_w,
        )
        bad = one if bad < 0 else bad
    return bad
