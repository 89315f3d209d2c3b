"""``crossbarsim study``: studies that end in tables and pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from ..core.errors import ParameterError
from ..core.locks import FolderLock
from .errors import reported, studies_extra
from .output import Html, page_path, save_page
from .parse import given, integers, numbers, shapes, siemens

if TYPE_CHECKING:
    from ..devices.base import Device
    from ..studies import Dataset, IrDropResult, NonIdealityResult
    from ..studies.cnn_study import CnnStudy, CnnStudyResult

__all__ = ["study"]

R = TypeVar("R", bound="CnnStudyResult[Any]")

study = typer.Typer(no_args_is_help=True, help="Studies that end in tables and pictures.")

_MANY = "repeat, or separate by commas"
_Data = Annotated[Path | None, typer.Option(
    help="Folder with MNIST or Fashion-MNIST idx files or CIFAR-10 batches; default: "
         "scikit-learn's handwritten digits.")]
_Workers = Annotated[int | None, typer.Option(
    help="Processes of this machine that measure chips, each with --threads, 1 by default.")]
_Epochs = Annotated[int | None, typer.Option(
    help="Epochs of the training. Default: what suits the data.")]
_Threads = Annotated[int | None, typer.Option(help="CPU threads. Default: all CPUs.")]
_Images = Annotated[int | None, typer.Option(help="Held-out images; default: all.")]
_Name = Annotated[str | None, typer.Option(help="The data set's name on the pictures.")]


def _load(data: Path | None, name: str | None, console: Console) -> Dataset:
    """Return the data of a study, and say what they are."""
    from .. import studies

    loaded = studies.load(data, name=name)
    console.print(f"{loaded.name}: {len(loaded.train):,} training images, "
                  f"{len(loaded.test):,} held out")
    return loaded


def _run(
    settings: CnnStudy[Any, R], data: Path | None, name: str | None, out: Path, console: Console,
    save: Callable[..., Path], picture: str, workers: int | None,
) -> tuple[R, list[Path]]:
    """Run a study of a network with bars; return its result and the files that were written."""
    from .. import studies

    loaded = _load(data, name, console)
    with studies.RichProgress(console) as progress:
        result = settings.run(loaded, out, workers=workers, progress=progress)
    with FolderLock(out):
        files = [*result.save(out), save(result, out / f"{picture}.png")]
        files += [save(result, out / f"{picture}_{part}.png", part=part) for part in loaded.extra]
    return result, files


def _wrote(result: Any, page: Path | None, files: list[Path], console: Console) -> None:
    """Write the page, if one is wanted, and tell of all files."""
    for file in [*files, *([] if page is None else [save_page(result, page)])]:
        console.print(f"wrote {file}", soft_wrap=True)


@study.command("read-margin")
def read_margin(
    sizes: Annotated[str, typer.Option(
        help="Word lines of square arrays, separated by commas.")] = "2,4,8,16,32,64",
    schemes: Annotated[str, typer.Option(
        help="Ties of unselected lines, separated by commas.")] = "floating,v/2,v/3,grounded",
    selector: Annotated[str, typer.Option(
        help="A selector model to compare with no selector; empty: none.")] = "miec_selector",
    r_on: Annotated[float, typer.Option(
        metavar="OHM", help="Resistance of a cell that is on.")] = 10e3,
    r_off: Annotated[float, typer.Option(
        metavar="OHM", help="Resistance of a cell that is off.")] = 1e6,
    read_voltage: Annotated[float, typer.Option(metavar="VOLT", help="Voltage of the read.")] = 1.0,
    ohm: Annotated[float, typer.Option(metavar="OHM", help="Resistance of a wire segment.")] = 1.0,
    farad: Annotated[float, typer.Option(
        metavar="FARAD", help="Capacitance of a wire segment; 0: no read delay.")] = 0.2e-15,
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results/read-margin"),
    html: Html = None,
) -> None:
    """Read margin and read delay of passive arrays against their size.

    An interrupted study goes on where it stopped when the same command runs again.
    """
    from .. import Wires
    from ..core.files import save_table
    from ..netlists.device_protocol import model

    console = Console()
    with reported(f": finished points are kept in {out}; run the same command to go on"):
        page = page_path(html)
        with studies_extra():
            from .. import studies
            from ..studies.plots import save_read_delay, save_read_margin
        if not 0 <= farad < float("inf"):
            raise ParameterError(f"`--farad` must be >= 0; got {farad:g}")
        try:
            many = [int(n) for n in sizes.split(",")]
        except ValueError:
            raise ParameterError(f"`--sizes` must be integers; got {sizes}") from None
        chosen: dict[str, Device | None] = {"none": None}
        if selector:
            chosen[selector] = model(selector)()
        with FolderLock(out):
            result = studies.read_margin(
                many, schemes=schemes.split(","), selector=chosen, r_on=r_on, r_off=r_off,
                wires=Wires(word=ohm, bit=ohm), read_voltage=read_voltage, out=out,
            )
            save_table(out / "read_margin.csv", result.table)
            files = [out / "read_margin.csv", save_read_margin(result, out / "read_margin.png")]
            if farad > 0:
                waits = studies.read_delay(many, resistance=r_on, out=out, wires=Wires(
                    word=ohm, bit=ohm, word_capacitance=farad, bit_capacitance=farad))
                save_table(out / "read_delay.csv", waits.table)
                files += [out / "read_delay.csv", save_read_delay(waits, out / "read_delay.png")]
        table = Table("selector", "scheme", title="Largest array with a read margin of 10 %")
        table.add_column("size", justify="right")
        for row in result.largest().to_dict("records"):
            table.add_row(row["selector"], row["scheme"], str(row["size"]))
        console.print(table)
        _wrote(result, page, files, console)


def _print_nonidealities(result: NonIdealityResult, console: Console) -> None:
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


@study.command()
def nonidealities(
    data: _Data = None,
    name: _Name = None,
    out: Annotated[Path, typer.Option(
        help="Folder of results.")] = Path("results/nonidealities"),
    tile: Annotated[list[str] | None, typer.Option(
        help=f"Tile shape such as 128x128; {_MANY}. Default: 128x128,256x64.")] = None,
    ohm: Annotated[list[str] | None, typer.Option(
        help=f"Ohm per wire segment; 0: active arrays; {_MANY}. Default: 0,2.")] = None,
    bits: Annotated[list[str] | None, typer.Option(
        help=f"Resolution of the ADCs, bits; {_MANY}. Default: 2,4,6,8,10.")] = None,
    sigma: Annotated[list[str] | None, typer.Option(
        help=f"Relative standard deviation of R_on and R_off; {_MANY}.")] = None,
    states: Annotated[list[str] | None, typer.Option(
        help=f"Number of conductance states; {_MANY}.")] = None,
    stuck_on: Annotated[list[str] | None, typer.Option(
        help=f"Share of the cells stuck at R_on; {_MANY}.")] = None,
    stuck_off: Annotated[list[str] | None, typer.Option(
        help=f"Share of the cells stuck at R_off; {_MANY}.")] = None,
    law: Annotated[str, typer.Option(
        metavar="lognormal|normal", help="Distribution of R_on and R_off.")] = "lognormal",
    seeds: Annotated[int | None, typer.Option(help="Chips per value; default 2.")] = None,
    images: _Images = None,
    correct: Annotated[bool, typer.Option(
        "--correct", help="Digital gain and offset per output, found by calibration.")] = False,
    r_on: Annotated[float, typer.Option(metavar="OHM", help="Least resistance of a cell.")] = 1.4e4,
    r_off: Annotated[float, typer.Option(metavar="OHM", help="Largest resistance.")] = 5e7,
    epochs: _Epochs = None,
    threads: _Threads = None,
    workers: _Workers = None,
    quick: Annotated[bool, typer.Option(
        "--quick", help="Few values, one chip each, 200 images, for a first look.")] = False,
    html: Html = None,
) -> None:
    """Accuracy of a CNN against ADC bits, device spread, finite states and stuck cells.

    An interrupted study goes on where it stopped when the same command runs again.
    """
    with reported(f": finished points are kept in {out}; run the same command to go on"):
        page = page_path(html)
        with studies_extra():
            from .. import studies
            from ..studies.plots import save_nonidealities
        make = studies.NonIdealityStudy.quick if quick else studies.NonIdealityStudy
        settings = make(g_on=siemens(r_on), g_off=siemens(r_off), **given(
            tiles=tile and shapes(tile), ohms=ohm and numbers(ohm, "--ohm"),
            bits=bits and integers(bits, "--bits"),
            sigmas=sigma and numbers(sigma, "--sigma"),
            states=states and integers(states, "--states"),
            stuck_on=stuck_on and numbers(stuck_on, "--stuck-on"),
            stuck_off=stuck_off and numbers(stuck_off, "--stuck-off"),
            law=law, correct=correct, seeds=seeds, images=images, epochs=epochs, threads=threads,
        ))
        console = Console()
        result, files = _run(
            settings, data, name, out, console, save_nonidealities, "nonidealities", workers
        )
        _print_nonidealities(result, console)
        _wrote(result, page, files, console)


@study.command("device-spread")
def device_spread(
    device: Annotated[str, typer.Argument(
        help="A model; `crossbarsim device list` shows them.")] = "vteam",
    preset: Annotated[str | None, typer.Option(
        help="Parameter set of the model. Default of vteam: that of MemTorch's paper.")] = None,
    count: Annotated[int, typer.Option(help="Number of devices.")] = 100,
    sigma: Annotated[list[str] | None, typer.Option(
        help=f"Relative standard deviation of the parameters, normal: one for all, or one for "
             f"each; {_MANY}. Default: 0.2; with --paper 0.5,0.05.")] = None,
    vary: Annotated[str, typer.Option(
        help="Parameters that vary, separated by commas.")] = "r_on,r_off",
    states: Annotated[int | None, typer.Option(
        help="Conductances in which a device can rest; 0: any. Default: 5; with --paper 10."
    )] = None,
    amplitude: Annotated[float, typer.Option(metavar="VOLT", help="Amplitude of the loop.")] = 1.0,
    sweep: Annotated[float, typer.Option(
        metavar="VOLT", help="Amplitude of the sweeps that set and reset.")] = 1.5,
    frequency: Annotated[float | None, typer.Option(
        metavar="HERTZ", help="Frequency of the loop. Default: 1e7; with --paper 50e6.")] = None,
    log: Annotated[bool | None, typer.Option(
        "--log/--linear", help="Axis of the current of set and reset. Default: logarithmic; with "
                               "--paper linear.")] = None,
    paper: Annotated[bool, typer.Option(
        "--paper", help="Defaults as Fig. 5 of MemTorch's paper prints them: R_on 50 ± 25 ohm, "
                        "R_off 1000 ± 50 ohm, 50 MHz, 10 states, a linear axis.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed is the same devices.")] = 0,
    out: Annotated[Path, typer.Option(
        help="Folder of results.")] = Path("results/device-spread"),
    html: Html = None,
) -> None:
    """Show I-V loops, set and reset of many devices that differ, with any and with few states.

    An interrupted study goes on where it stopped when the same command runs again.
    """
    with reported(f": finished points are kept in {out}; run the same command to go on"):
        page = page_path(html)
        with studies_extra():
            from .. import studies
            from ..studies.device_spread import PAPER
            from ..studies.plots import save_device_spread
        chosen = {
            **(PAPER if paper else {}),
            **given(sigma=sigma and numbers(sigma, "--sigma"), frequency=frequency, states=states),
            "parameters": tuple(part for part in vary.split(",") if part),
        }
        if len(chosen.get("sigma", ())) == 1:
            chosen["sigma"] = chosen["sigma"][0]
        if chosen.get("states") == 0:
            chosen["states"] = None
        log_axis = not paper if log is None else log
        with FolderLock(out):
            result = studies.device_spread(
                _model(device, preset), count=count, amplitude=amplitude, sweep=sweep, seed=seed,
                out=out, **chosen,
            )
            files = [*result.save(out),
                     save_device_spread(result, out / "device_spread.png", log=log_axis)]
        console = Console()
        table = Table(title=f"{count} devices of {device}")
        for head in ("", "mean", "standard deviation", "least", "largest", "devices"):
            table.add_column(head, justify="left" if not head else "right")
        for column, row in result.summary().iterrows():
            table.add_row(str(column), *(f"{row[k]:.4g}" for k in ("mean", "std", "min", "max")),
                          f"{row['count']:.0f}")
        console.print(table)
        _wrote(result, page, files, console)


def _model(device: str, preset: str | None) -> Device:
    """Return a device by name; VTEAM's default is that of MemTorch's paper."""
    from ..netlists.device_protocol import model

    kind = model(device)
    if preset is None and device == "vteam":
        preset = "team_6353604"
    chosen: Device = kind() if preset is None else kind.preset(preset)
    return chosen


@study.command("gradual-reset")
def gradual_reset(
    device: Annotated[str, typer.Argument(
        help="A model; `crossbarsim device list` shows them.")] = "vteam",
    preset: Annotated[str | None, typer.Option(
        help="Parameter set of the model. Default of vteam: that of MemTorch's paper.")] = None,
    states: Annotated[int | None, typer.Option(
        help="Number of states from R_on to R_off; there is one sweep less. Default: 10, or as "
             "many as --amplitudes asks for."
    )] = None,
    amplitudes: Annotated[list[str] | None, typer.Option(
        metavar="VOLT", help=f"Amplitudes of the sweeps; {_MANY}. Default: in even steps up to the "
                             "first that reaches R_off.")] = None,
    amplitude: Annotated[float, typer.Option(metavar="VOLT", help="Amplitude of the loop.")] = 1.0,
    frequency: Annotated[float, typer.Option(
        metavar="HERTZ", help="Frequency of the loop; a double sweep takes a period.")] = 50e6,
    r_on: Annotated[float, typer.Option(metavar="OHM", help="Mean of the distribution.")] = 100.0,
    r_off: Annotated[float, typer.Option(metavar="OHM", help="Mean of the distribution.")] = 150.0,
    sigma: Annotated[float, typer.Option(
        help="Relative standard deviation of both, normal.")] = 0.2,
    count: Annotated[int, typer.Option(help="Number of draws of both.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    out: Annotated[Path, typer.Option(
        help="Folder of results.")] = Path("results/gradual-reset"),
    html: Html = None,
) -> None:
    """Reset a device by double sweeps of rising amplitude; show how R_on and R_off overlap.

    An interrupted study goes on where it stopped when the same command runs again.
    """
    with reported(f": finished points are kept in {out}; run the same command to go on"):
        page = page_path(html)
        with studies_extra():
            from .. import studies
            from ..studies.plots import save_gradual_reset
        with FolderLock(out):
            result = studies.gradual_reset(
                _model(device, preset), states=states,
                amplitudes=numbers(amplitudes, "--amplitudes") if amplitudes else None,
                amplitude=amplitude, frequency=frequency, r_on=r_on, r_off=r_off, sigma=sigma,
                count=count, seed=seed, out=out,
            )
            files = [*result.save(out), save_gradual_reset(result, out / "gradual_reset.png")]
        console = Console()
        table = Table(title=f"Gradual RESET of {device}")
        for head in ("sweep", "amplitude (V)", "resistance (ohm)"):
            table.add_column(head, justify="right")
        for row in result.table.to_dict("records"):
            table.add_row(f"{row['sweep']:.0f}", f"{row['amplitude']:.4g}",
                          f"{row['resistance']:.4g}")
        console.print(table)
        console.print(f"R_on above another's R_off: {100 * result.overlap():.2f} %")
        _wrote(result, page, files, console)


def _print_ir_drop(result: IrDropResult, console: Console) -> None:
    import numpy as np

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
    data: _Data = None,
    name: _Name = None,
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results/ir-drop"),
    ohm: Annotated[list[str] | None, typer.Option(
        metavar="OHM", help="Resistance of a wire segment; repeat, or separate by commas.")] = None,
    tile: Annotated[list[str] | None, typer.Option(
        help="Tile shape such as 128x128; repeat, or separate by commas.")] = None,
    seeds: Annotated[int, typer.Option(help="Chips with device variation per point.")] = 5,
    sigma: Annotated[float, typer.Option(
        help="Relative standard deviation of R_on and R_off.")] = 0.1,
    images: _Images = None,
    g_on: Annotated[float, typer.Option(
        metavar="SIEMENS", help="Largest conductance of a cell.")] = 1e-4,
    g_off: Annotated[float, typer.Option(metavar="SIEMENS", help="Smallest conductance.")] = 1e-6,
    epochs: _Epochs = None,
    threads: _Threads = None,
    workers: _Workers = None,
    html: Html = None,
) -> None:
    """Accuracy of a CNN on crossbars against the resistance of their wires.

    An interrupted study goes on where it stopped when the same command runs again.
    """
    with reported(f": finished points are kept in {out}; run the same command to go on"):
        page = page_path(html)
        with studies_extra():
            from .. import studies
            from ..studies.plots import save_accuracy, save_tile
        defaults = studies.IrDropStudy()
        settings = studies.IrDropStudy(
            ohms=numbers(ohm, "--ohm") if ohm else defaults.ohms,
            tiles=shapes(tile) if tile else defaults.tiles,
            seeds=seeds, sigma=sigma, images=images, g_on=g_on, g_off=g_off, epochs=epochs,
            threads=threads,
        )
        console = Console()
        result, files = _run(
            settings, data, name, out, console, save_accuracy, "ir_drop", workers
        )
        files.append(save_tile(result.tile_map(), out / "tile.png"))
        _print_ir_drop(result, console)
        _wrote(result, page, files, console)
