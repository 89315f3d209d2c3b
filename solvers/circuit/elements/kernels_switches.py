"""Switches: their conductances, and when a step has to end; see `switches`."""

from __future__ import annotations

import math

from ....core.compiled.jit import leaf
from ....core.validation import Array
from ..system.element_group import Ints
from ..system.kernels_blocks import (
    ACCEPT,
    EVALUATE,
    REFUSE,
    REWIND,
    booleans,
    rows_of_doubles,
    table_of_integers,
    vector,
)

__all__ = ["DYNAMIC", "MODE", "F", "G", "run"]

# a block: whether to limit, whether in a transient, elements; then addresses
MODE, DYNAMIC, ELEMENTS = range(3)
(AT, CONTROL, THRESHOLD, HYSTERESIS, ON, OFF, CLOSED, KEPT, SEEN, MOVED, STATE, LIMITED, F,
 G) = range(3, 17)
# `state`: time of the last point; the step that was refused last, 0 for none; whether states are
# held; evaluations of a point so far
TIME, TRIED, HELD, LOOKED = range(4)
# numbers: of tolerances
RELATIVE, ABSOLUTE = range(2)

_BEYOND = 0.5  # of the tolerance: how far behind the threshold a step is to end
_LOOKS = 12.0  # evaluations of a point in which only the last point's state counts
_SHORTER, _SAME = 0.5, 0.9  # a step as much shorter that moves the control as much: it jumps


@leaf
def _decided(drive: float, before: bool, e: int, block: Ints) -> bool:
    threshold = vector(block[THRESHOLD], block[ELEMENTS])[e]
    hysteresis = vector(block[HYSTERESIS], block[ELEMENTS])[e]
    if drive > threshold + hysteresis:
        return True
    return before and not drive < threshold - hysteresis


@leaf
def _drive(x: Array, e: int, block: Ints) -> float:
    control = table_of_integers(block[CONTROL], 2, block[ELEMENTS])
    return float(x[control[0, e]] - x[control[1, e]])


@leaf
def _evaluate(block: Ints, x: Array) -> float:
    """Fill currents and conductances; return 1 where a switch turned that may."""
    many, follows = block[ELEMENTS], False
    at = table_of_integers(block[AT], 2, many)
    hysteresis, threshold = vector(block[HYSTERESIS], many), vector(block[THRESHOLD], many)
    on, off = vector(block[ON], many), vector(block[OFF], many)
    closed, kept = booleans(block[CLOSED], many), booleans(block[KEPT], many)
    limited, state = booleans(block[LIMITED], many), vector(block[STATE], 4)
    f, g = rows_of_doubles(block[F], 2, many), rows_of_doubles(block[G], 8, many)
    answer = 0.0
    if block[MODE] == 1:
        follows = block[DYNAMIC] == 0 or state[HELD] == 0.0
        if follows:
            state[LOOKED] += 1.0
    for e in range(many):
        drive = _drive(x, e, block)
        smooth = hysteresis[e] < 0.0
        if block[MODE] == 1:
            before = closed[e]
            if follows:
                # a guess on the way does not turn a switch that starts within its hysteresis; one
                # that acts on its own control stays, after a while, as it turned
                last = kept[e] if state[LOOKED] <= _LOOKS else before
                closed[e] = _decided(drive, last, e, block)
            limited[e] = closed[e] != before and not smooth
            if limited[e]:
                answer = 1.0
        conductance, slope = on[e] if closed[e] else off[e], 0.0
        if smooth:
            width = -hysteresis[e]
            s = (drive - threshold[e]) / width
            if s < -1.0:
                s = -1.0
            if s > 1.0:
                s = 1.0
            ratio = math.log(on[e] / off[e])
            conductance = math.sqrt(on[e] * off[e]) * math.exp(0.25 * ratio * s * (3.0 - s * s))
            slope = conductance * 0.75 * ratio * (1.0 - s * s) / width
        v = x[at[0, e]] - x[at[1, e]]
        f[0, e], f[1, e] = conductance * v, -conductance * v
        g[0, e] = g[3, e] = conductance
        g[1, e] = g[2, e] = -conductance
        g[4, e] = g[7, e] = slope * v
        g[5, e] = g[6, e] = -slope * v
    return answer


@leaf
def _accept(time: float, block: Ints, x: Array) -> float:
    """Keep states and controls; return 1 where a switch turned."""
    many = block[ELEMENTS]
    closed, kept = booleans(block[CLOSED], many), booleans(block[KEPT], many)
    seen, state = vector(block[SEEN], many), vector(block[STATE], 4)
    hysteresis = vector(block[HYSTERESIS], many)
    answer = 0.0
    for e in range(many):
        drive = _drive(x, e, block)
        closed[e] = _decided(drive, closed[e], e, block)
        if closed[e] != kept[e] and not hysteresis[e] < 0.0 and block[DYNAMIC] == 1:
            answer = 1.0
        kept[e], seen[e] = closed[e], drive
    state[TIME], state[TRIED], state[HELD], state[LOOKED] = time, 0.0, 1.0, 0.0
    return answer


@leaf
def _refuse(time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Return when the first threshold is crossed, if a control has gone too far over its."""
    many = block[ELEMENTS]
    kept, seen = booleans(block[KEPT], many), vector(block[SEEN], many)
    moved, state = vector(block[MOVED], many), vector(block[STATE], 4)
    threshold, hysteresis = vector(block[THRESHOLD], many), vector(block[HYSTERESIS], many)
    h, tried = time - state[TIME], state[TRIED]
    turned = False
    for e in range(many):
        if _decided(_drive(x, e, block), kept[e], e, block) != kept[e] and (
            not hysteresis[e] < 0.0
        ):
            turned = True
    if not turned or not h > 0.0:
        return 0.0
    far, share, beyond = False, 2.0, 0.0
    for e in range(many):
        drive = _drive(x, e, block)
        now, before = abs(drive - seen[e]), moved[e]
        moved[e] = now
        on = _decided(drive, kept[e], e, block)
        if on == kept[e] or hysteresis[e] < 0.0:
            continue
        if tried > 0.0 and h < _SHORTER * tried and not now < _SAME * before:
            continue  # the control jumps from this point on: no step meets its threshold
        goal = threshold[e] + (hysteresis[e] if on else -hysteresis[e])
        near = numbers[ABSOLUTE] + numbers[RELATIVE] * max(
            abs(goal), max(abs(seen[e]), abs(drive))
        )
        if abs(drive - goal) > near:
            far = True
        move = 1.0 if drive == seen[e] else drive - seen[e]
        part = min(max((goal - seen[e]) / move, 0.0), 1.0)
        if part < share:
            share, beyond = part, _BEYOND * near / abs(move)
    state[TRIED] = h
    return float(state[TIME] + (share + beyond) * h) if far else 0.0


@leaf
def run(what: int, time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Do what is asked of switches, see `kernels_blocks`."""
    if what == EVALUATE:
        return _evaluate(block, x)
    if what == ACCEPT:
        return _accept(time, block, x)
    if what == REFUSE:
        return _refuse(time, block, numbers, x)
    if what == REWIND:
        closed, kept = booleans(block[CLOSED], block[ELEMENTS]), booleans(
            block[KEPT], block[ELEMENTS]
        )
        for e in range(block[ELEMENTS]):
            closed[e] = kept[e]
        vector(block[STATE], 4)[LOOKED] = 0.0
    return 0.0
