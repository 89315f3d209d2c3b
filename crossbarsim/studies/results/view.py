"""What there is to see of a study: measures over its axes with bands over the seeds, its points."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ...core.errors import ParameterError
from ...core.validation import Array
from ...core.views.panels import Axis, Field, Grid, HeatMap, Measure, Panel, Table, worded
from ...core.views.shown import View
from .dataset import SEED, STATUS, unit_of

__all__ = ["points_view", "study_view"]

_ROWS = 400


def _unit(name: str, known: str | None = None) -> str:
    unit = unit_of(name) if known is None else known
    return "" if unit == "1" else unit


def _mean_and_band(values: Array, axis: int) -> tuple[Array, Array | None, Array | None]:
    """Return the mean over the seeds, and one standard deviation to both sides."""
    good = np.isfinite(values)
    count = good.sum(axis=axis)
    held = np.where(good, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = held.sum(axis=axis) / count
        square = np.where(good, (values - np.expand_dims(mean, axis)) ** 2, 0.0).sum(axis=axis)
        deviation = np.sqrt(square / (count - 1))
    if not (count > 1).any():
        return mean, None, None
    deviation = np.where(count > 1, deviation, np.nan)
    return mean, mean - deviation, mean + deviation


def _axis(data: xr.Dataset, dim: str) -> Axis:
    """Return an axis with the values of its coordinate, or of the fields that move along it."""
    fields = [str(n) for n, v in data.coords.items() if v.dims == (dim,)]
    if dim in fields or len(fields) == 1:
        field = dim if dim in fields else fields[0]
        values = data[field].to_numpy()
        unit = data[field].attrs.get("units")
        return Axis(field, values, _unit(field, None if unit is None else str(unit)))
    if not fields:
        return Axis(dim, np.arange(data.sizes[dim]))
    texts = [", ".join(f"{n} {data[n].to_numpy()[k]}" for n in fields)
             for k in range(data.sizes[dim])]
    return Axis(dim, texts)


def study_view(
    data: xr.Dataset, facts: Mapping[str, Any], table: pd.DataFrame
) -> View:
    """Return what there is to see of a study's dataset.

    Parameters
    ----------
    data : xarray.Dataset
        As of `StudyResult`.
    facts : mapping
        Key numbers.
    table : pandas.DataFrame
        A row for each point.
    """
    dims = [str(d) for d in data[STATUS].dims]
    axes = [_axis(data, d) for d in dims if d != SEED]
    measures = []
    for name, array in data.data_vars.items():
        if name == STATUS or not set(map(str, array.dims)) <= set(dims):
            continue
        if array.dtype.kind not in "fiub":
            continue
        whole = array.transpose(*dims).to_numpy().astype(float)
        unit = array.attrs.get("units")
        parts = (whole, None, None) if SEED not in dims else _mean_and_band(
            whole, dims.index(SEED)
        )
        measures.append(Measure(str(name), _unit(str(name), None if unit is None else str(unit)),
                                *parts))
    return _view("Study", axes, measures, facts, table, _settings(data))


def _settings(data: xr.Dataset) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data.attrs.get("study", "{}"))
    return found


def _view(
    title: str, axes: Sequence[Axis], measures: Sequence[Measure], facts: Mapping[str, Any],
    table: pd.DataFrame, settings: Mapping[str, Any],
) -> View:
    panels: list[Panel] = []
    if measures and axes:
        numeric = [a for a in axes if a.numbers is not None and len(a.values) > 1]
        x = (numeric or [a for a in axes if len(a.values) > 1] or list(axes))[0]
        others = [a for a in axes if a is not x and 1 < len(a.values) <= 8]
        band = "one standard deviation over the seeds to both sides" if any(
            m.low is not None for m in measures) else ""
        panels.append(Grid("Measures", axes, measures, x.name, others[0].name if others else "",
                           band))
        down = next((a for a in [*others, *axes] if a is not x and len(a.values) > 1), None)
        if down is not None and len(x.values) > 1:
            panels.append(_map(axes, measures, x, down))
    if len(table):
        columns = [(str(n), _unit(str(n))) for n in table.columns]
        rows = table.head(_ROWS).astype(object).to_numpy().tolist()
        cut = f", the first {_ROWS} of {len(table):,}" if len(table) > _ROWS else ""
        first = measures[0].name if measures else ""
        panels.append(Table(f"Points{cut}", columns, rows, bars=(first,) if first else ()))
    if not panels:
        raise ParameterError("the study has no point: there is nothing to show")
    return View(title, facts, panels, settings)


def _map(axes: Sequence[Axis], measures: Sequence[Measure], x: Axis, down: Axis) -> HeatMap:
    """Return measures over two axes, with a slider for each of the others."""
    frames = [a for a in axes if a is not x and a is not down and len(a.values) > 1]
    fields = []
    for one in measures:
        order = [next(k for k, a in enumerate(axes) if a is b) for b in (*frames, down, x)]
        rest = [k for k in range(len(axes)) if k not in order]  # of one place each
        values = np.transpose(one.mean, [*rest, *order])
        fields.append(Field(one.name, one.unit, values.reshape(values.shape[len(rest):])))
    return HeatMap(f"{x.name} and {down.name}", fields, frames, worded(down.name, down.unit),
                   worded(x.name, x.unit), places=(down, x))


def points_view(
    title: str, points: pd.DataFrame, axes: Sequence[str], measures: Mapping[str, str],
    facts: Mapping[str, Any], settings: Mapping[str, Any], seed: str = "",
) -> View:
    """Return what there is to see of a table with a row for each point.

    Parameters
    ----------
    title : str
    points : pandas.DataFrame
    axes : sequence of str
        Columns that are axes; points that the table does not have are gaps.
    measures : mapping
        Column -> unit.
    facts, settings : mapping
    seed : str
        Column of the seeds, over which there are bands.
    """
    if not len(points):
        raise ParameterError(f"{title}: there is no point, there is nothing to show")
    places = [points[name].map(_plain) for name in axes]
    whole = [list(dict.fromkeys(p)) for p in places]
    seeds = list(dict.fromkeys(points[seed])) if seed else [0]
    shape = (*map(len, whole), len(seeds))
    index = [np.array([values.index(v) for v in p])
             for p, values in zip(places, whole, strict=True)]
    index.append(np.array([seeds.index(v) for v in points[seed]]) if seed
                 else np.zeros(len(points), dtype=int))
    made = []
    for name, unit in measures.items():
        values = np.full(shape, np.nan)
        values[tuple(index)] = points[name].to_numpy(dtype=float)
        made.append(Measure(name.replace("_", " "), unit, *_mean_and_band(values, len(axes))))
    named = [Axis(name, values, _unit(name)) for name, values in zip(axes, whole, strict=True)]
    return _view(title, named, made, facts, points, settings)


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return "x".join(map(str, value))
    if isinstance(value, float) and np.isnan(value):
        return "none"
    return value
