"""Small pictures for notebooks, without matplotlib: a PNG of a map, an SVG of curves, a table."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

from ..validation import Array
from .colours import COLOURS, coloured
from .encode import thinned
from .numbers import readable
from .panels import Curve, Curves, Grid, HeatMap, Panel, Table, worded

__all__ = ["facts_table", "thumbnail"]

_WIDE, _HIGH = 220, 150  # pixels
_CELLS = 110  # of a map along either side
_ROWS, _CURVES = 8, 6
_CELL = "padding:1px 10px 1px 0;text-align:left;vertical-align:top"


def png(pixels: Any) -> bytes:
    """Return (M, N, 3) bytes as the bytes of a PNG file."""
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + 3 * width), dtype=np.uint8)  # filter 0 before every line
    lines[:, 1:] = pixels.reshape(height, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + chunk(b"IEND", b""))


def _caption(text: str) -> str:
    return f'<div style="font-size:85%">{escape(text)}</div>'


def _map(panel: HeatMap) -> str:
    one = next(f for f in panel.fields if f.shown)
    values = panel.frame(one.name)
    rows, columns = values.shape
    step = max(1, -(-max(rows, columns) // _CELLS))
    image = base64.b64encode(png(coloured(values[::step, ::step], diverging=one.diverging)))
    scale = min(_WIDE / columns, _HIGH / rows)
    size = f"width:{max(8, columns * scale):.0f}px;height:{max(8, rows * scale):.0f}px"
    finite = values[np.isfinite(values)]
    text = f"{one.name}: no number" if not finite.size else (
        f"{one.name}: {readable(float(finite.min()), one.unit)} to "
        f"{readable(float(finite.max()), one.unit)}"
    )
    return (f'<img alt="{escape(text)}" style="{size};image-rendering:pixelated" '
            f'src="data:image/png;base64,{image.decode("ascii")}">{_caption(text)}')


def _scaled(values: Array, *, log: bool) -> Array:
    if not log:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log10(np.where(values > 0, values, np.nan)))


def _lines(curves: Iterable[Curve], *, log_x: bool, log_y: bool) -> str:
    found = []
    for one in list(curves)[:_CURVES]:
        x, y = np.asarray(one.x, dtype=float), np.asarray(one.y, dtype=float)
        kept = thinned(y, 200) if len(y) else np.arange(0)
        found.append((_scaled(x[kept], log=log_x), _scaled(y[kept], log=log_y)))
    every_x = np.concatenate([x for x, _ in found] or [np.zeros(0)])
    every_y = np.concatenate([y for _, y in found] or [np.zeros(0)])
    every_x, every_y = every_x[np.isfinite(every_x)], every_y[np.isfinite(every_y)]
    if not every_x.size or not every_y.size:
        return "<i>no number</i>"
    left, right = float(every_x.min()), float(every_x.max())
    low, high = float(every_y.min()), float(every_y.max())
    wide, tall = (right - left) or 1.0, (high - low) or 1.0
    paths = []
    for k, (x, y) in enumerate(found):
        good = np.isfinite(x) & np.isfinite(y)
        places_x = 4 + (_WIDE - 8) * (x - left) / wide
        places_y = _HIGH - 4 - (_HIGH - 8) * (y - low) / tall
        text, pen = "", False
        for here, a, b in zip(good, places_x, places_y, strict=True):
            if here:
                text += f"{'L' if pen else 'M'}{a:.1f} {b:.1f}"
            pen = bool(here)
        colour = COLOURS[k % len(COLOURS)]
        paths.append(f'<path d="{text}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if good.sum() == 1:
            at = int(np.argmax(good))
            paths.append(f'<circle cx="{places_x[at]:.1f}" cy="{places_y[at]:.1f}" r="3" '
                         f'fill="{colour}"/>')
    return (f'<svg width="{_WIDE}" height="{_HIGH}" viewBox="0 0 {_WIDE} {_HIGH}" role="img">'
            f'<rect width="{_WIDE}" height="{_HIGH}" fill="none" stroke="#888"/>'
            f'{"".join(paths)}</svg>')


def curves_of(panel: Grid) -> list[Curve]:
    """Return the first measure over the first axis, the other axes at their first points."""
    names = [axis.name for axis in panel.axes]
    along = names.index(panel.x)
    numbers = panel.axes[along].numbers
    x = np.arange(len(panel.axes[along].values)) if numbers is None else numbers
    one = panel.measures[0]
    hue = names.index(panel.hue) if panel.hue else None

    def part(values: Array | None, k: int | None) -> Array | None:
        if values is None:
            return None
        index: list[Any] = [0] * len(names)
        index[along] = slice(None)
        if hue is not None:
            index[hue] = k
        return np.asarray(values[tuple(index)], dtype=float)

    chosen = [None] if hue is None else list(range(len(panel.axes[hue].values)))
    found = []
    for k in chosen:
        name = one.name if hue is None or k is None else (
            f"{panel.hue} {readable(panel.axes[hue].values[k], panel.axes[hue].unit)}"
        )
        mean = part(one.mean, k)
        found.append(Curve(name, np.asarray(x, dtype=float), np.zeros(0) if mean is None else mean,
                           part(one.low, k), part(one.high, k)))
    return found


def _table(panel: Table) -> str:
    head = "".join(f'<th style="{_CELL}">{escape(worded(*c))}</th>' for c in panel.columns)
    rows = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escape(readable(v))}</td>' for v in row) + "</tr>"
        for row in panel.rows[:_ROWS]
    )
    more = len(panel.rows) - _ROWS
    return f"<table><tr>{head}</tr>{rows}</table>" + (_caption(f"and {more} more") if more > 0
                                                      else "")


def thumbnail(panel: Panel) -> str:
    """Return a panel as a small picture, HTML without scripts."""
    if isinstance(panel, HeatMap):
        return _map(panel)
    if isinstance(panel, Table):
        return _table(panel)
    if isinstance(panel, Curves):
        drawn = _lines(panel.curves, log_x=panel.log_x, log_y=panel.log_y)
        return drawn + _caption(f"{worded(*panel.y)} over {worded(*panel.x)}")
    axis = next(a for a in panel.axes if a.name == panel.x)
    one = panel.measures[0]
    drawn = _lines(curves_of(panel), log_x=False, log_y=False)
    return drawn + _caption(f"{worded(one.name, one.unit)} over {worded(axis.name, axis.unit)}")


def facts_table(facts: Any) -> str:
    """Return names and values as a table, HTML."""
    rows = "".join(
        f'<tr><th style="{_CELL}">{escape(str(name))}</th>'
        f'<td style="{_CELL}">{escape(readable(value))}</td></tr>'
        for name, value in facts.items()
    )
    return f"<table>{rows}</table>"


