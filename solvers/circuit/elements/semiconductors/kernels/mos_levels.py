"""The kernels of MOS transistors of levels 1, 2, 3 and 6: what surrounds a channel's law."""

from __future__ import annotations

from typing import Any

from ......core.compiled.jit import inlined, leaf
from ......core.validation import Array
from ....system.element_group import Ints
from ....system.kernels_blocks import EVALUATE
from .block import arrays, limited_any, note, settle
from .mos1 import level1
from .mos2 import level2
from .mos3 import level3
from .mos6 import level6
from .mosfet import begin, finish

__all__ = ["run_level1", "run_level2", "run_level3", "run_level6"]


@inlined
def evaluate_level1(
    places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any, some: Ints
) -> None:
    """Evaluate all transistors of level 1; see `Device`."""
    p = places[3]
    for place in range(some.shape[0]):
        e = some[place]
        at, asked, turned, (vgs, vds, vbs) = begin(places, state, how[0], e)
        found = level1(vgs, vds, vbs, p, e)
        law = found[0:4], found[4:8], found[8:12]
        finish(places, state, how, wires, out, e, False, turned, at, asked, law)


@inlined
def evaluate_level2(
    places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any, some: Ints
) -> None:
    """Evaluate all transistors of level 2; see `Device`."""
    p = places[3]
    for place in range(some.shape[0]):
        e = some[place]
        at, asked, turned, (vgs, vds, vbs) = begin(places, state, how[0], e)
        law = level2(vgs, vds, vbs, p, e)
        finish(places, state, how, wires, out, e, False, turned, at, asked, law)


@inlined
def evaluate_level3(
    places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any, some: Ints
) -> None:
    """Evaluate all transistors of level 3; see `Device`."""
    p = places[3]
    for place in range(some.shape[0]):
        e = some[place]
        at, asked, turned, (vgs, vds, vbs) = begin(places, state, how[0], e)
        law = level3(vgs, vds, vbs, p, e)
        finish(places, state, how, wires, out, e, True, turned, at, asked, law)


@inlined
def evaluate_level6(
    places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any, some: Ints
) -> None:
    """Evaluate all transistors of level 6; see `Device`."""
    p = places[3]
    for place in range(some.shape[0]):
        e = some[place]
        at, asked, turned, (vgs, vds, vbs) = begin(places, state, how[0], e)
        found = level6(vgs, vds, vbs, p, e)
        law = found[0:4], found[4:8], found[8:12]
        finish(places, state, how, wires, out, e, False, turned, at, asked, law)


@leaf
def run_level1(what: int, _time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Evaluate the transistors of level 1 of a block, keep their voltages or go back to them."""
    if what != EVALUATE:
        return settle(what, block)
    places, state, how, wires, work, out, some = arrays(block, numbers, x)
    evaluate_level1(places, state, how, wires, work, out, some)
    note(some.shape[0], block, numbers, x)
    return limited_any(block)


@leaf
def run_level2(what: int, _time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Evaluate the transistors of level 2 of a block, keep their voltages or go back to them."""
    if what != EVALUATE:
        return settle(what, block)
    places, state, how, wires, work, out, some = arrays(block, numbers, x)
    evaluate_level2(places, state, how, wires, work, out, some)
    note(some.shape[0], block, numbers, x)
    return limited_any(block)


@leaf
def run_level3(what: int, _time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Evaluate the transistors of level 3 of a block, keep their voltages or go back to them."""
    if what != EVALUATE:
        return settle(what, block)
    places, state, how, wires, work, out, some = arrays(block, numbers, x)
    evaluate_level3(places, state, how, wires, work, out, some)
    note(some.shape[0], block, numbers, x)
    return limited_any(block)


@leaf
def run_level6(what: int, _time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Evaluate the transistors of level 6 of a block, keep their voltages or go back to them."""
    if what != EVALUATE:
        return settle(what, block)
    places, state, how, wires, work, out, some = arrays(block, numbers, x)
    evaluate_level6(places, state, how, wires, work, out, some)
    note(some.shape[0], block, numbers, x)
    return limited_any(block)
