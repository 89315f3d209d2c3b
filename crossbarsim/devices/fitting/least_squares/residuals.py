"""The scale on which currents are compared, weights, and the noise that the data show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ....core.errors import ParameterError
from ....core.validation import Array, choice, finite_array, number
from ..measured.sweeps import MeasuredSweep
from .simulation import SHAPES

__all__ = ["Scale", "lag_correlation", "noise_of", "noises_of", "scale_of"]


@dataclass(frozen=True)
class Scale:
    """How currents are compared.

    Attributes
    ----------
    shape : {"linear", "asinh", "log"}
        i / floor; asinh(i / (2 floor)), the logarithm for both signs; ln |i|.
    floor : float, ampere
        Below it "asinh" is linear, and "log" ends.
    weights : tuple of (T,) arrays
        Factors on the residuals of each sweep; 0: left out.
    """

    shape: str
    floor: float
    weights: tuple[Array, ...]

    @property
    def number(self) -> int:
        """Place of the shape in the compiled kernels."""
        return SHAPES.index(self.shape)

    def value(self, i: Array) -> Array:
        """Return the scaled current."""
        if self.shape == "linear":
            return i / self.floor
        if self.shape == "asinh":
            return np.asarray(np.arcsinh(0.5 * i / self.floor))
        return np.log(np.maximum(np.abs(i), self.floor))

    def slope(self, i: Array) -> Array:
        """Return the derivative of the scaled current, per ampere."""
        if self.shape == "linear":
            return np.full(i.shape, 1.0 / self.floor)
        if self.shape == "asinh":
            half = 0.5 / self.floor
            return half / np.sqrt(1.0 + (half * i) ** 2)
        above = np.abs(i) > self.floor
        return np.where(above, 1.0 / np.where(above, i, 1.0), 0.0)

    def step(self, before: Array, now: Array) -> Array:
        """Return by how much currents differ on this scale."""
        return self.value(now) - self.value(before)


def scale_of(
    sweeps: Sequence[MeasuredSweep], shape: str, floor: float | None, weights: Any, limited: str
) -> Scale:
    """Return the scale of the residuals; arguments of `fit`.

    Raises
    ------
    ParameterError
        Weights of another shape or < 0, a floor that is not > 0, data without any current.
    """
    choice("scale", shape, SHAPES)
    choice("limited", limited, ("limit", "leave out"))
    largest = max(float(np.max(np.abs(s.i))) for s in sweeps)
    if largest == 0.0:
        raise ParameterError("`data`: every current is 0 A: there is nothing to fit")
    if floor is None:
        floor = largest if shape == "linear" else _floor(sweeps, largest)
    else:
        number("floor", floor, low=0.0, open_low=True, unit="A")
    own = _weights(sweeps, weights)
    found = []
    for s, w in zip(sweeps, own, strict=True):
        used = np.array(np.broadcast_to(w, (len(s),)))
        if limited == "leave out":
            used[s.limited] = 0.0
        if shape == "log":
            used[np.abs(s.i) <= floor] = 0.0  # no logarithm worth the name
        found.append(used)
    if not any(np.any(w > 0) for w in found):
        raise ParameterError("no point of `data` is left: all have no weight")
    return Scale(shape, float(floor), tuple(found))


def _floor(sweeps: Sequence[MeasuredSweep], largest: float) -> float:
    """Return the current that the data's noise near 0 V hides, at least 1e-5 of the largest."""
    return max(min(3.0 * _near_zero(sweeps), 1e-2 * largest), 1e-5 * largest)


def _near_zero(sweeps: Sequence[MeasuredSweep]) -> float:
    """Return the standard deviation of the current near 0 V, ampere, of second differences."""
    found = []
    for s in sweeps:
        low = np.abs(s.v) < 0.05 * np.abs(s.v).max()
        middle = low[1:-1]
        if middle.sum() >= 5:
            second = (s.i[:-2] - 2.0 * s.i[1:-1] + s.i[2:])[middle]
            found.append(1.4826 * float(np.median(np.abs(second))) / np.sqrt(6.0))
    return max(found) if found else 0.0


def _weights(sweeps: Sequence[MeasuredSweep], weights: Any) -> list[Array]:
    if weights is None:
        return [np.ones(1)] * len(sweeps)
    rows: list[ArrayLike]
    if isinstance(weights, (list, tuple)) and len(sweeps) > 1:
        rows = list(weights)
    else:
        every = finite_array("weights", weights)
        rows = [every] * len(sweeps) if every.ndim < 2 else list(every)
    if len(rows) != len(sweeps):
        raise ParameterError(f"`weights`: {len(rows)} for {len(sweeps)} sweeps")
    found = []
    for k, (row, s) in enumerate(zip(rows, sweeps, strict=True)):
        array = finite_array(f"weights[{k}]", row)
        if array.shape not in ((), (len(s),)) or np.any(array < 0):
            raise ParameterError(
                f"`weights[{k}]` must be a number or {len(s)} of them, >= 0; got {array.shape}"
            )
        found.append(np.atleast_1d(array))
    return found


def noise_of(sweeps: Sequence[MeasuredSweep], scale: Scale) -> float:
    """Return the data's own noise on the scale: of second differences, whatever the curve is.

    The median, so that jumps and corners do not count; 0 where the points are too few to tell.
    """
    found = []
    for s, w in zip(sweeps, scale.weights, strict=True):
        if len(s) < 8:
            continue
        y = scale.value(s.i)
        good = (w[:-2] > 0) & (w[1:-1] > 0) & (w[2:] > 0) & ~s.limited[1:-1]
        found.append((np.abs(y[:-2] - 2.0 * y[1:-1] + y[2:]) * w[1:-1])[good])
    every = np.concatenate(found) if found else np.empty(0)
    return 1.4826 * float(np.median(every)) / float(np.sqrt(6.0)) if every.size >= 8 else 0.0


def noises_of(
    sweeps: Sequence[MeasuredSweep], scale: Scale, noise: float
) -> tuple[Array, ...]:
    """Return the noise of each point, (T,): that of most, and that of an instrument near 0 V.

    An instrument's noise of one size is a large share of small currents, which are few.
    """
    least = _near_zero(sweeps)
    return tuple(
        np.hypot(noise, least * np.abs(scale.slope(s.i)) * w)
        for s, w in zip(sweeps, scale.weights, strict=True))


def lag_correlation(rows: Sequence[Array]) -> float:
    """Return the correlation of residuals with those beside them, from -1 to 1."""
    total = sum(float(r @ r) for r in rows)
    beside = sum(float(r[1:] @ r[:-1]) for r in rows)
    return beside / total if total > 0 else 0.0
