"""``crossbarsim device fit``: a model's parameters from measured loops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..core.errors import ParameterError
from .errors import reported

__all__ = ["fit_command"]


def _column(text: str) -> Any:
    """Return a column's name or place, or None for ""."""
    return int(text) if text.isdigit() else (text or None)


def _free(texts: str) -> Any:
    """Return parameters of ``r_on,k_on=-100:-1``, with their ranges where given."""
    from ..core.units import spice_number

    if not texts.strip():
        return None
    found: dict[str, tuple[float, float] | None] = {}
    for text in texts.split(","):
        name, mark, span = (part.strip() for part in text.partition("="))
        if not mark:
            found[name] = None
            continue
        low, colon, high = span.partition(":")
        if not colon:
            raise ParameterError(f"`--free`: a range must look like r_on=100:10k; got {text}")
        found[name] = spice_number(name, low), spice_number(name, high)
    return found


def fit_command(
    files: Annotated[list[Path], typer.Argument(
        help="Tables with voltage, current and time, or a folder of them.")],
    model: Annotated[str, typer.Option(
        help="Name of the model, such as vteam; `crossbarsim device list` has all. Several with "
             "--compare: vteam,yakopcic.")] = "",
    preset: Annotated[str, typer.Option(help="Start from this parameter set.")] = "",
    free: Annotated[str, typer.Option(
        help="Parameters to fit, with ranges or without: r_on,r_off,k_on=-100:-1. "
        "Default: the model's usual ones.")] = "",
    values: Annotated[list[str] | None, typer.Option(
        "--set", metavar="NAME=VALUE", help="Hold a parameter at this value; may be "
             "repeated.")] = None,
    start: Annotated[str, typer.Option(
        help="State at the start: auto, rest, first, last, fit, or a conductance in siemens."
    )] = "auto",
    scale: Annotated[str, typer.Option(
        metavar="asinh|linear|log", help="Scale on which currents are compared.")] = "asinh",
    compliance: Annotated[str, typer.Option(
        metavar="AMPERE", help="Current at which the analyser limited, such as 100u.")] = "",
    rate: Annotated[str, typer.Option(
        metavar="VOLT/SECOND", help="Rate of the ramp, where the table has no times.")] = "",
    interval: Annotated[str, typer.Option(
        metavar="SECOND", help="Time from point to point, where the table has no times.")] = "",
    voltage: Annotated[str, typer.Option(
        metavar="COLUMN", help="Header of the voltages' column, or its place, counted from 0. "
        "Default: told by the headers.")] = "",
    current: Annotated[str, typer.Option(
        metavar="COLUMN", help="The same of the currents.")] = "",
    time: Annotated[str, typer.Option(metavar="COLUMN", help="The same of the times.")] = "",
    compare: Annotated[bool, typer.Option(
        "--compare", help="Fit several models, all without --model, and order them.")] = False,
    many: Annotated[bool, typer.Option(
        "--many", help="The files are devices: fit each, and estimate their spread.")] = False,
    budget: Annotated[float, typer.Option(
        metavar="SECOND", help="Longest time of the search; with --many for each device.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Seed of the points from which the search begins.")] = 0,
    source: Annotated[str, typer.Option(
        help="Where the device is from, for the preset: stack, lab, wafer.")] = "",
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("fit"),
) -> None:
    """Fit a model to measured loops; write the preset, the report and the picture.

    Example: crossbarsim device fit loops.csv --model vteam --free r_on,r_off --out fit
    """
    from ..core.files import check_writable
    from ..core.units import spice_number

    console = Console(soft_wrap=True, highlight=False, markup=False)
    with reported():
        out.mkdir(parents=True, exist_ok=True)
        check_writable(out / "report.txt")
        read: dict[str, Any] = {
            "voltage": _column(voltage), "current": _column(current), "time": _column(time),
            "rate": spice_number("rate", rate) if rate else None,
            "interval": spice_number("interval", interval) if interval else None,
        }
        if compliance:
            read["compliance"] = spice_number("compliance", compliance)
        if compare and many:
            raise ParameterError("give either `--compare` or `--many`")
        words = ("auto", "rest", "first", "last", "fit")
        options: dict[str, Any] = {
            "start": start if start in words else spice_number("start", start), "scale": scale,
            "budget": budget, "seed": seed,
        }
        if compare:
            _compare(console, files, model, read, options, out)
            return
        if not model:
            raise ParameterError("`--model` is missing, such as vteam; or give `--compare`")
        fixed = _held(model, values or [])
        if many:
            _many(console, files, (model, preset, _free(free), fixed), read, options, out)
        else:
            _one(console, files, (model, preset, _free(free), fixed), read, options, out, source)


def _held(model: str, texts: list[str]) -> dict[str, Any]:
    from ..netlists.device_protocol import model as model_of
    from .device import settings_of

    return settings_of(model_of(model), texts)


def _device(model: str, preset: str) -> Any:
    from ..netlists.device_protocol import model as model_of

    found = model_of(model)
    return found.preset(preset) if preset else found()


def _sweeps(files: list[Path], read: dict[str, Any]) -> list[Any]:
    from ..devices import read_sweeps

    every = [p for place in files for p in (
        sorted(place.iterdir()) if place.is_dir() else [place])]
    return [sweep for path in every for sweep in read_sweeps(path, **read)]


def _one(
    console: Console, files: list[Path], what: Any, read: dict[str, Any], options: dict[str, Any],
    out: Path, source: str,
) -> None:
    from ..core.files import save_figure, write_text
    from ..core.progress import RichProgress
    from ..devices import fit

    model, preset, free, fixed = what
    with RichProgress(console, transient=True) as bars:
        found = fit(_device(model, preset), _sweeps(files, read), free, fixed, progress=bars,
                    **options)
    console.print(str(found))
    write_text(out / "report.txt", f"{found}\n")
    found.save(out / f"{model}.toml", source)
    save_figure(found.plot(), out / f"{model}.png", dpi=150)
    _wrote(console, out, "report.txt", f"{model}.toml", f"{model}.png")


def _compare(
    console: Console, files: list[Path], models: str, read: dict[str, Any],
    options: dict[str, Any], out: Path,
) -> None:
    from ..core.files import save_figure, write_text
    from ..core.progress import RichProgress
    from ..devices import compare

    chosen = [name.strip() for name in models.split(",")] if models else None
    with RichProgress(console, transient=True) as bars:
        found = compare(chosen, _sweeps(files, read), progress=bars, **options)
    console.print(found.table())
    write_text(out / "report.txt", f"{found.table()}\n\n{found.best}\n")
    best = type(found.best.device).name
    found.best.save(out / f"{best}.toml")
    save_figure(found.plot(), out / "comparison.png", dpi=150)
    _wrote(console, out, "report.txt", f"{best}.toml", "comparison.png")


def _many(
    console: Console, files: list[Path], what: Any, read: dict[str, Any], options: dict[str, Any],
    out: Path,
) -> None:
    import numpy as np

    from ..core.files import save_figure, write_text
    from ..core.progress import RichProgress
    from ..devices import fit_many
    from ..nonidealities import estimate_spread

    model, preset, free, fixed = what
    data = files[0] if len(files) == 1 else list(files)
    with RichProgress(console, transient=True) as bars:
        found = fit_many(_device(model, preset), data, free, fixed, read=read, progress=bars,
                         **options)
    text = found.table()
    ends = dict(zip(("r_on", "r_off"), found.resistances(), strict=True))
    # a model without current at an end of its state has no resistance there
    ends = {name: values for name, values in ends.items() if np.isfinite(values).all()}
    if len(found) >= 3 and ends:
        spread = estimate_spread(ends)
        text += "".join(
            f"\n{name}: {value:.4g} ohm, {one.distribution!r}"
            for (name, value), one in zip(spread.nominal.items(), spread.variabilities, strict=True)
        )
        if len(ends) == 2:
            text += f"\ncorrelation of r_on and r_off: {float(spread.correlation[0, 1]):.2f}"
    console.print(text)
    write_text(out / "report.txt", text + "\n")
    save_figure(found.plot(), out / "spread.png", dpi=150)
    _wrote(console, out, "report.txt", "spread.png")


def _wrote(console: Console, out: Path, *names: str) -> None:
    for name in names:
        console.print(f"wrote {out / name}")
