"""``crossbarsim examples``: short scripts to start from."""

from __future__ import annotations

import ast
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..core.errors import ParameterError
from .errors import reported

__all__ = ["examples"]


def _scripts() -> dict[str, str]:
    """Return the text of every script by its name without ``.py``."""
    folder = resources.files("crossbarsim.examples")
    return {
        entry.name.removesuffix(".py"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".py") and not entry.name.startswith("_")
    }


def examples(
    names: Annotated[list[str] | None, typer.Argument(
        help="Scripts to copy, or `all`; none: list them.", show_default=False)] = None,
    out: Annotated[Path, typer.Option(help="Folder to copy into.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """List short scripts to start from, or copy some of them."""
    from ..core.files import write_text
    from ..core.settings.records import closest

    scripts = _scripts()
    console = Console(soft_wrap=True, highlight=False)
    if not names:
        table = Table(show_header=False, box=None)
        for name, text in scripts.items():
            table.add_row(name, (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0])
        console.print(table)
        console.print("\ncrossbarsim examples NAME copies one, `all` all of them.", markup=False)
        return
    wanted = list(scripts) if names == ["all"] else [name.removesuffix(".py") for name in names]
    with reported():
        for name in wanted:
            if name not in scripts:
                raise ParameterError(
                    f"no example is called {name!r}{closest(name, scripts)}"
                )
        places = [out / f"{name}.py" for name in wanted]
        if not force and (there := [place for place in places if place.exists()]):
            raise ParameterError(f"{there[0]} is there already: `--force` replaces it")
        out.mkdir(parents=True, exist_ok=True)
        for name, place in zip(wanted, places, strict=True):
            write_text(place, scripts[name])
            console.print(f"{place}: python {place}", markup=False)
