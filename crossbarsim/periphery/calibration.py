"""Calibration of a converter's range, batch by batch."""

from __future__ import annotations

import numpy as np

from ..core.array_api import Values, as_float, is_tensor
from ..core.errors import ParameterError
from ..core.validation import number

__all__ = ["RangeObserver"]

_PER_OCTAVE = 128
_LOWEST, _HIGHEST = -120, 40  # powers of two: 1e-36 to 1e12, ampere or anything else


class RangeObserver:
    """Percentile of the magnitudes of signals, over batches in any order.

    Magnitudes are counted in logarithmic bins of 1/128 octave: the percentile comes out as the
    upper edge of its bin, at most 0.55 % above the exact one and never below it. The 100th
    percentile is the exact maximum.

    Parameters
    ----------
    percentile : float
        In (0, 100].

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.periphery import RangeObserver
    >>> observer = RangeObserver(percentile=99.0)
    >>> for batch in range(4):
    ...     observer.update(np.linspace(-1e-5, 1e-5, 1001))
    >>> observer.seen, f"{observer.value:.2e} A"
    (4004, '9.95e-06 A')
    """

    def __init__(self, percentile: float = 99.99) -> None:
        self.percentile = number("percentile", percentile, low=0.0, open_low=True, high=100.0)
        self._counts = np.zeros((_HIGHEST - _LOWEST) * _PER_OCTAVE + 1, dtype=np.int64)
        self._largest = 0.0

    @property
    def seen(self) -> int:
        """Number of values so far."""
        return int(self._counts.sum())

    def update(self, signal: Values) -> None:
        """Count the values of `signal`, an array or tensor of any shape.

        Raises
        ------
        ParameterError
            A value is NaN or infinite.
        """
        signal = as_float("signal", signal)
        values = np.asarray(signal.detach().cpu().double() if is_tensor(signal) else signal)
        magnitude = np.abs(values.astype(np.float64, copy=False)).ravel()
        if not magnitude.size:
            return
        largest = float(magnitude.max())
        if not np.isfinite(largest):
            raise ParameterError("`signal` has NaN or infinite values: no range to calibrate")
        self._largest = max(self._largest, largest)
        smallest = 2.0**_LOWEST
        octave = np.log2(np.maximum(magnitude, smallest)) - _LOWEST
        bins = np.minimum(np.ceil(octave * _PER_OCTAVE), self._counts.size - 1).astype(np.intp)
        self._counts += np.bincount(bins, minlength=self._counts.size)

    @property
    def value(self) -> float:
        """The percentile of all values so far, in the unit of the signals.

        Raises
        ------
        ParameterError
            All values were 0, or there were none.
        """
        if self._largest == 0.0:
            raise ParameterError(
                "no signal other than 0 was seen: show typical inputs, or give `full_scale`"
            )
        if self.percentile == 100.0:
            return self._largest
        below = np.cumsum(self._counts)
        rank = self.percentile / 100.0 * float(below[-1])
        index = int(np.searchsorted(below, rank - 1e-9))
        # A sparse signal may have its percentile at 0, which is no range.
        if index == 0:
            index = int(np.flatnonzero(self._counts[1:])[0]) + 1 if self._counts[1:].any() else 0
        return float(min(2.0 ** (_LOWEST + index / _PER_OCTAVE), self._largest))
