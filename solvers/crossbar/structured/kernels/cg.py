"""Conjugate gradients on the bit lines, the word lines eliminated exactly.

With the word nodes eliminated, S = Lb + D - D (Lw + D)^-1 D acts on the bit nodes, and
(Lb + D)^-1, again chain solves, is the preconditioner. The product (Lb + D) p is carried along as
s = r + beta s, because (Lb + D) z = r: no wire conductance is ever formed, so that zero-ohm
segments (merged nodes) need no special case. One iteration passes twice over memory: down the
rows (update, forward elimination, r'z) and up again (back-substitution, new direction, word
chains, p'Sp). With a coarse space (`coarse`), z is the sum of both, and s is made of what each
leaves in (Lb + D) z.
"""

from __future__ import annotations

from .....core.compiled.jit import lean
from .....core.compiled.simd import (
    WIDTH,
    add,
    fma,
    load,
    magnitude,
    mul,
    splat_like,
    store,
    sub,
    total,
)
from .....core.validation import Array
from .chains import LANES, word_solve
from .coarse import Coarse, coarse_value, row_place

__all__ = ["down", "eliminate_words", "follow_words", "go_up", "up"]


@lean
def _settle(t: Array, q: Array, r: Array) -> None:
    """Give the residual of a merged node to the last node of its cluster; drop pinned nodes'."""
    M, N = t.shape
    for i in range(M):
        for j in range(N):
            if q[i, j] == 0.0:
                if t[i, j] > 0.0:
                    r[i + 1, j] += r[i, j]
                r[i, j] = 0.0


@lean
def down(
    t: Array, q: Array, w: Array, p: Array, r: Array, y: Array, J: Array, alpha: float,
    step: int, merged: bool | None, base: int, count: int, sign: int,
) -> tuple[float, float]:
    """Update w, r and eliminate r along the bit chains; return (r' (Lb+D)^-1 r, |r|_1).

    Goes over `count` rows from row `base` on, downwards for `sign` +1, upwards for -1. Merged nodes
    need all rows; with None, nothing of them is compiled.
    """
    M, N = t.shape
    full = N - N % WIDTH
    wide, less, zero = (
        splat_like(r, alpha), splat_like(r, -alpha), splat_like(r, 0.0)
    )
    rz, norm = 0.0, 0.0
    if merged is not None:  # noqa: SIM102 - with `and`, numba compiles what follows
        if merged:
            for i in range(M if step else 0):
                for j in range(N):
                    r[i, j] -= alpha * y[i, j]
            _settle(t, q, r)
    for k in range(count):
        i = base + sign * k
        start = i * N
        before = start - sign * N
        norms, squares = zero, zero
        for j in range(0, full, WIDTH):
            at, last = start + j, before + j
            value = load(r, at)
            if step:
                change = mul(wide, load(p, at))
                store(w, at, change if step == 1 else add(change, load(w, at)))
                if not merged:
                    value = fma(less, load(y, at), value)
                    store(r, at, value)
            norms = add(norms, magnitude(value))
            if k:
                value = fma(load(t, last), load(J, last), value)
            store(J, at, value)
            squares = fma(mul(load(q, at), value), value, squares)
        norm += total(norms)
        rz += total(squares)
        for j in range(full, N):
            value = r[i, j]
            if step:
                w[i, j] = alpha * p[i, j] + (0.0 if step == 1 else w[i, j])
                if not merged:
                    value -= alpha * y[i, j]
                    r[i, j] = value
            norm += abs(value)
            if k:
                value += t[i - sign, j] * J[i - sign, j]
            J[i, j] = value
            rz += q[i, j] * value * value
    return rz, norm


@lean
def up(
    G: Array, t: Array, q: Array, tw: Array, qw: Array, J: Array, r: Array, p: Array, s: Array,
    y: Array, beta: float, step: int, rows: Array, carry: Array, z: Array, base: int, count: int,
    sign: int, extra: Array | None, coarse: Coarse | None,
) -> float:
    """Take the new direction p = z + beta p and y = S p; return p'y.

    `extra` (M, N) is what of D the chains leave out, and `coarse` adds its voltages to z.
    Goes over `count` blocks of word lines from block `base` on, in the direction of `sign`,
    against that of `down`. z (N,) holds the voltages of the row before the first, and is scratch.
    """
    M, N = G.shape
    full = N - N % WIDTH
    stride = rows.shape[1]
    wide, result = splat_like(r, beta), 0.0
    # the memory is walked one way
    near = 0 if sign > 0 else full - WIDTH
    for n in range(count):
        i0 = (base + sign * n) * LANES
        lines = min(LANES, M - i0)
        k0 = 0 if sign > 0 else lines - 1
        for m in range(lines):
            k = k0 + sign * m
            i = i0 + k
            if coarse is not None:
                above, share, node = row_place(coarse, i)
                offset = splat_like(G, share)
            for j in range(full, N):
                z[j] = q[i, j] * J[i, j] + t[i, j] * z[j]
                volts, amperes = z[j], r[i, j]
                if extra is not None:
                    amperes += extra[i, j] * volts
                if coarse is not None:
                    one, drawn = coarse_value(coarse, i, j)
                    volts += one
                    amperes += drawn
                p[i, j] = volts + (beta * p[i, j] if step else 0.0)
                s[i, j] = amperes + (beta * s[i, j] if step else 0.0)
                rows[k, j] = G[i, j] * p[i, j]
            for c in range(0, full, WIDTH):
                j = near + sign * c
                at = i * N + j
                value = fma(load(q, at), load(J, at), mul(load(t, at), load(z, j)))
                store(z, j, value)
                known = load(r, at)
                if extra is not None:
                    known = fma(load(extra, at), value, known)
                if coarse is not None:
                    if not coarse.even:
                        offset = load(coarse.shares, at)
                    more = fma(offset, load(coarse.rise, above * N + j),
                               load(coarse.level, above * N + j))
                    known = fma(load(coarse.diagonal, at), more, known)
                    if node >= 0:
                        known = add(known, load(coarse.drawn, node * N + j))
                    value = add(value, more)
                if step:
                    value = fma(wide, load(p, at), value)
                    known = fma(wide, load(s, at), known)
                store(p, at, value)
                store(s, at, known)
                store(rows, k * stride + j, mul(load(G, at), value))
        b = base + sign * n
        word_solve(tw[b], qw[b], rows, carry)
        for m in range(lines):
            k = k0 + sign * m
            i = i0 + k
            products = splat_like(r, 0.0)
            for j in range(full, N):
                y[i, j] = s[i, j] - G[i, j] * rows[k, j]
                result += p[i, j] * y[i, j]
            for c in range(0, full, WIDTH):
                j = near + sign * c
                at = i * N + j
                value = sub(load(s, at), mul(load(G, at), load(rows, k * stride + j)))
                store(y, at, value)
                products = fma(load(p, at), value, products)
            result += total(products)
    return result


@lean
def go_up(
    G: Array, t: Array, q: Array, tw: Array, qw: Array, J: Array, r: Array, p: Array, s: Array,
    y: Array, beta: float, step: int, rows: Array, carry: Array, z: Array, base: int, count: int,
    sign: int, coarse: Coarse | None,
) -> float:
    """Go `up` with the coarse space and its extra, or without either."""
    if coarse is not None:
        return up(G, t, q, tw, qw, J, r, p, s, y, beta, step, rows, carry, z, base, count, sign,
                  coarse.extra, coarse)
    return up(G, t, q, tw, qw, J, r, p, s, y, beta, step, rows, carry, z, base, count, sign,
              None, None)


@lean
def eliminate_words(
    G: Array, tw: Array, qw: Array, res_u: Array, res_w: Array, rows: Array, carry: Array,
    first: int, last: int,
) -> None:
    """Move the word lines' share over to the bit nodes: res_w += D (Lw + D)^-1 res_u.

    `first` and `last`, here and below, bound the blocks of word lines.
    """
    M, N = G.shape
    full, stride = N - N % WIDTH, rows.shape[1]
    for b in range(first, last):
        i0 = b * LANES
        count = min(LANES, M - i0)
        for k in range(count):
            for j in range(N):
                rows[k, j] = res_u[i0 + k, j]
        word_solve(tw[b], qw[b], rows, carry)
        for k in range(count):
            start = (i0 + k) * N
            for j in range(0, full, WIDTH):
                at = start + j
                store(res_w, at, fma(load(G, at), load(rows, k * stride + j), load(res_w, at)))
            for j in range(full, N):
                res_w[i0 + k, j] += G[i0 + k, j] * rows[k, j]


@lean
def follow_words(
    G: Array, tw: Array, qw: Array, res_u: Array, dw: Array, u: Array, w: Array, fresh: bool,
    rows: Array, carry: Array, first: int, last: int,
) -> None:
    """Correct w by dw and u by (Lw + D)^-1 (res_u + D dw); `fresh`: u and w were zero."""
    M, N = G.shape
    full, stride = N - N % WIDTH, rows.shape[1]
    for b in range(first, last):
        i0 = b * LANES
        count = min(LANES, M - i0)
        for k in range(count):
            start = (i0 + k) * N
            for j in range(0, full, WIDTH):
                at = start + j
                store(rows, k * stride + j, fma(load(G, at), load(dw, at), load(res_u, at)))
            for j in range(full, N):
                rows[k, j] = res_u[i0 + k, j] + G[i0 + k, j] * dw[i0 + k, j]
        word_solve(tw[b], qw[b], rows, carry)
        for k in range(count):
            if fresh:
                for j in range(N):
                    u[i0 + k, j] = rows[k, j]
                for j in range(N):
                    w[i0 + k, j] = dw[i0 + k, j]
            else:
                for j in range(N):
                    u[i0 + k, j] += rows[k, j]
                for j in range(N):
                    w[i0 + k, j] += dw[i0 + k, j]
