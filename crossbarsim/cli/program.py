"""``crossbarsim program``: an array written by pulses and verifying reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ..core.errors import ParameterError
from .device import chosen as chosen_device
from .errors import reported, studies_extra
from .output import Html, page_path, save_page
from .parse import array_file

if TYPE_CHECKING:
    from ..core.validation import Array
    from ..devices.base import Device
    from ..programming import ProgramResult

__all__ = ["program"]

_CELLS = ("bare", "1t1r", "1s1r")


def _shape(text: str) -> tuple[int, int]:
    rows, mark, columns = text.lower().partition("x")
    if not (mark and rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise ParameterError(f"`--size` must look like 16x16; got {text}")
    return int(rows), int(columns)


def _varied(device: Device, texts: list[str], shape: tuple[int, int], seed: int) -> Device:
    """Return the device with parameters that differ from cell to cell, lognormal."""
    import numpy as np

    changes: dict[str, Any] = {}
    for k, text in enumerate(texts):
        name, mark, value = text.partition("=")
        try:
            sigma = float(value)
        except ValueError:
            sigma = -1.0
        if not mark or not 0 <= sigma < 2:
            raise ParameterError(f"`--vary` must look like r_on=0.1; got {text}")
        if not isinstance(device.parameters().get(name, ""), float):
            raise ParameterError(f"{type(device).__name__} has no parameter `{name}` to vary")
        draws = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, k))))
        changes[name] = device.parameters()[name] * np.exp(sigma * draws.standard_normal(shape))
    return device.replace(**changes) if changes else device


def _load(path: str, shape: tuple[int, int], option: str) -> Array:
    found = array_file(path)
    if found.shape != shape:
        raise ParameterError(f"`{option}`: {path} has shape {found.shape}; `--size` is {shape}")
    return found


def _range(device: Device, g_low: float | None, g_high: float | None) -> tuple[float, float]:
    """Return the range of the targets: by default the inner 70 % of every cell's, logarithmic."""
    import numpy as np

    low, high = (np.ravel(g) for g in device.conductance_range())
    least, most = float(low.max()), float(high.min())
    least = max(least, 1e-3 * most)
    span = most / least
    found = (least * span**0.15 if g_low is None else g_low,
             least * span**0.85 if g_high is None else g_high)
    if not 0 < found[0] <= found[1]:
        raise ParameterError(f"must be 0 < g_low <= g_high; got {found[0]:g} and {found[1]:g} S")
    return found


def _targets(
    kind: str, shape: tuple[int, int], span: tuple[float, float], levels: int, seed: int
) -> Array:
    import numpy as np

    draws = np.random.Generator(np.random.Philox(seed))
    if kind == "random":
        return np.asarray(np.exp(draws.uniform(np.log(span[0]), np.log(span[1]), shape)))
    if kind == "levels":
        if levels < 2:
            raise ParameterError(f"`--levels` must be >= 2; got {levels}")
        return np.linspace(*span, levels)[draws.integers(0, levels, shape)]
    return _load(kind, shape, "--targets")


def _cells(
    kind: str, device: Device, start: Array, gate: float, transistor: str, selector: str
) -> Any:
    from .. import EKV, OneSelectorOneResistor, OneTransistorOneResistor
    from ..netlists.device_protocol import model

    array = device.array(conductance=start)
    if kind == "bare":
        return array
    if kind == "1s1r":
        return OneSelectorOneResistor(array, model(selector)())
    if kind == "1t1r":
        return OneTransistorOneResistor(array, EKV.preset(transistor), gate_voltage=gate)
    raise ParameterError(f"`--cells` must be one of {', '.join(_CELLS)}; got {kind}")


def _print(result: ProgramResult, console: Console) -> None:
    good = result.targets.size - len(result.unconverged)
    table = Table(show_header=False, box=None)
    for label, value in (
        ("cells within tolerance", f"{good} of {result.targets.size}"),
        ("pulses per cell", f"{result.pulses.mean():.1f}, at most {result.pulses.max()}"),
        ("write pulses, row reads", f"{result.writes}, {result.reads}"),
        ("energy of writing, reading", f"{result.energy:.3g} J, {result.read_energy:.3g} J"),
        ("time", f"{result.time:.3g} s"),
        ("error as read", _spread(result.relative_error)),
        ("error of the cells' own", _spread(result.relative_cell_error)),
        ("not converged", _list(result.unconverged)),
        ("disturbed", _list(result.disturbed)),
    ):
        table.add_row(label, value)
    console.print(table, highlight=False)
    if result.reasons or not result.success:
        console.print(result.message, highlight=False, soft_wrap=True)


def _spread(error: Array) -> str:
    mean, deviation, worst = 100 * error.mean(), 100 * error.std(), 100 * abs(error).max()
    return f"{mean:+.2f} % mean, {deviation:.2f} % deviation, {worst:.2f} % worst"


def _list(cells: list[tuple[int, int]]) -> str:
    shown = ", ".join(map(str, cells[:8]))
    return (shown + (f" and {len(cells) - 8} more" if len(cells) > 8 else "")) or "none"


def program(
    name: Annotated[str, typer.Argument(help="Name of the model, such as vteam.")],
    preset: Annotated[str, typer.Option(help="Name of a parameter set.")] = "",
    values: Annotated[list[str] | None, typer.Option(
        "--set", metavar="NAME=VALUE",
        help="Value of a parameter of the model, as r_on=1k; may be repeated.")] = None,
    vary: Annotated[list[str] | None, typer.Option(
        metavar="NAME=SIGMA", help="Vary a parameter from cell to cell, log-normally, with this "
        "standard deviation of the logarithm, as r_on=0.1; may be repeated.")] = None,
    size: Annotated[str, typer.Option(metavar="MxN", help="Word lines x bit lines.")] = "8x8",
    cells: Annotated[str, typer.Option(
        metavar="bare|1t1r|1s1r",
        help="The device alone, with a transistor, or with a selector.")] = "bare",
    gate: Annotated[float, typer.Option(
        metavar="VOLT",
        help="1t1r: gate voltage of SET and of reads; it limits the current of SET.")] = 2.5,
    gate_reset: Annotated[float | None, typer.Option(
        metavar="VOLT", help="1t1r: gate voltage of RESET. Default: 1 V more than --gate.")] = None,
    transistor: Annotated[str, typer.Option(
        help="1t1r: the transistor, a preset of EKV.")] = "ptm_130nm",
    selector: Annotated[str, typer.Option(
        help="1s1r: model of the selector.")] = "exponential_selector",
    scheme: Annotated[str, typer.Option(
        help="Write scheme: v/2, v/3, floating or 1t1r. Default: what the cells need.")] = "",
    targets: Annotated[str, typer.Option(
        help="What to program: a .npy file in siemens, log-uniform random numbers, or levels.",
    )] = "random",
    levels: Annotated[int, typer.Option(help="Number of levels of --targets levels.")] = 4,
    g_low: Annotated[float | None, typer.Option(
        metavar="SIEMENS", help="Smallest target. Default: within the model's range.")] = None,
    g_high: Annotated[float | None, typer.Option(
        metavar="SIEMENS", help="Largest target. Default: within the model's range.")] = None,
    start: Annotated[str, typer.Option(
        metavar="FILE", help="Conductances at the start, a .npy file in siemens, such as the "
        "conductance.npy of an earlier run. Default: all at the smallest target.")] = "",
    tolerance: Annotated[float, typer.Option(
        help="Error at which a cell counts as programmed, relative to its target.")] = 0.05,
    algorithm: Annotated[str, typer.Option(
        metavar="amplitude|width", help="What grows from pulse to pulse.")] = "amplitude",
    width: Annotated[float | None, typer.Option(
        metavar="SECOND", help="Width of the pulses. Default: found by search.")] = None,
    criterion: Annotated[str, typer.Option(
        metavar="read|cell", help="What --tolerance is about: the read through wires and access "
        "elements, or the cell's own conductance.")] = "read",
    read_voltage: Annotated[float | None, typer.Option(
        metavar="VOLT", help="Voltage of verifying reads. Default: the model's own, with "
        "selectors more by what these take.")] = None,
    ohm: Annotated[float, typer.Option(metavar="OHM", help="Resistance of a wire segment.")] = 1.0,
    passes: Annotated[int, typer.Option(help="Most times that the array is gone over.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of targets, variation and noise.")] = 0,
    restart: Annotated[bool, typer.Option(
        "--restart", help="Begin anew instead of going on with an interrupted run.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results/program"),
    html: Html = None,
) -> None:
    """Program an array by pulses and verifying reads; write a table, a summary and a picture.

    How far it has come is kept in the folder of results: after Ctrl-C, or where it was killed, the
    same command goes on from there, to the same result; --restart begins anew. After Ctrl-C what
    was done is written, too: another run may --start from its conductance.npy, with --restart in
    the same folder.

    Example: crossbarsim program vteam --preset magic --set v_off=1 --size 4x4 --tolerance 0.03
    """
    import numpy as np

    from .. import Crossbar, Wires
    from ..core.environment import environment
    from ..core.files import save_array, save_table, write_text
    from ..core.locks import FolderLock
    from ..core.progress import RichProgress

    console = Console()
    with reported():
        with studies_extra():
            from ..programming import Gated
            from ..programming import program as run
            from ..programming.plots import save_program
        page = page_path(html)
        shape = _shape(size)
        device = _varied(chosen_device(name, preset, values), vary or [], shape, seed)
        span = _range(device, g_low, g_high)
        goal = _targets(targets, shape, span, levels, seed)
        begin = _load(start, shape, "--start") if start else np.full(shape, float(goal.min()))
        xbar = Crossbar(
            cells=_cells(cells, device, begin, gate, transistor, selector),
            wires=Wires(word=ohm, bit=ohm),
        )
        chosen: Any = scheme or None
        if cells == "1t1r" and scheme in ("", "1t1r"):
            chosen = Gated(gate, gate + 1.0 if gate_reset is None else gate_reset, gate)
        checkpoint = out / "checkpoint.npz"
        with FolderLock(out):
            if restart:
                checkpoint.unlink(missing_ok=True)
            if checkpoint.exists():
                console.print(f"going on from {checkpoint}", soft_wrap=True)
            with RichProgress(console) as bars:
                result = run(
                    xbar, goal, scheme=chosen, tolerance=tolerance,
                    algorithm=algorithm, width=width,  # type: ignore[arg-type]
                    read_voltage=read_voltage, passes=passes, seed=seed,
                    criterion=criterion,  # type: ignore[arg-type]
                    progress=bars, checkpoint=checkpoint,
                )
            save_table(out / "cells.csv", result.to_dataframe())
            save_array(out / "conductance.npy", result.conductance)
            record = {
                **result.summary(), "model": name, "preset": preset, "cells": cells, "ohm": ohm,
                "tolerance": tolerance, "seed": seed, "environment": environment(),
            }
            write_text(out / "summary.json", json.dumps(record, indent=1) + "\n")
            save_program(result, out / "program.png", title=type(device).__name__)
            interrupted = "interrupted" in result.message
            if not interrupted:
                checkpoint.unlink()
        _print(result, console)
        for file in ("cells.csv", "conductance.npy", "summary.json", "program.png"):
            console.print(f"wrote {out / file}", soft_wrap=True)
        if page is not None:
            console.print(f"wrote {save_page(result, page)}", soft_wrap=True)
        if interrupted:
            console.print(
                f"{result.message}; go on with the same command, or begin another run with "
                f"--restart --start {out / 'conductance.npy'}", soft_wrap=True)
            raise typer.Exit(130)
