"""Newton's iteration on many input vectors of one array of cells, a round of steps at a time.

Every slot holds one vector; all cells of all slots are evaluated by one call before a round. A
slot whose vector is solved takes the next one, so that nothing waits for the slowest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .....core.compiled.jit import kernel
from .....core.validation import Array
from ..kernels.all_lines import measure_rows
from ..kernels.cg import eliminate_words, follow_words
from ..kernels.chains import LANES, factor_bit, factor_word
from ..kernels.gmres import bit_solve, gmres, word_share, words
from ..kernels.iterate import iterate
from ..kernels.single_line import EPS
from ..kernels.solve import lift
from .kernels_even_lines import factor_even, measure_even, shifted

Integers = NDArray[np.int64]

__all__ = ["EMPTY", "FAILED", "newton_round", "round_even"]

EMPTY = -1  # vector of a slot that has had none yet
FAILED = -1
# Residual of a linear step over that of the first, relative to a power of the last fall of Newton's
# residual, which is how far the next step will lead (Eisenstat and Walker, SIAM J. Sci. Comput.
# 17:16, 1996)
_SHARE, _POWER = 16.0, 1.4
_LIMIT = 20  # steps; what needs more is solved with safeguards
_PRODUCTS = 400  # of conjugate gradients
_KRYLOV = 80  # of GMRES
_LEAST = 1e-8  # a step need not be more exact
_COARSE = 1e-5  # what single precision is good for


@kernel
def _begin(
    slot: int, vector: int, word_r: Array, bit_r: Array, vl: Array, vr: Array, vt: Array,
    vb: Array, volts: Array, flow_w: Array, flow_b: Array, inner: Array, gates: Array, gate: Array,
    small: Array,
) -> None:
    """Put an input vector into a slot, on unloaded lines.

    volts (4, K, M, N): word and bit voltages, and their deviations; gates (1 or B, M, N).
    """
    word, bit = volts[0, slot], volts[1, slot]
    lift(
        word_r, bit_r, vl[vector], vr[vector], vt[vector], vb[vector], word, bit, flow_w[slot],
        flow_b[slot], small,
    )
    M, N = word.shape
    for i in range(M):
        for j in range(N):
            volts[2, slot, i, j] = 0.0
            volts[3, slot, i, j] = 0.0
            inner[slot, i, j] = 0.5 * (word[i, j] + bit[i, j])
    if len(gates) > 1:
        gate[slot] = gates[vector]


@kernel
def _move(source: int, target: int, arrays: Array) -> None:
    """Copy one slot of arrays (A, K, M, N) to another."""
    for a in range(arrays.shape[0]):
        for i in range(arrays.shape[2]):
            for j in range(arrays.shape[3]):
                arrays[a, target, i, j] = arrays[a, source, i, j]


@kernel
def _linear(
    gu: Array, gw: Array, alike: bool, word_r: Array, bit_r: Array, res_u: Array, res_w: Array,
    tolerance: float, tables: Array, packed: Array, work: Array, small: Array, rows: Array,
    carry: Array, du: Array, dw: Array,
) -> bool:
    """Fill the step du, dw; return whether the Krylov method came to its end.

    tables (2, M, N), packed (2, blocks, N, LANES), work (4, M, N), small (>= 5, max(M, N) + 1).
    """
    t, q, tw, qw = tables[0], tables[1], packed[0], packed[1]
    M, N = gu.shape
    blocks = len(tw)
    merged = factor_bit(gw, bit_r, t, q, small[0][:N])
    factor_word(gu, word_r, tw, qw, np.empty(LANES))
    if alike:
        for i in range(M):
            for j in range(N):
                if not gu[i, j] >= 0.0:
                    return False
        eliminate_words(gu, tw, qw, res_u, res_w, rows, carry, 0, blocks)
        for j in range(N):
            small[0, j] = 1.0
        count, _ = iterate(
            gu, t, q, tw, qw, res_w, dw, dw, small[0][:N], bit_r[M], work, small[1:3, :N], rows,
            carry, merged, np.inf, 0.0, tolerance, True, _PRODUCTS, _PRODUCTS + 1, None,
            None,
        )
        if count < 0:
            return False
        follow_words(gu, tw, qw, res_u, dw, du, dw, True, rows, carry, 0, blocks)
        return True
    word_share(tw, qw, gu, res_u, res_w, t, q, merged, rows, carry, work[0])
    gmres(t, q, tw, qw, gu, gw, merged, res_w, tolerance, _KRYLOV, rows, carry, None, work[0])
    bit_solve(t, q, work[0], dw)
    words(tw, qw, gw, dw, res_u, rows, carry, du)
    return True


@kernel
def _coarse(
    g: Array, bit_r: Array, word_r: Array, res_u: Array, res_w: Array, scale: float,
    tolerance: float, tables: Array, packed: Array, work: Array, small: Array, rows: Array,
    carry: Array,
) -> bool:
    """Take a step as `_linear` does, in single precision.

    For whole lines and cells whose two derivatives are one. work (9, M, N) holds the step in 4 and
    5, over `scale`: what the residuals are divided by.
    """
    t, q, tw, qw = tables[0], tables[1], packed[0], packed[1]
    M, N = g.shape
    blocks = len(tw)
    du, dw, G, right, left = work[4], work[5], work[6], work[7], work[8]
    inverse = 1.0 / scale
    negative = False
    for i in range(M):
        a, b, c, d, e, f = G[i], g[i], left[i], res_u[i], right[i], res_w[i]
        for j in range(N):
            a[j] = b[j]
            c[j] = d[j] * inverse
            e[j] = f[j] * inverse
            negative |= b[j] < 0.0
    if negative:
        return False
    factor_even(G, bit_r, word_r, t, q, tw, qw, small[0], rows, carry)
    eliminate_words(G, tw, qw, left, right, rows, carry, 0, blocks)
    for j in range(N):
        small[0, j] = 1.0
    count, _ = iterate(
        G, t, q, tw, qw, right, dw, dw, small[0][:N], bit_r[M], work, small[1:3, :N], rows,
        carry, None, np.inf, 0.0, tolerance, True, _PRODUCTS, _PRODUCTS + 1, None, None,
    )
    if count < 0:
        return False
    follow_words(G, tw, qw, left, dw, du, dw, True, rows, carry, 0, blocks)
    return True


def _newton_round(
    active: int, following: int, bad: int, which: Integers, steps: Integers, before: Array,
    volts: Array, cells: Array, alike: bool, moves: bool, gated: bool, lead: Array, inner: Array,
    gates: Array, gate: Array, word_r: Array, bit_r: Array, merged: bool, vl: Array, vr: Array,
    vt: Array, vb: Array, flow_w: Array, flow_b: Array, tables: Array, packed: Array, work: Array,
    small: Array, rows: Array, carry: Array, general: bool | None, word_y: Array, bit_y: Array,
    bit_s: Array, word_s: Array, tables_s: Array, packed_s: Array, work_s: Array, small_s: Array,
    rows_s: Array, carry_s: Array, rtol: float, node: float, least: float, first: float,
    nothing: float, keep: bool, out: Array, left: Array, right: Array, top: Array, bottom: Array,
    stats: Array,
) -> tuple[int, int]:
    """Check every slot, and take one step where Kirchhoff's law does not hold yet.

    Parameters
    ----------
    active, following : int
        Slots in use; the next vector to be taken up.
    bad : int
        First slot with a cell whose own equations did not converge: its vector is given up, later
        slots are not believed.
    which, steps (K,), before (K,)
        Vector of every slot (`EMPTY` at first), its steps, its last sum of residuals.
    volts (4, K, M, N), cells (3, K, M, N)
        As in `_begin`; the cells' currents, di/du and -di/dw, the last unused where `alike`.
    moves, lead (2, K, M, N), inner (K, M, N)
        Whether cells have inner nodes; their derivatives by word and bit voltage.
    node, least, first, nothing : float
        What a node may miss over `rtol`; relative size of currents below which nodes count as
        that; residual of the first linear step; current that is none.
    general
        None for whole lines (`kernels_even_lines`) and cells alike both ways: nothing else is
        compiled then.
    word_y ... carry_s
        Conductances of the segments and the scratch of single precision, for these.
    out (3, B, M, N), left ..., stats (B, 2)
        Results: voltages and cell currents with `keep`; ends; steps (`FAILED`: given up) and worst
        violation of Kirchhoff's law.

    Returns the new `active` and `following`; slots are moved together.
    """
    M, N = word_r.shape[0], bit_r.shape[1]
    total_vectors = len(vl)
    du, dw, res_u, res_w = work[4], work[5], work[6], work[7]
    grain = small[3:4, :N]
    grain[:] = 0.0
    k = 0
    while k < active:
        vector = which[k]
        if vector == EMPTY:
            which[k] = following
            _begin(
                k, following, word_r, bit_r, vl, vr, vt, vb, volts, flow_w, flow_b, inner, gates,
                gate, small,
            )
            following += 1
            k += 1
            continue
        u, w = volts[2, k], volts[3, k]
        current, gu = cells[0, k], cells[1, k]
        gw = gu if alike else cells[2, k]
        if general is None:
            worst, total, noise, largest = measure_even(
                current, u, w, word_y, bit_y, flow_w[k], flow_b[k], least, left[vector],
                right[vector], top[vector], bottom[vector], res_u, res_w, small[0],
            )
        else:
            worst, total, noise, largest = measure_rows(
                current, current, u, w, word_r, bit_r, merged, flow_w[k], flow_b[k], vl[vector],
                vr[vector], vt[vector], vb[vector], grain, 0.0, least, left[vector],
                right[vector], top[vector], bottom[vector], res_u, res_w,
            )
        if gated:
            rounding = 0.0
            for i in range(M):
                for j in range(N):
                    rounding += (gu[i, j] + gw[i, j]) * (abs(gate[k, i, j]) + 0.1)
            noise += EPS * rounding
        finite = total < 1e300 and largest < 1e300
        held = finite and (
            total <= nothing or (worst <= node * rtol and total <= max(noise, rtol * largest))
        )
        lost = k == bad or not finite or steps[k] >= _LIMIT or not total < 0.9 * before[k]
        if held and k < bad:
            stats[vector, 0] = steps[k]
            stats[vector, 1] = 0.0 if total <= nothing else worst
            if keep:
                for i in range(M):
                    for j in range(N):
                        out[0, vector, i, j] = volts[0, k, i, j]
                        out[1, vector, i, j] = volts[1, k, i, j]
                        out[2, vector, i, j] = current[i, j]
        elif not lost:
            miss = total / max(largest, 1e-300)
            tolerance = first
            if before[k] < np.inf:
                tolerance *= min(1.0, _SHARE * (total / before[k]) ** _POWER)
            tolerance = max(max(tolerance, 0.3 * rtol / max(miss, rtol)), _LEAST)
            if general is None:
                lost = not _coarse(
                    gu, bit_s, word_s, res_u, res_w, total, max(tolerance, _COARSE), tables_s,
                    packed_s, work_s, small_s, rows_s, carry_s,
                )
                if not lost:
                    shifted(volts[0, k], u, work_s[4], total)
                    shifted(volts[1, k], w, work_s[5], total)
            else:
                lost = not _linear(
                    gu, gw, alike, word_r, bit_r, res_u, res_w, tolerance, tables, packed, work,
                    small, rows, carry, du, dw,
                )
                if not lost:
                    shifted(volts[0, k], u, du, 1.0)
                    shifted(volts[1, k], w, dw, 1.0)
                if moves and not lost:
                    for i in range(M):
                        for j in range(N):
                            inner[k, i, j] += (
                                lead[0, k, i, j] * du[i, j] + lead[1, k, i, j] * dw[i, j]
                            )
            if not lost:
                before[k] = total
                steps[k] += 1
                k += 1
                continue
        if not (held and k < bad):
            stats[vector, 0] = FAILED
        if following < total_vectors:
            which[k] = following
            steps[k] = 0
            before[k] = np.inf
            _begin(
                k, following, word_r, bit_r, vl, vr, vt, vb, volts, flow_w, flow_b, inner, gates,
                gate, small,
            )
            grain[:] = 0.0
            following += 1
            k += 1
            continue
        active -= 1
        if k < active:  # its place is taken by the last slot, which has its turn still to come
            if bad == active:
                bad = k
            which[k], steps[k], before[k] = which[active], steps[active], before[active]
            flow_w[k] = flow_w[active]
            flow_b[k] = flow_b[active]
            _move(active, k, volts)
            _move(active, k, cells)
            if moves:
                _move(active, k, lead)
                inner[k] = inner[active]
                gate[k] = gate[active]
    return active, following


newton_round = kernel(_newton_round)
round_even = kernel(_newton_round)  # general None
