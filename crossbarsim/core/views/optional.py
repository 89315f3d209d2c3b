"""Packages that are extras: imported when they are needed, with an error that names the extra."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import BackendUnavailable

if TYPE_CHECKING:
    from types import ModuleType

    import pandas as pd
    import xarray as xr

__all__ = ["dataframe", "dataset", "figure_class"]


def _extra(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise BackendUnavailable(
            f"{name} is missing: pip install 'crossbarsim[studies]'"
        ) from error


def dataframe(columns: Any, axes: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Return a table of pandas.

    Parameters
    ----------
    columns : mapping or list of mappings
        Name -> values; or rows.
    axes : mapping, optional
        Name -> points of the axes, of which the rows are the product, the last the fastest.

    Raises
    ------
    BackendUnavailable
        Pandas is not installed.
    """
    frames: Any = _extra("pandas")
    index = None
    if axes is not None and len(axes) == 1:
        (name, values), = axes.items()
        index = frames.Index(values, name=name)
    elif axes:
        index = frames.MultiIndex.from_product(list(axes.values()), names=list(axes))
    found: pd.DataFrame = frames.DataFrame(columns, index)
    return found


def dataset(
    data: Mapping[str, Any], places: Mapping[str, Any] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Return a data set of xarray: variables, coordinates, attributes.

    Raises
    ------
    BackendUnavailable
        Xarray is not installed.
    """
    found: xr.Dataset = _extra("xarray").Dataset(data, places, attributes)
    return found


def figure_class() -> Any:
    """Return matplotlib's `Figure`; its canvas draws pixels, whatever display there is.

    Raises
    ------
    BackendUnavailable
        Matplotlib is not installed.
    """
    # without pyplot: no global figure list and no need of a display
    _extra("matplotlib")
    return import_module("matplotlib.figure").Figure
