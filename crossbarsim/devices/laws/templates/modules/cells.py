"""Template: cells of which a part is a compiled module, between word and bit nodes.

A cell is a small circuit: unknowns 0 word, 1 bit, 2 gate and 3 ground are given, those from 4 on
are its own. Both parts add to f + dq/dt = 0; `add_device` and `add_access` say how. Rows of states
are memory: q is given, frozen or by the stage; other rows that store charge are states as well, but
settle where the states are frozen.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .....core.compiled.jit import inlined, kernel, leaf

IMAGE, INFO, ENTRIES = 4, 12, 16
GIVEN = 4
SIZE = 0  # unknowns of a cell where kernels are made for as many, else 0


def places(f: Any) -> tuple[int, int, int, int, int, int]:
    """Stand for the kernel of `frame`."""
    del f
    return 0, 0, 0, 0, 0, 0


def module_load(f: Any) -> int:
    """Stand for the kernel of `frame`."""
    del f
    return 0


def eliminate(f: Any, a: int, n: int, b: int, m: int) -> bool:
    """Stand for the kernel of `frame`."""
    del f, a, n, b, m
    return True


def take(P: Any, k: int, p: Any) -> None:
    """Stand for the kernel of `device`."""


def take_device(*args: Any) -> None:
    """Stand for the template of the device."""


def take_access(*args: Any) -> None:
    """Stand for the template of the access element."""


def add_device(*args: Any) -> None:
    """Stand for the template of the device."""


def add_access(*args: Any) -> None:
    """Stand for the template of the access element."""


# -- template --
ENDS = 2  # of the given unknowns those by which results are differentiated


@leaf
def take_frame(images, k, f):
    """Put a cell's instance into a frame; images (1, L) or (n, L)."""
    at = k if images.shape[0] > 1 else 0
    for m in range(images.shape[1]):
        f[m] = images[at, m]


@inlined
def add_module(z, F, Q, J, C, f, where):
    """Evaluate a module at the cell's voltages, and add it: its unknown k is where[k].

    Unknowns beyond those count for nothing, and stay at 0.
    """
    solution, resist, react, jacobian, charges, n = places(f)
    for k in range(len(where)):
        f[solution + k] = z[where[k]]
    module_load(f)
    for k in range(len(where)):
        row = where[k]
        F[row] += f[resist + k]
        Q[row] += f[react + k]
        for m in range(len(where)):
            J[row, where[m]] += f[jacobian + k * (n + 1) + m]
            C[row, where[m]] += f[charges + k * (n + 1) + m]


@inlined
def load(z, F, Q, J, C, sign, p, frame_d, where_d, state, out, q, frame_a, where_a):
    """Evaluate the whole cell."""
    N = SIZE or len(z)
    for r in range(N):
        F[r], Q[r] = 0.0, 0.0
        for k in range(N):
            J[r, k], C[r, k] = 0.0, 0.0
    add_device(z, F, Q, J, C, sign, p, frame_d, where_d, state, out)
    add_access(z, F, Q, J, C, q, frame_a, where_a)


@inlined
def row_of(r, step, F, Q, J, C, memory, scale, charge, start, miss, row):
    """Fill `row` with the derivatives of the equation of unknown r; return what it misses."""
    s = memory[r]
    N = SIZE or len(row)
    if s >= 0:
        factor = 1.0 / scale[s]
        for k in range(N):
            row[k] = factor * (C[r, k] + step * J[r, k])
        return factor * (Q[r] + step * F[r]) - start[s]
    s = charge[r]
    if s >= 0 and step > 0.0:
        for k in range(N):
            row[k] = J[r, k] + C[r, k] / step
        return F[r] + (Q[r] - start[s]) / step
    for k in range(N):
        row[k] = J[r, k]
    return F[r]


@inlined
def solve_cell(
    z, F, Q, J, C, step, start, lo, hi, memory, scale, column, charge, volt, tol, work, row, m,
    settling, sign, p, frame_d, where_d, state, out, q, frame_a, where_a,
):
    """Solve for a cell's own unknowns by Newton's iteration; return whether it converged.

    The first of the m columns that `work` holds behind the matrix is the last, small move, which is
    not made: what is left is linear; its size is the last of `work`. Next come the derivatives by
    word and bit, then those by the bases of charges, in the columns `settling` (N,) of their
    rows.
    """
    N = SIZE or len(z)
    n = N - GIVEN
    B = n * n
    span = abs(z[0] - z[1])
    height = abs(z[0]) + abs(z[1]) + abs(z[2])
    good = False
    last, damp = math.inf, 1.0
    for count in range(80):
        load(z, F, Q, J, C, sign, p, frame_d, where_d, state, out, q, frame_a, where_a)
        for r in range(n):
            miss = row_of(GIVEN + r, step, F, Q, J, C, memory, scale, charge, start, 0.0, row)
            s = memory[GIVEN + r]
            held = False
            if s >= 0 and column[s] >= 0 and step > 0.0:
                value = z[column[s]]
                held = (value <= lo[s] and miss > 0.0) or (value >= hi[s] and miss < 0.0)
            if held:
                for k in range(N):
                    row[k] = 0.0
                row[column[s]] = 1.0
                miss = 0.0
            for k in range(n):
                work[r * n + k] = row[GIVEN + k]
            work[B + r * m] = -miss
            for k in range(ENDS):
                work[B + r * m + 1 + k] = -row[k]
            for k in range(1 + ENDS, m):
                own = step > 0.0 and settling[GIVEN + r] == k
                work[B + r * m + k] = 1.0 / step if own else 0.0
        if not eliminate(work, 0, n, B, m):
            return False
        worst, flows = 0.0, 0.0
        # currents of the cell, and what rounding of voltages makes of them
        current = abs(F[0]) + abs(F[1]) + 1e-10 * height * (abs(J[0, 0]) + abs(J[1, 1])) + 1e-18
        for r in range(n):
            move = abs(work[B + r * m])
            if not move < math.inf:
                return False
            if volt[GIVEN + r] > 0:
                worst = max(worst, move / (span + 1e-8 * height + 1e-12))
                if move > 0.5 and damp * move > 0.5:
                    damp = 0.5 / move
            elif move > 0.0:
                size = abs(z[GIVEN + r]) + move
                if volt[GIVEN + r] < 0:
                    flows = max(flows, move / (size + current))
                else:
                    worst = max(worst, move / size)
        # flows follow from the potentials; where they are rounding, they never settle
        if worst <= tol and (flows <= tol or last <= tol):
            work[len(work) - 1] = worst if last <= tol else max(worst, flows)
            good = True
            break
        if worst <= 1e3 * min(tol, 2e-5) and worst >= last and count > 8:  # rounding
            work[len(work) - 1] = 0.0
            good = True
            break
        if count > 15 and worst > 0.5 * last:
            damp *= 0.5
        last = worst
        for r in range(n):
            z[GIVEN + r] += damp * work[B + r * m]
        damp = 1.0 if count < 30 else 0.5
        for s in range(len(scale)):
            k = column[s]
            if k >= 0:
                z[k] = min(max(z[k], lo[s]), hi[s])
    return good


@leaf
def from_rest(
    u, w, gate, z, F, Q, J, C, step, start, lo, hi, memory, scale, column, charge, volt, inside,
    tol, work, row, m, settling, sign, p, frame_d, where_d, state, out, q, frame_a, where_a,
):
    """Solve a cell as `solve_cell` does, from rest: by raising the voltages, then the step."""
    n = (SIZE or len(z)) - GIVEN
    for r in range(len(inside)):
        z[inside[r]] = 0.0
    for s in range(len(scale)):
        if column[s] >= 0:
            z[column[s]] = min(max(start[s], lo[s]), hi[s])
    steps = 1 + int(min((abs(u) + abs(w)) / 0.005, 400.0))
    stages = steps if step == 0.0 else steps + 4
    good = False
    for t in range(1, stages + 1):
        part = min(t / steps, 1.0)
        z[0], z[1], z[2] = part * u, part * w, part * gate
        last = t == stages
        some = step if last else (0.0 if t <= steps else step * 0.25 ** (stages - t))
        good = solve_cell(
            z, F, Q, J, C, some, start, lo, hi, memory, scale, column, charge, volt,
            tol if last else 1e-3, work, row, m, settling, sign, p, frame_d, where_d, state, out,
            q, frame_a, where_a,
        )
        if good and not last:
            for r in range(n):
                z[GIVEN + r] += work[n * n + r * m]
    return good


@kernel
def cells(
    first, last, u, w, gate, base, step, low, high, x, inner, cold, tol, sign, P, frames_d,
    length_d, where_d, Q_a, frames_a, length_a, where_a, memory, scale, column, charge, volt,
    inside, i, into, gu, gw, ku, kw, by_u, by_w, stays, moved,
):
    """Evaluate the cells first..last-1.

    u, w, gate (n,), base (S, n) of the stage of length `step` (0: frozen), x (S, n) and inner
    (I, n) guesses and results; `cold`: come from rest instead of `inner`. Parts: parameters P, Q_a
    (K, 1 or n) of laws, frames (1 or n, L) of modules, what the parts' unknowns are in the cell.
    memory, charge (N,) number of the state that a row is, or -1; scale, column (of states of
    memory) charge over state, and the unknown that the state is. volt (N,): 1 a potential, 0 a
    state, -1 a flow; inside (I,) the unknowns in `inner`. i out of the word, `into` the bit node;
    gu = d into/du, gw = -di/dw, ku and kw the rest of di/du and -d into/dw; by_u, by_w (I + S, n)
    derivatives of inner unknowns and states; stays (S, n) the share of an error of the base that a
    stage leaves; moved (n,) the size of the last moves, which are made to first order. Returns the
    first cell that did not converge, or -1.
    """
    S = len(x)
    N = SIZE or len(volt)
    U = N - GIVEN
    z, F, Q, row = np.zeros(N), np.zeros(N), np.zeros(N), np.zeros(N)
    J, C = np.zeros((N, N)), np.zeros((N, N))
    m = 1 + ENDS
    settling = np.zeros(N, dtype=np.int64)
    if step > 0.0:
        for r in range(GIVEN, N):
            if charge[r] >= 0:
                settling[r] = m
                m += 1
    work = np.zeros(U * U + U * m + 1)
    start, lo, hi = np.empty(S), np.empty(S), np.empty(S)
    p, q = np.empty(P.shape[0]), np.empty(Q_a.shape[0])
    frame_d, frame_a = np.zeros(length_d), np.zeros(length_a)
    D = len(scale)
    state, out = np.empty(D), np.empty((1 + D) * (2 + D))
    B = U * U
    bad = -1
    for k in range(first, last):
        take_device(P, frames_d, k, first, p, frame_d)
        take_access(Q_a, frames_a, k, first, q, frame_a)
        z[0], z[1], z[2], z[3] = u[k], w[k], gate[k], 0.0
        at = k if low.shape[1] > 1 else 0
        for s in range(S):
            lo[s], hi[s], start[s] = low[s, at], high[s, at], base[s, k]
        for r in range(len(inside)):
            z[inside[r]] = inner[r, k]
        for s in range(D):
            if column[s] >= 0:
                guess = base[s, k] if step == 0.0 else x[s, k]
                z[column[s]] = min(max(guess, lo[s]), hi[s])
        good = not cold and solve_cell(
            z, F, Q, J, C, step, start, lo, hi, memory, scale, column, charge, volt, tol, work,
            row, m, settling, sign, p, frame_d, where_d, state, out, q, frame_a, where_a,
        )
        if not good:
            good = from_rest(
                u[k], w[k], gate[k], z, F, Q, J, C, step, start, lo, hi, memory, scale, column,
                charge, volt, inside, tol, work, row, m, settling, sign, p, frame_d, where_d,
                state, out, q, frame_a, where_a,
            )
        moved[k] = work[len(work) - 1]
        if not good:
            if bad < 0:
                bad = k
            i[k], into[k] = 0.0, 0.0
            gu[k], gw[k], ku[k], kw[k] = 0.0, 0.0, 0.0, 0.0
            for r in range(by_u.shape[0]):
                by_u[r, k], by_w[r, k] = 0.0, 0.0
            continue
        # terminals, to first order in the last move and in the given voltages
        for t in range(2):
            miss = row_of(t, step, F, Q, J, C, memory, scale, charge, start, 0.0, row)
            d_u, d_w = row[0], row[1]
            for r in range(U):
                miss += row[GIVEN + r] * work[B + r * m]
                d_u += row[GIVEN + r] * work[B + r * m + 1]
                d_w += row[GIVEN + r] * work[B + r * m + 2]
            if t == 0:
                i[k], ku[k], gw[k] = miss, d_u, -d_w
            else:
                into[k], gu[k], kw[k] = -miss, -d_u, d_w
        ku[k] -= gu[k]
        kw[k] -= gw[k]
        for r in range(U):
            z[GIVEN + r] += work[B + r * m]
        for s in range(D):
            if column[s] >= 0:
                z[column[s]] = min(max(z[column[s]], lo[s]), hi[s])
        I = len(inside)
        for r in range(I):
            at_row = inside[r] - GIVEN
            inner[r, k] = z[inside[r]]
            by_u[r, k], by_w[r, k] = work[B + at_row * m + 1], work[B + at_row * m + 2]
        for r in range(N):
            s = memory[r] if memory[r] >= 0 else charge[r]
            if s < 0:
                continue
            factor = 1.0 / scale[s] if memory[r] >= 0 else 1.0
            value, d_u, d_w = Q[r], C[r, 0], C[r, 1]
            for c in range(U):
                value += C[r, GIVEN + c] * work[B + c * m]
                d_u += C[r, GIVEN + c] * work[B + c * m + 1]
                d_w += C[r, GIVEN + c] * work[B + c * m + 2]
            x[s, k] = factor * value
            stays[s, k] = 1.0
            if settling[r] > 0:
                share = 0.0
                for c in range(U):
                    share += C[r, GIVEN + c] * work[B + c * m + settling[r]]
                stays[s, k] = min(abs(share), 1.0)
            by_u[I + s, k], by_w[I + s, k] = factor * d_u, factor * d_w
        for s in range(D):
            if column[s] >= 0:
                x[s, k] = z[column[s]]
            if step == 0.0:
                x[s, k] = start[s]
                by_u[I + s, k], by_w[I + s, k] = 0.0, 0.0
    return bad


@kernel
def rest_of(
    u, w, gate, x, inner, sign, P, frames_d, length_d, where_d, Q_a, frames_a, length_a, where_a,
    memory, scale, column, charge, volt, inside, moving, rate, by_state, by_gate, by_state_b,
    by_gate_b,
):
    """Fill rates (D, n) of the states of memory where `moving`, else slopes, at solved cells.

    Slopes at frozen states: di/dx (D, n) and di/dgate (n,) of the word's current, and of the bit's
    (``_b``).
    """
    S, n = x.shape
    N = SIZE or len(volt)
    U = N - GIVEN
    z, F, Q, row = np.zeros(N), np.zeros(N), np.zeros(N), np.zeros(N)
    J, C = np.zeros((N, N)), np.zeros((N, N))
    start = np.zeros(S)
    D = len(scale)
    m = D + 1
    B = U * U
    work = np.zeros(U * U + U * m + 1)
    p, q = np.empty(P.shape[0]), np.empty(Q_a.shape[0])
    frame_d, frame_a = np.zeros(length_d), np.zeros(length_a)
    state, out = np.empty(D), np.empty((1 + D) * (2 + D))
    for k in range(n):
        take_device(P, frames_d, k, 0, p, frame_d)
        take_access(Q_a, frames_a, k, 0, q, frame_a)
        z[0], z[1], z[2], z[3] = u[k], w[k], gate[k], 0.0
        for r in range(len(inside)):
            z[inside[r]] = inner[r, k]
        for s in range(D):
            if column[s] >= 0:
                z[column[s]] = x[s, k]
        load(z, F, Q, J, C, sign, p, frame_d, where_d, state, out, q, frame_a, where_a)
        if moving:
            for r in range(N):
                if memory[r] >= 0:
                    rate[memory[r], k] = -F[r] / scale[memory[r]]
            continue
        for r in range(U):
            row_of(GIVEN + r, 0.0, F, Q, J, C, memory, scale, charge, start, 0.0, row)
            for c in range(U):
                work[r * U + c] = row[GIVEN + c]
            for s in range(D):
                work[B + r * m + s] = 1.0 if memory[GIVEN + r] == s else 0.0
            work[B + r * m + D] = -row[2]
        eliminate(work, 0, U, B, m)
        for t in range(2):
            for s in range(m):
                total = 0.0
                for r in range(U):
                    total += J[t, GIVEN + r] * work[B + r * m + s]
                if s < D and t == 0:
                    by_state[s, k] = total
                elif s < D:
                    by_state_b[s, k] = -total
                elif t == 0:
                    by_gate[k] = total + J[0, 2]
                else:
                    by_gate_b[k] = -total - J[1, 2]
