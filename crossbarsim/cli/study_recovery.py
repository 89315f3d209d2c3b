"""``crossbarsim study recovery``: what mapping, correction and training bring back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .errors import reported, studies_extra
from .output import Html, page_path
from .parse import numbers, shapes
from .study import _MANY, _Data, _Name, _run, _Workers, _wrote, study

if TYPE_CHECKING:
    from ..studies import RecoveryResult

__all__: list[str] = []


@study.command("recovery")
def recovery(
    data: _Data = None,
    name: _Name = None,
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results/recovery"),
    ohm: Annotated[list[str] | None, typer.Option(
        metavar="OHM", help=f"Resistance of a wire segment; {_MANY}. Default: 1,2,5.")] = None,
    tile: Annotated[str, typer.Option(help="Tile shape.")] = "128x128",
    method: Annotated[list[str] | None, typer.Option(
        help="One of the study's methods, such as trained; repeat. Default: all.")] = None,
    tuning_epochs: Annotated[int, typer.Option(help="Epochs of the fine-tuning.")] = 2,
    tuning_batches: Annotated[int, typer.Option(
        help="Batches of 64 images in an epoch of the fine-tuning.")] = 12,
    rate: Annotated[float, typer.Option(help="Learning rate of the fine-tuning.")] = 3e-4,
    images: Annotated[int | None, typer.Option(help="Held-out images; default: all.")] = None,
    epochs: Annotated[int | None, typer.Option(
        help="Epochs of the digital training. Default: what suits the data.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: all CPUs.")] = None,
    workers: _Workers = None,
    html: Html = None,
) -> None:
    """Accuracy that mapping, digital gains and hardware-aware training win back from IR drop.

    An interrupted study goes on where it stopped when the same command runs again.
    """
    with reported(f": finished points are kept in {out}; run the same command to go on"):
        page = page_path(html)
        with studies_extra():
            from .. import studies
            from ..studies.plots import save_recovery
            from ..studies.recovery import TUNING
        given: dict[str, Any] = {
            "ohms": ohm and numbers(ohm, "--ohm"), "methods": method and tuple(method),
            "images": images, "epochs": epochs, "threads": threads,
        }
        settings = studies.RecoveryStudy(
            tile=shapes([tile])[0], tuning=replace(
                TUNING, epochs=tuning_epochs, batches=tuning_batches, learning_rate=rate,
            ), **{key: value for key, value in given.items() if value is not None},
        )
        console = Console()
        result, files = _run(
            settings, data, name, out, console, save_recovery, "recovery", workers
        )
        _print(result, console)
        _wrote(result, page, files, console)


def _print(result: RecoveryResult, console: Console) -> None:
    for part, count in result.held_out.items():
        found = result.summary(part)
        table = Table(title=f"Accuracy in %, {result.data.name}, {part} images ({count:,})")
        table.add_column("method")
        for ohm in found.columns:
            table.add_column(f"{ohm:g} ohm", justify="right")
        for name, row in found.iterrows():
            table.add_row(str(name), *(f"{100 * a:.2f}" for a in row))
        console.print(table)
        console.print(f"digital network: {100 * result.digital_accuracy[part]:.2f} %")
