"""Studies of our network on its way to a chip: what comes back of IR drop; written by pulses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table

from ..core.locks import FolderLock
from .errors import reported, studies_extra
from .output import Html, page_path
from .parse import given, integers, numbers, shapes, siemens
from .study import (
    _MANY,
    _Data,
    _Epochs,
    _Images,
    _load,
    _model,
    _Name,
    _run,
    _Threads,
    _Workers,
    _wrote,
    study,
)

if TYPE_CHECKING:
    from ..studies import NetworkWriting, RecoveryResult

__all__: list[str] = []

_Tile = Annotated[str, typer.Option(help="Tile shape.")]


@study.command("recovery")
def recovery(
    data: _Data = None,
    name: _Name = None,
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results/recovery"),
    ohm: Annotated[list[str] | None, typer.Option(
        metavar="OHM", help=f"Resistance of a wire segment; {_MANY}. Default: 1,2,5.")] = None,
    tile: _Tile = "128x128",
    method: Annotated[list[str] | None, typer.Option(
        help="One of the study's methods, such as trained; repeat. Default: all.")] = None,
    tuning_epochs: Annotated[int, typer.Option(help="Epochs of the fine-tuning.")] = 2,
    tuning_batches: Annotated[int, typer.Option(
        help="Batches of 64 images in an epoch of the fine-tuning.")] = 12,
    rate: Annotated[float, typer.Option(help="Learning rate of the fine-tuning.")] = 3e-4,
    images: _Images = None,
    epochs: Annotated[int | None, typer.Option(
        help="Epochs of the digital training. Default: what suits the data.")] = None,
    threads: _Threads = None,
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
        settings = studies.RecoveryStudy(
            tile=shapes([tile])[0], tuning=replace(
                TUNING, epochs=tuning_epochs, batches=tuning_batches, learning_rate=rate,
            ), **given(
                ohms=ohm and numbers(ohm, "--ohm"), methods=method and tuple(method),
                images=images, epochs=epochs, threads=threads,
            ),
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


@study.command("write-network")
def write_network(
    data: _Data = None,
    name: _Name = None,
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results/write-network"),
    device: Annotated[str, typer.Option(
        help="A model; `crossbarsim device list` shows them.")] = "vteam",
    preset: Annotated[str | None, typer.Option(
        help="Preset of the model. Default of vteam: magic with v_off = 1 V.")] = None,
    scheme: Annotated[str | None, typer.Option(
        help="Write scheme: v/2, v/3 or floating. Default: v/2.")] = None,
    tolerance: Annotated[list[str] | None, typer.Option(
        help=f"Error of a cell, relative to its target; {_MANY}. Default: 0.1.")] = None,
    pulses: Annotated[str, typer.Option(
        help="How a pulse is computed: relaxation, or transient of the whole array."
    )] = "relaxation",
    v_start: Annotated[float | None, typer.Option(
        metavar="VOLT", help="Voltage of the first pulse. Default: by trials of cells.")] = None,
    v_step: Annotated[float | None, typer.Option(
        metavar="VOLT", help="Step from pulse to pulse. Default: by trials.")] = None,
    v_max: Annotated[float | None, typer.Option(
        metavar="VOLT", help="Voltage of the strongest pulse. Default: by trials.")] = None,
    width: Annotated[float | None, typer.Option(
        metavar="SECOND", help="Length of a pulse. Default: by trials.")] = None,
    passes: Annotated[int | None, typer.Option(
        help="Passes over every array. Default: 3.")] = None,
    ohm: Annotated[float, typer.Option(
        metavar="OHM", help="Resistance of a wire segment.")] = 1.0,
    tile: _Tile = "128x128",
    r_on: Annotated[float, typer.Option(
        metavar="OHM", help="Resistance of the largest weight.")] = 1e4,
    r_off: Annotated[float, typer.Option(
        metavar="OHM", help="Resistance of weight 0.")] = 1e5,
    channels: Annotated[list[str] | None, typer.Option(
        help=f"Channels of the network's convolutions; {_MANY}. Default: what suits the data."
    )] = None,
    hidden: Annotated[int | None, typer.Option(help="Width of the hidden layer.")] = None,
    epochs: _Epochs = None,
    images: _Images = None,
    threads: Annotated[int | None, typer.Option(
        help="CPU threads of the training. Default: all CPUs.")] = None,
    workers: Annotated[int | None, typer.Option(
        help="Processes of this machine that write arrays.")] = None,
    html: Html = None,
) -> None:
    """Write a CNN's arrays by pulses: energy, time, failures by layer, and accuracy left.

    An interrupted run goes on where it stopped when the same command runs again.
    """
    with reported(f": arrays that are done are kept in {out}; run the same command to go on"):
        page = page_path(html)
        with studies_extra():
            from .. import studies
            from ..studies.plots import save_network_writing
        console = Console()
        loaded = _load(data, name, console)
        # the default is the study's own
        cell = None if preset is None and device == "vteam" else _model(device, preset)
        with studies.RichProgress(console) as progress:
            result = studies.network_writing(
                loaded, out, cell=cell, scheme=scheme, ohm=ohm, pulses=cast("Any", pulses),
                tile=shapes([tile])[0], g_on=siemens(r_on), g_off=siemens(r_off),
                options=given(v_start=v_start, v_step=v_step, v_max=v_max, width=width,
                              passes=passes),
                hidden=hidden, epochs=epochs, images=images, threads=threads, workers=workers,
                progress=progress, **given(
                    tolerances=tolerance and numbers(tolerance, "--tolerance"),
                    channels=channels and integers(channels, "--channels"),
                ),
            )
        with FolderLock(out):
            files = [*result.save(out), save_network_writing(result, out / "writing.png")]
        _print_written(result, console)
        _wrote(result, page, files, console)


def _print_written(result: NetworkWriting, console: Console) -> None:
    for part, row in result.accuracy.items():
        console.print(f"{part} images: digital {100 * row['digital']:.2f} %, conductances as "
                      f"asked for {100 * row['ideal']:.2f} %")
    table = Table(title=f"{result.data.name}, written by pulses")
    for head in ("tolerance", *(f"{part} %" for part in result.accuracy), "cells failed",
                 "pulses per cell", "joule", "of reads", "second", "computing, s"):
        table.add_column(head, justify="right")
    for tolerance, one in result.written.items():
        table.add_row(
            f"{tolerance:g}",
            *(f"{100 * found[f'{tolerance:g}']:.2f}" for found in result.accuracy.values()),
            f"{one.failed:,} of {one.cells:,}", f"{one.pulses / one.cells:.1f}",
            f"{one.energy:.3g}", f"{one.read_energy:.3g}", f"{one.time:.3g}",
            f"{one.cpu_seconds:.0f}",
        )
    console.print(table)
    layers = Table(title="By layer")
    for head in ("tolerance", "layer", "cells", "failed", "joule", "second"):
        layers.add_column(head, justify="right")
    for tolerance, one in result.written.items():
        for layer in one.layers():
            layers.add_row(
                f"{tolerance:g}", layer["layer"], f"{layer['cells']:,}", f"{layer['failed']:,}",
                f"{layer['energy']:.3g}", f"{layer['time']:.3g}",
            )
    console.print(layers)
