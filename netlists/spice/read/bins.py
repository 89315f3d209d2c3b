"""Model cards for ranges of sizes: of ``nch.1``, ``nch.2``, ... the one for a length and width.

A bin holds ``lmin <= l < lmax`` and ``wmin <= w < wmax``, metre; where none does, the upper ends
belong to it, too. The width is that of one finger, w / nf, as in HSPICE. With ``compat="ngspice"``
both ends belong to a bin and the first one is taken, and the width is all of w unless the option
or the element's parameter ``wnflag`` is 1, as in ngspice 39.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ....core.units import plain_number
from ..cards import BINS
from .element_line import CardLine
from .lines import Line
from .scope import Scope

__all__ = ["choose", "find_bins"]

_SAME = 1e-9  # of a size: two sizes are the same
_SHOWN = 8  # bins in a message
_VALUE = r"('[^']*'|\{[^}]*\}|[^\s()]+)"


def find_bins(scope: Scope, name: str) -> tuple[Scope, list[Line]] | None:
    """Return the cards ``name.1``, ... and the innermost instance that has some, or None."""
    for one in scope.chain():
        found = one.bins.get(name)
        if found:
            return one, found
    return None


@lru_cache(maxsize=65536)  # the cards of a library are asked again for every instance
def _texts(line: Line) -> tuple[float | str, ...] | None:
    """Return what a card says of its range, numbers where they are plain; or None."""
    found: list[float | str] = []
    for name in BINS:
        match = re.search(rf"\b{name}\s*=\s*{_VALUE}", line.text, re.IGNORECASE)
        if match is None:
            return None
        text = match[1].strip("'{}")
        plain = plain_number(text)
        found.append(text if plain is None else plain)
    return tuple(found)


def _range(scope: Scope, line: Line) -> tuple[float, ...] | None:
    known = _texts(line)
    if known is None:
        return None
    return tuple(
        scope.number(one, line, f"`{name}`") if isinstance(one, str) else one
        for name, one in zip(BINS, known, strict=True)
    )


def _within(size: float, low: float, high: float, *, closed: bool) -> bool:
    slack = _SAME * size
    return low - slack <= size and (size <= high + slack if closed else size < high - slack)


def choose(
    element: CardLine, name: str, scope: Scope, lines: list[Line], length: float, width: float
) -> str:
    """Return the name of the card for a length and width, metre.

    Raises
    ------
    NetlistError
        There is none; the message names the ranges that there are.
    """
    ranges = []
    for line in lines:
        found = _range(scope, line)
        if found is not None:
            ranges.append((line.text.split(maxsplit=2)[1].lower(), found))
    for closed in (True,) if scope.ngspice else (False, True):
        for card, (l_min, l_max, w_min, w_max) in ranges:
            if _within(length, l_min, l_max, closed=closed) and (
                _within(width, w_min, w_max, closed=closed)
            ):
                return card
    if not ranges:
        raise element.error(f"no card of `{name}` has {', '.join(BINS)}")
    near = sorted(ranges, key=lambda one: _distance(length, *one[1][:2])
                  + _distance(width, *one[1][2:]))
    shown = "; ".join(
        f"{card}: l {a:g} to {b:g} m, w {c:g} to {d:g} m" for card, (a, b, c, d) in near[:_SHOWN]
    )
    raise element.error(
        f"no card of `{name}` is for l = {length:g} m, w = {width:g} m (of one finger); the "
        f"nearest of {len(ranges)}: {shown}"
    )


def _distance(size: float, low: float, high: float) -> float:
    return max(low / size - 1.0, size / max(high, 1e-30) - 1.0, 0.0)
