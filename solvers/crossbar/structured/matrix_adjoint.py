"""Gradients of a loss of the whole effective matrix, through one port reduction.

The matrix's columns are the currents of unit inputs, so the loss's derivative with respect to a
conductance is the sum over inputs of -(cell voltage)(adjoint cell voltage). For the cells alone
that sum is taken back through the kept elimination as a whole (`kernels.sensitivities`), for about
what the reduction costs. It then comes as a difference of node sensitivities; where that would
lose too many digits, and for the segments, M primal and M adjoint vectors are solved.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ....core.compiled.workspace import scratch
from ....core.validation import Array
from ..adjoint import wire_currents
from ..problem import CrossbarProblem
from .ports_plan import LEAF
from .reduction import Ends, PortReduction

__all__ = ["matrix_gradient"]

Mask: TypeAlias = NDArray[np.bool_]

_CHUNK = 32
_ROUNDING = 1e-4  # of the terms in the largest cell's difference: leaves it 11 digits or so


def matrix_gradient(
    problem: CrossbarProblem, driven: tuple[Mask, Mask], grad: Array, *, wires: bool
) -> tuple[Array, Array, Array]:
    """Return the gradients by G (M, N), word segments (M, N+1) and bit segments (M+1, N).

    Parameters
    ----------
    problem : CrossbarProblem
    driven : two (M,) bool
        Which left and which right ends of the word lines take the inputs.
    grad : (N, M)
        Loss per siemens of the effective matrix.
    wires : bool
        Whether the segments' gradients are wanted; else they are zero.
    """
    rows, columns = problem.shape
    reduction = PortReduction.of(problem, keep_rows=True)
    if not wires:
        whole = _by_cell(reduction, driven, grad)
        if whole is not None:
            return whole, np.zeros((rows, columns + 1)), np.zeros((rows + 1, columns))
    by_cell = np.zeros((rows, columns))
    by_word, by_bit = np.zeros((rows, columns + 1)), np.zeros((rows + 1, columns))
    connected = problem.bit_r[-1] < np.inf
    for first in range(0, rows, _CHUNK):
        count = min(_CHUNK, rows - first)
        unit = np.zeros((count, rows))
        unit[np.arange(count), first + np.arange(count)] = 1.0
        none, floor = np.zeros((count, rows)), np.zeros((count, columns))
        sense = np.where(connected, grad.T[first : first + count], 0.0)
        primal: Ends = (unit * driven[0], unit * driven[1], floor, floor)
        adjoint: Ends = (none, none, floor, sense)
        v, v_adjoint = (_cell_voltages(reduction, ends) for ends in (primal, adjoint))
        by_cell -= np.einsum("bij,bij->ij", v, v_adjoint)
        if wires:
            word, bit = wire_currents(problem.G * v, reduction.currents(primal))
            word_a, bit_a = wire_currents(problem.G * v_adjoint, reduction.currents(adjoint))
            by_word += np.einsum("bij,bij->ij", word, word_a)
            by_bit += np.einsum("bij,bij->ij", bit, bit_a)
    return by_cell, by_word, by_bit


def _by_cell(
    reduction: PortReduction, driven: tuple[Mask, Mask], grad: Array
) -> Array | None:
    """Return the gradient by the cells (M, N), or None where its digits would be lost."""
    from .kernels.leaf import LEAF_STORE  # noqa: PLC0415 - imports numba
    from .kernels.sensitivities import pull_leaves, pull_ports  # noqa: PLC0415 - imports numba

    plan, (rows, columns) = reduction.plan, reduction.problem.shape
    mp, np_ = plan.rows * LEAF, plan.columns * LEAF
    left, right, _, bottom = reduction.positions
    start, order = plan.place[-1]
    Y = scratch("port-work", plan.scratch)
    top = Y[start : start + order * order].reshape(order, order)
    top[: plan.order, : plan.order] = 0.0
    connected = reduction.problem.bit_r[-1] < np.inf
    for ends, on in ((left, driven[0]), (right, driven[1])):
        if len(ends) and len(bottom):
            half = np.where(on[:, None] & connected, 0.5 * grad.T, 0.0)
            top[np.ix_(ends, bottom)] = half
            top[np.ix_(bottom, ends)] = half.T
    leaves = plan.rows * plan.columns
    leaf = scratch("port-leaf", leaves, 4 * LEAF, 4 * LEAF)
    starts = np.array([mp * np_, 2 * mp * np_, 2 * mp * np_ + 2 * mp])
    where = np.full(2 * mp * np_ + 2 * mp + 2 * np_, -1)
    pull_ports(
        plan.merges, plan.place, plan.eliminated, plan.ports, plan.nodes, reduction.rows,
        plan.columns, np_, starts, where, Y, leaf,
    )
    by_cell, largest = np.zeros((mp, np_)), np.zeros(1)
    group, steps = scratch("port-group", 2, 2048 * 8), scratch("port-steps", LEAF_STORE * 8)
    full = scratch("port-full", 1600 * 8)
    for k in range(len(reduction.leaf_rows)):
        pull_leaves(
            reduction.leaf_rows[k], 8 * k, leaf, plan.columns, group, steps, full, by_cell,
            largest,
        )
    by_cell = by_cell[:rows, :columns]
    if largest[0] * _ROUNDING > np.abs(by_cell).max(initial=0.0):
        return None
    return np.ascontiguousarray(by_cell)


def _cell_voltages(reduction: PortReduction, ends: Ends) -> Array:
    """Return (B, M, N) volt, word minus bit."""
    batch = len(ends[0])
    word = np.empty((batch, *reduction.problem.shape))
    bit = np.empty_like(word)
    reduction.voltages(ends, word, bit, 0, _CHUNK)
    return np.subtract(word, bit, out=word)
