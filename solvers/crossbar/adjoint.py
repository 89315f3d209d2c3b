"""Gradients of crossbar currents by one adjoint solve.

For a loss of the currents, the adjoint network is the same network with all sources at zero and
the sensed ends driven at dL/dI. With branch currents i (primal) and i' (adjoint), voltages across
cells v and v': dL/dG = -v v', dL/dR = i i' for every segment, dL/dV = the adjoint current into
the driven end (Tellegen's theorem).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...core.validation import Array
from ...netlists.crossbar.crossbar import Crossbar
from ...netlists.crossbar.ends import END_NAMES
from ..solution import Gradients, Solution
from .problem import CrossbarProblem, RawSolution, make_problem

__all__ = ["gradients", "like_bit", "like_word", "wire_currents"]


def wire_currents(cells: Array, ends: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
    """Return the current in every segment, (B, M, N+1) to the right and (B, M+1, N) downwards.

    By Kirchhoff's law along each line from both of its ends (no voltage differences, so also
    exact where segments have no resistance).
    """
    left, _, top, _ = ends
    batch, rows, columns = cells.shape
    word = np.empty((batch, rows, columns + 1))
    word[:, :, 0] = -left
    np.cumsum(cells, axis=2, out=word[:, :, 1:])
    np.subtract(-left[:, :, None], word[:, :, 1:], out=word[:, :, 1:])
    bit = np.empty((batch, rows + 1, columns))
    bit[:, 0] = -top
    np.cumsum(cells, axis=1, out=bit[:, 1:])
    bit[:, 1:] -= top[:, None, :]
    return word, bit


def gradients(
    sol: Solution, grad: Array, solve: Callable[[CrossbarProblem], RawSolution], *,
    wires: bool = True,
) -> Gradients:
    """Return the gradients of the loss whose derivative with respect to the currents is `grad`.

    Those of the segments are zero without `wires`.
    """
    xbar = sol.crossbar
    rows, columns = xbar.shape
    volts = sol.V.reshape(-1, rows)
    batch = len(volts)
    primal = make_problem(xbar, volts)
    zero_w, zero_b = np.zeros((batch, rows)), np.zeros((batch, columns))
    sense = np.where(xbar.line_ends["bit_bottom"].connected, grad.reshape(-1, columns), 0.0)
    adjoint = solve(primal.with_ends((zero_w, zero_w, zero_b, sense)))
    if adjoint.word is None or adjoint.bit is None:
        raise AssertionError("the adjoint solve keeps its voltages")
    v = sol.cell_voltages.reshape(batch, rows, columns)
    v_adjoint = adjoint.word - adjoint.bit
    g_conductance = -np.einsum("bij,bij->ij", v, v_adjoint)
    grad_word, grad_bit = np.zeros((rows, columns + 1)), np.zeros((rows + 1, columns))
    if wires:
        ends = tuple(sol.end_currents[name].reshape(batch, -1) for name in END_NAMES)
        word, bit = wire_currents(xbar.conductance * v, (ends[0], ends[1], ends[2], ends[3]))
        word_a, bit_a = wire_currents(xbar.conductance * v_adjoint, adjoint.end_currents)
        grad_word = np.einsum("bij,bij->ij", word, word_a)
        grad_bit = np.einsum("bij,bij->ij", bit, bit_a)
    grad_v = np.zeros((batch, rows))
    for k, name in ((0, "word_left"), (1, "word_right")):
        end = xbar.line_ends[name]
        grad_v += np.where(end.connected & np.isnan(end.voltage), adjoint.end_currents[k], 0.0)
    return Gradients(
        V=grad_v.reshape(sol.V.shape),
        conductance=g_conductance,
        word=like_word(grad_word, xbar),
        bit=like_bit(grad_bit, xbar),
    )


def like_word(full: Array, xbar: Crossbar) -> Array:
    """Return the gradient of all segments (as `word_segments`), shaped like ``wires.word``."""
    shape = xbar.wires.word.shape
    return np.asarray(full.sum()) if shape == () else full[: shape[0], : shape[1]]


def like_bit(full: Array, xbar: Crossbar) -> Array:
    """Return the gradient of all segments (M+1, N), shaped like ``wires.bit``."""
    shape = xbar.wires.bit.shape
    return np.asarray(full.sum()) if shape == () else full[full.shape[0] - shape[0] :]
