"""``crossbarsim solve`` and ``crossbarsim info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from .errors import reported
from .parse import array_file

__all__ = ["info", "solve"]


def info() -> None:
    """Show versions and CPUs, for reports of results and of faults."""
    from ..core.environment import environment

    table = Table(show_header=False, box=None)
    for name, value in environment().items():
        table.add_row(name, value)
    Console().print(table)


def solve(
    conductance: Annotated[Path, typer.Argument(help=".npy file, (M, N) siemens")],
    voltages: Annotated[Path, typer.Argument(help=".npy file, (M,) or (B, M) volt")],
    word: Annotated[float, typer.Option(help="Ohm per segment of the word lines.")] = 1.0,
    bit: Annotated[float, typer.Option(help="Ohm per segment of the bit lines.")] = 1.0,
    out: Annotated[Path | None, typer.Option(
        help="Write currents and node voltages to this .npz file.")] = None,
) -> None:
    """Solve one crossbar: word lines driven on the left, bit lines sensed at the bottom."""
    import numpy as np

    from .. import Crossbar, Solver, Wires
    from ..core.files import save_arrays

    with reported():
        xbar = Crossbar(array_file(conductance), Wires(word=word, bit=bit))
        solution = Solver().solve(xbar, array_file(voltages))
        table = Table(title="Currents into the bit lines' sensed ends")
        table.add_column("bit line", justify="right")
        table.add_column("ampere, first input vector", justify="right")
        for column, current in enumerate(np.atleast_2d(solution.currents)[0]):
            table.add_row(str(column), f"{current:.9e}")
        Console().print(table)
        Console().print(f"{solution.method}, residual {solution.residual:.1e}")
        if out is not None:
            if out.suffix != ".npz":
                out = out.with_name(f"{out.name}.npz")
            save_arrays(
                out, currents=solution.currents, word_voltages=solution.word_voltages,
                bit_voltages=solution.bit_voltages,
            )
