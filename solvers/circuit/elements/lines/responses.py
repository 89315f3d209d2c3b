"""The answers of a lossy line to ramps and steps, in time.

Voltages and currents between the points of a run are straight lines; what comes out of a linear
line is then a sum of its answers to ramps, without any error of integration:

    (h * w)(t) = sum_k (slope_k - slope_{k-1}) r(t - t_k) ,    r = inverse of H(s) / s^2 .

That is the convolution of J. S. Roychowdhury and D. O. Pederson, *Efficient transient simulation of
lossy interconnect*, Proc. 28th Design Automation Conference (1991), with answers that are not
their Bessel functions, which exist for few cases only, but inverse Laplace transforms along a
contour around the negative axis (J. A. C. Weideman, SIAM J. Numer. Anal. 44:2342, 2006; L. N.
Trefethen, J. A. C. Weideman and T. Schmelzer, BIT 46:653, 2006), good to 1e-12 for all lines. They
are tabulated over the logarithm of time and interpolated by polynomials of fifth degree.

There are two forms, both I1 = near V1 - far V2 - wave I2:

- of waves, for lines with fronts: near = Y, far = Y exp(-lambda), wave = exp(-lambda);
- of admittances, for lines in which nothing of a front comes back: near = Y coth(lambda), far = Y /
  sinh(lambda), wave = 0. Currents, which go like the root of time after a corner, are then not
  drawn as straight lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .....core.validation import Array
from .line_constants import LineConstants

__all__ = ["PER_OCTAVE", "Responses", "invert"]

Complexes = NDArray[np.complex128]

_NODES = 26  # of the contour; their error is 3.89^-nodes, that of rounding 1e-14
PER_OCTAVE = 32  # of the tables: an error of 1e-12
_DAMPED = 1e-14  # of a front that has gone to and fro
_ROOM = 8.0  # octaves that a table gets beyond what is asked for


def _contour() -> tuple[Complexes, Complexes]:
    """Return the points z = s t of the upper half of the contour, and their weights."""
    angle = (2.0 * np.arange(_NODES // 2) + 1.0) * np.pi / _NODES
    b = 0.6407 * angle
    z = _NODES * (-0.6122 + 0.5017 * angle / np.tan(b) + 0.2645j * angle)
    slope = _NODES * (0.5017 * (1.0 / np.tan(b) - b / np.sin(b) ** 2) + 0.2645j)
    return z, 2.0 / _NODES * slope * np.exp(z)


_Z, _WEIGHTS = _contour()


def invert(transform: Callable[[Complexes], Complexes], time: Array) -> Array:
    """Return the function of time, (T,) > 0, whose Laplace transform has no cut but s < 0.

    Examples
    --------
    >>> bool(abs(invert(lambda s: s**-1.5, np.array([4.0])) - 4.0 / math.sqrt(math.pi)) < 1e-12)
    True
    """
    s = _Z[:, None] / time
    found: Array = (_WEIGHTS[:, None] * transform(s)).imag.sum(axis=0) / time
    return found


class Responses:
    """Tables of a line's answers to ramps: near, far and wave, both of these from the front on.

    Parameters
    ----------
    line : LineConstants
        With a capacitance.

    Attributes
    ----------
    waves : bool
        Whether they are of waves, else of admittances.
    low : float
        Logarithm of the first time, over that of an octave.
    values : (3, K)
        Answers over the time, `PER_OCTAVE` values each octave.
    """

    def __init__(self, line: LineConstants) -> None:
        self.line = line
        self.waves = line.attenuation**2 > _DAMPED
        self.low = self.high = 0.0
        self.values = np.zeros((3, 0))

    def cover(self, least: float, most: float) -> None:
        """Let the tables reach from `least` to `most` seconds."""
        low, high = math.log2(least), math.log2(most)
        if self.values.size and low >= self.low + 1.0 and high <= self.high - 1.0:
            return
        if self.values.size:
            low, high = min(low, self.low), max(high, self.high)
        self.low, self.high = math.floor(low - _ROOM), math.ceil(high + 2.0)
        octaves = np.arange((self.high - self.low) * PER_OCTAVE + 1) / PER_OCTAVE
        time = 2.0 ** (self.low + octaves)
        self.values = np.ascontiguousarray(self.ramps(time) / time)

    def _of(self, time: Array, power: int) -> Array:
        def near(s: Complexes) -> Complexes:
            return self._admittance(s, time)[0] / s**power

        def far(s: Complexes) -> Complexes:
            return self._admittance(s, time)[1] / s**power

        def wave(s: Complexes) -> Complexes:
            return self.line.waves(s)[1] / s**power

        last = invert(wave, time) if self.waves else np.zeros(len(time))
        return np.stack([invert(near, time), invert(far, time), last])

    def _admittance(self, s: Complexes, time: Array) -> tuple[Complexes, Complexes]:
        """Return near and far."""
        admittance, wave = self.line.waves(s)
        if self.waves:
            return admittance, admittance * wave
        # what has gone to and fro is there after two delays
        gone = time > 2.0 * self.line.delay
        round_trip = np.zeros_like(s)
        round_trip[:, gone] = (wave[:, gone] * np.exp(-s[:, gone] * self.line.delay)) ** 2
        return (
            admittance * (1.0 + round_trip) / (1.0 - round_trip),
            2.0 * admittance * wave / (1.0 - round_trip),
        )

    def ramps(self, time: Array) -> Array:
        """Return the answers to w(t) = t, (3, T), those of waves from their arrival on."""
        return self._of(np.asarray(time, dtype=float), 2)

    def steps(self, time: Array) -> Array:
        """Return the answers to w(t) = 1, (3, T), those of waves from their arrival on."""
        return self._of(np.asarray(time, dtype=float), 1)
