"""Two threads on one input vector of a large crossbar.

Each owns the word lines, and the memory, on one side of a meeting row: the bit chains are
eliminated from both ends towards that row and back-substituted outwards, so that the threads
exchange one row and a few sums per iteration. One thread leads: it writes an order, does its own
half and waits for the other, which waits for orders.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .....core.compiled.atomic import advance, current, give_way
from .....core.compiled.jit import kernel
from .....core.validation import Array
from .cg import down, eliminate_words, follow_words, go_up
from .chains import LANES
from .coarse import Coarse, gather

__all__ = [
    "DOWN", "ELIMINATE", "FOLLOW", "UP", "Ints", "Team", "dismiss", "factor_towards", "join",
    "lead", "meeting_row", "new_orders",
]

Ints: TypeAlias = NDArray[np.int64]
Team: TypeAlias = tuple[Ints, Array]  # (orders, shares)

DISMISS, DOWN, UP, ELIMINATE, FOLLOW = range(5)
# Places in `orders` (int64) and in `shares`, each on a cache line of its own.
_ISSUED, _DONE, _WHAT, _STEP = 0, 16, 32, 33
_FACTOR, _SUMS = 0, 16
_SPINS = 4000  # looks before the processor is given away


def new_orders() -> Team:
    """Return fresh (orders, shares)."""
    return np.zeros(48, dtype=np.int64), np.zeros(32)


@kernel
def meeting_row(rows: int) -> int:
    """Return the first row of the second half, on the border of two blocks of word lines."""
    return -(-rows // LANES) // 2 * LANES


@kernel
def factor_towards(G: Array, r: Array, t: Array, q: Array, upper: bool, s: Array) -> None:
    """Factor one half of the bit chains towards the meeting row; s (N,): what is passed on to it.

    For regular lines only: no segment of 0 or infinite ohm between the ends, none of 0 at them.
    The meeting row's own q follows from both slacks.
    """
    M, N = G.shape
    middle = meeting_row(M)
    sign = 1 if upper else -1
    base = 0 if upper else M - 1
    for j in range(N):
        s[j] = 1.0 / r[0 if upper else M, j]
    for k in range(middle if upper else M - 1 - middle):
        i = base + sign * k
        Gi, ti, qi, ri = G[i], t[i], q[i], r[i + 1 if upper else i]
        for j in range(N):
            total = s[j] + Gi[j]
            inverse = 1.0 / (1.0 + total * ri[j])
            s[j] = total * inverse
            ti[j] = inverse
        for j in range(N):
            qi[j] = ri[j] * ti[j]


@kernel
def _wait(orders: Ints, place: int, count: int) -> None:
    spins = 0
    while current(orders, place) < count:
        spins += 1
        if spins > _SPINS:
            give_way()


@kernel
def _half(
    what: int, step: int, factor: float, upper: bool, G: Array, t: Array, q: Array, tw: Array,
    qw: Array, work: Array, rows: Array, carry: Array, coarse: Coarse | None,
) -> tuple[float, float]:
    """Do one thread's half of an order."""
    M, N = G.shape
    p, s, y, J = work[0], work[1], work[2], work[3]
    u, w, dw, res_u, r = work[4], work[5], work[6], work[7], work[8]
    middle, blocks = meeting_row(M), tw.shape[0]
    border = middle // LANES
    first, last = (0, border) if upper else (border, blocks)
    if what == DOWN:
        if upper:
            sums = down(t, q, dw, p, r, y, J, factor, step, False, 0, middle, 1)
            if coarse is not None:
                gather(coarse, r, 0, middle, 0, True)
            return sums
        sums = down(t, q, dw, p, r, y, J, factor, step, False, M - 1, M - 1 - middle, -1)
        if coarse is not None:
            gather(coarse, r, middle + 1, M - 1 - middle, 1, True)
        return sums
    if what == UP:
        z = np.zeros(N)
        if upper:
            for j in range(N):
                z[j] = q[middle, j] * J[middle, j]
            return go_up(G, t, q, tw, qw, J, r, p, s, y, factor, step, rows, carry, z, border - 1,
                         border, -1, coarse), 0.0
        return go_up(G, t, q, tw, qw, J, r, p, s, y, factor, step, rows, carry, z, border,
                     blocks - border, 1, coarse), 0.0
    if what == ELIMINATE:
        eliminate_words(G, tw, qw, res_u, r, rows, carry, first, last)
    else:
        follow_words(G, tw, qw, res_u, dw, u, w, step == 0, rows, carry, first, last)
    return 0.0, 0.0


@kernel
def _meet(
    t: Array, q: Array, work: Array, factor: float, step: int, coarse: Coarse | None
) -> tuple[float, float]:
    """Do what `down` does for the meeting row, once both halves have come to it."""
    M, N = t.shape
    p, y, J, dw, r = work[0], work[2], work[3], work[6], work[8]
    i = meeting_row(M)
    _, norm = down(t, q, dw, p, r, y, J, factor, step, False, i, 1, 1)
    if coarse is not None:
        gather(coarse, r, i, 1, 0, False)
    rz = 0.0
    for j in range(N):
        value = J[i, j] + t[i - 1, j] * J[i - 1, j]
        if i + 1 < M:
            value += t[i + 1, j] * J[i + 1, j]
        J[i, j] = value
        rz += q[i, j] * value * value
    return rz, norm


@kernel
def lead(
    what: int, step: int, factor: float, orders: Ints, shares: Array, G: Array, t: Array,
    q: Array, tw: Array, qw: Array, work: Array, rows: Array, carry: Array, coarse: Coarse | None,
) -> tuple[float, float]:
    """Have both threads do `what`; return the sums of what they found."""
    orders[_WHAT], orders[_STEP], shares[_FACTOR] = what, step, factor
    before = current(orders, _DONE)
    advance(orders, _ISSUED)
    a, b = _half(what, step, factor, True, G, t, q, tw, qw, work, rows, carry, coarse)
    _wait(orders, _DONE, before + 1)
    a, b = a + shares[_SUMS], b + shares[_SUMS + 1]
    if what == DOWN:
        x, y = _meet(t, q, work, factor, step, coarse)
        a, b = a + x, b + y
    return a, b


@kernel
def join(
    orders: Ints, shares: Array, G: Array, t: Array, q: Array, tw: Array, qw: Array, work: Array,
    rows: Array, carry: Array, coarse: Coarse | None,
) -> None:
    """Do the lower half of every order until dismissed."""
    seen = 0
    while True:
        seen += 1
        _wait(orders, _ISSUED, seen)
        what = orders[_WHAT]
        if what == DISMISS:
            return
        shares[_SUMS], shares[_SUMS + 1] = _half(
            what, orders[_STEP], shares[_FACTOR], False, G, t, q, tw, qw, work, rows, carry,
            coarse,
        )
        advance(orders, _DONE)


@kernel
def dismiss(orders: Ints) -> None:
    """Let the other thread go."""
    orders[_WHAT] = DISMISS
    advance(orders, _ISSUED)
