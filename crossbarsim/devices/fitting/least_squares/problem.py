"""Residuals of a model against sweeps, and their exact Jacobian, at a point of the search space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ....core.errors import ConvergenceError, ParameterError
from ....core.validation import Array, number
from ...base import Device
from ..measured.sweeps import MeasuredSweep
from .residuals import Scale
from .simulation import Run, Start, bound_slopes, rest_start, run
from .space import Axis, to_values
from .start_states import state_of_current

__all__ = ["Problem", "Starts", "plan_starts", "share_state"]


@dataclass(frozen=True)
class Starts:
    """How each sweep starts, and the columns of the starts that are fitted.

    Attributes
    ----------
    modes : tuple of str
        "rest", "first", "last", "fit" or "known", one per sweep.
    columns : tuple of int
        Which fitted start, -1: none.
    known : (S,) array or None
        The states where a conductance or states were given.
    count : int
        Fitted starts.
    conductance : float or None
        Where that was given: the states follow the parameters.
    """

    modes: tuple[str, ...]
    columns: tuple[int, ...]
    known: Array | None
    count: int
    conductance: float | None = None


def plan_starts(device: Device, sweeps: Sequence[MeasuredSweep], start: Any) -> Starts:
    """Return how the sweeps start; `start` as of `fit`.

    Raises
    ------
    ParameterError
        Another word, a conductance or states that the device cannot have.
    """
    words = ("auto", "rest", "first", "last", "fit")
    known, conductance, default = None, None, "auto"
    if not isinstance(start, (str, Mapping)):
        conductance, default = number("start", start, unit="S"), "known"
        device.state_from_conductance(conductance)  # raises where there is none
    elif isinstance(start, str):
        if start not in words:
            raise ParameterError(
                f"`start` must be one of {', '.join(map(repr, words))}, a conductance or states; "
                f"got {start!r}"
            )
        default = start
    else:
        missing = set(map(str, start)) ^ set(device.state_names)
        if missing:
            raise ParameterError(
                f"`start` must have the states {', '.join(device.state_names)}; "
                f"{', '.join(sorted(missing))} is missing or too much"
            )
        known = device.checked(0.0, [start[name] for name in device.state_names])[1]
        default = "known"
    modes, columns, count = [], [], 0
    for k, sweep in enumerate(sweeps):
        mode = default if sweep.start == "auto" else sweep.start
        if mode == "auto":
            mode = "fit"
        if mode == "last" and (k == 0 or sweeps[k - 1].device != sweep.device):
            mode = "fit" if default == "auto" else ("rest" if default == "last" else default)
        if not device.states:
            mode = "rest"
        modes.append(mode)
        columns.append(count if mode == "fit" else -1)
        count += mode == "fit"
    return Starts(tuple(modes), tuple(columns), known, count, conductance)


class Problem:
    """A model, its free parameters, sweeps, and how currents are compared.

    Parameters
    ----------
    device : Device
        With all that is not free.
    axes : tuple of Axis
    sweeps : tuple of MeasuredSweep
    starts : Starts
    scale : Scale
    rtol : float
        Of the simulation.
    """

    def __init__(
        self, device: Device, axes: tuple[Axis, ...], sweeps: tuple[MeasuredSweep, ...],
        starts: Starts, scale: Scale, *, rtol: float = 1e-6,
    ) -> None:
        self.device, self.axes, self.sweeps = device, axes, sweeps
        self.starts, self.scale, self.rtol = starts, scale, rtol
        self.free = tuple(axis.name for axis in axes)
        self.count = len(axes) + starts.count
        self.simulations = 0
        self.goal = [scale.value(s.i) for s in sweeps]
        self.used = [w > 0 for w in scale.weights]
        self.points = int(sum(used.sum() for used in self.used))
        self.references = [_reference(s) for s in sweeps]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters and of the starts that are fitted."""
        return (*self.free, *(
            f"start of sweep {k + 1}" for k, c in enumerate(self.starts.columns) if c >= 0
        ))

    def device_at(self, u: Array) -> Device:
        """Return the device at a point; its parameters may contradict each other: an error."""
        return self.device.replace(**to_values(self.axes, u[: len(self.axes)]))

    def runs(
        self, u: Array, *, slopes: bool, sweeps: Sequence[MeasuredSweep] | None = None
    ) -> list[Run]:
        """Simulate all sweeps at a point: a current each, its derivatives by parameter values.

        Raises
        ------
        ConvergenceError, ParameterError
            Here the model cannot be simulated.
        """
        device = self.device_at(u)
        found: list[Run] = []
        for k, sweep in enumerate(self.sweeps if sweeps is None else sweeps):
            self.simulations += 1
            start = self._start(device, min(k, len(self.sweeps) - 1), u, found)
            found.append(run(
                device, self.free, sweep, start, rtol=self.rtol, shape=self.scale.number,
                floor=self.scale.floor, slopes=slopes,
            ))
        return found

    def _start(self, device: Device, k: int, u: Array, before: Sequence[Run]) -> Start:
        mode, columns = self.starts.modes[k], self.count
        if mode == "last":
            return before[-1].end
        if mode == "rest":
            return rest_start(device, self.free, columns)
        if mode == "known" and self.starts.known is not None:
            return Start(self.starts.known.copy(), np.zeros((len(device.states), columns)))
        if mode == "known":
            at, goal = device.polarity * device.read_voltage, self.starts.conductance or 0.0
            return self._measured(device, at, goal * at)
        if mode == "first":
            at = self.references[k]
            sweep = self.sweeps[k]
            return self._measured(device, device.polarity * sweep.v[at],
                                  device.polarity * sweep.i[at])
        column = len(self.axes) + self.starts.columns[k]
        return self._shared(device, float(u[column]), column)

    def _shared(self, device: Device, share: float, column: int) -> Start:
        """Return the start at a share of the main state's range, others at rest."""
        start = rest_start(device, self.free, self.count)
        low, high = (float(b.reshape(-1)[device.main_state]) for b in device.bounds())
        dlow, dhigh = (b[device.main_state] for b in bound_slopes(device, self.free, self.count))
        x = share_state(low, high, share)
        if logarithmic(low, high):
            slopes = x * ((1.0 - share) * dlow / low + share * dhigh / high)
            slopes[column] = x * np.log(high / low)
        else:
            slopes = (1.0 - share) * dlow + share * dhigh
            slopes[column] = high - low
        start.x[device.main_state], start.slopes[device.main_state] = x, slopes
        return start

    def _measured(self, device: Device, v: float, i: float) -> Start:
        """Return the start whose current is `i` at `v`, both of the device's own direction."""
        return state_of_current(device, self.free, self.count, v, i)

    def first_shares(self, u: Array) -> Array:
        """Return u with the fitted starts set to what the first measured currents say."""
        found = np.array(u, dtype=float)
        device = self.device_at(u)
        low, high = (float(b.reshape(-1)[device.main_state]) for b in device.bounds()) if (
            device.states) else (0.0, 1.0)
        for k, c in enumerate(self.starts.columns):
            if c < 0:
                continue
            at, sweep = self.references[k], self.sweeps[k]
            x = float(self._measured(
                device, device.polarity * sweep.v[at], device.polarity * sweep.i[at]
            ).x[device.main_state])
            share = np.log(x / low) / np.log(high / low) if logarithmic(low, high) else (
                (x - low) / (high - low))
            found[len(self.axes) + c] = min(max(float(share), 0.0), 1.0)
        return found

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Range of the coordinates."""
        ends = [axis.bounds for axis in self.axes] + [(0.0, 1.0)] * self.starts.count
        return np.array([a for a, _ in ends]), np.array([b for _, b in ends])

    def chain(self, u: Array) -> Array:
        """Return d(value)/du for all columns."""
        values = to_values(self.axes, u[: len(self.axes)])
        return np.array([
            *(axis.slope(values[axis.name]) for axis in self.axes), *(1.0,) * self.starts.count
        ])

    def residuals(self, u: Array, width: float = 0.0) -> Array:
        """Return the residuals: at the points, or smoothed over a share `width` of each sweep."""
        runs = self.runs(u, slopes=False)
        return np.concatenate([
            self._row(k, one.current, one.means, width) for k, one in enumerate(runs)
        ])

    def jacobian(self, u: Array, width: float = 0.0) -> Array:
        """Return the derivatives of `residuals` by u, (points, columns)."""
        chain = self.chain(u)
        rows = []
        for k, one in enumerate(self.runs(u, slopes=True)):
            if width:
                row = self._smooth(one.mean_slopes * self._inner(k)[:, None], width)
            else:
                slope = self.scale.slope(one.current) * self.scale.weights[k]
                row = (slope[:, None] * one.slopes)[self.used[k]]
            rows.append(row * chain)
        return np.concatenate(rows)

    def _row(self, k: int, current: Array, means: Array, width: float) -> Array:
        if not width:
            w = self.scale.weights[k]
            return ((self.scale.value(current) - self.goal[k]) * w)[self.used[k]]
        goal = 0.5 * (self.goal[k][1:] + self.goal[k][:-1])
        return self._smooth((means - goal) * self._inner(k), width)

    def _inner(self, k: int) -> Array:
        w = self.scale.weights[k]
        return np.asarray(np.sqrt(w[1:] * w[:-1]))

    @staticmethod
    def _smooth(rows: Array, width: float) -> Array:
        """Return rows smoothed along the first axis; their ends go on as they are."""
        from scipy.fft import irfft, next_fast_len, rfft  # noqa: PLC0415 - slow to import

        sigma = max(width * len(rows), 0.5)
        radius = int(4.0 * sigma + 0.5)
        kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        padded = np.pad(rows, [(radius, radius), *[(0, 0)] * (rows.ndim - 1)], mode="edge")
        # products of spectra: the kernel grows with the rows, and sums would take their square
        size = next_fast_len(len(padded), real=True)
        spectrum = rfft(kernel / kernel.sum(), size).reshape(-1, *[1] * (rows.ndim - 1))
        found = irfft(rfft(padded, size, axis=0) * spectrum, size, axis=0)
        return np.asarray(found[2 * radius:2 * radius + len(rows)])

    def warm(self, u: Array) -> None:
        """Have the model's kernels compiled, for two points of the first sweep."""
        s = self.sweeps[0]
        short = (MeasuredSweep(s.t[:2], s.v[:2], s.i[:2], s.limits[:2]),)
        with suppress(ConvergenceError, ParameterError):  # the search says where it cannot
            self.runs(u, slopes=True, sweeps=short)

    def cost(self, u: Array, width: float = 0.0) -> float:
        """Return half the sum of squares, infinite where the model cannot be simulated."""
        try:
            r = self.residuals(u, width)
        except (ConvergenceError, ParameterError):
            return np.inf
        total = 0.5 * float(r @ r)
        return total if np.isfinite(total) else np.inf


@lru_cache(maxsize=64)
def logarithmic(low: float, high: float) -> bool:
    """Return whether a state's range is wide enough for its logarithm."""
    return low > 0 and high > 20.0 * low


def share_state(low: float, high: float, share: float) -> float:
    """Return the state at a share of its range, of its logarithm where that is wide."""
    if logarithmic(low, high):
        return float(low * (high / low) ** share)
    return low + share * (high - low)


def _reference(sweep: MeasuredSweep) -> int:
    """Return the first point that tells the state: enough voltage, and not yet enough to write."""
    top = float(np.abs(sweep.v).max())
    good = (np.abs(sweep.v) >= 0.1 * top) & (sweep.i * sweep.v > 0)
    return int(np.argmax(good)) if np.any(good) else int(np.argmax(np.abs(sweep.v)))
