"""Template: many devices in time, sixteen to a vector; behind the template `steps`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .....core.compiled.jit import kernel, leaf
from .....core.lanes.vectors import (
    LANES,
    add,
    anywhere,
    both,
    div,
    either,
    eq,
    every,
    gt,
    larger,
    le,
    lt,
    mul,
    negate,
    nowhere,
    smaller,
    splat,
    sqrt,
    sub,
    vload,
    vstore,
    where,
)
from .steps import (
    BAD,
    CELL,
    DRAWS,
    END,
    GOOD,
    HIGH,
    INVERSES,
    LOW,
    NOISY,
    NOW,
    PARAMETERS,
    RATE,
    REFUSED,
    ROWS,
    STALE,
    START,
    STATES,
    STEP,
    WIDTH,
    agitated,
    explicit,
    growth,
    outward,
    refresh,
    rosenbrock,
    shake,
    slopes,
    stiffness,
    whole_interval,
)

INVERSE = np.zeros(0, np.int64)


def current(v: Any, x: Any, p: Any, at: int) -> Any:
    """Stand for the model's current."""


# -- template --
@leaf
def fill(D, vectors, first, count, P, low, high, x, first_cell):
    """Lay devices first .. first + count - 1 into rows; lanes left over repeat the last one."""
    for j in range(vectors):
        for lane in range(LANES):
            k = first + min(j * LANES + lane, count - 1)
            place = j * ROWS * LANES + lane
            at = k if P.shape[1] > 1 else 0
            for m in range(PARAMETERS):
                D[place + m * LANES] = P[m, at]
            for m in range(INVERSES):
                D[place + (PARAMETERS + m) * LANES] = 1.0 / P[INVERSE[m], at]
            at = k if low.shape[1] > 1 else 0
            for s in range(STATES):
                D[place + (LOW + s) * LANES] = low[s, at]
                D[place + (HIGH + s) * LANES] = high[s, at]
                D[place + (NOW + s) * LANES] = x[s, k]
            for m in range(RATE, ROWS):
                D[place + m * LANES] = 0.0
            D[place + CELL * LANES] = first_cell + k
            D[place + STALE * LANES] = 1.0


@leaf
def volts(D, vectors, first, count, V, m, row):
    """Fill a row of every vector with the voltages at time m."""
    for j in range(vectors):
        if V.shape[0] == 1:
            vstore(D, j * ROWS + row, splat(V[0, m]))
        else:
            place = (j * ROWS + row) * LANES
            for lane in range(LANES):
                D[place + lane] = V[first + min(j * LANES + lane, count - 1), m]


@leaf
def keep(D, vectors, first, count, m, column, currents, states, state, wide):
    """Write currents and states at time m, into `column`."""
    for j in range(vectors):
        for s in range(STATES):
            vstore(state, s, vload(D, j * ROWS + NOW + s))
        vstore(wide, 0, current(vload(D, j * ROWS + END), state, D, j * ROWS))
        start = first + j * LANES
        for lane in range(min(LANES, count - j * LANES)):
            currents[start + lane, column] = wide[lane]
            if states.shape[2] > 0:
                for s in range(STATES):
                    states[s, start + lane, column] = state[s * LANES + lane]


@leaf
def runaway(G, lane, least):
    """Let a state whose steps became too small end at the bound it runs to; whether one did.

    A runaway ends at a bound, in no time that could be told.
    """
    found = False
    for s in range(STATES):
        x, h = G[(NOW + s) * LANES + lane], G[STEP * LANES + lane]
        low, high = G[(LOW + s) * LANES + lane], G[(HIGH + s) * LANES + lane]
        f = least[s * LANES + lane] * 1e3 * h
        if f > 0.0 and x + f >= high:
            G[(NOW + s) * LANES + lane] = high
            found = True
        elif f < 0.0 and x + f <= low:
            G[(NOW + s) * LANES + lane] = low
            found = True
    return found


@leaf
def implicit_steps(
    D, G, queue, waiting, length, rtol, limit, tiny, noisy, key, done, who, K, state, new, f, out,
    last, ahead, amplitude, A, swaps, wide
):
    """Take the devices of `queue` through the interval by Rosenbrock's method.

    Each is moved into a free lane of G and back when it is at the end. Returns -1, or a device
    that needs more than `limit` steps or too small ones; wide[0] then is its time.
    """
    taken, busy = 0, 0
    for lane in range(LANES):
        who[lane] = -1
    for m in range(ROWS):  # numbers of a device, for lanes that stay free
        vstore(G, m, splat(D[m * LANES]))
    vstore(done, 0, splat(0.0))
    while True:
        for lane in range(LANES):
            if who[lane] < 0:
                done[lane] = 0.0
                if taken < waiting:
                    k = queue[taken]
                    place = (k // LANES) * ROWS * LANES + k % LANES
                    for m in range(ROWS):
                        G[m * LANES + lane] = D[place + m * LANES]
                    who[lane] = k
                    taken, busy = taken + 1, busy + 1
        if busy == 0:
            return -1
        passed = vload(done, 0)
        dv = div(sub(vload(G, END), vload(G, START)), length)
        v = add(vload(G, START), mul(dv, passed))
        for s in range(STATES):
            vstore(state, s, vload(G, NOW + s))
        slopes(v, state, G, 0, out)
        left = sub(length, passed)
        h = smaller(vload(G, STEP), left)
        h = where(gt(h, mul(0.9, left)), left, h)
        for s in range(STATES):
            vstore(G, RATE + s, vload(out, WIDTH * (s + 1)))
        stiff = stiffness(G, 0, state, out)
        if NOISY and noisy:
            h = agitated(G, 0, v, h, state, amplitude)
        rest = eq(dv, 0.0)
        for s in range(STATES):
            row = WIDTH * (s + 1)
            stopped = outward(vload(G, LOW + s), vload(G, HIGH + s), vload(G, NOW + s),
                              vload(out, row))
            for m in range(WIDTH):
                vstore(out, row + m, where(stopped, 0.0, vload(out, row + m)))
            rest = both(rest, eq(vload(out, row), 0.0))
            vstore(K, s, vload(out, row))
        if NOISY and noisy:
            rest = nowhere()
        h = where(rest, left, h)
        # the waveform's points, not the error, limit the step
        smooth = both(both(eq(h, left), lt(mul(stiff, h), 0.3)), negate(rest))
        smooth = both(smooth, lt(vload(G, REFUSED), 0.5))  # else it was tried already
        error = where(rest, 0.0, np.inf)
        if anywhere(smooth):
            found = explicit(G, 0, v, add(v, mul(dv, h)), h, smooth, rtol, K, state, new, f, last)
            error = smaller(error, found)
            smooth = lt(found, np.inf)
            for s in range(STATES):
                vstore(ahead, s, vload(new, s))
        if not every(lt(error, np.inf)):
            found = rosenbrock(G, 0, v, dv, h, out, K, state, new, f, A, swaps)
            error = where(lt(error, np.inf), error, found)
        fine = le(error, rtol)
        for s in range(STATES):
            x = where(smooth, vload(ahead, s), vload(new, s))
            vstore(G, NOW + s, where(both(fine, negate(rest)), x, vload(G, NOW + s)))
        if NOISY and noisy:
            shake(G, 0, fine, h, key, amplitude)
        shrink = larger(mul(0.9, sqrt(sqrt(div(rtol, error)))), 0.1)
        shrink = where(lt(error, np.inf), shrink, 0.1)
        vstore(done, 0, where(fine, where(eq(h, left), length, add(passed, h)), passed))
        vstore(G, STEP, mul(h, where(fine, growth(where(fine, error, 0.0), rtol), shrink)))
        vstore(G, GOOD, where(fine, add(vload(G, GOOD), 1.0), vload(G, GOOD)))
        vstore(G, BAD, where(fine, vload(G, BAD), add(vload(G, BAD), 1.0)))
        vstore(G, REFUSED, splat(0.0))
        late = gt(add(vload(G, GOOD), vload(G, BAD)), limit)
        short = both(negate(fine), lt(vload(G, STEP), tiny))
        suspect = anywhere(either(late, short))
        if suspect:
            vstore(wide, 0, where(late, 1.0, 0.0))
            vstore(wide, 1, where(short, 1.0, 0.0))
            for s in range(STATES):
                vstore(wide, 2 + s, vload(out, WIDTH * (s + 1)))
        for lane in range(LANES):
            k = who[lane]
            if k < 0:
                continue
            if suspect and done[lane] < length:
                stuck = wide[LANES + lane] > 0.5 and not runaway(G, lane, wide[2 * LANES:])
                if stuck or wide[lane] > 0.5:
                    wide[0] = done[lane]
                    return k
            if done[lane] >= length:
                place = (k // LANES) * ROWS * LANES + k % LANES
                for m in range(NOW, DRAWS + 1):
                    D[place + m * LANES] = G[m * LANES + lane]
                D[place + STALE * LANES] = 1.0
                who[lane] = -1
                busy -= 1


@leaf
def gather_refused(D, vectors, count, queue):
    """List the devices that are refused; return how many."""
    waiting = 0
    for j in range(vectors):
        place = (j * ROWS + REFUSED) * LANES
        for lane in range(min(LANES, count - j * LANES)):
            if D[place + lane] > 0.5:
                queue[waiting] = j * LANES + lane
                waiting += 1
    return waiting


@kernel
def integrate_many(
    t, V, P, low, high, x, rtol, limit, noisy, key, first_cell, every_point, currents, states,
    stats, block
):
    """Integrate devices as `integrate` does, `block` vectors of them side by side.

    Each interval of `t` is tried as one explicit step of all; those who need others take
    Rosenbrock's in vectors of their own. Arguments and result of `integrate`.
    """
    n = x.shape[1]
    T = len(t)
    wide_rows = (1 + STATES) * WIDTH
    D, G = np.zeros(block * ROWS * LANES), np.zeros(ROWS * LANES)
    queue, who = np.zeros(block * LANES, np.int64), np.zeros(LANES, np.int64)
    K, state, new = (np.zeros((6 * STATES + 1) * LANES), np.zeros((STATES + 1) * LANES),
                     np.zeros((STATES + 1) * LANES))
    f, out, last = (np.zeros((STATES + 1) * LANES), np.zeros(wide_rows * LANES),
                    np.zeros(wide_rows * LANES))
    ahead, amplitude = np.zeros((STATES + 1) * LANES), np.zeros((STATES + 1) * LANES)
    A, swaps = (np.zeros((STATES * STATES + 1) * LANES), np.zeros((STATES * STATES + 1) * LANES))
    wide, done = np.zeros((2 + STATES) * LANES), np.zeros(LANES)
    tiny = 1e-30 * (t[T - 1] - t[0])
    for first in range(0, n, block * LANES):
        count = min(n - first, block * LANES)
        vectors = (count + LANES - 1) // LANES
        fill(D, vectors, first, count, P, low, high, x, first_cell)
        volts(D, vectors, first, count, V, 0, END)
        for j in range(vectors):
            refresh(D, j * ROWS, state, out)
            vstore(D, j * ROWS + STEP, splat(0.1 * (t[1] - t[0])))
        if every_point:
            keep(D, vectors, first, count, 0, 0, currents, states, state, wide)
        for m in range(T - 1):
            length = t[m + 1] - t[m]
            for j in range(vectors):
                vstore(D, j * ROWS + START, vload(D, j * ROWS + END))
            volts(D, vectors, first, count, V, m + 1, END)
            all_done = True
            for j in range(vectors):
                if not whole_interval(
                    D, j * ROWS, length, rtol, noisy, key, K, state, new, f, last, amplitude
                ):
                    all_done = False
            if not all_done:
                waiting = gather_refused(D, vectors, count, queue)
                failed = implicit_steps(
                    D, G, queue, waiting, length, rtol, float(limit + m), tiny, noisy, key, done,
                    who, K, state, new, f, out, last, ahead, amplitude, A, swaps, wide
                )
                if failed >= 0:
                    at = first + failed
                    v = V[at if V.shape[0] > 1 else 0]
                    stats[at, 0] = t[m] + wide[0]
                    stats[at, 1] = v[m] + (v[m + 1] - v[m]) / length * wide[0]
                    return at
            if noisy or not all_done:
                for j in range(vectors):
                    refresh(D, j * ROWS, state, out)
            if every_point:
                keep(D, vectors, first, count, m + 1, m + 1, currents, states, state, wide)
        if not every_point:
            keep(D, vectors, first, count, T - 1, 0, currents, states[:, :, :0], state, wide)
        for k in range(count):
            place = (k // LANES) * ROWS * LANES + k % LANES
            for s in range(STATES):
                x[s, first + k] = D[place + (NOW + s) * LANES]
            stats[first + k, 0] = D[place + GOOD * LANES]
            stats[first + k, 1] = D[place + BAD * LANES]
    return -1
