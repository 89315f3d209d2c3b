"""What there is to see of results of circuits: curves over their axes, tables of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....core.errors import ParameterError
from ....core.validation import Array
from ....core.views.numbers import readable
from ....core.views.panels import Curve, Curves, Panel, Table, capital
from ....core.views.shown import Shown, View

__all__ = ["AXES", "DeckResults", "circuit_facts", "curves_view", "table_view", "unit_of"]

_LINES = 24  # curves of a panel
AXES = {"time": "s", "frequency": "Hz", "temp": "degC", "temper": "degC"}
"""Units of abscissas by their names."""
_LOG_RATIO = 30.0
_OF_CIRCUIT = ("circuit", "elements", "nodes")
_UNIT_TITLES = {"V": "Voltages", "A": "Currents", "W": "Powers", "": "Values"}


def unit_of(name: str) -> str:
    """Return the unit of a quantity of a circuit by ngspice's name: volt, ampere or watt."""
    if name.startswith("@"):
        part = name[name.rfind("[") + 1:].rstrip("]")
        return {"p": "W"}.get(part, "A" if part[:1] == "i" else "")
    return "A" if name.startswith("i(") else "V" if name.startswith("v(") else ""


def circuit_facts(circuit: Any) -> dict[str, Any]:
    """Return the key numbers of a circuit."""
    return {"circuit": circuit.title, "elements": len(circuit), "nodes": len(circuit.nodes)}


def _settings(circuit: Any) -> dict[str, Any]:
    from hashlib import sha256  # noqa: PLC0415 - only where a page is made

    text = "\n".join(map(repr, circuit))
    return {"circuit": circuit.title, "elements": f"{len(circuit)}, "
            f"sha256 {sha256(text.encode('utf-8')).hexdigest()[:12]}",
            "options": dict(circuit.options), "temperature": circuit.temperature}


def curves_view(results: Sequence[tuple[str, Any]], title: str = "") -> View:
    """Return curves of results over their last axis; of several results with their texts.

    Parameters
    ----------
    results : sequence of (text, Curves)
        The text tells a result among the others.
    title : str
    """
    first = results[0][1]
    axis = list(first.axes)[-1]
    facts = circuit_facts(first.circuit)
    facts["points"] = " x ".join(map(str, first.shape))
    if len(results) > 1:
        facts["results"] = len(results)
    for name, value in list(first.measures.items())[:8]:
        facts[name] = readable(value)
    panels: list[Panel] = []
    for kind, unit, names, how in first.shown_kinds():
        curves = _curves(results, names, how)
        if not curves:
            continue
        whole = np.concatenate([c.x for c in curves])
        log_x = bool(axis == "frequency" and whole.min() > 0
                     and whole.max() > _LOG_RATIO * whole.min())
        log_y = how in ("magnitude", "density") and bool(all((c.y > 0).all() for c in curves))
        panels.append(Curves(
            capital(kind), curves[:_LINES], (axis, AXES.get(axis, "")), (kind, unit),
            log_x=log_x, log_y=log_y, left_out=max(0, len(curves) - _LINES),
        ))
    settings = _settings(first.circuit)
    for name, values in first.axes.items():
        settings[name] = f"{len(values)} points, {float(values[0]):.9g} to {float(values[-1]):.9g}"
    return View(title or f"{first.plot_name}: {first.circuit.title}", facts, panels, settings)


def _curves(results: Sequence[tuple[str, Any]], names: Sequence[str], how: str) -> list[Curve]:
    found = []
    for name in names:
        for told, result in results:
            axes = list(result.axes.items())
            outer, (_, abscissa) = axes[:-1], axes[-1]
            rows = np.reshape(result[name], (-1, len(abscissa)))
            for k, row in enumerate(rows):
                places = np.unravel_index(k, result.shape[:-1]) if outer else ()
                values = [f"{axis} {v[p]:.4g}" for (axis, v), p in
                          zip(outer, places, strict=True)]
                text = ", ".join(part for part in (name, *values, told) if part)
                found.append(Curve(text, abscissa, _part(row, how)))
    return found


def _part(values: Any, how: str) -> Array:
    if how == "phase":
        return np.asarray(np.degrees(np.unwrap(np.angle(values))))
    return np.asarray(np.abs(values) if how == "magnitude" else np.real(values))


def table_view(
    title: str, circuit: Any, values: dict[str, Any], columns: Sequence[tuple[str, str]],
    facts: dict[str, Any] | None = None,
) -> View:
    """Return a table of numbers by name.

    Parameters
    ----------
    title : str
    circuit : Circuit
    values : dict
        Name -> number, or numbers of further columns.
    columns : sequence of (name, unit)
        Behind that of the names; the unit "?" is that of the name: a table for each unit.
    facts : dict
    """
    rows = []
    for name, value in values.items():
        entries = value if isinstance(value, (list, tuple)) else [value]
        rows.append([name, *entries])
    panels = []
    for unit in dict.fromkeys(unit_of(row[0]) for row in rows):
        own = any(u == "?" for _, u in columns)
        panels.append(Table(
            _UNIT_TITLES[unit] if own else title,
            [("name", ""), *((n, unit if u == "?" else u) for n, u in columns)],
            [row for row in rows if not own or unit_of(row[0]) == unit], bars=(columns[0][0],),
        ))
        if not own:
            break
    whole = {} if circuit is None else circuit_facts(circuit)
    return View(title, {**whole, **(facts or {})}, panels,
                {} if circuit is None else _settings(circuit))


@dataclass(frozen=True, eq=False)
class DeckResults(Shown):
    """All that a deck's analyses found, on one page.

    Attributes
    ----------
    title : str
        Of the circuit.
    deck : str
        Name of the file.
    results : sequence
        Of the analyses; those without a page of their own are only counted.
    """

    title: str
    deck: str
    results: Sequence[Any]

    def _view(self) -> View:
        each = [(one, one._view()) for one in self.results if isinstance(one, Shown)]  # noqa: SLF001
        if not each:
            raise ParameterError(f"{self.deck}: no analysis has a result to show on a page")
        facts: dict[str, Any] = {"deck": self.deck}
        panels: list[Panel] = []
        settings: dict[str, Any] = {}
        for k, (one, view) in enumerate(each):
            kind = str(getattr(one, "plot_name", type(one).__name__))
            facts |= {n: v for n, v in view.facts.items() if n in _OF_CIRCUIT}
            facts |= {f"{kind}, {n}": v for n, v in view.facts.items() if n not in _OF_CIRCUIT}
            panels += [replace(p, title=f"{kind}: {p.title}") for p in view.panels]
            settings[f"{k + 1}: {kind}"] = dict(view.settings)
        left = len(self.results) - len(each)
        if left:
            facts["results without a picture"] = left
        return View(self.title or self.deck, facts, panels, settings)
