"""Results as NetCDF, the table beside it: written whole or not at all, the same bytes each time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ...core.errors import ParameterError
from ...core.files import new_file

__all__ = ["NETCDF", "read_dataset", "write_dataset"]

NETCDF = "result.nc"
_EXACT = 2**31  # NetCDF 3 has no wider integers


def write_dataset(path: Path, dataset: xr.Dataset) -> None:
    """Write a dataset as a NetCDF 3 file, which SciPy writes and everything reads.

    Integers beyond 32 bits become floats, which hold them exactly up to 2**53.
    """
    plain = dataset.copy()
    for name, variable in dataset.variables.items():
        values = variable.values
        if values.dtype.kind in "iu" and values.size and np.abs(values).max() >= _EXACT:
            plain = plain.assign_coords({name: (variable.dims, values.astype(float), variable.attrs)
                                         }) if name in dataset.coords else plain.assign(
                {name: (variable.dims, values.astype(float), variable.attrs)})
    content: Any = plain.to_netcdf(None, format="NETCDF3_64BIT", engine="scipy")
    with new_file(path) as stream:
        stream.write(bytes(content))


def read_dataset(path: Path) -> xr.Dataset:
    """Return the dataset of a NetCDF file.

    Raises
    ------
    ParameterError
        The file is not there, or no NetCDF file of a study.
    """
    try:
        with path.open("rb") as stream, xr.open_dataset(stream, engine="scipy") as opened:
            found = opened.load()
    except FileNotFoundError:
        raise ParameterError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ParameterError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # SciPy and xarray have errors of their own for damaged bytes
        raise ParameterError(f"{path}: is no NetCDF file of a study: {error}") from error
    if "status" not in found or "study" not in found.attrs:
        raise ParameterError(f"{path}: is a NetCDF file, but not of a study")
    for name, variable in list(found.variables.items()):
        if variable.dtype == np.int32:
            found[name] = variable.astype(np.int64, keep_attrs=True)
        elif variable.dtype.kind == "O":
            found[name] = variable.astype(np.str_, keep_attrs=True)
    return found


def size_of(dataset: xr.Dataset) -> int:
    """Return how many bytes the arrays of a dataset take."""
    return sum(math.prod(v.shape) * v.dtype.itemsize for v in dataset.variables.values())
