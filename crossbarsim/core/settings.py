"""Checks of settings: one wording for one mistake."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import ParameterError

__all__ = ["choice", "count", "number"]


def number(
    name: str, value: Any, *, low: float = -math.inf, high: float = math.inf,
    open_low: bool = False, infinite: bool = False, unit: str = "",
) -> float:
    """Return a number in [low, high] (or (low, high]) as a float, finite but for `infinite`."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    good = real and (infinite or math.isfinite(value)) and value <= high and (
        value > low if open_low else value >= low
    )
    if not good:
        limits = []
        if low > -math.inf:
            limits.append(f"{'>' if open_low else '>='} {low:g}")
        if high < math.inf:
            limits.append(f"<= {high:g}")
        kind = "a number" if infinite else "a finite number"
        allowed = f"{kind} {' and '.join(limits)} {unit}".rstrip()
        raise ParameterError(f"`{name}` must be {allowed}; got {value!r:.60}")
    return float(value)


def count(name: str, value: Any, *, low: int = 1, high: int | None = None) -> int:
    """Return an integer from low to high, or raise."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not (whole and value >= low and (high is None or value <= high)):
        allowed = f">= {low}" if high is None else f"from {low} to {high}"
        raise ParameterError(f"`{name}` must be an integer {allowed}; got {value!r:.60}")
    return int(value)


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed names, or raise."""
    if value not in allowed:
        raise ParameterError(
            f"`{name}` must be one of {', '.join(map(repr, allowed))}; got {value!r:.60}"
        )
    return str(value)
