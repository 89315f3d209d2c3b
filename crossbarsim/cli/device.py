"""``crossbarsim device``: the compact models, their parameters, and pictures of their loops."""

from __future__ import annotations

import csv
import inspect
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from ..core.errors import ParameterError
from .errors import reported
from .output import Html, page_path, save_page

__all__ = ["chosen", "device", "settings_of"]

device = typer.Typer(no_args_is_help=True, help="Compact models of memristive devices.")


def _number(value: float) -> str:
    return f"{value:.6g}"


@device.command("list")
def list_models() -> None:
    """List the models with their states, and every published parameter set with its source."""
    from ..netlists.device_protocol import model, models

    console = Console()
    with reported():
        table = Table(Column("model", no_wrap=True), "states", "preset", "source")
        for name in models():
            found = model(name)
            states = ", ".join(
                f"{s.name} ({s.unit})" if s.unit else s.name for s in found.states
            ) or "none"
            presets = found.presets() or ("",)
            for k, preset in enumerate(presets):
                table.add_row(
                    name if k == 0 else "", states if k == 0 else "", preset,
                    found.sources.get(preset, "generic values, no published card"),
                    end_section=k == len(presets) - 1,
                )
        console.print(table)


@device.command()
def show(
    name: Annotated[str, typer.Argument(
        help="Name of the model, such as vteam; or a Verilog-A source or OSDI library.")],
    preset: Annotated[str, typer.Option(
        help="Show the values of this parameter set; `crossbarsim device list` has their "
             "names.")] = "",
    include: Annotated[list[str] | None, typer.Option(
        "--include", "-I", help="A folder of files that the source includes; may be repeated.",
    )] = None,
) -> None:
    """Show a model: what it computes, its parameters with units and limits, its states.

    Of a Verilog-A source (.va) or a compiled library (.osdi): terminals, inner nodes, parameters
    with units, defaults and, of a source, ranges, and variables of the operating point.
    """
    from ..netlists.device_protocol import model
    from .modules import is_module_file, show_modules

    console = Console()
    with reported():
        if is_module_file(name):
            if preset:
                raise ParameterError("`--preset`: a Verilog-A module has none")
            show_modules(console, name, include or [])
            return
        if include:
            raise ParameterError("`--include` is for a Verilog-A source")
        found = model(name)
        made = found.preset(preset) if preset else found()
        text = inspect.cleandoc(found.__doc__ or name).split("\n\nParameters")[0]
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        table = Table("parameter", "value", "unit", "range or choices")
        for key, parameter in found._declared.items():  # noqa: SLF001 - the model's declaration
            value = getattr(made, key)
            span = ", ".join(parameter.choices) if parameter.choices else _span(parameter)
            table.add_row(key, value if isinstance(value, str) else _number(value),
                          parameter.unit, span)
        console.print(table)
        low, high = made.bounds()
        states = Table("state", "from", "to", "unit", "at rest")
        rows = zip(found.states, low, high, made.rest(), strict=True)
        for state, *values in rows:
            a, b, rest = map(_number, map(float, values))
            states.add_row(state.name, a, b, state.unit, rest)
        console.print(states if found.states else "no states")
        console.print(f"presets: {', '.join(found.presets()) or 'none'}", highlight=False)


def _span(parameter: Any) -> str:
    low, high = parameter.low, parameter.high
    sign = "<" if parameter.open else "<="
    left = "" if low == -float("inf") else f"{_number(low)} {sign} "
    right = "" if high == float("inf") else f" {sign} {_number(high)}"
    return f"{left}value{right}" if left or right else "any"


def settings_of(found: Any, texts: list[str]) -> dict[str, Any]:
    """Return the parameters of ``name=value`` texts; values may be SPICE numbers such as 10k."""
    from ..core.settings import closest
    from ..core.units import spice_number

    declared = found._declared  # noqa: SLF001 - the model's declaration
    chosen: dict[str, Any] = {}
    for text in texts:
        key, mark, value = text.partition("=")
        key = key.strip()
        if not mark:
            raise ParameterError(f"`--set` must look like r_on=1k; got {text}")
        if key == "polarity":
            chosen[key] = int(spice_number(key, value))
            continue
        if key not in declared:
            raise ParameterError(
                f"{found.__name__} has no parameter `{key}`{closest(key, declared)}"
            )
        chosen[key] = value.strip() if declared[key].choices else spice_number(key, value)
    return chosen


def chosen(name: str, preset: str, texts: list[str] | None) -> Any:
    """Return the device of a model, a preset of it and ``name=value`` texts, each optional."""
    from ..netlists.device_protocol import model

    found = model(name)
    changes = settings_of(found, texts or [])
    return found.preset(preset, **changes) if preset else found(**changes)


@device.command()
def iv(
    name: Annotated[str, typer.Argument(help="Name of the model, such as vteam.")],
    preset: Annotated[str, typer.Option(help="Name of a parameter set.")] = "",
    amplitude: Annotated[float | None, typer.Option(
        metavar="VOLT", help="Amplitude of the voltage. Default: what suits the model.")] = None,
    frequency: Annotated[float | None, typer.Option(
        metavar="HERTZ", help="Frequency of the voltage. Default: what suits the model.")] = None,
    conductance: Annotated[float | None, typer.Option(
        metavar="SIEMENS", help="Conductance at the start. Default: the state at rest.")] = None,
    cycles: Annotated[int, typer.Option(help="Number of periods.")] = 2,
    points: Annotated[int, typer.Option(help="Points per period.")] = 1000,
    shape: Annotated[str, typer.Option(
        metavar="sine|triangle", help="Shape of the voltage.")] = "sine",
    seed: Annotated[int, typer.Option(help="Seed of the noise of stochastic models.")] = 0,
    values: Annotated[list[str] | None, typer.Option(
        "--set", metavar="NAME=VALUE", help="Give a parameter this value, as r_on=1k; may be "
             "repeated.")] = None,
    plot: Annotated[bool, typer.Option(
        "--plot", help="Write the picture to MODEL-iv.png.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the picture to this file.")] = None,
    table: Annotated[Path | None, typer.Option(
        "--csv", help="Write time, voltage, current and states to this file.")] = None,
    html: Html = None,
) -> None:
    """Simulate the I-V loop of one device under a periodic voltage."""
    from ..core.files import check_writable, new_text_file

    console = Console(soft_wrap=True, highlight=False, markup=False)
    with reported():
        page = page_path(html)
        for file in (out, table):
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                check_writable(file)
        made = chosen(name, preset, values)
        found = type(made)
        usual = found.showcase.get(preset, found.showcase.get("", (1.0, 1e3)))
        volts = usual[0] if amplitude is None else amplitude
        hertz = usual[1] if frequency is None else frequency
        start = usual[2] if conductance is None and len(usual) > 2 else conductance
        trace = made.hysteresis(
            volts, hertz, cycles=cycles, points=points, shape=shape, conductance=start, seed=seed
        )
        console.print(f"{made!r}")
        console.print(f"{shape}, {volts:g} V, {hertz:g} Hz, {cycles} cycles, {trace.steps} steps")
        console.print(f"current {trace.current.min():.4g} to {trace.current.max():.4g} A")
        for state, track in zip(found.states, trace.state, strict=True):
            console.print(f"{state.name} {track.min():.4g} to {track.max():.4g} {state.unit}")
        if plot or out is not None:
            console.print(f"wrote {_picture(trace, out or Path(f'{found.name}-iv.png'), preset)}")
        if table is not None:
            with new_text_file(table) as stream:
                writer = csv.writer(stream)
                names = (f"{s.name} ({s.unit or '1'})" for s in found.states)
                writer.writerow(["time (s)", "voltage (V)", "current (A)", *names])
                writer.writerows(
                    zip(trace.time, trace.voltage, trace.current, *trace.state, strict=True)
                )
            console.print(f"wrote {table}")
        if page is not None:
            console.print(f"wrote {save_page(trace, page)}")


@device.command()
def export(
    name: Annotated[str, typer.Argument(help="Name of the model, such as vteam.")],
    preset: Annotated[str, typer.Option(help="Name of a parameter set.")] = "",
    values: Annotated[list[str] | None, typer.Option(
        "--set", metavar="NAME=VALUE", help="Give a parameter this value, as r_on=1k; may be "
             "repeated.")] = None,
    module: Annotated[str, typer.Option(help="Name of the module; default: the model's.")] = "",
    without_noise: Annotated[bool, typer.Option(
        "--without-noise", help="Leave out the noise of the states.")] = False,
    verilog_a: Annotated[Path | None, typer.Option(
        "--verilog-a", help="Write to this file, such as vteam.va, instead of the screen.")] = None,
) -> None:
    """Write a device as Verilog-A, which openvaf-r compiles for ngspice, VACASK and others."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    with reported():
        made = chosen(name, preset, values)
        if verilog_a is None:
            typer.echo(made.to_verilog_a(module=module, without_noise=without_noise), nl=False)
            return
        verilog_a.parent.mkdir(parents=True, exist_ok=True)
        made.save_verilog_a(verilog_a, module=module, without_noise=without_noise)
        console.print(f"wrote {verilog_a}")


def _picture(trace: Any, path: Path, preset: str) -> Path:
    """Draw the loop, and the main state beside it where there is one."""
    from ..core.files import save_figure
    from ..devices.plots import panels, plot_iv, plot_state

    made = trace.device
    figure, axes = panels(1 + bool(made.states))
    plot_iv(trace, ax=axes[0])
    if made.states:
        plot_state(trace, ax=axes[1])
    figure.suptitle(f"{type(made).__name__}{f', {preset}' if preset else ''}", fontsize=11)
    return save_figure(figure, path, dpi=150)
