"""Sense amplifiers of the bit lines: what the array sees of them, and what they make of a current.

Signals are referred back to ampere at the input by the nominal design, so that an ideal amplifier
returns the current that it is given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..core.array_api import as_float, clip, constant, namespace
from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.validation import Array, count, number
from ..netlists.crossbar.ends import Amplifier, LoadResistor, Transimpedance, VirtualGround
from .reads import Noise, standard_normal

__all__ = [
    "CurrentMirrorSense",
    "IdealSense",
    "LoadSense",
    "SenseErrors",
    "TransimpedanceSense",
]

BOLTZMANN = 1.380649e-23
"""Joule per kelvin, exact (SI 2019)."""


@dataclass(frozen=True)
class SenseErrors:
    """Static errors of the amplifiers of one physical array, one per column.

    Attributes
    ----------
    gain : (N,) array or None
        Relative error of the gain.
    offset : (N,) array or None
        Input-referred offset voltage, volt.
    """

    gain: Array | None = None
    offset: Array | None = None


def draw_errors(place: Place, columns: int, mismatch: float, offset: float) -> SenseErrors:
    """Draw the errors of `columns` amplifiers at `place`."""
    columns = count("columns", columns, low=1, high=2**31)
    return SenseErrors(
        place.normals("sense gain", mismatch, columns),
        place.normals("sense offset", offset, columns),
    )


def with_gain(signal: Any, errors: SenseErrors | None) -> Any:
    """Return the signal with the relative gain errors of the columns."""
    if errors is None or errors.gain is None:
        return signal
    return signal * (1.0 + constant(errors.gain, signal))


def load_of(load: Any, like: Any, why: str) -> Any:
    """Return the conductances that the amplifiers see; an error where they are not given."""
    if load is None:
        raise ParameterError(
            f"`load` is needed for {why}: the conductance that the array presents to every "
            "amplifier, (columns,) siemens, such as its cells' sum over each column"
        )
    return constant(load, like)


@dataclass(frozen=True)
class IdealSense:
    """A virtual ground that returns the current."""

    @property
    def exact(self) -> bool:
        """Whether `read` returns the current as it is."""
        return True

    @property
    def amplifier(self) -> Amplifier:
        """The end of the bit lines for the circuit."""
        return VirtualGround()

    def fabricate(self, place: Place, columns: int) -> SenseErrors:  # noqa: ARG002 - no errors
        """Return no errors."""
        return SenseErrors()

    def read(
        self, current: Any, errors: SenseErrors | None = None, *, load: Any = None,  # noqa: ARG002
        generator: Noise | None = None,  # noqa: ARG002 - the ideal amplifier needs none of them
    ) -> Any:
        """Return `current`."""
        return as_float("current", current)


@dataclass(frozen=True, kw_only=True)
class LoadSense:
    """A resistor to ground and a buffer that reads the voltage across it.

    The array sees the resistor, so that columns with more current are raised above ground, and the
    current that flows is smaller than into a virtual ground.

    Parameters
    ----------
    resistance : float
        Ohm, > 0; default 1 kohm.
    mismatch : float
        Relative standard deviation of the resistors (with the buffers' gain). It enters the
        read-out; the circuit is solved with the nominal resistor, whose deviation changes the
        current by the second order only: mismatch times the fall of voltage over the load.
    offset : float
        Standard deviation of the buffers' offset, volt.
    """

    resistance: float = 1e3
    mismatch: float = 0.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        number("resistance", self.resistance, low=0.0, open_low=True)
        number("mismatch", self.mismatch, low=0.0, high=1.0)
        number("offset", self.offset, low=0.0)

    @property
    def exact(self) -> bool:
        """Whether `read` returns the current as it is."""
        return self.mismatch == self.offset == 0.0

    @property
    def amplifier(self) -> Amplifier:
        """The end of the bit lines for the circuit."""
        return LoadResistor(self.resistance)

    def fabricate(self, place: Place, columns: int) -> SenseErrors:
        """Draw the errors of the read-outs of `columns` bit lines."""
        return draw_errors(place, columns, self.mismatch, self.offset)

    def read(
        self, current: Any, errors: SenseErrors | None = None, *, load: Any = None,  # noqa: ARG002
        generator: Noise | None = None,  # noqa: ARG002 - noiseless
    ) -> Any:
        """Return the buffers' voltages over the nominal resistance, (..., N) ampere."""
        signal = with_gain(as_float("current", current), errors)
        if errors is not None and errors.offset is not None:
            signal = signal + constant(errors.offset / self.resistance, signal)
        return signal


@dataclass(frozen=True, kw_only=True)
class TransimpedanceSense:
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
        Ohm, > 0; default 1 kohm, which makes 1 V of 1 mA.
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
        """Whether `read` returns the current as it is."""
        ideal = self.gain == self.output_limit == math.inf and self.gbw is None
        return ideal and self.mismatch == self.offset == 0.0

    @property
    def amplifier(self) -> Amplifier:
        """The end of the bit lines for the circuit."""
        return Transimpedance(self.r_feedback, self.gain)

    def fabricate(self, place: Place, columns: int) -> SenseErrors:
        """Draw the errors of the amplifiers of `columns` bit lines."""
        return draw_errors(place, columns, self.mismatch, self.offset)

    def time_constant(self, load: Any) -> Any:
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

    def noise_bandwidth(self, load: Any) -> Any:
        """Return the equivalent noise bandwidth of the one pole, 1 / (4 tau), hertz."""
        return 0.25 / self.time_constant(load)

    def noise_current(self, load: Any) -> Any:
        """Return the input-referred noise of a sample, ampere rms, for conductances `load`.

        ``sqrt((4 k T / R_f + e_n^2 (G + 1/R_f)^2) B)`` with the noise bandwidth B.
        """
        conductance = 1.0 / self.r_feedback
        density = 4.0 * BOLTZMANN * (self.temperature or 0.0) * conductance
        density = density + (self.voltage_noise * (load + conductance)) ** 2
        return (density * self.noise_bandwidth(load)) ** 0.5

    def read(
        self, current: Any, errors: SenseErrors | None = None, *, load: Any = None,
        generator: Noise | None = None,
    ) -> Any:
        """Return the outputs at the sample over -r_feedback, (..., N) ampere.

        Parameters
        ----------
        current : (..., N) array or tensor
            Ampere into the amplifiers, the array solved with `amplifier` at its ends.
        errors : SenseErrors, optional
        load : (N,) array, siemens
            Conductance of the array at every amplifier; needed for offset, bandwidth and noise.
        generator : Generator or Reads
            Needed for noise.
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


@dataclass(frozen=True, kw_only=True)
class CurrentMirrorSense:
    """A current mirror that copies the column's current.

    Parameters
    ----------
    ratio : float
        Nominal output over input current, > 0; default 1.
    mismatch : float
        Relative standard deviation of the ratio, static per column: ``A_VT g_m / (sqrt(W L) I)``
        and the transistors' beta (Pelgrom et al., IEEE JSSC 24, 1433, 1989); 1 to 3 % for minimum
        devices.
    input_resistance : float
        Ohm, > 0, that the array sees, about 1 / g_m of the diode-connected transistor; default 1
        kohm.
    bipolar : bool
        True: push-pull, for currents of both signs. False: a single mirror that cuts off negative
        currents.
    """

    ratio: float = 1.0
    mismatch: float = 0.0
    input_resistance: float = 1e3
    bipolar: bool = True

    def __post_init__(self) -> None:
        number("ratio", self.ratio, low=0.0, open_low=True)
        number("mismatch", self.mismatch, low=0.0, high=1.0)
        number("input_resistance", self.input_resistance, low=0.0, open_low=True)

    @property
    def exact(self) -> bool:
        """Whether `read` returns the current as it is."""
        return self.mismatch == 0.0 and self.bipolar

    @property
    def amplifier(self) -> Amplifier:
        """The end of the bit lines for the circuit."""
        return LoadResistor(self.input_resistance)

    def fabricate(self, place: Place, columns: int) -> SenseErrors:
        """Draw the errors of the mirrors of `columns` bit lines."""
        return draw_errors(place, columns, self.mismatch, 0.0)

    def output(self, current: Any, errors: SenseErrors | None = None) -> Any:
        """Return the mirrors' output currents, (..., N) ampere."""
        current = as_float("current", current)
        if not self.bipolar:
            current = clip(current, 0.0, math.inf)
        return self.ratio * with_gain(current, errors)

    def read(
        self, current: Any, errors: SenseErrors | None = None, *, load: Any = None,  # noqa: ARG002
        generator: Noise | None = None,  # noqa: ARG002 - noiseless
    ) -> Any:
        """Return the output currents over the nominal ratio, (..., N) ampere."""
        return self.output(current, errors) / self.ratio


SimpleSense: TypeAlias = IdealSense | LoadSense | TransimpedanceSense | CurrentMirrorSense
