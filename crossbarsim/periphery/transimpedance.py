"""The transimpedance amplifier as a sense amplifier."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..core.array_api import Values, as_float, clip, constant, namespace
from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.settings import Settings
from ..core.validation import number
from ..netlists.crossbar.ends import Amplifier, Transimpedance
from .reads import Noise, standard_normal
from .sense import SenseErrors, draw_errors, load_of, with_gain

__all__ = ["TransimpedanceSense"]

BOLTZMANN = 1.380649e-23
"""Joule per kelvin, exact (SI 2019)."""


@dataclass(frozen=True, kw_only=True)
class TransimpedanceSense(Settings):
    """An inverting operational amplifier with a feedback resistor, per column.

    One-pole operational amplifier ``A(s) = 1 / (1/gain + s / (2 pi gbw))``, with the resistance
    R_f across it and the conductance G of the array at its input: the array sees R_f / (1 + gain)
    (`Transimpedance`); the output is ``-I R_f gain / (1 + gain)`` when settled, plus the offset
    times the noise gain 1 + R_f G (over 1 + (1 + R_f G) / gain), and settles from 0 with the pole
    ``2 pi gbw (1 / (1 + R_f G) + 1 / gain)`` (Franco, Design with Operational Amplifiers and Analog
    Integrated Circuits, sections on the I-V converter and on the gain-bandwidth product; derived
    here from Kirchhoff's law).

    Parameters
    ----------
    r_feedback : float
        Ohm, > 0; default 1 kohm, 1 V for 1 mA.
    gain : float
        Open-loop gain at DC, > 0, or inf; default 1e4 (80 dB).
    offset : float
        Standard deviation of the input-referred offset, volt; a few millivolt untrimmed.
    mismatch : float
        Relative standard deviation of the feedback resistors.
    gbw : float, optional
        Gain-bandwidth product, hertz; None: settles at once.
    settling_time : float
        Second from the start of a phase, with the amplifier reset, to the sample; default 100 ns,
        ISAAC's cycle (Shafiee et al., ISCA 2016). Only with `gbw`.
    temperature : float, optional
        Kelvin, of the thermal noise of the feedback resistor; None: none.
    voltage_noise : float
        Input-referred noise of the amplifier, volt per root hertz.
    output_limit : float
        Volt, > 0, at which the output saturates; inf: never.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.periphery import TransimpedanceSense
    >>> amplifier = TransimpedanceSense(r_feedback=1e4, gain=1e4, gbw=100e6, settling_time=10e-9)
    >>> load = np.array([1e-4, 1e-3])  # siemens of the array at each column
    >>> (amplifier.time_constant(load) * 1e9).round(2)  # ns
    array([ 3.18, 17.49])
    >>> (amplifier.read(np.array([1e-5, 1e-5]), load=load) * 1e6).round(2)  # uA, of 10
    array([9.57, 4.35])
    """

    r_feedback: float = 1e3
    gain: float = 1e4
    offset: float = 0.0
    mismatch: float = 0.0
    gbw: float | None = None
    settling_time: float = 100e-9
    temperature: float | None = None
    voltage_noise: float = 0.0
    output_limit: float = math.inf

    def __post_init__(self) -> None:
        number("r_feedback", self.r_feedback, low=0.0, open_low=True)
        number("gain", self.gain, low=0.0, open_low=True, infinite=True)
        number("offset", self.offset, low=0.0)
        number("mismatch", self.mismatch, low=0.0, high=1.0)
        number("settling_time", self.settling_time, low=0.0, open_low=True)
        number("voltage_noise", self.voltage_noise, low=0.0)
        number("output_limit", self.output_limit, low=0.0, open_low=True, infinite=True)
        if self.gbw is not None:
            number("gbw", self.gbw, low=0.0, open_low=True)
        if self.temperature is not None:
            number("temperature", self.temperature, low=0.0)
        if (self.temperature or self.voltage_noise) and self.gbw is None:
            raise ParameterError("`gbw` is needed for the bandwidth of the noise")

    @property
    def exact(self) -> bool:
        """Whether `read` returns the current unchanged."""
        ideal = self.gain == self.output_limit == math.inf and self.gbw is None
        return ideal and self.mismatch == self.offset == 0.0

    @property
    def amplifier(self) -> Amplifier:
        """The circuit element at the sensed ends of the bit lines."""
        return Transimpedance(self.r_feedback, self.gain)

    def fabricate(self, place: Place, columns: int) -> SenseErrors:
        """Draw the static errors of the amplifiers of `columns` bit lines."""
        return draw_errors(place, columns, self.mismatch, self.offset)

    def time_constant(self, load: Values) -> Values:
        """Return the settling time constant, second, for the array's conductances `load`, siemens.

        Raises
        ------
        ParameterError
            Without `gbw`.
        """
        if self.gbw is None:
            raise ParameterError("`gbw` is None: the amplifier settles at once")
        pole = 1.0 / (1.0 + self.r_feedback * load) + 1.0 / self.gain
        return 1.0 / (2.0 * math.pi * self.gbw * pole)

    def noise_bandwidth(self, load: Values) -> Values:
        """Return the equivalent noise bandwidth of the one pole, 1 / (4 tau), hertz."""
        return 0.25 / self.time_constant(load)

    def noise_current(self, load: Values) -> Values:
        """Return the input-referred noise of a sample, ampere rms, for conductances `load`.

        ``sqrt((4 k T / R_f + e_n^2 (G + 1/R_f)^2) B)`` with the noise bandwidth B.
        """
        conductance = 1.0 / self.r_feedback
        density = 4.0 * BOLTZMANN * (self.temperature or 0.0) * conductance
        density = density + (self.voltage_noise * (load + conductance)) ** 2
        return (density * self.noise_bandwidth(load)) ** 0.5

    def read(
        self, current: Values, errors: SenseErrors | None = None, *, load: Values | None = None,
        generator: Noise | None = None,
    ) -> Values:
        """Return the sampled outputs over -r_feedback, (..., N) ampere.

        Parameters
        ----------
        current : (..., N) array or tensor
            Ampere into the amplifiers, the array solved with `amplifier` at its ends.
        errors : SenseErrors, optional
        load : (N,) array, siemens
            Conductance of the array at every amplifier; needed for offset, bandwidth and noise.
        generator : Generator or Reads
            Needed for noise.

        Raises
        ------
        ParameterError
            No `load` or `generator` where it is needed.
        """
        signal = as_float("current", current)
        signal = with_gain(signal * _dc_gain(self.gain), errors)
        if errors is not None and errors.offset is not None:
            conductance = load_of(load, signal, "the amplifier's offset") + 1.0 / self.r_feedback
            conductance = conductance / (1.0 + self.r_feedback * conductance / self.gain)
            signal = signal - conductance * constant(errors.offset, signal)
        if self.gbw is not None:
            xp = namespace(signal)
            tau = self.time_constant(load_of(load, signal, "the amplifier's bandwidth"))
            signal = signal * (1.0 - xp.exp(-self.settling_time / tau))
        if self.temperature or self.voltage_noise:
            sigma = self.noise_current(load_of(load, signal, "the amplifier's noise"))
            draws = standard_normal(generator, "amplifier noise", tuple(signal.shape))
            signal = signal + sigma * constant(draws, signal)
        if self.output_limit < math.inf:
            largest = self.output_limit / self.r_feedback
            signal = clip(signal, -largest, largest)
        return signal


def _dc_gain(gain: float) -> float:
    return 1.0 if gain == math.inf else gain / (1.0 + gain)
