"""Two-rail ladders: word and bit line side by side, eliminated node pair by node pair.

Going down a column, the part above a pair of nodes is a 2x2 admittance Y with injected currents J.
Through the next segments, R = diag(r_word, r_bit), it becomes (1 + Y R)^-1 Y: no conductance of
a wire is formed, so 0 ohm merges the nodes and an infinite resistance cuts them off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .....core.compiled.jit import kernel
from .....core.validation import Array

__all__ = ["solve_ladders"]


@kernel
def pins(r: Array, pinned: NDArray[np.bool_]) -> None:
    """Mark the nodes that segments of 0 ohm join to a source; r (n+1,)."""
    n = len(pinned)
    for k in range(n):
        pinned[k] = r[0] == 0.0 if k == 0 else (pinned[k - 1] and r[k] == 0.0)
    held = r[n] == 0.0
    for k in range(n - 1, -1, -1):
        pinned[k] = pinned[k] or held
        held = held and r[k] == 0.0


@kernel
def through(s: float, j: float, r: float) -> tuple[float, float]:
    """Return admittance and injection of one rail beyond a segment."""
    if r == np.inf:
        return 0.0, 0.0
    return s / (1.0 + s * r), j / (1.0 + s * r)


@kernel
def solve_ladders(
    rw: Array, rb: Array, a: Array, b: Array, c: Array, d: Array, res_u: Array, res_w: Array,
    du: Array, dw: Array,
) -> None:
    """Solve all ladders for the deviations du, dw (N, M).

    rw, rb (N, M+1) ohm; the cells' 2x2 admittances [[a, b], [c, d]], each (N, M) siemens, b and c
    negative couplings, what leads to ground included; res_u, res_w (N, M) ampere into the nodes.
    """
    N, M = du.shape
    pu, pw = np.empty(M, dtype=np.bool_), np.empty(M, dtype=np.bool_)
    S, T = np.empty((M, 4)), np.empty((M, 2))  # admittance and injection at every pair
    Y, J = np.empty((M, 4)), np.empty((M, 2))  # the same beyond the next segments
    for n in range(N):
        pins(rw[n], pu)
        pins(rb[n], pw)
        y0, y1, y2, y3, j0, j1 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        if not pu[0] and rw[n, 0] < np.inf:
            y0 = 1.0 / rw[n, 0]
        if not pw[0] and rb[n, 0] < np.inf:
            y3 = 1.0 / rb[n, 0]
        for i in range(M):
            s0, s1, s2, s3 = y0 + a[n, i], y1 + b[n, i], y2 + c[n, i], y3 + d[n, i]
            t0, t1 = j0 + res_u[n, i], j1 + res_w[n, i]
            if pu[i]:
                s0, s1, s2, t0 = 1.0, 0.0, 0.0, 0.0
            if pw[i]:
                s3, s1, s2, t1 = 1.0, 0.0, 0.0, 0.0
            S[i, 0], S[i, 1], S[i, 2], S[i, 3] = s0, s1, s2, s3
            T[i, 0], T[i, 1] = t0, t1
            if i == M - 1:
                break
            r0, r1 = rw[n, i + 1], rb[n, i + 1]
            if pu[i] or pw[i] or r0 == np.inf or r1 == np.inf:
                # one rail at most is free to carry on: the other is held, or ends here
                k0, k3, q0, q1 = s0, s3, t0, t1
                if r0 == np.inf and not pu[i] and s0 > 0.0:
                    k3, q1 = s3 - s2 * s1 / s0, t1 - s2 * t0 / s0
                elif r1 == np.inf and not pw[i] and s3 > 0.0:
                    k0, q0 = s0 - s1 * s2 / s3, t0 - s1 * t1 / s3
                y1, y2 = 0.0, 0.0
                y0, j0 = through(k0, q0, r0)
                y3, j1 = through(k3, q1, r1)
                if pu[i]:
                    y0, j0 = (1.0 / r0 if 0.0 < r0 < np.inf else 0.0), 0.0
                if pw[i]:
                    y3, j1 = (1.0 / r1 if 0.0 < r1 < np.inf else 0.0), 0.0
            else:
                p0, p1, p2, p3 = 1.0 + s0 * r0, s1 * r1, s2 * r0, 1.0 + s3 * r1
                det = p0 * p3 - p1 * p2
                y0, y1 = (p3 * s0 - p1 * s2) / det, (p3 * s1 - p1 * s3) / det
                y2, y3 = (p0 * s2 - p2 * s0) / det, (p0 * s3 - p2 * s1) / det
                j0, j1 = (p3 * t0 - p1 * t1) / det, (p0 * t1 - p2 * t0) / det
            Y[i, 0], Y[i, 1], Y[i, 2], Y[i, 3] = y0, y1, y2, y3
            J[i, 0], J[i, 1] = j0, j1
        last = M - 1
        s0, s1, s2, s3 = S[last, 0], S[last, 1], S[last, 2], S[last, 3]
        if not pu[last] and rw[n, M] < np.inf:
            s0 += 1.0 / rw[n, M]
        if not pw[last] and rb[n, M] < np.inf:
            s3 += 1.0 / rb[n, M]
        det = s0 * s3 - s1 * s2
        x0 = (s3 * T[last, 0] - s1 * T[last, 1]) / det
        x1 = (s0 * T[last, 1] - s2 * T[last, 0]) / det
        du[n, last], dw[n, last] = x0, x1
        for i in range(M - 2, -1, -1):
            r0, r1 = rw[n, i + 1], rb[n, i + 1]
            i0 = J[i, 0] - Y[i, 0] * x0 - Y[i, 1] * x1
            i1 = J[i, 1] - Y[i, 2] * x0 - Y[i, 3] * x1
            cut0, cut1 = r0 == np.inf, r1 == np.inf
            z0 = x0 + (0.0 if cut0 else r0 * i0)
            z1 = x1 + (0.0 if cut1 else r1 * i1)
            s0, s1, s2, s3 = S[i, 0], S[i, 1], S[i, 2], S[i, 3]
            if cut0 and cut1:
                det = s0 * s3 - s1 * s2
                z0 = (s3 * T[i, 0] - s1 * T[i, 1]) / det
                z1 = (s0 * T[i, 1] - s2 * T[i, 0]) / det
            elif cut0:
                z1 = 0.0 if pw[i] else z1
                z0 = (T[i, 0] - s1 * z1) / s0
            elif cut1:
                z0 = 0.0 if pu[i] else z0
                z1 = (T[i, 1] - s2 * z0) / s3
            x0 = 0.0 if pu[i] else z0
            x1 = 0.0 if pw[i] else z1
            du[n, i], dw[n, i] = x0, x1
