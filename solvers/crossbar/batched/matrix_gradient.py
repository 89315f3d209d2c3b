"""Gradients of losses of effective matrices and of currents, for many crossbars at once.

The matrix's columns are the currents of unit inputs, so the derivative with respect to a
conductance is the sum over inputs of -(cell voltage)(adjoint cell voltage), and that with respect
to a segment's resistance the sum of (current)(adjoint current): M primal and M adjoint vectors
through the stages of one reduction. Reverse mode through the merges would cost about as much, and
would find a segment's gradient as a difference of nearly equal numbers; the currents give it to
rounding, also at 0 ohm.
"""

from __future__ import annotations

from .array_types import XpArray, XpModule
from .crossbar_batch import Stack
from .reduction import Ends, Reduction

__all__ = ["current_gradients", "matrix_gradients", "vector_bytes", "wire_currents"]


def vector_bytes(shape: tuple[int, int]) -> int:
    """Estimated bytes of working memory per input vector of one crossbar."""
    rows, columns = shape
    return 100 * (rows + 1) * (columns + 1)


def matrix_gradients(
    stack: Stack, driven: tuple[bool, bool], grad: XpArray, *, wires: bool
) -> tuple[XpArray, XpArray, XpArray]:
    """Return gradients of G (T, M, N), of word (T, M, N+1) and of bit segments (T, M+1, N).

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
    xp = stack.backend.xp
    T, (M, N) = len(stack), stack.shape
    sums = Sums(Reduction.of(stack, keep=True), wires=wires)
    chunk = stack.backend.fit(M, T * 3 * vector_bytes(stack.shape), "the gradient of a matrix")
    for first in range(0, M, chunk):
        count = min(chunk, M - first)
        unit = xp.zeros((T, count, M))
        steps = xp.arange(count)
        unit[:, steps, first + steps] = 1.0
        none, floor = xp.zeros((T, count, M)), xp.zeros((T, count, N))
        sense = xp.ascontiguousarray(xp.swapaxes(grad[:, :, first : first + count], 1, 2))
        sums.add(
            (unit if driven[0] else none, unit if driven[1] else none, floor, floor),
            (none, none, floor, sense),
        )
    return sums.cells, sums.word, sums.bit


def current_gradients(
    stack: Stack, driven: tuple[XpArray, XpArray], sources: Ends, grad: XpArray, *, wires: bool
) -> tuple[XpArray, XpArray, XpArray, XpArray]:
    """Return gradients (T, B, M) by the inputs, and by cells and segments as `matrix_gradients`.

    Parameters
    ----------
    stack : Stack
    driven : two (M,) arrays of 0 and 1
        Which left and right ends of the word lines take the inputs.
    sources : four (T, B, n) arrays, volt
    grad : (T, B, N) array
        Loss per ampere into the bottom ends; 0 where they float.
    wires : bool
    """
    xp = stack.backend.xp
    T, B, M = sources[0].shape
    sums = Sums(Reduction.of(stack, keep=True), wires=wires)
    by_input = xp.zeros((T, B, M))
    chunk = stack.backend.fit(B, T * 3 * vector_bytes(stack.shape), "the gradient of a vector")
    for first in range(0, B, chunk):
        s = slice(first, min(first + chunk, B))
        left, right, top, bottom = (end[:, s] for end in sources)
        none, floor = xp.zeros_like(left), xp.zeros_like(top)
        adjoint = (none, none, floor, xp.ascontiguousarray(grad[:, s]))
        sums.add((left, right, top, bottom), adjoint)
        into = sums.reduction.currents(adjoint)
        by_input[:, s] = driven[0] * into[0] + driven[1] * into[1]
    return by_input, sums.cells, sums.word, sums.bit


class Sums:
    """Sums over input vectors of products of primal and adjoint quantities."""

    def __init__(self, reduction: Reduction, *, wires: bool) -> None:
        stack = reduction.stack
        xp, T, (M, N) = stack.backend.xp, len(stack), stack.shape
        self.reduction, self.wires, self.xp = reduction, wires, xp
        self.cells = xp.zeros((T, M, N))
        self.word, self.bit = xp.zeros((T, M, N + 1)), xp.zeros((T, M + 1, N))

    def add(self, primal: Ends, adjoint: Ends) -> None:
        """Add vectors, given by the voltages of their sources."""
        xp, G = self.xp, self.reduction.stack.G[:, None]
        v, v_adjoint = (_across(self.reduction, ends) for ends in (primal, adjoint))
        self.cells -= xp.sum(v * v_adjoint, axis=1)
        if not self.wires:
            return
        word, bit = wire_currents(xp, G * v, self.reduction.currents(primal))
        word_a, bit_a = wire_currents(xp, G * v_adjoint, self.reduction.currents(adjoint))
        self.word += xp.sum(word * word_a, axis=1)
        self.bit += xp.sum(bit * bit_a, axis=1)


def _across(reduction: Reduction, ends: Ends) -> XpArray:
    """Return the cell voltages (T, B, M, N), word minus bit."""
    word, bit = reduction.voltages(ends)
    return word - bit


def wire_currents(xp: XpModule, cells: XpArray, ends: Ends) -> tuple[XpArray, XpArray]:
    """Return the current in every segment, (T, B, M, N+1) to the right and (T, B, M+1, N) down.

    By Kirchhoff's law along each line from its first end.
    """
    left, _, top, _ = ends
    word = -left[..., None] - xp.cumsum(cells, axis=3)
    word = xp.concatenate([-left[..., None], word], axis=3)
    bit = xp.cumsum(cells, axis=2) - top[:, :, None]
    return word, xp.concatenate([-top[:, :, None], bit], axis=2)
