"""A table with a row for each point as an `xarray.Dataset` over the axes of its study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from .dataset import SEED, coordinate, unit_of

__all__ = ["BARE", "table_dataset"]

BARE = "without_variation"
"""End of the names of what was measured on chips that draw nothing, which have no seed."""


def table_dataset(
    points: pd.DataFrame, dims: Mapping[str, Sequence[str]], measures: Sequence[str],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Return the dataset of a table; points that the table does not have are NaN.

    Parameters
    ----------
    points : pandas.DataFrame
        A column ``seed`` is an axis of its own; rows where it is NaN, chips that draw nothing,
        become variables without that axis.
    dims : mapping of str to sequence of str
        Dimension -> the columns that move along it.
    measures : sequence of str
    attributes : mapping
        Of the dataset.

    Examples
    --------
    >>> import pandas as pd
    >>> from crossbarsim.studies.results.tidy import table_dataset
    >>> table = pd.DataFrame({"ohm": [0.0, 1.0, 1.0], "seed": [None, 0, 1], "y": [3.0, 4.0, 6.0]})
    >>> found = table_dataset(table, {"ohm": ["ohm"]}, ["y"], {})
    >>> found.y.sel(ohm=1.0).values.tolist(), found.y_without_variation.values.tolist()
    ([4.0, 6.0], [3.0, nan])
    """
    bare = points[SEED].isna() if SEED in points else pd.Series(data=True, index=points.index)
    places: dict[str, dict[Any, int]] = {}
    coordinates: dict[str, Any] = {}
    for dim, columns in dims.items():
        keys = list(dict.fromkeys(_keys(points, columns)))
        places[dim] = {key: k for k, key in enumerate(keys)}
        for k, column in enumerate(columns):
            coordinates[column] = (dim, coordinate([key[k] for key in keys]), _attrs(column))
    if not bare.all():
        seeds = list(dict.fromkeys(int(s) for s in points[SEED][~bare]))
        places[SEED] = {(s,): k for k, s in enumerate(seeds)}
        coordinates[SEED] = (SEED, coordinate(seeds), _attrs(SEED))
    found: dict[str, Any] = {}
    for drawn, rows in ((True, points[~bare]), (False, points[bare])):
        if not len(rows):
            continue
        own = {**dims, **({SEED: [SEED]} if drawn else {})}
        index = tuple(
            np.array([places[dim][key] for key in _keys(rows, c)]) for dim, c in own.items()
        )
        for name in measures:
            values = np.full([len(places[dim]) for dim in own], np.nan)
            values[index] = rows[name].to_numpy(dtype=float)
            called = name if drawn or bare.all() else f"{name}_{BARE}"
            found[called] = (tuple(own), values, _attrs(name))
    return xr.Dataset(found, coordinates, dict(attributes))


def _keys(points: pd.DataFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return what every row has in some columns; all NaN are the same one."""
    return [tuple(np.nan if pd.isna(value) else value for value in row)
            for row in points[list(columns)].to_numpy(dtype=object)]


def _attrs(name: str) -> dict[str, str]:
    unit = unit_of(name) or ("ohm" if name == "ohm" else "") or (
        "1" if name.endswith(("_accuracy", "_agreement", "_output_error")) else "")
    return {"long_name": name.replace("_", " "), **({"units": unit} if unit else {})}
