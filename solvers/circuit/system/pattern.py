"""The pattern of a sparse matrix from the places of its entries."""

from __future__ import annotations

import numpy as np

from .element_group import Ints

__all__ = ["pattern"]

_LARGE = 50_000  # entries; below, loading compiled loops costs more than it saves


def pattern(rows: Ints, columns: Ints, n: int) -> tuple[Ints, Ints, Ints]:
    """Return compressed columns, sorted, of all places, and the place of every entry.

    Parameters
    ----------
    rows, columns : (K,)
        Of the entries, several of which may share a place; -1 is nowhere.
    n : int
        Rows and columns of the matrix.

    Returns
    -------
    indptr, indices : (n + 1,), (nnz,)
    slots : (K,)
        From 0; nnz for entries that are nowhere.
    """
    return _counted(rows, columns, n) if len(rows) > _LARGE else _sorted(rows, columns, n)


def _sorted(rows: Ints, columns: Ints, n: int) -> tuple[Ints, Ints, Ints]:
    inside = (rows >= 0) & (columns >= 0)
    keys = columns[inside] * n + rows[inside]
    unique, slots = np.unique(keys, return_inverse=True)
    indices = (unique % max(n, 1)).astype(np.int32)
    counts = np.bincount(unique // max(n, 1), minlength=n)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    every = np.full(len(rows), len(unique), dtype=np.int64)
    every[inside] = slots.ravel()
    return indptr, indices, every


def _counted(rows: Ints, columns: Ints, n: int) -> tuple[Ints, Ints, Ints]:
    from .kernels_pattern import count_entries, merge  # noqa: PLC0415 - slow to import

    rows, columns = (np.ascontiguousarray(part, dtype=np.int64) for part in (rows, columns))
    ends, indptr = np.empty(n + 1, np.int64), np.empty(n + 1, np.int32)
    kept, own = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    indices, slots = np.empty(len(rows), np.int32), np.empty(len(rows), np.int64)
    count_entries(rows, columns, ends)
    nnz = merge(rows, columns, ends, np.empty(n + 1, np.int64), kept, own, indptr, indices, slots)
    slots[slots < 0] = nnz
    return indptr, indices[:nnz].copy(), slots
