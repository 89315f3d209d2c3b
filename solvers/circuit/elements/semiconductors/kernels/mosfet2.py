"""The kernel of MOS transistors of level 2."""

from __future__ import annotations

from typing import Any

from ......core.compiled.jit import inlined
from .mos2 import level2
from .mosfet import begin, finish

__all__ = ["evaluate"]


@inlined
def evaluate(places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any) -> None:
    """Evaluate all transistors; see `Device`."""
    p = places[3]
    for e in range(p.shape[1]):
        at, asked = begin(places, state, how[0], e)
        turned = at[1] < 0.0  # drain and source change roles
        vgs, vds, vbs = (at[0] - at[1], -at[1], at[2] - at[1]) if turned else at
        law = level2(vgs, vds, vbs, p, e)
        finish(places, state, how, wires, out, e, False, turned, at, asked, law)
