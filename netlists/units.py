"""SPICE numbers: plain floats, and strings with scale suffixes such as ``"9k"`` or ``"2.2u"``."""

from __future__ import annotations

import math
import re

import numpy as np

from .errors import ParameterError

__all__ = ["SCALE", "spice_number"]

SCALE = {
    "t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "mil": 25.4e-6, "m": 1e-3, "u": 1e-6, "n": 1e-9,
    "p": 1e-12, "f": 1e-15, "a": 1e-18, "\u00b5": 1e-6,
}
_NUMBER = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(meg|mil|[tgkmunpfa])?([a-z]*)", re.IGNORECASE
)


def spice_number(name: str, value: object) -> float:
    """Return `value` as a finite float.

    Parameters
    ----------
    name : str
        What the value is, for the error.
    value : float or str
        A number, or a string such as ``"9k"``, ``"10meg"``, ``"2.2uF"`` (units are ignored, as in
        SPICE).

    Raises
    ------
    ParameterError
        Not a number, or not finite.
    """
    number = math.nan
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value.strip())
        if match:
            number = float(match[1]) * SCALE.get((match[2] or "").lower(), 1.0)
    elif isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        number = float(value)
    if not math.isfinite(number):
        raise ParameterError(
            f"`{name}` must be a finite number or a SPICE number such as '9k' or '2.2u'; "
            f"got {value!r}"
        )
    return number
