"""The kernels of MOS transistors of levels 1, 2, 3 and 6: what surrounds a channel's law."""

from __future__ import annotations

from typing import Any

from ......core.compiled.jit import inlined
from .mos1 import level1
from .mos2 import level2
from .mos3 import level3
from .mos6 import level6
from .mosfet import begin, finish

__all__ = ["evaluate_level1", "evaluate_level2", "evaluate_level3", "evaluate_level6"]


@inlined
def evaluate_level1(places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any) -> None:
    """Evaluate all transistors of level 1; see `Device`."""
    p = places[3]
    for e in range(p.shape[1]):
        at, asked, turned, (vgs, vds, vbs) = begin(places, state, how[0], e)
        found = level1(vgs, vds, vbs, p, e)
        law = found[0:4], found[4:8], found[8:12]
        finish(places, state, how, wires, out, e, False, turned, at, asked, law)


@inlined
def evaluate_level2(places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any) -> None:
    """Evaluate all transistors of level 2; see `Device`."""
    p = places[3]
    for e in range(p.shape[1]):
        at, asked, turned, (vgs, vds, vbs) = begin(places, state, how[0], e)
        law = level2(vgs, vds, vbs, p, e)
        finish(places, state, how, wires, out, e, False, turned, at, asked, law)


@inlined
def evaluate_level3(places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any) -> None:
    """Evaluate all transistors of level 3; see `Device`."""
    p = places[3]
    for e in range(p.shape[1]):
        at, asked, turned, (vgs, vds, vbs) = begin(places, state, how[0], e)
        law = level3(vgs, vds, vbs, p, e)
        finish(places, state, how, wires, out, e, True, turned, at, asked, law)


@inlined
def evaluate_level6(places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any) -> None:
    """Evaluate all transistors of level 6; see `Device`."""
    p = places[3]
    for e in range(p.shape[1]):
        at, asked, turned, (vgs, vds, vbs) = begin(places, state, how[0], e)
        found = level6(vgs, vds, vbs, p, e)
        law = found[0:4], found[4:8], found[8:12]
        finish(places, state, how, wires, out, e, False, turned, at, asked, law)
