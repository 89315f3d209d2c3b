"""Transfer curves of converters: which input gives which code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.validation import Array
from ...core.views.brief import brief_repr

__all__ = ["TransferCurve"]


@dataclass(frozen=True, eq=False)
class TransferCurve:
    """Which code a converter gives for which input, and the errors that follow.

    Attributes
    ----------
    transitions : (T,) array
        Inputs at which the code changes, rising, LSB from the input of code 0.
    codes : (T + 1,) array of int
        Code below the first, between them and above the last.
    count : int
        Number of codes of the ideal converter.

    Examples
    --------
    >>> from crossbarsim.nonidealities import Place
    >>> from crossbarsim.periphery import ADC
    >>> adc = ADC(bits=4, dnl=0.3)
    >>> curve = adc.transfer(adc.fabricate(Place(7), 1, signed=False), signed=False)
    >>> curve.dnl.shape, curve.code([0.0, 7.2, 15.0])
    ((14,), array([ 0,  7, 15]))
    """

    transitions: Array
    codes: NDArray[np.int64]
    count: int

    __repr__ = brief_repr

    def code(self, position: Any) -> NDArray[np.int64]:
        """Return the codes of inputs, LSB from code 0; none of them is cut off."""
        where = np.searchsorted(self.transitions, np.asarray(position, float), side="right")
        found: NDArray[np.int64] = self.codes[where]
        return found

    @cached_property
    def widths(self) -> Array:
        """Share of the inputs that give a code, (count,) LSB.

        Of inputs from one LSB below the range, or the first transition, to one above.
        """
        own = self.transitions
        low, high = min([-1.0, *own[:1] - 0.5]), max([self.count, *own[-1:] + 0.5])
        ends = np.concatenate([[low], own, [high]])
        found = np.zeros(self.count)
        np.add.at(found, self.codes, np.diff(ends))
        return found

    @property
    def step(self) -> float:
        """Mean width of the codes between the first and the last, LSB: 1 + the gain's error."""
        return float(self.widths[1:-1].mean())

    @cached_property
    def dnl(self) -> Array:
        """Differential non-linearity, (count - 2,) LSB: of all codes but the first and the last.

        By the share of the inputs that give a code, as a histogram test finds it (IEEE Std
        1241-2010), in units of the mean.
        """
        dnl: Array = self.widths[1:-1] / self.step - 1.0
        return dnl

    @cached_property
    def inl(self) -> Array:
        """Integral non-linearity of the transitions, (count - 1,) LSB, 0 at both ends."""
        return np.concatenate([[0.0], np.cumsum(self.dnl)])

    @property
    def missing(self) -> NDArray[np.int64]:
        """Codes that no input gives."""
        return np.flatnonzero(self.widths <= 0.0)

    @property
    def monotonic(self) -> bool:
        """Whether the code never falls while the input rises."""
        return bool((np.diff(self.codes) >= 0).all())
