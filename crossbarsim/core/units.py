"""SPICE numbers: plain floats, and strings with scale suffixes such as ``"9k"`` or ``"2.2u"``."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from .errors import ParameterError
from .validation import as_float, shown

__all__ = ["plain_number", "scaled", "spice_number"]

_POWERS = {
    "t": 12, "g": 9, "meg": 6, "k": 3, "m": -3, "u": -6, "\u00b5": -6, "n": -9, "p": -12, "f": -15,
    "a": -18,
}
_NUMBER = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(meg|mil|[tgkmunpfa])?([a-z]*)", re.IGNORECASE
)

_IN_DECKS = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(meg|mil|[tgkmunpf\u00b5])?[a-z\u00b5%\u00b0\u00ba\u2103\u03c9]*"
)
# LTspice's 4k7 for 4.7k; with more digits it is a part, such as 2n2222
_SPLIT = re.compile(r"([+-]?\d+)(meg|[tgkmunpf\u00b5])(\d{1,3})[a-z\u00b5\u03c9]*")


def scaled(number: str, suffix: str) -> float:
    """Return a number with a scale suffix in lower case, rounded once: 0.1n is 1e-10 exactly."""
    if suffix == "mil":
        return float(number) * 25.4e-6
    mantissa, _, exponent = number.lower().partition("e")
    return float(f"{mantissa}e{int(exponent or 0) + _POWERS.get(suffix, 0)}")


@lru_cache(maxsize=4096)  # large decks have few different numbers
def plain_number(text: str) -> float | None:
    """Return a number with suffix and unit, such as ``2.2uF``, or None."""
    match = _IN_DECKS.fullmatch(text.lower())
    if match is None:
        parts = _SPLIT.fullmatch(text.lower())
        return None if parts is None else scaled(f"{parts[1]}.{parts[3]}", parts[2])
    value = scaled(match[1], match[2] or "")
    return value if math.isfinite(value) else None


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
