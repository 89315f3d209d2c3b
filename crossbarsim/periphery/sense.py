"""Sense amplifiers of the bit lines: their input for the circuit, and their output.

Signals are referred back to ampere at the input by the nominal design, so that an ideal amplifier
returns the current that it is given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..core.array_api import Values, as_float, clip, constant
from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.settings import Settings
from ..core.validation import Array, count, number
from ..core.views.brief import brief_repr
from ..netlists.crossbar.ends import Amplifier, LoadResistor, VirtualGround
from .reads import Noise

__all__ = [
    "CurrentMirrorSense",
    "IdealSense",
    "LoadSense",
    "SenseErrors",
]


@dataclass(frozen=True)
class SenseErrors:
    """Static errors of the amplifiers of one physical array, one per column.

    Attributes
    ----------
    gain : (N,) array or None
        Relative error of the gain.
    offset : (N,) array or None
        Input-referred offset voltage, volt.

    Examples
    --------
    >>> from crossbarsim.nonidealities import Place
    >>> from crossbarsim.periphery import TransimpedanceSense
    >>> errors = TransimpedanceSense(mismatch=0.01, offset=2e-3).fabricate(Place(7), columns=16)
    >>> errors.gain.shape, errors.offset.shape
    ((16,), (16,))
    """

    gain: Array | None = None
    offset: Array | None = None

    __repr__ = brief_repr


def draw_errors(place: Place, columns: int, mismatch: float, offset: float) -> SenseErrors:
    """Draw the errors of `columns` amplifiers at `place`."""
    columns = count("columns", columns, low=1, high=2**31)
    return SenseErrors(
        place.normals("sense gain", mismatch, columns),
        place.normals("sense offset", offset, columns),
    )


def with_gain(signal: Values, errors: SenseErrors | None) -> Values:
    """Return the signal with the relative gain errors of the columns."""
    if errors is None or errors.gain is None:
        return signal
    return signal * (1.0 + constant(errors.gain, signal))


def load_of(load: Values | None, like: Values, why: str) -> Values:
    """Return the conductances of the array at the amplifiers, or raise a `ParameterError`."""
    if load is None:
        raise ParameterError(
            f"`load` is needed for {why}: the conductance that the array presents to every "
            "amplifier, (columns,) siemens, such as its cells' sum over each column"
        )
    return constant(load, like)


@dataclass(frozen=True)
class IdealSense(Settings):
    """An ideal virtual ground: returns the current as it is.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.periphery import IdealSense
    >>> IdealSense().read(np.array([1e-6, 2e-6]))
    array([1.e-06, 2.e-06])
    """

    @property
    def exact(self) -> bool:
        """Whether `read` returns the current unchanged."""
        return True

    @property
    def amplifier(self) -> Amplifier:
        """The circuit element at the sensed ends of the bit lines."""
        return VirtualGround()

    def fabricate(self, place: Place, columns: int) -> SenseErrors:  # noqa: ARG002 - no errors
        """Return no errors."""
        return SenseErrors()

    def read(
        self, current: Values, errors: SenseErrors | None = None, *, load: Values | None = None,  # noqa: ARG002
        generator: Noise | None = None,  # noqa: ARG002 - the ideal amplifier needs none of them
    ) -> Values:
        """Return `current`, (..., N) ampere."""
        return as_float("current", current)


@dataclass(frozen=True, kw_only=True)
class LoadSense(Settings):
    """A resistor to ground and a buffer that reads the voltage across it.

    The array is loaded by the resistor, so that columns with more current rise above ground and
    the current is smaller than into a virtual ground.

    Parameters
    ----------
    resistance : float
        Ohm, > 0; default 1 kohm.
    mismatch : float
        Relative standard deviation of the resistors (with the buffers' gain). It enters the
        read-out; the circuit is solved with the nominal resistor, since its deviation changes the
        current only in second order: mismatch times the voltage across the load.
    offset : float
        Standard deviation of the buffers' offset, volt.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Solver, Wires
    >>> from crossbarsim.periphery import LoadSense, Periphery
    >>> loaded = Periphery(sense=LoadSense(resistance=1e3)).ends()
    >>> for ends in (None, loaded):
    ...     xbar = Crossbar(np.full((4, 2), 1e-4), Wires(word=1.0, bit=1.0), ends)
    ...     print((Solver().solve(xbar, [0.2] * 4).currents * 1e6).round(1))  # uA
    [79.9 79.9]
    [57.1 57.1]
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
        """Whether `read` returns the current unchanged."""
        return self.mismatch == self.offset == 0.0

    @property
    def amplifier(self) -> Amplifier:
        """The circuit element at the sensed ends of the bit lines."""
        return LoadResistor(self.resistance)

    def fabricate(self, place: Place, columns: int) -> SenseErrors:
        """Draw the static errors of the read-outs of `columns` bit lines."""
        return draw_errors(place, columns, self.mismatch, self.offset)

    def read(
        self, current: Values, errors: SenseErrors | None = None, *, load: Values | None = None,  # noqa: ARG002
        generator: Noise | None = None,  # noqa: ARG002 - noiseless
    ) -> Values:
        """Return the buffers' voltages over the nominal resistance, (..., N) ampere.

        `current` (..., N) flows into the loads, the array solved with `amplifier` at its ends.
        """
        signal = with_gain(as_float("current", current), errors)
        if errors is not None and errors.offset is not None:
            signal = signal + constant(errors.offset / self.resistance, signal)
        return signal


@dataclass(frozen=True, kw_only=True)
class CurrentMirrorSense(Settings):
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

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Place
    >>> from crossbarsim.periphery import CurrentMirrorSense
    >>> mirror = CurrentMirrorSense(mismatch=0.02)
    >>> errors = mirror.fabricate(Place(7), columns=128)
    >>> read = mirror.read(np.full(128, 1e-5), errors)
    >>> round(float(read.std() / read.mean()), 3)
    0.019
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
        """Whether `read` returns the current unchanged."""
        return self.mismatch == 0.0 and self.bipolar

    @property
    def amplifier(self) -> Amplifier:
        """The circuit element at the sensed ends of the bit lines."""
        return LoadResistor(self.input_resistance)

    def fabricate(self, place: Place, columns: int) -> SenseErrors:
        """Draw the static errors of the mirrors of `columns` bit lines."""
        return draw_errors(place, columns, self.mismatch, 0.0)

    def output(self, current: Values, errors: SenseErrors | None = None) -> Values:
        """Return the mirrors' output currents, (..., N) ampere."""
        current = as_float("current", current)
        if not self.bipolar:
            current = clip(current, 0.0, math.inf)
        return self.ratio * with_gain(current, errors)

    def read(
        self, current: Values, errors: SenseErrors | None = None, *, load: Values | None = None,  # noqa: ARG002
        generator: Noise | None = None,  # noqa: ARG002 - noiseless
    ) -> Values:
        """Return the output currents over the nominal ratio, (..., N) ampere.

        `current` (..., N) flows into the mirrors, the array solved with `amplifier` at its ends.
        """
        return self.output(current, errors) / self.ratio
