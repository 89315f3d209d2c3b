"""``python -m benchmarks [names]``: measure, print tables, write JSON, update the pages."""

from __future__ import annotations

import datetime as dt
import json
from importlib.metadata import version
from typing import Annotated

import typer

from crossbarsim.core.environment import environment
from crossbarsim.core.files import write_text

from .readme import BENCHMARKS, EXTRA, RESULTS, write


def machine() -> str:
    """Return what the figures were measured on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "numba"))
    today = dt.datetime.now(dt.UTC).date()
    return f"{environment()['cpu']}, {packages}, crossbarsim {version('crossbarsim')}, {today}"


def main(
    names: Annotated[list[str] | None, typer.Argument(help="benchmarks; default: all")] = None,
    *,
    quick: Annotated[bool, typer.Option(help="smallest sizes, nothing is written")] = False,
) -> None:
    """Measure and write `benchmarks/results/*.json` and the tables of the pages."""
    every = BENCHMARKS | EXTRA
    for name in names or list(every):
        if name not in every:
            raise typer.BadParameter(f"{name!r}: there are {', '.join(every)}")
        result = {"machine": machine(), **every[name].run(quick=quick)}
        print(f"\n{every[name].table(result)}\n", flush=True)
        if not quick:
            RESULTS.mkdir(exist_ok=True)
            write_text(RESULTS / f"{name}.json", json.dumps(result, indent=1) + "\n")
            write()


if __name__ == "__main__":
    typer.run(main)
