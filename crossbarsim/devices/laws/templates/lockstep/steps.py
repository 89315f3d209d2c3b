"""Template: steps of sixteen devices at a time; a model's laws of vectors are put in front of it.

The steps are those of the template `integrate`, each lane by itself: what a lane does depends on
its own device alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .....core.compiled.jit import leaf
from .....core.lanes.gauss import gauss_lanes
from .....core.lanes.vectors import (
    absolute,
    add,
    anywhere,
    both,
    div,
    either,
    eq,
    every,
    ge,
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
from ..integrate import A_STAGE, ALPHA, C_STAGE, GAMMA

STATES, PARAMETERS, INVERSES, NOISY = 1, 1, 0, False


def rates(v: Any, x: Any, p: Any, at: int, out: Any) -> None:
    """Stand for the model's rates."""


def slopes(v: Any, x: Any, p: Any, at: int, out: Any) -> None:
    """Stand for the model's laws with derivatives."""


def noise(v: Any, x: Any, p: Any, at: int, out: Any) -> None:
    """Stand for the model's noise."""


# -- template --
# Rows of sixteen devices: their parameters, reciprocals of some, then
LOW = PARAMETERS + INVERSES  # ends of the states' ranges
HIGH = LOW + STATES
NOW = HIGH + STATES  # states
RATE = NOW + STATES  # rates there as the law has them, also those that lead out of the range
STIFF = RATE + STATES  # the largest of the sums |df/dx| of a state, relative to the ranges
STEP = STIFF + 1  # the step that the error control proposes, second
GOOD, BAD, DRAWS = STEP + 1, STEP + 2, STEP + 3  # steps accepted, rejected; draws of noise
CELL = STEP + 4  # which device
STALE = STEP + 5  # 1: rate and stiffness are not those of the state now
REFUSED = STEP + 6  # 1: the interval is not done
START, END = STEP + 7, STEP + 8  # volt, at the ends of the interval
ROWS = STEP + 9
WIDTH = 2 + STATES


@leaf
def reach(low, high, x):
    """Return the range of a state, or its size where it has none."""
    span = sub(high, low)
    return where(lt(span, np.inf), span, larger(absolute(x), 1e-300))


@leaf
def outward(low, high, x, f):
    """Return where a rate would lead out of the range."""
    return either(both(le(x, low), lt(f, 0.0)), both(ge(x, high), gt(f, 0.0)))


@leaf
def confined(low, high, x, f):
    """Return the rate with which a state moves: none out of its range."""
    return where(outward(low, high, x, f), 0.0, f)


@leaf
def stiffness(D, at, state, out):
    """Return the largest |df/dx|, each state in units of its range; out: what `slopes` fills."""
    worst = splat(0.0)
    for s in range(STATES):
        low, high = vload(D, at + LOW + s), vload(D, at + HIGH + s)
        x = vload(state, s)
        row = WIDTH * (s + 1)
        total = splat(0.0)
        for m in range(STATES):
            slope = absolute(vload(out, row + 2 + m))
            if STATES > 1:
                slope = mul(slope, reach(vload(D, at + LOW + m), vload(D, at + HIGH + m),
                                         vload(state, m)))
            total = add(total, slope)
        if STATES > 1:
            total = div(total, reach(low, high, x))
        total = where(outward(low, high, x, vload(out, row)), 0.0, total)
        worst = where(le(total, worst), worst, total)  # NaN stays
    return worst


@leaf
def growth(error, rtol):
    """Return the factor of the next step after one with this error; at most 6."""
    if every(lt(error, 5e-4 * rtol)):
        return splat(6.0)
    return smaller(mul(0.9, sqrt(sqrt(div(rtol, error)))), 6.0)


@leaf
def agitated(D, at, v, h, state, amplitude):
    """Fill the noise's amplitudes at voltage v; return the step, shortened where it asks for it.

    A state pressed on a bound so hard that the noise lifts it by less than 1e-3 of the range
    (amplitude^2 / 2 |rate| on average) stays there.
    """
    for s in range(STATES):
        vstore(state, s, vload(D, at + NOW + s))
    noise(v, state, D, at, amplitude)
    for s in range(STATES):
        low, high = vload(D, at + LOW + s), vload(D, at + HIGH + s)
        f, a, span = vload(D, at + RATE + s), vload(amplitude, s), sub(high, low)
        pressed = lt(mul(a, a), mul(mul(2e-3, span), absolute(f)))
        a = where(both(pressed, outward(low, high, vload(state, s), f)), 0.0, a)
        vstore(amplitude, s, a)
        longest = div(mul(0.02, span), a)
        h = where(gt(a, 0.0), smaller(mul(longest, longest), h), h)
    return h


@leaf
def shake(D, at, moved, h, key, amplitude):
    """Add the noise of a step h to the states of the lanes that moved."""
    for s in range(STATES):
        a, y = vload(amplitude, s), vload(D, at + NOW + s)
        drawn = gauss_lanes(key + np.uint64(s), 0, vload(D, at + CELL), vload(D, at + DRAWS))
        new = add(y, mul(mul(a, sqrt(h)), drawn))
        new = larger(smaller(new, vload(D, at + HIGH + s)), vload(D, at + LOW + s))
        vstore(D, at + NOW + s, where(both(moved, gt(a, 0.0)), new, y))
    vstore(D, at + DRAWS, where(moved, add(vload(D, at + DRAWS), 1.0), vload(D, at + DRAWS)))


@leaf
def refresh(D, at, state, out):
    """Evaluate rates and stiffness at the interval's end in the lanes where they are stale."""
    stale = gt(vload(D, at + STALE), 0.5)
    if not anywhere(stale):
        return
    for s in range(STATES):
        vstore(state, s, vload(D, at + NOW + s))
    slopes(vload(D, at + END), state, D, at, out)
    for s in range(STATES):
        f = vload(out, WIDTH * (s + 1))
        vstore(D, at + RATE + s, where(stale, f, vload(D, at + RATE + s)))
    found = stiffness(D, at, state, out)
    vstore(D, at + STIFF, where(stale, found, vload(D, at + STIFF)))
    vstore(D, at + STALE, splat(0.0))


@leaf
def explicit(D, at, v0, v1, h, fine, rtol, K, state, new, f, last):
    """Try one explicit step h, from v0 to v1, in the lanes that are `fine`; return error / range.

    Order 3 with an embedded order 2 (Bogacki and Shampine, Appl. Math. Lett. 2:321, 1989), for
    smooth stretches. Infinite where a state comes to a bound, and in the other lanes. The first
    STATES rows of K are the confined rates; `last` gets the laws at the end.
    """
    for stage in range(2):
        part = 0.5 if stage == 0 else 0.75
        for s in range(STATES):
            x = add(vload(D, at + NOW + s), mul(vload(K, stage * STATES + s), mul(part, h)))
            fine = both(fine, both(ge(x, vload(D, at + LOW + s)), le(x, vload(D, at + HIGH + s))))
            vstore(state, s, x)
        rates(add(v0, mul(sub(v1, v0), part)), state, D, at, f)
        for s in range(STATES):
            rate = confined(vload(D, at + LOW + s), vload(D, at + HIGH + s), vload(state, s),
                            vload(f, s))
            vstore(K, (stage + 1) * STATES + s, rate)
    for s in range(STATES):
        x = add(mul(2.0, vload(K, s)), mul(3.0, vload(K, STATES + s)))
        x = add(x, mul(4.0, vload(K, 2 * STATES + s)))
        x = add(vload(D, at + NOW + s), mul(x, mul(h, 1.0 / 9.0)))
        fine = both(fine, both(ge(x, vload(D, at + LOW + s)), le(x, vload(D, at + HIGH + s))))
        vstore(new, s, x)
    if not anywhere(fine):
        return splat(np.inf)
    slopes(v1, new, D, at, last)
    error = splat(0.0)
    for s in range(STATES):
        low, high, x = vload(D, at + LOW + s), vload(D, at + HIGH + s), vload(new, s)
        rate = confined(low, high, x, vload(last, WIDTH * (s + 1)))
        miss = add(mul(-5.0, vload(K, s)), mul(6.0, vload(K, STATES + s)))
        miss = add(miss, mul(8.0, vload(K, 2 * STATES + s)))
        miss = absolute(mul(sub(miss, mul(9.0, rate)), mul(h, 1.0 / 72.0)))
        size = larger(absolute(vload(D, at + NOW + s)), absolute(x))
        miss = div(miss, reach(low, high, size))
        fine = both(fine, le(miss, rtol))
        error = larger(error, miss)
    return where(fine, error, np.inf)


@leaf
def whole_interval(D, at, length, rtol, noisy, key, K, state, new, f, last, amplitude):
    """Try the whole interval as one explicit step; `REFUSED` tells who needs others."""
    v0, v1 = vload(D, at + START), vload(D, at + END)
    h = smaller(vload(D, at + STEP), length)
    h = where(gt(h, 0.9 * length), length, h)
    if NOISY and noisy:
        h = agitated(D, at, v0, h, state, amplitude)
    rest = eq(v0, v1)
    for s in range(STATES):
        rate = confined(vload(D, at + LOW + s), vload(D, at + HIGH + s), vload(D, at + NOW + s),
                        vload(D, at + RATE + s))
        vstore(K, s, rate)
        rest = both(rest, eq(rate, 0.0))
    if NOISY and noisy:
        rest = nowhere()
    fine = both(eq(h, length), lt(mul(vload(D, at + STIFF), length), 0.3))
    fine = both(fine, negate(rest))
    error = splat(0.0)
    if anywhere(fine):
        error = explicit(D, at, v0, v1, splat(length), fine, rtol, K, state, new, f, last)
        fine = lt(error, np.inf)
        error = where(fine, error, 0.0)
        for s in range(STATES):
            vstore(D, at + NOW + s, where(fine, vload(new, s), vload(D, at + NOW + s)))
        if NOISY and noisy:
            shake(D, at, fine, h, key, amplitude)
            vstore(D, at + STALE, where(fine, 1.0, vload(D, at + STALE)))
        else:
            for s in range(STATES):
                rate = vload(last, WIDTH * (s + 1))
                vstore(D, at + RATE + s, where(fine, rate, vload(D, at + RATE + s)))
            found = stiffness(D, at, new, last)
            vstore(D, at + STIFF, where(fine, found, vload(D, at + STIFF)))
    done = either(fine, rest)
    vstore(D, at + STEP, where(done, mul(growth(error, rtol), length), vload(D, at + STEP)))
    vstore(D, at + GOOD, where(done, add(vload(D, at + GOOD), 1.0), vload(D, at + GOOD)))
    vstore(D, at + REFUSED, where(done, 0.0, 1.0))
    return every(done)


@leaf
def factor(A, swaps):
    """Eliminate below the diagonal with row exchanges, each lane its own."""
    for c in range(STATES):
        for r in range(c + 1, STATES):
            change = gt(absolute(vload(A, r * STATES + c)), absolute(vload(A, c * STATES + c)))
            vstore(swaps, c * STATES + r, where(change, 1.0, 0.0))
            for m in range(c, STATES):
                a, b = vload(A, c * STATES + m), vload(A, r * STATES + m)
                vstore(A, c * STATES + m, where(change, b, a))
                vstore(A, r * STATES + m, where(change, a, b))
        inverse = div(1.0, vload(A, c * STATES + c))
        vstore(A, c * STATES + c, inverse)
        for r in range(c + 1, STATES):
            share = mul(vload(A, r * STATES + c), inverse)
            vstore(A, r * STATES + c, share)
            for m in range(c + 1, STATES):
                a = vload(A, r * STATES + m)
                vstore(A, r * STATES + m, sub(a, mul(share, vload(A, c * STATES + m))))


@leaf
def back(A, swaps, K, at):
    """Solve with what `factor` left, in place in the rows of K from `at` on."""
    for c in range(STATES):
        for r in range(c + 1, STATES):
            change = gt(vload(swaps, c * STATES + r), 0.5)
            a, b = vload(K, at + c), vload(K, at + r)
            vstore(K, at + c, where(change, b, a))
            vstore(K, at + r, where(change, a, b))
        for r in range(c + 1, STATES):
            b = sub(vload(K, at + r), mul(vload(A, r * STATES + c), vload(K, at + c)))
            vstore(K, at + r, b)
    for k in range(STATES):
        c = STATES - 1 - k
        b = vload(K, at + c)
        for m in range(c + 1, STATES):
            b = sub(b, mul(vload(A, c * STATES + m), vload(K, at + m)))
        vstore(K, at + c, mul(b, vload(A, c * STATES + c)))


@leaf
def rosenbrock(D, at, v0, dv, h, first, K, state, new, f, A, swaps):
    """Try a step h of each lane at v0, slope dv; fill `new`, return error / range, or infinity.

    `first` holds the laws at the start, confined.
    """
    pace = div(1.0, h)
    for s in range(STATES):
        for m in range(STATES):
            a = mul(-1.0, vload(first, WIDTH * (s + 1) + 2 + m))
            vstore(A, s * STATES + m, add(a, mul(4.0, pace)) if m == s else a)
    factor(A, swaps)
    for stage in range(6):
        if stage > 0:
            for s in range(STATES):
                x = vload(D, at + NOW + s)
                for m in range(stage):
                    x = add(x, mul(A_STAGE[stage, m], vload(K, m * STATES + s)))
                low, high = vload(D, at + LOW + s), vload(D, at + HIGH + s)
                vstore(state, s, smaller(larger(x, low), high))
            rates(add(v0, mul(mul(dv, ALPHA[stage]), h)), state, D, at, f)
        for s in range(STATES):
            row = WIDTH * (s + 1)
            b = vload(first, row)
            if stage > 0:
                b = confined(vload(D, at + LOW + s), vload(D, at + HIGH + s), vload(state, s),
                             vload(f, s))
            b = add(b, mul(mul(mul(GAMMA[stage], h), vload(first, row + 1)), dv))
            for m in range(stage):
                b = add(b, mul(mul(C_STAGE[stage, m], pace), vload(K, m * STATES + s)))
            vstore(K, stage * STATES + s, b)
        back(A, swaps, K, stage * STATES)
    worst = splat(0.0)
    for s in range(STATES):
        x, low, high = vload(D, at + NOW + s), vload(D, at + LOW + s), vload(D, at + HIGH + s)
        y = add(x, vload(K, 5 * STATES + s))
        for m in range(5):
            y = add(y, mul(A_STAGE[5, m], vload(K, m * STATES + s)))
        vstore(new, s, smaller(larger(y, low), high))
        # what a bound cuts off is no error
        size = larger(absolute(x), absolute(y))
        miss = div(absolute(vload(K, 5 * STATES + s)), reach(low, high, size))
        miss = where(lt(absolute(y), 1e300), miss, np.inf)
        worst = larger(worst, where(le(miss, np.inf), miss, np.inf))
    return worst
