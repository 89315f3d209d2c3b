"""Commands of the studies of what devices and converters do wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ..devices import model
from .errors import reported, studies_extra
from .parse import integers, numbers, shapes

if TYPE_CHECKING:
    from ..studies import NonIdealityResult

__all__ = ["device_spread", "nonidealities"]

_MANY = "repeat, or separate by commas"


def _print_result(result: NonIdealityResult, console: Console) -> None:
    study = result.study
    for part, count in result.held_out.items():
        for tile in study.tiles:
            for ohm in study.ohms:
                table = Table(
                    "effect", "value",
                    title=f"Accuracy in %, {result.data.name}, {part} images ({count:,}), "
                          f"{tile[0]}x{tile[1]}, {ohm:g} ohm per segment",
                )
                for bits in study.bits:
                    table.add_column(f"{bits} bit", justify="right")
                table.add_column("ideal", justify="right")
                for effect in ("sigma", "states", "stuck_on", "stuck_off"):
                    if study.values(effect):
                        for value, row in result.grid(effect, tile, ohm, part).iterrows():
                            table.add_row(effect, f"{value:g}", *(f"{100 * a:.1f}" for a in row))
                console.print(table)
        console.print(f"digital network: {100 * result.digital_accuracy[part]:.2f} %")


def nonidealities(
    data: Annotated[Path | None, typer.Option(
        help="Folder with MNIST or Fashion-MNIST idx files or CIFAR-10 batches; default: "
             "scikit-learn's handwritten digits.")] = None,
    name: Annotated[str | None, typer.Option(help="The data set's name on the pictures.")] = None,
    out: Annotated[Path, typer.Option(
        help="Folder of results.")] = Path("results/nonidealities"),
    tile: Annotated[list[str] | None, typer.Option(
        help=f"Tile shape such as 128x128; {_MANY}. Default: 128x128,256x64.")] = None,
    ohm: Annotated[list[str] | None, typer.Option(
        help=f"Ohm per wire segment; 0: active arrays; {_MANY}. Default: 0,2.")] = None,
    bits: Annotated[list[str] | None, typer.Option(
        help=f"Of the ADCs; {_MANY}. Default: 2,4,6,8,10.")] = None,
    sigma: Annotated[list[str] | None, typer.Option(
        help=f"Relative standard deviation of R_on and R_off; {_MANY}.")] = None,
    states: Annotated[list[str] | None, typer.Option(
        help=f"Number of conductance states; {_MANY}.")] = None,
    stuck_on: Annotated[list[str] | None, typer.Option(
        help=f"Share of the cells stuck at R_on; {_MANY}.")] = None,
    stuck_off: Annotated[list[str] | None, typer.Option(
        help=f"Share of the cells stuck at R_off; {_MANY}.")] = None,
    law: Annotated[str, typer.Option(
        help="Of R_on and R_off: lognormal or normal.")] = "lognormal",
    seeds: Annotated[int | None, typer.Option(help="Chips per value; default 2.")] = None,
    images: Annotated[int | None, typer.Option(help="Held-out images; default: all.")] = None,
    correct: Annotated[bool, typer.Option(
        "--correct", help="Digital gain and offset per output, found by calibration.")] = False,
    r_on: Annotated[float, typer.Option(help="Ohm.")] = 1.4e4,
    r_off: Annotated[float, typer.Option(help="Ohm.")] = 5e7,
    epochs: Annotated[int | None, typer.Option(help="Of the training.")] = None,
    threads: Annotated[int | None, typer.Option(help="Default: all CPUs.")] = None,
    quick: Annotated[bool, typer.Option(
        "--quick", help="Few values, one chip each, 200 images, for a first look.")] = False,
) -> None:
    """Accuracy of a CNN against ADC bits, device spread, finite states and stuck cells.

    An interrupted study goes on where it stopped when the same command runs again.
    """
    with reported(f": finished points are kept in {out}; run the same command to go on"):
        with studies_extra():
            from .. import studies  # noqa: PLC0415 - imports torch
            from ..studies.plots import save_nonidealities  # noqa: PLC0415 - imports matplotlib
        given: dict[str, Any] = {
            "tiles": tile and shapes(tile), "ohms": ohm and numbers(ohm, "--ohm"),
            "bits": bits and integers(bits, "--bits"),
            "sigmas": sigma and numbers(sigma, "--sigma"),
            "states": states and integers(states, "--states"),
            "stuck_on": stuck_on and numbers(stuck_on, "--stuck-on"),
            "stuck_off": stuck_off and numbers(stuck_off, "--stuck-off"),
            "law": law, "correct": correct, "seeds": seeds, "images": images, "epochs": epochs,
            "threads": threads,
        }
        make = studies.NonIdealityStudy.quick if quick else studies.NonIdealityStudy
        settings = make(
            g_on=1 / r_on if r_on > 0 else 0.0, g_off=1 / r_off if r_off > 0 else 0.0,
            **{key: value for key, value in given.items() if value is not None},
        )
        console = Console()
        loaded = studies.load(data, name=name)
        console.print(f"{loaded.name}: {len(loaded.train):,} training images, "
                      f"{len(loaded.test):,} held out")
        with studies.RichProgress(console) as progress:
            result = settings.run(loaded, out, progress=progress)
        files = [*result.save(out), save_nonidealities(result, out / "nonidealities.png")]
        files += [
            save_nonidealities(result, out / f"nonidealities_{part}.png", part=part)
            for part in loaded.extra
        ]
        _print_result(result, console)
        for file in files:
            console.print(f"wrote {file}", soft_wrap=True)


def device_spread(
    device: Annotated[str, typer.Argument(
        help="A model; `crossbarsim device list` shows them.")] = "vteam",
    preset: Annotated[str | None, typer.Option(
        help="Of the model; default of vteam: that of MemTorch's paper.")] = None,
    count: Annotated[int, typer.Option(help="Devices.")] = 100,
    sigma: Annotated[float, typer.Option(
        help="Relative standard deviation of the parameters, normal.")] = 0.2,
    vary: Annotated[str, typer.Option(
        help="Parameters that vary, separated by commas.")] = "r_on,r_off",
    states: Annotated[int, typer.Option(
        help="Conductance states of a device; 0: any conductance.")] = 5,
    amplitude: Annotated[float, typer.Option(help="Volt, of the loop.")] = 1.0,
    sweep: Annotated[float, typer.Option(help="Volt, of set and reset.")] = 1.5,
    frequency: Annotated[float, typer.Option(help="Hertz.")] = 1e6,
    seed: Annotated[int, typer.Option(help="The same seed is the same devices.")] = 0,
    out: Annotated[Path, typer.Option(
        help="Folder of results.")] = Path("results/device-spread"),
) -> None:
    """I-V loops, set and reset of many devices that differ, with any and with few states."""
    with reported():
        with studies_extra():
            from .. import studies  # noqa: PLC0415 - imports torch
            from ..studies.plots import save_device_spread  # noqa: PLC0415 - imports matplotlib
        kind = model(device)
        if preset is None and device == "vteam":
            preset = "team_6353604"
        result = studies.device_spread(
            kind() if preset is None else kind.preset(preset), count=count, sigma=sigma,
            parameters=[part for part in vary.split(",") if part], states=states or None,
            amplitude=amplitude, sweep=sweep, frequency=frequency, seed=seed,
        )
        files = [*result.save(out), save_device_spread(result, out / "device_spread.png")]
        console = Console()
        table = Table(title=f"{count} devices of {device}")
        for head in ("", "mean", "standard deviation", "least", "largest", "devices"):
            table.add_column(head, justify="left" if not head else "right")
        for column, row in result.summary().iterrows():
            table.add_row(str(column), *(f"{row[k]:.4g}" for k in ("mean", "std", "min", "max")),
                          f"{row['count']:.0f}")
        console.print(table)
        for file in files:
            console.print(f"wrote {file}", soft_wrap=True)
