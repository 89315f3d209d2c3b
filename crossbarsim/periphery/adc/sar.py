"""Successive approximation: a binary search on a capacitive DAC whose capacitors differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.validation import Array, count, number
from ..grid import Grid
from .adc import ADC, Transitions

__all__ = ["SarADC"]


@dataclass(frozen=True, kw_only=True)
class SarADC(ADC):
    """A successive-approximation converter with a binary-weighted capacitive DAC.

    The capacitor of bit k is 2^k units, each with a random error, so that its relative error falls
    with the root of its size. A search of one comparison per bit tests the DAC's levels: where
    they do not rise, codes are missing, but the output never falls.

    Parameters
    ----------
    bits, full_scale, percentile, signed, inl, dnl, offset, gain_error, noise, noise_unit, columns
        As of `ADC`. `offset` and `noise` are the comparator's, `gain_error` the reference's; `inl`
        and `dnl` come on top of what the capacitors make.
    capacitor_sigma : float
        Relative standard deviation of a unit capacitor, 0 to 0.3; default 0.
    split : int
        Bits of the lower part of the array where a bridge capacitor of 2^split / (2^split - 1)
        units separates it from the upper part, 0 (default: one array) to ``bits - 1``. It takes
        far fewer capacitors, whose errors weigh more.

    Raises
    ------
    ParameterError
        A value out of its range.

    Notes
    -----
    At mid-scale of one array of n bits the standard deviation of the INL is
    ``2^(n/2 - 1) capacitor_sigma`` LSB, of the DNL ``2^(n/2) capacitor_sigma`` LSB; split into an
    upper part of m bits and a lower one of l, that of the DNL is ``2^(m/2 + l) capacitor_sigma``,
    ``2^(3 n/4)`` for halves (M. Saberi et al., IEEE TCAS-I 58:1736, 2011). The same circuit is in
    M. Spear et al., IEEE JXCDC 9:176 (2023), and CrossSim's `SarADC`. A noisy comparator draws for
    every bit; near a transition only one of these comparisons matters, so that one draw for a
    conversion, as here, gives the same codes as long as it is small against an LSB.

    Examples
    --------
    >>> from crossbarsim.nonidealities import Place
    >>> from crossbarsim.periphery import SarADC
    >>> adc = SarADC(bits=8, capacitor_sigma=0.05, split=4)
    >>> errors = adc.fabricate(Place(7), 1, signed=False)
    >>> curve = adc.transfer(errors, signed=False)
    >>> f"{abs(curve.inl).max():.1f} LSB", len(curve.missing), curve.monotonic
    ('2.3 LSB', 2, True)
    """

    capacitor_sigma: float = 0.0
    split: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        number("capacitor_sigma", self.capacitor_sigma, low=0.0, high=0.3)
        count("split", self.split, low=0, high=16)
        if self.split >= self.bits:
            raise ParameterError(
                f"`split` must leave a bit for the upper part: at most {self.bits - 1}; got "
                f"{self.split}"
            )

    def transitions(self, place: Place, adcs: int, grid: Grid) -> Transitions | None:
        """Draw the transitions between codes; see `ADC.transitions`."""
        if not self.capacitor_sigma:
            return None
        reached = _searched(self.levels(place, adcs) - 0.5)
        # of two's complement the most negative code stays unused
        unused = 2**self.bits - grid.codes
        return reached[:, 1 + unused :] - unused, None

    def levels(self, place: Place, adcs: int) -> Array:
        """Draw the levels (adcs, 2^bits) of the capacitive DACs, LSB from the lowest."""
        draws = place.generator("adc capacitors").standard_normal((adcs, self.bits + 2))
        upper = self.bits - self.split
        units = 2.0 ** np.concatenate([np.arange(self.split), np.arange(upper), [0.0]])
        units = units + self.capacitor_sigma * np.sqrt(units) * draws[:, : self.bits + 1]
        codes = np.arange(2**self.bits)
        on = (codes >> np.arange(self.bits)[:, None] & 1).astype(np.float64)  # (bits, codes)
        low, high, spare = units[:, : self.split], units[:, self.split : self.bits], units[:, -1]
        high_on, total = high @ on[self.split :], high.sum(1)
        if not self.split:
            share = high_on / (total + spare)[:, None]
        else:
            nominal = 2.0**self.split / (2.0**self.split - 1.0)
            bridge = nominal + self.capacitor_sigma * np.sqrt(nominal) * draws[:, -1]
            inner = low.sum(1) + spare + bridge  # at the node of the lower part
            share = (
                high_on * inner[:, None] + (low @ on[: self.split]) * bridge[:, None]
            ) / ((total + bridge) * inner - bridge**2)[:, None]
        result: Array = share * 2.0**self.bits
        return result


def _searched(thresholds: Array) -> Array:
    """Return from which input on a search gives a code or more, (adcs, codes), of its thresholds.

    What the search compares with on its way to code c bounds c from above or below.
    """
    codes = np.arange(thresholds.shape[1])
    found = thresholds.copy()
    lowest = codes & -codes
    bit = 1
    while 2 * bit < len(codes):
        bit *= 2
        earlier = (codes // (2 * bit)) * 2 * bit + bit
        tested = (lowest < bit) & (lowest > 0)
        other = thresholds[:, earlier]
        found = np.where(
            tested & (earlier < codes), np.maximum(found, other),
            np.where(tested, np.minimum(found, other), found),
        )
    return found
