"""The periphery of arrays: its design, and the read-out fabricated from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from ..core.array_api import Values, as_float
from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.settings import Settings, checks_arguments
from ..core.validation import choice, count, number
from ..netlists.crossbar.crossbar import Wires
from ..netlists.crossbar.ends import Ends, Sensed, VirtualGround
from .adc import ADC, ADCErrors, full_scale_of
from .calibration import RangeObserver
from .dac import DAC, DACErrors
from .encodings import ENCODINGS, Phase, encode, signed_phases
from .integrator import IntegratorSense
from .reads import Noise
from .sense import (
    CurrentMirrorSense,
    IdealSense,
    LoadSense,
    SenseErrors,
)
from .transimpedance import TransimpedanceSense

__all__ = ["Periphery", "Readout", "Sense"]

Sense: TypeAlias = (
    IdealSense | LoadSense | TransimpedanceSense | CurrentMirrorSense | IntegratorSense
)
_SENSES = get_args(Sense)


@dataclass(frozen=True, kw_only=True)
class Periphery(Settings):
    """The converters, drivers and amplifiers around the arrays of a layer.

    Parameters
    ----------
    dac : DAC, optional
        On every word line; None: ideal voltages.
    sense : IdealSense, LoadSense, TransimpedanceSense, CurrentMirrorSense or IntegratorSense
        On every bit line; default an ideal virtual ground.
    adc : ADC, optional
        None: signals are read exactly.
    subtraction : {"digital", "analog"}
        Where the two columns of a differential pair (or a column and the reference) are
        subtracted: after their own ADCs, or between amplifiers and ADC, which then converts the
        difference and is signed.
    driver_resistance : float
        Output resistance of the word lines' drivers, ohm; default 0. Added to `Wires.driver` by
        `wires`.

    Raises
    ------
    ParameterError
        A part of another type, or a value out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Solver, Wires
    >>> from crossbarsim.core.draws import Place
    >>> from crossbarsim.periphery import ADC, DAC, Periphery, TransimpedanceSense
    >>> around = Periphery(dac=DAC(bits=6), sense=TransimpedanceSense(gain=1e3),
    ...                    adc=ADC(bits=8, dnl=0.2, full_scale=2e-5))
    >>> xbar = Crossbar(np.full((4, 3), 1e-5), Wires(word=1.0, bit=1.0), around.ends())
    >>> readout = around.fabricate(Place(seed=1), columns=3)
    >>> (phase,) = around.encode(np.array([[0.5, -0.2, 1.0, 0.0]]), "bipolar")
    >>> currents = Solver().solve(xbar, 0.2 * phase.drives[0].u).currents
    >>> readout.convert(readout.amplify(currents)).shape
    (1, 3)
    """

    dac: DAC | None = None
    sense: Sense = field(default_factory=IdealSense)
    adc: ADC | None = None
    subtraction: Literal["digital", "analog"] = "digital"
    driver_resistance: float = 0.0

    def __post_init__(self) -> None:
        if self.dac is not None and not isinstance(self.dac, DAC):
            raise ParameterError(f"`dac` must be DAC(...) or None; got {self.dac!r:.60}")
        if not isinstance(self.sense, _SENSES):
            names = ", ".join(f"{kind.__name__}(...)" for kind in _SENSES)
            raise ParameterError(f"`sense` must be one of {names}; got {self.sense!r:.60}")
        if self.adc is not None and not isinstance(self.adc, ADC):
            raise ParameterError(f"`adc` must be ADC(...) or None; got {self.adc!r:.60}")
        choice("subtraction", self.subtraction, ("digital", "analog"))
        number("driver_resistance", self.driver_resistance, low=0.0)

    @property
    def ideal(self) -> bool:
        """Whether inputs and signals are exact, so that the effective weights describe the layer.

        The resistance of amplifiers and drivers may still change the effective weights.
        """
        return self.dac is None and self.adc is None and self.sense.exact

    @property
    def needs_calibration(self) -> bool:
        """Whether the ADC's range is to be found by calibration."""
        return self.adc is not None and self.adc.full_scale is None

    def ends(self, ends: Ends | None = None) -> Ends:
        """Return `ends` with this periphery's amplifiers at the bit lines' sensed ends.

        Parameters
        ----------
        ends : Ends, optional
            Default: driven from the left, sensed at the bottom.

        Raises
        ------
        ParameterError
            A sensed end has an amplifier of its own, other than a virtual ground or the same.
        """
        ends = Ends() if ends is None else ends
        mine = self.sense.amplifier
        if isinstance(mine, VirtualGround):
            return ends
        changes: dict[str, Any] = {}
        for name in ("bit_top", "bit_bottom"):
            end = getattr(ends, name)
            own = [e for e in (end if isinstance(end, tuple) else (end,)) if isinstance(e, Sensed)]
            if any(e.amplifier not in (VirtualGround(), mine) for e in own):
                raise ParameterError(
                    f"`ends.{name}` has an amplifier of its own, and `sense` is {self.sense!r}: "
                    "leave one of them ideal"
                )
            if isinstance(end, tuple):
                changes[name] = tuple(Sensed(mine) if e in own else e for e in end)
            elif own:
                changes[name] = Sensed(mine)
        return replace(ends, **changes)

    def wires(self, wires: Wires) -> Wires:
        """Return `wires` with the drivers' output resistance added."""
        if not self.driver_resistance:
            return wires
        values = {name: getattr(wires, name) for name in Wires.__slots__}
        return Wires(**{**values, "driver": wires.driver + self.driver_resistance})

    def signed(
        self, encoding: str, *, signed_inputs: bool = True, opposed: bool = False
    ) -> bool:
        """Return whether the ADCs' range has both signs.

        `ADC.signed` where it is given; else it has with analogue subtraction, of `opposed` pairs
        on one bit line, or where a phase of the encoding applies voltages of both signs.
        """
        if self.adc is not None and self.adc.signed is not None:
            return self.adc.signed
        both = opposed or self.subtraction == "analog"
        return both or signed_phases(encoding, signed=signed_inputs)

    def check_encoding(self, encoding: str) -> None:
        """Raise a `ParameterError` where the parts do not fit an encoding.

        Pulse widths need an amplifier that integrates: an `IntegratorSense`, or the ideal one.
        """
        choice("encoding", encoding, ENCODINGS)
        adds_up = isinstance(self.sense, (IdealSense, IntegratorSense))
        if encoding.startswith("pulse-width") and not adds_up:
            raise ParameterError(
                f'`sense`: the encoding "{encoding}" needs IntegratorSense(...), which adds up the '
                f"charge of a pulse; got {type(self.sense).__name__}"
            )

    @checks_arguments
    def encode(
        self, x: Values, encoding: str, errors: DACErrors | None = None, *, linear: bool = True,
        signed: bool = True,
    ) -> list[Phase]:
        """Return the phases of the inputs `x` (B, M); `encode` with this periphery's DAC."""
        self.check_encoding(encoding)
        return encode(x, encoding, self.dac, errors, linear=linear, signed=signed)

    def drivers(self, place: Place, rows: int) -> DACErrors | None:
        """Draw the errors of the DACs of the array at `place`; None without DACs."""
        return None if self.dac is None else self.dac.fabricate(place, rows)

    @checks_arguments
    def fabricate(
        self, place: Place, columns: int, *, encoding: str = "bipolar", signed_inputs: bool = True,
        opposed: bool = False,
    ) -> Readout:
        """Draw the errors of the amplifiers and ADCs of the array at `place`.

        Parameters
        ----------
        place : Place
        columns : int
            Bit lines of the array.
        encoding, signed_inputs, opposed
            They give the sign of the ADCs' range; see `signed`.

        Returns
        -------
        Readout
            The same for the same place, always.
        """
        if not isinstance(place, Place):
            raise ParameterError(f"`place` must be a Place; got {type(place).__name__}")
        count("columns", columns, low=1, high=2**31)
        self.check_encoding(encoding)
        signed = self.signed(encoding, signed_inputs=signed_inputs, opposed=opposed)
        return Readout(
            self, columns, signed, self.sense.fabricate(place, columns),
            None if self.adc is None else self.adc.fabricate(place, columns, signed=signed),
        )


@dataclass(frozen=True, eq=False)
class Readout:
    """The amplifiers and ADCs of one physical array, with their errors.

    Amplifiers belong to physical columns; ADC number j // k belongs to the columns j of a group of
    k, or, with analogue subtraction, to the differences handed to `convert` in their order.

    Attributes
    ----------
    periphery : Periphery
    columns : int
    signed : bool
        Whether the ADCs' range has both signs.
    amplifiers : SenseErrors
    adcs : ADCErrors or None

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Place
    >>> from crossbarsim.periphery import ADC, Periphery
    >>> around = Periphery(adc=ADC(bits=6))  # its range is calibrated
    >>> readout = around.fabricate(Place(7), columns=3)
    >>> currents = np.array([[1e-6, -4e-6, 9e-6]])
    >>> observer = readout.observer()
    >>> observer.update(currents)
    >>> (readout.convert(currents, observer.value) * 1e6).round(2)  # uA
    array([[ 0.87, -4.06,  9.  ]])
    """

    periphery: Periphery
    columns: int
    signed: bool
    amplifiers: SenseErrors
    adcs: ADCErrors | None

    def amplify(
        self, currents: Values, *, load: Values | None = None, generator: Noise | None = None
    ) -> Values:
        """Return the amplifiers' outputs, referred to their inputs.

        Parameters
        ----------
        currents : (..., columns) array or tensor, ampere
            Accumulated over the drives of a phase.
        load : (columns,) array, siemens
            Conductance of the array at every amplifier; needed for offsets, bandwidth and noise of
            `TransimpedanceSense` and for offset and finite gain of `IntegratorSense`.
        generator : Generator or Reads
            Needed where amplifiers have noise.

        Returns
        -------
        (..., columns) array or tensor, ampere

        Raises
        ------
        ParameterError
            Another number of columns, or no `load` or `generator` where it is needed.
        """
        currents = as_float("currents", currents)
        if currents.shape[-1] != self.columns:
            raise ParameterError(
                f"`currents` has {currents.shape[-1]} columns; this read-out has {self.columns}"
            )
        return self.periphery.sense.read(currents, self.amplifiers, load=load, generator=generator)

    def convert(
        self, signal: Values, full_scale: Values | None = None, generator: Noise | None = None
    ) -> Values:
        """Convert `signal` by the ADCs: return the values of its codes.

        Parameters
        ----------
        signal : (..., n) array or tensor, ampere
            Of n <= columns columns or, with analogue subtraction, differences of columns.
        full_scale : float or (n,) array, ampere
            The calibrated range; not needed where the ADC has its own.
        generator : Generator or Reads
            Needed where the ADC has noise.

        Returns
        -------
        (..., n) array or tensor, ampere; `signal` itself without an ADC.

        Raises
        ------
        ParameterError
            No range is known, or more columns than the array has.
        """
        adc = self.periphery.adc
        signal = as_float("signal", signal)
        if signal.shape[-1] > self.columns:
            raise ParameterError(
                f"`signal` has {signal.shape[-1]} columns; this read-out has {self.columns}"
            )
        if adc is None:
            return signal
        return adc.convert(
            signal, self._range(adc, full_scale), signed=self.signed, errors=self.adcs,
            generator=generator,
        )

    def clipped(self, signal: Values, full_scale: Values | None = None) -> int:
        """Return how many of the signals are outside of the ADCs' nominal range; 0 without ADC."""
        adc = self.periphery.adc
        if adc is None:
            return 0
        signal = as_float("signal", signal)
        relative = signal / full_scale_of(self._range(adc, full_scale), signal)
        return int(((relative > 1.0) | (relative < (-1.0 if self.signed else 0.0))).sum())

    @staticmethod
    def _range(adc: ADC, full_scale: Values) -> Values:
        if adc.full_scale is not None:
            return adc.full_scale
        if full_scale is None:
            raise ParameterError("`full_scale` is unknown: calibrate, or give ADC(full_scale=...)")
        return full_scale

    def observer(self) -> RangeObserver:
        """Return a new observer for the calibration of the ADC's range.

        Raises
        ------
        ParameterError
            There is no ADC.
        """
        adc = self.periphery.adc
        if adc is None:
            raise ParameterError("`adc` is None: there is no range to calibrate")
        return RangeObserver(adc.percentile)

    def replace(self, **changes: Any) -> Readout:
        """Return a copy with some attributes changed."""
        return replace(self, **changes)
