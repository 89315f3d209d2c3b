"""Numbers for readers: prefixes of units, few digits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..validation import Array

__all__ = ["PREFIXES", "prefixed", "readable", "with_prefix"]

PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


def _takes_prefix(unit: str) -> bool:
    # no prefix on 1e26/m^3 or %, and none on degrees
    return bool(unit) and unit.isascii() and unit.isalpha()


def with_prefix(values: Array, unit: str) -> tuple[float, str]:
    """Return a power of 1000 that suits the values, and the unit with its prefix, for a label."""
    return prefixed(values, unit) if _takes_prefix(unit) else (1.0, unit)


def prefixed(values: Array, unit: str) -> tuple[float, str]:
    """Do what `with_prefix` does for a unit that takes one."""
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size else 0.0
    power = 0 if largest == 0 else 3 * math.floor(math.log10(largest) / 3 + 1e-9)
    power = min(max(power, -18), 0 if unit in ("s", "K") else 9)  # neither ks nor kK
    return 10.0**power, PREFIXES[power] + unit


def readable(value: Any, unit: str = "", digits: int = 4) -> str:
    """Return a value as text, a number with `digits` digits and its unit with a prefix.

    Examples
    --------
    >>> from crossbarsim.core.views.numbers import readable
    >>> readable(1.23456e-5, "A"), readable(0.05), readable(None)
    ('12.35 µA', '0.05', '')
    """
    if value is None:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)) and not unit:
        return f"{value:,}"
    if isinstance(value, (float, int, np.floating, np.integer)):
        if not math.isfinite(value):
            return f"{value:g}"
        factor, named = with_prefix(np.array([float(value)]), unit)
        return f"{value / factor:.{digits}g} {named}".strip()
    return str(value)
