"""What there is to see of a transient of an array: currents, probes, maps that run in time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import ParameterError
from ...core.validation import Array
from ...core.views.numbers import readable
from ...core.views.panels import Axis, Curve, Curves, Field, HeatMap, Panel, capital
from ...core.views.shown import View
from .views import array_settings, crossbar_name

__all__ = ["transient_view"]

_LINES = 24  # curves of a panel
_FRAMES = 40  # of a map in time
_TIME = ("time", "s")


def _lines(title: str, names: list[str], values: Array, time: Array, y: tuple[str, str]) -> Curves:
    step = max(1, -(-len(names) // _LINES))
    chosen = range(0, len(names), step)
    return Curves(title, [Curve(names[k], time, values[:, k]) for k in chosen], _TIME, y,
                  left_out=len(names) - len(chosen))


def transient_view(result: Any, units: dict[str, str], states: list[tuple[str, str]]) -> View:
    """Return what there is to see of a `TransientResult`.

    Parameters
    ----------
    result : TransientResult
    units : dict
        Of the probes by their names.
    states : list of (name, unit)
        Of the cells.
    """
    time = result.time
    if not len(time):
        raise ParameterError("the transient has no time point: there is nothing to show")
    count = result.currents.shape[1]
    panels: list[Panel] = [_lines(
        "Currents into the sensed ends", [f"bit line {j}" for j in range(count)], result.currents,
        time, ("current", "A"),
    )]
    for probe, values in result.probes.items():
        panels += _probe(probe, values, time, units, states)
    end = result.crossbar.conductance
    panels.append(HeatMap("Conductances at the end", [Field("conductance", "S", end)]))
    facts = {
        "array": f"{end.shape[0]} x {end.shape[1]}, {type(result.crossbar.cells).__name__}",
        "time": readable(float(time[-1]), "s"), "points": len(time),
        "energy": readable(result.energy, "J"),
        "largest current": readable(float(np.abs(result.currents).max(initial=0.0)), "A"),
        "steps": result.steps, "rejected": result.rejected,
        "residual": f"{result.residual:.1e}", "completed": result.success,
    }
    settings = {**array_settings(result.crossbar), "method": result.method,
                "message": result.message}
    return View(f"{crossbar_name(result.crossbar)} in time", facts, panels, settings)


def _probe(
    probe: Any, values: Array, time: Array, units: dict[str, str], states: list[tuple[str, str]]
) -> list[Panel]:
    name, cell = (probe, None) if isinstance(probe, str) else probe
    words = name.replace("_", " ")
    where = "" if cell is None else f" of cell ({cell[0]}, {cell[1]})"
    if name == "state":
        named = states + [(f"access {k}", "") for k in range(values.shape[1] - len(states))]
        parts = [(f"state {text}", unit, values[:, s]) for s, (text, unit) in enumerate(named)]
    else:
        parts = [(words, units.get(name, ""), values)]
    if cell is not None:
        return [Curves(f"{capital(text)}{where}", [Curve(text, time, part)], _TIME,
                       (text, unit)) for text, unit, part in parts]
    frames = np.unique(np.linspace(0, len(time) - 1, min(_FRAMES, len(time))).astype(int))
    fields = [Field(text, unit, part[frames]) for text, unit, part in parts]
    return [HeatMap(capital(words), fields, (Axis("time", time[frames], "s"),), play=True,
                    first=-1)]
