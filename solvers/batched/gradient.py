"""Gradients of losses of effective matrices, for many crossbars at once.

The matrix's columns are the currents of unit inputs, so the derivative by a conductance is the sum
over inputs of -(cell voltage)(adjoint cell voltage), and by a segment's resistance the sum of
(current)(adjoint current): M primal and M adjoint vectors through the stages of one reduction.
Reverse mode through the merges would cost about as much, and would find a segment's gradient as a
difference of nearly equal numbers; the currents give it to rounding, also at 0 ohm.
"""

from __future__ import annotations

from typing import Any

from .reduction import Ends, Reduction
from .stack import Stack

__all__ = ["matrix_gradients", "vector_bytes", "wire_currents"]


def vector_bytes(shape: tuple[int, int]) -> int:
    """Estimated bytes of working memory per input vector of one crossbar."""
    rows, columns = shape
    return 100 * (rows + 1) * (columns + 1)


def matrix_gradients(
    stack: Stack, driven: tuple[bool, bool], grad: Any, *, wires: bool
) -> tuple[Any, Any, Any]:
    """Return gradients (T, M, N) by G, (T, M, N+1) by word and (T, M+1, N) by bit segments.

    Parameters
    ----------
    stack : Stack
    driven : (bool, bool)
        Whether the left and the right ends of the word lines take the inputs.
    grad : (T, N, M) array
        Loss per siemens of the effective matrices.
    wires : bool
        Whether the segments' gradients are wanted; else they are zero.
    """
    backend = stack.backend
    xp = backend.xp
    T, (M, N) = len(stack), stack.shape
    reduction = Reduction.of(stack, keep=True)
    by_cell = xp.zeros((T, M, N))
    by_word, by_bit = xp.zeros((T, M, N + 1)), xp.zeros((T, M + 1, N))
    chunk = backend.fit(M, T * 3 * vector_bytes(stack.shape), "the gradient of a matrix")
    G = stack.G[:, None]
    for first in range(0, M, chunk):
        count = min(chunk, M - first)
        unit = xp.zeros((T, count, M))
        steps = xp.arange(count)
        unit[:, steps, first + steps] = 1.0
        none, floor = xp.zeros((T, count, M)), xp.zeros((T, count, N))
        sense = xp.ascontiguousarray(xp.swapaxes(grad[:, :, first : first + count], 1, 2))
        primal: Ends = (unit if driven[0] else none, unit if driven[1] else none, floor, floor)
        adjoint: Ends = (none, none, floor, sense)
        v, v_adjoint = (_across(reduction, ends) for ends in (primal, adjoint))
        by_cell -= xp.sum(v * v_adjoint, axis=1)
        if wires:
            word, bit = wire_currents(xp, G * v, reduction.currents(primal))
            word_a, bit_a = wire_currents(xp, G * v_adjoint, reduction.currents(adjoint))
            by_word += xp.sum(word * word_a, axis=1)
            by_bit += xp.sum(bit * bit_a, axis=1)
    return by_cell, by_word, by_bit


def _across(reduction: Reduction, ends: Ends) -> Any:
    """Return the cell voltages (T, B, M, N), word minus bit."""
    word, bit = reduction.voltages(ends)
    return word - bit


def wire_currents(xp: Any, cells: Any, ends: Ends) -> tuple[Any, Any]:
    """Return the current in every segment, (T, B, M, N+1) to the right and (T, B, M+1, N) down.

    By Kirchhoff's law along each line from its first end.
    """
    left, _, top, _ = ends
    word = -left[..., None] - xp.cumsum(cells, axis=3)
    word = xp.concatenate([-left[..., None], word], axis=3)
    bit = xp.cumsum(cells, axis=2) - top[:, :, None]
    return word, xp.concatenate([-top[:, :, None], bit], axis=2)
