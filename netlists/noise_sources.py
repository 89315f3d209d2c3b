"""Random voltages in time of SPICE: TRNOISE (white, 1/f, telegraph noise) and TRRANDOM.

Samples follow from the seed and their number alone, so that a run can be repeated and a longer one
begins as a shorter one does. ngspice draws its own: statistics agree, values do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.errors import ParameterError
from ..core.validation import Array, count, number
from .sources.corners import corners_within, turns

__all__ = ["RandomVoltage", "TransientNoise"]

_FIRST = 1024  # samples drawn at first
_KINDS = {"uniform": 1, "gaussian": 2, "exponential": 3, "poisson": 4}


def _generator(seed: int, what: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, what])))


class _Samples:
    """Samples 0, 1, ... of which more are drawn when they are asked for."""

    def __init__(self) -> None:
        self.values: Array = np.zeros(0)

    def upto(self, last: int, draw: Any) -> Array:
        """Return at least `last` + 1 samples; `draw(n)` returns the first n."""
        if last >= len(self.values):
            size = max(_FIRST, 2 * len(self.values))
            while size <= last:
                size *= 2
            found = np.asarray(draw(size), dtype=float)
            found[:len(self.values)] = self.values  # an FFT of another length rounds differently
            self.values = found
        return self.values


def _fractional(white: Array, alpha: float) -> Array:
    """Return noise of a spectrum 1/f^alpha (Kasdin, Proc. IEEE 83:802, 1995, section VI)."""
    k = np.arange(1, len(white), dtype=float)
    response = np.concatenate([[1.0], np.cumprod((k - 1.0 + 0.5 * alpha) / k)])
    size = 2 * len(white)
    both = np.fft.rfft(response, size) * np.fft.rfft(white, size)
    return np.asarray(np.fft.irfft(both, size)[:len(white)])


@dataclass(frozen=True)
class TransientNoise:
    """SPICE's TRNOISE: white, 1/f^alpha and random telegraph noise, added up.

    White noise and 1/f noise have a sample every `step`, joined by lines, and are 0 at t = 0.

    Parameters
    ----------
    rms : float
        Of the samples of white noise, volt (ampere of a current source): over the frequencies below
        1/(2 step) the density is ``2 rms**2 step`` (one-sided), less what the lines between samples
        take at the upper end.
    step : float
        Second; 0: no white and no 1/f noise.
    alpha, flicker : float
        Exponent, 0 < alpha < 2, and amplitude of the white noise that is filtered.
    telegraph, capture, emission : float
        Volt, and the mean times in the low and in the high state, second.
    offset : float
        Volt, added.
    seed : int

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from crossbarsim.netlists.noise_sources import TransientNoise
    >>> wave = TransientNoise(1e-3, 1e-9, seed=1)
    >>> wave.at(5e-9) == TransientNoise(1e-3, 1e-9, seed=1).at(5e-9)
    True
    """

    rms: float
    step: float
    alpha: float = 0.0
    flicker: float = 0.0
    telegraph: float = 0.0
    capture: float = 0.0
    emission: float = 0.0
    offset: float = 0.0
    seed: int = 0
    _samples: _Samples = field(default_factory=_Samples, init=False, repr=False, compare=False)
    _times: _Samples = field(default_factory=_Samples, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("rms", "step", "flicker", "capture", "emission"):
            number(name, getattr(self, name), low=0.0)
        for name in ("telegraph", "offset"):
            number(name, getattr(self, name))
        count("seed", self.seed, low=0)
        if (self.rms or self.flicker) and not self.step:
            raise ParameterError("`step` must be > 0 second for white and 1/f noise")
        if self.flicker and not 0.0 < self.alpha < 2.0:
            raise ParameterError(f"`alpha` must be between 0 and 2; got {self.alpha!r}")
        if self.telegraph and not (self.capture and self.emission):
            raise ParameterError("`capture` and `emission` must be > 0 second")

    def _drawn(self, size: int) -> Array:
        found = self.rms * _generator(self.seed, 0).standard_normal(size)
        if self.flicker:
            white = self.flicker * _generator(self.seed, 1).standard_normal(size)
            found += _fractional(white, self.alpha)
        found[0] = 0.0
        return found

    def _switchings(self, size: int) -> Array:
        means = np.where(np.arange(size) % 2 == 0, self.capture, self.emission)
        return np.cumsum(means * _generator(self.seed, 2).standard_exponential(size))

    def _switched(self, t: float) -> Array:
        last = 0
        times = self._times.upto(last, self._switchings)
        while times[-1] <= t:
            corners_within(2.0 * len(times))
            times = self._times.upto(len(times), self._switchings)
        return times

    def at(self, t: float) -> float:
        """Return the value at `t`."""
        value = self.offset
        if (self.rms or self.flicker) and t > 0.0:
            place = t / self.step
            corners_within(place)
            k = int(place)
            samples = self._samples.upto(k + 1, self._drawn)
            value += float(samples[k] + (samples[k + 1] - samples[k]) * (place - k))
        if self.telegraph and t > 0.0:
            # a switching's own time still has the value before it
            turns = int(np.searchsorted(self._switched(t), t, side="left"))
            value += self.telegraph * (turns % 2)
        return float(value)

    def breakpoints(self, t_stop: float) -> Array:
        """Return the times of samples and switchings."""
        found: list[Array] = [np.zeros(0)]
        if self.rms or self.flicker:
            n = corners_within(np.ceil(t_stop / self.step) + 1.0)
            found.append(np.asarray(self.step * np.arange(n), dtype=np.float64))
        if self.telegraph:
            times = self._switched(t_stop)
            found.append(times[times <= t_stop])
        return np.concatenate(found)

    def corners(self, after: float, t_stop: float, most: int) -> Array:
        """Return the breakpoints after `after`: `most` or more, or all up to `t_stop`."""
        until, found = t_stop, np.zeros(0)
        if self.rms or self.flicker:
            corners_within(t_stop / self.step)  # the samples are held
            found = self.step * turns(after / self.step, t_stop / self.step, most)
            until, found = found[-1], found[found > after]
        if self.telegraph:
            times = self._switched(t_stop)
            times = times[(times > after) & (times <= until)]
            found = np.sort(np.concatenate([found, times]))
        return np.asarray(found)

    def to_spice(self, t_stop: float) -> str:
        """Return the source's function in a SPICE deck, whose ``DC`` is the offset.

        ngspice draws its own values.
        """
        del t_stop
        values = (self.rms, self.step, self.alpha, self.flicker, self.telegraph, self.capture,
                  self.emission)
        return f"TRNOISE({' '.join(repr(float(v)) for v in values)})"


@dataclass(frozen=True)
class RandomVoltage:
    """SPICE's TRRANDOM: a new random value every `step`, held up to the next.

    Parameters
    ----------
    kind : {"uniform", "gaussian", "exponential", "poisson"}
    step, delay : float
        Second; before `delay` the value is `centre`.
    width : float
        Half the range of a uniform, standard deviation of a Gaussian, mean of an exponential and of
        a Poisson distribution; volt (ampere of a current source).
    centre : float
        Volt, added.
    seed : int

    Raises
    ------
    ParameterError
    """

    kind: str
    step: float
    delay: float = 0.0
    width: float = 1.0
    centre: float = 0.0
    seed: int = 0
    _samples: _Samples = field(default_factory=_Samples, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ParameterError(f"`kind` must be one of {', '.join(_KINDS)}; got {self.kind!r}")
        number("step", self.step, low=0.0, open_low=True)
        number("delay", self.delay, low=0.0)
        number("width", self.width, low=0.0)
        number("centre", self.centre)
        count("seed", self.seed, low=0)

    def _drawn(self, size: int) -> Array:
        draw = _generator(self.seed, 2 + _KINDS[self.kind])
        if self.kind == "uniform":
            return self.width * (2.0 * draw.random(size) - 1.0)
        if self.kind == "gaussian":
            return self.width * draw.standard_normal(size)
        if self.kind == "exponential":
            return self.width * draw.standard_exponential(size)
        # one draw a value, so that a longer run begins as a shorter one
        steps = np.floor(self.width + 12.0 * np.sqrt(self.width) + 20.0)
        return np.searchsorted(_poisson(self.width, int(steps)), draw.random(size)).astype(float)

    def at(self, t: float) -> float:
        """Return the value at `t`."""
        place = (t - self.delay) / self.step
        if place <= 0.0:
            return float(self.centre)
        corners_within(place)
        k = max(int(np.ceil(place)) - 1, 0)  # at its end an interval still has its value
        return float(self.centre + self._samples.upto(k, self._drawn)[k])

    def breakpoints(self, t_stop: float) -> Array:
        """Return the times of new values."""
        n = corners_within(np.ceil(max(t_stop - self.delay, 0.0) / self.step) + 1.0)
        return np.asarray(self.delay + self.step * np.arange(n), dtype=np.float64)

    def corners(self, after: float, t_stop: float, most: int) -> Array:
        """Return the breakpoints after `after`: `most` or more, or all up to `t_stop`."""
        whole = (t_stop - self.delay) / self.step
        corners_within(whole)  # the values are held
        times = self.delay + self.step * turns((after - self.delay) / self.step, whole, most)
        return np.asarray(times[times > after])

    def to_spice(self, t_stop: float) -> str:
        """Return the source's function in a SPICE deck; ngspice draws its own values."""
        del t_stop
        values = (self.step, self.delay, self.width, self.centre)
        return f"TRRANDOM({_KINDS[self.kind]} {' '.join(repr(float(v)) for v in values)})"


def _poisson(mean: float, most: int) -> Array:
    """Return the cumulative probabilities of 0, 1, ... events."""
    k = np.arange(1, most)
    logarithm = np.concatenate([[0.0], np.cumsum(np.log(mean / k) if mean else -np.inf * k)]) - mean
    return np.cumsum(np.exp(logarithm))
