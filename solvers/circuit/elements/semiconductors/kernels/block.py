"""The arrays of a group of semiconductors, from its block of sizes and addresses."""

from __future__ import annotations

from typing import Any

from ......core.compiled.jit import inlined, leaf
from ......core.validation import Array
from ....system.element_group import Ints
from ....system.kernels_blocks import (
    ACCEPT,
    REWIND,
    booleans,
    columns_of_doubles,
    integers,
    rows_of_doubles,
    table_of_integers,
    vector,
)

__all__ = ["AT", "DYNAMIC", "FOLLOWS", "LIMITED", "MODE", "OLD", "PASSES", "SIZES", "F", "arrays",
           "limited_any", "note", "settle"]

# a block: these sizes, then the addresses of these arrays
SIZES = ("mode", "dynamic", "fills", "elements", "terminals", "parameters", "branches", "currents",
         "charges", "conductances", "capacitances", "memories", "shown", "follows", "passes")
ADDRESSES = ("at", "sign", "p", "old", "limited", "off", "memory", "branch_ends", "current_ends",
             "current_slots", "charge_ends", "charge_slots", "u", "limited_u", "value", "slope",
             "charge", "farad", "f", "q", "g", "c", "shown_values", "kept", "some", "known", "at_v",
             "at_f", "at_q")
(MODE, DYNAMIC, FILLS, ELEMENTS, TERMINALS, PARAMETERS, BRANCHES, CURRENTS, CHARGES, CONDUCTANCES,
 CAPACITANCES, MEMORIES, SHOWN, FOLLOWS, PASSES) = range(len(SIZES))
(AT, SIGN, P, OLD, LIMITED, OFF, MEMORY, BRANCH_ENDS, CURRENT_ENDS, CURRENT_SLOTS, CHARGE_ENDS,
 CHARGE_SLOTS, U, LIMITED_U, VALUE, SLOPE, CHARGE, FARAD, F, Q, G, C, SHOWN_VALUES,
 KEPT, SOME, KNOWN, AT_V, AT_F, AT_Q) = range(len(SIZES), len(SIZES) + len(ADDRESSES))


_FAR = 200.0  # times the voltage of `choose`: charges that came from as far depend on the way


@leaf
def _follow(e: int, block: Ints, x: Array) -> None:
    """Fill currents and charges of an element by the tangents of its last evaluation."""
    many, terminals = block[ELEMENTS], block[TERMINALS]
    at = table_of_integers(block[AT], terminals, many)
    at_v = columns_of_doubles(block[AT_V], terminals, many)
    at_f = columns_of_doubles(block[AT_F], terminals, many)
    at_q = columns_of_doubles(block[AT_Q], terminals, many)
    f = columns_of_doubles(block[F], terminals, many)
    q = columns_of_doubles(block[Q], terminals, many)
    g = columns_of_doubles(block[G], block[CONDUCTANCES], many)
    c = columns_of_doubles(block[C], block[CAPACITANCES], many)
    g_slots = table_of_integers(block[CURRENT_SLOTS], terminals, terminals)
    c_slots = table_of_integers(block[CHARGE_SLOTS], terminals, terminals)
    for k in range(terminals):
        f[k, e], q[k, e] = at_f[k, e], at_q[k, e]
    for m in range(terminals):
        moved = x[at[m, e]] - at_v[m, e]
        if moved == 0.0:
            continue
        for k in range(terminals):
            if g_slots[k, m] >= 0:
                f[k, e] += g[g_slots[k, m], e] * moved
            if c_slots[k, m] >= 0:
                q[k, e] += c[c_slots[k, m], e] * moved


@leaf
def choose(block: Ints, numbers: Array, x: Array) -> int:
    """Fill `some` with the elements to evaluate, and return how many.

    Where all voltages are as they were within `numbers[1]`, the others keep their slopes.
    """
    many, terminals, count = block[ELEMENTS], block[TERMINALS], 0
    some, known = integers(block[SOME], many), integers(block[KNOWN], many)
    at = table_of_integers(block[AT], terminals, many)
    at_v = columns_of_doubles(block[AT_V], terminals, many)
    for e in range(many):
        still = block[PASSES] == 1 and known[e] == 1
        if still:
            for k in range(terminals):
                if not abs(x[at[k, e]] - at_v[k, e]) <= numbers[1]:
                    still = False
        if still:
            _follow(e, block, x)
        else:
            some[count] = e
            count += 1
    return count


@leaf
def note(count: int, block: Ints, numbers: Array, x: Array) -> None:
    """Keep where the first `count` elements of `some` were evaluated, and what came of it."""
    if block[PASSES] == 0:
        return
    many, terminals = block[ELEMENTS], block[TERMINALS]
    some, known = integers(block[SOME], many), integers(block[KNOWN], many)
    limited = booleans(block[LIMITED], many)
    at = table_of_integers(block[AT], terminals, many)
    at_v = columns_of_doubles(block[AT_V], terminals, many)
    at_f = columns_of_doubles(block[AT_F], terminals, many)
    at_q = columns_of_doubles(block[AT_Q], terminals, many)
    f = columns_of_doubles(block[F], terminals, many)
    q = columns_of_doubles(block[Q], terminals, many)
    for i in range(count):
        e = some[i]
        near = not limited[e]
        for k in range(terminals):
            v = x[at[k, e]]
            if not abs(v - at_v[k, e]) <= _FAR * numbers[1]:
                near = False
            at_v[k, e], at_f[k, e], at_q[k, e] = v, f[k, e], q[k, e]
        known[e] = 1 if near else 0


@inlined
def arrays(
    block: Ints, numbers: Array, x: Array
) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
    """Return what the kernels of devices take, see `Device`; what is to be added to is zeroed."""
    some = integers(block[SOME], choose(block, numbers, x))
    mode, many, terminals = block[MODE], block[ELEMENTS], block[TERMINALS]
    branches, currents, charges = block[BRANCHES], block[CURRENTS], block[CHARGES]
    conductances, capacitances = block[CONDUCTANCES], block[CAPACITANCES]
    memory, shown = block[MEMORIES], block[SHOWN]
    f, q = (
        columns_of_doubles(block[F], terminals, many),
        columns_of_doubles(block[Q], terminals, many),
    )
    g, c = (
        columns_of_doubles(block[G], conductances, many),
        columns_of_doubles(block[C], capacitances, many),
    )
    if block[FILLS] == 0:
        for i in range(some.shape[0]):
            e = some[i]
            for k in range(terminals):
                f[k, e] = q[k, e] = 0.0
            for k in range(conductances):
                g[k, e] = 0.0
            for k in range(capacitances):
                c[k, e] = 0.0
    return (
        (
            x, table_of_integers(block[AT], terminals, many), vector(block[SIGN], many),
            columns_of_doubles(block[P], block[PARAMETERS], many),
        ),
        (
            columns_of_doubles(block[OLD], branches + 1, many), booleans(block[LIMITED], many),
            integers(block[OFF], many), columns_of_doubles(block[MEMORY], memory, many),
        ),
        (mode, numbers[0], block[DYNAMIC] == 1),
        (
            table_of_integers(block[BRANCH_ENDS], 2, branches),
            table_of_integers(block[CURRENT_ENDS], 2, currents),
            table_of_integers(block[CURRENT_SLOTS], terminals, terminals),
            table_of_integers(block[CHARGE_ENDS], 2, charges),
            table_of_integers(block[CHARGE_SLOTS], terminals, terminals),
        ),
        (
            vector(block[U], branches), vector(block[LIMITED_U], branches),
            vector(block[VALUE], currents),
            rows_of_doubles(block[SLOPE], currents, branches), vector(block[CHARGE], charges),
            rows_of_doubles(block[FARAD], charges, branches),
        ),
        (f, q, g, c, columns_of_doubles(block[SHOWN_VALUES], shown, many)),
        some,
    )


@leaf
def settle(what: int, block: Ints) -> float:
    """Keep voltages, and what is remembered of the point evaluated last, or go back to them."""
    if what not in (ACCEPT, REWIND):
        return 0.0
    many, memory = block[ELEMENTS], block[MEMORIES]
    size = (block[BRANCHES] + 1) * many
    old, kept = vector(block[OLD], size), vector(block[KEPT], size)
    if what != ACCEPT:
        for k in range(size):
            old[k] = kept[k]
        return 0.0
    for k in range(size):
        kept[k] = old[k]
    if block[FOLLOWS] == 1:
        held = columns_of_doubles(block[MEMORY], memory, many)
        shown = columns_of_doubles(block[SHOWN_VALUES], block[SHOWN], many)
        for e in range(many):
            for k in range(memory - 1):
                held[k, e] = shown[k, e]
            held[memory - 1, e] = 1.0
    return 0.0


@leaf
def limited_any(block: Ints) -> float:
    """Return 1 where an element was limited in the last evaluation, else 0."""
    limited = booleans(block[LIMITED], block[ELEMENTS])
    for e in range(block[ELEMENTS]):
        if limited[e]:
            return 1.0
    return 0.0
