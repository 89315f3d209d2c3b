"""Single slope: a counter runs until a ramp passes the signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.draws import Place
from ...core.validation import flag, number
from ..grid import Grid
from .adc import ADC, Transitions

__all__ = ["RampADC"]


@dataclass(frozen=True, kw_only=True)
class RampADC(ADC):
    """A single-slope converter: every column has a comparator, all of an array share a ramp.

    Parameters
    ----------
    bits, full_scale, percentile, signed, inl, dnl, offset, gain_error, noise, noise_unit, columns
        As of `ADC`. `offset` and `noise` are the comparators'.
    slope_error : float
        Relative standard deviation of the ramp's slope, from ramp to ramp; default 0.
    start_error : float
        Standard deviation of where the ramp starts, LSB; default 0.
    droop : float
        Time of a full ramp over the time constant of a current source with a finite output
        resistance, >= 0: the ramp bends as ``(1 - exp(-droop t)) / (1 - exp(-droop))`` and, right
        at both ends, is too high by ``(codes - 1) tanh(droop / 4) / 2`` LSB at mid-scale. Default
        0, a straight ramp.
    step_sigma : float
        Standard deviation of every step of a ramp that a DAC makes, LSB; default 0. The errors add
        up along the ramp like a random walk.
    shared : bool
        Whether one ramp serves all converters of an array (default), or each has its own.

    Raises
    ------
    ParameterError
        A value out of its range.

    Notes
    -----
    As in M. Spear et al., IEEE JXCDC 9:176 (2023), and CrossSim's `RampADC`, the columns of an
    array have the same errors but for their comparators' offsets, so that they add up coherently
    in what is computed from several columns.

    Examples
    --------
    >>> from crossbarsim.nonidealities import Place
    >>> from crossbarsim.periphery import RampADC
    >>> adc = RampADC(bits=8, droop=0.05)
    >>> errors = adc.fabricate(Place(7), 4, signed=False)
    >>> curve = adc.transfer(errors, signed=False)
    >>> f"{abs(curve.inl).max():.2f} LSB"
    '1.58 LSB'
    """

    slope_error: float = 0.0
    start_error: float = 0.0
    droop: float = 0.0
    step_sigma: float = 0.0
    shared: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        number("slope_error", self.slope_error, low=0.0, high=0.3)
        number("start_error", self.start_error, low=0.0, high=2.0**16)
        number("droop", self.droop, low=0.0, high=10.0)
        number("step_sigma", self.step_sigma, low=0.0, high=10.0)
        flag("shared", self.shared)

    def transitions(self, place: Place, adcs: int, grid: Grid) -> Transitions | None:
        """Draw the transitions between codes; see `ADC.transitions`."""
        if not (self.slope_error or self.start_error or self.droop or self.step_sigma):
            return None
        ramps, span = 1 if self.shared else adcs, grid.codes - 1
        along = (np.arange(span) + 0.5) / span
        if self.droop:
            along = np.expm1(-self.droop * along) / np.expm1(-self.droop)
        slopes, starts = place.generator("adc ramp").standard_normal((2, ramps, 1))
        ramp = (
            self.start_error * starts + np.maximum(1.0 + self.slope_error * slopes, 0.01)
            * along * span
        )
        if self.step_sigma:
            steps = place.generator("adc steps").standard_normal((ramps, span))
            ramp = ramp + self.step_sigma * np.cumsum(steps, axis=1)
        # the counter stops where the ramp passes the signal for the first time
        passed = np.maximum.accumulate(ramp, axis=1)
        return np.broadcast_to(passed, (adcs, span)), None
