"""Writing .raw files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import ParameterError
from ....core.files import new_file
from .plots import HasPlots, RawPlot

__all__ = ["write_raw"]


def write_raw(
    path: str | Path, plots: HasPlots | Iterable[HasPlots], *, binary: bool = True,
    padded: bool = True,
) -> None:
    """Write plots, or results of circuits, so that ngspice's ``load`` reads them.

    All is checked before the file is touched; one that is there is replaced by the whole new one.

    Parameters
    ----------
    path : path
    plots : RawPlot or a result of an analysis, or several
        Such as ``Solver().run(deck)``; of ``.step`` a plot for every step.
    binary : bool
        Else text of 17 digits, which is as exact.
    padded : bool
        Whether vectors that are shorter than others are filled up with 0.

    Raises
    ------
    ParameterError
        No plot, something else, or a plot whose variables and vectors do not fit.
    OSError
        As `open`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from crossbarsim import read_raw, write_raw
    >>> from crossbarsim.solvers.circuit.rawfile.plots import RawPlot, RawVariable
    >>> variables = RawVariable("time", "time"), RawVariable("v(out)", "voltage")
    >>> plot = RawPlot("rc", "Transient", variables, (np.array([0.0, 1e-3]), np.array([0.5, 0.7])))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_raw(Path(folder, "rc.raw"), plot)
    ...     read_raw(Path(folder, "rc.raw"))[0]["v(out)"]
    array([0.5, 0.7])
    """
    some = list(_plots(plots))
    if not some:
        raise ParameterError("`plots` must have at least one plot")
    for plot in some:
        _check(plot)
    with new_file(path) as stream:
        stream.writelines(_written(plot, binary=binary, padded=padded) for plot in some)


def _plots(given: Any) -> Iterator[RawPlot]:
    if hasattr(given, "to_plots"):  # results may be sequences, too
        yield from given.to_plots()
    elif isinstance(given, Iterable) and not isinstance(given, (str, bytes)):
        for one in given:
            yield from _plots(one)
    else:
        raise ParameterError(
            "`plots` must be RawPlots or results of a circuit's analyses, such as those of "
            f"`Solver().run`; got {type(given).__name__}"
        )


def _check(plot: RawPlot) -> None:
    if len(plot.variables) != len(plot.vectors):
        raise ParameterError(
            f"{plot.name}: {len(plot.variables)} variables and {len(plot.vectors)} vectors"
        )
    for variable in plot.variables:
        if not variable.name or any(c.isspace() for c in variable.name + variable.kind):
            raise ParameterError(f"a vector's name must be one word; got {variable.name!r}")


def _written(plot: RawPlot, *, binary: bool, padded: bool) -> bytes:
    points, complex_ = len(plot), plot.complex
    now = datetime.now().astimezone().strftime("%a %b %d %H:%M:%S  %Y")
    lines = [
        f"Title: {_line(plot.title)}", f"Date: {_line(plot.date) or now}",
        f"Plotname: {_line(plot.name)}",
        f"Flags: {'complex' if complex_ else 'real'}{'' if padded else ' unpadded'}",
        f"No. Variables: {len(plot.variables)}", f"No. Points: {points}",
    ]
    if len(plot.dimensions) > 1:
        lines.append(f"Dimensions: {','.join(map(str, plot.dimensions))}")
    lines += [f"Command: {_line(c)}" for c in plot.commands]
    lines += [f"Option: {_line(o)}" for o in plot.options]
    lines.append("Variables:")
    for k, (variable, vector) in enumerate(zip(plot.variables, plot.vectors, strict=True)):
        attributes = {a: c for a, c in variable.attributes.items() if a != "dims"}
        if len(vector) != points:
            attributes["dims"] = str(len(vector))
        more = "".join(f" {a}={c}" for a, c in attributes.items())
        lines.append(f"\t{k}\t{variable.name}\t{variable.kind}{more}")
    kind = np.dtype("<c16" if complex_ else "<f8")
    table = np.zeros((points, len(plot.vectors)), dtype=kind)
    here = np.ones(table.shape, dtype=bool)
    for k, vector in enumerate(plot.vectors):
        table[:len(vector), k] = vector
        here[len(vector):, k] = padded
    if binary:
        head = "\n".join([*lines, "Binary:", ""]).encode()
        return head + (table if here.all() else table[here]).tobytes()
    text = ["\n".join([*lines, "Values:"])]
    one = "{:.16e},{:.16e}".format if complex_ else "{:.16e}".format
    for point, (row, there) in enumerate(zip(table, here, strict=True)):
        numbers = (row if there.all() else row[there]).tolist()
        values = [one(v.real, v.imag) for v in numbers] if complex_ else map(one, numbers)
        text.append(f" {point}\t" + "\n\t".join(values) + "\n")
    return "\n".join([*text, ""]).encode()


def _line(text: str) -> str:
    return " ".join(text.split("\n"))
