"""What there is to see of fits: measured and fitted loops, residuals, parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.environment import array_text
from ...core.validation import Array
from ...core.views.panels import Curve, Curves, Panel, Table
from ...core.views.shown import View
from .fitted import Fitted
from .pictures import logarithmic

__all__ = ["fit_view", "fits_view"]

_MOST = 12  # sweeps, or devices, that are drawn


def fit_view(fit: Fitted, notes: Sequence[str]) -> View:
    """Return what there is to see of a fit, and of what it cannot know."""
    sweeps = fit.problem.sweeps
    log = logarithmic(fit)
    curves = []
    for k, (sweep, current) in enumerate(zip(sweeps[:_MOST], fit.currents, strict=False)):
        name = sweep.name or (f"sweep {k + 1}" if len(sweeps) > 1 else "")
        curves += [_loop(f"measured {name}".strip(), sweep.v, sweep.i, log=log),
                   _loop(f"fitted {name}".strip(), sweep.v, current, log=log, dashed=True)]
    percent = fit.problem.scale.shape != "linear"
    residuals = [
        Curve(sweep.name or f"sweep {k + 1}", np.arange(len(row), dtype=float),
              (100.0 if percent else 1.0) * row)
        for k, (sweep, row) in enumerate(zip(sweeps[:_MOST], fit.residuals, strict=False))
    ]
    intervals = fit.intervals()
    rows = [
        [axis.name, fit.values[axis.name], *intervals[axis.name], axis.symbol,
         "no" if axis.name in fit.undetermined else "yes"]
        for axis in fit.problem.axes
    ]
    panels: list[Panel] = [
        _loops("Measured and fitted", curves, log=log, left_out=max(0, len(sweeps) - _MOST)),
        Curves("Residuals", residuals, ("point", ""),
               ("residual", "%" if percent else "share of the floor")),
        Table("Parameters", [("parameter", ""), ("value", ""), ("95 % from", ""), ("to", ""),
                             ("unit", ""), ("determined", "")], rows, bars=("value",)),
    ]
    facts = {
        "model": type(fit.device).__name__, "points": fit.points, "sweeps": len(sweeps),
        "rms": f"{100 * fit.rms:.3g} %", "noise": f"{100 * fit.noise:.3g} %",
        "describes the data": "yes" if fit.describes else "no",
    }
    facts |= {f"note {k + 1}": note for k, note in enumerate(notes)}
    return View(f"Fit of {type(fit.device).__name__}", facts, panels, _settings(fit))


def fits_view(fits: Any) -> View:
    """Return what there is to see of the fits of many devices."""
    each: Mapping[str, Fitted] = fits.fits
    first = next(iter(each.values()))
    log = logarithmic(first)
    curves = []
    for name, fit in list(each.items())[:_MOST]:
        sweep = fit.problem.sweeps[0]
        curves += [_loop(f"{name}, measured", sweep.v, sweep.i, log=log),
                   _loop(f"{name}, fitted", sweep.v, fit.currents[0], log=log, dashed=True)]
    symbols = {axis.name: axis.symbol for axis in first.problem.axes}
    rows: list[list[Any]] = [
        [name, *(fit.values[p] for p in fits.free), 100.0 * fit.rms,
         "yes" if fit.describes else "no"]
        for name, fit in each.items()
    ]
    rows += [[name, *(None for _ in fits.free), None, f"not fitted: {why}"]
             for name, why in fits.failed.items()]
    panels: list[Panel] = [
        _loops("First sweep of every device", curves, log=log,
               left_out=max(0, len(each) - _MOST)),
        Table("Devices", [("device", ""), *((p, symbols[p]) for p in fits.free), ("rms", "%"),
                          ("described", "")], rows, bars=(fits.free[0],)),
    ]
    facts = {
        "model": type(first.device).__name__, "devices": len(each), "not fitted": len(fits.failed),
        "described": sum(fit.describes for fit in each.values()),
        **{p: f"{np.mean(v):.4g} {symbols[p]}, standard deviation {np.std(v):.3g}".strip()
           for p, v in fits.values.items()},
    }
    return View(f"Fits of {type(first.device).__name__}", facts, panels,
                {name: _settings(fit) for name, fit in each.items()})


def _loop(name: str, v: Array, i: Array, *, log: bool, dashed: bool = False) -> Curve:
    volts = np.asarray(v, dtype=float)
    shown = np.abs(volts) > 1e-3 * np.abs(volts).max()
    return Curve(name, volts, np.where(shown, np.abs(i), np.nan) if log else np.asarray(i),
                 dashed=dashed)


def _loops(title: str, curves: list[Curve], *, log: bool, left_out: int) -> Curves:
    return Curves(title, curves, ("voltage", "V"),
                  ("magnitude of the current" if log else "current", "A"), log_y=log,
                  left_out=left_out)


def _settings(fit: Fitted) -> dict[str, Any]:
    """Return the fitted device and the data, by their hashes."""
    values = {n: array_text(v) if np.ndim(v) else v for n, v in fit.device.settings().items()}
    sweeps = [{"name": s.name, "t": array_text(s.t), "v": array_text(s.v), "i": array_text(s.i)}
              for s in fit.problem.sweeps]
    return {"model": type(fit.device).__name__, "device": values, "data": sweeps,
            "scale": fit.problem.scale.shape}
