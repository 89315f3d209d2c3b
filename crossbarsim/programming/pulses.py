"""Rectangular pulses with ramps, one or a train of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.errors import ParameterError
from ..core.settings import Settings
from ..core.validation import Array
from ..netlists.sources import Pulse

__all__ = ["PulseTrain"]

_RESOLVED = 1e-9  # share of the train that a ramp or a plateau must last


@dataclass(frozen=True)
class PulseTrain(Settings):
    """A train of equal rectangular pulses with ramps.

    Parameters
    ----------
    width : float
        Second at the full voltage, of every pulse.
    rise, fall : float, optional
        Second, > 0; default: a tenth of `width`.
    count : int
        Number of pulses.
    gap : float, optional
        Second at zero between two pulses; default: `width`.

    Raises
    ------
    ParameterError
        Times that are not positive, or that a transient over the whole train cannot resolve.

    Examples
    --------
    >>> from crossbarsim.programming import PulseTrain
    >>> round(PulseTrain(100e-9, rise=5e-9, fall=5e-9, count=2, gap=20e-9).duration * 1e9)
    240
    """

    width: float
    rise: float | None = None
    fall: float | None = None
    count: int = 1
    gap: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise ParameterError(f"`count` must be an integer >= 1; got {self.count!r}")
        for name in ("width", "rise", "fall", "gap"):
            value = getattr(self, name)
            if value is None:
                value = self.width if name == "gap" else 0.1 * self.width
                object.__setattr__(self, name, value)
            if not (isinstance(value, (int, float)) and np.isfinite(value) and value > 0):
                raise ParameterError(f"`{name}` must be a time > 0 s; got {value!r}")
        for name in ("width", "rise", "fall"):
            if getattr(self, name) < _RESOLVED * self.duration:
                raise ParameterError(
                    f"`{name}` = {getattr(self, name):g} s is too short to be resolved in a run "
                    f"of {self.duration:g} s; it must be at least {_RESOLVED * self.duration:g} s"
                )

    @property
    def period(self) -> float:
        """Second from the start of one pulse to the start of the next."""
        return self._pulse_time + float(self.gap or 0.0)

    @property
    def _pulse_time(self) -> float:
        return float(self.rise or 0.0) + self.width + float(self.fall or 0.0)

    @property
    def duration(self) -> float:
        """Second from the first ramp to the end of the last."""
        return self._pulse_time + (self.count - 1) * self.period

    def table(self) -> tuple[Array, Array]:
        """Return times of the corners (T,), second, and the voltages there (T,), 1 at the top."""
        corners = np.cumsum([0.0, float(self.rise or 0.0), self.width, float(self.fall or 0.0)])
        starts = self.period * np.arange(self.count)
        t: Array = (starts[:, None] + corners).ravel()
        return t, np.tile([0.0, 1.0, 1.0, 0.0], self.count)

    def source(self, amplitude: float) -> Pulse:
        """Return the train at `amplitude` volt as a source, for `Solver.transient`."""
        return Pulse(
            0.0, float(amplitude), rise=float(self.rise or 0.0), width=self.width,
            fall=float(self.fall or 0.0), period=self.period, count=self.count,
        )
