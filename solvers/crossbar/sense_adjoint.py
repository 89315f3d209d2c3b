"""How currents into the sensed ends follow sources inside the array and at these ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import ParameterError
from ...core.validation import Array
from ...netlists.crossbar.crossbar import Crossbar
from . import structured
from .problem import make_problem
from .sparse.nodal import solve_crossbar

if TYPE_CHECKING:
    from ..crossbar_solver import CrossbarSolver

__all__ = ["SenseFields", "sense_fields"]


@dataclass(frozen=True, eq=False)
class SenseFields:
    """Adjoint solutions of a crossbar of resistors, one for each sensed bit line.

    Attributes
    ----------
    across : (N, M, N)
        ``across[j, i, k]``: current into the sensed end of column j per ampere that a source
        draws from the word node of cell (i, k) and feeds into its bit node. With the voltage v
        across the cell, dI_j/dG_ik = v across[j, i, k].
    admittance : (N, N) siemens
        Between the sensed ends, all sources at zero: 0 in rows and columns of ends that are not
        connected.
    """

    across: Array
    admittance: Array


def sense_fields(solver: CrossbarSolver, xbar: Crossbar) -> SenseFields:
    """Return the adjoint fields of all columns: N solves of the same network.

    Raises
    ------
    ParameterError
        Cells that are not plain resistors.
    """
    if not xbar.linear or xbar.layout != "crosspoint":
        raise ParameterError("`xbar` must be a crosspoint array of plain resistors")
    rows, columns = xbar.shape
    sensed = xbar.line_ends["bit_bottom"].connected
    drive = np.where(sensed, np.eye(columns), 0.0)
    words, tops = np.zeros((columns, rows)), np.zeros((columns, columns))
    problem = make_problem(xbar, words).with_ends((words, words, tops, drive))
    raw = solve_crossbar(problem, keep_voltages=True) if solver.method == "mna" else (
        structured.solve(
            problem, keep_voltages=True, rtol=solver.rtol, max_iterations=solver.max_iterations,
            threads=solver._threads,  # noqa: SLF001 - one package
        )
    )
    if raw.word is None or raw.bit is None:
        raise AssertionError("voltages are kept")
    # the adjoint voltage falls from the sensed end on: a source across a cell pushes against it
    admittance = -raw.end_currents[3]
    return SenseFields(raw.bit - raw.word, 0.5 * (admittance + admittance.T))
