"""The pattern of a sparse matrix from its entries, in compiled loops: no sorting of all."""

from __future__ import annotations

from ....core.compiled.jit import leaf
from .element_group import Ints

__all__ = ["count_entries", "merge"]


@leaf
def count_entries(rows: Ints, columns: Ints, ends: Ints) -> None:
    """Fill ends (n + 1,) with where the entries of every column begin; -1 is nowhere."""
    n = ends.shape[0] - 1
    for j in range(n + 1):
        ends[j] = 0
    for k in range(rows.shape[0]):
        if rows[k] >= 0 and columns[k] >= 0:
            ends[columns[k] + 1] += 1
    for j in range(n):
        ends[j + 1] += ends[j]


@leaf
def merge(
    rows: Ints, columns: Ints, ends: Ints, place: Ints, kept: Ints, own: Ints, indptr: Ints,
    indices: Ints, slots: Ints,
) -> int:
    """Fill in the places of a matrix, column by column and sorted by rows.

    Parameters
    ----------
    rows, columns : (K,)
        Of the entries, several of which may share a place; -1 is nowhere.
    ends : (n + 1,)
        Of `count_entries`.
    place : (n + 1,), kept : (K,), own : (K,)
        Scratch.
    indptr, indices : (n + 1,), (K,)
        To be filled: compressed columns.
    slots : (K,)
        To be filled: the place of every entry, -1 of those that are nowhere.

    Returns
    -------
    int
        The number of places.
    """
    n = ends.shape[0] - 1
    for j in range(n + 1):
        place[j] = ends[j]
    for k in range(rows.shape[0]):
        slots[k] = -1
        if rows[k] >= 0 and columns[k] >= 0:
            kept[place[columns[k]]] = k
            place[columns[k]] += 1
    total = 0
    for j in range(n):
        indptr[j] = total
        first, last = ends[j], ends[j + 1]
        if last - first <= 64:  # insert
            for a in range(first, last):
                k = kept[a]
                row = rows[k]
                b = a
                while b > first and rows[kept[b - 1]] > row:
                    kept[b] = kept[b - 1]
                    b -= 1
                kept[b] = k
        else:  # merge from the bottom
            width = 1
            while width < last - first:
                for begin in range(first, last, 2 * width):
                    a, a_end = begin, min(begin + width, last)
                    b, b_end = a_end, min(begin + 2 * width, last)
                    for at in range(begin, b_end):
                        if a < a_end and (b >= b_end or rows[kept[a]] <= rows[kept[b]]):
                            own[at] = kept[a]
                            a += 1
                        else:
                            own[at] = kept[b]
                            b += 1
                for at in range(first, last):
                    kept[at] = own[at]
                width *= 2
        before = -1
        for a in range(first, last):
            row = rows[kept[a]]
            if row != before:
                indices[total] = row
                total += 1
                before = row
            slots[kept[a]] = total - 1
    indptr[n] = total
    return total
