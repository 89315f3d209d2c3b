"""Arrays as text that a browser unpacks: quantised where they are large, deflated, in base64.

Every encoding tells its own rounding (``step``), and has a sign for gaps.
"""

from __future__ import annotations

import base64
import math
import zlib
from itertools import pairwise
from typing import Any

import numpy as np

from ..validation import Array

__all__ = ["json_safe", "packed_frames", "packed_vector", "thinned"]

_GAP = 65535  # code of what is not finite
_EXACT = 24_000  # values up to which single precision is kept
_LISTED = 24  # values up to which numbers are written out


def json_safe(value: Any) -> Any:
    """Return a value as JSON holds it: NaN and infinity as None, NumPy's numbers as Python's."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): json_safe(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [json_safe(v) for v in value]
    return value if value is None or isinstance(value, str) else str(value)


def _text(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def packed_vector(values: Array) -> Any:
    """Return a vector for the page: a list, or single precision about its first number."""
    found = np.asarray(values, dtype=float)
    if found.size <= _LISTED:
        return json_safe(found.ravel())
    finite = found[np.isfinite(found)]
    base = float(finite[0]) if finite.size else 0.0
    with np.errstate(over="ignore"):
        single = np.where(np.isfinite(found), found - base, np.nan).astype("<f4")
    return {"kind": "f4", "base": base, "data": _text(_planes(single.view("<u4"), 4))}


def packed_frames(
    values: Array, *, common: bool = False, bits: int = 16
) -> dict[str, Any]:
    """Return maps (..., M, N) for the page.

    Parameters
    ----------
    values : (..., M, N) array
        NaN and infinite are gaps.
    common : bool
        Whether the maps differ little from each other, as in an animation.
    bits : int
        Of each value of large maps.

    Returns
    -------
    dict
        In `bits` between the least and the largest value of each map (of all, with `common`), or
        in single precision where the values are few; as differences to neighbours, or to the map
        before, whichever is the shortest.
    """
    found = np.asarray(values, dtype=float)
    shape = found.shape
    maps = found.reshape(-1, *shape[-2:])
    head: dict[str, Any] = {"shape": list(shape)}
    if found.size <= _EXACT:
        with np.errstate(over="ignore"):
            single = np.where(np.isfinite(maps), maps, np.nan).astype("<f4")
        return {**head, "kind": "f4", "data": _text(_planes(single.view("<u4"), 4))}
    good = np.isfinite(maps)
    axes = None if common else (1, 2)
    low = np.min(np.where(good, maps, np.inf), axis=axes, keepdims=True)
    high = np.max(np.where(good, maps, -np.inf), axis=axes, keepdims=True)
    low, high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)
    step = np.where(high > low, (high - low) / (2**bits - 2), 1.0)
    with np.errstate(invalid="ignore"):
        codes = np.where(good, np.rint((maps - low) / step), _GAP).astype("<u2")
    spread = np.broadcast_to(low, (len(maps), 1, 1)).ravel(), \
        np.broadcast_to(step, (len(maps), 1, 1)).ravel()
    # what serves one map in the middle serves the others
    middle = codes[len(codes) // 2:][:2]
    modes = ["none", "row", "column", "plane", *(["time"] if common and len(codes) > 1 else [])]

    def length(mode: str) -> int:
        return len(zlib.compress(_planes(_predicted(middle, mode)[-1:], 2), 6))

    best = min(modes, key=length)
    return {
        **head, "kind": "u2", "mode": best, "low": json_safe(spread[0]),
        "step": json_safe(spread[1]), "data": _text(_planes(_predicted(codes, best), 2)),
    }


def _predicted(codes: Any, mode: str) -> Any:
    """Return codes less what the ones before them let expect, modulo 2^16."""
    if mode == "none":
        return codes
    if mode == "time":
        return np.diff(codes, axis=0, prepend=np.zeros_like(codes[:1]))
    left = codes
    if mode in ("row", "plane"):
        left = np.diff(left, axis=2, prepend=np.zeros_like(left[:, :, :1]))
    if mode in ("column", "plane"):
        left = np.diff(left, axis=1, prepend=np.zeros_like(left[:, :1]))
    return left


def _planes(words: Any, count: int) -> bytes:
    """Return the highest bytes of all words, then the next: equal ones stand together."""
    flat = np.ascontiguousarray(words).reshape(-1)
    octets = flat.view(np.uint8).reshape(-1, count)
    return np.ascontiguousarray(octets[:, ::-1].T).tobytes()


def thinned(y: Array, most: int) -> Any:
    """Return which points of a curve are kept: the least and the largest of every stretch.

    Parameters
    ----------
    y : (..., T) array
        Values over the points, of several curves perhaps.
    most : int
        Points to keep, about.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.core.views.encode import thinned
    >>> wave = np.sin(np.linspace(0.0, 20.0, 10_001))
    >>> kept = thinned(wave, 200)
    >>> len(kept) <= 200, bool(wave[kept].max() == wave.max())
    (True, True)
    """
    count = y.shape[-1]
    if count <= most:
        return np.arange(count)
    rows = np.atleast_2d(y)
    rows = rows[:: max(1, len(rows) // 4)][:4]  # a few stand for all
    bins = max(1, (most - 2) // (2 * len(rows)))
    edges = np.linspace(0, count, bins + 1).astype(int)
    kept = {0, count - 1}
    for row in rows:
        for a, b in pairwise(edges):
            part = row[a:b]
            if not part.size:
                continue
            gaps = ~np.isfinite(part)
            kept.add(a + int(np.argmin(np.where(gaps, np.inf, part))))
            kept.add(a + int(np.argmax(np.where(gaps, -np.inf, part))))
    return np.array(sorted(kept))
