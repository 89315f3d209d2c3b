"""Results as plots of .raw files and as tables of comma-separated values."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ....core.errors import ParameterError
from ....core.files import new_text_file
from ..analyses.ac import Spectrum
from ..analyses.fourier import Harmonics
from ..analyses.noise import NoiseSpectrum
from ..analyses.op import OperatingPoint
from ..analyses.sensitivities import Sensitivities, SensitivitySpectrum
from ..analyses.transfer_function import TransferFunction
from ..results.results import Curves, Sweep, Transient
from ..results.sweep_results import Stepped
from .reader import RawPlot, RawVariable, write_raw

__all__ = ["Table", "raw_of", "save_results", "title_of"]

Table = Curves | OperatingPoint | TransferFunction | Sensitivities
"""A result that is a table of vectors."""

_TITLES: tuple[tuple[type, str], ...] = (
    (OperatingPoint, "Operating Point"), (Transient, "Transient Analysis"),
    (Spectrum, "AC Analysis"), (Sweep, "DC transfer characteristic"),
    (NoiseSpectrum, "Noise Spectral Density Curves"), (TransferFunction, "Transfer Function"),
    (Sensitivities, "Sensitivity Analysis"), (SensitivitySpectrum, "Sensitivity Analysis"),
)


def title_of(result: object) -> str:
    """Return ngspice's name of a result's analysis."""
    for cls, title in _TITLES:
        if isinstance(result, cls):
            return title
    raise ParameterError(f"a {type(result).__name__} is no table of vectors")


def _kind(name: str) -> str:
    if name in ("time", "frequency"):
        return name
    if name.startswith(("onoise", "inoise")):
        return "voltage-density" if "total" not in name else "voltage"
    if name.startswith("v("):
        return "voltage"
    current = name.startswith("i(") or re.search(r"\[(i[a-z]{0,2}|current)\]$", name)
    return "current" if current else "notype"


def _scale_name(result: Curves, name: str) -> tuple[str, str]:
    if not isinstance(result, Sweep):
        return name, _kind(name)
    if name in ("temp", "temper"):
        return "temp-sweep", "notype"
    element = next((e for e in result.circuit if e.name.lower() == name), None)
    if element is not None and element.kind in "VIR":
        return {"V": ("v(v-sweep)", "voltage"), "I": ("i(i-sweep)", "current"),
                "R": ("res-sweep", "notype")}[element.kind]
    return name, "notype"


def raw_of(
    result: Table, vectors: Sequence[tuple[str, ArrayLike]] | None = None, title: str = ""
) -> RawPlot:
    """Return a result as a plot, with all its vectors or with the given ones.

    Nested sweeps are one after another, with ngspice's dimensions; as there, only the inner
    sweep's values are kept.
    """
    title = title or getattr(getattr(result, "circuit", None), "title", "") or "crossbarsim"
    name = title_of(result)
    variables: list[RawVariable] = []
    found: list[Any] = []
    dimensions: tuple[int, ...] = ()
    if isinstance(result, Curves):
        axis, values = list(result.axes.items())[-1]
        shape = result.shape
        dimensions = shape if len(shape) > 1 else ()
        spoken, kind = _scale_name(result, axis)
        attributes = {"grid": "3"} if isinstance(result, (Spectrum, NoiseSpectrum)) else {}
        variables.append(RawVariable(spoken, kind, attributes))
        scale = np.broadcast_to(values, shape).ravel()
        complex_ = isinstance(result, (Spectrum, SensitivitySpectrum))
        found.append(scale.astype(complex) if complex_ else scale)
        own: Iterable[tuple[str, ArrayLike]] = ((n, result[n]) for n in result.names)
    else:
        own = result.to_dict().items()
    for text, vector in own if vectors is None else vectors:
        plain = text.replace(" ", "")
        if plain.startswith("@"):  # as ngspice's files name it
            plain = f"{'i' if _kind(plain) == 'current' else 'v'}({plain})"
        variables.append(RawVariable(plain, _kind(text)))
        found.append(np.ravel(np.asarray(vector)))
    return RawPlot(title, name, tuple(variables), tuple(found), dimensions=dimensions)


def _tables(results: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return (name, result) of all that are tables: steps one by one, Fourier left out."""
    tables: list[tuple[str, Any]] = []
    for result in results:
        if isinstance(result, Stepped):
            for k, (_, one) in enumerate(result):
                tables += [(f"{name}_{k + 1}", r) for name, r in _tables([one])]
        elif isinstance(result, list):
            continue
        elif not isinstance(result, Harmonics):
            tables.append((_short(result), result))
    return tables


def _short(result: Any) -> str:
    names = {OperatingPoint: "op", Transient: "tran", Spectrum: "ac", Sweep: "dc",
             NoiseSpectrum: "noise", TransferFunction: "tf", Sensitivities: "sens",
             SensitivitySpectrum: "sens"}
    return names[type(result)]


def save_results(path: str | Path, results: Iterable[Any]) -> list[Path]:
    """Write results to a file by its suffix; return the files written.

    ``.raw`` holds all of them, ngspice reads it. ``.csv`` is a table of one; of several each has
    its own file, ``name_tran.csv``. Complex numbers are two columns, real and imaginary part.

    Raises
    ------
    ParameterError
        Another suffix, or nothing to write.
    """
    file = Path(path)
    tables = _tables(results)
    if not tables:
        raise ParameterError("there is no result that could be written")
    if file.suffix.lower() == ".raw":
        write_raw(file, [raw_of(r) for _, r in tables])
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


def _write_csv(file: Path, result: Any) -> None:
    plot = raw_of(result)
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
