"""The charge integrator as a sense amplifier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..core.array_api import Values, as_float, clip, constant, namespace
from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.settings import Settings
from ..core.validation import number
from ..netlists.crossbar.ends import Amplifier, VirtualGround
from .reads import Noise
from .sense import SenseErrors, draw_errors, load_of, with_gain

__all__ = ["IntegratorSense"]


@dataclass(frozen=True, kw_only=True)
class IntegratorSense(Settings):
    """An operational amplifier with a feedback capacitor, reset before each phase.

    The current charges the capacitor for `integration_time`; the voltage is then held for
    `hold_time` and converted. Charge is lost through `leak_resistance` across the capacitor and,
    with a finite gain A, through the array's conductance G, since the input then stands at -v/A.
    Kirchhoff's law at the input is ``C (1 + 1/A) (dv/dt + v / (R_leak C)) = I - v G / A``, so
    that a constant current gives ``v = I tau / (C (1 + 1/A)) (1 - exp(-T / tau))`` with
    ``1/tau = 1 / (R_leak C) + G / ((1 + A) C)``.

    Parameters
    ----------
    capacitance : float
        Farad, > 0; default 10 pF.
    integration_time : float
        Second, > 0; default 100 ns.
    leak_resistance : float
        Ohm, > 0; default inf.
    gain : float
        Open-loop gain, > 0; default inf. The circuit is solved with a virtual ground.
    hold_time : float
        Second, during which the leak discharges the capacitor and the array is disconnected;
        default 0.
    saturation : float
        Volt, > 0, at which the output saturates; default inf. Applied at the end: the voltage of a
        constant current is monotone.
    mismatch : float
        Relative standard deviation of the capacitors' charge-to-voltage gain.
    offset : float
        Standard deviation of the input-referred offset, volt. Reset stores it on the capacitor, so
        that only its current through the array counts, offset times G.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.periphery import IntegratorSense
    >>> integrator = IntegratorSense(integration_time=100e-9, leak_resistance=1e6)
    >>> integrator.voltage([np.array([1e-6, 1e-5])]).round(4)  # volt
    array([0.01  , 0.0995])
    >>> (integrator.read(np.array([1e-6, 1e-5])) * 1e6).round(3)  # uA, less what leaked
    array([0.995, 9.95 ])
    """

    capacitance: float = 10e-12
    integration_time: float = 100e-9
    leak_resistance: float = math.inf
    gain: float = math.inf
    hold_time: float = 0.0
    saturation: float = math.inf
    mismatch: float = 0.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        number("capacitance", self.capacitance, low=0.0, open_low=True)
        number("integration_time", self.integration_time, low=0.0, open_low=True)
        number("hold_time", self.hold_time, low=0.0)
        for name in ("leak_resistance", "gain", "saturation"):
            number(name, getattr(self, name), low=0.0, open_low=True, infinite=True)
        number("mismatch", self.mismatch, low=0.0, high=1.0)
        number("offset", self.offset, low=0.0)

    @property
    def exact(self) -> bool:
        """Whether `read` returns the current unchanged."""
        ideal = self.leak_resistance == self.gain == self.saturation == math.inf
        return ideal and self.mismatch == self.offset == 0.0

    @property
    def amplifier(self) -> Amplifier:
        """The circuit element at the sensed ends of the bit lines."""
        return VirtualGround()

    def fabricate(self, place: Place, columns: int) -> SenseErrors:
        """Draw the static errors of the integrators of `columns` bit lines."""
        return draw_errors(place, columns, self.mismatch, self.offset)

    def voltage(
        self, currents: Sequence[Values], shares: Sequence[float] = (1.0,), *,
        load: Values | None = None,
    ) -> Values:
        """Return the voltages when the hold ends, before saturation, (..., N) volt.

        Parameters
        ----------
        currents : sequence of (..., N) arrays or tensors, ampere
            Constant currents one after the other, such as the drives of a pulse-width phase.
        shares : sequence of float
            Of the integration time, adding up to 1.
        load : (N,) array, siemens
            Conductance of the array at every amplifier; needed with a finite gain.

        Raises
        ------
        ParameterError
            Shares that do not fit, or no `load` where it is needed.
        """
        if len(currents) != len(shares) or abs(sum(shares) - 1.0) > 1e-9:
            raise ParameterError(
                f"`shares` must be one per entry of `currents` and add up to 1; got {len(shares)} "
                f"for {len(currents)}, sum {sum(shares)!r}"
            )
        first = as_float("currents", currents[0])
        xp = namespace(first)
        rate = self._rate(load, first)
        if rate is None:
            charge = sum(share * current for share, current in zip(shares, currents, strict=True))
            return charge * (self.integration_time / self._effective)
        volts = xp.zeros_like(first)
        for share, current in zip(shares, currents, strict=True):
            time = share * self.integration_time
            volts = volts * xp.exp(-rate * time) + current * _reach(rate, time) / self._effective
        return volts * self._held

    def charging(self, load: Values | None, like: Values) -> list[tuple[Literal["*", "/"], Values]]:
        """Return what makes the voltage of a constant current of it, one after the other."""
        rate = self._rate(load, like)
        if rate is None:
            return [("*", self.integration_time / self._effective)]
        reach = _reach(rate, self.integration_time)
        return [("*", reach), ("/", self._effective), ("*", self._held)]

    @property
    def _effective(self) -> float:
        return self.capacitance * (1.0 + 1.0 / self.gain)

    @property
    def _held(self) -> float:
        """Share of the voltage that is left when the hold ends."""
        return math.exp(-self.hold_time / (self.leak_resistance * self.capacitance))

    def _rate(self, load: Values | None, like: Values) -> Values | None:
        """Return the rate of discharge, per second, of every column; None: there is none."""
        leak: Values = 1.0 / self.leak_resistance
        if self.gain < math.inf:
            leak = leak + load_of(load, like, "the integrator's finite gain") / (1.0 + self.gain)
        elif leak == 0.0:
            return None
        return constant(leak / self.capacitance, like)

    def refer(self, volts: Values, errors: SenseErrors | None = None) -> Values:
        """Return saturated voltages referred to the input: the mean current (..., N), ampere."""
        volts = with_gain(volts, errors)
        if self.saturation < math.inf:
            volts = clip(volts, -self.saturation, self.saturation)
        return volts * (self.capacitance / self.integration_time)

    def read(
        self, current: Values, errors: SenseErrors | None = None, *, load: Values | None = None,
        generator: Noise | None = None,  # noqa: ARG002 - noiseless
    ) -> Values:
        """Integrate a constant current (..., N): the output referred to the input, ampere.

        Pulse widths are given as their mean current, which is exact but for the leak, whose loss
        depends on when in the phase the charge came (`voltage` takes the intervals one by one).
        """
        current = as_float("current", current)
        if errors is not None and errors.offset is not None:
            conductance = load_of(load, current, "the integrator's offset")
            current = current - conductance * constant(errors.offset, current)
        return self.refer(self.voltage((current,), load=load), errors)


def _reach(rate: Values, time: float) -> Values:
    """Return (1 - exp(-rate t)) / rate, exact also where rate t is small or 0."""
    xp = namespace(rate)
    return xp.where(rate > 0, -xp.expm1(-rate * time) / xp.where(rate > 0, rate, 1.0), time)
