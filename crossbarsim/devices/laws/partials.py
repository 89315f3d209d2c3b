"""Derivatives that a model gives itself, compared with the slopes of its laws."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...core.errors import ParameterError

__all__ = ["check_partials"]

_POINTS = 8
_TOLERANCE = 1e-4


def _values(result: Any) -> tuple[float, ...]:
    return tuple(map(float, result)) if isinstance(result, tuple) else (float(result),)


def _slope(
    law: Callable[..., tuple[float, ...]], point: dict[str, float], name: str, size: float
) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return the central difference of every value, or None beside a kink."""
    found = []
    for step in (1e-5 * size, 2.5e-6 * size):
        up, down = dict(point), dict(point)
        up[name] += step
        down[name] -= step
        found.append((np.array(law(up)) - np.array(law(down))) / (up[name] - down[name]))
    scale = np.abs(np.array(law(point))) / size + np.abs(found[1]) + 1e-300
    if not np.all(np.abs(found[0] - found[1]) <= 0.1 * _TOLERANCE * scale):
        return None
    return found[1]


def check_partials(model: type[Any]) -> None:
    """Compare `current_partials` and `rate_partials` with difference quotients of the laws.

    Compared at a few points inside the states' ranges, with the model's default parameters, for
    voltages up to 1 V of both signs.

    Raises
    ------
    ParameterError
        Names the derivative, and where it differs.
    """
    pairs = [(law, partials) for law, partials in (
        ("current_law", "current_partials"), ("rate_law", "rate_partials")
    ) if hasattr(model, partials)]
    if not pairs:
        return
    device = model()
    p = SimpleNamespace(**device.parameters())
    low, high = (np.ravel(b) for b in device.bounds())
    rng = np.random.default_rng(0)
    for _ in range(_POINTS):
        v = float(rng.choice((-1.0, 1.0)) * rng.uniform(0.02, 1.0))
        point = {"v": v, "y": v * float(rng.uniform(0.1, 0.9))}
        sizes = {"v": abs(v), "y": abs(v)}
        for state, a, b in zip(device.state_names, low, high, strict=True):
            point[f"x.{state}"] = float(a + rng.uniform(0.1, 0.9) * (b - a))
            sizes[f"x.{state}"] = float(b - a)
        point["i"] = 0.0
        point["i"] = _law(model.current_law, device.state_names, p)(point)[0]
        sizes["i"] = abs(point["i"]) + 1e-30
        for law, partials in pairs:
            _compare(model, law, partials, device.state_names, p, point, sizes)


def _law(
    function: Callable[..., Any], states: tuple[str, ...], p: Any
) -> Callable[[dict[str, float]], tuple[float, ...]]:
    names = list(inspect.signature(function).parameters)

    def call(point: dict[str, float]) -> tuple[float, ...]:
        x = SimpleNamespace(**{s: point[f"x.{s}"] for s in states})
        return _values(function(*({"x": x, "p": p}.get(n, point.get(n)) for n in names)))

    return call


def _compare(
    model: Any, law: str, partials: str, states: tuple[str, ...], p: Any,
    point: dict[str, float], sizes: dict[str, float],
) -> None:
    function = getattr(model, partials)
    directions: list[str] = []
    for name in inspect.signature(function).parameters:
        if name == "x":
            directions += [f"x.{s}" for s in states]
        elif name != "p":
            directions.append(name)
    value = _law(getattr(model, law), states, p)
    given = _law(function, states, p)(point)
    rows = ["i"] if law == "current_law" else [f"d{s}/dt" for s in states]
    title = f"{model.__name__}.{partials}"
    if len(given) != len(rows) * len(directions):
        raise ParameterError(
            f"{title} returns {len(given)} derivatives; expected {len(rows) * len(directions)}: "
            + ", ".join(f"d({row})/d({name})" for row in rows for name in directions)
        )
    base = np.abs(np.array(value(point)))
    for n, name in enumerate(directions):
        numeric = _slope(value, point, name, sizes[name])
        if numeric is None:
            continue
        for r, row in enumerate(rows):
            mine = given[r * len(directions) + n]
            scale = abs(numeric[r]) + base[r] / sizes[name]
            if not abs(mine - numeric[r]) <= _TOLERANCE * scale + 1e-300:
                where = ", ".join(
                    f"{k.removeprefix('x.')} = {point[k]:.4g}" for k in directions
                )
                raise ParameterError(
                    f"{title}: d({row})/d({name}) is {mine:.6g} at {where}; "
                    f"differences of {law} give {numeric[r]:.6g}"
                )
