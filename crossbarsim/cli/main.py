"""The console script: all commands, each from the file of its group."""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer

from ..core.views.log import show_log
from . import study_files, study_recovery  # noqa: F401 - commands of `study`
from .decks.commands import check, run
from .device import device
from .device_fit import fit_command
from .examples import examples
from .help import Command, Group
from .output import plain_where_needed
from .program import program
from .solve import info, solve
from .study import study

__all__ = ["app", "main"]

app = typer.Typer(
    name="crossbarsim", cls=Group, no_args_is_help=True, add_completion=True,
    rich_markup_mode="rich",
    help="Circuit-level simulation of memristor crossbars and of deep networks on them.",
)
device.command("fit")(fit_command)
app.add_typer(study, name="study", cls=Group)
app.add_typer(device, name="device", cls=Group)
for _command in (solve, run, check, program, examples, info):
    app.command()(_command)
for _each in (app, study, device):
    for _registered in _each.registered_commands:
        _registered.cls = Command


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
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True,
                          help="Tell on the error stream what happens; twice: every solution."),
    ] = 0,
) -> None:
    """Parse the options before the command."""
    if verbose:
        import logging

        show_log(logging.INFO if verbose == 1 else logging.DEBUG)


def main() -> None:
    """Run the console script."""
    plain_where_needed()
    app()
