"""The uniform grid of converters, and their non-linearity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..core.array_api import Values, namespace
from ..core.validation import Array, count, number

__all__ = ["Grid", "check_converter", "draw_nonlinearity"]


@dataclass(frozen=True)
class Grid:
    """Codes of a uniform mid-tread quantiser whose outermost codes are the ends of its range.

    Unsigned, `bits` make 2^bits codes from 0 to 1 (times full scale). Signed, they make the
    2^bits - 1 codes from -1 to 1 that are symmetric about a code 0; of two's complement the most
    negative code stays unused. One signed bit is the pair -1, 1 with its threshold at 0, the only
    symmetric choice. Within the range the error is at most half a step, everywhere.

    Parameters
    ----------
    bits : int
    signed : bool
    """

    bits: int
    signed: bool

    @property
    def codes(self) -> int:
        """Number of codes."""
        return int(2**self.bits) - (1 if self.signed and self.bits > 1 else 0)

    @property
    def low(self) -> float:
        """Value of code 0, relative to full scale."""
        return -1.0 if self.signed else 0.0

    @property
    def step(self) -> float:
        """One LSB, relative to full scale."""
        return (1.0 - self.low) / (self.codes - 1)

    def steps(self, x: Values) -> Values:
        """Return the whole number of steps nearest to x, a tie upwards."""
        return namespace(x).floor(x / self.step + 0.5)

    def code(self, x: Values) -> Values:
        """Return the codes, from 0, of values x within the range."""
        return self.steps(x - self.low)

    def level(self, code: Values) -> Values:
        """Return the values of codes, relative to full scale."""
        return self.low + self.step * code


class Converter(Protocol):
    """A DAC or an ADC: `bits`, and the standard deviations of its static errors."""

    @property
    def bits(self) -> int:
        """Resolution."""
        ...


def check_converter(converter: Converter) -> None:
    """Check the resolution and the standard deviations of the static errors of a DAC or ADC."""
    count("bits", converter.bits, low=1, high=16)
    for name in ("inl", "offset"):
        number(name, getattr(converter, name), low=0.0, high=2.0**16)
    for name in ("dnl", "gain_error"):
        number(name, getattr(converter, name), low=0.0, high=1.0)


def draw_nonlinearity(
    codes: int, converters: int, dnl: float, inl: float, random: np.random.Generator,
    bows: np.random.Generator, *, monotonic: bool,
) -> Array | None:
    """Draw the integral non-linearity of converters, (converters, codes) LSB.

    A converter's steps 1 + DNL are independent normal numbers of standard deviation `dnl`
    (mismatch of the unit elements), on which lies a smooth bow of the transfer curve, a sum of a
    parabola and a cubic, each of a normal amplitude of standard deviation `inl` at its peak. The
    steps are then fitted to the end-point line, so that the INL is exactly the running sum of the
    DNL and 0 at both ends (the definitions of IEEE Std 1241-2010, end-point fit). The random part
    alone is a Brownian bridge: at mid-scale its standard deviation is ``dnl sqrt(codes - 1) / 2``.

    Parameters
    ----------
    codes : int
        Number of the points of the curve: the levels of a DAC, the transitions of an ADC.
    converters : int
        Number of converters.
    dnl, inl : float
        Standard deviations, LSB.
    random, bows : Generator
        Of the steps and of the bow.
    monotonic : bool
        Keep steps from being negative: an ADC's transitions are ordered, a step of 0 is a missing
        code. A DAC may go back.

    Returns
    -------
    (converters, codes) array, or None where there is no error
    """
    if codes < 3 or not (dnl or inl):
        return None
    steps = np.ones((converters, codes - 1))
    if dnl:
        steps += dnl * random.standard_normal(steps.shape)
    if inl:
        t = np.linspace(0.0, 1.0, codes)
        parabola = 4.0 * t * (1.0 - t)
        cubic = 1.5 * np.sqrt(3.0) * parabola * (1.0 - 2.0 * t)
        shapes = np.stack([parabola, cubic])
        steps += np.diff(inl * bows.standard_normal((converters, 2)) @ shapes, axis=1)
    if monotonic:
        steps = np.maximum(steps, 0.0)
        steps[~steps.any(axis=1)] = 1.0  # no step left at all: the straight line
        steps *= (codes - 1) / steps.sum(axis=1, keepdims=True)
    else:
        steps += 1.0 - steps.mean(axis=1, keepdims=True)
    curve = np.zeros((converters, codes))
    np.cumsum(steps - 1.0, axis=1, out=curve[:, 1:])
    curve[:, -1] = 0.0
    return curve
