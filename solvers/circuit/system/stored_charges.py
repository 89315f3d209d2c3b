"""The charges and fluxes of the elements, one by one, whose errors time steps are bound by.

Kirchhoff's law adds up the charges at a node. In the sum a junction of picofarads vanishes behind a
coupling capacitor of microfarads, and charges that cancel leave nothing to be relative to; the
error of a step is therefore that of each charge, as in SPICE.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....core.compiled.jit import lean
from ....core.validation import Array
from .element_group import ElementGroup, Ints

__all__ = ["StoredCharges", "fill_charges"]


class StoredCharges:
    """Charges of single elements as functions of the unknowns and of what groups evaluated.

    Constant capacitors have one, C (x_p - x_n); other constant entries of C one for each row of
    their group, such as the flux of an inductor with its couplings; what groups evaluate one for
    each of an element's terminals.

    Parameters
    ----------
    groups : sequence of ElementGroup
        All of the circuit.
    evaluated : (Q,)
        Rows of what groups evaluate; ground is -1.

    Attributes
    ----------
    rows : (K,)
        The row in which each charge counts.
    """

    def __init__(self, groups: Sequence[ElementGroup], evaluated: Ints) -> None:
        rows: list[Ints] = []
        columns: list[Ints] = []
        values: list[Array] = []
        counts: list[Ints] = []
        for group in groups:
            pairs = group.capacitances()
            for all_ends, all_farad in pairs:
                inside = (all_farad != 0.0) & (all_ends[0] != all_ends[1])
                ends, farad = all_ends[:, inside], all_farad[inside]
                rows.append(np.where(ends[0] < 0, ends[1], ends[0]))
                columns.append(ends.T.ravel())
                values.append(np.column_stack([farad, -farad]).ravel())
                counts.append(np.full(len(farad), 2))
            if pairs:
                continue
            for row, column, value in _by_rows(group):
                rows.append(np.array([row]))
                columns.append(column)
                values.append(value)
                counts.append(np.array([len(column)]))
        none = np.zeros(0, dtype=np.int64)
        self._kept = np.flatnonzero(evaluated >= 0).astype(np.int64)
        self.rows = np.concatenate([none, *rows, evaluated[self._kept]])
        self._columns = np.concatenate([none, *columns]).astype(np.int64)
        self._values = np.concatenate([np.zeros(0), *values])
        self._ends = np.cumsum(np.concatenate([none, *counts])).astype(np.int64)

    def arrays(self) -> tuple[Ints, Ints, Array, Ints]:
        """Return ends, columns and values of constant entries by charge, and evaluated ones."""
        return self._ends, self._columns, self._values, self._kept

    def fill(self, x: Array, evaluated: Array, out: Array) -> None:
        """Fill out (K,) with the charges at x (n + 1,), where groups evaluated (Q,) others."""
        fill_charges(self._ends, self._columns, self._values, x, self._kept, evaluated, out)


def _by_rows(group: ElementGroup) -> list[tuple[int, Ints, Array]]:
    """Return (row, columns, values) of the constant entries of C of a group."""
    parts = [np.broadcast_arrays(*triplet) for triplet in group.linear_c()]
    if not parts:
        return []
    row, column, value = (np.concatenate([np.ravel(p[k]) for p in parts]) for k in range(3))
    inside = (row >= 0) & (column >= 0) & (value != 0.0)
    if not inside.any():
        return []
    row, column, value = row[inside], column[inside], value[inside]
    order = np.argsort(row, kind="stable")
    row, column, value = row[order], column[order], value[order]
    unique, first = np.unique(row, return_index=True)
    ends = [*first[1:], len(row)]
    return [
        (int(r), column[a:b], value[a:b]) for r, a, b in zip(unique, first, ends, strict=True)
    ]


@lean
def fill_charges(
    ends: Ints, columns: Ints, values: Array, x: Array, kept: Ints, evaluated: Array, out: Array
) -> None:
    """Fill out (K,) with each element's charge; the first four as of `StoredCharges.arrays`."""
    at = 0
    for k in range(ends.shape[0]):
        total = 0.0
        while at < ends[k]:
            total += values[at] * x[columns[at]]
            at += 1
        out[k] = total
    first = ends.shape[0]
    for k in range(kept.shape[0]):
        out[first + k] = evaluated[kept[k]]
