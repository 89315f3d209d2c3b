"""Elimination of nodes from many resistor networks at once, free of subtraction.

A network is a dense matrix of positive conductances between its nodes; the diagonal means nothing.
Eliminating node e adds c_ie c_ej / sum_j c_ej to every other pair (star-mesh): sums and products
of positive numbers, so that every entry is accurate to rounding however far conductances lie
apart. A panel of nodes is eliminated one by one, the rest of the matrix follows by one product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .array_types import XpArray, XpModule

__all__ = ["Panel", "eliminate", "panel", "product"]

PANEL = 32
_FEW = 8
_THIN = 2  # nodes up to which many tiny matrix products cost more than sums of outer products
_BATCH = 65535  # matrices that every cuBLAS takes at once
Panel: TypeAlias = Callable[[XpArray, XpArray, int, int], XpArray]


def eliminate(
    xp: XpModule, C: XpArray, ports: int, *, weights: bool, by: Panel | None = None
) -> XpArray:
    """Eliminate the nodes from `ports` on; the rest of C is changed in place.

    Parameters
    ----------
    xp : module
    C : (B, n, n) array, siemens
        Symmetric.
    ports : int
        Nodes that stay, the first ones.
    weights : bool
        Whether voltages of the eliminated nodes are wanted later.
    by : callable, optional
        What eliminates panels of more than a few nodes, instead of `panel`.

    Returns
    -------
    (B, n - ports, ports) array or None
        Voltages of the eliminated nodes per volt of the ports.
    """
    last = C.shape[1]
    panels = []
    while last > ports:
        first = max(ports, last - PANEL)
        scaled = (by if by is not None and last - first > _FEW else panel)(xp, C, first, last)
        rest, plain = C[:, :first, :first], C[:, first:last, :first]
        if last - first <= _THIN:
            for e in range(last - first):
                rest += scaled[:, e, :first, None] * plain[:, e, None, :]
        else:
            rest += product(xp, xp.swapaxes(scaled[:, :, :first], 1, 2), plain)
        if weights:
            panels.append((first, last, scaled))
        last = first
    return _weights(xp, C, ports, panels) if weights else None


def panel(xp: XpModule, C: XpArray, first: int, last: int) -> XpArray:
    """Eliminate first..last-1 from these rows alone; return their rows over the pivots.

    (B, last - first, last), with zeros from the diagonal on.
    """
    scaled = xp.zeros((C.shape[0], last - first, last), dtype=C.dtype)
    for e in range(last - 1, first - 1, -1):
        line = C[:, e, :e]
        pivot = xp.sum(line, axis=1)
        there = pivot > 0.0
        inverse = xp.where(there, 1.0 / xp.where(there, pivot, 1.0), 0.0)  # 0: tied to nothing
        over = line * inverse[:, None]
        scaled[:, e - first, :e] = over
        if e > first:
            others = C[:, first:e, :e]
            others += over[:, first:e, None] * line[:, None, :]
    return scaled


def _weights(
    xp: XpModule, C: XpArray, ports: int, panels: list[tuple[int, int, XpArray]]
) -> XpArray:
    """Put each node's row, in terms of ports and nodes eliminated later, in terms of ports."""
    result = xp.zeros((C.shape[0], C.shape[1] - ports, ports), dtype=C.dtype)
    for first, last, scaled in reversed(panels):
        rows = xp.array(scaled[:, :, :ports])
        if first > ports:
            rows += product(xp, scaled[:, :, ports:first], result[:, : first - ports])
        # (1 - N)^-1 = (1 + N)(1 + N^2)(1 + N^4)... of the strictly triangular N
        power, size = scaled[:, :, first:last], 1
        while size < last - first:
            rows += product(xp, power, rows)
            size *= 2
            if size < last - first:
                power = product(xp, power, power)
        result[:, first - ports : last - ports] = rows
    return result


def product(xp: XpModule, a: XpArray, b: XpArray) -> XpArray:
    """Return the products of matrices (..., i, k) and (..., k, j) of equal batches."""
    lead, (i, k), j = a.shape[:-2], a.shape[-2:], b.shape[-1]
    count = 1
    for size in lead:
        count *= size
    if count <= _BATCH:
        return xp.matmul(a, b)
    one, two = a.reshape(count, i, k), b.reshape(count, k, j)
    result = xp.empty((count, i, j), dtype=a.dtype)
    for first in range(0, count, _BATCH):
        part = slice(first, first + _BATCH)
        result[part] = xp.matmul(one[part], two[part])
    return result.reshape(*lead, i, j)
