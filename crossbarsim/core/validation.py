"""Checks of user input, numbers and arrays: one wording for one mistake."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ParameterError

__all__ = [
    "Array", "as_float", "broadcast", "choice", "count", "finite_array", "flag", "nonnegative",
    "number", "real_array", "shown",
]

Array = NDArray[np.float64]


def number(
    name: str, value: Any, *, low: float = -math.inf, high: float = math.inf,
    open_low: bool = False, infinite: bool = False, unit: str = "",
) -> float:
    """Return a number in [low, high] (or (low, high]) as a float, finite but for `infinite`."""
    real = as_float(value)
    good = real is not None and (infinite or math.isfinite(real)) and real <= high and (
        real > low if open_low else real >= low
    )
    if real is None or not good:
        limits = []
        if low > -math.inf:
            limits.append(f"{'>' if open_low else '>='} {low:g}")
        if high < math.inf:
            limits.append(f"<= {high:g}")
        kind = "a number" if infinite else "a finite number"
        allowed = f"{kind} {' and '.join(limits)} {unit}".rstrip()
        raise ParameterError(f"`{name}` must be {allowed}; got {shown(value)}")
    return real


def as_float(value: Any) -> float | None:
    """Return a real number as a float; None where it is none, or larger than any float."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def shown(value: Any, length: int = 60) -> str:
    """Return at most so much of a value as a message shows; never fails."""
    try:
        return f"{value!r:.{length}}"
    except Exception:  # noqa: BLE001 - an integer of too many digits, a foreign object's own fault
        return f"{type(value).__name__} that cannot be shown"


def count(name: str, value: Any, *, low: int = 1, high: int | None = None) -> int:
    """Return an integer from low to high, or raise."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not (whole and value >= low and (high is None or value <= high)):
        allowed = f">= {low}" if high is None else f"from {low} to {high}"
        raise ParameterError(f"`{name}` must be an integer {allowed}; got {shown(value)}")
    return int(value)


def flag(name: str, value: Any) -> bool:
    """Return True or False, or raise where it is anything else."""
    if not isinstance(value, bool):
        raise ParameterError(f"`{name}` must be True or False; got {shown(value)}")
    return value


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed names, or raise."""
    if not isinstance(value, str) or value not in allowed:
        raise ParameterError(
            f"`{name}` must be one of {', '.join(map(repr, allowed))}; got {shown(value)}"
        )
    return str(value)


def real_array(name: str, value: Any) -> Array:
    """Return `value` as a float64 array, or raise a `ParameterError` that names it.

    Entries that a mask hides have no value, and gradients do not go through NumPy: both are
    refused, never dropped.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ParameterError(
            f"`{name}` has {int(np.ma.getmaskarray(value).sum())} masked entries: fill them, as "
            "with `.filled(0.0)`"
        )
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # ragged, or foreign objects
        raise _wrong(name, value) from None
    if array.dtype.kind not in "fiub" or (array.dtype.kind == "b" and array.ndim == 0):
        raise _wrong(name, value)
    return array.astype(np.float64, copy=False)


def _wrong(name: str, value: Any) -> ParameterError:
    text = f"`{name}` must be real numbers; got {type(value).__name__}: {shown(value)}"
    if getattr(value, "requires_grad", False):
        text = (
            f"`{name}` is a tensor that requires grad, which would be lost here: give it "
            "detached, or use crossbarsim.nn.functional"
        )
    return ParameterError(text)


def _first_bad(name: str, array: Array, bad: NDArray[np.bool_]) -> str:
    if array.ndim == 0:
        return f"`{name}` = {float(array)!r}"
    index = tuple(int(k) for k in np.argwhere(bad)[0])
    place = ", ".join(map(str, index))
    return f"`{name}`[{place}] = {float(array[index])!r}"


def finite_array(name: str, value: Any, *, infinite: bool = False) -> Array:
    """Return `value` as float64, all finite; or without NaN alone, where `infinite`."""
    array = real_array(name, value)
    if infinite:
        bad = np.isnan(array)
        if bad.any():
            raise ParameterError(f"{_first_bad(name, array, bad)}: must be a number")
        return array
    # The sum is finite when all entries are (bar overflow): one pass instead of a mask.
    if not np.isfinite(array.sum()):
        bad = ~np.isfinite(array)
        if bad.any():
            raise ParameterError(f"{_first_bad(name, array, bad)}: must be finite")
    return array


def broadcast(name: str, array: Array, shape: tuple[int, ...]) -> Array:
    """Return the array in a shape to which it broadcasts, read-only, or raise."""
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ParameterError(
            f"`{name}` must have shape {shape}, or one that broadcasts to it; got {array.shape}"
        ) from None


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
