"""Expressions run as tapes: values and all derivatives, by one kernel for whatever decks contain.

A tape is a table of steps, one a row: operator, and up to three numbers of earlier steps. Values go
forward over it; derivatives come back over it from the result (reverse differentiation), which
takes one pass however many voltages an expression reads. Nothing is compiled for a deck.
"""

from __future__ import annotations

import numpy as np

from .....core.compiled.jit import leaf
from .....core.validation import Array
from ...system.element_group import Ints
from .kernels_operations import OPERATORS, one, slope_of_one, slopes_of_two, table, two

__all__ = ["STEEP", "run_tapes"]

STEEP = 1e18  # slopes beyond that are cut off: a root at 0

(_NUMBER, _PROBE, _NAME, _SWITCHED, _PRODUCT, _IF, _PWL, _TABLE) = (
    OPERATORS[name] for name in (
        "NUMBER", "PROBE", "NAME", "SWITCHED", "PRODUCT", "?", "pwl", "table",
    )
)


@leaf
def _forward(
    place: Ints, code: Ints, more: Ints, numbers: Array, e: int, probes: Array,
    surroundings: Array, values: Array,
) -> float:
    """Fill the values of all steps for one element; return the last."""
    many, count, first = place[0], place[2], place[3]
    points, number, probe = place[4], place[5] + e, place[6] + e
    for k in range(count):
        at = 4 * (first + k)
        op, i, j = code[at], code[at + 1], code[at + 2]
        if op == _NUMBER:
            values[k] = numbers[number + i * many]
        elif op == _PROBE:
            values[k] = probes[probe + i * many]
        elif op == _NAME:
            values[k] = surroundings[i]
        elif op == _PRODUCT:
            a = values[i]
            v = a * a
            if j > 2:
                v *= a
            if j > 3:
                v *= a
            values[k] = v
        elif op == _IF:
            values[k] = values[j] if values[i] != 0.0 else values[code[at + 3]]
        elif op in (_PWL, _TABLE):
            values[k], _ = table(values[i], values, more, points + j, code[at + 3], op == _PWL)
        elif j >= 0:
            values[k] = two(op, values[i], values[j])
        else:
            values[k] = one(op, values[i])
    return float(values[count - 1])


@leaf
def _backward(
    place: Ints, code: Ints, more: Ints, e: int, values: Array, weights: Array, slopes: Array
) -> None:
    """Fill slopes (P N,) of e from the values of all steps; weights are 0, and so afterwards."""
    many, count, first, points = place[0], place[2], place[3], place[4]
    weights[count - 1] = 1.0
    for k in range(count - 1, -1, -1):
        w = weights[k]
        if w == 0.0:  # nothing depends on it here: it may have no derivative
            continue
        weights[k] = 0.0
        at = 4 * (first + k)
        op, i, j = code[at], code[at + 1], code[at + 2]
        if op in (_NUMBER, _NAME):
            continue
        if op == _PROBE:
            slopes[i * many + e] += w
        elif op == _PRODUCT:
            a = values[i]
            slope = a
            if j > 2:
                slope *= a
            if j > 3:
                slope *= a
            weights[i] += w * (j * slope)
        elif op == _IF:
            weights[j if values[i] != 0.0 else code[at + 3]] += w
        elif op in (_PWL, _TABLE):
            _, slope = table(values[i], values, more, points + j, code[at + 3], op == _PWL)
            weights[i] += w * slope
        elif j >= 0:
            if op == _SWITCHED and values[i] == 0.0:
                continue
            a, b = slopes_of_two(op, values[i], values[j], values[k])
            if a != 0.0:
                weights[i] += w * a
            if b != 0.0:
                weights[j] += w * b
        else:
            a = slope_of_one(op, values[i], values[k])
            if a != 0.0:
                weights[i] += w * a


@leaf
def run_tapes(
    place: Ints, code: Ints, more: Ints, numbers: Array, plus: Ints, minus: Ints, x: Array,
    surroundings: Array, steps: Array, weights: Array, probes: Array, values: Array,
    slopes: Array,
) -> bool:
    """Fill values (N,) and slopes (P N,) of N expressions of one form; whether all are finite.

    What belongs to an element is N numbers apart in flat arrays, which may hold those of other
    forms before and behind.

    Parameters
    ----------
    place : (7,)
        N, P, steps S, and where these begin: the tape in `code`, its tables' points in `more`,
        numbers, probes.
    code : (..,)
        Tapes, four numbers a step.
    more : (..,)
        Steps of tables' points.
    numbers : (..,)
    plus, minus : (..,)
        What is read is x[plus] - x[minus]; with no `minus` (0,) `probes` are given.
    x : (n + 1,)
    surroundings : (3,)
        Second, degree Celsius, hertz.
    steps, weights : (S,) or more
        Work space; weights are 0, and so afterwards.
    probes : (..,)
        Filled with what was read.
    """
    many, count, first = place[0], place[1], place[6]
    finite = True
    for e in range(many):
        for i in range(count):
            k = i * many + e
            if minus.shape[0]:
                probes[first + k] = x[plus[first + k]] - x[minus[first + k]]
            slopes[k] = 0.0
        value = _forward(place, code, more, numbers, e, probes, surroundings, steps)
        values[e] = value
        finite = finite and abs(value) < np.inf
        _backward(place, code, more, e, steps, weights, slopes)
    return finite
