"""``crossbarsim solve`` and ``crossbarsim info``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..core.errors import ParameterError
from .errors import reported
from .output import Html, page_path, save_page
from .parse import array_file, save_table_of

if TYPE_CHECKING:
    from ..solvers import Solution

__all__ = ["info", "solve"]


def info() -> None:
    """Show versions and CPUs, for reports of results and of faults."""
    from ..core.environment import environment

    table = Table(show_header=False, box=None)
    for name, value in environment().items():
        table.add_row(name, value)
    Console().print(table)


def solve(
    conductance: Annotated[Path, typer.Argument(help=".npy or .csv file, (M, N) siemens")],
    voltages: Annotated[Path, typer.Argument(help=".npy or .csv file, (M,) or (B, M) volt")],
    word: Annotated[float, typer.Option(
        metavar="OHM", help="Resistance of a word-line segment.")] = 1.0,
    bit: Annotated[float, typer.Option(
        metavar="OHM", help="Resistance of a bit-line segment.")] = 1.0,
    out: Annotated[Path | None, typer.Option(
        help="Write currents and node voltages to this .npz file; or currents to this .csv file, a "
             "line for each input vector, and of one vector the node voltages beside it.")] = None,
    html: Html = None,
) -> None:
    """Solve one crossbar: word lines driven on the left, bit lines sensed at the bottom.

    Example: crossbarsim solve g.npy v.npy --word 2 --bit 2 --out currents.csv
    """
    import numpy as np

    from .. import Crossbar, Solver, Wires
    from ..core.files import check_writable, with_ending

    console = Console(soft_wrap=True, highlight=False)
    with reported():
        if out is not None:
            if out.suffix.lower() not in ("", ".npz", ".csv"):
                raise ParameterError(f"`--out` must end in .npz or .csv; got {out.name}")
            out = with_ending(out, ".npz")
            check_writable(out)
        page = page_path(html)
        xbar = Crossbar(array_file(conductance), Wires(word=word, bit=bit))
        V = array_file(voltages)
        words = xbar.shape[0]
        if V.ndim not in (1, 2) or (V.shape[-1] != words and V.shape != (words, 1)):
            raise ParameterError(
                f"{voltages}: needs a voltage for each of the {words} word lines, the rows of "
                f"{conductance}, in every line; its shape is {V.shape}"
            )
        table_of_one = voltages.suffix.lower() != ".npy" and V.size == xbar.shape[0]
        solution = Solver().solve(xbar, V.ravel() if table_of_one and 1 in V.shape else V)
        table = Table(title="Currents into the bit lines' sensed ends")
        table.add_column("bit line", justify="right")
        table.add_column("ampere, first input vector", justify="right")
        for column, current in enumerate(np.atleast_2d(solution.currents)[0]):
            table.add_row(str(column), f"{current:.9e}")
        console.print(table)
        console.print(f"{solution.method}, residual {solution.residual:.1e}")
        if out is not None:
            for file in _write(solution, out):
                console.print(f"wrote {file}")
        if page is not None:
            console.print(f"wrote {save_page(solution, page)}")


def _write(solution: Solution, out: Path) -> list[Path]:
    from ..core.files import save_arrays

    if out.suffix.lower() == ".npz":
        save_arrays(
            out, currents=solution.currents, word_voltages=solution.word_voltages,
            bit_voltages=solution.bit_voltages,
        )
        return [out]
    save_table_of(out, solution.currents)
    files = [out]
    if solution.V.ndim == 1:
        for name in ("word_voltages", "bit_voltages"):
            files.append(out.with_name(f"{out.stem}_{name}{out.suffix}"))
            save_table_of(files[-1], getattr(solution, name))
    return files
