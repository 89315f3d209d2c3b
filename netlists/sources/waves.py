"""Voltages that change in time: pulses, sines and points joined by lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, finite_array
from .corners import MOST_FOLLOWED, Corners, corners_among, corners_within, eighths, turns

__all__ = ["LazySource", "Pulse", "Pwl", "Sine", "Source", "corners_of", "spice_source"]


@runtime_checkable
class Source(Protocol):
    """The voltage or current of a source over time; volt or ampere."""

    def at(self, t: float) -> float:
        """Return the value at `t` seconds."""
        ...

    def breakpoints(self, t_stop: float) -> Array:
        """Return the times between 0 and `t_stop` at which the slope jumps, second."""
        ...


@runtime_checkable
class LazySource(Source, Protocol):
    """A source that tells its breakpoints part by part, so that a run need not hold them all."""

    def corners(self, after: float, t_stop: float, most: int) -> Array:
        """Return the breakpoints after `after` seconds, increasing: `most` or more, or all."""
        ...


_MOST = 100_000  # pulses of no width that are written as points


def corners_of(source: Source, t_stop: float) -> Corners:
    """Return what tells the corners of `source` up to `t_stop` part by part."""
    if isinstance(source, LazySource):
        lazy = source
        return lambda after, most: np.asarray(lazy.corners(after, t_stop, most), dtype=float)
    return corners_among(np.asarray(source.breakpoints(t_stop), dtype=float))


def _check(name: str, value: Any, *, positive: bool = False) -> None:
    if not (isinstance(value, (int, float)) and np.isfinite(value)) or (
        value <= 0 if positive else False
    ):
        raise ParameterError(f"`{name}` must be a finite number{' > 0' if positive else ''}; "
                             f"got {value!r}")


@dataclass(frozen=True)
class Pulse(Settings):
    """SPICE's PULSE: from v1 to v2 and back, once or again and again.

    Parameters
    ----------
    v1, v2 : float
        Volt (ampere of a current source) before and during the pulse.
    delay, rise, width, fall : float
        Second; rise and fall > 0.
    period : float, optional
        Second; None: one pulse only. Where it is shorter than rise, width and fall together, a
        pulse is cut off by the next, with a jump, as in ngspice.
    count : int, optional
        Number of pulses; None: without end.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from crossbarsim import Pulse
    >>> pulse = Pulse(0.0, 1.0, delay=1e-6, rise=2e-9, width=5e-6)
    >>> pulse.at(0.0), round(pulse.at(1e-6 + 1e-9), 9), pulse.at(3e-6)  # volt
    (0.0, 0.5, 1.0)
    """

    v1: float
    v2: float
    delay: float = 0.0
    rise: float = 1e-9
    width: float = 1e-6
    fall: float = 1e-9
    period: float | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        for name in ("v1", "v2", "delay", "width"):
            _check(name, getattr(self, name))
        for name in ("rise", "fall"):
            _check(name, getattr(self, name), positive=True)
        if self.delay < 0 or self.width < 0:
            raise ParameterError("`delay` and `width` must be >= 0")
        if self.period is not None:
            _check("period", self.period, positive=True)
        if self.count is not None and self.count < 1:
            raise ParameterError(f"`count` must be >= 1; got {self.count}")

    def at(self, t: float) -> float:
        """Return the voltage at `t`."""
        s = t - self.delay
        if self.period is not None and s > 0:
            n = int(s / self.period)
            n += (n + 1) * self.period <= s  # a rounded quotient is not to delay a jump
            if self.count is not None:
                n = min(n, self.count - 1)
            s -= n * self.period
        if s <= 0.0:
            return float(self.v1)
        if s < self.rise:
            return self.v1 + (self.v2 - self.v1) * s / self.rise
        s -= self.rise + self.width
        if s <= 0.0:
            return float(self.v2)
        return self.v2 + (self.v1 - self.v2) * min(s / self.fall, 1.0)

    def _pulses(self, t_stop: float) -> float:
        """Return the number of pulses that begin up to `t_stop`, and one more."""
        if self.period is None:
            return 1.0
        found = np.ceil(max(t_stop - self.delay, 0.0) / self.period) + 1.0
        return float(found if self.count is None else min(found, float(self.count)))

    def _corners(self, numbers: Array) -> Array:
        """Return the corners of the pulses of these numbers, (K, 4) or fewer raveled."""
        one = self.delay + np.cumsum([0.0, self.rise, self.width, self.fall])
        if self.period is None:
            return np.asarray(one)
        starts = np.multiply(self.period, numbers)
        if self.period >= one[-1] - self.delay or not len(starts):
            return np.asarray((starts[:, None] + one).ravel())
        cut = (starts[:, None] + one[one - self.delay < self.period]).ravel()
        if numbers[-1] + 1.0 != self.count:
            return np.asarray(cut)
        return np.concatenate([cut, starts[-1] + one])  # the last one is not cut off

    def breakpoints(self, t_stop: float) -> Array:
        """Return the corners of every pulse."""
        count = corners_within(4.0 * self._pulses(t_stop)) // 4
        return self._corners(np.arange(count, dtype=np.float64))

    def corners(self, after: float, t_stop: float, most: int) -> Array:
        """Return the corners after `after`, increasing: `most` or more, or all up to `t_stop`."""
        numbers = np.zeros(1)
        if self.period is not None:
            whole = self._pulses(t_stop)
            corners_within(4.0 * whole, MOST_FOLLOWED)
            place = min((after - self.delay) / self.period, whole)
            numbers = turns(place, (t_stop - self.delay) / self.period, most)
            numbers = numbers[numbers < (self.count or np.inf)]
        found = np.sort(self._corners(numbers))
        if self.period is not None and numbers[-1] + 1.0 < whole:
            # a corner of the next pulse may lie a rounding before this one's last
            found = found[found < self.delay + self.period * numbers[-1]]
        return np.asarray(found[found > after])

    def to_spice(self, t_stop: float) -> str:
        """Return the source's function in a SPICE deck of `t_stop` seconds."""
        if self.width == 0.0:  # ngspice takes 0 for the end of the transient
            if self.period is not None and t_stop / self.period > _MOST:
                raise ParameterError(f"more than {_MOST} pulses of no width cannot be written")
            corners = self.breakpoints(t_stop)
            t = np.append(corners, max(t_stop, corners[-1] + self.fall))
            t = t[np.diff(t, prepend=-1.0) > 0]
            return Pwl(tuple(t), tuple(self.at(s) for s in t)).to_spice(t_stop)
        period = 1e30 if self.period is None else self.period  # none: never again
        values = [self.v1, self.v2, self.delay, self.rise, self.fall, self.width, period]
        values += [self.count] if self.count is not None and self.period is not None else []
        return f"PULSE({' '.join(repr(float(v)) for v in values)})"


@dataclass(frozen=True)
class Sine(Settings):
    """SPICE's SIN: a sine from `delay` on, constant before.

    offset + amplitude sin(2 pi frequency (t - delay) + phase) exp(-damping (t - delay)).

    Parameters
    ----------
    offset, amplitude : float
        Volt (ampere of a current source).
    frequency : float
        Hertz.
    delay : float
        Second; before it the voltage does not change.
    damping : float
        1/s.
    phase : float
        Degree; before `delay` the voltage is offset + amplitude sin(phase).

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from crossbarsim import Sine
    >>> round(Sine(0.5, 0.1, frequency=1e3).at(0.25e-3), 9)  # volt
    0.6
    """

    offset: float
    amplitude: float
    frequency: float
    delay: float = 0.0
    damping: float = 0.0
    phase: float = 0.0

    def __post_init__(self) -> None:
        for name in ("offset", "amplitude", "delay", "damping", "phase"):
            _check(name, getattr(self, name))
        _check("frequency", self.frequency, positive=True)

    def at(self, t: float) -> float:
        """Return the voltage at `t`."""
        s, phase = t - self.delay, np.deg2rad(self.phase)
        if s <= 0:
            return float(self.offset + self.amplitude * np.sin(phase))
        wave = np.sin(2 * np.pi * self.frequency * s + phase) * np.exp(-self.damping * s)
        return float(self.offset + self.amplitude * wave)

    def breakpoints(self, t_stop: float) -> Array:
        """Return eight points per period, so that no step jumps over one."""
        n = corners_within(np.ceil(max(t_stop - self.delay, 0.0) * self.frequency * 8) + 1)
        return self.delay + np.arange(n) / (8 * self.frequency)

    def corners(self, after: float, t_stop: float, most: int) -> Array:
        """Return the breakpoints after `after`: `most` or more, or all up to `t_stop`."""
        return eighths(self.frequency, self.delay, after, t_stop, most)

    def to_spice(self, t_stop: float) -> str:
        """Return the source's function in a SPICE deck."""
        del t_stop
        values = [self.offset, self.amplitude, self.frequency, self.delay, self.damping]
        values += [self.phase] if self.phase else []
        return f"SIN({' '.join(repr(float(v)) for v in values)})"


@dataclass(frozen=True)
class Pwl(Settings):
    """SPICE's PWL: points joined by lines, constant before the first and after the last.

    Parameters
    ----------
    times : sequence of float
        Second, increasing. Two points at one time are a step: the value is the first one's up to
        that time, and the last one's after it.
    values : sequence of float
        Volt (ampere of a current source), one for each time.
    repeat : float, optional
        Second: from this one of the times to the last the curve goes on for ever; 0 or one of
        `times`.
    delay : float
        Second, by which all is later.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from crossbarsim import Pwl
    >>> wave = Pwl([0.0, 1e-6, 2e-6], [0.0, 1.0, 0.5])
    >>> wave.at(0.5e-6), wave.at(1.5e-6), wave.at(1.0)  # volt
    (0.5, 0.75, 0.5)
    """

    times: Sequence[float]
    values: Sequence[float]
    repeat: float | None = None
    delay: float = 0.0

    def __post_init__(self) -> None:
        t, v = finite_array("times", self.times), finite_array("values", self.values)
        if t.ndim != 1 or t.shape != v.shape or not len(t):
            raise ParameterError(
                f"`times` {t.shape} and `values` {v.shape} must be vectors of one length"
            )
        if (np.diff(t) < 0).any():
            k = int(np.argmax(np.diff(t) < 0))
            raise ParameterError(
                f"`times` must increase: times[{k + 1}] = {t[k + 1]:g} s follows {t[k]:g} s"
            )
        object.__setattr__(self, "times", tuple(map(float, t)))
        object.__setattr__(self, "values", tuple(map(float, v)))
        _check("delay", self.delay)
        if self.repeat is not None and (
            self.repeat not in (0.0, *self.times) or not 0.0 <= self.repeat < self.times[-1]
        ):
            raise ParameterError(
                f"`repeat` must be 0 or one of `times` before the last; got {self.repeat!r}"
            )

    def at(self, t: float) -> float:
        """Return the voltage at `t`."""
        return float(self._interpolated(t))

    def _arrays(self) -> tuple[Array, Array]:
        """Return times and values; long tables are turned into arrays once."""
        points: tuple[Array, Array] | None = self.__dict__.get("_points")
        if points is None:
            points = np.array(self.times), np.array(self.values)
            object.__setattr__(self, "_points", points)
        return points

    def _interpolated(self, t: Any) -> Any:
        s, last = np.asarray(t) - self.delay, self.times[-1]
        if self.repeat is not None:
            s = np.where(s >= last, self.repeat + (s - last) % (last - self.repeat), s)
        times, values = self._arrays()
        if len(times) == 1:
            return np.full(np.shape(s), values[0])
        # a step's time still has the value before it
        k = np.clip(np.searchsorted(times, s, side="left"), 1, len(times) - 1)
        width = times[k] - times[k - 1]
        share = np.clip((s - times[k - 1]) / np.where(width > 0.0, width, 1.0), 0.0, 1.0)
        beyond = s > times[-1]  # a step at the end
        return np.where(
            beyond, values[-1], values[k - 1] + (values[k] - values[k - 1]) * share
        )

    def breakpoints(self, t_stop: float) -> Array:
        """Return the points' times."""
        t = np.array(self.times)
        if self.repeat is not None:
            period = t[-1] - self.repeat
            again = t[t >= self.repeat]
            found = max(np.ceil((t_stop - self.delay - t[-1]) / period), 0.0)
            count = corners_within(found * len(again)) // len(again)
            later = again + period * np.arange(1, count + 1)[:, None]
            t = np.unique(np.concatenate((t, later.ravel())))
        t = t + self.delay
        return np.asarray(t[(t <= t_stop) & ((t >= 0.0) | (self.delay == 0.0))])

    def corners(self, after: float, t_stop: float, most: int) -> Array:
        """Return the points' times after `after`: `most` or more, or all up to `t_stop`."""
        t, _ = self._arrays()
        if self.repeat is not None:
            again = np.unique(t[t >= self.repeat])
            period, until = t[-1] - self.repeat, t_stop - self.delay - t[-1]
            corners_within(max(until, 0.0) / period * len(again), MOST_FOLLOWED)
            # turn 0 is the table itself
            place = (after - self.delay - t[-1]) / period + 1.0
            numbers = turns(place, until / period + 1.0, most)
            later = (again + period * numbers[:, None])[numbers > 0.0]
            t = np.unique(np.concatenate((t if numbers[0] == 0.0 else t[:0], later.ravel())))
            if numbers[-1] <= until / period:
                # a point of the next turn may lie a rounding before this one's last
                t = t[:-len(again)]
        first = int(np.searchsorted(t + self.delay, after, side="right"))
        return np.asarray((t + self.delay)[first:])

    def to_spice(self, t_stop: float) -> str:
        """Return the source's function in a SPICE deck of `t_stop` seconds."""
        if self.repeat is not None or self.delay:
            text = " ".join(f"{t!r} {v!r}" for t, v in zip(self.times, self.values, strict=True))
            again = "" if self.repeat is None else f" r={self.repeat!r}"
            return f"PWL({text}){again} td={float(self.delay)!r}"
        points = [
            (0.0, self.at(0.0)),
            *((t, v) for t, v in zip(self.times, self.values, strict=True) if t > 0.0),
        ]
        if self.times[0] == self.times[-1] == 0.0 or points[-1][0] < t_stop:
            points.append((max(t_stop, points[-1][0]), self.values[-1]))
        return f"PWL({' '.join(f'{float(s)!r} {float(v)!r}' for s, v in points)})"


def spice_source(source: Source, t_stop: float) -> str:
    """Return a source's function in a SPICE deck, or raise a `ParameterError`."""
    write = getattr(source, "to_spice", None)
    if write is None:
        raise ParameterError(
            f"{type(source).__name__} cannot be written for SPICE: it has no `to_spice`"
        )
    return str(write(t_stop))
