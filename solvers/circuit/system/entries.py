"""Entries of the Jacobian that many kinds of elements have: rows, columns and values."""

from __future__ import annotations

import numpy as np

from ....core.validation import Array
from .element_group import Ints, Triplets

__all__ = ["branch_entries", "pairs"]


def pairs(rows: Ints, columns: Ints, values: Array) -> list[Triplets]:
    """Return the entries of a current g (x_c0 - x_c1) from row 0 to row 1."""
    return [
        (rows[0], columns[0], values), (rows[0], columns[1], -values),
        (rows[1], columns[0], -values), (rows[1], columns[1], values),
    ]


def branch_entries(at: Ints, own: Ints) -> list[Triplets]:
    """Return the entries of branches: currents leave p and enter n, rows are v_p - v_n."""
    one = np.ones(len(own))
    return [(at[0], own, one), (at[1], own, -one), (own, at[0], one), (own, at[1], -one)]
