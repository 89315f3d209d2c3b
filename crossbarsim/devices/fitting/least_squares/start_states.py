"""The states of a device whose current is known at a voltage, with derivatives by parameters."""

from __future__ import annotations

import numpy as np

from ...base import Device
from .simulation import Start, bound_slopes, compiled, numbers, rest_start

__all__ = ["state_of_current"]


def state_of_current(
    device: Device, free: tuple[str, ...], columns: int, v: float, i: float
) -> Start:
    """Return the states with current `i` at voltage `v`, those beside the main one at rest.

    Where no state has that current: the bound whose current is nearest.

    Parameters
    ----------
    device : Device
    free : tuple of str
        Parameters of the first columns.
    columns : int
    v, i : float
        Volt and ampere, in the direction in which the model's laws are written.
    """
    start = rest_start(device, free, columns)
    which = device.main_state
    low, high = (np.array(b, dtype=float).reshape(-1) for b in device.bounds())
    p = np.array(device.parameter_array, dtype=float)
    x = start.x[:, None].copy()
    kernels = compiled(type(device))
    goal = i / v
    bad = int(kernels.invert(
        np.array([goal]), v, p[:, None].copy(), low[:, None].copy(), high[:, None].copy(),
        start.x[:, None].copy(), which, x,
    ))
    width = 2 + len(x)
    if bad >= 0:  # beyond the range
        ends = []
        for bound in (low, high):
            state, out = start.x.copy(), np.empty((1 + len(x)) * width)
            state[which] = bound[which]
            kernels.conduct(v, state, p, out)
            ends.append(abs(np.log(max(out[0] / v, 1e-300) / max(goal, 1e-300))))
        x[which, 0] = low[which] if ends[0] <= ends[1] else high[which]
    start.x[which] = x[which, 0]
    slopes = bound_slopes(device, free, columns)
    for bound, by in ((low, slopes[0]), (high, slopes[1])):
        if start.x[which] == bound[which]:
            start.slopes[which] = by[which]
            return start
    every = numbers(type(device))
    out = np.empty((1 + len(x)) * (width + len(every)))
    kernels.sensitivities(v, start.x, p, out)
    row = np.zeros(columns)
    row[: len(free)] = [out[width + every.index(name)] for name in free]
    for s in range(len(x)):
        if s != which:
            row += out[2 + s] * start.slopes[s]
    start.slopes[which] = -row / out[2 + which]
    return start
