"""What there is to see of a programmed array: its conductances read after read, errors, pulses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.environment import array_text
from ..core.errors import ParameterError
from ..core.validation import Array
from ..core.views.numbers import readable
from ..core.views.panels import Axis, Curve, Curves, Derived, Field, HeatMap, Panel, Table
from ..core.views.shown import View

__all__ = ["program_view"]

_FRAMES = 60
_CELLS = 12  # whose way is drawn
_ROWS = 400  # of the table of cells


def program_view(result: Any) -> View:
    """Return what there is to see of a `ProgramResult`."""
    rows, columns = result.targets.shape
    if not result.targets.size:
        raise ParameterError("the array has no cells: there is nothing to show")
    good = result.targets.size - len(result.unconverged)
    facts = {
        "cells within tolerance": f"{good:,} of {result.targets.size:,}",
        "pulses per cell": f"{result.pulses.mean():.1f}, at most {result.pulses.max()}",
        "write pulses": result.writes, "row reads": result.reads,
        "energy of writing": readable(result.energy, "J"),
        "energy of reading": readable(result.read_energy, "J"),
        "time": readable(result.time, "s"), "scheme": result.scheme,
        "error as read": _spread(result.relative_error),
        "error of the cells' own": _spread(result.relative_cell_error),
        "disturbed cells": len(result.disturbed), "completed": result.success,
    }
    panels: list[Panel] = [_animation(result), *_errors(result)]
    if result.history:
        panels.append(_ways(result))
    panels += [_pulses(result), _cells(result)]
    settings = {
        "operation": result.operation, "scheme": result.scheme, "algorithm": result.algorithm,
        "criterion": result.criterion, "targets": array_text(result.targets),
        "tolerance": array_text(result.tolerance), "initial": array_text(result.initial),
        "cells": type(result.crossbar.cells).__name__, "wires": repr(result.crossbar.wires),
        "message": result.message,
    }
    return View(f"Programming of {rows} x {columns} cells", facts, panels, settings)


def _spread(error: Array) -> str:
    mean, deviation, worst = 100 * error.mean(), 100 * error.std(), 100 * np.abs(error).max()
    return f"{mean:+.2f} % ± {deviation:.2f} %, at most {worst:.2f} %"


def _animation(result: Any) -> HeatMap:
    """Return the array as it was read, after more and more of the verifying reads."""
    count = len(result.history)
    kept = np.unique(np.linspace(0, count, min(_FRAMES - 1, count + 1)).astype(int))
    seen = result.initial.copy()
    frames, steps, at = [], [], 0
    for stop in kept:
        for row, measured in result.history[at:stop]:
            seen[row] = measured
        at = stop
        frames.append(seen.copy())
        steps.append(stop)
    frames.append(result.measured)  # the whole array is read once more at the end
    steps.append(count + len(result.targets))
    targets = result.targets[None]
    fields: list[Field | Derived] = [
        Derived("error as read", "%", "percent", ("read conductance", "target"), diverging=True),
        Field("read conductance", "S", np.stack(frames)), Field("target", "S", targets),
    ]
    return HeatMap(
        "Programming, read after read", fields, (Axis("row reads", np.array(steps)),), play=True,
        first=-1,
    )


def _errors(result: Any) -> list[Panel]:
    found = []
    for name, errors in (("as read", result.relative_error),
                         ("of the cells' own", result.relative_cell_error)):
        values = np.sort(100 * errors.ravel())
        share = 100 * np.arange(1, len(values) + 1) / len(values)
        found.append(Curve(name, values, share, dashed=name != "as read"))
    return [Curves("Errors: share of the cells at or below", found, ("error", "%"),
                   ("share of the cells", "%"))]


def _ways(result: Any) -> Curves:
    rows, columns = result.targets.shape
    paths: list[list[Array]] = [[] for _ in range(rows)]
    for row, measured in result.history:
        paths[row].append(measured)
    every = [(row, j) for row in range(rows) for j in range(columns) if paths[row]]
    chosen = every[:: max(1, -(-len(every) // _CELLS))]
    curves = []
    for row, j in chosen:
        path = np.array(paths[row])[:, j]
        curves.append(Curve(
            f"cell ({row}, {j}), target {readable(float(result.targets[row, j]), 'S')}",
            np.arange(len(path), dtype=float), path,
        ))
    log = bool(result.targets.min() > 0 and result.targets.max() > 20 * result.targets.min()
               and all((c.y > 0).all() for c in curves))
    return Curves("Ways of some cells through the verifying reads", curves,
                  ("verifying reads of the row", ""), ("read conductance", "S"), log_y=log,
                  left_out=len(every) - len(chosen))


def _pulses(result: Any) -> HeatMap:
    kinds = [("pulses", result.pulses, ""), ("SET pulses", result.set_pulses, ""),
             ("RESET pulses", result.reset_pulses, ""), ("disturbance", result.disturb, "S")]
    return HeatMap("Pulses and disturbance", [
        Field(name, unit, np.asarray(values, dtype=float), diverging=unit == "S")
        for name, values, unit in kinds
    ])


def _cells(result: Any) -> Table:
    """Return the cells with the largest errors."""
    errors = np.abs(result.relative_error)
    worst = np.argsort(errors, axis=None)[::-1][:_ROWS]
    away, moved = set(result.unconverged), set(result.disturbed)
    rows = []
    for flat in worst:
        i, j = (int(k) for k in np.unravel_index(flat, errors.shape))
        rows.append([
            f"({i}, {j})", float(result.targets[i, j]), float(result.measured[i, j]),
            float(result.conductance[i, j]), float(errors[i, j]), int(result.pulses[i, j]),
            (i, j) not in away, (i, j) in moved, result.reasons.get((i, j), ""),
        ])
    title = "Cells" if len(worst) == errors.size else f"The {len(worst)} cells with most error"
    return Table(title, [
        ("cell", ""), ("target", "S"), ("read", "S"), ("own", "S"), ("error", "%"), ("pulses", ""),
        ("within tolerance", ""), ("disturbed", ""), ("given up because", ""),
    ], rows, sort="error", bars=("error",))
