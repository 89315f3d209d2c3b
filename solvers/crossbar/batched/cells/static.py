"""Static solutions of arrays of devices: many input vectors at once.

Each vector is an array of its own below the others, with the same cells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np

from .....core.errors import ConvergenceError, ParameterError
from .....core.validation import Array
from .....netlists.crossbar.cells import Cells
from .....netlists.crossbar.crossbar import Crossbar
from ...newton import Operating
from ...problem import CrossbarProblem, RawSolution, bound
from ...static_cells import approach
from ..array_backend import ArrayBackend
from .cell_array_batch import StackedNetwork
from .row_elimination import RowStep

__all__ = ["BatchCells", "check_lines", "side_by_side", "solve_cells_together", "under"]


class BatchCells(Cells, Protocol):
    """`Cells` that can be put below those of other arrays and evaluated on a device."""

    def stacked(self, others: Sequence[Cells]) -> BatchCells:
        """Return these cells with those of other arrays of the same kind below them.

        Raises
        ------
        ParameterError
            Cells that cannot be put together.
        """
        ...

    def on(self, backend: ArrayBackend) -> BatchCells:
        """Return the same cells, evaluated on the device of a backend."""
        ...


def side_by_side(cells: Cells, count: int, backend: ArrayBackend) -> Cells:
    """Return the cells `count` times, below each other, where the backend evaluates them.

    Raises
    ------
    ParameterError
        Cells that only the CPU solves.
    """
    found = cast("BatchCells", cells)
    if count > 1:
        found = found.stacked([cells] * (count - 1))
    return found.on(backend) if backend.on_device else found


def check_lines(xbar: Crossbar, problem: CrossbarProblem) -> None:
    """Refuse lines that only the CPU solves when cells are not plain resistors.

    Raises
    ------
    ParameterError
    """
    if xbar.layout != "crosspoint":
        raise ParameterError("the parallel layout is solved on the CPU: use backend='cpu'")
    word, bit = problem.word_r, problem.bit_r
    whole = word[:, 1:-1].max(initial=0.0) < np.inf and bit[1:-1].max(initial=0.0) < np.inf
    if not (word.min() > 0.0 and bit.min() > 0.0 and whole):
        raise ParameterError(
            "with cells that are not plain resistors, lines need segments > 0 ohm without breaks, "
            "also at their ends: use backend='cpu' for others"
        )


def under(error: ConvergenceError, rows: int, what: str) -> str:
    """Return the error's text with its cell as one of array, or input, number ... ."""

    def placed(found: re.Match[str]) -> str:
        array, i = divmod(int(found[1]), rows)
        return f"{what} {array}, cell ({i}, {found[2]})"

    return re.sub(r"cell \((\d+), (\d+)\)", placed, str(error))


def solve_cells_together(
    backend: ArrayBackend, xbar: Crossbar, problem: CrossbarProblem, cells: Cells, gate: Array, *,
    keep: bool, rtol: float, threads: int,
) -> tuple[RawSolution, str]:
    """Solve an array as `solve_cells` does, for as many input vectors at once as memory allows.

    Raises
    ------
    ParameterError
        Lines or cells that only the CPU solves.
    OutOfMemoryError
    """
    check_lines(xbar, problem)
    batch, shape = problem.batch, problem.shape
    kept = batch if keep else 0
    word, bit, current = (np.empty((kept, *shape)) for _ in range(3))
    ends = tuple(np.empty(end.shape) for end in problem.ends)
    residual, steps, failure = 0.0, 0, ""
    each = 8 * shape[0] * shape[1] * (40 + 8 * len(cells.state))
    chunk = backend.fit(batch, each, f"one vector through a {shape[0]}x{shape[1]} array")
    for first in range(0, batch, chunk):
        rows = slice(first, min(first + chunk, batch))
        count = rows.stop - first
        many = side_by_side(cells, count, backend)
        network = StackedNetwork(problem, count, many, backend, threads)
        gates = gate[rows].reshape(-1, shape[1]) if gate.ndim == 3 else np.tile(gate, (count, 1))
        left, right, top, bottom = (end[rows].ravel() for end in problem.ends)
        try:
            found: Operating = approach(
                network, (left, right, top, bottom), gates, many.state, None, rtol
            )
        except ConvergenceError as error:
            failure = failure or under(error, shape[0], "input")
            found = error.partial
        residual, steps = float(np.maximum(residual, found.residual)), max(steps, found.newton)
        for target, value in zip(ends, found.ends, strict=True):
            target[rows] = value.reshape(count, -1)
        if keep:
            for mine, values in ((word, found.word), (bit, found.bit),
                                 (current, found.point.current)):
                mine[rows] = values.reshape(count, *shape)
    return RawSolution(
        word=word if keep else None, bit=bit if keep else None,
        end_currents=(ends[0], ends[1], ends[2], ends[3]), residual=residual, iterations=steps,
        method=f"{RowStep.method} ({backend.name})", cell_currents=current if keep else None,
        gate=gate, gave_up=bool(failure), bound=bound(rtol),
    ), failure
