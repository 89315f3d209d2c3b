"""What the options `rshunt` and `cshunt` put at every node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....core.errors import ParameterError
from .builder import Builder
from .element_group import ElementGroup, Ints, Triplets

__all__ = ["Shunts", "shunts"]


class Shunts(ElementGroup):
    """Conductances and capacitances from nodes to ground: options `rshunt` and `cshunt`.

    Parameters
    ----------
    rows, outer : arrays of int
        All nodes; those without the inner ones of devices, which have no capacitance.
    siemens, farad : float
    """

    def __init__(self, rows: Ints, outer: Ints, siemens: float, farad: float) -> None:
        self.rows, self.outer, self.siemens, self.farad = rows, outer, siemens, farad

    def linear_g(self) -> Sequence[Triplets]:
        """Return the conductances."""
        return [(self.rows, self.rows, np.full(len(self.rows), self.siemens))]

    def linear_c(self) -> Sequence[Triplets]:
        """Return the capacitances."""
        return [(self.outer, self.outer, np.full(len(self.outer), self.farad))]


def shunts(builder: Builder) -> list[ElementGroup]:
    """Return the shunts of every node from the options `rshunt` (ohm) and `cshunt` (farad)."""
    ohm, farad = (float(builder.options.get(name, 0.0)) for name in ("rshunt", "cshunt"))
    if ohm < 0 or farad < 0:
        raise ParameterError("options `rshunt` and `cshunt` must be >= 0")
    if not (ohm or farad):
        return []
    units = zip(builder.units, builder.row_units, strict=True)
    rows = np.array([k for k, pair in enumerate(units) if pair == ("V", "A")], dtype=np.int64)
    outer = np.array(list(builder.nodes.values()), dtype=np.int64)
    return [Shunts(rows, outer, 1.0 / ohm if ohm else 0.0, farad)]
