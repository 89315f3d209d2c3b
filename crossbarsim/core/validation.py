"""Checks of user input, shared by the netlist classes: one wording for one mistake."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ParameterError

__all__ = ["Array", "finite_array", "nonnegative", "real_array"]

Array = NDArray[np.float64]


def real_array(name: str, value: Any) -> Array:
    """Return `value` as a float64 array, or raise a `ParameterError` that names it."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # ragged sequences, foreign objects
        raise _wrong(name, value) from None
    if array.dtype.kind not in "fiub":
        raise _wrong(name, value)
    return array.astype(np.float64, copy=False)


def _wrong(name: str, value: Any) -> ParameterError:
    text = f"`{name}` must be real numbers; got {type(value).__name__}: {value!r:.60}"
    return ParameterError(text)


def _first_bad(name: str, array: Array, bad: NDArray[np.bool_]) -> str:
    if array.ndim == 0:
        return f"`{name}` = {float(array)!r}"
    index = tuple(int(k) for k in np.argwhere(bad)[0])
    place = ", ".join(map(str, index))
    return f"`{name}`[{place}] = {float(array[index])!r}"


def finite_array(name: str, value: Any) -> Array:
    """Return `value` as float64, all finite."""
    array = real_array(name, value)
    # The sum is finite when all entries are (bar overflow): one pass instead of a mask.
    if not np.isfinite(array.sum()):
        bad = ~np.isfinite(array)
        if bad.any():
            raise ParameterError(f"{_first_bad(name, array, bad)}: must be finite")
    return array


def nonnegative(name: str, value: Any, unit: str, *, infinite: bool = False) -> Array:
    """Return `value` as float64, all >= 0 and not NaN; finite unless `infinite`."""
    if type(value) is float and 0.0 <= value < np.inf:
        return np.array(value)
    array = real_array(name, value)
    if array.size and not (array.min() >= 0.0 and (infinite or array.max() < np.inf)):
        bad = ~(array >= 0.0) if infinite else ~((array >= 0.0) & (array < np.inf))
        limit = "" if infinite else "finite and "
        raise ParameterError(f"{_first_bad(name, array, bad)}: must be {limit}>= 0 {unit}")
    return array
