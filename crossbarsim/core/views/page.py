"""A page of HTML with everything in it: data, scripts, styles; it needs no network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ..environment import environment
from ..errors import ParameterError
from ..files import with_ending, write_text
from ..validation import Array
from .colours import COLOURS, COLOURS_ON_DARK, MAPS
from .encode import json_safe, packed_frames, packed_vector, thinned
from .numbers import readable
from .panels import Axis, Curves, Derived, Field, Grid, HeatMap, Panel

__all__ = ["Page"]

_LIMIT = 1_000_000  # bytes of a page
_VALUES = 1_600_000  # of all maps, before they are thinned
_POINTS = 24_000  # of all curves of a panel
# bits of the values of large maps, share of lines and points: until the page is small enough
_DETAILS = ((16, 1.0), (14, 1.0), (12, 1.0), *((12, 0.5**k) for k in range(1, 8)))
_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("numbers.js", "unpack.js", "chart.js", "heatmap.js", "curves.js", "table.js", "page.js")


class Page:
    """What a result shows, as a file or in a notebook.

    Parameters
    ----------
    title : str
    panels : sequence of Panel
    facts : mapping
        Key numbers, by name; texts or numbers.
    settings : mapping
        All that the result depends on; arrays by a text that has their hash.
    command : str
        What to run to have it again.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Solver
    >>> page = Solver().solve(Crossbar(np.full((4, 4), 1e-4)), np.full(4, 0.2)).explore([1.0, 2.0])
    >>> page, len(page.html) < 1_000_000
    (Page('Crossbar of 4 x 4', 2 panels), True)
    """

    def __init__(
        self, title: str, panels: Sequence[Panel], facts: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None, command: str = "",
    ) -> None:
        if not panels:
            raise ParameterError(f"{title}: there is nothing to show")
        self.title, self.panels, self.command = title, tuple(panels), command
        self.facts, self.settings = dict(facts or {}), dict(settings or {})

    def __repr__(self) -> str:
        return f"Page({self.title!r:.80}, {len(self.panels)} panels)"

    @property
    def sha256(self) -> str:
        """Of the settings: equal where a result was computed from the same."""
        text = json.dumps(json_safe(self.settings), sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    @cached_property
    def html(self) -> str:
        """The page, at most a million bytes: of data that do not fit a part is shown.

        Raises
        ------
        ParameterError
            It does not fit even so.
        """
        for bits, detail in _DETAILS:
            text = self._text(bits, detail)
            if len(text.encode("utf-8")) <= _LIMIT:
                return text
        raise ParameterError(
            f"{self.title}: {len(self.panels)} panels do not fit into a page of 1 MB: show fewer"
        )

    def _text(self, bits: int, detail: float) -> str:
        maps = sum(f.values.size for p in self.panels if isinstance(p, HeatMap)
                   for f in p.fields if isinstance(f, Field)) or 1
        share = detail * min(1.0, _VALUES / maps)
        data = {
            "title": self.title, "maps": MAPS, "pens": len(COLOURS),
            "facts": [[str(k), readable(v)] for k, v in self.facts.items()],
            "settings": [[str(k), _told(v)] for k, v in self.settings.items()],
            "versions": list(environment().items()),
            "command": self.command, "sha256": self.sha256,
            "panels": [_data(panel, bits, share, detail) for panel in self.panels],
        }
        held = json.dumps(json_safe(data), allow_nan=False, ensure_ascii=False)
        # within a script element only "<" can end it; the others are for old parsers
        for sign, plain in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"),
                            ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
            held = held.replace(sign, plain)
        style = _pens() + (_ASSETS / "page.css").read_text(encoding="utf-8")
        script = "\n".join((_ASSETS / name).read_text(encoding="utf-8") for name in _SCRIPTS)
        template = (_ASSETS / "page.html").read_text(encoding="utf-8")
        parts = {"TITLE": escape(self.title), "STYLE": style, "DATA": held, "SCRIPT": script}
        head, *rest = template.split("%%")
        # names and texts in turn: nothing that is put in is looked through again
        return head + "".join(parts[one] if k % 2 == 0 else one for k, one in enumerate(rest))

    def save(self, path: str | Path) -> Path:
        """Write the page to `path`, ``.html`` where it has no suffix; return the path.

        Raises
        ------
        ParameterError
            Another suffix than ``.html`` or ``.htm``.
        OSError
            As `open`.
        """
        place = with_ending(path, ".html")
        if place.suffix.lower() not in (".html", ".htm"):
            raise ParameterError(f"`path` must end in .html; got {place.name}")
        write_text(place, self.html)
        return place

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, for notebooks."""
        return (f'<iframe srcdoc="{escape(self.html)}" title="{escape(self.title)}" '
                'style="width:100%;height:760px;border:0" sandbox="allow-scripts"></iframe>')


def _pens() -> str:
    """Return the colours of curves as variables of the style sheet."""
    light, dark = (
        " ".join(f"--pen{k}: {c};" for k, c in enumerate(colours))
        for colours in (COLOURS, COLOURS_ON_DARK)
    )
    return (f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
            f":root.printing {{ {light} }}\n")


def _told(value: Any) -> str:
    if isinstance(value, (str, int, float, np.number)) or value is None:
        return f"{value:.9g}" if isinstance(value, float) else str(value)
    return json.dumps(json_safe(value), ensure_ascii=False)


def _axis(axis: Axis) -> dict[str, Any]:
    numbers = axis.numbers
    values = list(map(str, axis.values)) if numbers is None else [float(v) for v in numbers]
    return {"name": axis.name, "unit": axis.unit, "values": values, "text": numbers is None}


def _data(panel: Panel, bits: int, share: float, detail: float) -> dict[str, Any]:
    """Return a panel as JSON holds it."""
    if isinstance(panel, HeatMap):
        return _map_data(panel, bits, share)
    if isinstance(panel, Curves):
        return _curves_data(panel, detail)
    if isinstance(panel, Grid):
        return _grid_data(panel)
    return {
        "kind": "table", "title": panel.title, "columns": panel.columns, "sort": panel.sort,
        "rows": panel.rows,
    }


def _map_data(panel: HeatMap, bits: int, share: float) -> dict[str, Any]:
    rows, columns = panel.shape
    # lines are left out along both sides alike, as far as there are some
    step = 1
    while share < 1.0 and -(-rows // step) * -(-columns // step) > max(64, share * rows * columns):
        step += 1
    steps = step if rows > step else 1, step if columns > step else 1
    fields = []
    for one in panel.fields:
        told: dict[str, Any] = {
            "name": one.name, "unit": one.unit, "diverging": one.diverging, "shown": one.shown,
        }
        if isinstance(one, Derived):
            fields.append({**told, "rule": one.rule, "of": one.of})
            continue
        values = one.values
        m, n = values.shape[-2:]
        part = values[..., ::steps[0] if m > 1 else 1, ::steps[1] if n > 1 else 1]
        fields.append({**told, "values": packed_frames(part, common=panel.play, bits=bits)})
    shape = [-(-rows // steps[0]), -(-columns // steps[1])]
    return {
        "kind": "map", "title": panel.title, "fields": fields, "rows": panel.rows,
        "columns": panel.columns, "shape": shape, "whole": [rows, columns], "steps": list(steps),
        "frames": [_axis(axis) for axis in panel.frames], "play": panel.play,
        "start": list(panel.start),
        "places": None if panel.places is None else [_axis(axis) for axis in panel.places],
    }


def _curves_data(panel: Curves, detail: float) -> dict[str, Any]:
    most = max(40, int(detail * min(2000, _POINTS / max(1, len(panel.curves)))))
    held: list[tuple[Array, Any, int]] = []  # abscissas that curves have in common

    def abscissa(x: Array, kept: Any) -> int:
        for k, (other, points, _) in enumerate(held):
            if other is x and np.array_equal(points, kept):
                return k
        held.append((x, kept, 0))
        return len(held) - 1

    curves = []
    shared: dict[int, Any] = {}
    for one in panel.curves:
        y = np.asarray(one.y, dtype=float)
        if id(one.x) not in shared:
            together = [np.asarray(c.y, dtype=float) for c in panel.curves if c.x is one.x]
            shared[id(one.x)] = thinned(np.stack(together), most)
        kept = shared[id(one.x)]
        band = {} if one.low is None or one.high is None else {
            "low": packed_vector(np.asarray(one.low)[kept]),
            "high": packed_vector(np.asarray(one.high)[kept]),
        }
        curves.append({"name": one.name, "x": abscissa(one.x, kept), "y": packed_vector(y[kept]),
                       "dashed": one.dashed, **band})
    return {
        "kind": "curves", "title": panel.title, "x": panel.x, "y": panel.y, "log_x": panel.log_x,
        "log_y": panel.log_y, "directed": panel.directed, "left_out": panel.left_out,
        "xs": [packed_vector(np.asarray(x, dtype=float)[kept]) for x, kept, _ in held],
        "curves": curves,
    }


def _grid_data(panel: Grid) -> dict[str, Any]:
    measures = [{
        "name": one.name, "unit": one.unit, "mean": packed_vector(one.mean),
        **({} if one.low is None or one.high is None else
           {"low": packed_vector(one.low), "high": packed_vector(one.high)}),
    } for one in panel.measures]
    return {
        "kind": "grid", "title": panel.title, "axes": [_axis(axis) for axis in panel.axes],
        "measures": measures, "x": panel.x, "hue": panel.hue, "band": panel.band,
    }
