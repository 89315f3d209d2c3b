"""Results to files by the file's suffix."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import ParameterError
from ....core.files import new_text_file
from ..rawfile.writer import write_raw
from .result import Result
from .results import Curves
from .sweep_results import Stepped

__all__ = ["save_results"]


def _tables(results: Iterable[Result]) -> Iterator[tuple[str, Result]]:
    """Yield every result with a name for its file, steps one by one."""
    for result in results:
        if isinstance(result, Stepped):
            for k, (_, one) in enumerate(result):
                yield from ((f"{name}_{k + 1}", r) for name, r in _tables([one]))
        else:
            yield result.short_name, result


def save_results(path: str | Path, results: Iterable[Result]) -> list[Path]:
    """Write results to a file by its suffix; return the files written.

    ``.raw`` holds all of them, ngspice reads it. ``.csv`` is a table of one; of several each has
    its own file, ``name_tran.csv``. Complex numbers are two columns, real and imaginary part.

    Raises
    ------
    ParameterError
        Another suffix, or nothing to write.
    """
    file = Path(path)
    tables = list(_tables(results))
    if not tables:
        raise ParameterError("there is no result that could be written")
    if file.suffix.lower() == ".raw":
        write_raw(file, [result for _, result in tables])
        return [file]
    if file.suffix.lower() != ".csv":
        raise ParameterError(f"results are written to .raw or .csv; got {file.name!r}")
    if len(tables) == 1:
        _write_csv(file, tables[0][1])
        return [file]
    files = []
    used: dict[str, int] = {}
    for name, result in tables:
        used[name] = used.get(name, 0) + 1
        more = name if used[name] == 1 else f"{name}{used[name]}"
        files.append(file.with_name(f"{file.stem}_{more}.csv"))
        _write_csv(files[-1], result)
    return files


def _write_csv(file: Path, result: Result) -> None:
    plot = result.to_plots()[0]  # totals of noise are no columns
    heads: list[str] = []
    columns: list[Any] = []
    if isinstance(result, Curves) and len(result.axes) > 1:  # outer sweeps, which .raw leaves out
        grids = np.meshgrid(*result.axes.values(), indexing="ij")
        for name, grid in list(zip(result.axes, grids, strict=True))[:-1]:
            heads.append(name)
            columns.append(np.ravel(grid))
    for k, (variable, vector) in enumerate(zip(plot.variables, plot.vectors, strict=True)):
        if np.iscomplexobj(vector) and k:
            heads += [f"re({variable.name})", f"im({variable.name})"]
            columns += [vector.real, vector.imag]
        else:
            heads.append(variable.name)
            columns.append(np.real(vector))
    with new_text_file(file) as stream:
        writer = csv.writer(stream)
        writer.writerow(heads)
        writer.writerows([repr(float(v)) for v in row] for row in zip(*columns, strict=True))
