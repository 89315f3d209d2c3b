"""Colours of maps and curves, for pages, pictures and figures alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..validation import Array

__all__ = ["COLOURS", "COLOURS_ON_DARK", "DASHES", "MAPS", "coloured", "span"]

# Okabe and Ito's colours, told apart by readers with any colour vision; dashes differ as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
COLOURS_ON_DARK = ("#56A9E8", "#F08A4B", "#35C79A", "#E3A1C8", "#F2BD4A", "#9AD5F7")
DASHES = ("-", "--", "-.", ":")
# Points of the colour maps, dark to light, and blue over white to red; between them in a line.
MAPS = {
    "plain": ("#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884",
              "#44bf70", "#7ad151", "#bddf26", "#fde725"),
    "diverging": ("#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582",
                  "#d6604d", "#b2182b"),
}


def span(values: Array, *, diverging: bool = False) -> tuple[float, float]:
    """Return the values of the first and the last colour."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if diverging:
        most = max(abs(low), abs(high)) or 1.0
        return -most, most
    return (low, high) if high > low else (low - (abs(low) or 1.0), high + (abs(high) or 1.0))


def coloured(values: Array, *, diverging: bool = False) -> Any:
    """Return the colours of a map (M, N) as (M, N, 3) bytes; gaps are grey."""
    low, high = span(values, diverging=diverging)
    points = np.array([
        [int(c[k:k + 2], 16) for k in (1, 3, 5)]
        for c in MAPS["diverging" if diverging else "plain"]
    ])
    good = np.isfinite(values)
    share = np.where(good, (np.where(good, values, low) - low) / (high - low), 0.0)
    places = share * (len(points) - 1)
    found = np.stack([
        np.interp(places, np.arange(len(points)), points[:, k]) for k in range(3)
    ], axis=-1)
    return np.where(good[..., None], np.rint(found), 160).astype(np.uint8)
