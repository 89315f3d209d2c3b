"""Sparse LU for matrices whose pattern stays: pivots once, then numbers only.

Gilbert and Peierls' left-looking factorisation (SIAM J. Sci. Stat. Comput. 9:862, 1988), with
threshold pivoting that prefers the diagonal, as KLU does for circuits (Davis and Palamadai
Natarajan, ACM TOMS 37:36, 2010); `refactor` goes through the same operations with new numbers.
"""

from __future__ import annotations

import numpy as np

from ....core.compiled.jit import lean
from ....core.validation import Array
from ..system.element_group import Ints

__all__ = ["eliminate", "least_degree", "refactor", "solve", "solve_transposed"]


@lean
def _reach(
    ap: Ints, ai: Ints, column: int, lp: Ints, li: Ints, pinv: Ints, mark: Ints, stamp: int,
    found: Ints, stack: Ints, place: Ints,
) -> int:
    """Fill found[top:] with the rows that a column reaches through L, in topological order."""
    n = mark.shape[0]
    top = n
    for p in range(ap[column], ap[column + 1]):
        if mark[ai[p]] == stamp:
            continue
        head = 0
        stack[0] = ai[p]
        while head >= 0:
            j = stack[head]
            jnew = pinv[j]
            if mark[j] != stamp:
                mark[j] = stamp
                place[head] = 0 if jnew < 0 else lp[jnew] + 1  # past L's unit diagonal
            done = True
            if jnew >= 0:
                for k in range(place[head], lp[jnew + 1]):
                    if mark[li[k]] != stamp:
                        place[head] = k + 1
                        head += 1
                        stack[head] = li[k]
                        done = False
                        break
            if done:
                head -= 1
                top -= 1
                found[top] = j
    return int(top)


@lean
def eliminate(
    ap: Ints, ai: Ints, ax: Array, q: Ints, tol: float, reached: Ints, lp: Ints, li: Ints,
    lx: Array, up: Ints, ui: Ints, ux: Array, pinv: Ints, mark: Ints, x: Array, found: Ints,
    stack: Ints, place: Ints,
) -> int:
    """Factor columns from `reached` = [column, entries of L, of U] on, which is moved along.

    Returns n, the first singular column, or -1 where L or U has no room for the next column.
    """
    n = ap.shape[0] - 1
    lnz, unz = reached[1], reached[2]
    for k in range(reached[0], n):
        if lnz + n > li.shape[0] or unz + n > ui.shape[0]:
            reached[0], reached[1], reached[2] = k, lnz, unz
            return -1
        lp[k], up[k] = lnz, unz
        column = q[k]
        # the end of the last column is known only now; `_reach` needs it
        top = _reach(ap, ai, column, lp, li, pinv, mark, k, found, stack, place)
        for p in range(ap[column], ap[column + 1]):
            x[ai[p]] = ax[p]
        largest, pivot_row = -1.0, -1
        for p in range(top, n):
            i = found[p]
            j = pinv[i]
            if j < 0:
                if abs(x[i]) > largest:
                    largest, pivot_row = abs(x[i]), i
            else:
                xj = x[i]
                ui[unz], ux[unz] = j, xj
                unz += 1
                x[i] = 0.0
                for m in range(lp[j] + 1, lp[j + 1]):
                    x[li[m]] -= lx[m] * xj
        if pivot_row < 0 or not largest > 0.0 or not largest < np.inf:
            return k
        if pinv[column] < 0 and mark[column] == k and abs(x[column]) >= tol * largest:
            pivot_row = column
        pivot = x[pivot_row]
        ui[unz], ux[unz] = k, pivot
        unz += 1
        pinv[pivot_row] = k
        li[lnz], lx[lnz] = pivot_row, 1.0
        lnz += 1
        for p in range(top, n):
            i = found[p]
            if pinv[i] < 0:
                li[lnz], lx[lnz] = i, x[i] / pivot
                lnz += 1
            x[i] = 0.0
        lp[k + 1], up[k + 1] = lnz, unz
    for m in range(lnz):
        li[m] = pinv[li[m]]
    reached[0], reached[1], reached[2] = n, lnz, unz
    return int(n)


@lean
def refactor(
    ap: Ints, rows: Ints, ax: Array, q: Ints, lp: Ints, li: Ints, lx: Array, up: Ints, ui: Ints,
    ux: Array, x: Array, tol: float, start: int,
) -> int:
    """Fill lx and ux with a new matrix's factors; return n, or where a pivot is too small.

    Columns before `start`, in their order, are as they were. `rows` are the matrix's row indices
    in pivot order; x (n,) is zero, and is so afterwards.
    """
    n = ap.shape[0] - 1
    for k in range(start, n):
        column = q[k]
        for p in range(ap[column], ap[column + 1]):
            x[rows[p]] = ax[p]
        last = up[k + 1] - 1
        for p in range(up[k], last):
            j = ui[p]
            xj = x[j]
            ux[p] = xj
            x[j] = 0.0
            if xj != 0.0:
                for m in range(lp[j] + 1, lp[j + 1]):
                    x[li[m]] -= lx[m] * xj
        pivot = x[k]
        x[k] = 0.0
        ux[last] = pivot
        largest = 0.0
        for m in range(lp[k] + 1, lp[k + 1]):
            largest = max(largest, abs(x[li[m]]))
        if not abs(pivot) > tol * largest or not abs(pivot) < np.inf:
            for m in range(lp[k] + 1, lp[k + 1]):
                x[li[m]] = 0.0
            return k
        for m in range(lp[k] + 1, lp[k + 1]):
            i = li[m]
            lx[m] = x[i] / pivot
            x[i] = 0.0
    return int(n)


@lean
def solve(
    lp: Ints, li: Ints, lx: Array, up: Ints, ui: Ints, ux: Array, pinv: Ints, q: Ints, b: Array,
    x: Array, work: Array,
) -> None:
    """Solve A x = b; b and x may be longer than n."""
    n = lp.shape[0] - 1
    for i in range(n):
        work[pinv[i]] = b[i]
    for j in range(n):
        y = work[j]
        if y != 0.0:
            for m in range(lp[j] + 1, lp[j + 1]):
                work[li[m]] -= lx[m] * y
    for j in range(n - 1, -1, -1):
        last = up[j + 1] - 1
        y = work[j] / ux[last]
        work[j] = y
        if y != 0.0:
            for m in range(up[j], last):
                work[ui[m]] -= ux[m] * y
    for k in range(n):
        x[q[k]] = work[k]


@lean
def solve_transposed(
    lp: Ints, li: Ints, lx: Array, up: Ints, ui: Ints, ux: Array, pinv: Ints, q: Ints, b: Array,
    x: Array, work: Array,
) -> None:
    """Solve A' x = b, for adjoints."""
    n = lp.shape[0] - 1
    for k in range(n):
        work[k] = b[q[k]]
    for j in range(n):
        last = up[j + 1] - 1
        y = work[j]
        for m in range(up[j], last):
            y -= ux[m] * work[ui[m]]
        work[j] = y / ux[last]
    for j in range(n - 1, -1, -1):
        y = work[j]
        for m in range(lp[j] + 1, lp[j + 1]):
            y -= lx[m] * work[li[m]]
        work[j] = y
    for i in range(n):
        x[i] = work[pinv[i]]


@lean
def least_degree(indptr: Ints, indices: Ints, near: Ints, order: Ints) -> float:
    """Fill order (n,) by minimum degree on A + A'; near (n, n) is zero.

    For small matrices, of which a table of neighbours is the quickest graph. Returns the sum of
    the squares of the columns' lengths in L, multiplications of a factorisation.
    """
    n = order.shape[0]
    for j in range(n):
        for p in range(indptr[j], indptr[j + 1]):
            i = indices[p]
            if i != j:
                near[i, j] = near[j, i] = 1
    work = 0.0
    for k in range(n):
        best, least = -1, n + 1
        for i in range(n):
            if near[i, i] == 0:  # the diagonal marks what has been eliminated
                degree = 0
                for j in range(n):
                    if near[i, j] == 1 and near[j, j] == 0:
                        degree += 1
                if degree < least:
                    best, least = i, degree
        order[k] = best
        near[best, best] = 1
        work += (least + 1.0) ** 2
        for i in range(n):
            if near[best, i] == 1 and near[i, i] == 0:
                for j in range(n):
                    if j != i and near[best, j] == 1 and near[j, j] == 0:
                        near[i, j] = 1
    return work
