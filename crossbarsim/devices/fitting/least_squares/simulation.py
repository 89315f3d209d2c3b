"""One sweep simulated, with the exact derivatives of the simulation by a few parameters.

The integrator is not the one of `Device.simulate`: of an implicit Runge-Kutta scheme the exact
derivative needs first derivatives of the laws alone, of Rosenbrock's methods second ones. Both
agree within their tolerances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ....core.errors import ConvergenceError, ParameterError
from ....core.validation import Array
from ...base import Device
from ...laws.compilation import build
from ...laws.laws import law_source
from ..measured.sweeps import MeasuredSweep

__all__ = ["SHAPES", "Run", "Start", "bound_slopes", "compiled", "numbers", "rest_start", "run"]

SHAPES = ("linear", "asinh", "log")
_MOST = 4000  # steps within one interval of the data
_sources: dict[type[Device], str] = {}


@dataclass(frozen=True)
class Start:
    """States (S,) at the start of a sweep, and their derivatives (S, C)."""

    x: Array
    slopes: Array


@dataclass(frozen=True)
class Run:
    """What a simulation gave.

    Attributes
    ----------
    current : (T,), ampere
    slopes : (T, C)
        Its derivatives by F free parameters and C - F other columns.
    means, mean_slopes : (T - 1,) and (T - 1, C)
        Averages over the intervals of the current on the scale of the residuals.
    states : (S, T)
    end : Start
    steps : int
    grid : (L, 2)
        Steps taken where they were recorded: length in seconds and kind.
    """

    current: Array
    slopes: Array
    means: Array
    mean_slopes: Array
    states: Array
    end: Start
    steps: int
    grid: Array


def compiled(model: type[Device]) -> ModuleType:
    """Return the kernels of a model with derivatives by all of its parameters.

    They are compiled when first called, once for a model whatever is free.

    Raises
    ------
    ParameterError
        The model's laws cannot be differentiated by their parameters.
    """
    if "law" in vars(model) or not hasattr(model, "current_law"):
        raise ParameterError(
            f"{model.__name__} cannot be fitted: its compiled law is written by hand, without "
            "derivatives by its parameters"
        )
    if model not in _sources:
        declared = model._declared  # noqa: SLF001 - the model's declaration
        places = {name: k for k, name in enumerate(declared)}
        choices = {name: p.choices for name, p in declared.items() if p.choices}
        states = [s.name for s in model.states]
        _sources[model] = law_source(model, states, places, choices, "", numbers(model))
    return build(_sources[model], ("device", "limited_steps", "sensitivities"))


def numbers(model: type[Device]) -> tuple[str, ...]:
    """Return the parameters that are numbers, in the order of the laws' derivatives.

    Raises
    ------
    ParameterError
        There is none.
    """
    declared = model._declared  # noqa: SLF001 - the model's declaration
    found = tuple(name for name, p in declared.items() if not p.choices)
    if not found:
        raise ParameterError(f"{model.__name__} has no parameter that is a number: nothing to fit")
    return found


def bound_slopes(device: Device, free: Sequence[str], columns: int) -> tuple[Array, Array]:
    """Return the derivatives (S, C) of the states' lower and upper bounds."""
    found = []
    for which in ("low", "high"):
        slopes = np.zeros((len(device.states), columns))
        for s, state in enumerate(device.states):
            bound = getattr(state, which)
            if bound in free:
                slopes[s, free.index(bound)] = 1.0
        found.append(slopes)
    return found[0], found[1]


def rest_start(device: Device, free: Sequence[str], columns: int) -> Start:
    """Return the states of a device at rest, and their derivatives."""
    slopes = np.zeros((len(device.states), columns))
    for s, state in enumerate(device.states):
        rest = state.low if state.rest is None else state.rest
        if rest in free:
            slopes[s, free.index(rest)] = 1.0
    return Start(np.array(device.rest(), dtype=float), slopes)


def run(
    device: Device, free: tuple[str, ...], sweep: MeasuredSweep, start: Start, *,
    rtol: float = 1e-6, shape: int = 0, floor: float = 1.0, slopes: bool = True, grid: Any = None,
    record: int = 0,
) -> Run:
    """Simulate a sweep, with derivatives where `slopes`.

    Parameters
    ----------
    device : Device
        With numbers as parameters.
    free : tuple of str
        The parameters of the first columns.
    start : Start
        States and their derivatives (S, C), C >= F.
    rtol : float
        Error per step, relative to each state's range.
    shape, floor : int, float
        Scale of the averages, a place in `SHAPES`; ampere.
    grid : (L, 2) array, optional
        Steps to take instead of those that the error asks for.
    record : int
        Most steps to record.

    Raises
    ------
    ConvergenceError
        Names time and voltage at which the steps became too many.
    """
    every = numbers(type(device))
    which = np.array([every.index(name) for name in free], dtype=np.int64)
    length, columns = len(sweep), start.slopes.shape[1]
    low, high = (np.array(b, dtype=float).reshape(-1) for b in device.bounds())
    dlow, dhigh = bound_slopes(device, free, columns)
    x, dx = np.array(start.x, dtype=float), np.array(start.slopes, order="C")
    current, means = np.empty(length), np.empty(length - 1)
    by = np.empty((length if slopes else 0, columns))
    mean_by = np.empty((length - 1 if slopes else 0, columns))
    states = np.empty((len(device.states), length))
    steps = np.empty((record, 2)) if grid is None else np.array(grid, dtype=float, order="C")
    taken = compiled(type(device)).sweep(
        np.array(sweep.t), device.polarity * sweep.v, np.array(sweep.limits),
        np.array(device.parameter_array, dtype=float), len(every), which, low, high, dlow, dhigh,
        x, dx, rtol, _MOST, shape, floor, steps, grid is not None, current, by, means, mean_by,
        states,
    )
    if taken < 0:
        m = int(-1 - taken)
        raise ConvergenceError(
            f"{type(device).__name__}: not past t = {sweep.t[m]:g} s, v = {sweep.v[m]:g} V, in "
            f"{_MOST} steps"
        )
    sign = device.polarity
    odd = 1 if shape == SHAPES.index("log") else sign
    return Run(
        sign * current, sign * by, odd * means, odd * mean_by, states, Start(x, dx), int(taken),
        steps[:taken] if grid is None else steps,
    )
