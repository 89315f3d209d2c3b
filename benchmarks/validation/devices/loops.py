"""Driving a model as a reference was driven, and the panel that shows both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from crossbarsim.devices import Device

from ..checks import Array, Curve, Panel


def sampled(stop: float, count: int = 2001) -> Array:
    """Return times from 0 to `stop` second."""
    return np.linspace(0.0, stop, count)


def driven(
    device: Device, t: ArrayLike, v: ArrayLike, state: Sequence[float], *, rtol: float = 1e-9
) -> Any:
    """Return the trace of a device under a tabulated voltage."""
    return device.simulate(np.asarray(t), np.asarray(v), state=list(state), rtol=rtol)


def triangle(amplitude: float, period: float, count: int) -> tuple[Array, Array]:
    """Return a period of a triangle that begins upwards."""
    phase = np.linspace(0.0, 1.0, count)
    return phase * period, amplitude * np.interp(phase, [0, 0.25, 0.75, 1], [0, 1, -1, 0])


def loop_panel(
    title: str, volts: ArrayLike, ours: ArrayLike, reference_volts: ArrayLike,
    reference: ArrayLike, *, label: str, log: bool = False, every: int = 5,
) -> Panel:
    """Return current against voltage: the reference's points on our line."""
    a, b = np.asarray(ours, dtype=float), np.asarray(reference, dtype=float)
    if log:
        a, b = np.abs(a), np.abs(b)
    return Panel(
        title, "voltage (V)", "|current| (A)" if log else "current (A)",
        (Curve("crossbarsim", volts, a),
         Curve(label, np.asarray(reference_volts)[::every], b[::every], reference=True)),
        log_y=log,
    )
