"""The console script: all commands, each from the file of its group."""

from __future__ import annotations

import re
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ..core.views.log import show_log
from . import study_files, study_networks  # noqa: F401 - commands of `study`
from .decks.commands import check, run
from .device import device
from .device_fit import fit_command
from .examples import examples
from .output import plain_where_needed
from .program import program
from .solve import info, solve
from .study import study

__all__ = ["app", "main"]


def flowing(text: str) -> str:
    """Return a text whose paragraphs are one line each, for the terminal to fold."""
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


class _Shown:
    """Help whose paragraphs fold with the terminal, and whose flags show no type."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        if options.get("help"):
            options["help"] = flowing(options["help"])
        super().__init__(*arguments, **options)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return all parameters; what is given without a value shows none."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for one in found:
            if getattr(one, "is_flag", False) or getattr(one, "count", False):
                one.metavar = ""
        return found


class Command(_Shown, TyperCommand):
    """A command."""


class Group(_Shown, TyperGroup):
    """A group of commands."""


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
