"""What a uniform lossy line is at a frequency s: telegrapher's equations, exactly.

With the totals z = R + s L and y = G + s C of the whole line, its propagation is lambda =
sqrt(z y), its characteristic admittance Y = sqrt(y / z), and the currents into its ends

    I1 = Y V1 - exp(-lambda) (Y V2 + I2)        I2 = Y V2 - exp(-lambda) (Y V1 + I1) .
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .....core.validation import Array

__all__ = ["LineConstants"]

Complexes = NDArray[np.complex128]


@dataclass(frozen=True)
class LineConstants:
    """Totals of a line: ohm, henry, siemens, farad."""

    ohm: float
    henry: float
    siemens: float
    farad: float

    @property
    def delay(self) -> float:
        """Of the fastest part of a wave, second; 0 without inductance."""
        return math.sqrt(self.henry * self.farad)

    @property
    def attenuation(self) -> float:
        """By which the front of a wave falls from end to end; 0 where it has no front."""
        if not self.henry or not self.farad:
            return 0.0
        rate = self.ohm / self.henry + self.siemens / self.farad
        return math.exp(-0.5 * rate * self.delay)

    @property
    def time_scale(self) -> float:
        """The time in which the line settles, second."""
        return max(self.delay, self.ohm * self.farad, self.henry * self.siemens)

    def waves(self, s: Complexes) -> tuple[Complexes, Complexes]:
        """Return Y and exp(s delay - lambda), both without a cut outside of s < 0.

        The second is at most 1 in size.
        """
        z: Complexes = np.sqrt(self.ohm + s * self.henry)
        y: Complexes = np.sqrt(self.siemens + s * self.farad)
        # lambda^2 - s^2 LC = RG + s (RC + LG): no difference of two large numbers
        more = self.ohm * self.siemens + s * (self.ohm * self.farad + self.henry * self.siemens)
        return y / z, np.exp(-more / (z * y + s * self.delay))

    def halves(self, s: complex) -> tuple[complex, complex, complex]:
        """Return cosh(lambda/2), sinh(lambda/2)/Y and sinh(lambda/2) Y, times exp(-Re lambda/2).

        With them the difference of the ends' voltages and the sum of their currents are

            cosh (V1 - V2) = sinh/Y (I1 - I2)        cosh (I1 + I2) = sinh Y (V1 + V2) ,

        which neither overflow nor become singular, at any frequency, 0 among them.
        """
        z, y = self.ohm + s * self.henry, self.siemens + s * self.farad
        half = 0.5 * complex(np.sqrt(complex(z)) * np.sqrt(complex(y)))
        double = np.exp(-2.0 * half)  # Re half >= 0
        turn = np.exp(1j * half.imag)
        cosh = 0.5 * turn * (1.0 + double)
        # sinh(x)/x, whose value at 0 is 1
        ratio = 0.5 * turn * (
            -np.expm1(-2.0 * half) / half if half else 2.0
        )
        return complex(cosh), complex(0.5 * z * ratio), complex(0.5 * y * ratio)

    def noise(self, hertz: Array) -> tuple[Array, Array]:
        """Return the resistance and the conductance of the noise of both of its modes, (F,).

        Over 4kT, those of a voltage in series with V1 - V2, squared, and of a current beside
        I1 + I2: a line at rest is in thermal equilibrium, so that both are the real parts of its
        impedance and admittance.
        """
        ohm, siemens = np.empty(len(hertz)), np.empty(len(hertz))
        for k, f in enumerate(hertz):
            cosh, series, shunt = self.halves(2j * np.pi * float(f))
            # times |cosh|^2: what enters the equations above
            ohm[k] = 2.0 * (series * cosh.conjugate()).real
            siemens[k] = 2.0 * (shunt * cosh.conjugate()).real
        return np.maximum(ohm, 0.0), np.maximum(siemens, 0.0)
