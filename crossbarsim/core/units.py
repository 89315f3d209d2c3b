"""SPICE numbers: plain floats, and strings with scale suffixes such as ``"9k"`` or ``"2.2u"``."""

from __future__ import annotations

import math
import re

from .errors import ParameterError
from .validation import as_float, shown

__all__ = ["scaled", "spice_number"]

_POWERS = {
    "t": 12, "g": 9, "meg": 6, "k": 3, "m": -3, "u": -6, "\u00b5": -6, "n": -9, "p": -12, "f": -15,
    "a": -18,
}
_NUMBER = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(meg|mil|[tgkmunpfa])?([a-z]*)", re.IGNORECASE
)


def scaled(number: str, suffix: str) -> float:
    """Return a number with a scale suffix in lower case, rounded once: 0.1n is 1e-10 exactly."""
    if suffix == "mil":
        return float(number) * 25.4e-6
    mantissa, _, exponent = number.lower().partition("e")
    return float(f"{mantissa}e{int(exponent or 0) + _POWERS.get(suffix, 0)}")


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
            number = scaled(match[1], (match[2] or "").lower())
    elif (real := as_float(value)) is not None:
        number = real
    if not math.isfinite(number):
        raise ParameterError(
            f"`{name}` must be a finite number or a SPICE number such as '9k' or '2.2u'; "
            f"got {shown(value)}"
        )
    return number
