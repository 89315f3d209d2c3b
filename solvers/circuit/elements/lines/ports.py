"""What all lines share: two ports, and the unknown currents into them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .....core.validation import Array
from .....netlists.elements import Element
from ...system.builder import Builder
from ...system.element_group import ElementGroup, Ints, Triplets

__all__ = ["CORNER", "TwoPorts", "two_ports"]

CORNER = 1e-3  # a slope that changes less than this, of itself, is no corner


class TwoPorts(ElementGroup):
    """Elements between two ports, whose currents are unknowns with an equation each.

    Parameters
    ----------
    names
    at : (4, E)
        Both ends, each positive and negative.
    own : (2, E)
        Unknown currents into both ends.
    ic : (4, E)
        v1, i1, v2, i2 at the start of a run with ``uic``; NaN where there are none.
    """

    follows = True

    without_poles = True

    def __init__(self, names: Sequence[str], at: Ints, own: Ints, ic: Array) -> None:
        self.names, self.at, self.own, self.ic = tuple(names), at, own, ic
        self.f_rows = own
        one, two = own
        p1, n1, p2, n2 = at
        self.g_at = (
            np.array([one] * 6 + [two] * 6),
            np.array([p1, n1, p2, n2, one, two] * 2),
        )
        self.count = len(self.names)
        self.limited = np.zeros(self.count, dtype=np.bool_)

    def linear_g(self) -> Sequence[Triplets]:
        """Return the currents into the ends."""
        one = np.ones(self.count)
        return [
            (self.at[0], self.own[0], one), (self.at[1], self.own[0], -one),
            (self.at[2], self.own[1], one), (self.at[3], self.own[1], -one),
        ]

    def ports(self, x: Array) -> Array:
        """Return v1, i1, v2, i2, (4, E)."""
        return np.array([
            x[self.at[0]] - x[self.at[1]], x[self.own[0]],
            x[self.at[2]] - x[self.at[3]], x[self.own[1]],
        ])


def two_ports(
    builder: Builder, elements: Sequence[Element]
) -> tuple[list[str], Ints, Ints, Array]:
    """Return names, nodes, unknown currents and initial values of elements between two ports."""
    own = np.array([
        [builder.inner(f"i({e.name.lower()}#{k})", "A", "V") for e in elements] for k in (1, 2)
    ], dtype=np.int64)
    ic = np.array([
        [float(e.get(key, np.nan)) for e in elements] for key in ("icv1", "ici1", "icv2", "ici2")
    ])
    return [e.name for e in elements], builder.at(elements, 4), own, ic
