"""Further voltages in time of SPICE: exponentials, modulated sines."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from ..core.errors import ParameterError
from ..core.validation import Array
from .sources.corners import corners_within, eighths

__all__ = ["AmplitudeModulated", "Exponential", "FrequencyModulated"]


def _finite(source: object) -> None:
    for field in fields(source):  # type: ignore[arg-type]
        value = getattr(source, field.name)
        if not (isinstance(value, (int, float)) and math.isfinite(value)):
            raise ParameterError(f"`{field.name}` must be a finite number; got {value!r}")


def _written(name: str, source: object) -> str:
    values = (repr(float(getattr(source, f.name))) for f in fields(source))  # type: ignore[arg-type]
    return f"{name}({' '.join(values)})"


def _all_eighths(frequency: float, delay: float, t_stop: float) -> Array:
    """Return eight points per period, so that no step jumps over one."""
    if frequency <= 0.0:
        return np.array([delay])
    n = corners_within(max(t_stop - delay, 0.0) * frequency * 8.0 + 2.0)
    return delay + np.arange(n) / (8 * frequency)


def _eighths(frequency: float, delay: float, after: float, t_stop: float, most: int) -> Array:
    if frequency <= 0.0:
        return np.array([delay] if delay > after else [])
    return eighths(frequency, delay, after, t_stop, most)


@dataclass(frozen=True)
class Exponential:
    """SPICE's EXP: from v1 towards v2, and back.

    Parameters
    ----------
    v1, v2 : float
        Volt.
    rise_delay, rise, fall_delay, fall : float
        Second: when each begins, and its time constant, > 0.
    """

    v1: float
    v2: float
    rise_delay: float
    rise: float
    fall_delay: float
    fall: float

    def __post_init__(self) -> None:
        _finite(self)
        if self.rise <= 0 or self.fall <= 0:
            raise ParameterError("`rise` and `fall` must be > 0")

    def at(self, t: float) -> float:
        """Return the voltage at `t`."""
        span = self.v2 - self.v1
        value = self.v1
        if t > self.rise_delay:
            value -= span * math.expm1(-(t - self.rise_delay) / self.rise)
        if t > self.fall_delay:
            value += span * math.expm1(-(t - self.fall_delay) / self.fall)
        return float(value)

    def breakpoints(self, t_stop: float) -> Array:
        """Return the two corners."""
        corners = np.array([self.rise_delay, self.fall_delay])
        return corners[corners <= t_stop]

    def to_spice(self, t_stop: float) -> str:
        """Return the source's function in a SPICE deck."""
        del t_stop
        return _written("EXP", self)


@dataclass(frozen=True)
class FrequencyModulated:
    """SPICE's SFFM: offset + amplitude sin(2 pi fc t + pc + index sin(2 pi fs t + ps)).

    Parameters
    ----------
    offset, amplitude : float
        Volt.
    carrier : float
        Hertz.
    index : float
        Modulation index.
    signal : float
        Hertz.
    carrier_phase, signal_phase : float
        Degree.
    """

    offset: float
    amplitude: float
    carrier: float
    index: float
    signal: float
    carrier_phase: float = 0.0
    signal_phase: float = 0.0

    def __post_init__(self) -> None:
        _finite(self)

    def at(self, t: float) -> float:
        """Return the voltage at `t`."""
        turn = 2.0 * math.pi * t
        inner = math.sin(turn * self.signal + math.radians(self.signal_phase))
        angle = turn * self.carrier + math.radians(self.carrier_phase) + self.index * inner
        return float(self.offset + self.amplitude * math.sin(angle))

    def breakpoints(self, t_stop: float) -> Array:
        """Return eight points per period of the highest frequency."""
        return _all_eighths(self.carrier + abs(self.index) * self.signal, 0.0, t_stop)

    def corners(self, after: float, t_stop: float, most: int) -> Array:
        """Return the breakpoints after `after`: `most` or more, or all up to `t_stop`."""
        highest = self.carrier + abs(self.index) * self.signal
        return _eighths(highest, 0.0, after, t_stop, most)

    def to_spice(self, t_stop: float) -> str:
        """Return the source's function in a SPICE deck."""
        del t_stop
        return _written("SFFM", self)


@dataclass(frozen=True)
class AmplitudeModulated:
    """SPICE's AM: amplitude (offset + sin(2 pi fm s + p)) sin(2 pi fc s + p), s = t - delay > 0.

    Parameters
    ----------
    amplitude : float
        Volt.
    offset : float
        Of the modulation, no unit.
    signal, carrier : float
        Hertz.
    delay : float
        Second; 0 V before.
    phase : float
        Degree, of both.
    """

    amplitude: float
    offset: float
    signal: float
    carrier: float
    delay: float = 0.0
    phase: float = 0.0

    def __post_init__(self) -> None:
        _finite(self)

    def at(self, t: float) -> float:
        """Return the voltage at `t`."""
        s, phase = t - self.delay, math.radians(self.phase)
        if s <= 0.0:
            return 0.0
        turn = 2.0 * math.pi * s
        wave = self.offset + math.sin(turn * self.signal + phase)
        return float(self.amplitude * wave * math.sin(turn * self.carrier + phase))

    def breakpoints(self, t_stop: float) -> Array:
        """Return eight points per period of the highest frequency."""
        return _all_eighths(self.carrier + self.signal, self.delay, t_stop)

    def corners(self, after: float, t_stop: float, most: int) -> Array:
        """Return the breakpoints after `after`: `most` or more, or all up to `t_stop`."""
        return _eighths(self.carrier + self.signal, self.delay, after, t_stop, most)

    def to_spice(self, t_stop: float) -> str:
        """Return the source's function in a SPICE deck."""
        del t_stop
        # the seventh value is the phase in ngspice 39, the sixth in its manual
        text = _written("AM", self)
        return f"{text[:-1]} {self.phase!r})"
