"""The nodal equations of a crossbar in arithmetic of many digits, by Python's `decimal`."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DIGITS = 60


def exact_currents(G: Array, V: Array, ohm: float) -> Array:
    """Return the bit-line currents (N,) of `decimal_currents`, rounded to float64."""
    return np.array([float(i) for i in decimal_currents(G, V, ohm)])


def decimal_currents(G: Array, V: Array, ohm: float, digits: int = DIGITS) -> list[Decimal]:
    """Return the bit-line currents of a passive crossbar.

    Word nodes and bit nodes are numbered column by column, so that the matrix has a band of
    twice the number of rows; it is eliminated without pivoting, as it is positive definite.

    Parameters
    ----------
    G : (M, N) array
        Siemens, > 0.
    V : (M,) array
        Volt, on the word lines' left ends.
    ohm : float
        Of every wire segment.
    digits : int
        Significant decimal digits of every operation.

    Returns
    -------
    list of N Decimal
        Ampere into the bit lines' grounded lower ends.
    """
    M, N = G.shape
    band = 2 * M
    with localcontext() as context:
        context.prec = digits
        wire = 1 / Decimal(ohm)
        size = 2 * M * N
        # rows[k][d]: the entry (k, k + d); the matrix is symmetric
        rows = [[Decimal(0)] * (band + 1) for _ in range(size)]
        right = [Decimal(0)] * size

        def word(i: int, j: int) -> int:
            return 2 * (j * M + i)

        def join(a: int, b: int, g: Decimal) -> None:
            low, high = min(a, b), max(a, b)
            rows[a][0] += g
            rows[b][0] += g
            rows[low][high - low] -= g

        for i in range(M):
            for j in range(N):
                node = word(i, j)
                join(node, node + 1, Decimal(float(G[i, j])))
                if j:
                    join(node, word(i, j - 1), wire)
                else:
                    rows[node][0] += wire
                    right[node] += wire * Decimal(float(V[i]))
                if i + 1 < M:
                    join(node + 1, word(i + 1, j) + 1, wire)
                else:
                    rows[node + 1][0] += wire
        for k in range(size):
            pivot = rows[k]
            for d in range(1, min(band, size - 1 - k) + 1):
                if pivot[d]:
                    factor = pivot[d] / pivot[0]
                    below = rows[k + d]
                    for e in range(d, min(band, size - 1 - k) + 1):
                        if pivot[e]:
                            below[e - d] -= factor * pivot[e]
                    right[k + d] -= factor * right[k]
        x = right
        for k in range(size - 1, -1, -1):
            for d in range(1, min(band, size - 1 - k) + 1):
                if rows[k][d]:
                    x[k] -= rows[k][d] * x[k + d]
            x[k] /= rows[k][0]
        return [x[word(M - 1, j) + 1] * wire for j in range(N)]
