"""Gradients of a loss of the whole effective matrix, through one port reduction.

The matrix's columns are the currents of unit inputs, so the loss's derivative with respect to a
conductance is the sum over inputs of -(cell voltage)(adjoint cell voltage): M primal and M adjoint
vectors through the same kept elimination, which costs little more than the reduction itself.
"""

from __future__ import annotations

import numpy as np

from ....core.validation import Array
from ..adjoint import wire_currents
from ..problem import CrossbarProblem
from .reduction import Ends, PortReduction

__all__ = ["matrix_gradient"]

_CHUNK = 32


def matrix_gradient(
    problem: CrossbarProblem, driven: tuple[bool, bool], grad: Array, *, wires: bool
) -> tuple[Array, Array, Array]:
    """Return the gradients by G (M, N), word segments (M, N+1) and bit segments (M+1, N).

    Parameters
    ----------
    problem : CrossbarProblem
    driven : (bool, bool)
        Whether the left and the right ends of the word lines take the inputs.
    grad : (N, M)
        Loss per siemens of the effective matrix.
    wires : bool
        Whether the segments' gradients are wanted; else they are zero.
    """
    rows, columns = problem.shape
    reduction = PortReduction.of(problem, keep_rows=True)
    by_cell = np.zeros((rows, columns))
    by_word, by_bit = np.zeros((rows, columns + 1)), np.zeros((rows + 1, columns))
    connected = problem.bit_r[-1] < np.inf
    for first in range(0, rows, _CHUNK):
        count = min(_CHUNK, rows - first)
        unit = np.zeros((count, rows))
        unit[np.arange(count), first + np.arange(count)] = 1.0
        none, floor = np.zeros((count, rows)), np.zeros((count, columns))
        sense = np.where(connected, grad.T[first : first + count], 0.0)
        primal: Ends = (unit if driven[0] else none, unit if driven[1] else none, floor, floor)
        adjoint: Ends = (none, none, floor, sense)
        v, v_adjoint = (_cell_voltages(reduction, ends) for ends in (primal, adjoint))
        by_cell -= np.einsum("bij,bij->ij", v, v_adjoint)
        if wires:
            word, bit = wire_currents(problem.G * v, reduction.currents(primal))
            word_a, bit_a = wire_currents(problem.G * v_adjoint, reduction.currents(adjoint))
            by_word += np.einsum("bij,bij->ij", word, word_a)
            by_bit += np.einsum("bij,bij->ij", bit, bit_a)
    return by_cell, by_word, by_bit


def _cell_voltages(reduction: PortReduction, ends: Ends) -> Array:
    """Return (B, M, N) volt, word minus bit."""
    batch = len(ends[0])
    word = np.empty((batch, *reduction.problem.shape))
    bit = np.empty_like(word)
    reduction.voltages(ends, word, bit, 0, _CHUNK)
    return np.subtract(word, bit, out=word)
