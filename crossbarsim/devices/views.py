"""What there is to see of simulated devices: loops, and states and voltages in time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.environment import array_text
from ..core.errors import ParameterError
from ..core.validation import Array
from ..core.views.numbers import readable
from ..core.views.panels import Curve, Curves, Panel, Table
from ..core.views.shown import View

__all__ = ["loop_panel", "trace_view"]

_MOST = 24  # devices that are drawn
_RATIO = 30.0  # of conductances, from which loops are logarithmic


def _chosen(count: int) -> list[int]:
    return list(range(0, count, max(1, -(-count // _MOST))))


def loop_panel(voltage: Array, current: Array, title: str = "Current and voltage") -> Curves:
    """Return loops (K, T) of current over voltage, logarithmic where conductances differ much."""
    volts, amperes = np.atleast_2d(voltage), np.atleast_2d(current)
    volts = np.broadcast_to(volts, amperes.shape)
    chosen = _chosen(len(amperes))
    largest = float(np.abs(volts).max(initial=0.0))
    large = np.abs(volts) > 0.05 * largest
    with np.errstate(divide="ignore", invalid="ignore"):
        g = np.abs(amperes[large] / volts[large])
    log = bool(g.size and g.max() > _RATIO * g.min())
    if log:
        amperes = np.where(np.abs(volts) > 1e-3 * largest, np.abs(amperes), np.nan)
    curves = [
        Curve(f"device {k}" if len(amperes) > 1 else "current", volts[k], amperes[k])
        for k in chosen
    ]
    return Curves(
        title, curves, ("voltage", "V"), ("magnitude of the current" if log else "current", "A"),
        log_y=log, directed=True, left_out=len(amperes) - len(chosen),
    )


def trace_view(trace: Any) -> View:
    """Return what there is to see of a `Trace`: of many devices of 24 at most."""
    device = trace.device
    current = np.atleast_2d(trace.current)
    every = trace.save == "all"
    count = len(current) if every else trace.current.size
    if not trace.current.size:
        raise ParameterError("the trace has no device: there is nothing to show")
    conductance = np.asarray(trace.conductance)
    facts = {
        "model": type(device).__name__, "devices": count,
        "time": readable(float(trace.time[-1]), "s"),
        "conductance at the end": _range(conductance[..., -1] if every else conductance, "S"),
        "largest current": readable(float(np.abs(current).max()), "A"),
        "steps": trace.steps, "rejected": trace.rejected,
    }
    settings: dict[str, Any] = {"model": type(device).__name__}
    for name, value in device.parameters().items():
        array = np.asarray(value)
        settings[name] = array_text(array) if array.ndim else value
    settings |= {"t": array_text(trace.time), "v": array_text(trace.voltage),
                 "save": trace.save}
    panels: list[Panel] = []
    if every:
        panels.append(loop_panel(trace.voltage, trace.current))
        panels += _in_time(trace)
    else:
        rows = [
            [k, float(g), float(i)]
            for k, (g, i) in enumerate(zip(np.ravel(conductance), np.ravel(current), strict=False))
        ][:1000]
        panels.append(Table("At the end", [("device", ""), ("conductance", "S"),
                                           ("current", "A")], rows, bars=("conductance",)))
    return View(f"{type(device).__name__} in time", facts, panels, settings)


def _range(values: Array, unit: str) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    text = readable(low, unit)
    return text if low == high else f"{text} to {readable(high, unit)}"


def _in_time(trace: Any) -> list[Panel]:
    device, time = trace.device, trace.time
    found: list[Panel] = []
    for s, state in enumerate(device.states):
        values = np.atleast_2d(trace.state[s])
        chosen = _chosen(len(values))
        curves = [
            Curve(f"device {k}" if len(values) > 1 else state.name, time, values[k])
            for k in chosen
        ]
        found.append(Curves(f"State {state.name}", curves, ("time", "s"),
                            (f"state {state.name}", state.unit),
                            left_out=len(values) - len(chosen)))
    volts = np.atleast_2d(trace.voltage)
    alike = len(volts) == 1 or bool(np.all(volts == volts[0]))
    drives = [0] if alike else _chosen(len(volts))
    found.append(Curves(
        "Voltage", [Curve("voltage" if alike else f"device {k}", time, volts[k]) for k in drives],
        ("time", "s"), ("voltage", "V"), left_out=0 if alike else len(volts) - len(drives),
    ))
    return found
