"""Memristors: limiting, jumps of rates, and states at their bounds; see `memristors`."""

from __future__ import annotations

from .....core.compiled.jit import leaf
from .....core.validation import Array
from ...system.element_group import Ints
from ...system.kernels_blocks import (
    ABRUPT,
    ACCEPT,
    EVALUATE,
    REWIND,
    booleans,
    call_law,
    integers,
    rows_of_doubles,
    table_of_integers,
    vector,
)

__all__ = ["DYNAMIC", "FREE", "INITIAL", "LIMITED", "MODE", "F", "run"]

FREE, LIMITED, INITIAL = range(3)
# a block: sizes and the law's address, then the addresses of arrays
MODE, DYNAMIC, ELEMENTS, STATES, JUMPS, PARAMETERS, ALIKE, LAW = range(8)
(AT, OWN, POLARITY, MANY, LOW, SPAN, FIRST, P, JUMP, WIDTH, FIXED, OLD_V, OLD_Y, KEPT_V, KEPT_Y,
 SLIDING, SLID, STOPS, SIDE, END, IS_LIMITED, FOUND, BELOW, ABOVE, STATE, INSIDE, LEFT, F, Q, G,
 C) = range(8, 39)

_SLACK = 1e-6
_MOVE = 0.25  # of a state's range in one Newton step
_VOLT = 0.5
_MOST_STOPS = 6.0  # on ramps, in one Newton iteration: there may be no solution on any


@leaf
def _clipped(value: float, low: float, high: float) -> float:
    if value < low:
        return low
    if value > high:
        return high
    return value  # also where it is no number


@leaf
def _side(v: float, j: int, e: int, block: Ints) -> float:
    """Return -1 below a jump, 0 on its ramp, 1 above."""
    many = block[ELEMENTS]
    k = j * many + e
    away = vector(block[POLARITY], many)[e] * v - vector(block[JUMP], k + 1)[k]
    if booleans(block[SLIDING], k + 1)[k] and abs(away) < vector(block[WIDTH], k + 1)[k]:
        return 0.0
    return -1.0 if away < 0.0 else 1.0


@leaf
def _end(y: float) -> float:
    return 1.0 if y >= 1.0 else -1.0 if y <= 0.0 else 0.0


@leaf
def _stopped(v: float, e: int, block: Ints) -> float:
    """Return a voltage that is not beyond a ramp that the last one was before."""
    many, jumps = block[ELEMENTS], block[JUMPS]
    size = jumps * many
    stops, old = vector(block[STOPS], many), vector(block[OLD_V], many)[e]
    polarity, width = vector(block[POLARITY], many)[e], vector(block[WIDTH], size)
    jump = vector(block[JUMP], size)
    over, nearest, way = False, -1, 0.0
    # once over it is free: where the rate drives the voltage on, both sides have a solution,
    # and the ramp has one, too, that runs away from itself
    again = stops[e] >= 1.0
    for j in range(jumps):
        k = j * many + e
        if _side(old, j, e, block) * _side(v, j, e, block) < 0.0 and width[k] > 0.0 and (
            stops[e] < _MOST_STOPS
        ):
            over = True
            far = abs(jump[k] - polarity * old)
            if again and (nearest < 0 or far < way):
                nearest, way = k, far
    if over:
        stops[e] += 1.0
    if nearest < 0:
        return v
    booleans(block[SLIDING], size)[nearest] = True
    return float(polarity * jump[nearest])


@leaf
def _law(u: float, e: int, block: Ints, out: Array) -> None:
    """Evaluate the law at the states in `state`."""
    count = block[PARAMETERS]
    place = block[P] if block[ALIKE] == 1 else block[P] + 8 * count * e
    call_law(block[LAW], u, vector(block[STATE], block[STATES]), vector(place, count), out)


@leaf
def _ramps(u: float, e: int, block: Ints, found: Array) -> None:
    """Put the rates on ramps into `found`, the law at u volt."""
    many, jumps, wide = block[ELEMENTS], block[JUMPS], 2 + block[STATES]
    size = found.shape[0]
    fixed = integers(block[FIXED], 1)[0] == 1
    sliding = booleans(block[SLIDING], jumps * many)
    jump, width = vector(block[JUMP], jumps * many), vector(block[WIDTH], jumps * many)
    below, above = vector(block[BELOW], size), vector(block[ABOVE], size)
    for j in range(jumps):
        k = j * many + e
        if not sliding[k] or not (fixed or abs(u - jump[k]) < width[k]):
            continue
        _law(jump[k] - width[k], e, block, below)
        _law(jump[k] + width[k], e, block, above)
        whole = 2.0 * width[k] if width[k] > 0.0 else 1.0
        share = (u - jump[k] + width[k]) / whole
        for i in range(wide, size):
            found[i] = below[i] + share * (above[i] - below[i])
        for i in range(wide, size, wide):
            found[i + 1] = (above[i] - below[i]) / whole


@leaf
def _evaluate(block: Ints, x: Array) -> float:
    """Fill currents, rates, and their slopes; return 1 where an element was limited."""
    mode, dynamic, many, states = block[MODE], block[DYNAMIC] == 1, block[ELEMENTS], block[STATES]
    wide, jumps = 2 + states, block[JUMPS]
    at, own = table_of_integers(block[AT], 2, many), table_of_integers(block[OWN], states, many)
    polarity, side_by_side = vector(block[POLARITY], many), vector(block[MANY], many)
    low, span = (
        rows_of_doubles(block[LOW], states, many), rows_of_doubles(block[SPAN], states, many)
    )
    first = rows_of_doubles(block[FIRST], states, many)
    old_v, old_y = vector(block[OLD_V], many), rows_of_doubles(block[OLD_Y], states, many)
    limited = booleans(block[IS_LIMITED], many)
    found, state = vector(block[FOUND], (1 + states) * wide), vector(block[STATE], states)
    inside, left = vector(block[INSIDE], states), vector(block[LEFT], states)
    f = rows_of_doubles(block[F], 2 + states, many)
    q = rows_of_doubles(block[Q], states, many)
    g = rows_of_doubles(block[G], 4 + 2 * states + states * wide, many)
    c = rows_of_doubles(block[C], states, many)
    answer = 0.0
    for e in range(many):
        v = x[at[0, e]] - x[at[1, e]]
        vl = v
        if mode == LIMITED:
            room = max(_VOLT, 0.5 * abs(old_v[e]))
            vl = _clipped(v, old_v[e] - room, old_v[e] + room)
            if jumps > 0 and dynamic:
                vl = _stopped(vl, e, block)
        elif mode == INITIAL:
            vl = 0.0
        is_limited = abs(v - vl) > 1e-12 + 1e-9 * abs(v)
        old_v[e] = vl
        for s in range(states):
            y = x[own[s, e]]
            yl = y
            if mode == LIMITED:
                yl = _clipped(y, old_y[s, e] - _MOVE, old_y[s, e] + _MOVE)
            elif mode == INITIAL:
                yl = first[s, e]
            if abs(y - yl) > 1e-9:
                is_limited = True
            old_y[s, e] = yl
            left[s] = y - yl
            inside[s] = _clipped(yl, 0.0, 1.0)
            state[s] = low[s, e] + span[s, e] * inside[s]
        limited[e] = is_limited
        if is_limited:
            answer = 1.0
        p = polarity[e]
        _law(p * vl, e, block, found)
        if jumps > 0 and dynamic:
            _ramps(p * vl, e, block, found)
        dv = v - vl
        conductance = side_by_side[e] * found[1]
        current = side_by_side[e] * p * found[0] + conductance * dv
        g[0, e] = g[3, e] = conductance
        g[1, e] = g[2, e] = -conductance
        for s in range(states):
            by_state = 0.0
            if old_y[s, e] == inside[s]:
                by_state = side_by_side[e] * p * found[2 + s] * span[s, e]
            current += by_state * left[s]
            g[4 + 2 * s, e], g[5 + 2 * s, e] = by_state, -by_state
            q[s, e], c[s, e] = -x[own[s, e]], -1.0
        f[0, e], f[1, e] = current, -current
        for s in range(states):
            base = 4 + 2 * states + s * wide
            if not dynamic:
                f[2 + s, e] = x[own[s, e]] - first[s, e]
                for i in range(wide):
                    g[base + i, e] = 0.0
                g[base + 2 + s, e] = 1.0
                continue
            row = (1 + s) * wide
            rate, by_v = found[row] / span[s, e], p * found[row + 1] / span[s, e]
            yl = old_y[s, e]
            outside = yl - inside[s]
            leads = rate > 0.0 if yl >= 1.0 else rate < 0.0 if yl <= 0.0 else False
            factor = 1.0 - abs(outside) / _SLACK if leads else 1.0
            value = rate * factor + by_v * factor * dv
            g[base, e], g[base + 1, e] = by_v * factor, -by_v * factor
            for i in range(states):
                slope = 0.0
                if old_y[i, e] == inside[i]:
                    slope = found[row + 2 + i] * span[i, e] / span[s, e] * factor
                if i == s and leads and outside != 0.0:
                    slope -= abs(rate) / _SLACK
                value += slope * left[i]
                g[base + 2 + i, e] = slope
            f[2 + s, e] = value
    return answer


@leaf
def _accept(block: Ints, x: Array) -> float:
    """Keep limited voltages and states; return 1 where a device got on a ramp or off it."""
    many, states, jumps = block[ELEMENTS], block[STATES], block[JUMPS]
    own = table_of_integers(block[OWN], states, many)
    old_v, kept_v = vector(block[OLD_V], many), vector(block[KEPT_V], many)
    old_y, kept_y = vector(block[OLD_Y], states * many), vector(block[KEPT_Y], states * many)
    sliding, slid = booleans(block[SLIDING], jumps * many), booleans(block[SLID], jumps * many)
    side, end = vector(block[SIDE], jumps * many), rows_of_doubles(block[END], states, many)
    stops = vector(block[STOPS], many)
    answer = 0.0
    for e in range(many):
        kept_v[e] = old_v[e]
        stops[e] = 0.0
        for s in range(states):
            end[s, e] = _end(x[own[s, e]])
        for j in range(jumps):
            k = j * many + e
            now = _side(old_v[e], j, e, block)
            sliding[k] = slid[k] = sliding[k] and now == 0.0
            if (now == 0.0) != (side[k] == 0.0):
                answer = 1.0
            side[k] = now
    for k in range(states * many):
        kept_y[k] = old_y[k]
    return answer


@leaf
def _rewind(block: Ints) -> None:
    """Go back to what was kept."""
    many, states, jumps = block[ELEMENTS], block[STATES], block[JUMPS]
    old_v, kept_v = vector(block[OLD_V], many), vector(block[KEPT_V], many)
    old_y, kept_y = vector(block[OLD_Y], states * many), vector(block[KEPT_Y], states * many)
    sliding, slid = booleans(block[SLIDING], jumps * many), booleans(block[SLID], jumps * many)
    stops = vector(block[STOPS], many)
    for e in range(many):
        old_v[e], stops[e] = kept_v[e], 0.0
    for k in range(states * many):
        old_y[k] = kept_y[k]
    for k in range(jumps * many):
        sliding[k] = slid[k]


@leaf
def _abrupt(block: Ints, x: Array) -> float:
    """Return 1 where a device got on or over a ramp, or a state to its bound."""
    many, states = block[ELEMENTS], block[STATES]
    at, own = table_of_integers(block[AT], 2, many), table_of_integers(block[OWN], states, many)
    side, end = (
        vector(block[SIDE], block[JUMPS] * many), rows_of_doubles(block[END], states, many)
    )
    for e in range(many):
        v = x[at[0, e]] - x[at[1, e]]
        for j in range(block[JUMPS]):
            if _side(v, j, e, block) != side[j * many + e]:
                return 1.0
        for s in range(states):
            if _end(x[own[s, e]]) != end[s, e]:
                return 1.0
    return 0.0


@leaf
def run(what: int, _time: float, block: Ints, _numbers: Array, x: Array) -> float:
    """Do what is asked of memristors, see `kernels_blocks`."""
    if what == EVALUATE:
        return _evaluate(block, x)
    if what == ACCEPT:
        return _accept(block, x)
    if what == ABRUPT:
        return _abrupt(block, x)
    if what == REWIND:
        _rewind(block)
    return 0.0
