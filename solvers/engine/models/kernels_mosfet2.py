"""The kernel of MOS transistors of level 2."""

from __future__ import annotations

from typing import Any

from ...structured.jit import leaf
from .kernels_mos2 import level2
from .kernels_mosfet import begin, finish

__all__ = ["evaluate"]


@leaf
def evaluate(places: Any, state: Any, how: Any, wires: Any, work: Any, out: Any) -> None:
    """Evaluate all transistors; see `Device`."""
    p = places[3]
    for e in range(p.shape[1]):
        turned, vgs, vds, vbs = begin(places, state, how[0], wires[0], work, e)
        i, von, vdsat = level2(vgs, vds, vbs, p, e)
        finish(places, state, how, wires, work, out, e, False, turned, i, von, vdsat)
