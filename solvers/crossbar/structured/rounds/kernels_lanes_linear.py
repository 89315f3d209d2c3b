"""Linear steps for sixteen vectors of one array side by side, one in each SIMD lane.

Conjugate gradients at word and bit nodes. All lanes share the preconditioner, chains with one set
of conductances D, as of word lines eliminated exactly and bit lines by themselves:
P = [Lw + D, -D; -D, Lb + D + D (Lw + D)^-1 D].
"""

from __future__ import annotations

from .....core.compiled.jit import lean
from .....core.lanes.vectors import (
    Lanes,
    absolute,
    add,
    anywhere,
    both,
    div,
    gt,
    larger,
    mul,
    splat,
    sub,
    vload,
    vstore,
    where,
)
from .....core.validation import Array
from ..kernels.chains import LANES as LINES

__all__ = ["GOAL", "NORM", "PASSES", "TOTAL", "lanes_step"]

PASSES = 11  # arrays of scratch
_PRODUCTS = 40
_CORRECTIONS, _FALL = 20, 1e-2  # for couplings that are not alike; what each gains
# rows of numbers, one per lane
_ALPHA, _BETA, NORM, GOAL, _RZ, TOTAL = range(6)


@lean
def _down(
    D: Array, t: Array, q: Array, tw: Array, qw: Array, work: Array, line: Array, sums: Array,
    step: int,
) -> None:
    """Update the step and what is left by alpha, and eliminate that down the chains.

    work (PASSES, M N, L): residuals at word and bit nodes, the step there, directions there, their
    products, what bit chains carry, and two of `lanes_step`; line (N, L) scratch. The sums
    r' P^-1 r and |r|_1.
    """
    M, N = D.shape
    ru, rw, xu, xw, pu, pw, yu, yw, J = (
        work[0], work[1], work[2], work[3], work[4], work[5], work[6], work[7], work[8]
    )
    alpha = vload(sums, _ALPHA)
    rz, norm = splat(0.0), splat(0.0)
    for i in range(M):
        b, lane, base = i // LINES, i % LINES, i * N
        carried = splat(0.0)
        for j in range(N):
            at = base + j
            r = vload(ru, at)
            if step:
                r = sub(r, mul(alpha, vload(yu, at)))
                vstore(ru, at, r)
                move = mul(alpha, vload(pu, at))
                vstore(xu, at, move if step == 1 else add(vload(xu, at), move))
            norm = add(norm, absolute(r))
            carried = add(r, mul(tw[b, j - 1, lane], carried)) if j else r
            rz = add(rz, mul(mul(carried, carried), qw[b, j, lane]))
            vstore(line, j, carried)
        v = splat(0.0)
        for m in range(N):
            j = N - 1 - m
            at = base + j
            v = add(mul(vload(line, j), qw[b, j, lane]), mul(v, tw[b, j, lane]))
            r = vload(rw, at)
            if step:
                r = sub(r, mul(alpha, vload(yw, at)))
                vstore(rw, at, r)
                move = mul(alpha, vload(pw, at))
                vstore(xw, at, move if step == 1 else add(vload(xw, at), move))
            norm = add(norm, absolute(r))
            r = add(r, mul(v, D[i, j]))
            if i:
                r = add(r, mul(vload(J, at - N), t[i - 1, j]))
            vstore(J, at, r)
            rz = add(rz, mul(mul(r, r), q[i, j]))
    vstore(sums, _RZ, rz)
    vstore(sums, NORM, norm)


@lean
def _up(
    D: Array, t: Array, q: Array, tw: Array, qw: Array, g: Array, word_y: Array, bit_y: Array,
    work: Array, line: Array, below: Array, sums: Array, step: int,
) -> Lanes:
    """Go up the chains to the new directions and their products; return p' H p.

    g (M N, L) the cells' conductances; below (N, L) scratch.
    """
    M, N = D.shape
    ru, pu, pw, yu, yw, J = work[0], work[4], work[5], work[6], work[7], work[8]
    beta = vload(sums, _BETA)
    energy = splat(0.0)
    for m in range(M):
        i = M - 1 - m
        b, lane, base = i // LINES, i % LINES, i * N
        carried = splat(0.0)
        for j in range(N):
            at = base + j
            z = mul(vload(J, at), q[i, j])
            if m:
                z = add(z, mul(vload(below, j), t[i, j]))
            vstore(below, j, z)
            r = add(vload(ru, at), mul(z, D[i, j]))
            carried = add(r, mul(tw[b, j - 1, lane], carried)) if j else r
            vstore(line, j, carried)
            vstore(pw, at, add(z, mul(beta, vload(pw, at))) if step else z)
        v = splat(0.0)
        after = splat(0.0)
        for n in range(N):
            j = N - 1 - n
            at = base + j
            v = add(mul(vload(line, j), qw[b, j, lane]), mul(v, tw[b, j, lane]))
            here = add(v, mul(beta, vload(pu, at))) if step else v
            vstore(pu, at, here)
            w = vload(pw, at)
            drop = sub(here, w)
            cell = mul(vload(g, at), drop)
            energy = add(energy, mul(cell, drop))
            # along the word line: what flows on from here
            fall = sub(here, after)
            flow = mul(fall, word_y[i, j + 1])
            energy = add(energy, mul(flow, fall))
            vstore(yu, at, add(cell, flow))
            if n:
                vstore(yu, at + 1, sub(vload(yu, at + 1), flow))
            after = here
            fall = sub(w, vload(pw, at + N)) if m else w
            flow = mul(fall, bit_y[i + 1, j])
            energy = add(energy, mul(flow, fall))
            vstore(yw, at, sub(flow, cell))
            if m:
                vstore(yw, at + N, sub(vload(yw, at + N), flow))
        flow = mul(after, word_y[i, 0])
        energy = add(energy, mul(flow, after))
        vstore(yu, base, add(vload(yu, base), flow))
    for j in range(N):
        w = vload(pw, j)
        flow = mul(w, bit_y[0, j])
        energy = add(energy, mul(flow, w))
        vstore(yw, j, add(vload(yw, j), flow))
    return energy


@lean
def _descend(
    D: Array, t: Array, q: Array, tw: Array, qw: Array, g: Array, word_y: Array, bit_y: Array,
    work: Array, lines: Array, sums: Array, goal: Lanes, more: bool,
) -> int:
    """Take conjugate gradients until every lane's residual is at its goal; return the products.

    `more`: the step so far stays. Negative where some lane did not get there.
    """
    for n in range(_PRODUCTS + 1):
        old = vload(sums, _RZ)
        _down(D, t, q, tw, qw, work, lines[0], sums, n + 1 if more and n else n)
        left = gt(vload(sums, NORM), goal)
        if n and not anywhere(left):
            return n
        if n == _PRODUCTS:
            break
        rz = vload(sums, _RZ)
        vstore(sums, _BETA, where(gt(old, 0.0), div(rz, old), 0.0))
        energy = _up(D, t, q, tw, qw, g, word_y, bit_y, work, lines[0], lines[1], sums, n)
        # a lane that is done rests: what the others do does not change it
        vstore(sums, _ALPHA, where(both(left, gt(energy, 0.0)), div(rz, energy), 0.0))
    return -_PRODUCTS


@lean
def _uneven(gu: Array, gw: Array, work: Array, first: bool) -> Lanes:
    """Take off what cells draw beyond those of the mean of both couplings; return |r|_1."""
    ru, rw, xu, xw, taken = work[0], work[1], work[2], work[3], work[10]
    norm = splat(0.0)
    for at in range(gu.shape[0]):
        u, w, a, b = vload(xu, at), vload(xw, at), vload(gu, at), vload(gw, at)
        rest = mul(mul(sub(a, b), add(u, w)), 0.5)
        more = rest if first else sub(rest, vload(taken, at))
        vstore(taken, at, rest)
        u, w = sub(vload(ru, at), more), add(vload(rw, at), more)
        vstore(ru, at, u)
        vstore(rw, at, w)
        norm = add(norm, add(absolute(u), absolute(w)))
    return norm


@lean
def lanes_step(
    D: Array, t: Array, q: Array, tw: Array, qw: Array, gu: Array, gw: Array, alike: bool,
    word_y: Array, bit_y: Array, work: Array, lines: Array, sums: Array,
) -> bool:
    """Fill the step, work[2:4], to the goals relative to the residual `TOTAL`; whether it is done.

    Where both couplings are not one array, conjugate gradients have their mean, and what is left of
    the difference is corrected.
    """
    goal = mul(vload(sums, GOAL), vload(sums, TOTAL))
    if alike:
        return _descend(
            D, t, q, tw, qw, gu, word_y, bit_y, work, lines, sums, goal, False
        ) >= 0
    mean = work[9]
    for at in range(gu.shape[0]):
        vstore(mean, at, mul(add(vload(gu, at), vload(gw, at)), 0.5))
    norm = vload(sums, TOTAL)
    for n in range(_CORRECTIONS):
        own = where(gt(norm, goal), larger(mul(norm, _FALL), mul(goal, 0.5)), 1e300)
        if _descend(
            D, t, q, tw, qw, mean, word_y, bit_y, work, lines, sums, own, n > 0
        ) < 0:
            return False
        norm = _uneven(gu, gw, work, n == 0)
        if not anywhere(gt(norm, goal)):
            vstore(sums, NORM, norm)
            return True
    vstore(sums, NORM, norm)
    return False
