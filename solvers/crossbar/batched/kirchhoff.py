"""Kirchhoff's law at every node of many solved crossbars: the evidence that results carry."""

from __future__ import annotations

import numpy as np

from ....core.validation import Array
from .array_types import XpArray, XpModule
from .crossbar_batch import Stack
from .reduction import Ends

__all__ = ["kirchhoff"]

_EPS = 2e-15  # units of rounding, as a dozen stages of back-substitution leave them
_LEAST = 1e-6  # of the largest end current, where a node carries less


def kirchhoff(stack: Stack, word: XpArray, bit: XpArray, sources: Ends, currents: Ends) -> XpArray:
    """Return the largest violation (T,) at a node over the largest branch current there.

    What rounding the node voltages to double precision explains is left out. Nodes merged by
    segments of 0 ohm count as one.

    Parameters
    ----------
    stack : Stack
    word, bit : (T, B, M, N) volt
    sources, currents : four (T, B, n), volt and ampere into the ends
    """
    xp = stack.backend.xp
    G = stack.G[:, None]
    cells = G * (word - bit)
    units = _EPS * G * (xp.abs(word) + xp.abs(bit))
    largest = xp.max(xp.concatenate([xp.abs(end) for end in currents], axis=2), axis=2)
    floor = (_LEAST * largest + 1e-300)[:, :, None, None]
    left, right, top, bottom = sources
    along = _lines(stack, stack.word_r, word, left, right, cells, units, floor)
    turned = [xp.swapaxes(array, 2, 3) for array in (bit, -cells, units)]
    across = _lines(
        stack, np.swapaxes(stack.bit_r, 1, 2), turned[0], top, bottom, turned[1], turned[2], floor
    )
    return xp.maximum(along, across)


def _lines(
    stack: Stack, r: Array, v: XpArray, first: XpArray, last: XpArray, cells: XpArray,
    units: XpArray, floor: XpArray,
) -> XpArray:
    """Check lines r (T or 1, L, n+1) with nodes v (T, B, L, n) that lose `cells`."""
    xp, asarray = stack.backend.xp, stack.backend.asarray
    with np.errstate(divide="ignore"):
        conductance = np.where(r > 0.0, 1.0 / r, 0.0)
    g = asarray(conductance)[:, None]
    nodes = xp.concatenate([first[..., None], v, last[..., None]], axis=3)
    flow = g * (nodes[..., :-1] - nodes[..., 1:])
    size = xp.abs(nodes)
    unit = _EPS * g * (size[..., :-1] + size[..., 1:])
    before, after = flow[..., :-1], flow[..., 1:]
    noise, shown = unit[..., 1:], xp.abs(cells)
    if bool((r > 0.0).all()):
        used, before_unit = cells, unit[..., :-1]
    else:  # from the last segment with a resistance, over all nodes merged by the others
        start = np.where(r > 0.0, np.arange(r.shape[2]), -1)
        start = np.maximum.accumulate(start, axis=2)[..., :-1]
        counts = (r[..., 1:] > 0.0) & (start >= 0)
        at = xp.broadcast_to(asarray(np.maximum(start, 0))[:, None], v.shape)
        rounding = _EPS * xp.sum(shown, axis=3, keepdims=True)  # of the sums along the line
        used = _since(xp, cells, at)
        units = _since(xp, units, at) + rounding
        before, before_unit = (
            xp.take_along_axis(x[..., :-1], at, axis=3) for x in (flow, unit)
        )
    noise = noise + before_unit + units
    miss = xp.abs(before - used - after) - noise
    largest = xp.maximum(xp.maximum(xp.abs(before), xp.abs(after)), xp.maximum(shown, floor))
    over = xp.maximum(miss, 0.0) / largest
    if not bool((r > 0.0).all()):
        over = xp.where(asarray(counts)[:, None], over, 0.0)
    return xp.max(xp.reshape(over, (len(over), -1)), axis=1)


def _since(xp: XpModule, x: XpArray, at: XpArray) -> XpArray:
    """Return the sums of x over the last axis from the positions `at` to each place."""
    total = xp.cumsum(x, axis=3)
    return total - xp.take_along_axis(total - x, at, axis=3)
