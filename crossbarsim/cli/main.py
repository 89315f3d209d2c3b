"""The console script: parses, calls, prints. Heavy imports wait until a command needs them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from ..core.environment import environment
from ..core.files import save_arrays
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..solvers import Solver
from .device import device
from .errors import reported, studies_extra
from .output import plain_where_needed
from .parse import array_file, numbers, shapes
from .program import program, read_margin
from .spice import check, run
from .studies import device_spread, nonidealities

if TYPE_CHECKING:
    from ..studies import IrDropResult

__all__ = ["app", "main"]

app = typer.Typer(
    name="crossbarsim", no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
    help="Circuit-level simulation of memristor crossbars and of deep networks on them.",
)
study = typer.Typer(no_args_is_help=True, help="Studies that end in tables and pictures.")
app.add_typer(study, name="study")
app.add_typer(device, name="device")
app.command()(program)
app.command()(run)
app.command()(check)
study.command("read-margin")(read_margin)
study.command("nonidealities")(nonidealities)
study.command("device-spread")(device_spread)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"crossbarsim {metadata.version('crossbarsim')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True,
                           help="Show the version and exit."),
    ] = False,
) -> None:
    """Parse the options before the command."""


@app.command()
def info() -> None:
    """Show versions and CPUs, for reports of results and of faults."""
    table = Table(show_header=False, box=None)
    for name, value in environment().items():
        table.add_row(name, value)
    Console().print(table)


@app.command()
def solve(
    conductance: Annotated[Path, typer.Argument(help=".npy file, (M, N) siemens")],
    voltages: Annotated[Path, typer.Argument(help=".npy file, (M,) or (B, M) volt")],
    word: Annotated[float, typer.Option(help="Ohm per segment of the word lines.")] = 1.0,
    bit: Annotated[float, typer.Option(help="Ohm per segment of the bit lines.")] = 1.0,
    out: Annotated[Path | None, typer.Option(
        help="Write currents and node voltages to this .npz file.")] = None,
) -> None:
    """Solve one crossbar: word lines driven on the left, bit lines sensed at the bottom."""
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


def _print_result(result: IrDropResult, console: Console) -> None:
    for part, count in result.held_out.items():
        table = Table(title=f"Accuracy in %, {result.data.name}, {part} images ({count:,})")
        table.add_column("tile", justify="right")
        table.add_column("ohm per segment", justify="right")
        table.add_column("no variation", justify="right")
        table.add_column(f"{100 * result.study.sigma:g} % variation", justify="right")
        table.add_column("cells used", justify="right")
        for row in result.summary(part).to_dict("records"):
            varied = "" if np.isnan(row["mean"]) else f"{100 * row['mean']:.2f}"
            varied += "" if np.isnan(row["std"]) else f" ± {100 * row['std']:.2f}"
            table.add_row(
                f"{row['tile_rows']}x{row['tile_columns']}", f"{row['ohm']:g}",
                f"{100 * row['exact']:.2f}", varied, f"{100 * row['utilisation']:.0f} %",
            )
        console.print(table)
        console.print(f"digital network: {100 * result.digital_accuracy[part]:.2f} %")


@study.command("ir-drop")
def ir_drop(
    data: Annotated[Path | None, typer.Option(
        help="Folder with MNIST or Fashion-MNIST idx files or CIFAR-10 batches; default: "
             "scikit-learn's handwritten digits.")] = None,
    name: Annotated[str | None, typer.Option(help="The data set's name on the pictures.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results/ir-drop"),
    ohm: Annotated[list[str] | None, typer.Option(
        help="Ohm per wire segment; repeat, or separate by commas.")] = None,
    tile: Annotated[list[str] | None, typer.Option(
        help="Tile shape such as 128x128; repeat, or separate by commas.")] = None,
    seeds: Annotated[int, typer.Option(help="Chips with device variation per point.")] = 5,
    sigma: Annotated[float, typer.Option(
        help="Relative standard deviation of R_on and R_off.")] = 0.1,
    images: Annotated[int | None, typer.Option(help="Held-out images; default: all.")] = None,
    g_on: Annotated[float, typer.Option(help="Largest conductance of a cell, siemens.")] = 1e-4,
    g_off: Annotated[float, typer.Option(help="Smallest conductance, siemens.")] = 1e-6,
    epochs: Annotated[int | None, typer.Option(help="Of the training.")] = None,
    threads: Annotated[int | None, typer.Option(help="Default: all CPUs.")] = None,
) -> None:
    """Accuracy of a CNN on crossbars against the resistance of their wires.

    An interrupted study goes on where it stopped when the same command runs again.
    """
    with reported(f": finished points are kept in {out}; run the same command to go on"):
        with studies_extra():
            from .. import studies  # noqa: PLC0415 - imports torch
            from ..studies.plots import save_accuracy, save_tile  # noqa: PLC0415 - imports matplotlib
        defaults = studies.IrDropStudy()
        settings = studies.IrDropStudy(
            ohms=numbers(ohm, "--ohm") if ohm else defaults.ohms,
            tiles=shapes(tile) if tile else defaults.tiles,
            seeds=seeds, sigma=sigma, images=images, g_on=g_on, g_off=g_off, epochs=epochs,
            threads=threads,
        )
        console = Console()
        loaded = studies.load(data, name=name)
        console.print(f"{loaded.name}: {len(loaded.train):,} training images, "
                      f"{len(loaded.test):,} held out")
        with studies.RichProgress(console) as progress:
            result = settings.run(loaded, out, progress=progress)
        files = [*result.save(out), save_accuracy(result, out / "ir_drop.png")]
        files += [
            save_accuracy(result, out / f"ir_drop_{part}.png", part=part) for part in loaded.extra
        ]
        files.append(save_tile(result.tile_map(), out / "tile.png"))
        _print_result(result, console)
        for file in files:
            console.print(f"wrote {file}", soft_wrap=True)


def main() -> None:
    """Run the console script."""
    plain_where_needed()
    app()
