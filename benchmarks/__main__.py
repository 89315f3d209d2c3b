"""``python -m benchmarks [names]``: measure, print tables, write JSON, update the README."""

from __future__ import annotations

import datetime as dt
import json
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from .readme import BENCHMARKS, RESULTS, write


def machine() -> str:
    """Return what the figures were measured on."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":")[1].strip()
                break
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "numba"))
    today = dt.datetime.now(dt.UTC).date()
    return f"{model}, {packages}, crossbarsim {version('crossbarsim')}, {today}"


def main(
    names: Annotated[list[str] | None, typer.Argument(help="benchmarks; default: all")] = None,
    *,
    quick: Annotated[bool, typer.Option(help="smallest sizes, nothing is written")] = False,
) -> None:
    """Measure and write `benchmarks/results/*.json` and the README's tables."""
    for name in names or list(BENCHMARKS):
        if name not in BENCHMARKS:
            raise typer.BadParameter(f"{name!r}: there are {', '.join(BENCHMARKS)}")
        result = {"machine": machine(), **BENCHMARKS[name].run(quick=quick)}
        print(f"\n{BENCHMARKS[name].table(result)}\n", flush=True)
        if not quick:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
            write()


if __name__ == "__main__":
    typer.run(main)
