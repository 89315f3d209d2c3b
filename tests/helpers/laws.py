"""A device's laws as plain Python, without a compiler."""

import inspect
from types import SimpleNamespace

import numpy as np
from scipy.optimize import brentq


def law(device, name, v, x, i=None, y=None):
    """Return what a law gives for floats; `x` are the states by name."""
    function = getattr(type(device), name)
    given = {"v": v, "i": i, "y": y, "x": SimpleNamespace(**x), "p": SimpleNamespace(**device.parameters())}
    found = function(*(given[n] for n in inspect.signature(function).parameters))
    return np.atleast_1d(np.array(found, dtype=float))


def inside(device, v, x):
    """Return the voltage inside of a device, or None."""
    if not hasattr(type(device), "inner_law") or v == 0.0:
        return None if v else 0.0
    return brentq(lambda y: float(law(device, "inner_law", v, x, y=y)[0]), min(0.0, v), max(0.0, v),
                  xtol=1e-300, rtol=1e-15)


def current(device, v, x):
    """Return the current, ampere."""
    return float(law(device, "current_law", v, x, y=inside(device, v, x))[0])


def rates(device, v, x):
    """Return the rates (S,)."""
    y = inside(device, v, x)
    return law(device, "rate_law", v, x, i=float(law(device, "current_law", v, x, y=y)[0]), y=y)


def points(device, count=60, volts=1.3, seed=1):
    """Return voltages and states, by name, inside of the states' ranges."""
    rng = np.random.default_rng(seed)
    low, high = (np.ravel(b) for b in device.bounds())
    for _ in range(count):
        share = rng.uniform(0.02, 0.98, len(low))
        yield float(rng.uniform(-volts, volts)), dict(
            zip(device.state_names, (low + share * (high - low)).tolist(), strict=True))
